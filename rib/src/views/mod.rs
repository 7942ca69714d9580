//! Views of a Rib, which change nothing.

mod audit;
mod counts;
mod covering;
mod dump;
mod explanation;
mod family_view;
mod rib_view;
mod routes;

pub use self::audit::Audit;
pub use self::counts::{PeerCounts, RibCounts};
pub use self::dump::Dump;
pub use self::explanation::{AskedRule, Explanation, ExportView, FilterDirection, FilterPass, NotExported};
pub use self::rib_view::RibView;
pub use self::routes::{LocalView, PagePosition, RoutePage, RouteSelection, RouteStatus, RouteView};
