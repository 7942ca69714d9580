//! The speaker's access to the kernel thread, and the restart window for leftovers of an earlier run.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::kernel::{KernelEvent, KernelRequest};
use crate::recording::RecordedRib;

/// The speaker's access to the kernel thread and its events.
#[derive(Debug)]
pub struct KernelFeed {
    requests: mpsc::Sender<KernelRequest>,
    events: mpsc::Receiver<KernelEvent>,
    /// When leftovers are removed at the latest; `None` once they are.
    restart_deadline: Option<Instant>,
    /// Whether the Rib may have changes that have not been passed on.
    pending: bool,
}

/// Changes in one request.
const CHANGES: usize = 1024;

/// Requests made before peers have their turn: a millisecond or two of work.
const REQUESTS: usize = 4;

impl KernelFeed {
    /// `restart_window` is how long routes of an earlier run are kept for peers that have to announce them again.
    #[must_use]
    pub fn new(
        requests: mpsc::Sender<KernelRequest>,
        events: mpsc::Receiver<KernelEvent>,
        restart_window: Duration,
    ) -> Self {
        let restart_deadline = Some(Instant::now() + restart_window);
        Self { requests, events, restart_deadline, pending: true }
    }

    /// Waits for the kernel thread's next event, for room for changes that wait, or for the end of the restart window.
    ///
    /// Dropping the future before it is ready loses nothing.
    pub(super) async fn next(&mut self) -> KernelInput {
        let Self { requests, events, restart_deadline, pending, .. } = self;
        tokio::select! {
            biased;
            event = events.recv() => KernelInput::Event(event),
            () = room(requests), if *pending => KernelInput::Room,
            () = passed(requests, *restart_deadline) => KernelInput::RestartWindowOver,
        }
    }

    /// Notes that the Rib may have changes.
    pub(super) fn set_pending(&mut self) {
        self.pending = true;
    }

    /// Hands over some of what the Rib has, as long as there is room.
    pub(super) fn feed(&mut self, rib: &mut RecordedRib) {
        for _ in 0..REQUESTS {
            if !self.pending {
                return;
            }
            let Ok(place) = self.requests.try_reserve() else { return };
            match next_request(rib) {
                Some(request) => place.send(request),
                None => self.pending = false,
            }
        }
    }

    /// Hands over everything the Rib has, waiting for room. Returns at once when the kernel thread is gone.
    pub(super) async fn feed_all(&mut self, rib: &mut RecordedRib) {
        loop {
            let Some(request) = next_request(rib) else { return };
            if self.requests.send(request).await.is_err() {
                return;
            }
        }
    }

    /// Whether leftovers of an earlier run are still kept.
    pub(super) fn is_restarting(&self) -> bool {
        self.restart_deadline.is_some()
    }

    /// Ends the restart window once all changes are handed over; otherwise it is over as soon as there is room. Returns
    /// whether it did.
    pub(super) fn end_restart(&mut self, rib: &mut RecordedRib) -> bool {
        self.pending = true;
        self.feed(rib);
        let ends = !self.pending && self.requests.try_send(KernelRequest::RemoveStale).is_ok();
        self.restart_deadline = (!ends).then(Instant::now);
        ends
    }
}

/// The next request to the kernel thread: lost next hops come before the routes that led over them.
fn next_request(rib: &mut RecordedRib) -> Option<KernelRequest> {
    let losses = rib.poll_next_hop_losses();
    if !losses.is_empty() {
        return Some(KernelRequest::NextHops(losses));
    }
    let changes = rib.poll_forwarding(CHANGES);
    if !changes.is_empty() {
        return Some(KernelRequest::Apply(changes));
    }
    // Once the last route is handed over, a lost next hop is like any other again.
    let losses = rib.poll_next_hop_losses();
    (!losses.is_empty()).then_some(KernelRequest::NextHops(losses))
}

/// An event of the kernel's side.
#[derive(Debug)]
pub(super) enum KernelInput {
    /// The kernel thread's next event; `None` when the thread is gone.
    Event(Option<KernelEvent>),
    /// There is room for changes again.
    Room,
    /// Leftovers of an earlier run have been kept long enough.
    RestartWindowOver,
}

/// Completes when there is room. If the thread is gone, that shows in its events.
async fn room(requests: &mpsc::Sender<KernelRequest>) {
    if requests.reserve().await.is_err() {
        std::future::pending().await
    }
}

/// Completes when `deadline` has passed and there is room for the request.
async fn passed(requests: &mpsc::Sender<KernelRequest>, deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
    room(requests).await;
}
