//! What rules may look at in a route.

use bgp_codec::{Family, NextHop, PathAttributes, Prefix};

use crate::session::Session;

/// The part of a route that all routes with one attribute set from one source share: everything but the prefix.
#[derive(Clone, Copy, Debug)]
pub struct RoutePath<'a> {
    /// The family of the route.
    pub family: Family,
    /// The path attributes, which are read where a rule asks for them.
    pub attributes: &'a PathAttributes,
    /// The next hop; `None` is this speaker.
    pub next_hop: Option<NextHop>,
    /// The properties that are never advertised.
    pub local: LocalValues,
    /// Where the route comes from.
    pub source: RouteSource<'a>,
    /// The name of the interface that a route of the kernel leads over.
    pub interface: Option<&'a str>,
    /// Whether the route is kept from a session that ended (RFC 4724 §4.2).
    pub is_stale: bool,
}

/// The part of a route that differs between routes with one attribute set.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Destination {
    /// The prefix.
    pub prefix: Prefix,
    /// The result of origin validation (RFC 6811 §2).
    pub rpki: RpkiState,
}

/// Properties of a route that count on this speaker alone.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct LocalValues {
    /// Compared before any attribute; the highest wins.
    pub preference: u32,
    /// Compared after the preference; the highest wins.
    pub weight: u32,
    /// The metric in the kernel: of a route that comes from there, or that a filter has set.
    pub metric: Option<u32>,
    /// The operator's mark, which only filters set and read.
    pub tag: Option<u32>,
}

/// Where a route comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RouteSource<'a> {
    /// A peer advertised it.
    Peer(&'a Session),
    /// This speaker originates it: a network of the configuration.
    Local,
    /// It stands in the kernel.
    Kernel,
    /// It is a static route of the configuration.
    Static,
}

/// A kind of source.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, serde::Deserialize, serde::Serialize)]
pub enum SourceKind {
    /// A peer.
    Peer,
    /// A network of the configuration.
    Local,
    /// The kernel.
    Kernel,
    /// A static route of the configuration.
    Static,
}

/// The result of origin validation (RFC 6811 §2).
#[derive(
    Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd, serde::Deserialize, serde::Serialize,
)]
pub enum RpkiState {
    /// Nothing was validated: there is no validator.
    #[default]
    Unknown,
    /// No ROA covers the prefix.
    NotFound,
    /// A ROA matches.
    Valid,
    /// ROAs cover the prefix, and none matches.
    Invalid,
}

impl RouteSource<'_> {
    /// The kind of source.
    pub fn kind(self) -> SourceKind {
        match self {
            Self::Peer(_) => SourceKind::Peer,
            Self::Local => SourceKind::Local,
            Self::Kernel => SourceKind::Kernel,
            Self::Static => SourceKind::Static,
        }
    }
}

impl From<Prefix> for Destination {
    fn from(prefix: Prefix) -> Self {
        Self { prefix, rpki: RpkiState::Unknown }
    }
}
