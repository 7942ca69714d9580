//! Resolution of next hops by foreign routes.

mod resolver;

pub(crate) use self::resolver::Resolver;
