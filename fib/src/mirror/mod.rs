//! The known state of the kernel's links, routes and next hop objects, next to what is wanted.

mod answers;
mod batch_plan;
mod doubts;
mod dropped;
mod dump;
mod dump_log;
mod flush;
mod foreign_routes;
mod named_hops;
mod notices;
mod others;
mod plan;
mod settling;
mod state;
#[cfg(test)]
pub(crate) mod tests;
mod view;
mod wishes;

pub(crate) use self::doubts::Consequences;
pub(crate) use self::dump::RouteDump;
pub use self::named_hops::{ForeignRoute, NamedHop};
pub(crate) use self::state::Mirror;
pub use self::view::{DescribedRoute, FailedRoute, FibStatus, PrefixState};
