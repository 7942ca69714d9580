//! The interface of BGP routers in the lab, whatever their implementation.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use anyhow::Result;

use crate::namespace::Namespace;

/// A BGP daemon in a namespace.
pub trait Router: fmt::Debug {
    /// Its namespace.
    fn namespace(&self) -> &Namespace;

    /// Its settings from the next start or [`reload`](Self::reload) on.
    fn settings(&mut self) -> &mut RouterSettings;

    /// Starts it, and waits until it answers.
    ///
    /// # Errors
    ///
    /// It does not come up; the error contains its log.
    fn start(&mut self) -> Result<()>;

    /// Applies changed settings without a restart, and waits until they are in force.
    ///
    /// # Errors
    ///
    /// It refuses them.
    fn reload(&mut self) -> Result<()>;

    /// Stops it in order, and waits for the end of its process.
    ///
    /// # Errors
    ///
    /// It does not end.
    fn stop(&mut self) -> Result<()>;

    /// Kills it.
    ///
    /// # Errors
    ///
    /// The process cannot be killed.
    fn kill(&mut self) -> Result<()>;

    /// State of a session in the router's terms; `established` in lower case when it is up.
    ///
    /// # Errors
    ///
    /// The router does not answer or has no such peer.
    fn session_state(&self, peer: &str) -> Result<String>;

    /// The best routes that it learned from its peers.
    ///
    /// # Errors
    ///
    /// The router does not answer.
    fn routes(&self) -> Result<Routes>;

    /// Number of [`routes`](Self::routes), for a router that can count faster than it can list.
    ///
    /// # Errors
    ///
    /// The router does not answer.
    fn route_count(&self) -> Result<usize> {
        Ok(self.routes()?.len())
    }
}

/// Routes by prefix, as `10.65.1.0/26`.
pub type Routes = BTreeMap<String, RouteInfo>;

/// A route as shown by a router.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RouteInfo {
    /// The global address, without an accompanying link-local one.
    pub next_hop: IpAddr,
    /// The nearest AS is on the left.
    pub as_path: Vec<u32>,
    /// LOCAL_PREF as received; some routers show their default where none was received.
    pub local_pref: Option<u32>,
    /// MULTI_EXIT_DISC.
    pub med: Option<u32>,
    /// As `65001:100`.
    pub communities: BTreeSet<String>,
}

/// Settings of a router.
#[derive(Clone, Debug)]
pub struct RouterSettings {
    /// Its AS number.
    pub asn: u32,
    /// Its BGP identifier.
    pub router_id: Ipv4Addr,
    /// Its peers.
    pub peers: Vec<PeerSettings>,
    /// The networks that it originates.
    pub networks: Vec<String>,
    /// Whether it installs routes in the kernel.
    pub kernel: bool,
    /// Additional configuration in the router's own language.
    pub extra: String,
    /// Additional lines of margay's `[global]` section. Unless they say otherwise, external peers need no filters.
    pub global: String,
    /// Additional lines of margay's `[control]` section.
    pub control: String,
}

impl RouterSettings {
    /// A router without peers and networks, which does not use the kernel.
    #[must_use]
    pub fn new(asn: u32, router_id: Ipv4Addr) -> Self {
        Self {
            asn,
            router_id,
            peers: Vec::new(),
            networks: Vec::new(),
            kernel: false,
            extra: String::new(),
            global: String::new(),
            control: String::new(),
        }
    }
}

/// A peer in the settings of a router.
#[derive(Clone, Debug)]
pub struct PeerSettings {
    /// Lower-case letters, digits and `_`.
    pub name: String,
    /// The address to connect to, and from which connections are accepted.
    pub address: IpAddr,
    /// Own address of the connection.
    pub local_address: Option<IpAddr>,
    /// The peer's AS number.
    pub asn: u32,
    /// Whether it waits for connections.
    pub passive: bool,
    /// Whether the peer is more than one hop away.
    pub multihop: bool,
    /// Whole seconds.
    pub hold_time: Duration,
    /// The exchanged families.
    pub families: BTreeSet<Family>,
    /// The cluster of which the peer is a client (RFC 4456), if it is one.
    pub client_of: Option<Ipv4Addr>,
    /// Whether several paths to a prefix are sent and accepted, if the peer supports it (RFC 7911).
    pub add_path: bool,
    /// Additional configuration of the peer in the router's own language.
    pub extra: String,
}

impl PeerSettings {
    /// An active peer of the address's own family with a hold time of 90 s.
    #[must_use]
    pub fn new(name: &str, address: IpAddr, asn: u32) -> Self {
        Self {
            name: name.to_owned(),
            address,
            local_address: None,
            asn,
            passive: false,
            multihop: false,
            hold_time: Duration::from_secs(90),
            families: BTreeSet::from([Family::of(address)]),
            client_of: None,
            add_path: false,
            extra: String::new(),
        }
    }
}

/// An address family.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Family {
    /// IPv4 unicast.
    Ipv4,
    /// IPv6 unicast.
    Ipv6,
}

impl Family {
    /// The family of an address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::Ipv4 } else { Self::Ipv6 }
    }

    /// The family of a prefix in text.
    #[must_use]
    pub fn of_prefix(prefix: &str) -> Self {
        if prefix.contains(':') { Self::Ipv6 } else { Self::Ipv4 }
    }

    /// Its name in configuration files of several routers: `ipv4-unicast`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ipv4 => "ipv4-unicast",
            Self::Ipv6 => "ipv6-unicast",
        }
    }
}
