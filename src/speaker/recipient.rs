//! Everything needed to feed a peer for one turn.

use margay_rib::PeerIndex;

use super::{Burst, ExportQueue, PeerKey};
use crate::recording::RecordedRib;

/// A peer with a session. All that one turn needs is in one place: with thousands of peers, each further cache miss costs more
/// than the work itself.
#[derive(Clone, Debug)]
pub(super) struct Recipient {
    pub(super) peer: PeerKey,
    pub(super) index: PeerIndex,
    pub(super) exports: ExportQueue,
}

/// How far a peer was fed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fed {
    /// It is up to date.
    UpToDate,
    /// It has used its share of the turn, and there may be more.
    More,
    /// Its queue is full. The speaker is woken when there is room, unless the connection is gone.
    NoRoom,
}

/// Batches of the log encoded for one peer per turn: one or two milliseconds of work.
const BATCHES: usize = 4;

impl Recipient {
    /// Sends what the Rib has for the peer, as long as there is room, and no more than its share of a turn: a writer that
    /// sends as fast as it is fed must not keep the speaker.
    pub(super) fn feed(&self, rib: &mut RecordedRib, burst: &mut Burst) -> Fed {
        let Some(queue) = self.exports.open().filter(|queue| queue.has_room(0)) else {
            return if rib.has_export(self.index) { Fed::NoRoom } else { Fed::UpToDate };
        };
        let mut fed = Fed::More;
        for _ in 0..BATCHES {
            if !rib.poll_export(self.index, burst.updates()) {
                fed = Fed::UpToDate;
                break;
            }
            if !queue.has_room(burst.octets()) {
                break;
            }
        }
        burst.send(queue);
        fed
    }
}
