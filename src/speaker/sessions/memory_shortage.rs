//! The end of a peer's session when the daemon uses too much memory.

use std::time::Duration;

use margay_session::StopReason;
use tokio::time::Instant;
use tracing::error;

use super::memory_guard::{MemoryLimit, MemoryVerdict};
use super::{Sessions, SpeakerPeer};
use crate::recording::RecordedRib;

impl Sessions {
    /// Takes a measurement of the resident memory. If it is too much, ends the session of the peer that is responsible. A machine
    /// that cannot measure (`None`) has no guard.
    pub(in crate::speaker) fn on_memory_measured(
        &mut self,
        rib: &RecordedRib,
        resident_octets: Option<u64>,
        now: Instant,
    ) {
        let Self { memory: MemoryLimit(Some(guard)), peers, .. } = self else { return };
        let Some(resident_octets) = resident_octets else {
            error!("the memory guard is off: the memory of this process cannot be measured");
            self.memory = MemoryLimit::default();
            return;
        };
        let paths = || {
            let sessions = peers.iter().filter_map(|(&key, peer)| Some((key, peer.session.as_ref()?)));
            sessions.map(|(key, session)| (key, session.paths(rib))).collect()
        };
        match guard.judge(resident_octets, paths, now) {
            MemoryVerdict::Enough => {}
            MemoryVerdict::TooMuch { peer, grown } => {
                if let Some(SpeakerPeer { settings, session: Some(session), .. }) = peers.get_mut(&peer)
                    && session.interrupt(StopReason::MemoryGuard { restart: HOLD_DOWN })
                {
                    error!(
                        peer = settings.name(),
                        paths_since = grown,
                        resident_octets,
                        limit_octets = guard.limit_octets,
                        "memory guard: ending the session of the peer that has announced most"
                    );
                }
            }
            MemoryVerdict::Unexplained => error!(
                resident_octets,
                limit_octets = guard.limit_octets,
                "memory guard: too much memory is in use, and no peer has announced more routes than before"
            ),
        }
    }
}

/// How long a peer is refused whose session was ended.
const HOLD_DOWN: Duration = Duration::from_mins(5);
