//! The state of the kernel: routes by prefix, and links.

mod counts;
mod entries;
mod failures;
mod foreign_links;
mod held_routes;
mod links;
mod route_shapes;
mod tables;
mod unsettled;
mod wish;

pub(crate) use self::counts::{Counts, HeldCounts, Progress, Standing};
pub(crate) use self::entries::{Entries, Entry};
pub(crate) use self::failures::{Failures, Verdict};
pub(crate) use self::foreign_links::ForeignLinks;
pub(crate) use self::held_routes::{Certainty, HeldRoutes};
pub(crate) use self::links::{Hops, LinkChange, Links};
pub(crate) use self::route_shapes::RouteShapes;
pub(crate) use self::tables::{RT_TABLE_MAIN, Tables};
pub(crate) use self::unsettled::{Unsettled, Waiting};
pub(crate) use self::wish::Wish;
