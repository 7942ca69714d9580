//! Which member of the store to use.

use std::time::{Duration, Instant};

use margay_watch::Backoff;

/// The members, and since when which of them is avoided.
#[derive(Debug)]
pub(crate) struct Members {
    members: Vec<Member>,
    current: usize,
}

#[derive(Debug)]
struct Member {
    avoided_until: Option<Instant>,
    backoff: Backoff,
}

impl Members {
    /// So many members, all of them good; `first` is the number of the one to begin with, of any size.
    pub(crate) fn new(count: usize, first: usize) -> Self {
        let member = || Member {
            avoided_until: None,
            backoff: Backoff::new(Duration::from_millis(200), Duration::from_secs(5)),
        };
        let current = first.checked_rem(count).unwrap_or(0);
        Self { members: (0..count).map(|_| member()).collect(), current }
    }

    /// The member to use at the time `now`, and how long to wait before: the present one for as long as it is good, else the next
    /// good one, else the one that is avoided for the shortest time.
    pub(crate) fn choose(&mut self, now: Instant) -> (usize, Duration) {
        let count = self.members.len();
        let in_turn = (0..count).map(|step| (self.current + step) % count);
        let wait = |index: &usize| {
            let until = self.members.get(*index).and_then(|member| member.avoided_until);
            until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
        };
        self.current = in_turn.min_by_key(wait).unwrap_or(0);
        (self.current, wait(&self.current))
    }

    /// Notes that a member failed.
    pub(crate) fn on_failure(&mut self, index: usize, now: Instant, jitter: u8) {
        if let Some(member) = self.members.get_mut(index) {
            member.avoided_until = now.checked_add(member.backoff.next_interval(jitter));
        }
    }

    /// Notes that a member answered.
    pub(crate) fn on_answer(&mut self, index: usize) {
        if let Some(member) = self.members.get_mut(index) {
            member.avoided_until = None;
            member.backoff.reset();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Members;

    #[test]
    fn a_failed_member_is_left_for_the_next_and_not_returned_to_while_that_is_good() {
        let now = Instant::now();
        let mut members = Members::new(3, 1);
        assert_eq!(members.choose(now).0, 1);
        members.on_failure(1, now, 0);
        assert_eq!(members.choose(now), (2, Duration::ZERO));
        assert_eq!(members.choose(now + Duration::from_secs(60)), (2, Duration::ZERO));
    }

    #[test]
    fn when_all_fail_the_one_that_comes_back_first_is_waited_for() {
        let now = Instant::now();
        let mut members = Members::new(2, 0);
        members.on_failure(0, now, 0);
        members.on_failure(0, now, 0);
        members.on_failure(1, now, 0);
        assert_eq!(members.choose(now), (1, Duration::from_millis(200)));
        members.on_answer(0);
        assert_eq!(members.choose(now), (0, Duration::ZERO));
    }
}
