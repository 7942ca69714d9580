//! One compare-and-swap, with all that can become of it.

use std::time::Duration;

use bytes::Bytes;

use crate::Revision;
use crate::backoff::Backoff;

/// What must stand at the key for a write to happen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Expected {
    /// Nothing: the write creates the key.
    Absent,
    /// What was read with this stamp.
    At(Stamp),
}

/// Which write of a key a value is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Stamp {
    /// The revision that wrote it.
    pub revision: Revision,
    /// The revision that created the key.
    pub created: Revision,
    /// How often the key was written since it was created; 1 for a new key.
    pub version: u64,
}

/// What stands at the key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Current {
    /// The value.
    pub value: Bytes,
    /// Which write it is.
    pub stamp: Stamp,
}

/// What the owner has to do next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SwapStep {
    /// Send a request and hand in its reply.
    Send(SwapRequest),
    /// Wait and ask for the next step.
    Wait(Duration),
    /// It is over.
    Done(SwapOutcome),
}

/// A request to the store.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SwapRequest {
    /// The transaction: compare, then write, or else read the key.
    Write,
    /// Read the key.
    Read,
}

/// A reply to a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SwapReply {
    /// The transaction wrote, with this revision.
    Written(Revision),
    /// The comparison failed, or the key was read: what stands there.
    Found(Option<Current>),
    /// The request was refused before it was carried out.
    Refused(String),
    /// The store answered that it has no space. It may have carried the request out all the same, and will not do so later.
    Full(String),
    /// No answer: the request may have been carried out, or may still be.
    Unknown(String),
}

/// How it ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SwapOutcome {
    /// The key has the new value (or is gone), by this write or by one that wrote the same. The revision is 0 for a deletion that
    /// was only seen afterwards.
    Written(Revision),
    /// This write did not happen: something else stands at the key.
    Conflict(Option<Current>),
    /// Something else stands at the key, and it cannot be known whether this write stood there before it.
    Overtaken(Option<Current>),
    /// The store refuses it, or was not to be reached before any attempt: this write does not stand at the key.
    ///
    /// A creation that is refused for want of space may have been made all the same and deleted by another writer at once.
    Refused(String),
    /// The store was not to be reached again: the write may have happened or may still happen.
    Unknown(String),
}

/// How often a write is tried.
#[derive(Clone, Debug)]
pub struct SwapOptions {
    /// The most requests.
    pub attempts: u32,
    /// The first and the longest interval after a request without an answer.
    pub retry: (Duration, Duration),
}

impl Default for SwapOptions {
    fn default() -> Self {
        Self { attempts: 8, retry: (Duration::from_millis(100), Duration::from_secs(2)) }
    }
}

/// What is not known of the writes that were sent.
#[derive(Debug)]
enum Doubt {
    /// Nothing: each was refused before it was carried out, or none was sent.
    None,
    /// The last one was refused for this reason. It may stand in the store all the same, and will not come to stand there later.
    Refused(String),
    /// One had no answer: it may have been carried out, or may still be.
    Open,
}

/// One compare-and-swap.
///
/// A write without an answer is read back. If what was expected still stands there, the same write is sent again: should both
/// arrive in the end, the second fails its comparison. A write that was refused for want of space is read back, too, and not sent
/// again. Whether another value overwrote this one is told from the key's stamp
/// where that is possible.
#[derive(Debug)]
pub struct Swap {
    expected: Expected,
    value: Option<Bytes>,
    attempts_left: u32,
    backoff: Backoff,
    step: SwapStep,
    doubt: Doubt,
    after_wait: SwapRequest,
}

impl Swap {
    /// A write of `value`, or a deletion when there is none.
    #[must_use]
    pub fn new(expected: Expected, value: Option<Bytes>, options: &SwapOptions) -> Self {
        let (first, longest) = options.retry;
        Self {
            expected,
            value,
            attempts_left: options.attempts.max(1) - 1,
            backoff: Backoff::new(first, longest),
            step: SwapStep::Send(SwapRequest::Write),
            doubt: Doubt::None,
            after_wait: SwapRequest::Write,
        }
    }

    /// What to do next.
    #[must_use]
    pub fn step(&self) -> &SwapStep {
        &self.step
    }

    /// Goes on after [`SwapStep::Wait`].
    pub fn handle_waited(&mut self) {
        if matches!(self.step, SwapStep::Wait(_)) {
            self.step = SwapStep::Send(self.after_wait);
        }
    }

    /// Handles the reply to the last request. `jitter` is random.
    pub fn handle_reply(&mut self, reply: SwapReply, jitter: u8) {
        let SwapStep::Send(request) = self.step else { return };
        self.step = match (request, reply) {
            (_, SwapReply::Written(revision)) => SwapStep::Done(SwapOutcome::Written(revision)),
            (_, SwapReply::Found(current)) if self.is_expected(current.as_ref()) => match &self.doubt {
                Doubt::Refused(why) => SwapStep::Done(SwapOutcome::Refused(why.clone())),
                Doubt::None | Doubt::Open => self.write_again(),
            },
            (_, SwapReply::Found(current)) => SwapStep::Done(self.judge(current)),
            (_, SwapReply::Refused(why)) => SwapStep::Done(match self.doubt {
                Doubt::None => SwapOutcome::Refused(why),
                Doubt::Refused(_) | Doubt::Open => SwapOutcome::Unknown(why),
            }),
            (SwapRequest::Write, SwapReply::Full(why)) => self.read_back(why),
            (SwapRequest::Write, SwapReply::Unknown(why)) => {
                self.doubt = Doubt::Open;
                self.retry(why, jitter)
            }
            (SwapRequest::Read, SwapReply::Full(why) | SwapReply::Unknown(why)) => self.retry(why, jitter),
        };
    }

    /// Looks whether a write that was refused stands in the store.
    fn read_back(&mut self, why: String) -> SwapStep {
        if !matches!(self.doubt, Doubt::Open) {
            self.doubt = Doubt::Refused(why.clone());
        }
        match self.take_attempt() {
            true => SwapStep::Send(SwapRequest::Read),
            false => SwapStep::Done(SwapOutcome::Unknown(why)),
        }
    }

    fn retry(&mut self, why: String, jitter: u8) -> SwapStep {
        self.after_wait = SwapRequest::Read;
        match self.take_attempt() {
            true => SwapStep::Wait(self.backoff.next_interval(jitter)),
            false => SwapStep::Done(SwapOutcome::Unknown(why)),
        }
    }

    fn write_again(&mut self) -> SwapStep {
        match self.take_attempt() {
            true => SwapStep::Send(SwapRequest::Write),
            false => SwapStep::Done(SwapOutcome::Unknown("too many attempts".to_owned())),
        }
    }

    fn take_attempt(&mut self) -> bool {
        let left = self.attempts_left.checked_sub(1);
        self.attempts_left = left.unwrap_or(0);
        left.is_some()
    }

    fn is_expected(&self, current: Option<&Current>) -> bool {
        match self.expected {
            Expected::Absent => current.is_none(),
            Expected::At(stamp) => current.is_some_and(|current| current.stamp == stamp),
        }
    }

    /// What it means that something else stands at the key than was expected.
    fn judge(&self, current: Option<Current>) -> SwapOutcome {
        if matches!(self.doubt, Doubt::None) {
            return SwapOutcome::Conflict(current);
        }
        match (&self.value, &current) {
            (Some(wanted), Some(found)) if found.value == wanted => {
                SwapOutcome::Written(found.stamp.revision)
            }
            (None, None) => SwapOutcome::Written(Revision::default()),
            (_, Some(found)) if self.is_next_write(found.stamp) => SwapOutcome::Conflict(current),
            (_, _) => SwapOutcome::Overtaken(current),
        }
    }

    /// True when exactly one write was made since what was expected: there was none before it.
    fn is_next_write(&self, found: Stamp) -> bool {
        match self.expected {
            // The key may have been created, deleted and created again.
            Expected::Absent => false,
            Expected::At(expected) => {
                found.created == expected.created && expected.version.checked_add(1) == Some(found.version)
            }
        }
    }
}
