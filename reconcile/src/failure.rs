//! Operations that the kernel refused, and when they are tried again.

use std::time::Duration;

use margay_timestamp::Timestamp;

/// Why the kernel refused an operation.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{reason}")]
pub struct Refusal {
    /// What it means.
    pub kind: RefusalKind,
    /// The kernel's words.
    pub reason: String,
}

/// What a refusal means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RefusalKind {
    /// The thing, or the link that it is on, is not there (any more).
    Gone,
    /// Something of another owner stands in its place.
    Occupied,
    /// Anything else.
    Other,
}

/// An operation that failed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Failure {
    pub(crate) reason: String,
    pub(crate) attempts: u32,
    pub(crate) retry_at: Timestamp,
}

impl Failure {
    /// The failure after another attempt: intervals double from 100 ms to 30 s.
    pub(crate) fn again(former: Option<&Self>, reason: String, now: Timestamp) -> Self {
        let attempts = former.map_or(0, |failure| failure.attempts).saturating_add(1);
        let interval = SHORTEST * 2_u32.saturating_pow(attempts - 1).min(LONGEST_FACTOR);
        Self { reason, attempts, retry_at: now + interval }
    }
}

const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST_FACTOR: u32 = 300;
