//! The speaker: one thread that owns the Rib, takes what sessions, kernel and operators tell it, and tells them back.
//!
//! It never waits for anybody: a peer whose queue is full is left alone until its writer has made room, and so is the
//! kernel. Work that is too much for one go is done in slices, between which everybody is heard.

mod input;
mod input_queue;
mod kernel_feed;
mod pace;
mod request;
mod run;
mod session;

use std::io;
use std::sync::Arc;

use tokio::sync::{Notify, mpsc};

pub use crate::outbound::ExportQueue;
pub use input::{PeerKey, PeerUp, SessionEpoch, SpeakerInput};
pub use input_queue::{InputQueue, Inputs, Room, input_queue};
pub use kernel_feed::KernelFeed;
pub use request::{FamilyCounts, PeerSelection, PeerSettings, RoutesQuestion, SpeakerCounts, SpeakerRequest};
use run::Speaker;

use margay_rib::{Rib, RibOptions};

/// How much the inputs that wait may weigh. When the queue is full, sessions stop reading from their sockets.
const INPUT_QUEUE_OCTETS: u32 = 8 << 20;

/// How many requests may wait; whoever asks more waits.
const REQUEST_QUEUE: usize = 64;

/// The way to the speaker.
#[derive(Clone, Debug)]
pub struct SpeakerHandle {
    /// What sessions tell.
    pub inputs: InputQueue,
    /// What the daemon asks.
    pub requests: mpsc::Sender<SpeakerRequest>,
    /// Wakes the speaker when a queue to a peer has room again.
    pub writable: Arc<Notify>,
}

/// Starts the speaker's thread.
///
/// # Errors
///
/// The system gives no thread or no event queue.
pub fn start(
    options: RibOptions,
    kernel: Option<KernelFeed>,
) -> io::Result<(SpeakerHandle, std::thread::JoinHandle<()>)> {
    let (inputs, input_receiver) = input_queue(INPUT_QUEUE_OCTETS);
    let (requests, request_receiver) = mpsc::channel(REQUEST_QUEUE);
    let writable = Arc::new(Notify::new());
    let speaker =
        Speaker::new(Rib::new(options), kernel, input_receiver, request_receiver, Arc::clone(&writable));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let thread = std::thread::Builder::new()
        .name("speaker".to_owned())
        .spawn(move || runtime.block_on(speaker.run()))?;
    Ok((SpeakerHandle { inputs, requests, writable }, thread))
}
