//! Why a session last went down, as a number in its packets.

use std::fmt;

/// A diagnostic code of the IANA registry (RFC 5880 §4.1): 0 to 31.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Diagnostic(u8);

impl Diagnostic {
    /// The session has not gone down yet.
    pub const NONE: Self = Self(0);
    /// Nothing was received for the detection time.
    pub const DETECTION_TIME_EXPIRED: Self = Self(1);
    /// The echo function failed.
    pub const ECHO_FAILED: Self = Self(2);
    /// The remote system said that its session is down.
    pub const NEIGHBOR_SIGNALED_DOWN: Self = Self(3);
    /// The forwarding plane was reset.
    pub const FORWARDING_PLANE_RESET: Self = Self(4);
    /// The path is down by other evidence.
    pub const PATH_DOWN: Self = Self(5);
    /// A concatenated path is down.
    pub const CONCATENATED_PATH_DOWN: Self = Self(6);
    /// The operator holds the session down.
    pub const ADMINISTRATIVELY_DOWN: Self = Self(7);
    /// A concatenated path is down in the reverse direction.
    pub const REVERSE_CONCATENATED_PATH_DOWN: Self = Self(8);

    /// The diagnostic with this number; only the lowest five bits count.
    pub const fn new(number: u8) -> Self {
        Self(number & 0b1_1111)
    }

    /// The number in the registry.
    pub const fn number(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match *self {
            Self::NONE => "no diagnostic",
            Self::DETECTION_TIME_EXPIRED => "control detection time expired",
            Self::ECHO_FAILED => "echo function failed",
            Self::NEIGHBOR_SIGNALED_DOWN => "neighbor signaled session down",
            Self::FORWARDING_PLANE_RESET => "forwarding plane reset",
            Self::PATH_DOWN => "path down",
            Self::CONCATENATED_PATH_DOWN => "concatenated path down",
            Self::ADMINISTRATIVELY_DOWN => "administratively down",
            Self::REVERSE_CONCATENATED_PATH_DOWN => "reverse concatenated path down",
            Self(number) => return write!(f, "diagnostic {number}"),
        };
        f.write_str(name)
    }
}
