//! How often a peer may bring the session up by connecting.

use std::time::Duration;

use crate::Timestamp;

/// A few sessions in quick succession are a peer that restarts; more are a peer that flaps, which is slowed down: each session
/// costs every other peer, too.
#[derive(Clone, Debug)]
pub(crate) struct StartBudget {
    left: u32,
    renewed: Timestamp,
}

impl StartBudget {
    pub(crate) fn new() -> Self {
        Self { left: BURST, renewed: Timestamp::START }
    }

    /// A session came up.
    pub(crate) fn on_established(&mut self, now: Timestamp) {
        self.renew(now);
        self.left = self.left.saturating_sub(1);
    }

    /// Whether one more may.
    pub(crate) fn is_left(&mut self, now: Timestamp) -> bool {
        self.renew(now);
        self.left > 0
    }

    fn renew(&mut self, now: Timestamp) {
        while self.left < BURST && now - self.renewed >= RENEWAL {
            self.left += 1;
            self.renewed = self.renewed + RENEWAL;
        }
        if self.left == BURST {
            self.renewed = now;
        }
    }
}

/// How many sessions in a row.
const BURST: u32 = 10;

/// How long until one more.
const RENEWAL: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_in_a_row_and_then_one_a_second() {
        let mut budget = StartBudget::new();
        let start = Timestamp::at(Duration::from_secs(1000));
        for _ in 0..BURST {
            assert!(budget.is_left(start));
            budget.on_established(start);
        }
        assert!(!budget.is_left(start + Duration::from_millis(999)));
        assert!(budget.is_left(start + RENEWAL));
        budget.on_established(start + RENEWAL);
        assert!(!budget.is_left(start + RENEWAL));
        let later = start + Duration::from_hours(1);
        assert!(budget.is_left(later));
        assert_eq!(budget.left, BURST);
    }
}
