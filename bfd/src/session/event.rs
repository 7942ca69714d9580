//! What a session reports to its driver.

use std::fmt;
use std::time::Duration;

use crate::{Diagnostic, Discriminator, PacketError, State};

/// A change of the state that the session's users act on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Event {
    /// Both systems hear each other.
    Up,
    /// The session was up and is no longer.
    Down(DownReason),
}

/// Why a session that was up went down.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DownReason {
    /// Nothing was received for the detection time.
    DetectionTimeExpired,
    /// The remote system declared the session down.
    RemoteDown,
    /// The remote system began the session anew, under another discriminator: it or its user of the session has restarted.
    RemoteRestarted,
    /// The remote system's operator disabled the session: no sign that the path is broken (RFC 5882 §3.2).
    RemoteDisabled,
    /// This system's operator disabled it.
    Disabled,
}

/// Why a packet is discarded (RFC 5880 §6.8.6).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Discard {
    /// The octets break the rules that need no session.
    Malformed(PacketError),
    /// Your Discriminator names another session.
    OtherSession,
    /// The packet is authenticated, the session is not.
    UnexpectedAuthentication,
    /// The session is authenticated, the packet is not.
    MissingAuthentication,
    /// Wrong kind, key, digest, or an old sequence number.
    NotAuthentic,
}

/// Everything that an operator may ask of a session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SessionStatus {
    /// The state now.
    pub state: State,
    /// Why the session last went down.
    pub diagnostic: Diagnostic,
    /// This system's number of the session.
    pub discriminator: Discriminator,
    /// The remote system's number of the session, once heard.
    pub remote_discriminator: Option<Discriminator>,
    /// The state that the remote system last sent.
    pub remote_state: Option<State>,
    /// The diagnostic that the remote system last sent.
    pub remote_diagnostic: Option<Diagnostic>,
    /// The interval between packets sent, before jitter.
    pub transmit_interval: Duration,
    /// How long the remote system may be silent; `None` while it is not heard.
    pub detection_time: Option<Duration>,
    /// Whether the remote system asks for no periodic packets.
    pub is_remote_in_demand_mode: bool,
}

impl DownReason {
    /// Whether the path is broken, and the session was not just disabled (RFC 5882 §4.2) or begun anew.
    pub const fn is_path_failure(self) -> bool {
        match self {
            Self::DetectionTimeExpired | Self::RemoteDown => true,
            Self::RemoteRestarted | Self::RemoteDisabled | Self::Disabled => false,
        }
    }
}

impl fmt::Display for DownReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DetectionTimeExpired => "detection time expired",
            Self::RemoteDown => "remote system signaled down",
            Self::RemoteRestarted => "begun anew by the remote system",
            Self::RemoteDisabled => "disabled on the remote system",
            Self::Disabled => "disabled",
        })
    }
}

impl fmt::Display for Discard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(error) => error.fmt(f),
            Self::OtherSession => f.write_str("Your Discriminator names another session"),
            Self::UnexpectedAuthentication => f.write_str("the packet is authenticated, the session is not"),
            Self::MissingAuthentication => f.write_str("the packet is not authenticated"),
            Self::NotAuthentic => f.write_str("the authentication is wrong"),
        }
    }
}
