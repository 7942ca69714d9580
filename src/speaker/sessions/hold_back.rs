//! The initial hold-back: how long after the start routes of peers are not advertised.

use std::time::Duration;

use tokio::time::Instant;

/// The period after the start in which most routes arrive.
///
/// Best paths change again and again in it, and each change would be advertised to every peer. So only own routes are advertised
/// until the peers with a session have announced their tables or have fallen silent, and for a longest time at most. Afterwards
/// every change is advertised at once.
///
/// After a restart, peers keep what the former run advertised until they receive End-of-RIB, and withdraw the rest then. So peers
/// without a session have the longest time to come back, and the tables of those that are back are awaited (RFC 4724 §4.1).
#[derive(Clone, Debug)]
pub(super) struct HoldBack {
    longest: Duration,
    is_restart: bool,
    arrivals: Option<Arrivals>,
}

/// When sessions came up and routes last arrived.
#[derive(Clone, Copy, Debug)]
struct Arrivals {
    first_session: Instant,
    last_session: Instant,
    last: Instant,
}

/// The peers with a session, in numbers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct SessionCounts {
    /// Peers that have announced their whole tables (RFC 4724 §2).
    pub(super) complete: usize,
    /// Peers that have not, or never send End-of-RIB.
    pub(super) announcing: usize,
    /// Every peer that may come has a session.
    pub(super) is_everyone_here: bool,
    /// After a restart, when the last one of those that are still announcing need not be awaited any longer.
    pub(super) awaited_until: Option<Instant>,
}

/// How long no route must have arrived. A peer announces its table as soon as it has a session.
const CALM: Duration = Duration::from_millis(200);

impl HoldBack {
    /// `longest` counts from the first session on.
    pub(super) fn new(longest: Duration, is_restart: bool) -> Self {
        Self { longest, is_restart, arrivals: None }
    }

    /// A session came up. Returns whether the end of its table is to be awaited.
    pub(super) fn on_session(&mut self, now: Instant) -> bool {
        let first_session = self.arrivals.map_or(now, |arrivals| arrivals.first_session);
        self.arrivals = Some(Arrivals { first_session, last_session: now, last: now });
        self.is_restart && now <= first_session + self.longest
    }

    /// A peer has announced or withdrawn routes.
    pub(super) fn on_update(&mut self, now: Instant) {
        if let Some(arrivals) = &mut self.arrivals {
            arrivals.last = now;
        }
    }

    /// When it is over if nothing more arrives; `None` while there has not been a session.
    pub(super) fn ends_at(&self, sessions: SessionCounts) -> Option<Instant> {
        let arrivals = self.arrivals?;
        let latest = arrivals.first_session + self.longest;
        let calm = match sessions {
            // The peer that had a session is about to come back.
            SessionCounts { complete: 0, announcing: 0, .. } => latest,
            SessionCounts { announcing: 0, is_everyone_here: true, .. } => arrivals.last_session,
            SessionCounts { is_everyone_here: false, .. } if self.is_restart => latest,
            SessionCounts { announcing: 0, .. } => arrivals.last_session + CALM,
            SessionCounts { .. } => arrivals.last + CALM,
        };
        let calm = calm.min(latest);
        Some(sessions.awaited_until.map_or(calm, |until| until.max(calm)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const LONGEST: Duration = Duration::from_secs(5);

    /// Sessions and updates at these milliseconds; returns when it is over.
    fn ends_at(
        is_everyone_here: bool,
        sessions: &[u32],
        updates: &[u32],
        (complete, announcing): (usize, usize),
    ) -> Option<u128> {
        let start = Instant::now();
        let mut hold_back = HoldBack::new(LONGEST, false);
        let mut events: Vec<(u32, bool)> = sessions.iter().map(|&at| (at, true)).collect();
        events.extend(updates.iter().map(|&at| (at, false)));
        events.sort_unstable();
        for (at, is_session) in events {
            let at = start + at * MS;
            if is_session {
                assert!(!hold_back.on_session(at), "only a restart awaits tables");
            } else {
                hold_back.on_update(at);
            }
        }
        let counts = SessionCounts { complete, announcing, is_everyone_here, awaited_until: None };
        hold_back.ends_at(counts).map(|at| at.duration_since(start).as_millis())
    }

    #[test]
    fn lasts_until_the_tables_are_complete_or_no_route_arrives_and_no_longer_than_the_longest() {
        type Row = (&'static str, bool, &'static [u32], &'static [u32], (usize, usize), Option<u128>);
        let rows: [Row; 10] = [
            ("no session yet", false, &[], &[], (0, 0), None),
            ("the tables of all present peers are complete", false, &[10, 30], &[40, 90], (2, 0), Some(230)),
            ("those of all peers are", true, &[10, 30], &[40, 90], (2, 0), Some(30)),
            ("one is missing", false, &[10, 30], &[40], (2, 0), Some(230)),
            ("one is announcing", false, &[10, 30], &[40, 1990], (1, 1), Some(2190)),
            ("one is silent", true, &[10, 30], &[40], (1, 1), Some(240)),
            ("one goes on announcing", false, &[10], &[4990], (0, 1), Some(5010)),
            ("newcomers without an end", false, &[10, 4950], &[4960], (2, 0), Some(5010)),
            ("the only one is gone", false, &[10], &[20], (0, 0), Some(5010)),
            ("after a long time without sessions", false, &[9000], &[9010], (1, 0), Some(9200)),
        ];
        for (case, is_everyone_here, sessions, updates, counts, ends) in rows {
            assert_eq!(ends_at(is_everyone_here, sessions, updates, counts), ends, "{case}");
        }
    }

    /// Only tables whose end is awaited may take longer than the longest time.
    #[test]
    fn after_a_restart_it_waits_for_peers_to_come_back_and_for_the_ends_of_their_tables() {
        type Row = (&'static str, bool, u32, (usize, usize), Option<u32>, u128);
        let rows: [Row; 5] = [
            ("one is missing", false, 40, (1, 0), None, 5010),
            ("everyone is here, and complete", true, 40, (2, 0), None, 10),
            ("one takes its time", true, 40, (1, 1), Some(30_010), 30_010),
            ("one that is not awaited falls silent", true, 40, (1, 1), None, 240),
            ("one is missing, and another is about to be over", false, 40, (1, 1), Some(3000), 5010),
        ];
        for (case, is_everyone_here, update, (complete, announcing), awaited_until, ends) in rows {
            let start = Instant::now();
            let mut hold_back = HoldBack::new(LONGEST, true);
            assert!(hold_back.on_session(start + 10 * MS), "{case}");
            hold_back.on_update(start + update * MS);
            let awaited_until = awaited_until.map(|until| start + until * MS);
            let counts = SessionCounts { complete, announcing, is_everyone_here, awaited_until };
            let at = hold_back.ends_at(counts).expect("there is a session");
            assert_eq!(at.duration_since(start).as_millis(), ends, "{case}");
        }
        let start = Instant::now();
        let mut hold_back = HoldBack::new(LONGEST, true);
        assert!(hold_back.on_session(start) && hold_back.on_session(start + LONGEST));
        assert!(!hold_back.on_session(start + LONGEST + MS), "it comes too late to be awaited");
    }
}
