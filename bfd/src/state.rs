//! The state of a session, as both systems tell each other.

use std::fmt;

/// The state of a session (RFC 5880 §4.1, §6.2).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum State {
    /// Held down by the operator.
    AdminDown,
    /// The remote system has not been heard, or not for the detection time.
    Down,
    /// The remote system is heard, and has not yet said that it hears this one.
    Init,
    /// Both systems hear each other.
    Up,
}

impl State {
    /// The state with this number in a packet (two bits).
    pub(crate) const fn from_bits(bits: u8) -> Self {
        match bits & 0b11 {
            0 => Self::AdminDown,
            1 => Self::Down,
            2 => Self::Init,
            _ => Self::Up,
        }
    }

    /// The number of the state in a packet.
    pub(crate) const fn bits(self) -> u8 {
        match self {
            Self::AdminDown => 0,
            Self::Down => 1,
            Self::Init => 2,
            Self::Up => 3,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AdminDown => "admin down",
            Self::Down => "down",
            Self::Init => "init",
            Self::Up => "up",
        })
    }
}
