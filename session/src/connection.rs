//! One connection to the peer: the states from OpenSent to Established.

use std::collections::VecDeque;

use bgp_codec::{Message, Open};

use crate::liveness::{Liveness, LivenessDue};
use crate::offer::Offer;
use crate::{
    Action, CloseReason, ConnectionEvent, ConnectionId, Jitter, Negotiated, SessionOptions, State, Timestamp,
};

/// One TCP connection to the peer, and how far the session on it has come.
#[derive(Debug)]
pub(crate) struct Connection {
    id: ConnectionId,
    /// What our OPEN on it offered.
    offer: Offer,
    phase: Phase,
}

/// The states of a connection, with what is known in each.
#[derive(Debug)]
enum Phase {
    OpenSent { hold_at: Timestamp },
    OpenConfirm { negotiated: Box<Negotiated>, liveness: Liveness },
    Established { negotiated: Box<Negotiated>, liveness: Liveness, since: Timestamp },
}

/// What a connection needs of its session to take one step.
#[derive(Debug)]
pub(crate) struct Step<'a> {
    pub(crate) now: Timestamp,
    pub(crate) jitter: Jitter,
    pub(crate) options: &'a SessionOptions,
    /// What an OPEN that is sent now offers.
    pub(crate) offer: Offer,
    pub(crate) actions: &'a mut VecDeque<Action>,
}

impl Connection {
    /// A connection that TCP has just opened: sends our OPEN.
    pub(crate) fn open(id: ConnectionId, step: Step<'_>) -> Self {
        step.actions.push_back(Action::Send(id, Message::Open(step.offer.open(step.options))));
        Self { id, offer: step.offer, phase: Phase::OpenSent { hold_at: step.now + step.options.open_hold } }
    }

    pub(crate) fn id(&self) -> ConnectionId {
        self.id
    }

    pub(crate) fn offer(&self) -> Offer {
        self.offer
    }

    pub(crate) fn state(&self) -> State {
        match self.phase {
            Phase::OpenSent { .. } => State::OpenSent,
            Phase::OpenConfirm { .. } => State::OpenConfirm,
            Phase::Established { .. } => State::Established,
        }
    }

    /// What was negotiated; `None` before the peer's OPEN.
    pub(crate) fn negotiated(&self) -> Option<&Negotiated> {
        match &self.phase {
            Phase::OpenSent { .. } => None,
            Phase::OpenConfirm { negotiated, .. } | Phase::Established { negotiated, .. } => Some(negotiated),
        }
    }

    /// Since when the session is Established on this connection.
    pub(crate) fn established_since(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Established { since, .. } => Some(since),
            Phase::OpenSent { .. } | Phase::OpenConfirm { .. } => None,
        }
    }

    /// Takes what happened on the connection.
    ///
    /// # Errors
    ///
    /// The connection must be closed.
    pub(crate) fn handle_event(&mut self, event: ConnectionEvent, step: Step<'_>) -> Result<(), CloseReason> {
        let next = match &mut self.phase {
            Phase::OpenSent { .. } => in_open_sent(self.id, self.offer, event, step)?,
            Phase::OpenConfirm { negotiated, liveness } => {
                in_open_confirm(negotiated, liveness, event, step.now)?
            }
            Phase::Established { liveness, .. } => {
                in_established(liveness, event, step.now)?;
                None
            }
        };
        if let Some(phase) = next {
            self.phase = phase;
        }
        Ok(())
    }

    /// Takes the passing of time.
    ///
    /// # Errors
    ///
    /// A timer expired that closes the connection.
    pub(crate) fn handle_timeout(&mut self, step: Step<'_>) -> Result<(), CloseReason> {
        match &mut self.phase {
            Phase::OpenSent { hold_at } if *hold_at <= step.now => Err(CloseReason::HoldTimerExpired),
            Phase::OpenSent { .. } => Ok(()),
            Phase::OpenConfirm { liveness, .. } | Phase::Established { liveness, .. } => {
                match liveness.handle_timeout(step.now, step.jitter)? {
                    LivenessDue::Keepalive => {
                        step.actions.push_back(Action::Send(self.id, Message::Keepalive));
                    }
                    LivenessDue::Nothing => {}
                }
                Ok(())
            }
        }
    }

    pub(crate) fn next_timeout(&self) -> Option<Timestamp> {
        match &self.phase {
            Phase::OpenSent { hold_at } => Some(*hold_at),
            Phase::OpenConfirm { liveness, .. } | Phase::Established { liveness, .. } => {
                liveness.next_timeout()
            }
        }
    }
}

/// Our OPEN is on its way, the peer's must come first of all.
fn in_open_sent(
    id: ConnectionId,
    offer: Offer,
    event: ConnectionEvent,
    step: Step<'_>,
) -> Result<Option<Phase>, CloseReason> {
    match event {
        ConnectionEvent::Open(open) => on_open(id, offer, open, step).map(Some),
        ConnectionEvent::Keepalive | ConnectionEvent::Update | ConnectionEvent::RouteRefresh => {
            Err(CloseReason::UnexpectedMessage(State::OpenSent))
        }
        ConnectionEvent::Notification(notification) => Err(CloseReason::NotificationReceived(notification)),
        ConnectionEvent::DecodeFailed(notification) => Err(CloseReason::DecodeFailed(notification)),
        ConnectionEvent::Closed => Err(CloseReason::ConnectionLost),
        // The wait for the OPEN is bounded either way.
        ConnectionEvent::SendBlocked
        | ConnectionEvent::SendProgress
        | ConnectionEvent::ReadPaused
        | ConnectionEvent::ReadResumed => Ok(None),
    }
}

fn on_open(id: ConnectionId, offer: Offer, open: Open, step: Step<'_>) -> Result<Phase, CloseReason> {
    let negotiated = Negotiated::new(step.options, offer, open).map_err(CloseReason::OpenRejected)?;
    step.actions.push_back(Action::Send(id, Message::Keepalive));
    let send_hold = step.options.send_hold(negotiated.hold_time);
    let liveness = Liveness::new(&negotiated, send_hold, step.now, step.jitter);
    Ok(Phase::OpenConfirm { negotiated: Box::new(negotiated), liveness })
}

/// Both OPENs were exchanged; the peer confirms ours with a KEEPALIVE.
fn in_open_confirm(
    negotiated: &Negotiated,
    liveness: &mut Liveness,
    event: ConnectionEvent,
    now: Timestamp,
) -> Result<Option<Phase>, CloseReason> {
    match event {
        ConnectionEvent::Keepalive => {
            liveness.on_received(now);
            return Ok(Some(Phase::Established {
                negotiated: Box::new(negotiated.clone()),
                liveness: liveness.clone(),
                since: now,
            }));
        }
        ConnectionEvent::Open(_) | ConnectionEvent::Update | ConnectionEvent::RouteRefresh => {
            return Err(CloseReason::UnexpectedMessage(State::OpenConfirm));
        }
        ConnectionEvent::Notification(notification) => {
            return Err(CloseReason::NotificationReceived(notification));
        }
        ConnectionEvent::DecodeFailed(notification) => return Err(CloseReason::DecodeFailed(notification)),
        ConnectionEvent::Closed => return Err(CloseReason::ConnectionLost),
        ConnectionEvent::SendBlocked => liveness.on_send_blocked(now),
        ConnectionEvent::SendProgress => liveness.on_send_progress(),
        ConnectionEvent::ReadPaused => liveness.on_read_paused(),
        ConnectionEvent::ReadResumed => liveness.on_read_resumed(now),
    }
    Ok(None)
}

/// Routes flow; the connection lives as long as the peer is heard and takes what is sent.
fn in_established(
    liveness: &mut Liveness,
    event: ConnectionEvent,
    now: Timestamp,
) -> Result<(), CloseReason> {
    match event {
        ConnectionEvent::Keepalive | ConnectionEvent::Update => liveness.on_received(now),
        // RFC 4271 §8.2.2 knows only the two above as signs of life.
        ConnectionEvent::RouteRefresh => {}
        ConnectionEvent::Open(_) => return Err(CloseReason::UnexpectedMessage(State::Established)),
        ConnectionEvent::Notification(notification) => {
            return Err(CloseReason::NotificationReceived(notification));
        }
        ConnectionEvent::DecodeFailed(notification) => return Err(CloseReason::DecodeFailed(notification)),
        ConnectionEvent::Closed => return Err(CloseReason::ConnectionLost),
        ConnectionEvent::SendBlocked => liveness.on_send_blocked(now),
        ConnectionEvent::SendProgress => liveness.on_send_progress(),
        ConnectionEvent::ReadPaused => liveness.on_read_paused(),
        ConnectionEvent::ReadResumed => liveness.on_read_resumed(now),
    }
    Ok(())
}
