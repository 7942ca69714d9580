//! What every BGP router can be told and asked, whoever wrote it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use anyhow::Result;

use crate::namespace::Namespace;

/// A BGP daemon in a namespace.
pub trait Router: fmt::Debug {
    /// Where it runs.
    fn namespace(&self) -> &Namespace;

    /// What it is told at its next start or [`reload`](Self::reload).
    fn settings(&mut self) -> &mut RouterSettings;

    /// Starts it, and returns when it answers questions.
    ///
    /// # Errors
    ///
    /// When it does not come up; the text holds its log.
    fn start(&mut self) -> Result<()>;

    /// Makes it follow changed settings without a restart; returns when it has them.
    ///
    /// # Errors
    ///
    /// When it refuses them.
    fn reload(&mut self) -> Result<()>;

    /// Stops it in order, and returns when its process has ended.
    ///
    /// # Errors
    ///
    /// When it does not end.
    fn stop(&mut self) -> Result<()>;

    /// Kills it without a chance to say good-bye.
    ///
    /// # Errors
    ///
    /// When the process cannot be killed.
    fn kill(&mut self) -> Result<()>;

    /// The state of a session in its own words; `established` in lower case when it is up.
    ///
    /// # Errors
    ///
    /// When the router does not answer or has no such peer.
    fn session_state(&self, peer: &str) -> Result<String>;

    /// The best routes that it learned from its peers.
    ///
    /// # Errors
    ///
    /// When the router does not answer.
    fn routes(&self) -> Result<Routes>;

    /// How many [`routes`](Self::routes) there are, for a router that can count faster than it can list.
    ///
    /// # Errors
    ///
    /// When the router does not answer.
    fn route_count(&self) -> Result<usize> {
        Ok(self.routes()?.len())
    }
}

/// Routes by prefix, as `10.65.1.0/26`.
pub type Routes = BTreeMap<String, RouteInfo>;

/// What a router says of one route.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RouteInfo {
    /// The global address, without a link-local one beside it.
    pub next_hop: IpAddr,
    /// Left is nearest.
    pub as_path: Vec<u32>,
    /// LOCAL_PREF as received; some routers show their default where none was received.
    pub local_pref: Option<u32>,
    /// MULTI_EXIT_DISC.
    pub med: Option<u32>,
    /// As `65001:100`.
    pub communities: BTreeSet<String>,
}

/// What a router is told.
#[derive(Clone, Debug)]
pub struct RouterSettings {
    /// Its AS number.
    pub asn: u32,
    /// Its BGP identifier.
    pub router_id: Ipv4Addr,
    /// Whom it talks to.
    pub peers: Vec<PeerSettings>,
    /// What it originates.
    pub networks: Vec<String>,
    /// Whether it puts routes into the kernel.
    pub kernel: bool,
    /// What else its configuration file shall say, in its own language.
    pub extra: String,
    /// What else margay's `[global]` section shall say.
    pub global: String,
}

impl RouterSettings {
    /// A router without peers and networks that leaves the kernel alone.
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
        }
    }
}

/// One peer as a router is told of it.
#[derive(Clone, Debug)]
pub struct PeerSettings {
    /// Lower-case letters, digits and `_`.
    pub name: String,
    /// Whom to dial, and who may dial.
    pub address: IpAddr,
    /// The own end of the connection.
    pub local_address: Option<IpAddr>,
    /// The peer's AS number.
    pub asn: u32,
    /// Waits to be dialled.
    pub passive: bool,
    /// Whether the peer is more than one hop away.
    pub multihop: bool,
    /// Whole seconds.
    pub hold_time: Duration,
    /// What is exchanged.
    pub families: BTreeSet<Family>,
    /// The cluster of which the peer is a client (RFC 4456); it is none without.
    pub client_of: Option<Ipv4Addr>,
    /// Whether several paths to a prefix are sent and taken, where the peer does so too (RFC 7911).
    pub add_path: bool,
    /// What else shall be said of it, in the router's own language.
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

/// A kind of routes.
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
