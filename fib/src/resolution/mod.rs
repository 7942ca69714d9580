//! Resolution of next hops by foreign routes and static ones.

mod resolver;
mod static_ways;

pub use self::static_ways::StaticWay;

pub(crate) use self::resolver::Resolver;
pub(crate) use self::static_ways::StaticWays;
