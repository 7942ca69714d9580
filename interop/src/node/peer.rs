//! A peer of a router: addresses, capabilities and rules.

use std::net::IpAddr;

/// A peer in the configuration of a router.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    /// Lower-case letters and digits.
    pub(crate) name: String,
    pub(crate) address: IpAddr,
    /// Own address of the session.
    pub(crate) local_address: IpAddr,
    /// The link of link-local addresses.
    pub(crate) interface: Option<String>,
    pub(crate) asn: u32,
    pub(crate) families: Vec<Family>,
    /// Whether it waits for the peer's connection.
    pub(crate) passive: bool,
    /// Seconds; 0 is a session without timers.
    pub(crate) hold_time: u16,
    /// Whether the peer is a client of this reflector (RFC 4456).
    pub(crate) client: bool,
    pub(crate) add_path: AddPath,
    /// TCP-MD5 (RFC 2385).
    pub(crate) password: Option<String>,
    /// Generalized TTL security for a peer on the same link (RFC 5082).
    pub(crate) ttl_security: bool,
    /// Most hops to an external peer, if it is not on the same link.
    pub(crate) hops: Option<u8>,
    /// IPv4 routes with IPv6 next hops (RFC 8950).
    pub(crate) extended_next_hop: bool,
    /// Messages of up to 65,535 octets (RFC 8654).
    pub(crate) extended_messages: bool,
    /// 4-octet AS numbers (RFC 6793).
    pub(crate) four_octet_asns: bool,
    /// Marks around a route refresh (RFC 7313).
    pub(crate) enhanced_refresh: bool,
    pub(crate) restart: Option<Restart>,
    /// Own role towards the peer (RFC 9234).
    pub(crate) role: Option<Role>,
    /// Most prefixes that the peer may announce; one more ends the session.
    pub(crate) prefix_limit: Option<u32>,
    /// Whether the peer is a client of this route server (RFC 7947).
    pub(crate) route_server_client: bool,
    /// Whether the own address is always the next hop.
    pub(crate) next_hop_self: bool,
    /// LOCAL_PREF of what the peer announces.
    pub(crate) local_pref_in: Option<u32>,
    /// BFD with an interval of 100 ms and a multiplier of 3 (RFC 5880).
    pub(crate) bfd: bool,
}

/// Several paths to a prefix (RFC 7911).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AddPath {
    /// Most paths that are sent.
    pub(crate) send: Option<u8>,
    pub(crate) receive: bool,
}

/// Graceful restart (RFC 4724).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Restart {
    /// Seconds that are asked of the peer.
    pub(crate) time: u16,
    /// Whether a NOTIFICATION starts it as well (RFC 8538).
    pub(crate) on_notification: bool,
    /// Seconds of the long-lived restart after it (RFC 9494).
    pub(crate) long_lived: Option<u32>,
}

/// A role of RFC 9234.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Role {
    Provider,
    Customer,
}

/// An address family with unicast routes.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Family {
    Ipv4,
    Ipv6,
}

impl Peer {
    /// An active peer that exchanges the routes of its address's family, with a hold time of 90 s and without optional
    /// capabilities.
    pub(crate) fn new(name: &str, address: IpAddr, local_address: IpAddr, asn: u32) -> Self {
        Self {
            name: name.to_owned(),
            address,
            local_address,
            interface: None,
            asn,
            families: vec![Family::of(address)],
            passive: false,
            hold_time: 90,
            client: false,
            add_path: AddPath::default(),
            password: None,
            ttl_security: false,
            hops: None,
            extended_next_hop: false,
            extended_messages: false,
            four_octet_asns: true,
            enhanced_refresh: false,
            restart: None,
            role: None,
            prefix_limit: None,
            route_server_client: false,
            next_hop_self: false,
            local_pref_in: None,
            bfd: false,
        }
    }

    /// Whether routes of a family are exchanged.
    pub(crate) fn has(&self, family: Family) -> bool {
        self.families.contains(&family)
    }
}

impl Family {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Ipv4, Self::Ipv6];

    /// The family of an address.
    pub(crate) fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::Ipv4 } else { Self::Ipv6 }
    }

    /// `ipv4` or `ipv6`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
        }
    }
}
