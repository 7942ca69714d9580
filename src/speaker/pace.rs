//! When peers are told: at once when there is little to tell, in larger rounds when there is much.

use std::time::Duration;

use tokio::time::Instant;

/// The rounds in which peers are told what changed.
///
/// Telling a thousand peers costs the same for one change as for a hundred. So a round begins no sooner than a multiple
/// of what the last one took after its end: what changes meanwhile goes into the same messages. A round that is the
/// first for a while begins at once, and no clock runs when nothing changes.
///
/// A round that takes longer than rounds have taken lately was mostly held up by others on the machine. What it pauses for
/// is what they took, or one hold-up would become two.
#[derive(Debug)]
pub(super) struct Pace {
    not_before: Instant,
    /// What rounds have taken lately.
    usual: Option<Duration>,
    round: Option<Round>,
}

#[derive(Debug)]
struct Round {
    took: Duration,
    /// How many peers have not had their turn.
    peers_left: usize,
}

/// The pause after a round, as a multiple of what the round took: telling takes at most a quarter of the time.
const PAUSE: u32 = 3;

/// How many rounds are "lately".
const LATELY: u32 = 8;

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_millis(10);

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self { not_before: now, usual: None, round: None }
    }

    /// Begins a round among so many peers, if none is under way and it is time. Answers whether it did.
    pub(super) fn begin_if_due(&mut self, now: Instant, peers: usize) -> bool {
        let is_due = self.round.is_none() && now >= self.not_before;
        if is_due {
            self.round = Some(Round { took: Duration::ZERO, peers_left: peers });
        }
        is_due
    }

    /// How many peers have not had their turn in this round.
    pub(super) fn peers_left(&self) -> usize {
        self.round.as_ref().map_or(0, |round| round.peers_left)
    }

    /// Notes that so many peers had their turn, which took so long until `now`.
    pub(super) fn on_told(&mut self, peers: usize, took: Duration, now: Instant) {
        let Some(round) = &mut self.round else { return };
        round.took += took;
        round.peers_left = round.peers_left.saturating_sub(peers);
        if round.peers_left == 0 {
            let usual = self.usual.map_or(round.took, |usual| (usual * (LATELY - 1) + round.took) / LATELY);
            self.usual = Some(usual);
            self.not_before = now + (round.took.min(usual) * PAUSE).min(LONGEST_PAUSE);
            self.round = None;
        }
    }

    /// Whether a round is under way.
    pub(super) fn is_in_round(&self) -> bool {
        self.round.is_some()
    }

    /// How long the next round has to wait.
    pub(super) fn pause(&self, now: Instant) -> Duration {
        self.not_before.saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn the_first_round_begins_at_once_and_the_next_after_a_pause() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        assert!(pace.begin_if_due(start, 10));
        pace.on_told(6, MS, start + MS);
        assert!(!pace.begin_if_due(start + 2 * MS, 12), "the round goes on, whatever came between");
        assert_eq!(pace.peers_left(), 4);
        pace.on_told(4, MS, start + 3 * MS);
        assert!(!pace.is_in_round());
        assert_eq!(pace.pause(start + 3 * MS), 6 * MS, "three times the two that the round took");
        assert!(!pace.begin_if_due(start + 8 * MS, 10));
        assert!(pace.begin_if_due(start + 9 * MS, 10));
    }

    #[test]
    fn a_round_that_was_held_up_is_not_followed_by_a_long_pause() {
        let mut now = Instant::now();
        let mut pace = Pace::new(now);
        let mut pause_after = |took: Duration| {
            assert!(pace.begin_if_due(now, 1));
            now += took;
            pace.on_told(1, took, now);
            let pause = pace.pause(now);
            now += pause;
            pause
        };
        assert_eq!(pause_after(MS / 2), 3 * MS / 2);
        assert!(pause_after(4 * MS) < 3 * MS, "rounds have not become eight times as long");
        for _ in 0..40 {
            pause_after(2 * MS);
        }
        assert!(pause_after(2 * MS) > 5 * MS, "now they have");
    }

    #[test]
    fn no_pause_is_longer_than_ten_milliseconds_and_none_is_left_after_idling() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        assert!(pace.begin_if_due(start, 1));
        pace.on_told(1, 100 * MS, start + 100 * MS);
        assert_eq!(pace.pause(start + 100 * MS), LONGEST_PAUSE);
        assert_eq!(pace.pause(start + 200 * MS), Duration::ZERO);
    }
}
