//! Everything needed to feed a peer for one turn.

use margay_rib::PeerIndex;
use tokio::sync::Notify;

use super::rounds::Fed;
use super::{Burst, ExportQueue};
use crate::recording::RecordedRib;

/// A peer with a session. All that one turn needs is in one place: with thousands of peers, each further cache miss costs more
/// than the work itself.
#[derive(Clone, Debug)]
pub(super) struct Recipient {
    pub(super) index: PeerIndex,
    pub(super) exports: ExportQueue,
}

/// Batches of the log encoded for one peer per turn: one or two milliseconds of work.
const BATCHES: usize = 4;

/// Peers written to in one burst.
const BURST_PEERS: usize = 128;

impl Recipient {
    /// Feeds the peer as far as its queue has room: large updates are sent at once, small ones are held for the burst. The
    /// speaker is woken for a peer that needs another turn.
    pub(super) fn take_turn(&self, rib: &mut RecordedRib, burst: &mut Burst, wake: &Notify) -> Fed {
        if burst.peers() == BURST_PEERS {
            burst.write();
        }
        let fed = self.feed(rib, burst);
        if fed == Fed::More {
            wake.notify_one();
            // The peer's next turn must not find messages of this one still held.
            burst.write();
        }
        fed
    }

    /// Sends what the Rib has for the peer, as long as there is room, and no more than its share of a turn: a writer that
    /// sends as fast as it is fed must not keep the speaker.
    fn feed(&self, rib: &mut RecordedRib, burst: &mut Burst) -> Fed {
        let Some(queue) = self.exports.open().filter(|queue| queue.has_room(0)) else {
            return if rib.view().has_export(self.index) { Fed::NoRoom } else { Fed::UpToDate };
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
