//! Ways to look at a Rib that change nothing.

mod audit;
mod dump;
mod routes;

pub use self::audit::Audit;
pub use self::dump::Dump;
pub use self::routes::{
    Explanation, ExportView, NotExported, PagePosition, PeerCounts, RibCounts, RoutePage, RouteSelection,
    RouteStatus, RouteView,
};
