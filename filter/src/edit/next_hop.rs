//! Setting the next hop.

use std::net::IpAddr;

use bgp_codec::{Family, NextHop};

use crate::as_text;
use crate::route::{RoutePath, RouteSource};
use crate::route_edits::{NextHopEdit, RouteEdits};

/// The next hop that a rule sets.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, serde::Deserialize, serde::Serialize)]
pub enum NextHopChoice {
    /// This address. An IPv4 address leaves the next hop of an IPv6 route as it is.
    Address(#[serde(with = "as_text")] NextHop),
    /// This speaker's address on the session. For export.
    OwnAddress,
    /// The received one, even where the session's mode would replace it. For export.
    Keep,
    /// The address of the peer that advertised the route, under the same condition. For import.
    Peer,
}

pub(super) fn apply(choice: NextHopChoice, path: &RoutePath<'_>, edits: &mut RouteEdits) {
    let edit = match choice {
        NextHopChoice::Address(next_hop) => NextHopEdit::Address(next_hop),
        NextHopChoice::OwnAddress => NextHopEdit::OwnAddress,
        NextHopChoice::Keep => NextHopEdit::Keep,
        NextHopChoice::Peer => match path.source {
            RouteSource::Peer(session) => NextHopEdit::Address(match session.address {
                IpAddr::V4(address) => NextHop::Ipv4(address),
                IpAddr::V6(address) => NextHop::Ipv6(address),
            }),
            RouteSource::Local | RouteSource::Kernel | RouteSource::Static => return,
        },
    };
    // No peer takes an IPv4 next hop for a route of another family; the other way round, some do (RFC 8950).
    let is_foreign =
        path.family != Family::IPV4_UNICAST && matches!(edit, NextHopEdit::Address(NextHop::Ipv4(_)));
    if !is_foreign {
        edits.next_hop = Some(edit);
    }
}
