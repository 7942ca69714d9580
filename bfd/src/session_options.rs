//! What an operator chooses for a session.

use std::time::Duration;

use crate::Authentication;

/// What an operator chooses for one session.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SessionOptions {
    /// How often packets are sent and expected.
    pub intervals: Intervals,
    /// Keys for the packets of both directions; `None` for packets without authentication section.
    pub authentication: Option<Authentication>,
}

/// How often packets are sent and expected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Intervals {
    transmit: Duration,
    receive: Duration,
    multiplier: u8,
}

/// Intervals that no session can have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum InvalidIntervals {
    /// Less than a millisecond, or more than the 71 minutes that a packet can say.
    OutOfRange(Duration),
    /// With a multiplier of zero no packet could be late.
    ZeroMultiplier,
}

impl Intervals {
    /// 300 ms both ways, three packets.
    pub const DEFAULT: Self =
        Self { transmit: Duration::from_millis(300), receive: Duration::from_millis(300), multiplier: 3 };

    /// Intervals of packets sent (`bfd.DesiredMinTxInterval`) and expected (`bfd.RequiredMinRxInterval`), and how many
    /// packets in a row the remote system may miss (`bfd.DetectMult`). Precision is a microsecond.
    ///
    /// # Errors
    ///
    /// An interval below a millisecond or beyond what a packet can say, or a multiplier of zero.
    pub fn new(transmit: Duration, receive: Duration, multiplier: u8) -> Result<Self, InvalidIntervals> {
        for interval in [transmit, receive] {
            if interval < Duration::from_millis(1) || interval.as_micros() > u128::from(u32::MAX) {
                return Err(InvalidIntervals::OutOfRange(interval));
            }
        }
        if multiplier == 0 {
            return Err(InvalidIntervals::ZeroMultiplier);
        }
        Ok(Self { transmit, receive, multiplier })
    }

    /// The least interval at which this system wants to send.
    pub const fn transmit(self) -> Duration {
        self.transmit
    }

    /// The least interval at which this system wants to receive.
    pub const fn receive(self) -> Duration {
        self.receive
    }

    /// How many intervals without a packet end the session.
    pub const fn multiplier(self) -> u8 {
        self.multiplier
    }
}

impl std::fmt::Display for InvalidIntervals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OutOfRange(interval) => write!(f, "{interval:?} is not between 1 ms and 71 minutes"),
            Self::ZeroMultiplier => f.write_str("the multiplier must be at least 1"),
        }
    }
}

impl std::error::Error for InvalidIntervals {}
