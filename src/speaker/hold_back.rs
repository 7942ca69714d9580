//! The initial hold-back: how long after the start peers' routes are not advertised.

use std::time::Duration;

use tokio::time::Instant;

/// The period after the start in which most routes arrive.
///
/// Whatever is told meanwhile changes again and again, and is told to thousands. So peers are told own routes only until
/// those with a session have told their tables, or have fallen silent; and after a longest time in any case. It is over
/// once: what comes later is told at once.
#[derive(Clone, Debug)]
pub struct HoldBack {
    longest: Duration,
    /// How many peers there will be; `None` where that is not known.
    expected: Option<usize>,
    heard: Option<Heard>,
}

/// When sessions came up and routes last arrived.
#[derive(Clone, Copy, Debug)]
struct Heard {
    first_session: Instant,
    last_session: Instant,
    last: Instant,
}

/// The peers with a session, in numbers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct SessionCounts {
    /// Those that have told their tables (RFC 4724 §2).
    pub(super) told: usize,
    /// Those that have not, or never say so.
    pub(super) telling: usize,
}

/// How long it must have been calm. A peer tells its table as soon as it has a session.
const CALM: Duration = Duration::from_millis(200);

impl HoldBack {
    /// `longest` counts from the first session on. With the number of all peers it is over as soon as each of them has
    /// told its table.
    #[must_use]
    pub fn new(longest: Duration, expected: Option<usize>) -> Self {
        Self { longest, expected, heard: None }
    }

    /// A session came up.
    pub(super) fn on_session(&mut self, now: Instant) {
        let first_session = self.heard.map_or(now, |heard| heard.first_session);
        self.heard = Some(Heard { first_session, last_session: now, last: now });
    }

    /// A peer has announced or withdrawn something.
    pub(super) fn on_update(&mut self, now: Instant) {
        if let Some(heard) = &mut self.heard {
            heard.last = now;
        }
    }

    /// When it is over if nothing more is heard; `None` while there has not been a session.
    pub(super) fn ends_at(&self, sessions: SessionCounts) -> Option<Instant> {
        let heard = self.heard?;
        let latest = heard.first_session + self.longest;
        let calm = match sessions {
            // The one that was there is about to come back.
            SessionCounts { told: 0, telling: 0 } => latest,
            SessionCounts { told, telling: 0 } if Some(told) == self.expected => heard.last_session,
            SessionCounts { telling: 0, .. } => heard.last_session + CALM,
            SessionCounts { .. } => heard.last + CALM,
        };
        Some(calm.min(latest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const LONGEST: Duration = Duration::from_secs(5);

    /// Sessions and updates at these milliseconds; answers when it is over.
    fn ends_at(
        expected: Option<usize>,
        sessions: &[u32],
        updates: &[u32],
        (told, telling): (usize, usize),
    ) -> Option<u128> {
        let start = Instant::now();
        let mut hold_back = HoldBack::new(LONGEST, expected);
        let mut events: Vec<(u32, bool)> = sessions.iter().map(|&at| (at, true)).collect();
        events.extend(updates.iter().map(|&at| (at, false)));
        events.sort_unstable();
        for (at, is_session) in events {
            let at = start + at * MS;
            if is_session { hold_back.on_session(at) } else { hold_back.on_update(at) }
        }
        hold_back.ends_at(SessionCounts { told, telling }).map(|at| at.duration_since(start).as_millis())
    }

    #[test]
    fn lasts_until_the_tables_are_told_or_nothing_more_comes_and_no_longer_than_the_longest() {
        type Row =
            (&'static str, Option<usize>, &'static [u32], &'static [u32], (usize, usize), Option<u128>);
        let rows: [Row; 10] = [
            ("nobody has come", None, &[], &[], (0, 0), None),
            ("all that are there have told", None, &[10, 30], &[40, 90], (2, 0), Some(230)),
            ("all that there are have told", Some(2), &[10, 30], &[40, 90], (2, 0), Some(30)),
            ("one is missing", Some(3), &[10, 30], &[40], (2, 0), Some(230)),
            ("one is telling", None, &[10, 30], &[40, 1990], (1, 1), Some(2190)),
            ("one says nothing", Some(2), &[10, 30], &[40], (1, 1), Some(240)),
            ("one goes on telling", None, &[10], &[4990], (0, 1), Some(5010)),
            ("newcomers without an end", None, &[10, 4950], &[4960], (2, 0), Some(5010)),
            ("the only one is gone", None, &[10], &[20], (0, 0), Some(5010)),
            ("after a long time without sessions", None, &[9000], &[9010], (1, 0), Some(9200)),
        ];
        for (case, expected, sessions, updates, counts, ends) in rows {
            assert_eq!(ends_at(expected, sessions, updates, counts), ends, "{case}");
        }
    }
}
