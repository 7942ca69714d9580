//! The peers of a dump, and their positions in its first record.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};

use bgp_codec::{Asn, BgpIdentifier};
use bytes::BytesMut;
use margay_config::RemoteAsn;
use margay_mrt::{PeerEntry as IndexEntry, PeerIndexTable, RecordTooLong};

use crate::daemon::PeerEntry;

/// The peers of a dump. The first entry stands for this speaker.
pub(super) struct Index {
    router_id: Ipv4Addr,
    entries: Vec<IndexEntry>,
    positions: HashMap<String, u16>,
}

impl Index {
    pub(super) fn of(router_id: BgpIdentifier, peers: &[PeerEntry]) -> Self {
        let router_id = router_id.to_ipv4();
        let asn = peers.first().map_or(Asn(0), |peer| peer.global.asn);
        let own = IndexEntry { identifier: router_id, address: IpAddr::V4(Ipv4Addr::UNSPECIFIED), asn };
        let mut index = Self { router_id, entries: vec![own], positions: HashMap::new() };
        for peer in peers {
            // 65,536 entries fit, and routes of further peers are left out.
            let Ok(position) = u16::try_from(index.entries.len()) else { break };
            index.entries.push(entry(peer));
            index.positions.insert(peer.config.name.clone(), position);
        }
        index
    }

    /// The position of a peer, or of this speaker; `None` if there is none.
    pub(super) fn position(&self, peer: Option<&str>) -> Option<u16> {
        peer.map_or(Some(0), |name| self.positions.get(name).copied())
    }

    pub(super) fn encode(&self, now: u32, out: &mut BytesMut) -> Result<(), RecordTooLong> {
        let table = PeerIndexTable { collector: self.router_id, view_name: b"", peers: self.entries.clone() };
        table.encode(now, out)
    }
}

/// A peer as it is in a dump. Without a session, its identifier is not known, and its AS number only from the configuration.
fn entry(peer: &PeerEntry) -> IndexEntry {
    let session = peer.status.established.as_ref().map(|session| &session.negotiated);
    IndexEntry {
        identifier: session.map_or(Ipv4Addr::UNSPECIFIED, |session| session.peer_identifier.to_ipv4()),
        address: peer.config.address,
        asn: session.map_or_else(|| configured_asn(peer), |session| session.peer_asn),
    }
}

fn configured_asn(peer: &PeerEntry) -> Asn {
    match peer.config.remote_asn {
        RemoteAsn::Number(asn) => asn,
        RemoteAsn::Internal => peer.global.asn,
        RemoteAsn::External | RemoteAsn::Any => Asn(0),
    }
}
