//! What our OPENs offer: all capabilities, or none to a peer that refuses them.

use bgp_codec::{Capabilities, Family, NotificationCode, Open};

use crate::families::announced_families;
use crate::{CloseReason, DialMode, SessionOptions};

/// Whether an OPEN carries our capabilities.
///
/// A peer that does not know the optional parameter refuses the OPEN, and accepts one without it (RFC 5492 §5).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Offer {
    #[default]
    Everything,
    /// The session has IPv4 unicast alone, with two-octet AS numbers.
    NoCapabilities,
}

/// The connection on which an OPEN was refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum RefusedOn {
    /// One that we opened, or on which the peer's OPEN was accepted.
    PeersConnection,
    /// One from the peer's address that may be another host's.
    Candidate,
}

impl Offer {
    /// The OPEN with this offer.
    pub(crate) fn open(self, options: &SessionOptions) -> Open {
        Open {
            asn: options.local_asn,
            hold_time: options.hold_time,
            identifier: options.identifier,
            capabilities: self.capabilities(options),
        }
    }

    /// The capabilities of an OPEN with this offer.
    pub(crate) fn capabilities(self, options: &SessionOptions) -> Capabilities {
        match self {
            Self::Everything => options.capabilities.clone(),
            Self::NoCapabilities => Capabilities::default(),
        }
    }

    /// The offer of the next OPEN after a connection with this offer was closed. Capabilities are left out of one attempt, and of
    /// the session that comes of it.
    pub(crate) fn after(self, reason: &CloseReason, on: RefusedOn, options: &SessionOptions) -> Self {
        let CloseReason::NotificationReceived(notification) = reason else { return Self::Everything };
        let is_refused = (notification.code, notification.subcode)
            == (NotificationCode::OPEN_MESSAGE_ERROR, UNSUPPORTED_OPTIONAL_PARAMETER);
        // Another host with the peer's address must not take the capabilities away. If only the peer connects, there is no other
        // sign of its refusal.
        let is_credible = on == RefusedOn::PeersConnection || options.dial_mode == DialMode::Passive;
        let has_ipv4 = announced_families(&options.capabilities).contains(&Family::IPV4_UNICAST);
        match self {
            Self::Everything if is_refused && is_credible && has_ipv4 => Self::NoCapabilities,
            Self::Everything | Self::NoCapabilities => Self::Everything,
        }
    }
}

/// The subcode of an OPEN message error (RFC 4271 §6.2).
const UNSUPPORTED_OPTIONAL_PARAMETER: u8 = 4;
