//! The speaker's event loop: handle inputs, do a slice of background work, feed peers and kernel.

mod requests;

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio::time::Instant;
use tracing::{error, info, warn};

use super::kernel_feed::KernelInput;
use super::recipient::Recipient;
use super::rounds::Rounds;
use super::sessions::Sessions;
use super::turns::{Step, TurnClock};
use super::watchers::Watchers;
use super::{Burst, ConvergenceOptions, Inputs, KernelFeed, PeerKey, PeerUp, SpeakerInput, SpeakerRequest};
use crate::events::{EventHub, EventKind};
use crate::kernel::KernelEvent;
use crate::machine::{AddressBook, Processor, Slice};
use crate::recording::RecordedRib;

/// Length of a slice: of handling inputs before peers and kernel are fed, and of feeding peers.
const SLICE: Duration = Duration::from_millis(2);

/// Target length of a turn. Steps that start after it get the shortest slice, so a preempted turn overruns by little more than the
/// preemption.
const TURN: Duration = Duration::from_millis(6);

/// Lower bound of a slice, so that every step progresses even in an overlong turn.
const SHORTEST_SLICE: Duration = Duration::from_micros(500);

/// Longest pause between rounds that is slept through without polling the queues.
const SHORT_PAUSE: Duration = Duration::from_millis(4);

/// Steps of background work per turn.
const WORK_ENTRIES: usize = 4096;

/// See the [module](super).
pub(super) struct Speaker {
    processor: Processor,
    rib: RecordedRib,
    sessions: Sessions,
    rounds: Rounds<Recipient>,
    /// Messages held back for the peers that have just been fed.
    burst: Burst,
    kernel: Option<KernelFeed>,
    watchers: Watchers,
    channels: Channels,
    /// The Rib has background work left.
    is_working: bool,
    clock: TurnClock,
    /// Time spent in turns since other tasks last had the thread.
    kept_thread: Duration,
}

/// The channels that the speaker listens on.
pub(super) struct Channels {
    /// What sessions announce.
    pub(super) inputs: Inputs,
    /// What the daemon and operators ask.
    pub(super) requests: mpsc::Receiver<SpeakerRequest>,
    /// A queue that was full has room.
    pub(super) writable: Arc<Notify>,
    /// The addresses of this node.
    pub(super) addresses: watch::Receiver<Arc<AddressBook>>,
    /// Where events are published.
    pub(super) events: EventHub,
}

/// Whether the loop continues.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Flow {
    Continue,
    Stop,
}

impl Speaker {
    pub(super) fn new(
        processor: Processor,
        mut rib: RecordedRib,
        kernel: Option<KernelFeed>,
        convergence: ConvergenceOptions,
        channels: Channels,
    ) -> Self {
        let now = Instant::now();
        Self {
            processor,
            sessions: Sessions::new(&mut rib, convergence),
            rib,
            rounds: Rounds::new(now),
            burst: Burst::default(),
            kernel,
            watchers: Watchers::default(),
            channels,
            is_working: false,
            clock: TurnClock::new(now),
            kept_thread: Duration::ZERO,
        }
    }

    pub(super) async fn run(mut self) {
        while self.await_turn().await == Flow::Continue {
            self.take_inputs();
            self.handle_timeout();
            self.work();
            self.feed_kernel();
            self.feed_peers();
            debug_assert!(self.feeds_all_sessions(), "{:?} of {:?}", self.rounds, self.sessions);
            self.sessions.interrupt_overdue(&self.rib);
            self.sessions.log_notices(&mut self.rib);
            self.watchers.report(&mut self.rib, &self.channels.events);
            self.rib.on_turn_over();
            self.kept_thread += self.clock.end_turn(self.processor.computed());
            self.processor.on_turn_over().await;
        }
        if let Some(kernel) = &mut self.kernel {
            kernel.feed_all(&mut self.rib).await;
        }
        self.processor.at_length(|| self.rib.finish());
    }

    /// Waits for an event, and yields the thread first if other tasks have not had it for long.
    async fn await_turn(&mut self) -> Flow {
        if self.kept_thread >= SLICE {
            self.kept_thread = Duration::ZERO;
            tokio::task::yield_now().await;
        }
        let (flow, has_waited) = noting_waits(self.wait_and_handle()).await;
        if has_waited {
            self.kept_thread = Duration::ZERO;
        }
        flow
    }

    /// Waits for an event and handles it. Requests take precedence over peers' inputs.
    async fn wait_and_handle(&mut self) -> Flow {
        let pause = self.rounds.pause(Instant::now());
        let is_busy = self.is_working || self.rounds.is_in_round() || self.rib.view().has_watched_changes();
        let has_news = self.rounds.has_news();
        if has_news && !is_busy && pause < SHORT_PAUSE && self.channels.inputs.is_empty() {
            self.processor.nap(pause).await;
            self.begin_turn();
            return Flow::Continue;
        }
        let wake_at = self.sessions.next_timeout();
        let Self { kernel, channels, .. } = self;
        let Channels { inputs, requests, writable, addresses, events: _ } = channels;
        let wakeup = tokio::select! {
            biased;
            request = requests.recv() => Wakeup::Request(request),
            input = next_kernel_input(kernel) => Wakeup::Kernel(input),
            () = writable.notified() => Wakeup::Writable,
            () = changed(addresses) => Wakeup::Addresses,
            input = inputs.recv() => Wakeup::Input(input),
            // Yielding lets the runtime look at its timers.
            () = tokio::task::yield_now(), if is_busy => Wakeup::Nothing,
            () = tokio::time::sleep(pause), if has_news => Wakeup::Nothing,
            () = reached(wake_at) => Wakeup::Nothing,
        };
        self.begin_turn();
        self.handle(wakeup)
    }

    fn handle(&mut self, wakeup: Wakeup) -> Flow {
        match wakeup {
            Wakeup::Nothing => Flow::Continue,
            Wakeup::Writable => {
                self.catch_up();
                Flow::Continue
            }
            Wakeup::Request(None | Some(SpeakerRequest::Stop)) | Wakeup::Input(None) => Flow::Stop,
            Wakeup::Request(Some(request)) => {
                self.handle_request(request);
                Flow::Continue
            }
            Wakeup::Input(Some(input)) => {
                self.take(input);
                Flow::Continue
            }
            Wakeup::Addresses => {
                self.on_addresses();
                Flow::Continue
            }
            Wakeup::Kernel(input) => self.take_kernel(input),
        }
    }

    fn begin_turn(&mut self) {
        self.clock.begin_turn(Instant::now(), self.processor.computed());
    }

    fn handle_timeout(&mut self) {
        let now = Instant::now();
        if self.sessions.handle_timeout(&mut self.rib, now) {
            self.rounds.on_news();
        }
        if self.sessions.memory.is_due(now) {
            self.sessions.on_memory_measured(&self.rib, self.processor.resident_octets(), now);
            if self.sessions.memory.has_freed_memory(now) {
                self.processor.return_free_memory();
            }
        }
        self.clock.end_step(Step::Timers, Instant::now());
    }

    /// Does a slice of the Rib's background work. The last slice may cause changes, as any other.
    fn work(&mut self) {
        let was_working = self.is_working;
        self.is_working = self.rib.work(self.processor.work_entries(WORK_ENTRIES));
        if was_working || self.is_working {
            self.rounds.on_news();
        }
        if !self.is_working {
            self.sessions.on_work_done(&self.rib, Instant::now());
        }
        self.clock.end_step(Step::Work, Instant::now());
    }

    /// A slice that is shorter the later it is in the turn.
    fn slice(&self, length: Duration) -> Slice {
        let left = TURN.saturating_sub(self.clock.spent(Instant::now()));
        self.processor.slice(length.min(left).max(SHORTEST_SLICE))
    }

    /// Handles further queued inputs for a slice of time.
    fn take_inputs(&mut self) {
        let mut slice = self.slice(SLICE);
        while !slice.is_over()
            && let Some(input) = self.channels.inputs.try_recv()
        {
            self.take(input);
        }
    }

    /// Handles an input. It may cause changes for any peer.
    fn take(&mut self, input: SpeakerInput) {
        self.rounds.on_news();
        let (step, now) = (input.step(), Instant::now());
        match input {
            SpeakerInput::PeerUp(up) => self.peer_up(*up, now),
            SpeakerInput::PeerDown { peer, epoch, departure } => {
                if self.sessions.peer_down(&mut self.rib, peer, epoch, &departure, now) {
                    self.rounds.leave(peer);
                }
            }
            SpeakerInput::Updates { peer, epoch, updates, .. } => {
                if self.sessions.apply_updates(&mut self.rib, peer, epoch, updates, now) {
                    self.end_restart("every peer has sent End-of-RIB");
                }
            }
            SpeakerInput::RefreshMark { peer, epoch, family, mark } => {
                self.sessions.on_refresh_mark(&mut self.rib, peer, epoch, (family, mark), now);
            }
            SpeakerInput::RouteRefresh { peer, epoch, family } => {
                self.sessions.on_route_refresh(&mut self.rib, peer, epoch, family);
            }
        }
        self.clock.end_step(step, Instant::now());
    }

    fn peer_up(&mut self, up: PeerUp, now: Instant) {
        let (peer, exports) = (up.peer, up.exports.clone());
        let addresses = Arc::clone(&self.channels.addresses.borrow());
        self.rounds.leave(peer);
        if let Some(index) = self.sessions.peer_up(&mut self.rib, &addresses, up, now) {
            self.rounds.join(peer, Recipient { index, exports });
        }
    }

    fn on_addresses(&mut self) {
        let addresses = Arc::clone(&self.channels.addresses.borrow_and_update());
        if self.sessions.on_addresses(&mut self.rib, &addresses) {
            self.rounds.on_news();
        }
        self.clock.end_step(Step::Configuration, Instant::now());
    }

    fn end_restart(&mut self, reason: &str) {
        if let Some(kernel) = self.kernel.as_mut().filter(|kernel| kernel.is_restarting())
            && kernel.end_restart(&mut self.rib)
        {
            info!(reason, "removing kernel routes of an earlier run that no peer announced again");
        }
    }

    fn take_kernel(&mut self, input: KernelInput) -> Flow {
        let flow = match input {
            KernelInput::Room => Flow::Continue,
            KernelInput::RestartWindowOver => {
                self.end_restart("the restart window is over");
                Flow::Continue
            }
            KernelInput::Event(Some(event)) => {
                self.take_kernel_event(event);
                Flow::Continue
            }
            KernelInput::Event(None) => {
                error!("bug: the kernel thread has ended");
                Flow::Stop
            }
        };
        self.clock.end_step(Step::Kernel, Instant::now());
        flow
    }

    fn take_kernel_event(&mut self, event: KernelEvent) {
        match event {
            KernelEvent::Routes { ways, routes, links } => {
                self.rib.set_ways(&ways);
                if !links.is_empty() {
                    self.rib.set_links(links);
                }
                routes
                    .iter()
                    .for_each(|change| self.rib.set_kernel_route(change.prefix, change.route.clone()));
                self.rounds.on_news();
            }
            KernelEvent::Failed { prefix, reason } => {
                warn!(%prefix, reason, "the kernel refused a route");
                self.channels.events.publish(|| EventKind::KernelRefused { prefix, reason });
            }
        }
    }

    fn feed_kernel(&mut self) {
        if let Some(kernel) = &mut self.kernel {
            kernel.set_pending();
            kernel.feed(&mut self.rib);
            self.clock.end_step(Step::Kernel, Instant::now());
        }
    }

    /// Feeds peers in rounds, for a slice of time.
    fn feed_peers(&mut self) {
        let mut slice = self.slice(SLICE);
        let Self { rounds, rib, burst, channels, .. } = self;
        rounds.begin_if_due(Instant::now());
        let turns =
            rounds.feed(|| slice.is_over(), |recipient| recipient.take_turn(rib, burst, &channels.writable));
        burst.write();
        rounds.on_fed(turns, slice.spent(), Instant::now());
        self.clock.end_step(Step::Feeding, Instant::now());
    }

    /// Feeds peers that are behind, out of turn.
    fn catch_up(&mut self) {
        let mut slice = self.slice(SLICE / 2);
        let Self { rounds, rib, burst, channels, .. } = self;
        let is_cut = rounds
            .catch_up(|| slice.is_over(), |recipient| recipient.take_turn(rib, burst, &channels.writable));
        if is_cut {
            channels.writable.notify_one();
        }
        burst.write();
        self.clock.end_step(Step::Feeding, Instant::now());
    }

    /// Whether the peers with a session, and no others, are fed.
    fn feeds_all_sessions(&self) -> bool {
        let established: BTreeSet<PeerKey> = self.sessions.established().collect();
        self.rounds.members() == established.len()
            && self.rounds.peers().all(|peer| established.contains(&peer))
    }
}

/// The event that woke the loop.
enum Wakeup {
    Request(Option<SpeakerRequest>),
    Input(Option<SpeakerInput>),
    Kernel(KernelInput),
    /// The addresses of this node have changed.
    Addresses,
    /// A queue that was full has room.
    Writable,
    Nothing,
}

async fn next_kernel_input(kernel: &mut Option<KernelFeed>) -> KernelInput {
    match kernel {
        Some(kernel) => kernel.next().await,
        None => std::future::pending().await,
    }
}

/// Is ready when there are other addresses; never, when they cannot change.
async fn changed(addresses: &mut watch::Receiver<Arc<AddressBook>>) {
    if addresses.changed().await.is_err() {
        std::future::pending().await
    }
}

/// Completes at that time; never without one.
async fn reached(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// The output of a future, and whether it was pending at first.
async fn noting_waits<T>(future: impl Future<Output = T>) -> (T, bool) {
    let mut future = pin!(future);
    let mut has_waited = false;
    let answer = poll_fn(|context| {
        let polled = future.as_mut().poll(context);
        has_waited |= polled.is_pending();
        polled
    });
    (answer.await, has_waited)
}

#[cfg(test)]
mod tests;
