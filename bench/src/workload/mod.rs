//! The contents of UPDATEs: tables of routes that follow from a seed, and their encoding.

mod attribute_sets;
mod client_routes;
mod prefixes;
mod route_table;
mod seeded_random;

pub(crate) use attribute_sets::AttributeSets;
pub(crate) use client_routes::{ClientRoutes, FIRST_MED};
pub(crate) use route_table::{ENCODER, RouteTable, end_of_rib};
pub(crate) use seeded_random::SeededRandom;
