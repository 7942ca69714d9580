//! Where a peer is reached, which tells peers apart.

use std::fmt;
use std::net::IpAddr;

use margay_forwarding::LinkName;

/// Where a peer is reached. No two peers have the same place, though they may have the same address.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PeerPlace {
    /// The peer's address.
    pub address: IpAddr,
    /// The link of a link-local address; `None` for others.
    pub link: Option<LinkName>,
    /// Own address of the session; `None` leaves it to the system.
    pub source: Option<IpAddr>,
    /// The port to connect to.
    pub port: u16,
}

impl PeerPlace {
    /// The place of a peer of which nothing but the address is known.
    #[must_use]
    pub fn of_address(address: IpAddr) -> Self {
        Self { address, link: None, source: None, port: DEFAULT_PORT }
    }

    /// The address as operators write it: with its link if it is link-local, as in `fe80::1%eth0`.
    #[must_use]
    pub fn host(&self) -> String {
        match self.link {
            Some(link) => format!("{}%{link}", self.address),
            None => self.address.to_string(),
        }
    }
}

/// The address, and what differs from the defaults, as in `172.16.0.1 port 1790 from 172.16.0.11`.
impl fmt::Display for PeerPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.host())?;
        if self.port != DEFAULT_PORT {
            write!(f, " port {}", self.port)?;
        }
        match self.source {
            Some(source) => write!(f, " from {source}"),
            None => Ok(()),
        }
    }
}

/// BGP's port (RFC 4271 §8.2.1).
pub(crate) const DEFAULT_PORT: u16 = 179;
