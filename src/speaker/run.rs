//! The speaker's loop: hear everybody, do a slice of work, tell everybody.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bgp_codec::Update;
use margay_breaks::{Break, is_broken};
use margay_rib::{Reflection, ReflectorOptions, RoutePage, RouteSelection, RouteStatus};
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;
use tracing::{debug, error, info, warn};

use super::hold_back::SessionCounts;
use super::kernel_feed::KernelHeard;
use super::pace::Pace;
use super::session::{Fed, SpeakerSession};
use super::turns::{Step, TurnClock};
use super::{
    FamilyCounts, HoldBack, Inputs, KernelFeed, OpenExportQueue, PeerKey, PeerSelection, PeerSettings,
    PeerUp, RoutesQuestion, SessionEpoch, SpeakerCounts, SpeakerInput, SpeakerRequest,
};
use crate::kernel::KernelEvent;
use crate::machine::{Processor, Slice};
use crate::recording::RecordedRib;

/// How long the speaker takes inputs before it tells peers and kernel what follows from them, and how long it tells peers.
const SLICE: Duration = Duration::from_millis(2);

/// How long a turn takes at the most, but for the last steps: what begins later has the shortest slices. So one that others
/// on the machine held up is hardly longer than the hold-up or than this.
const TURN: Duration = Duration::from_millis(6);

/// Enough that everybody gets on.
const SHORTEST_SLICE: Duration = Duration::from_micros(500);

/// A pause that is waited for without hearing anybody.
const SHORT_PAUSE: Duration = Duration::from_millis(4);

/// To how many peers is written in one go.
const BURST: usize = 128;

/// How many entries of background work are done between two looks at the queues.
const WORK_ENTRIES: usize = 4096;

/// See the [module](super).
pub(super) struct Speaker {
    processor: Processor,
    rib: RecordedRib,
    peers: BTreeMap<PeerKey, SpeakerPeer>,
    kernel: Option<KernelFeed>,
    /// While it lasts, peers are told own routes only.
    hold_back: Option<HoldBack>,
    /// No refresh of a peer has to be ended before this.
    refresh_ends: Option<Instant>,
    inputs: Inputs,
    requests: mpsc::Receiver<SpeakerRequest>,
    writable: Arc<Notify>,
    /// The peers with a session, the one that is fed next in front.
    feeding: VecDeque<PeerKey>,
    pace: Pace,
    /// The queues of those that have just been fed, and are written to in one go.
    opened: Vec<OpenExportQueue>,
    /// The peers that are behind: they wait for room in their queues or for another turn, and are told more at once.
    catching_up: BTreeSet<PeerKey>,
    /// There may be something that peers have not been told since the last round began.
    has_news: bool,
    /// The Rib has more background work.
    working: bool,
    clock: TurnClock,
    /// How long turns have taken since other tasks of the thread had it.
    kept_thread: Duration,
}

/// A configured peer.
struct SpeakerPeer {
    settings: PeerSettings,
    session: Option<SpeakerSession>,
    /// The peer told its whole table once since the daemon started.
    synchronised: bool,
}

/// Whether the loop goes on.
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
        hold_back: Option<HoldBack>,
        inputs: Inputs,
        requests: mpsc::Receiver<SpeakerRequest>,
        writable: Arc<Notify>,
    ) -> Self {
        if hold_back.is_some() {
            rib.hold_back();
        }
        Self {
            processor,
            rib,
            peers: BTreeMap::new(),
            kernel,
            hold_back,
            refresh_ends: None,
            inputs,
            requests,
            writable,
            feeding: VecDeque::new(),
            pace: Pace::new(Instant::now()),
            opened: Vec::with_capacity(BURST),
            catching_up: BTreeSet::new(),
            has_news: false,
            working: false,
            clock: TurnClock::new(Instant::now()),
            kept_thread: Duration::ZERO,
        }
    }

    pub(super) async fn run(mut self) {
        while self.hear().await == Flow::Continue {
            self.take_inputs();
            self.end_hold_back_in_time();
            self.end_refreshes_in_time(Instant::now());
            self.clock.end_step(Step::Timers, Instant::now());
            self.work();
            self.clock.end_step(Step::Work, Instant::now());
            self.feed();
            debug_assert!(self.waits_for_sessions_only(), "{:?} of {:?}", self.catching_up, self.feeding);
            self.rib.on_turn_over();
            self.kept_thread += self.clock.end_turn(self.processor.computed());
            self.processor.on_turn_over().await;
            if self.kept_thread >= SLICE {
                self.kept_thread = Duration::ZERO;
                tokio::task::yield_now().await;
            }
        }
        if let Some(kernel) = &mut self.kernel {
            kernel.feed_all(&mut self.rib).await;
        }
        self.processor.at_length(|| self.rib.finish());
    }

    /// Waits until there is something to do. What is asked comes before what is announced.
    async fn hear(&mut self) -> Flow {
        let pause = self.pace.pause(Instant::now());
        let is_busy = self.working || self.pace.is_in_round();
        if self.has_news && !is_busy && pause < SHORT_PAUSE && self.inputs.is_empty() {
            self.processor.nap(pause).await;
            self.begin_turn();
            return Flow::Continue;
        }
        let wake_at = earlier(self.hold_back_ends_at(), self.refresh_ends);
        let Self { kernel, inputs, requests, writable, has_news, .. } = self;
        let heard = tokio::select! {
            biased;
            request = requests.recv() => Heard::Request(request),
            heard = hear_kernel(kernel) => Heard::Kernel(heard),
            () = writable.notified() => Heard::Writable,
            input = inputs.recv() => Heard::Input(input),
            // Yielding lets the runtime look at its timers.
            () = tokio::task::yield_now(), if is_busy => Heard::Nothing,
            () = tokio::time::sleep(pause), if *has_news => Heard::Nothing,
            () = reached(wake_at) => Heard::Nothing,
        };
        self.begin_turn();
        self.has_news |= !matches!(heard, Heard::Nothing | Heard::Writable);
        match heard {
            Heard::Nothing => Flow::Continue,
            Heard::Writable => {
                self.feed_catching_up();
                self.clock.end_step(Step::Telling, Instant::now());
                Flow::Continue
            }
            Heard::Request(None | Some(SpeakerRequest::Stop)) => Flow::Stop,
            Heard::Request(Some(request)) => {
                self.answer(request);
                Flow::Continue
            }
            Heard::Input(Some(input)) => {
                self.take(input);
                Flow::Continue
            }
            Heard::Input(None) => Flow::Stop,
            Heard::Kernel(heard) => {
                let flow = self.take_kernel(heard);
                self.clock.end_step(Step::Kernel, Instant::now());
                flow
            }
        }
    }

    fn begin_turn(&mut self) {
        self.clock.begin_turn(Instant::now(), self.processor.computed());
    }

    /// Does a part of the Rib's background work. The last part makes news as the others do.
    fn work(&mut self) {
        self.has_news |= self.working;
        self.working = self.rib.work(self.processor.work_entries(WORK_ENTRIES));
        self.has_news |= self.working;
    }

    /// A slice that is shorter the later it is in the turn.
    fn slice(&self, length: Duration) -> Slice {
        let left = TURN.saturating_sub(self.clock.spent(Instant::now()));
        self.processor.slice(length.min(left).max(SHORTEST_SLICE))
    }

    /// Takes what else has arrived, for a slice of time.
    fn take_inputs(&mut self) {
        let mut slice = self.slice(SLICE);
        while !slice.is_over()
            && let Some(input) = self.inputs.try_recv()
        {
            self.take(input);
        }
    }

    /// Whatever comes in may be news for the peers, also for those that had their turn in this round.
    fn take(&mut self, input: SpeakerInput) {
        self.has_news = true;
        let step = input.step();
        match input {
            SpeakerInput::PeerUp(up) => self.peer_up(*up),
            SpeakerInput::PeerDown { peer, epoch } => self.peer_down(peer, epoch),
            SpeakerInput::Updates { peer, epoch, updates, .. } => self.apply_updates(peer, epoch, updates),
            SpeakerInput::RefreshMark { peer, epoch, family, mark } => {
                if let Some(session) = current(&mut self.peers, peer, epoch) {
                    session.on_refresh_mark(&mut self.rib, family, mark, Instant::now());
                    self.refresh_ends = earlier(self.refresh_ends, session.refresh_ends_at());
                    self.working = true;
                }
            }
            SpeakerInput::RouteRefresh { peer, epoch, family } => {
                if let Some(session) = current(&mut self.peers, peer, epoch) {
                    self.rib.refresh(session.index, family);
                }
            }
        }
        self.clock.end_step(step, Instant::now());
    }

    fn peer_up(&mut self, up: PeerUp) {
        let (key, epoch) = (up.peer, up.epoch);
        let Some(peer) = self.peers.get_mut(&key) else {
            warn!(peer = key.0, "a session came up for a peer that is not configured any more");
            return;
        };
        match peer.session.take() {
            Some(former) => self.rib.peer_down(former.index),
            None => self.feeding.push_back(key),
        }
        if let Some(hold_back) = &mut self.hold_back {
            hold_back.on_session(Instant::now());
        }
        peer.session = Some(SpeakerSession::new(&mut self.rib, &peer.settings, up));
        debug!(peer = %peer.settings.name, session = epoch.0, "joined");
    }

    fn peer_down(&mut self, key: PeerKey, epoch: SessionEpoch) {
        let Some(peer) = self.peers.get_mut(&key) else { return };
        if let Some(session) = peer.session.take_if(|session| session.epoch == epoch) {
            self.rib.peer_down(session.index);
            self.feeding.retain(|&fed| fed != key);
            self.catching_up.remove(&key);
            debug!(peer = %peer.settings.name, session = epoch.0, "left");
        }
    }

    fn apply_updates(&mut self, key: PeerKey, epoch: SessionEpoch, updates: Vec<Update>) {
        let Some(peer) = self.peers.get_mut(&key) else { return };
        let is_current =
            |session: &&mut SpeakerSession| session.epoch == epoch || is_broken(Break::LateMessage);
        let Some(session) = peer.session.as_mut().filter(is_current) else { return };
        if let Some(hold_back) = &mut self.hold_back {
            hold_back.on_update(Instant::now());
        }
        let mut ended = false;
        self.rib.read_ahead(&updates);
        for update in updates {
            if let Some(family) = update.end_of_rib() {
                session.awaited_end_of_rib.retain(|&awaited| awaited != family);
                ended |= session.awaited_end_of_rib.is_empty();
            }
            session.note_defects(&peer.settings.name, update.defects());
            self.rib.apply_update(session.index, update);
        }
        if ended {
            self.synchronised(key);
        }
    }

    fn hold_back_ends_at(&self) -> Option<Instant> {
        let hold_back = self.hold_back.as_ref()?;
        let sessions = self.peers.values().filter_map(|peer| peer.session.as_ref());
        let mut counts = SessionCounts::default();
        for session in sessions {
            let is_told = session.awaited_end_of_rib.is_empty();
            *if is_told { &mut counts.told } else { &mut counts.telling } += 1;
        }
        hold_back.ends_at(counts)
    }

    fn end_hold_back_in_time(&mut self) {
        if self.hold_back_ends_at().is_some_and(|end| end <= Instant::now()) {
            self.hold_back = None;
            self.rib.end_hold_back();
            self.working = true;
            info!("peers are told each other's routes from now on");
        }
    }

    fn end_refreshes_in_time(&mut self, now: Instant) {
        if self.refresh_ends.is_none_or(|end| end > now) {
            return;
        }
        self.refresh_ends = None;
        for peer in self.peers.values_mut() {
            let Some(session) = &mut peer.session else { continue };
            if session.end_late_refreshes(&mut self.rib, now) {
                warn!(peer = %peer.settings.name, "told its routes again without end: the rest counts as withdrawn");
                self.working = true;
            }
            self.refresh_ends = earlier(self.refresh_ends, session.refresh_ends_at());
        }
    }

    /// When every configured peer has told its table, what is left over from an earlier run is stale.
    fn synchronised(&mut self, key: PeerKey) {
        if let Some(peer) = self.peers.get_mut(&key) {
            peer.synchronised = true;
        }
        let knows_all_peers = self.kernel.as_ref().is_some_and(KernelFeed::knows_all_peers);
        if knows_all_peers && self.peers.values().all(|peer| peer.synchronised) {
            self.end_restart("every peer has told its routes");
        }
    }

    fn end_restart(&mut self, reason: &str) {
        if let Some(kernel) = self.kernel.as_mut().filter(|kernel| kernel.is_restarting())
            && kernel.end_restart(&mut self.rib)
        {
            info!(reason, "kernel routes of an earlier run that nobody announced again are removed");
        }
    }

    fn take_kernel(&mut self, heard: KernelHeard) -> Flow {
        match heard {
            KernelHeard::Room => {}
            KernelHeard::RestartWindowOver => self.end_restart("the restart window is over"),
            KernelHeard::Event(Some(KernelEvent::Routes { ways, routes })) => {
                self.rib.set_ways(&ways);
                routes.iter().for_each(|change| self.rib.set_kernel_route(change.prefix, change.route));
                // What now hangs on other next hops is decided in slices.
                self.working = true;
            }
            KernelHeard::Event(Some(KernelEvent::Failed { prefix, reason })) => {
                warn!(%prefix, reason, "the kernel refused a route");
            }
            KernelHeard::Event(Some(KernelEvent::Fatal(reason))) => {
                // Routes must not be announced over a table that is not kept: a new start is the way out.
                error!(reason, "the kernel's table cannot be kept any more");
                return Flow::Stop;
            }
            KernelHeard::Event(None) => {
                error!("bug: the kernel thread has ended");
                return Flow::Stop;
            }
        }
        Flow::Continue
    }

    /// Hands peers and kernel what the Rib has for them, for a slice of time. Peers take turns in rounds.
    fn feed(&mut self) {
        if let Some(kernel) = &mut self.kernel {
            kernel.set_pending();
            kernel.feed(&mut self.rib);
            self.clock.end_step(Step::Kernel, Instant::now());
        }
        let mut slice = self.slice(SLICE);
        if self.has_news && self.pace.begin_if_due(Instant::now(), self.feeding.len()) {
            self.has_news = false;
        }
        let peers_left = self.pace.peers_left();
        let mut told = 0;
        while told < peers_left && !slice.is_over() {
            told += 1;
            // The turn of a peer that has left during the round is another's, or nobody's.
            let Some(key) = self.feeding.pop_front() else { continue };
            self.feeding.push_back(key);
            self.feed_peer(key);
        }
        self.flush();
        self.pace.on_told(told, slice.spent(), Instant::now());
        self.clock.end_step(Step::Telling, Instant::now());
    }

    /// Tells those that were behind more, out of turn: it costs nothing that others would share.
    fn feed_catching_up(&mut self) {
        let mut slice = self.slice(SLICE / 2);
        let mut waiting = std::mem::take(&mut self.catching_up).into_iter();
        for key in waiting.by_ref() {
            // Whoever has no room takes next to no time. If they counted, they could keep the slice from all others.
            if self.feed_peer(key) != Fed::NoRoom && slice.is_over() {
                self.writable.notify_one();
                break;
            }
        }
        self.catching_up.extend(waiting);
        self.flush();
    }

    /// Writes to those that have just been fed, one right after the other: a reader of several that gets no time to fall
    /// asleep in between need not be woken.
    fn flush(&mut self) {
        self.opened.iter_mut().for_each(OpenExportQueue::flush);
        self.opened.clear();
    }

    fn feed_peer(&mut self, key: PeerKey) -> Fed {
        if self.opened.len() == BURST {
            self.flush();
        }
        let session = self.peers.get(&key).and_then(|peer| peer.session.as_ref());
        let Some(session) = session else { return Fed::UpToDate };
        let fed = session.feed(&mut self.rib, &mut self.opened);
        match fed {
            Fed::UpToDate => {}
            Fed::More => {
                self.catching_up.insert(key);
                self.writable.notify_one();
                // The peer's next turn must find nothing held from this one.
                self.flush();
            }
            Fed::NoRoom => {
                self.catching_up.insert(key);
            }
        }
        fed
    }

    fn answer(&mut self, request: SpeakerRequest) {
        let step = request.step();
        match request {
            SpeakerRequest::AddPeer(key, settings, answer) => {
                if let Reflection::Client(cluster) = settings.reflection {
                    self.rib.add_cluster(cluster);
                }
                self.peers.insert(key, SpeakerPeer { settings, session: None, synchronised: false });
                reply(answer, ());
            }
            SpeakerRequest::Reconfigure(reflector, peers) => self.reconfigure(reflector, peers),
            SpeakerRequest::RemovePeer(key) => self.remove_peer(key),
            SpeakerRequest::Originate(prefix, options) => self.rib.originate(prefix, options),
            SpeakerRequest::StopOriginating(prefix) => self.rib.stop_originating(prefix),
            SpeakerRequest::Routes(question, answer) => reply(answer, self.routes(question)),
            SpeakerRequest::Explain(prefix, answer) => reply(answer, self.rib.explain(prefix)),
            SpeakerRequest::Counts(answer) => reply(answer, self.counts()),
            SpeakerRequest::Dump(answer) => {
                reply(answer, self.processor.at_length(|| self.rib.dump().to_string()));
            }
            SpeakerRequest::Turns(answer) => reply(answer, self.clock.times()),
            SpeakerRequest::TakeTurns(answer) => reply(answer, self.clock.take(Instant::now())),
            SpeakerRequest::Stop => {}
        }
        self.clock.end_step(step, Instant::now());
    }

    fn reconfigure(&mut self, reflector: ReflectorOptions, peers: Vec<(PeerKey, PeerSettings)>) {
        let mut sessions = Vec::new();
        for (key, settings) in peers {
            let Some(peer) = self.peers.get_mut(&key) else { continue };
            if let Some(session) = &peer.session {
                self.rib.rename(session.index, &settings.name);
                sessions.push((session.index, settings.rules()));
            }
            peer.settings = settings;
        }
        self.rib.reconfigure(reflector, sessions);
        self.working = true;
    }

    fn remove_peer(&mut self, key: PeerKey) {
        if let Some(session) = self.peers.remove(&key).and_then(|peer| peer.session) {
            self.rib.peer_down(session.index);
            self.feeding.retain(|&fed| fed != key);
            self.catching_up.remove(&key);
        }
    }

    /// Whether every session has one turn in a round, and nobody else is waited for.
    fn waits_for_sessions_only(&self) -> bool {
        let sessions = self.peers.values().filter(|peer| peer.session.is_some()).count();
        let has_session = |key| self.peers.get(key).is_some_and(|peer| peer.session.is_some());
        self.feeding.len() == sessions && self.catching_up.iter().all(has_session)
    }

    fn routes(&self, question: RoutesQuestion) -> Option<RoutePage> {
        let index = |key| Some(self.peers.get(&key)?.session.as_ref()?.index);
        let selection = match question.selection {
            PeerSelection::All => RouteSelection::All,
            PeerSelection::Best => RouteSelection::Best,
            PeerSelection::BestFrom(key) | PeerSelection::ReceivedFrom(key) => {
                RouteSelection::ReceivedFrom(index(key)?)
            }
            PeerSelection::AdvertisedTo(key) => RouteSelection::AdvertisedTo(index(key)?),
        };
        let mut page = match question.prefix {
            Some(prefix) => RoutePage { routes: self.rib.routes_to(prefix, selection), next: None },
            None => self.rib.routes(question.family, selection, question.position, question.limit),
        };
        if let PeerSelection::BestFrom(_) = question.selection {
            page.routes.retain(|route| matches!(route.status, RouteStatus::Best(_)));
        }
        Some(page)
    }

    fn counts(&self) -> SpeakerCounts {
        let sessions = self.peers.iter().filter_map(|(&key, peer)| Some((key, peer.session.as_ref()?)));
        let peers = sessions.map(|(key, session)| {
            let of_family = |&family| FamilyCounts {
                family,
                routes: self.rib.peer_counts(session.index, family),
                end_of_rib_received: !session.awaited_end_of_rib.contains(&family),
            };
            (key, session.families.iter().map(of_family).collect())
        });
        SpeakerCounts { rib: self.rib.counts(), peers: peers.collect() }
    }
}

/// What the loop was woken by.
enum Heard {
    Request(Option<SpeakerRequest>),
    Input(Option<SpeakerInput>),
    Kernel(KernelHeard),
    /// A queue that was full has room.
    Writable,
    Nothing,
}

async fn hear_kernel(kernel: &mut Option<KernelFeed>) -> KernelHeard {
    match kernel {
        Some(kernel) => kernel.hear().await,
        None => std::future::pending().await,
    }
}

fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    one.into_iter().chain(other).min()
}

/// Is ready at that time, if there is one.
async fn reached(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// The session that `epoch` names, if it is the present one.
fn current(
    peers: &mut BTreeMap<PeerKey, SpeakerPeer>,
    key: PeerKey,
    epoch: SessionEpoch,
) -> Option<&mut SpeakerSession> {
    peers.get_mut(&key)?.session.as_mut().filter(|session| session.epoch == epoch)
}

/// Whoever asked may have gone meanwhile; then nobody misses the answer.
fn reply<T>(answer: tokio::sync::oneshot::Sender<T>, value: T) {
    drop(answer.send(value));
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use bgp_codec::{
        AsWidth, Asn, BgpIdentifier, Capabilities, Capability, Family, GracefulRestart, HoldTime, Ipv4Prefix,
        NextHop, Nlri, Origin, PathAttributesBuilder, PeerKind, Update,
    };
    use margay_breaks::set_broken;
    use margay_filter::FilterChain;
    use margay_rib::{NextHopMode, PathsSent, ReflectorOptions, RibOptions};
    use margay_session::Negotiated;
    use tokio::io::AsyncReadExt;
    use tokio::net::{TcpListener, TcpStream};
    use tokio::time::timeout;

    use super::*;
    use crate::machine::{Machine, OwnAddresses, QueueSizes, Stream};
    use crate::message_counters::MessageCounters;
    use crate::outbound::Outbound;
    use crate::speaker::{RefreshMark, input_queue};

    /// Nothing here takes this long unless it is broken.
    const PATIENCE: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn a_change_that_is_taken_while_a_queue_gets_room_is_told() {
        let (inputs, input_receiver) = input_queue(1 << 20);
        let writable = Arc::new(Notify::new());
        let (mut speaker, _requests) = speaker(input_receiver, &writable);
        let (feed, _feed_end) = connection(&writable).await;
        let (reader, mut reader_end) = connection(&writable).await;
        for (key, outbound) in [(FEED, &feed), (PeerKey(2), &reader)] {
            speaker
                .peers
                .insert(key, SpeakerPeer { settings: settings(), session: None, synchronised: false });
            inputs.try_send(SpeakerInput::PeerUp(Box::new(up(key, outbound)))).unwrap();
        }
        inputs.try_send(one_network()).unwrap();
        // The room is what the speaker hears of first, with everything else in its queue.
        writable.notify_one();
        let running = tokio::spawn(speaker.run());
        let told = timeout(PATIENCE, updates_with_routes(&mut reader_end, 1)).await;
        running.abort();
        told.expect("the other peer is told");
    }

    #[tokio::test]
    async fn a_round_outlives_the_peers_that_leave_in_it() {
        let (_inputs, input_receiver) = input_queue(1 << 20);
        let (mut speaker, _requests) = speaker(input_receiver, &Arc::default());
        assert!(speaker.pace.begin_if_due(Instant::now(), 2), "two peers are to be told");
        speaker.feed();
        assert!(!speaker.pace.is_in_round(), "they have left, and nobody waits for them");
    }

    #[tokio::test]
    async fn a_message_of_a_former_session_says_nothing() {
        assert_eq!(prefixes_after_a_late_message().await, 0);
        set_broken(Some(Break::LateMessage));
        assert_eq!(prefixes_after_a_late_message().await, 1, "this test would see it");
        set_broken(None);
    }

    #[tokio::test]
    async fn a_peer_that_is_far_behind_has_a_share_of_each_turn() {
        let (_inputs, input_receiver) = input_queue(1 << 20);
        let writable = Arc::new(Notify::new());
        let (mut speaker, _requests) = speaker(input_receiver, &writable);
        let (feed, _feed_end) = connection(&writable).await;
        let (reader, _reader_end) = connection(&writable).await;
        let reader_key = PeerKey(2);
        for (key, outbound) in [(FEED, &feed), (reader_key, &reader)] {
            speaker
                .peers
                .insert(key, SpeakerPeer { settings: settings(), session: None, synchronised: false });
            speaker.take(SpeakerInput::PeerUp(Box::new(up(key, outbound))));
        }
        let routes = (0..20_000_u16).map(|number| {
            let [high, low] = number.to_be_bytes();
            Ipv4Prefix::truncating([10, 65, high, low].into(), 32)
        });
        speaker.take(updates([announcement(routes)]));
        while speaker.rib.work(WORK_ENTRIES) {}
        let mut shares = 0;
        while {
            speaker.catching_up.clear();
            speaker.feed_peer(reader_key);
            speaker.catching_up.contains(&reader_key)
        } {
            shares += 1;
        }
        assert_eq!(shares, 2, "four times 2,048 records a turn");
    }

    #[tokio::test]
    async fn a_refresh_without_end_counts_as_told_after_six_minutes() {
        let (_inputs, input_receiver) = input_queue(1 << 20);
        let writable = Arc::new(Notify::new());
        let (mut speaker, _requests) = speaker(input_receiver, &writable);
        let (outbound, _end) = connection(&writable).await;
        speaker.peers.insert(FEED, SpeakerPeer { settings: settings(), session: None, synchronised: false });
        speaker.take(SpeakerInput::PeerUp(Box::new(up(FEED, &outbound))));
        let [kept, stale] = [1, 2].map(|it| Ipv4Prefix::truncating([10, 65, it, 0].into(), 24));
        speaker.take(updates([announcement([kept, stale])]));
        let family = Family::IPV4_UNICAST;
        let mark = |mark| SpeakerInput::RefreshMark { peer: FEED, epoch: SessionEpoch(1), family, mark };
        let begun = Instant::now();
        speaker.take(mark(RefreshMark::Begin));
        speaker.take(updates([announcement([kept])]));
        let mut prefixes_at = |now| {
            speaker.end_refreshes_in_time(now);
            while speaker.rib.work(WORK_ENTRIES) {}
            speaker.rib.counts().ipv4_prefixes
        };
        // The mark was taken a little later than `begun`.
        assert_eq!(prefixes_at(begun + Duration::from_secs(6 * 60) - Duration::from_secs(1)), 2);
        assert_eq!(prefixes_at(begun + Duration::from_secs(6 * 60) + PATIENCE), 1);
        // An end that comes all the same says nothing any more.
        speaker.take(updates([announcement([stale])]));
        speaker.take(mark(RefreshMark::End));
        while speaker.rib.work(WORK_ENTRIES) {}
        assert_eq!(speaker.rib.counts().ipv4_prefixes, 2);
    }

    /// RFC 7313 §4.2: there is nothing yet that it could tell again, and what it held before is marked anyway.
    #[tokio::test]
    async fn a_peer_that_restarts_gracefully_begins_no_refresh_before_the_end_of_its_table() {
        let (_inputs, input_receiver) = input_queue(1 << 20);
        let writable = Arc::new(Notify::new());
        let (mut speaker, _requests) = speaker(input_receiver, &writable);
        let (outbound, _end) = connection(&writable).await;
        speaker.peers.insert(FEED, SpeakerPeer { settings: settings(), session: None, synchronised: false });
        let mut up = up(FEED, &outbound);
        let restart = GracefulRestart {
            restarted: true,
            survives_notification: false,
            restart_time_seconds: 120,
            families: Vec::new(),
        };
        up.negotiated.peer_capabilities = Capabilities::from_iter([Capability::GracefulRestart(restart)]);
        speaker.take(SpeakerInput::PeerUp(Box::new(up)));
        let [kept, other] = [1, 2].map(|it| Ipv4Prefix::truncating([10, 65, it, 0].into(), 24));
        let mut prefixes_after_refresh = |before: Update| {
            let family = Family::IPV4_UNICAST;
            let mark = |mark| SpeakerInput::RefreshMark { peer: FEED, epoch: SessionEpoch(1), family, mark };
            speaker.take(updates([before]));
            speaker.take(mark(RefreshMark::Begin));
            speaker.take(updates([announcement([kept])]));
            speaker.take(mark(RefreshMark::End));
            while speaker.rib.work(WORK_ENTRIES) {}
            speaker.rib.counts().ipv4_prefixes
        };
        assert_eq!(prefixes_after_refresh(announcement([kept, other])), 2);
        assert_eq!(prefixes_after_refresh(Update::ending(Family::IPV4_UNICAST)), 1);
    }

    /// How many prefixes there are when an announcement comes after the session that followed its own.
    async fn prefixes_after_a_late_message() -> usize {
        let (_inputs, input_receiver) = input_queue(1 << 20);
        let writable = Arc::new(Notify::new());
        let (mut speaker, _requests) = speaker(input_receiver, &writable);
        let (outbound, _end) = connection(&writable).await;
        speaker.peers.insert(FEED, SpeakerPeer { settings: settings(), session: None, synchronised: false });
        let former = up(FEED, &outbound);
        speaker.take(SpeakerInput::PeerUp(Box::new(former)));
        let present = PeerUp { epoch: SessionEpoch(2), ..up(FEED, &outbound) };
        speaker.take(SpeakerInput::PeerUp(Box::new(present)));
        speaker.take(one_network());
        speaker.rib.counts().ipv4_prefixes
    }

    /// A speaker without a kernel, of which nobody asks anything.
    fn speaker(inputs: Inputs, writable: &Arc<Notify>) -> (Speaker, mpsc::Sender<SpeakerRequest>) {
        let (requests, receiver) = mpsc::channel(1);
        (
            Speaker::new(
                Machine::Real.processor().unwrap(),
                rib(),
                None,
                None,
                inputs,
                receiver,
                Arc::clone(writable),
            ),
            requests,
        )
    }

    fn rib() -> RecordedRib {
        let identifier = BgpIdentifier::new(1).unwrap();
        let options = RibOptions {
            asn: Asn(64512),
            identifier,
            reflector: ReflectorOptions::new(identifier),
            forwarding: None,
            hash_seed: 1,
        };
        RecordedRib::new(options, None)
    }

    const FEED: PeerKey = PeerKey(1);

    /// Reads until so many UPDATEs have come that are more than an End-of-RIB.
    async fn updates_with_routes(stream: &mut TcpStream, mut wanted: usize) {
        while wanted > 0 {
            let mut header = [0; 19];
            stream.read_exact(&mut header).await.unwrap();
            let octets = usize::from(u16::from_be_bytes([header[16], header[17]]));
            stream.read_exact(&mut vec![0; octets - header.len()]).await.unwrap();
            wanted -= usize::from(octets > 23);
        }
    }

    fn settings() -> PeerSettings {
        PeerSettings {
            name: Arc::from("peer"),
            import: FilterChain::accept_all(),
            export: FilterChain::accept_all(),
            next_hop: NextHopMode::Auto,
            reflection: Reflection::NonClient,
            paths_sent: PathsSent::All,
        }
    }

    /// An external peer of its own AS.
    fn up(peer: PeerKey, outbound: &Arc<Outbound>) -> PeerUp {
        let number = u32::try_from(peer.0).unwrap();
        PeerUp {
            peer,
            epoch: SessionEpoch(1),
            negotiated: Negotiated {
                peer_identifier: BgpIdentifier::new(100 + number).unwrap(),
                peer_asn: Asn(65000 + number),
                local_asn: Asn(64512),
                kind: PeerKind::Ebgp,
                as_width: AsWidth::Four,
                hold_time: HoldTime::ZERO,
                families: vec![Family::IPV4_UNICAST],
                path_ids_received: Vec::new(),
                path_ids_sent: Vec::new(),
                route_refresh: false,
                enhanced_route_refresh: false,
                extended_message: false,
                peer_capabilities: Capabilities::default(),
            },
            own: OwnAddresses { ipv4: Some(NextHop::Ipv4([127, 0, 0, 1].into())), ..OwnAddresses::default() },
            peer_address: IpAddr::from([127, 0, 0, 1]),
            exports: outbound.export_queue(),
        }
    }

    /// What the feed sends.
    fn updates<const N: usize>(updates: [Update; N]) -> SpeakerInput {
        SpeakerInput::Updates { peer: FEED, epoch: SessionEpoch(1), updates: updates.into(), octets: 60 }
    }

    fn announcement(prefixes: impl IntoIterator<Item = Ipv4Prefix>) -> Update {
        let next_hop = NextHop::Ipv4([192, 0, 2, 1].into());
        let attributes = PathAttributesBuilder::new(Origin::Igp).build();
        Update::advertising(attributes, next_hop, false, prefixes.into_iter().map(Nlri::new))
    }

    fn one_network() -> SpeakerInput {
        updates([announcement([Ipv4Prefix::truncating([10, 65, 1, 0].into(), 26)])])
    }

    async fn connection(writable: &Arc<Notify>) -> (Arc<Outbound>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let dialed = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (_, writer) = Stream::Tcp(dialed).into_split();
        writer.writable().await.unwrap();
        let counters = Arc::new(MessageCounters::default());
        let outbound = Outbound::new(writer, QueueSizes::USUAL.routes_octets, Arc::clone(writable), counters);
        (outbound, listener.accept().await.unwrap().0)
    }
}
