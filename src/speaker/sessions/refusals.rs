//! The prefixes of a session that are refused for a limit, and when the peer is asked for them again.

use std::time::Duration;

use margay_rib::PeerCounts;
use tokio::time::Instant;

/// What is known of the refused prefixes of a session in one family.
#[derive(Debug)]
pub(super) struct Refusals {
    /// Whether some are refused, and operators know.
    are_known: bool,
    /// Number of dropped announcements when the peer was last asked for all its routes, or the session began. It has not
    /// repeated later ones.
    asked_at: u64,
    /// The earliest time for the next request.
    not_before: Option<Instant>,
    /// When the next request is due, if it has to wait.
    due: Option<Instant>,
}

/// What follows from new counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Consequence {
    Nothing,
    /// Prefixes are refused from now on.
    Begins,
    /// There is room for dropped prefixes: the peer is to be asked for all its routes.
    Ask,
}

impl Refusals {
    /// For a session that begins with these counts.
    pub(super) fn new(counts: &PeerCounts) -> Self {
        Self { are_known: false, asked_at: counts.dropped, not_before: None, due: None }
    }

    /// Judges the counts under a limit of received prefixes.
    pub(super) fn judge(
        &mut self,
        counts: &PeerCounts,
        most_received: Option<u32>,
        now: Instant,
    ) -> Consequence {
        let is_missing_some = counts.dropped > self.asked_at;
        self.due = None;
        if is_missing_some && most_received.is_none_or(|most| counts.received < most as usize) {
            if self.not_before.is_none_or(|not_before| not_before <= now) {
                self.asked_at = counts.dropped;
                self.not_before = Some(now + BETWEEN_REQUESTS);
                return Consequence::Ask;
            }
            self.due = self.not_before;
        }
        let were_known = std::mem::replace(&mut self.are_known, is_missing_some || counts.over_limit > 0);
        if self.are_known && !were_known { Consequence::Begins } else { Consequence::Nothing }
    }

    /// When the counts are to be judged again, whatever happens.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.due
    }
}

/// Time between two requests to a peer for all its routes. A request costs both sides as much as a new session, and a single
/// prefix that comes and goes at the limit makes room each time.
const BETWEEN_REQUESTS: Duration = Duration::from_mins(1);
