//! The BGP Role capability (RFC 9234 §4.1).

use std::fmt;

/// A speaker's relationship to its external peer, from IANA's registry.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct Role(pub u8);

impl Role {
    /// Sells transit to the peer.
    pub const PROVIDER: Self = Self(0);
    /// The route server of an exchange.
    pub const ROUTE_SERVER: Self = Self(1);
    /// A client of a route server.
    pub const ROUTE_SERVER_CLIENT: Self = Self(2);
    /// Buys transit from the peer.
    pub const CUSTOMER: Self = Self(3);
    /// Exchanges own routes and those of customers.
    pub const PEER: Self = Self(4);

    /// Whether a session between these roles is valid (RFC 9234 §4.2, table 2).
    #[must_use]
    pub fn matches(self, other: Self) -> bool {
        matches!(
            (self, other),
            (Self::PROVIDER, Self::CUSTOMER)
                | (Self::CUSTOMER, Self::PROVIDER)
                | (Self::ROUTE_SERVER, Self::ROUTE_SERVER_CLIENT)
                | (Self::ROUTE_SERVER_CLIENT, Self::ROUTE_SERVER)
                | (Self::PEER, Self::PEER)
        )
    }

    pub(super) fn decode(value: &[u8]) -> Option<Self> {
        match value {
            [role] => Some(Self(*role)),
            _ => None,
        }
    }
}

/// As configurations name it: `rs-server` is the route server.
impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self {
            Self::PROVIDER => "provider",
            Self::ROUTE_SERVER => "rs-server",
            Self::ROUTE_SERVER_CLIENT => "rs-client",
            Self::CUSTOMER => "customer",
            Self::PEER => "peer",
            Self(number) => return write!(f, "{number}"),
        })
    }
}
