//! The limit of the daemon's memory, which may end the session of a peer.

use std::time::Duration;

use margay_session::StopReason;
use tokio::time::Instant;
use tracing::error;

use super::memory_guard::{MemoryGuard, MemoryGuardView, MemoryVerdict};
use super::{Sessions, SpeakerPeer};
use crate::recording::RecordedRib;

impl Sessions {
    /// Sets how much memory the daemon may use; `None` for any amount.
    pub(in crate::speaker) fn set_memory_limit(&mut self, limit_octets: Option<u64>, now: Instant) {
        match (&mut self.memory_guard, limit_octets) {
            (Some(guard), Some(limit_octets)) => guard.set_limit(limit_octets),
            (guard, limit_octets) => {
                *guard = limit_octets.map(|limit_octets| MemoryGuard::new(limit_octets, now));
            }
        }
    }

    /// Whether memory is to be measured.
    pub(in crate::speaker) fn is_memory_due(&self, now: Instant) -> bool {
        self.memory_guard.as_ref().is_some_and(|guard| guard.next_timeout() <= now)
    }

    /// Takes a measurement of the resident memory. If it is too much, ends the session of the peer that is responsible. A machine
    /// that cannot measure (`None`) has no guard.
    pub(in crate::speaker) fn on_memory_measured(
        &mut self,
        rib: &RecordedRib,
        resident_octets: Option<u64>,
        now: Instant,
    ) {
        let Self { memory_guard: Some(guard), peers, .. } = self else { return };
        let Some(resident_octets) = resident_octets else {
            error!("the memory guard is off: the memory of this process cannot be measured");
            self.memory_guard = None;
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

    /// Whether the routes of a session that the guard has ended are gone by now, and what they took has not been returned. Once.
    pub(in crate::speaker) fn has_freed_memory(&mut self, now: Instant) -> bool {
        self.memory_guard.as_mut().is_some_and(|guard| guard.has_freed_memory(now))
    }

    /// State of the memory guard; `None` without one.
    pub(in crate::speaker) fn memory_guard(&self, now: Instant) -> Option<MemoryGuardView> {
        self.memory_guard.as_ref().map(|guard| guard.view(now))
    }
}

/// How long a peer is refused whose session was ended.
const HOLD_DOWN: Duration = Duration::from_mins(5);
