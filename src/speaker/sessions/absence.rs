//! A peer that restarts: its routes stay in use until it is back, or does not come back in time (RFC 4724 §4.2).

use std::time::Duration;

use margay_rib::PeerIndex;
use margay_session::{Departure, RestartTerms};
use tokio::time::Instant;

use super::session::SpeakerSession;

/// The time in which a peer may come back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Absence {
    /// The peer in the Rib, where its routes are.
    pub(super) index: PeerIndex,
    /// When they go.
    pub(super) until: Instant,
}

impl Absence {
    /// The absence that begins with the end of a session; `None` when the routes go at once. They do, too, where the peer
    /// would keep some of the families only.
    pub(super) fn after(session: &SpeakerSession, departure: &Departure, now: Instant) -> Option<Self> {
        let Departure::Restart(RestartTerms { families, restart_time, .. }) = departure else { return None };
        let are_all_kept = session.families.iter().all(|family| families.contains(family));
        are_all_kept.then(|| Self { index: session.index, until: now + *restart_time })
    }

    /// How long the peer still has.
    pub(super) fn left(&self, now: Instant) -> Duration {
        self.until.saturating_duration_since(now)
    }
}
