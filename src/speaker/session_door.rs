//! The speaker's way to a session: everything but routes.

use margay_session::StopReason;
use tokio::sync::mpsc;

use super::SessionEpoch;

/// How many requests may wait. One that finds no room is made again as long as its reason persists.
const QUEUE: usize = 8;

/// Asks a session's task to end the session.
#[derive(Clone, Debug)]
pub struct SessionDoor {
    epoch: SessionEpoch,
    interruptions: mpsc::Sender<Interruption>,
}

/// A request to end a session, which may come back after the usual wait.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Interruption {
    /// The session that is meant, and no later one of the peer.
    pub epoch: SessionEpoch,
    /// What the peer and the operator are given as the reason.
    pub reason: StopReason,
}

/// The session task's end of the doors to all its sessions.
#[derive(Debug)]
pub struct DoorBell {
    sender: mpsc::Sender<Interruption>,
    receiver: mpsc::Receiver<Interruption>,
}

impl SessionDoor {
    /// Asks for the end of the session. Returns whether there was room for the request.
    pub(crate) fn interrupt(&self, reason: StopReason) -> bool {
        self.interruptions.try_send(Interruption { epoch: self.epoch, reason }).is_ok()
    }
}

impl DoorBell {
    /// Without any session yet.
    pub fn new() -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE);
        Self { sender, receiver }
    }

    /// The door to one session.
    pub fn door(&self, epoch: SessionEpoch) -> SessionDoor {
        SessionDoor { epoch, interruptions: self.sender.clone() }
    }

    /// The next request.
    pub async fn interrupted(&mut self) -> Option<Interruption> {
        self.receiver.recv().await
    }
}

impl Default for DoorBell {
    fn default() -> Self {
        Self::new()
    }
}
