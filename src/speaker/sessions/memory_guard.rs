//! The memory guard: which peer's session ends when the daemon uses more memory than it may.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::speaker::PeerKey;

/// The limit, with what guards it; without one, the daemon may use any amount.
#[derive(Debug, Default)]
pub(crate) struct MemoryLimit(pub(super) Option<MemoryGuard>);

impl MemoryLimit {
    /// Sets how much memory the daemon may use; `None` for any amount.
    pub(crate) fn set(&mut self, limit_octets: Option<u64>, now: Instant) {
        match (&mut self.0, limit_octets) {
            (Some(guard), Some(limit_octets)) => guard.set_limit(limit_octets),
            (guard, limit_octets) => {
                *guard = limit_octets.map(|limit_octets| MemoryGuard::new(limit_octets, now));
            }
        }
    }

    /// Whether memory is to be measured.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.0.as_ref().is_some_and(|guard| guard.next_timeout() <= now)
    }

    /// Whether the routes of a session that the guard has ended are gone by now, and what they took has not been returned. Once.
    pub(crate) fn has_freed_memory(&mut self, now: Instant) -> bool {
        self.0.as_mut().is_some_and(|guard| guard.has_freed_memory(now))
    }

    /// State of the memory guard; `None` without one.
    pub(crate) fn view(&self, now: Instant) -> Option<MemoryGuardView> {
        self.0.as_ref().map(|guard| guard.view(now))
    }

    /// When memory is to be measured next.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.0.as_ref().map(MemoryGuard::next_timeout)
    }
}

/// Compares the memory of the process with a limit, at intervals.
///
/// Memory is not accounted to peers. The peer whose number of paths has grown most since memory was last ample is held
/// responsible; one with a large table that does not grow is not.
#[derive(Debug)]
pub(super) struct MemoryGuard {
    pub(super) limit_octets: u64,
    /// Above this, a session has to end. It exceeds the limit if memory did not come back after the last one.
    threshold_octets: u64,
    /// Number of paths of each peer when memory was last ample, or when the last session was ended.
    paths: BTreeMap<PeerKey, usize>,
    resident_octets: u64,
    /// When memory is measured next.
    due: Instant,
    sessions_ended: u64,
    last_ended: Option<(PeerKey, Instant)>,
    /// When the memory of the last session's routes is free.
    return_due: Option<Instant>,
    /// Whether the log says already that no peer is responsible.
    is_unexplained: bool,
}

/// What a measurement means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum MemoryVerdict {
    /// There is enough.
    Enough,
    /// There is too much, and this peer is responsible.
    TooMuch {
        /// Whose session has to end.
        peer: PeerKey,
        /// By how many paths it has grown.
        grown: usize,
    },
    /// There is too much, and no peer has more paths than before. Reported once.
    Unexplained,
}

/// State of the memory guard, for operators.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MemoryGuardView {
    /// The limit.
    pub limit_octets: u64,
    /// Resident memory of the process when it was last measured.
    pub resident_octets: u64,
    /// Number of sessions that it has ended.
    pub sessions_ended: u64,
    /// The peer whose session it ended last, and how long ago.
    pub last_ended: Option<(PeerKey, Duration)>,
}

impl MemoryGuard {
    pub(super) fn new(limit_octets: u64, now: Instant) -> Self {
        Self {
            limit_octets,
            threshold_octets: limit_octets,
            paths: BTreeMap::new(),
            resident_octets: 0,
            due: now,
            sessions_ended: 0,
            last_ended: None,
            return_due: None,
            is_unexplained: false,
        }
    }

    /// Sets another limit.
    pub(super) fn set_limit(&mut self, limit_octets: u64) {
        self.limit_octets = limit_octets;
        self.threshold_octets = limit_octets;
    }

    /// When memory is to be measured next.
    pub(super) fn next_timeout(&self) -> Instant {
        self.due
    }

    /// Judges a measurement. `paths` returns the number of paths of each peer with a session; it is not called while less than
    /// half of the limit is used.
    pub(super) fn judge(
        &mut self,
        resident_octets: u64,
        paths: impl FnOnce() -> BTreeMap<PeerKey, usize>,
        now: Instant,
    ) -> MemoryVerdict {
        self.resident_octets = resident_octets;
        let is_low = resident_octets < self.limit_octets / 2;
        self.due = now + if is_low { SELDOM } else { OFTEN };
        // What was freed may stay with the allocator for a time, or for good.
        let next_threshold = resident_octets.saturating_add(self.limit_octets / MARGIN_SHARE);
        self.threshold_octets = self.threshold_octets.min(next_threshold).max(self.limit_octets);
        if is_low {
            self.paths.clear();
            self.is_unexplained = false;
            return MemoryVerdict::Enough;
        }
        if resident_octets <= self.threshold_octets {
            if resident_octets < self.limit_octets / 4 * 3 {
                self.paths = paths();
                self.is_unexplained = false;
            }
            return MemoryVerdict::Enough;
        }
        let present = paths();
        let growth = present.iter().map(|(&peer, &number)| {
            let former = self.paths.get(&peer).copied().unwrap_or_default();
            (number.saturating_sub(former), peer)
        });
        match growth.max().filter(|&(grown, _)| grown > 0) {
            Some((grown, peer)) => {
                self.paths = present;
                self.threshold_octets = next_threshold.max(self.limit_octets);
                self.sessions_ended += 1;
                self.last_ended = Some((peer, now));
                self.return_due = Some(now + REMOVAL);
                MemoryVerdict::TooMuch { peer, grown }
            }
            None if std::mem::replace(&mut self.is_unexplained, true) => MemoryVerdict::Enough,
            None => MemoryVerdict::Unexplained,
        }
    }

    /// Whether memory is to be returned to the system. Once for each session.
    pub(super) fn has_freed_memory(&mut self, now: Instant) -> bool {
        self.return_due.take_if(|due| *due <= now).is_some()
    }

    pub(super) fn view(&self, now: Instant) -> MemoryGuardView {
        MemoryGuardView {
            limit_octets: self.limit_octets,
            resident_octets: self.resident_octets,
            sessions_ended: self.sessions_ended,
            last_ended: self.last_ended.map(|(peer, at)| (peer, now.saturating_duration_since(at))),
        }
    }
}

/// In which the routes of a session are removed: a million takes a tenth of a second.
const REMOVAL: Duration = Duration::from_secs(3);

/// Between two measurements while less than half of the limit is used.
const SELDOM: Duration = Duration::from_secs(1);

/// Between two measurements above that. A peer announces some ten thousand routes meanwhile, of about 100 octets each.
const OFTEN: Duration = Duration::from_millis(100);

/// The share of the limit by which memory has to grow again if it did not come back after a session was ended.
const MARGIN_SHARE: u64 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: u64 = 1600;
    const ONE: PeerKey = PeerKey(1);
    const TWO: PeerKey = PeerKey(2);

    /// Measurements, the paths of two peers, and the verdicts.
    fn check(rows: &[(u64, [usize; 2], MemoryVerdict)]) {
        let mut now = Instant::now();
        let mut guard = MemoryGuard::new(LIMIT, now);
        for (row, &(resident, [one, two], expected)) in rows.iter().enumerate() {
            let paths = || BTreeMap::from([(ONE, one), (TWO, two)]);
            assert_eq!(guard.judge(resident, paths, now), expected, "row {row}: {resident} octets");
            assert!(guard.next_timeout() > now);
            now = guard.next_timeout();
        }
    }

    #[test]
    fn the_peer_that_grew_goes_and_not_the_one_that_has_more() {
        check(&[
            (100, [0, 0], MemoryVerdict::Enough),
            (1000, [900, 10], MemoryVerdict::Enough),
            (1500, [900, 300], MemoryVerdict::Enough),
            (1601, [901, 600], MemoryVerdict::TooMuch { peer: TWO, grown: 590 }),
            (1650, [901, 0], MemoryVerdict::Enough),
            (1000, [901, 0], MemoryVerdict::Enough),
        ]);
    }

    #[test]
    fn memory_that_does_not_come_back_costs_no_other_peer_its_session() {
        check(&[
            (1000, [10, 10], MemoryVerdict::Enough),
            (1700, [10, 600], MemoryVerdict::TooMuch { peer: TWO, grown: 590 }),
            (1700, [11, 0], MemoryVerdict::Enough),
            (1800, [12, 0], MemoryVerdict::Enough),
            // The threshold follows memory down, not up.
            (1601, [13, 0], MemoryVerdict::Enough),
            (1702, [200, 0], MemoryVerdict::TooMuch { peer: ONE, grown: 190 }),
        ]);
    }

    #[test]
    fn without_a_peer_that_grew_none_goes_and_operators_hear_of_it_once() {
        check(&[
            (1000, [10, 10], MemoryVerdict::Enough),
            (2000, [10, 9], MemoryVerdict::Unexplained),
            (2100, [10, 9], MemoryVerdict::Enough),
            (700, [10, 9], MemoryVerdict::Enough),
            (2000, [0, 0], MemoryVerdict::Unexplained),
        ]);
    }

    #[test]
    fn a_peer_that_came_up_since_memory_was_low_grew_by_all_of_its_paths() {
        check(&[
            (700, [0, 0], MemoryVerdict::Enough),
            (1700, [5, 3], MemoryVerdict::TooMuch { peer: ONE, grown: 5 }),
        ]);
    }

    #[test]
    fn memory_is_returned_once_the_routes_of_an_ended_session_are_gone() {
        let now = Instant::now();
        let mut guard = MemoryGuard::new(LIMIT, now);
        assert!(!guard.has_freed_memory(now + REMOVAL), "no session has ended");
        guard.judge(1700, || BTreeMap::from([(ONE, 5)]), now);
        assert!(!guard.has_freed_memory(now));
        assert!(guard.has_freed_memory(now + REMOVAL));
        assert!(!guard.has_freed_memory(now + 2 * REMOVAL), "once");
    }

    #[test]
    fn memory_is_measured_more_often_when_there_is_less() {
        let now = Instant::now();
        let mut guard = MemoryGuard::new(LIMIT, now);
        guard.judge(100, BTreeMap::new, now);
        assert_eq!(guard.next_timeout(), now + SELDOM);
        guard.judge(900, BTreeMap::new, now);
        assert_eq!(guard.next_timeout(), now + OFTEN);
        assert_eq!(guard.view(now + SELDOM).resident_octets, 900);
    }
}
