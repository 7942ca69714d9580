//! Where next hops are, by the routes of others.

mod resolver;

pub(crate) use self::resolver::Resolver;
