//! The daemon's handle of a peer's task.

use std::io;
use std::sync::Arc;

use bgp_codec::decode_message;
use margay_session::StopReason;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tracing::error;

use super::arrival::Arrival;
use super::options::PeerOptions;
use super::reader::Decode;
use super::status::PeerStatus;
use super::task::{Command, PeerTask};
use crate::bfd::PathMonitor;
use crate::machine::TcpPassword;
use crate::message_counters::{MessageCounters, MessageCounts};
use crate::speaker::SpeakerHandle;

/// Handle of a peer's task.
///
/// Dropping it without [`end`](Self::end) ends the task in the background.
#[derive(Debug)]
pub struct PeerHandle {
    commands: mpsc::Sender<Command>,
    status: watch::Receiver<PeerStatus>,
    counters: Arc<MessageCounters>,
    task: JoinHandle<()>,
}

/// Entrance for connections that a peer opened.
#[derive(Clone, Debug)]
pub struct PeerIntake {
    commands: mpsc::WeakSender<Command>,
}

/// Starts a peer's task, with a stopped session. To be called within a tokio runtime.
pub fn spawn(options: PeerOptions, speaker: &SpeakerHandle) -> PeerHandle {
    spawn_decoding(options, speaker, decode_message)
}

pub(super) fn spawn_decoding(options: PeerOptions, speaker: &SpeakerHandle, decode: Decode) -> PeerHandle {
    let (commands, command_receiver) = mpsc::channel(COMMANDS);
    let counters = Arc::new(MessageCounters::default());
    let machine = options.machine.clone();
    let (task, status) = PeerTask::new(options, speaker, decode, Arc::clone(&counters));
    let task = tokio::spawn(machine.task(task.run(command_receiver)));
    PeerHandle { commands, status, counters, task }
}

impl PeerHandle {
    /// Lets the session come up.
    pub async fn start(&self) {
        self.command(Command::Start).await;
    }

    /// Changes the peer's name.
    pub async fn rename(&self, name: &str) {
        self.command(Command::Rename(Arc::from(name))).await;
    }

    /// Has the path to the peer monitored in this way from now on. The session stays.
    pub async fn monitor(&self, path: Option<PathMonitor>) {
        self.command(Command::Monitor(path.map(Box::new))).await;
    }

    /// Uses another TCP password on all connections, present ones and those to come.
    ///
    /// # Errors
    ///
    /// The system refuses it for a present connection.
    pub(crate) async fn change_password(&self, password: TcpPassword) -> io::Result<()> {
        let (answer, answered) = oneshot::channel();
        self.command(Command::ChangePassword(password, answer)).await;
        answered.await.unwrap_or_else(|_| Err(io::Error::other("the peer is being removed")))
    }

    /// Takes the session down, to stay down until it is started again.
    pub async fn stop(&self, reason: StopReason) {
        self.command(Command::Stop(reason)).await;
    }

    /// Stops the session and ends the task; returns when the peer has received the NOTIFICATION, or after a
    /// time limit.
    pub async fn end(self, reason: StopReason) {
        self.command(Command::End(reason)).await;
        drop(self.commands);
        if let Err(panic) = self.task.await {
            error!("bug: a peer's task panicked: {panic}");
        }
    }

    /// Requests all routes from the peer again. Returns what was done, in words.
    ///
    /// # Errors
    ///
    /// Why nothing was done.
    pub(crate) async fn request_routes(&self) -> Result<String, String> {
        let (answer, answered) = oneshot::channel();
        self.command(Command::RequestRoutes(answer)).await;
        answered.await.unwrap_or_else(|_| Err("the peer is being removed".to_owned()))
    }

    /// The entrance for connections that the peer opens.
    pub fn intake(&self) -> PeerIntake {
        PeerIntake { commands: self.commands.downgrade() }
    }

    /// State of the session, which the receiver follows.
    pub fn status(&self) -> watch::Receiver<PeerStatus> {
        self.status.clone()
    }

    /// Numbers of messages.
    pub fn messages(&self) -> MessageCounts {
        self.counters.counts()
    }

    async fn command(&self, command: Command) {
        if self.commands.send(command).await.is_err() {
            error!("bug: a peer's task has ended before its handle");
        }
    }
}

impl PeerIntake {
    /// Passes on a connection that the peer opened.
    ///
    /// # Errors
    ///
    /// The peer is gone, or so many connections are waiting that this one should be closed.
    pub fn hand_in(&self, arrival: Arrival) -> Result<(), IntakeClosed> {
        let commands = self.commands.upgrade().ok_or(IntakeClosed)?;
        commands.try_send(Command::Incoming(Box::new(arrival))).map_err(|_| IntakeClosed)
    }
}

/// A connection was not accepted and has been closed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the peer does not accept a connection now")]
pub struct IntakeClosed;

/// Capacity of the command queue. The task handles commands before anything else.
const COMMANDS: usize = 16;
