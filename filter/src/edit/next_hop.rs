//! Setting the next hop.

use std::net::IpAddr;

use bgp_codec::NextHop;

use crate::as_text;
use crate::route::{RoutePath, RouteSource};
use crate::route_edits::{NextHopEdit, RouteEdits};

/// The next hop that a rule sets.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, serde::Deserialize, serde::Serialize)]
pub enum NextHopChoice {
    /// This address.
    Address(#[serde(with = "as_text")] NextHop),
    /// This speaker's address on the session. For export.
    OwnAddress,
    /// The received one, even where the session's mode would replace it. For export.
    Keep,
    /// The address of the peer that advertised the route. For import.
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
    edits.next_hop = Some(edit);
}
