//! The routes of a reflector's clients, checked as they arrive.
//!
//! Each UPDATE that differs from earlier ones is decoded once and compared with the expected routes; its
//! effect on a client's Adj-RIB-In is kept as masks over a bitmap of all routes. The same octets for other
//! clients then cost a comparison and some bit operations, yet each client's Adj-RIB-In is as exact as if it
//! had decoded everything itself.

mod client_rib;
mod known_routes;
mod reflected_routes;
mod route_change;
mod update_memo;

pub(crate) use known_routes::KnownRoutes;
pub(crate) use reflected_routes::ReflectedRoutes;
