//! The speaker: the task that owns the Rib, handles inputs of sessions, kernel and operators, and feeds peers and kernel.
//!
//! It never blocks: a peer whose queue is full is skipped until its writer has made room, as is the kernel. Long work is done
//! in slices, between which all queues are polled.

#[cfg(test)]
mod fixtures;
mod input;
mod input_queue;
mod kernel_feed;
mod names;
mod peer_settings;
mod recipient;
mod request;
mod rounds;
mod run;
mod session_door;
mod sessions;
mod turns;
mod watchers;

use std::io;
use std::sync::Arc;

use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;
use tracing::error;

pub(crate) use crate::outbound::Burst;
pub use crate::outbound::{ExportQueue, OpenExportQueue};
pub use input::{PeerUp, RefreshMark, SessionLink, SpeakerInput};
pub use input_queue::{InputQueue, Inputs, Room, input_queue};
pub use kernel_feed::KernelFeed;
pub use names::{PeerKey, SessionEpoch};
pub use peer_settings::{FamilyCounts, PeerSettings};
pub use request::{Destination, PeerSelection, RoutesQuestion, SpeakerCounts, SpeakerRequest};
use run::{Channels, Speaker};
pub use session_door::{DoorBell, DoorRequest, Interruption, SessionDoor};
pub use sessions::{AbsenceView, ConvergenceOptions, LimitAction, MemoryGuardView, PrefixLimit};
pub use turns::{Step, TimesTaken, TurnTimes};
pub use watchers::WatchedPrefixes;

use crate::events::EventHub;
use crate::machine::{AddressBook, Machine};
use crate::recording::{RecordedRib, Recorder, RecordingSink};

use margay_rib::RibOptions;

/// Capacity of the request queue. Senders wait while it is full.
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
    /// Where the speaker, the sessions and the daemon publish events.
    pub events: EventHub,
}

impl SpeakerHandle {
    /// Passes a request of the daemon, which the speaker outlives.
    pub(crate) async fn ask(&self, request: SpeakerRequest) {
        if self.requests.send(request).await.is_err() {
            error!("bug: the speaker has ended");
        }
    }
}

/// Starts the speaker's task; to be called within a tokio runtime. The inputs of the Rib are recorded if there is a
/// `recording`.
///
/// # Errors
///
/// The system gives no timer.
pub(crate) fn start(
    machine: &Machine,
    options: RibOptions,
    kernel: Option<KernelFeed>,
    convergence: ConvergenceOptions,
    addresses: watch::Receiver<Arc<AddressBook>>,
    recording: Option<Box<dyn RecordingSink>>,
) -> io::Result<(SpeakerHandle, JoinHandle<()>)> {
    let (inputs, input_receiver) = input_queue(machine.queue_sizes().inputs_octets);
    let (requests, request_receiver) = mpsc::channel(REQUEST_QUEUE);
    let writable = Arc::new(Notify::new());
    let events = EventHub::default();
    let speaker = Speaker::new(
        machine.processor()?,
        RecordedRib::new(options, recording.map(Recorder::new)),
        kernel,
        convergence,
        Channels {
            inputs: input_receiver,
            requests: request_receiver,
            writable: Arc::clone(&writable),
            addresses,
            events: events.clone(),
        },
    );
    let task = tokio::spawn(machine.task(speaker.run()));
    Ok((SpeakerHandle { inputs, requests, writable, events }, task))
}
