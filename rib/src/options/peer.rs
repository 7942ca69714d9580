//! Options of a peer: the terms of its session, and what may change during it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU16;
use std::sync::Arc;

use bgp_codec::{AsWidth, Asn, BgpIdentifier, Family, NextHop, PeerKind, Prefix, Role};
use margay_filter::{FilterChain, Session};
use margay_forwarding::LinkName;
use serde::{Deserialize, Serialize};

use super::as_path::AsPathRules;
use super::denied::DeniedDirections;
use super::path_limits::PathLimits;
use super::reflection::Reflection;

/// What the Rib has to know about a peer whose session is established.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct PeerOptions {
    /// What holds until the end of the session.
    pub session: SessionTerms,
    /// What the configuration says, which may change meanwhile.
    pub rules: PeerRules,
    /// This speaker's addresses towards the peer, which may change meanwhile.
    pub own: OwnNextHops,
}

/// What is settled for as long as a session lasts: who the peer is, and what both sides agreed on.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct SessionTerms {
    /// Whether the peer is external or internal.
    pub kind: PeerKind,
    /// The peer's AS number.
    pub asn: Asn,
    /// This speaker's role towards an external peer (RFC 9234).
    pub role: Option<Role>,
    /// The peer's BGP Identifier.
    pub identifier: BgpIdentifier,
    /// The peer's address.
    pub address: IpAddr,
    /// A number that no other present peer has, the same for each session of the peer. It decides between
    /// sessions with one speaker at one address.
    pub number: u64,
    /// The link of a session between link-local addresses. The peer's link-local next hops are on it.
    pub link: Option<LinkName>,
    /// The address families that both sides announced.
    pub families: Vec<Family>,
    /// The families in which the peer is sent paths with path ids (RFC 7911). In others it is sent the best path only.
    pub path_ids_sent: Vec<Family>,
    /// Width of AS numbers in UPDATEs to the peer.
    pub as_width: AsWidth,
    /// Longest message that the peer accepts, in octets.
    pub max_message_octets: usize,
    /// Whether IPv4 routes to the peer may have IPv6 next hops (RFC 8950).
    pub ipv6_next_hops: bool,
    /// Whether the answer to the peer's ROUTE-REFRESH is enclosed in marks (RFC 7313).
    pub enhanced_refresh: bool,
    /// Whether the peer advertised the capability of long-lived graceful restart: others are not sent stale routes (RFC 9494
    /// §4.3).
    pub long_lived: bool,
}

/// What is configured for a peer and may change during its session.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct PeerRules {
    /// The peer's name for operators.
    pub name: Arc<str>,
    /// The group that the peer takes settings from, which filters can match.
    pub group: Option<Arc<str>>,
    /// Filter that decides which routes of the peer are accepted.
    pub import: FilterChain,
    /// Filter that decides which routes are advertised to the peer.
    pub export: FilterChain,
    /// The directions in which nothing is exchanged for want of filters.
    pub denied: DeniedDirections,
    /// How NEXT_HOP is set in routes advertised to the peer.
    pub next_hop: NextHopMode,
    /// What is done to AS paths.
    pub as_path: AsPathRules,
    /// How many of the peer's paths are taken.
    pub limits: PathLimits,
    /// The peer's role in route reflection.
    pub reflection: Reflection,
    /// The paths that the peer is sent in families where it accepts several.
    pub paths_sent: PathsSent,
    /// Whether the peer is sent a default route by this speaker, whatever the one in use and the filters are.
    pub default_originate: bool,
    /// Whether the peer is asked to prefer other paths, as this speaker is about to go (RFC 8326): routes are
    /// advertised with GRACEFUL_SHUTDOWN, and to internal peers with the lowest LOCAL_PREF.
    pub is_draining: bool,
}

/// The addresses of this speaker that matter to one peer. They may change during the session.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct OwnNextHops {
    /// The next hop that the peer may use for IPv4 routes through this speaker; an IPv6 address only if the peer accepts
    /// that.
    pub ipv4: Option<NextHop>,
    /// The next hop that the peer may use for IPv6 routes through this speaker.
    pub ipv6: Option<NextHop>,
    /// The subnet over which the peer is directly connected, if it is.
    pub shared_subnet: Option<Prefix>,
}

impl PeerOptions {
    /// The peer as filters see it.
    pub(crate) fn filter_session(&self) -> Session {
        Session {
            name: Arc::clone(&self.rules.name),
            group: self.rules.group.clone(),
            address: self.session.address,
            kind: self.session.kind,
            is_client: self.rules.reflection != Reflection::NonClient,
        }
    }

    /// The paths that the peer is sent with path ids in a family; `None` if it is sent the best path without one.
    pub(crate) fn paths_sent(&self, family: Family) -> Option<PathsSent> {
        self.session.path_ids_sent.contains(&family).then_some(self.rules.paths_sent)
    }

    /// Whether these are options of the same speaker at the same address, so that its paths compare as
    /// before.
    pub(crate) fn is_same_speaker(&self, other: &Self) -> bool {
        let of = |SessionTerms { kind, asn, identifier, address, number, link, .. }: &SessionTerms| {
            (*kind, *asn, *identifier, *address, *number, *link)
        };
        of(&self.session) == of(&other.session)
    }

    /// Whether filters of the peer ask whether routes are kept from a session that ended.
    pub(crate) fn looks_at_staleness(&self) -> bool {
        self.rules.import.looks_at_staleness() || self.rules.export.looks_at_staleness()
    }

    /// Whether the import rules are the same: the filters, and whether the lack of them denies everything; our role and AS
    /// number towards the peer; the checks of AS paths; the limit of accepted paths; our own addresses, which import refuses as
    /// next hops; and the subnet in which a link-local next hop has a meaning.
    pub(crate) fn has_same_import(&self, other: &Self) -> bool {
        self.rules.import.same_content(&other.rules.import)
            && self.own == other.own
            && self.rules.as_path.local_asn == other.rules.as_path.local_asn
            && self.rules.as_path.checks == other.rules.as_path.checks
            && self.rules.limits.accepted == other.rules.limits.accepted
            && self.rules.denied.import == other.rules.denied.import
            && self.session.role == other.session.role
    }
}

/// Whether a peer that went down is expected back.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize, Serialize)]
pub enum Departure {
    /// The peer's paths go.
    Final,
    /// The peer is expected to come back and announce its routes again: its paths stay in use until it has, or until this
    /// departure is followed by a final one (RFC 4724 §4.2).
    Restarting,
}

/// How NEXT_HOP is set in routes advertised to a peer.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Deserialize, Serialize)]
pub enum NextHopMode {
    /// As in RFC 4271 §5.1.3: towards internal peers the next hop is kept, towards external ones it is the
    /// own address. For a route from inside this AS whose next hop is on the subnet shared with the external
    /// peer it is kept, too: packets need not pass through this speaker.
    #[default]
    Auto,
    /// Always the own address.
    OwnAddress,
    /// The next hop is kept, towards external peers as well.
    Keep,
    /// Always these addresses. Routes of a family without one are treated as with [`Auto`](Self::Auto).
    Addresses {
        /// The next hop of IPv4 routes.
        ipv4: Option<Ipv4Addr>,
        /// The next hop of IPv6 routes.
        ipv6: Option<Ipv6Addr>,
    },
}

/// Which usable paths to a prefix are sent to a peer that accepts several (RFC 7911).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Deserialize, Serialize)]
pub enum PathsSent {
    /// All paths that pass the export rules and filters.
    #[default]
    All,
    /// The best paths that pass the export rules and filters, at most this number.
    Best(NonZeroU16),
}
