//! Why connections are closed, and the NOTIFICATION for each reason.

use std::fmt;

use bgp_codec::{Notification, NotificationCode};

use crate::{OpenError, RestartTerms, State, StopReason};

/// Why a connection is closed, or a dial given up.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CloseReason {
    /// The session was stopped.
    Stopped(StopReason),
    /// The daemon ended the session, which may come back.
    Interrupted(StopReason),
    /// The peer sent a NOTIFICATION; it is never answered with another (RFC 4271 §6.4).
    NotificationReceived(Notification),
    /// The peer sent what cannot be accepted.
    DecodeFailed(Notification),
    /// The peer's OPEN does not fit the configuration.
    OpenRejected(OpenError),
    /// The peer sent a message that has no place in this state (RFC 6608).
    UnexpectedMessage(State),
    /// Nothing was heard from the peer for the hold time.
    HoldTimerExpired,
    /// The peer took no octets for the send hold time (RFC 9687).
    SendHoldTimerExpired,
    /// The peer closed the connection without a word, or the network did.
    ConnectionLost,
    /// The dial failed.
    ConnectFailed,
    /// The dial took longer than the connect-retry time.
    ConnectTimedOut,
    /// The dial is no longer needed: another connection got ahead of it, or the session failed.
    DialAbandoned,
    /// Of two connections the other one is kept (RFC 4271 §6.8).
    Collision,
    /// The peer opened another connection while this one was not yet Established, so it has left this one.
    Superseded,
    /// The peer sent an OPEN on a new connection although the session on this one was up: it has restarted, and this
    /// connection is dead at its end (RFC 4724 §5).
    PeerRestarted,
    /// BFD found that the path to the peer is down (RFC 9384).
    PathDown,
    /// The session is stopped, or waits after a protocol error, and accepts no connection.
    Refused,
}

impl CloseReason {
    /// The NOTIFICATION to send before closing, under the restart terms of the session; `None` closes without one.
    ///
    /// This is the one place where reasons become NOTIFICATIONs.
    pub fn notification(&self, terms: Option<&RestartTerms>) -> Option<Notification> {
        match self {
            Self::Stopped(reason) | Self::Interrupted(reason) => stop_notification(reason, terms),
            Self::DecodeFailed(notification) => Some(notification.clone()),
            Self::OpenRejected(error) => Some(error.notification()),
            Self::UnexpectedMessage(state) => Some(unexpected_message(*state)),
            Self::HoldTimerExpired => Some(Notification::hold_timer_expired()),
            Self::SendHoldTimerExpired => Some(Notification::send_hold_timer_expired()),
            Self::Collision | Self::Superseded => Some(Notification::connection_collision_resolution()),
            Self::Refused => Some(Notification::connection_rejected()),
            Self::PathDown => Some(Notification::new(NotificationCode::CEASE, BFD_DOWN)),
            Self::PeerRestarted
            | Self::NotificationReceived(_)
            | Self::ConnectionLost
            | Self::ConnectFailed
            | Self::ConnectTimedOut
            | Self::DialAbandoned => None,
        }
    }

    /// Whether one side found the other's messages wrong, so that an immediate new attempt would only fail again.
    pub(crate) fn is_protocol_error(&self) -> bool {
        match self {
            Self::NotificationReceived(notification) => matches!(
                notification.code,
                NotificationCode::MESSAGE_HEADER_ERROR
                    | NotificationCode::OPEN_MESSAGE_ERROR
                    | NotificationCode::UPDATE_MESSAGE_ERROR
                    | NotificationCode::FINITE_STATE_MACHINE_ERROR
                    | NotificationCode::ROUTE_REFRESH_MESSAGE_ERROR
            ),
            Self::DecodeFailed(_) | Self::OpenRejected(_) | Self::UnexpectedMessage(_) => true,
            Self::Stopped(_)
            | Self::Interrupted(_)
            | Self::HoldTimerExpired
            | Self::SendHoldTimerExpired
            | Self::ConnectionLost
            | Self::ConnectFailed
            | Self::ConnectTimedOut
            | Self::DialAbandoned
            | Self::Collision
            | Self::Superseded
            | Self::PeerRestarted
            | Self::PathDown
            | Self::Refused => false,
        }
    }
}

/// A restart of which the peer must not hear, or must hear as of the end; another stop as a Hard Reset where the peer would
/// survive it and must not.
fn stop_notification(reason: &StopReason, terms: Option<&RestartTerms>) -> Option<Notification> {
    if *reason == StopReason::Restart && terms.is_some_and(|terms| terms.keeps_ours) {
        return None;
    }
    let notification = stopped(reason);
    let would_be_survived = terms.is_some_and(|terms| terms.survives_notification);
    Some(if would_be_survived && reason.is_hard() { hard_reset(&notification) } else { notification })
}

fn stopped(reason: &StopReason) -> Notification {
    match reason {
        StopReason::MaximumPrefixes { .. } => Notification::maximum_prefixes_reached(),
        StopReason::AdministrativeShutdown(message) => {
            Notification::administrative_shutdown(message.as_str())
        }
        StopReason::PeerDeconfigured => Notification::peer_deconfigured(),
        StopReason::AdministrativeReset(message) => Notification::administrative_reset(message.as_str()),
        StopReason::OtherConfigurationChange => Notification::other_configuration_change(),
        StopReason::OutOfResources | StopReason::MemoryGuard { .. } => Notification::out_of_resources(),
        // It reaches the peer only if the link is back soon. No subcode says why.
        StopReason::LinkDown => Notification::new(NotificationCode::CEASE, 0),
        StopReason::Restart => Notification::administrative_shutdown("restart"),
    }
}

/// A Hard Reset that contains the NOTIFICATION which would be sent otherwise (RFC 8538 §3).
fn hard_reset(inner: &Notification) -> Notification {
    let mut data = vec![inner.code.0, inner.subcode];
    data.extend_from_slice(&inner.data);
    Notification { code: NotificationCode::CEASE, subcode: HARD_RESET, data }
}

/// The subcode of Cease that asks for a restart without graceful restart (RFC 8538 §3).
pub(crate) const HARD_RESET: u8 = 9;

/// RFC 9384 §3.
const BFD_DOWN: u8 = 10;

/// The subcodes of RFC 6608 §3.
fn unexpected_message(state: State) -> Notification {
    Notification::unexpected_message(match state {
        State::OpenSent => 1,
        State::OpenConfirm => 2,
        State::Established => 3,
        State::Idle | State::Connect | State::Active => 0,
    })
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped(reason) | Self::Interrupted(reason) => write!(f, "{reason}"),
            Self::NotificationReceived(notification) => write_received(f, notification),
            Self::DecodeFailed(notification) => write!(f, "bad message from peer: {notification}"),
            Self::OpenRejected(error) => write!(f, "{error}"),
            Self::UnexpectedMessage(state) => write!(f, "peer sent a message that has no place in {state}"),
            Self::HoldTimerExpired => f.write_str("hold timer expired"),
            Self::SendHoldTimerExpired => f.write_str("peer stopped reading: send hold timer expired"),
            Self::ConnectionLost => f.write_str("connection lost"),
            Self::ConnectFailed => f.write_str("could not connect"),
            Self::ConnectTimedOut => f.write_str("could not connect: no answer"),
            Self::DialAbandoned => f.write_str("dial given up: no longer needed"),
            Self::Collision => f.write_str("collision: the peer's other connection is kept"),
            Self::Superseded => f.write_str("peer opened another connection"),
            Self::PeerRestarted => f.write_str("peer restarted: it opened another connection"),
            Self::PathDown => f.write_str("BFD: path down"),
            Self::Refused => f.write_str("connection refused: the session is held down"),
        }
    }
}

/// A NOTIFICATION of the peer with what its data say: the capabilities that it misses, or that there is a reason which is not
/// legible.
fn write_received(f: &mut fmt::Formatter<'_>, notification: &Notification) -> fmt::Result {
    write!(f, "peer sent: {notification}")?;
    for (number, capability) in notification.unsupported_capabilities().iter().enumerate() {
        write!(f, "{} {capability}", if number == 0 { ":" } else { "," })?;
    }
    let has_reason = notification.code == NotificationCode::CEASE
        && matches!(notification.subcode, 2 | 4)
        && notification.data.len() > 1;
    if has_reason && notification.shutdown_communication().is_none() {
        write!(f, " (with a reason of {} octets that is not legible)", notification.data.len() - 1)?;
    }
    Ok(())
}
