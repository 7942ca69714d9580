//! How a range is followed.

use std::time::Duration;

/// How a range is followed.
#[derive(Clone, Debug)]
pub struct FollowerOptions {
    /// The most keys that are asked for in one page; halved for as long as pages are too large for their receiver.
    pub page_keys: u32,
    /// The first and the longest interval between attempts that fail.
    pub retry: (Duration, Duration),
    /// How long a request or the creation of a watch may take.
    pub answer_within: Duration,
    /// After how long without a message a watch is asked for a sign of life.
    pub quiet_for: Duration,
}

impl Default for FollowerOptions {
    fn default() -> Self {
        Self {
            page_keys: 10_000,
            retry: (Duration::from_millis(200), Duration::from_secs(5)),
            answer_within: Duration::from_secs(5),
            quiet_for: Duration::from_secs(10),
        }
    }
}
