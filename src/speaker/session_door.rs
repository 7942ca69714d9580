//! The speaker's way to a session: everything but routes.

use std::sync::{Arc, Mutex, PoisonError};

use bgp_codec::Family;
use margay_session::StopReason;
use tokio::sync::Notify;

use super::SessionEpoch;

/// Asks a session's task to end the session, or to ask the peer for its routes.
#[derive(Clone, Debug)]
pub struct SessionDoor {
    epoch: SessionEpoch,
    mailbox: Arc<Mailbox>,
}

/// What the speaker asks of a session.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum DoorRequest {
    /// To end.
    End(Interruption),
    /// To ask the peer for all routes of a family again (RFC 2918).
    Routes(SessionEpoch, Family),
}

/// A request to end a session, which may come back after the usual wait.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Interruption {
    /// The session that is meant, and no later one of the peer.
    pub epoch: SessionEpoch,
    /// The reason given to the peer and to the operator.
    pub reason: StopReason,
}

/// The session task's end of the doors to all its sessions.
#[derive(Debug, Default)]
pub struct DoorBell {
    mailbox: Arc<Mailbox>,
}

/// Room for one request of a kind, and of a family: a session ends once, and a request to a former session is void when a later
/// session has one.
///
/// A channel would keep room for 32 requests, for each peer.
#[derive(Debug, Default)]
struct Mailbox {
    waiting: Mutex<Waiting>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    interruption: Option<Interruption>,
    routes: Vec<(SessionEpoch, Family)>,
}

impl SessionDoor {
    /// Asks for the end of the session. Returns false when a request to this session or a later one waits already.
    pub(crate) fn interrupt(&self, reason: StopReason) -> bool {
        let mut waiting = self.mailbox.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.interruption.as_ref().is_some_and(|earlier| earlier.epoch >= self.epoch) {
            return false;
        }
        waiting.interruption = Some(Interruption { epoch: self.epoch, reason });
        self.mailbox.arrived.notify_one();
        true
    }

    /// Asks for a request to the peer for all routes of a family.
    pub(crate) fn request_routes(&self, family: Family) {
        let mut waiting = self.mailbox.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.routes.retain(|&(epoch, other)| epoch >= self.epoch && other != family);
        waiting.routes.push((self.epoch, family));
        self.mailbox.arrived.notify_one();
    }
}

impl DoorBell {
    /// Without any session yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The door to one session.
    pub fn door(&self, epoch: SessionEpoch) -> SessionDoor {
        SessionDoor { epoch, mailbox: Arc::clone(&self.mailbox) }
    }

    /// Waits for the next request. Nothing is lost when the wait is given up.
    pub async fn request(&mut self) -> DoorRequest {
        loop {
            if let Some(request) = self.take() {
                return request;
            }
            self.mailbox.arrived.notified().await;
        }
    }

    fn take(&self) -> Option<DoorRequest> {
        let mut waiting = self.mailbox.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(interruption) = waiting.interruption.take() {
            return Some(DoorRequest::End(interruption));
        }
        let (epoch, family) = waiting.routes.pop()?;
        Some(DoorRequest::Routes(epoch, family))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_to_a_later_session_replaces_one_to_a_former() {
        let mut bell = DoorBell::new();
        let (former, later) = (bell.door(SessionEpoch(1)), bell.door(SessionEpoch(2)));
        assert!(former.interrupt(StopReason::OutOfResources));
        assert!(later.interrupt(StopReason::PeerDeconfigured));
        assert!(!former.interrupt(StopReason::OutOfResources));
        assert!(!later.interrupt(StopReason::OutOfResources), "the first reason stands");
        let expected = Interruption { epoch: SessionEpoch(2), reason: StopReason::PeerDeconfigured };
        assert_eq!(bell.request().await, DoorRequest::End(expected));
        assert!(later.interrupt(StopReason::OutOfResources), "there is room again");
    }

    #[tokio::test]
    async fn a_request_for_routes_waits_once_for_each_family_and_behind_an_end() {
        let mut bell = DoorBell::new();
        let (former, later) = (bell.door(SessionEpoch(1)), bell.door(SessionEpoch(2)));
        former.request_routes(Family::IPV4_UNICAST);
        later.request_routes(Family::IPV6_UNICAST);
        later.request_routes(Family::IPV6_UNICAST);
        assert!(later.interrupt(StopReason::OutOfResources));
        assert!(matches!(bell.request().await, DoorRequest::End(_)));
        assert_eq!(bell.request().await, DoorRequest::Routes(SessionEpoch(2), Family::IPV6_UNICAST));
        assert_eq!(bell.take(), None, "the former session is over");
    }
}
