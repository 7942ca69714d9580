//! Event-loop latency of the speaker: its turns, and the steps that they consist of.
//!
//! A turn is the work between two polls of the queues. No input is handled meanwhile, so turns must be short.

use std::time::Duration;

use tokio::time::Instant;

/// What a step of a turn does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Step {
    /// A session comes up or ends.
    Session,
    /// A batch of UPDATEs is handled.
    Updates,
    /// A peer requests all routes again, or begins or ends to announce its own again.
    Refresh,
    /// Peers, rules or networks change.
    Configuration,
    /// A question of an operator is answered.
    Question,
    /// An event of the kernel's side is handled, or the kernel is fed.
    Kernel,
    /// Hold-back, refreshes and absences end.
    Timers,
    /// A slice of the Rib's background work.
    Work,
    /// Peers are fed, for a slice of time.
    Feeding,
}

/// Times taken by things of one kind.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct TimesTaken {
    /// How many there were.
    pub count: u64,
    /// How many of them took longer than ten milliseconds: no turn should.
    pub long: u64,
    /// The longest.
    pub longest: Duration,
    /// All together.
    pub total: Duration,
}

const LONG: Duration = Duration::from_millis(10);

/// The turns since a moment, in numbers.
#[derive(Clone, Copy, Debug)]
pub struct TurnTimes {
    /// Since when.
    pub since: Instant,
    /// Whole turns.
    pub turns: TimesTaken,
    /// What of each turn the speaker had a processor for: the rest is what others on the machine took.
    pub computing: TimesTaken,
    /// Steps, in the order of [`Step::ALL`].
    steps: [TimesTaken; Step::ALL.len()],
}

/// Takes the times of the speaker's turns.
#[derive(Debug)]
pub(super) struct TurnClock {
    times: TurnTimes,
    turn_began: Instant,
    step_began: Instant,
    /// How long the thread that the turn is on had had a processor when it began.
    computed: Duration,
}

impl TurnClock {
    pub(super) fn new(now: Instant) -> Self {
        Self { times: TurnTimes::new(now), turn_began: now, step_began: now, computed: Duration::ZERO }
    }

    /// A turn begins, and its first step, on a thread that has `computed` for so long. A turn stays on its thread.
    pub(super) fn begin_turn(&mut self, now: Instant, computed: Duration) {
        self.turn_began = now;
        self.step_began = now;
        self.computed = computed;
    }

    /// How long the turn has taken so far.
    pub(super) fn spent(&self, now: Instant) -> Duration {
        now.duration_since(self.turn_began)
    }

    /// A step is over, and the next begins.
    pub(super) fn end_step(&mut self, step: Step, now: Instant) {
        self.times.steps[step as usize].add(now.duration_since(self.step_began));
        self.step_began = now;
    }

    /// The turn is over with the step that was last; returns how long it took. By now its thread has `computed` for so long.
    pub(super) fn end_turn(&mut self, computed: Duration) -> Duration {
        let took = self.step_began.duration_since(self.turn_began);
        self.times.turns.add(took);
        self.times.computing.add(computed.saturating_sub(self.computed));
        took
    }

    /// The turns so far.
    pub(super) fn times(&self) -> TurnTimes {
        self.times
    }

    /// The turns so far, which are forgotten.
    pub(super) fn take(&mut self, now: Instant) -> TurnTimes {
        std::mem::replace(&mut self.times, TurnTimes::new(now))
    }
}

impl TurnTimes {
    fn new(since: Instant) -> Self {
        Self {
            since,
            turns: TimesTaken::default(),
            computing: TimesTaken::default(),
            steps: Default::default(),
        }
    }

    /// The times of each kind of step.
    pub fn steps(&self) -> impl Iterator<Item = (Step, TimesTaken)> + '_ {
        Step::ALL.into_iter().zip(self.steps)
    }
}

impl TimesTaken {
    fn add(&mut self, took: Duration) {
        self.count += 1;
        self.long += u64::from(took > LONG);
        self.longest = self.longest.max(took);
        self.total += took;
    }
}

impl Step {
    /// All of them, in the order in which they are declared.
    pub const ALL: [Self; 9] = [
        Self::Session,
        Self::Updates,
        Self::Refresh,
        Self::Configuration,
        Self::Question,
        Self::Kernel,
        Self::Timers,
        Self::Work,
        Self::Feeding,
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_takes_as_long_as_its_steps_and_the_longest_of_each_kind_is_kept() {
        let mut now = Instant::now();
        let mut pass = |milliseconds| {
            now += Duration::from_millis(milliseconds);
            now
        };
        let mut clock = TurnClock::new(pass(0));
        for (updates, work, computed) in [(3, 4, [20, 27]), (9, 2, [5, 8])] {
            let [before, after] = computed.map(Duration::from_millis);
            clock.begin_turn(pass(100), before);
            clock.end_step(Step::Updates, pass(updates));
            clock.end_step(Step::Work, pass(work));
            assert_eq!(clock.end_turn(after), Duration::from_millis(updates + work));
        }
        let milliseconds =
            |times: TimesTaken| (times.count, times.long, times.longest.as_millis(), times.total.as_millis());
        let times = clock.take(pass(0));
        assert_eq!(milliseconds(times.turns), (2, 1, 11, 18), "waiting is no part of a turn");
        assert_eq!(milliseconds(times.computing), (2, 0, 7, 10), "each on a thread of its own");
        let of =
            |wanted| times.steps().find(|&(step, _)| step == wanted).map(|(_, times)| milliseconds(times));
        assert_eq!(of(Step::Updates), Some((2, 0, 9, 12)));
        assert_eq!(of(Step::Work), Some((2, 0, 4, 6)));
        assert_eq!(of(Step::Feeding), Some((0, 0, 0, 0)));
        assert_eq!(clock.times().turns, TimesTaken::default(), "what was taken is forgotten");
    }

    #[test]
    fn every_step_is_at_its_own_place() {
        for (place, step) in Step::ALL.into_iter().enumerate() {
            assert_eq!(step as usize, place, "{step:?}");
        }
    }
}
