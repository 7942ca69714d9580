//! All `[[peer]]` tables, and conflicts between peers.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::filters::Filters;
use crate::global::Global;
use crate::peer::Peer;
use crate::peer_group::PeerGroups;
use crate::peer_identity::{IdentityValues, SeenNames, object_name};
use crate::report::Report;
use crate::section::Value;

/// Reads all `[[peer]]` tables; those with errors are left out.
pub(crate) fn read_all(
    tables: Vec<Value<'_>>,
    groups: &PeerGroups,
    filters: &Filters,
    global: Option<&Global>,
    report: &mut Report<'_>,
) -> Vec<Peer> {
    let mut seen = SeenPeers::default();
    let mut peers = Vec::with_capacity(tables.len());
    for table in tables {
        let mark = report.mark();
        let peer = table.table("[[peer]]", report).and_then(|section| {
            let offset = section.offset();
            let (peer, values) = Peer::read(section, groups, filters, &mut seen.names, report)?;
            seen.note(&peer, &values, report);
            peer.check_relation(global, offset, report);
            Some(peer)
        });
        if report.close(mark, || object_name(table)) {
            peers.extend(peer);
        }
    }
    peers
}

/// The names and places of the peers so far.
#[derive(Default)]
struct SeenPeers {
    names: SeenNames,
    /// The peers at each address, with the offsets of the address, in octets.
    by_address: HashMap<IpAddr, Vec<(usize, Peer)>>,
}

impl SeenPeers {
    /// Notes a peer. Reports why it cannot be there together with a former one.
    fn note(&mut self, peer: &Peer, values: &IdentityValues<'_>, report: &mut Report<'_>) {
        let at_address = self.by_address.entry(peer.address).or_default();
        let former = at_address.iter().find_map(|(offset, former)| Some((*offset, conflict(former, peer)?)));
        if let Some((offset, advice)) = former {
            let place = report.place(offset, values.address.offset());
            let host = peer.place().host();
            let text = format_args!("{host} is the address of another peer on {place}{advice}");
            values.address.reject(report, text);
            return;
        }
        at_address.push((values.address.offset(), peer.clone()));
        if values.name.is_none() {
            self.names.check(&peer.name, values.address, report);
        }
    }
}

/// Why two peers cannot have the same address, and what would be right; `None` if they can.
pub(crate) fn conflict(one: &Peer, other: &Peer) -> Option<&'static str> {
    // The kernel finds the password of a connection by the peer's address alone.
    let differs_in_password = one.password_file != other.password_file;
    let password = differs_in_password.then_some(", with another password_file: give both the same");
    if one.link != other.link {
        return password;
    }
    if one.place() == other.place() {
        return Some(": keep one of them, or give one another port or source_address");
    }
    // A connection comes from a port of its own, not from the one on which its peer listens.
    if one.source_address == other.source_address && (one.passive || other.passive) {
        return Some(
            ", whose connections cannot be told apart from those of this one: \
             give one a source_address of its own, or let neither be passive",
        );
    }
    if one.bfd.is_some() && other.bfd.is_some() {
        return Some(", which has bfd as well: leave it to one of them, as both have the same path");
    }
    password
}
