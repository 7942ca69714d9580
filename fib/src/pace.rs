//! Deadlines of the mirror's delayed work.

use std::time::Duration;

use margay_timestamp::Timestamp;

use crate::mirror::Consequences;

/// The deadlines. A deadline that is set is never postponed, so that steady churn cannot hold it off.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    look_around_at: Option<Timestamp>,
    read_at: Option<Timestamp>,
    retry_at: Option<Timestamp>,
    /// The last interval between two attempts at refused requests.
    retry_delay: Option<Duration>,
}

impl Pace {
    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        [self.look_around_at, self.read_at, self.retry_at].into_iter().flatten().min()
    }

    pub(crate) fn follow(&mut self, consequences: Consequences, now: Timestamp) {
        if consequences.surroundings_changed {
            self.look_around_soon(now);
        }
        if consequences.mirror_uncertain {
            self.read_soon(now);
        }
    }

    pub(crate) fn look_around_soon(&mut self, now: Timestamp) {
        self.look_around_at.get_or_insert(now + LOOK_AROUND_DELAY);
    }

    pub(crate) fn read_soon(&mut self, now: Timestamp) {
        self.read_at.get_or_insert(now + READ_DELAY);
    }

    pub(crate) fn retry_later(&mut self, now: Timestamp) {
        if self.retry_at.is_some() {
            return;
        }
        let delay = self.retry_delay.map_or(RETRY_DELAY_FIRST, |last| RETRY_DELAY_LAST.min(last * 2));
        self.retry_delay = Some(delay);
        self.retry_at = Some(now + delay);
    }

    /// Makes the next attempt follow after the shortest interval again.
    pub(crate) fn forget_retries(&mut self) {
        self.retry_delay = None;
    }

    pub(crate) fn take_reading(&mut self, now: Timestamp) -> bool {
        self.read_at.take_if(|at| *at <= now).is_some()
    }

    pub(crate) fn take_look_around(&mut self, now: Timestamp) -> bool {
        self.look_around_at.take_if(|at| *at <= now).is_some()
    }

    pub(crate) fn take_retry(&mut self, now: Timestamp, all_is_well: bool) -> bool {
        let is_due = self.retry_at.take_if(|at| *at <= now).is_some();
        if is_due && all_is_well {
            self.retry_delay = None;
        }
        is_due
    }
}

/// Changes of links, addresses and subnets come in bursts: an interface that comes up causes a dozen
/// messages.
const LOOK_AROUND_DELAY: Duration = Duration::from_millis(50);
/// Long enough that reading a full table again and again takes only a part of one core.
const READ_DELAY: Duration = Duration::from_millis(500);
const RETRY_DELAY_FIRST: Duration = Duration::from_secs(2);
const RETRY_DELAY_LAST: Duration = Duration::from_secs(32);
