//! Checks that KEEPALIVEs are sent in time under any load.

use std::time::Duration;

use super::message_scanner::MessageKind;

/// One direction of a connection, from the OPENs on.
#[derive(Debug, Default)]
pub(super) struct Keepalives {
    /// Interval between KEEPALIVEs; `None` if it is unknown, or if there are none.
    interval: Option<Duration>,
    last: Option<Duration>,
    /// Whether no octet was accepted for a time since the last one, which is not the sender's fault.
    was_full: bool,
    /// Octets of UPDATEs that were started when a KEEPALIVE was already late.
    overtaking: usize,
}

impl Keepalives {
    pub(super) fn set_interval(&mut self, interval: Option<Duration>) {
        self.interval = interval;
    }

    pub(super) fn on_full(&mut self) {
        self.was_full = true;
    }

    /// Notes that the clock has jumped, or the sender was suspended: it could not send meanwhile.
    pub(super) fn on_standstill(&mut self, now: Duration) {
        self.last = self.last.map(|_| now);
        self.was_full = true;
    }

    /// Notes a sent message.
    ///
    /// # Errors
    ///
    /// The violation, in words.
    pub(super) fn on_message(
        &mut self,
        now: Duration,
        kind: MessageKind,
        octets: usize,
    ) -> Result<(), String> {
        let (Some(interval), Some(last)) = (self.interval, self.last) else {
            if kind == MessageKind::Keepalive {
                self.last = Some(now);
            }
            return Ok(());
        };
        let latest = last + interval + TOLERANCE;
        let is_late = now > latest;
        let outcome = match kind {
            MessageKind::Keepalive if is_late && !self.was_full => {
                Err(format!("a KEEPALIVE is {:?} late", now - last - interval))
            }
            MessageKind::Update if is_late => {
                self.overtaking += octets;
                match self.overtaking > ONE_BUFFER {
                    true => Err(format!("a KEEPALIVE is {:?} late behind UPDATEs", now - last - interval)),
                    false => Ok(()),
                }
            }
            _ => Ok(()),
        };
        if kind == MessageKind::Keepalive {
            *self = Self { interval: self.interval, last: Some(now), ..Self::default() };
        }
        outcome
    }
}

/// Permitted delay of a KEEPALIVE.
const TOLERANCE: Duration = Duration::from_secs(1);

/// A buffer of UPDATEs that is partly sent is sent to its end: a slice of a log, with its share of
/// withdrawals.
const ONE_BUFFER: usize = 24 * 1024;
