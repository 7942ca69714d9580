//! When the next packet is sent, and the Poll Sequence (RFC 5880 §6.5, §6.8.3, §6.8.7).

use std::time::Duration;

use margay_timestamp::Timestamp;

use crate::jitter::Jitter;
use crate::{Flags, Intervals};

/// The timer of periodic packets, and what is to be said out of turn.
#[derive(Debug)]
pub(super) struct Transmission {
    /// When the next periodic packet is due.
    due_at: Timestamp,
    /// The Poll Sequence under way, with the intervals that were agreed before; `None` without one.
    polling: Option<Intervals>,
    /// The remote system polled and is answered at once.
    owes_final: bool,
    jitter: Jitter,
    /// The authentication sequence number of the next packet.
    sequence: u32,
}

impl Transmission {
    pub(super) const fn new(now: Timestamp, jitter: Jitter, sequence: u32) -> Self {
        Self { due_at: now, polling: None, owes_final: false, jitter, sequence }
    }

    /// The bits of the packet that is due now, if one is; the next periodic one is then planned.
    pub(super) fn next(
        &mut self,
        now: Timestamp,
        interval: Duration,
        multiplier: u8,
        is_periodic: bool,
    ) -> Option<Flags> {
        if std::mem::take(&mut self.owes_final) {
            return Some(Flags::FINAL);
        }
        if !is_periodic || now < self.due_at {
            return None;
        }
        self.due_at = now + self.jitter.shorten(interval, multiplier);
        Some(if self.polling.is_some() { Flags::POLL } else { Flags::default() })
    }

    /// Until when there is nothing to send.
    pub(super) fn next_timeout(&self, is_periodic: bool) -> Option<Timestamp> {
        if self.owes_final {
            return Some(Timestamp::START);
        }
        is_periodic.then_some(self.due_at)
    }

    /// Sends the next packet at once: the state changed.
    pub(super) fn send_now(&mut self, now: Timestamp) {
        self.due_at = self.due_at.min(now);
    }

    /// Sends the next packet within `interval`, where it was planned for later.
    pub(super) fn shorten_wait(&mut self, now: Timestamp, interval: Duration, multiplier: u8) {
        let soonest = now + self.jitter.shorten(interval, multiplier);
        self.due_at = self.due_at.min(soonest);
    }

    /// Begins a Poll Sequence: intervals change from `before` once the remote system has answered.
    pub(super) fn begin_poll(&mut self, before: Intervals) {
        self.polling.get_or_insert(before);
    }

    /// The remote system has answered the Poll.
    pub(super) fn end_poll(&mut self) {
        self.polling = None;
    }

    /// The session is not up any more: there is nothing to agree upon.
    pub(super) fn abandon_poll(&mut self) {
        self.polling = None;
    }

    pub(super) fn answer_poll(&mut self) {
        self.owes_final = true;
    }

    pub(super) const fn is_polling(&self) -> bool {
        self.polling.is_some()
    }

    /// The interval to send at: a longer one takes effect only when the remote system knows of it (§6.8.3).
    pub(super) fn agreed_transmit(&self, wanted: Duration) -> Duration {
        self.polling.map_or(wanted, |before| wanted.min(before.transmit()))
    }

    /// The interval to expect: a shorter one takes effect only when the remote system knows of it (§6.8.3).
    pub(super) fn agreed_receive(&self, wanted: Duration) -> Duration {
        self.polling.map_or(wanted, |before| wanted.max(before.receive()))
    }

    /// The sequence number of a packet to sign. Each packet has one of its own, which also serves the kinds that would
    /// let a number repeat.
    pub(super) const fn next_sequence(&mut self) -> u32 {
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        sequence
    }
}
