//! The speaker's way to a session: everything but routes.

use std::sync::{Arc, Mutex, PoisonError};

use margay_session::StopReason;
use tokio::sync::Notify;

use super::SessionEpoch;

/// Asks a session's task to end the session.
#[derive(Clone, Debug)]
pub struct SessionDoor {
    epoch: SessionEpoch,
    mailbox: Arc<Mailbox>,
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

/// Room for one request: a session ends once, and a request to a former session is void when a later session has one.
///
/// A channel would keep room for 32 requests, for each peer.
#[derive(Debug, Default)]
struct Mailbox {
    waiting: Mutex<Option<Interruption>>,
    arrived: Notify,
}

impl SessionDoor {
    /// Asks for the end of the session. Returns false when a request to this session or a later one waits already.
    pub(crate) fn interrupt(&self, reason: StopReason) -> bool {
        let mut waiting = self.mailbox.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.as_ref().is_some_and(|earlier| earlier.epoch >= self.epoch) {
            return false;
        }
        *waiting = Some(Interruption { epoch: self.epoch, reason });
        self.mailbox.arrived.notify_one();
        true
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
    pub async fn interrupted(&mut self) -> Interruption {
        loop {
            if let Some(interruption) = self.take() {
                return interruption;
            }
            self.mailbox.arrived.notified().await;
        }
    }

    fn take(&self) -> Option<Interruption> {
        self.mailbox.waiting.lock().unwrap_or_else(PoisonError::into_inner).take()
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
        assert_eq!(bell.interrupted().await, expected);
        assert!(later.interrupt(StopReason::OutOfResources), "there is room again");
    }
}
