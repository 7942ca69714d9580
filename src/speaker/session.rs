//! A session as the speaker sees it: where it is in the Rib, and what it still waits for.

use bgp_codec::{AttributeError, Family};
use margay_rib::{PeerIndex, PeerOptions, Rib};
use tracing::{debug, warn};

use super::{ExportQueue, PeerSettings, PeerUp, SessionEpoch};
use crate::machine::{Machine, OwnAddresses};

/// A session that is established.
#[derive(Debug)]
pub(super) struct SpeakerSession {
    pub(super) epoch: SessionEpoch,
    pub(super) index: PeerIndex,
    pub(super) families: Vec<Family>,
    /// The families of which the peer has not told the whole table yet (RFC 4724 §2).
    pub(super) awaited_end_of_rib: Vec<Family>,
    exports: ExportQueue,
    defects: u64,
}

/// How far a peer was told what is new.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fed {
    /// It was told everything.
    UpToDate,
    /// What was looked at was not for this peer; there is more.
    More,
    /// Its queue is full. The speaker will be woken when there is room, unless the connection is gone.
    NoRoom,
}

/// How many defects of a session's UPDATEs are logged for operators; further ones are for debugging.
const LOGGED_DEFECTS: u64 = 10;

impl SpeakerSession {
    /// Enters the peer into the Rib.
    pub(super) fn new(rib: &mut Rib, machine: &Machine, settings: &PeerSettings, up: PeerUp) -> Self {
        let families = up.negotiated.families.clone();
        let index = rib.peer_up(peer_options(machine, settings, &up));
        Self {
            epoch: up.epoch,
            index,
            awaited_end_of_rib: families.clone(),
            families,
            exports: up.exports,
            defects: 0,
        }
    }

    /// Logs what was wrong with an UPDATE and yet did not end the session (RFC 7606).
    pub(super) fn note_defects(&mut self, peer: &str, defects: &[AttributeError]) {
        for defect in defects {
            self.defects += 1;
            match self.defects {
                ..LOGGED_DEFECTS => warn!(peer, "bad UPDATE: {defect}"),
                LOGGED_DEFECTS => warn!(peer, "bad UPDATE: {defect}; further ones are logged at level debug"),
                _ => debug!(peer, "bad UPDATE: {defect}"),
            }
        }
    }

    /// Hands the peer's queue what the Rib has for it, as long as there is room.
    pub(super) fn feed(&self, rib: &mut Rib) -> Fed {
        while rib.has_export(self.index) {
            if !self.exports.has_room() {
                return Fed::NoRoom;
            }
            match rib.poll_export(self.index) {
                Some(batch) if batch.is_empty() => return Fed::More,
                Some(batch) => self.exports.send(batch),
                None => return Fed::UpToDate,
            }
        }
        Fed::UpToDate
    }
}

fn peer_options(machine: &Machine, settings: &PeerSettings, up: &PeerUp) -> PeerOptions {
    let own = machine.own_addresses(up.local_address, up.peer_address).unwrap_or_else(|error| {
        warn!(peer = %settings.name, %error, "own addresses are not known: no next hop of our own for this session");
        OwnAddresses::default()
    });
    let negotiated = &up.negotiated;
    PeerOptions {
        name: settings.name.clone(),
        kind: negotiated.kind,
        asn: negotiated.peer_asn,
        identifier: negotiated.peer_identifier,
        address: up.peer_address,
        own_ipv4_next_hop: own.ipv4,
        own_ipv6_next_hop: own.ipv6,
        shared_subnet: own.shared_subnet,
        families: negotiated.families.clone(),
        import: settings.import.clone(),
        export: settings.export.clone(),
        next_hop: settings.next_hop,
        reflection: settings.reflection,
        add_path: negotiated.path_ids_sent.iter().map(|&family| (family, settings.paths_sent)).collect(),
        as_width: negotiated.as_width,
        max_message_octets: negotiated.max_message_octets(),
    }
}
