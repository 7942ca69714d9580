//! Pacing of rounds: a few changes are advertised at once, many in larger rounds.

use std::time::Duration;

use tokio::time::Instant;

/// The rounds in which changes are advertised to peers.
///
/// Feeding a thousand peers costs the same for one change as for a hundred. So rounds take a part of the time only: after
/// one that took long the next does not begin soon, and what changes meanwhile goes into the same messages. What was not
/// used of that part is saved up for a little while: a round that is the first for a while begins at once, and so does the
/// second. No clock runs when nothing changes.
///
/// A round that takes longer than rounds have taken lately was mostly held up by others on the machine. It counts for what
/// they took, or one hold-up would become two.
#[derive(Debug)]
pub(super) struct Pace {
    /// When all rounds so far have had their part of the time; no more than [`SAVED_UP`] ago when a round ends.
    paid_until: Instant,
    /// What rounds have taken lately.
    usual: Option<Duration>,
    round: Option<Round>,
}

#[derive(Debug)]
struct Round {
    began: Instant,
    took: Duration,
    /// Peers that have not had their turn.
    peers_left: usize,
}

/// Rounds take at most one part in this many of the time.
const PARTS: u32 = 2;

/// How much time rounds may have left unused and yet make use of.
const SAVED_UP: Duration = Duration::from_millis(1);

/// Rounds over which the usual length is averaged.
const LATELY: u32 = 8;

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_millis(10);

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self { paid_until: now, usual: None, round: None }
    }

    /// Begins a round among this many peers, if none is under way and it is due. Returns whether it did.
    pub(super) fn begin_if_due(&mut self, now: Instant, peers: usize) -> bool {
        let is_due = self.round.is_none() && now >= self.paid_until;
        if is_due {
            self.round = Some(Round { began: now, took: Duration::ZERO, peers_left: peers });
        }
        is_due
    }

    /// How many peers have not had their turn in this round.
    pub(super) fn peers_left(&self) -> usize {
        self.round.as_ref().map_or(0, |round| round.peers_left)
    }

    /// Notes that so many peers had their turn, which took so long until `now`.
    pub(super) fn on_fed(&mut self, peers: usize, took: Duration, now: Instant) {
        let Some(round) = &mut self.round else { return };
        round.took += took;
        round.peers_left = round.peers_left.saturating_sub(peers);
        if round.peers_left == 0 {
            let usual = self.usual.map_or(round.took, |usual| (usual * (LATELY - 1) + round.took) / LATELY);
            self.usual = Some(usual);
            let saved_up = round.began.checked_sub(SAVED_UP).unwrap_or(round.began);
            let paid_until = self.paid_until.max(saved_up) + round.took.min(usual) * PARTS;
            self.paid_until = paid_until.min(now + LONGEST_PAUSE);
            self.round = None;
        }
    }

    /// Whether a round is under way.
    pub(super) fn is_in_round(&self) -> bool {
        self.round.is_some()
    }

    /// Time until the next round may begin.
    pub(super) fn pause(&self, now: Instant) -> Duration {
        self.paid_until.saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Plays a round that begins as soon as it may, and returns when it did and when it ended.
    fn play(pace: &mut Pace, now: Instant, took: Duration) -> (Instant, Instant) {
        let began = now + pace.pause(now);
        assert!(pace.begin_if_due(began, 1));
        pace.on_fed(1, took, began + took);
        (began, began + took)
    }

    #[test]
    fn a_round_ends_when_all_peers_had_their_turn_whatever_came_between() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        assert!(pace.begin_if_due(start, 10));
        pace.on_fed(6, MS, start + MS);
        assert!(!pace.begin_if_due(start + 20 * MS, 12));
        assert_eq!(pace.peers_left(), 4);
        pace.on_fed(4, MS, start + 21 * MS);
        assert!(!pace.is_in_round());
    }

    #[test]
    fn rounds_take_half_of_the_time_however_much_has_to_be_written() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        let mut now = start;
        for _ in 0..100 {
            (_, now) = play(&mut pace, now, 2 * MS);
        }
        let share = 200.0 * MS.as_secs_f64() / now.duration_since(start).as_secs_f64();
        assert!((0.5..0.52).contains(&share), "{share}");
    }

    #[test]
    fn rounds_that_take_less_than_their_part_begin_at_once() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        let mut due = start + SAVED_UP;
        for round in 0..100 {
            // Some take longer than half of the time until the next, all together less.
            let took = MS * if round % 4 == 0 { 3 } else { 1 } / 4;
            let (began, _) = play(&mut pace, due, took);
            assert_eq!(began, due, "round {round}");
            due += MS;
        }
    }

    #[test]
    fn a_round_that_was_held_up_counts_as_usual() {
        let mut pace = Pace::new(Instant::now());
        let mut now = Instant::now();
        for _ in 0..40 {
            (_, now) = play(&mut pace, now, MS);
        }
        let (_, ended) = play(&mut pace, now, 3 * MS);
        assert!(pace.pause(ended) < MS, "rounds have not become three times as long");
        now = ended;
        for _ in 0..40 {
            (_, now) = play(&mut pace, now, 3 * MS);
        }
        assert!(pace.pause(now) > 2 * MS, "now they have");
    }

    #[test]
    fn no_pause_is_longer_than_ten_milliseconds_and_none_is_left_after_idling() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        let (_, ended) = play(&mut pace, start, 100 * MS);
        assert_eq!(pace.pause(ended), LONGEST_PAUSE);
        assert_eq!(pace.pause(ended + LONGEST_PAUSE), Duration::ZERO);
    }
}
