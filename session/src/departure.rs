//! What the end of a session means for the peer's routes (RFC 4724 §4.2, RFC 8538 §4).

use bgp_codec::NotificationCode;

use crate::close_reason::HARD_RESET;
use crate::{CloseReason, Departure, RestartTerms, StopReason};

impl CloseReason {
    /// What the loss of an Established session for this reason means for the peer's routes (RFC 4724 §4.2, RFC 8538 §4).
    pub(crate) fn departure(&self, terms: Option<&RestartTerms>) -> Departure {
        match terms {
            Some(terms) if !terms.families.is_empty() && self.may_be_a_restart(terms) => {
                Departure::Restart(terms.clone())
            }
            Some(_) | None => Departure::Final,
        }
    }

    fn may_be_a_restart(&self, terms: &RestartTerms) -> bool {
        match self {
            Self::ConnectionLost | Self::PeerRestarted => true,
            Self::NotificationReceived(notification) => {
                let is_hard =
                    (notification.code, notification.subcode) == (NotificationCode::CEASE, HARD_RESET);
                terms.survives_notification && !is_hard
            }
            Self::HoldTimerExpired
            | Self::SendHoldTimerExpired
            | Self::DecodeFailed(_)
            | Self::UnexpectedMessage(_) => terms.survives_notification,
            Self::Stopped(reason) | Self::Interrupted(reason) => {
                terms.survives_notification && !reason.is_hard()
            }
            Self::OpenRejected(_)
            | Self::ConnectFailed
            | Self::ConnectTimedOut
            | Self::DialAbandoned
            | Self::Collision
            | Self::Superseded
            | Self::PathDown
            | Self::Refused => false,
        }
    }
}

impl StopReason {
    /// Whether routes must not outlive a stop for this reason, so that it is sent as a Hard Reset where the peer would keep
    /// them otherwise (RFC 8538 §3.1).
    pub(crate) const fn is_hard(&self) -> bool {
        match self {
            Self::MaximumPrefixes { .. }
            | Self::AdministrativeShutdown(_)
            | Self::PeerDeconfigured
            | Self::OutOfResources
            | Self::MemoryGuard { .. }
            | Self::LinkDown => true,
            Self::AdministrativeReset(_) | Self::OtherConfigurationChange | Self::Restart => false,
        }
    }
}
