//! The speaker's event loop: handle inputs, do a slice of background work, feed peers and kernel.

use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bgp_codec::{NextHop, Update};
use margay_rib::{
    Departure, Notice, NoticeKind, PeerIndex, ReflectorOptions, RoutePage, RouteSelection, RouteStatus,
};
use margay_session::{self as session, StopReason};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::Instant;
use tracing::{debug, error, info, warn};

use super::absence::Absence;
use super::hold_back::SessionCounts;
use super::kernel_feed::KernelHeard;
use super::pace::Pace;
use super::recipient::{Fed, Recipient};
use super::session::SpeakerSession;
use super::turns::{Step, TurnClock};
use super::{
    Burst, Destination, FamilyCounts, HoldBack, Inputs, KernelFeed, PeerKey, PeerSelection, PeerSettings,
    PeerUp, RoutesQuestion, SessionEpoch, SpeakerCounts, SpeakerInput, SpeakerRequest,
};
use crate::kernel::KernelEvent;
use crate::machine::{AddressBook, Processor, Slice};
use crate::recording::RecordedRib;
use crate::reply::reply;

/// Length of a slice: of handling inputs before peers and kernel are fed, and of feeding peers.
const SLICE: Duration = Duration::from_millis(2);

/// Target length of a turn. Steps that start after it get the shortest slice, so a preempted turn overruns by little more than the
/// preemption.
const TURN: Duration = Duration::from_millis(6);

/// Lower bound of a slice, so that every step progresses even in an overlong turn.
const SHORTEST_SLICE: Duration = Duration::from_micros(500);

/// Longest pause between rounds that is slept through without polling the queues.
const SHORT_PAUSE: Duration = Duration::from_millis(4);

/// Peers written to in one burst.
const BURST_PEERS: usize = 128;

/// Steps of background work per turn.
const WORK_ENTRIES: usize = 4096;

/// See the [module](super).
pub(super) struct Speaker {
    processor: Processor,
    rib: RecordedRib,
    peers: BTreeMap<PeerKey, SpeakerPeer>,
    kernel: Option<KernelFeed>,
    /// While it lasts, only own routes are advertised.
    hold_back: Option<HoldBack>,
    /// When the earliest route refresh times out.
    refresh_ends: Option<Instant>,
    /// The earliest end of the absence of a peer that restarts.
    absences_end: Option<Instant>,
    channels: Channels,
    /// The peers with a session, the next one to be fed first.
    feeding: VecDeque<Recipient>,
    pace: Pace,
    /// Messages held back for the peers that have just been fed.
    burst: Burst,
    /// The peers that are behind: they wait for room in their queues or for another turn, and are fed out of turn.
    catching_up: BTreeMap<PeerKey, Recipient>,
    /// Round-robin position in `catching_up`.
    catches_up_next: PeerKey,
    /// There may be changes that the last round did not cover.
    has_news: bool,
    /// The Rib has background work left.
    working: bool,
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
}

/// A configured peer.
struct SpeakerPeer {
    settings: PeerSettings,
    session: Option<SpeakerSession>,
    /// It restarts, and has no session meanwhile.
    absence: Option<Absence>,
    /// The peer has sent End-of-RIB for all families once since the daemon started.
    synchronised: bool,
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
        hold_back: Option<HoldBack>,
        channels: Channels,
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
            absences_end: None,
            channels,
            feeding: VecDeque::new(),
            pace: Pace::new(Instant::now()),
            burst: Burst::default(),
            catching_up: BTreeMap::new(),
            catches_up_next: PeerKey(0),
            has_news: false,
            working: false,
            clock: TurnClock::new(Instant::now()),
            kept_thread: Duration::ZERO,
        }
    }

    pub(super) async fn run(mut self) {
        while self.hear_in_turn().await == Flow::Continue {
            self.take_inputs();
            self.end_hold_back_in_time();
            self.end_refreshes_in_time(Instant::now());
            self.end_absences_in_time(Instant::now());
            self.clock.end_step(Step::Timers, Instant::now());
            self.work();
            self.clock.end_step(Step::Work, Instant::now());
            self.feed();
            self.interrupt_overdue();
            debug_assert!(self.waits_for_sessions_only(), "{:?} of {:?}", self.catching_up, self.feeding);
            self.log_notices();
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
    async fn hear_in_turn(&mut self) -> Flow {
        if self.kept_thread >= SLICE {
            self.kept_thread = Duration::ZERO;
            tokio::task::yield_now().await;
        }
        let (flow, has_waited) = noting_waits(self.hear()).await;
        if has_waited {
            self.kept_thread = Duration::ZERO;
        }
        flow
    }

    /// Waits for an event and handles it. Requests take precedence over peers' inputs.
    async fn hear(&mut self) -> Flow {
        let pause = self.pace.pause(Instant::now());
        let is_busy = self.working || self.pace.is_in_round();
        if self.has_news && !is_busy && pause < SHORT_PAUSE && self.channels.inputs.is_empty() {
            self.processor.nap(pause).await;
            self.begin_turn();
            return Flow::Continue;
        }
        let wake_at = earlier(earlier(self.hold_back_ends_at(), self.refresh_ends), self.absences_end);
        let Self { kernel, channels, has_news, .. } = self;
        let Channels { inputs, requests, writable, addresses } = channels;
        let heard = tokio::select! {
            biased;
            request = requests.recv() => Heard::Request(request),
            heard = hear_kernel(kernel) => Heard::Kernel(heard),
            () = writable.notified() => Heard::Writable,
            () = changed(addresses) => Heard::Addresses,
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
            Heard::Addresses => {
                self.on_addresses();
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

    /// Does a slice of the Rib's background work. The last slice may cause changes, as any other.
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

    /// Handles further queued inputs for a slice of time.
    fn take_inputs(&mut self) {
        let mut slice = self.slice(SLICE);
        while !slice.is_over()
            && let Some(input) = self.channels.inputs.try_recv()
        {
            self.take(input);
        }
    }

    /// Handles an input. It may cause changes for any peer, even one that has had its turn in this round.
    fn take(&mut self, input: SpeakerInput) {
        self.has_news = true;
        let step = input.step();
        match input {
            SpeakerInput::PeerUp(up) => self.peer_up(*up),
            SpeakerInput::PeerDown { peer, epoch, departure } => self.peer_down(peer, epoch, &departure),
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
        let (key, epoch, exports) = (up.peer, up.epoch, up.exports.clone());
        self.end_session(key, |_| true, &session::Departure::Final);
        let Some(peer) = self.peers.get_mut(&key) else {
            warn!(peer = key.0, "a session came up for a peer that is not configured any more");
            return;
        };
        if let Some(hold_back) = &mut self.hold_back {
            hold_back.on_session(Instant::now());
        }
        let addresses = Arc::clone(&self.channels.addresses.borrow());
        let resumes = peer.absence.take().map(|absence| absence.index);
        let session = SpeakerSession::new(&mut self.rib, &peer.settings, &addresses, up, resumes);
        self.working |= resumes.is_some();
        self.refresh_ends = earlier(self.refresh_ends, session.refresh_ends_at());
        self.feeding.push_back(Recipient { peer: key, index: session.index, exports });
        peer.session = Some(session);
        debug!(peer = %peer.settings.name, session = epoch.0, "joined");
    }

    /// What was advertised with an own address that has changed is advertised again.
    fn on_addresses(&mut self) {
        let addresses = Arc::clone(&self.channels.addresses.borrow_and_update());
        let mut changed = Vec::new();
        for peer in self.peers.values_mut() {
            let Some(session) = &mut peer.session else { continue };
            if let Some(own) = session.on_addresses(&addresses) {
                let next_hop =
                    |own: Option<NextHop>| own.map_or_else(|| "none".to_owned(), |own| own.to_string());
                let (ipv4, ipv6) = (next_hop(own.ipv4), next_hop(own.ipv6));
                info!(peer = %peer.settings.name, ipv4, ipv6, "own next hops have changed");
                changed.push((session.index, own));
            }
        }
        if !changed.is_empty() {
            self.rib.set_own_next_hops(changed);
            self.working = true;
        }
        self.clock.end_step(Step::Configuration, Instant::now());
    }

    fn peer_down(&mut self, key: PeerKey, epoch: SessionEpoch, departure: &session::Departure) {
        if self.end_session(key, |session| session.epoch == epoch, departure)
            && let Some(peer) = self.peers.get(&key)
        {
            debug!(peer = %peer.settings.name, session = epoch.0, "left");
        }
    }

    /// Ends a peer's session, if there is one and it is the one that is meant. Returns whether it was. The peer's routes stay
    /// where the departure says so.
    fn end_session(
        &mut self,
        key: PeerKey,
        is_meant: impl FnOnce(&SpeakerSession) -> bool,
        departure: &session::Departure,
    ) -> bool {
        let Some(peer) = self.peers.get_mut(&key) else { return false };
        let Some(session) = peer.session.take_if(|session| is_meant(session)) else { return false };
        let now = Instant::now();
        peer.absence = Absence::after(&session, departure, now);
        if let Some(absence) = &peer.absence {
            let seconds = absence.left(now).as_secs();
            info!(peer = %peer.settings.name, seconds, "restarts: its routes are kept meanwhile");
            self.absences_end = earlier(self.absences_end, Some(absence.until));
        }
        let departure = if peer.absence.is_some() { Departure::Restarting } else { Departure::Final };
        self.rib.peer_down(session.index, departure);
        self.feeding.retain(|fed| fed.peer != key);
        self.catching_up.remove(&key);
        true
    }

    fn apply_updates(&mut self, key: PeerKey, epoch: SessionEpoch, updates: Vec<Update>) {
        let Some(peer) = self.peers.get_mut(&key) else { return };
        let session = peer.session.as_mut().filter(|session| session.epoch == epoch);
        // What a peer still sends whose session ends is not worth the work.
        let Some(session) = session.filter(|session| !session.is_interrupted()) else { return };
        if let Some(hold_back) = &mut self.hold_back {
            hold_back.on_update(Instant::now());
        }
        let mut ended = false;
        self.rib.read_ahead(&updates);
        for update in updates {
            let end_of_rib = update.end_of_rib();
            session.note_defects(&peer.settings.name, update.defects());
            self.rib.apply_update(session.index, update);
            if let Some(family) = end_of_rib {
                ended |= session.on_end_of_rib(&mut self.rib, family);
                self.working = true;
            }
        }
        if let Some(limit) = &peer.settings.prefix_limit {
            session.check_limit(&self.rib, limit, &peer.settings.name);
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
            info!("initial hold-back is over: advertising all routes");
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
                warn!(peer = %peer.settings.name, "route refresh timed out: stale routes withdrawn");
                self.working = true;
            }
            self.refresh_ends = earlier(self.refresh_ends, session.refresh_ends_at());
        }
    }

    fn end_absences_in_time(&mut self, now: Instant) {
        if self.absences_end.is_none_or(|end| end > now) {
            return;
        }
        self.absences_end = None;
        let mut over = Vec::new();
        for peer in self.peers.values_mut() {
            if let Some(absence) = peer.absence.take_if(|absence| absence.until <= now) {
                warn!(peer = %peer.settings.name, "did not come back from its restart in time: its routes are withdrawn");
                over.push(absence);
            }
            self.absences_end = earlier(self.absences_end, peer.absence.map(|absence| absence.until));
        }
        over.into_iter().for_each(|absence| self.end_absence(absence));
    }

    fn end_absence(&mut self, absence: Absence) {
        self.rib.peer_down(absence.index, Departure::Final);
        self.working = true;
    }

    /// Notes that a peer has sent End-of-RIB. Once all have, kernel routes of an earlier run are stale.
    fn synchronised(&mut self, key: PeerKey) {
        if let Some(peer) = self.peers.get_mut(&key) {
            peer.synchronised = true;
        }
        let knows_all_peers = self.kernel.as_ref().is_some_and(KernelFeed::knows_all_peers);
        if knows_all_peers && self.peers.values().all(|peer| peer.synchronised) {
            self.end_restart("every peer has sent End-of-RIB");
        }
    }

    fn end_restart(&mut self, reason: &str) {
        if let Some(kernel) = self.kernel.as_mut().filter(|kernel| kernel.is_restarting())
            && kernel.end_restart(&mut self.rib)
        {
            info!(reason, "removing kernel routes of an earlier run that no peer announced again");
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
            KernelHeard::Event(None) => {
                error!("bug: the kernel thread has ended");
                return Flow::Stop;
            }
        }
        Flow::Continue
    }

    /// Feeds the kernel, and peers for a slice of time. Peers take turns in rounds.
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
            // A peer that has left during the round leaves its turn to another.
            let Some(recipient) = self.feeding.pop_front() else { continue };
            self.tell(&recipient);
            self.feeding.push_back(recipient);
        }
        self.burst.write();
        self.pace.on_told(told, slice.spent(), Instant::now());
        self.clock.end_step(Step::Telling, Instant::now());
    }

    /// Ends the sessions of peers that do not read while ever more withdrawals have to be kept for them.
    fn interrupt_overdue(&mut self) {
        for index in self.rib.overdue() {
            let mut sessions =
                self.peers.values_mut().filter_map(|peer| Some((&peer.settings, peer.session.as_mut()?)));
            let Some((settings, session)) = sessions.find(|(_, session)| session.index == index) else {
                continue;
            };
            if session.interrupt(StopReason::OutOfResources) {
                warn!(peer = %settings.name, "the peer does not read, and too many withdrawals wait for it: its session ends");
            }
        }
    }

    /// Feeds peers that are behind, out of turn: what they read is not shared with others. Those that the slice did not reach
    /// come first in the next.
    fn feed_catching_up(&mut self) {
        let mut slice = self.slice(SLICE / 2);
        let mut others = std::mem::take(&mut self.catching_up);
        let first = others.split_off(&self.catches_up_next);
        let mut waiting = first.into_values().chain(others.into_values());
        for recipient in waiting.by_ref() {
            // A peer without room takes next to no time; if such peers counted, they could use up the slice.
            if self.tell(&recipient) != Fed::NoRoom && slice.is_over() {
                self.channels.writable.notify_one();
                break;
            }
        }
        let mut waiting = waiting.map(|recipient| (recipient.peer, recipient)).peekable();
        if let Some(&(next, _)) = waiting.peek() {
            self.catches_up_next = next;
        }
        self.catching_up.extend(waiting);
        self.burst.write();
    }

    /// Feeds a peer as far as its queue has room: large updates are sent at once, small ones are held for the burst.
    fn tell(&mut self, recipient: &Recipient) -> Fed {
        if self.burst.peers() == BURST_PEERS {
            self.burst.write();
        }
        let fed = recipient.feed(&mut self.rib, &mut self.burst);
        match fed {
            Fed::UpToDate => {}
            Fed::More => {
                self.catching_up.insert(recipient.peer, recipient.clone());
                self.channels.writable.notify_one();
                // The peer's next turn must not find messages of this one still held.
                self.burst.write();
            }
            Fed::NoRoom => {
                self.catching_up.insert(recipient.peer, recipient.clone());
            }
        }
        fed
    }

    fn answer(&mut self, request: SpeakerRequest) {
        let step = request.step();
        match request {
            SpeakerRequest::AddPeer(key, settings, answer) => {
                self.peers
                    .insert(key, SpeakerPeer { settings, session: None, absence: None, synchronised: false });
                reply(answer, ());
            }
            SpeakerRequest::Reconfigure(reflector, peers) => self.reconfigure(reflector, peers),
            SpeakerRequest::RemovePeer(key) => self.remove_peer(key),
            SpeakerRequest::AdvertiseAgain(key, answer) => reply(answer, self.advertise_again(key)),
            SpeakerRequest::Originate(prefix, options) => self.rib.originate(prefix, options),
            SpeakerRequest::StopOriginating(prefix) => self.rib.stop_originating(prefix),
            SpeakerRequest::Routes(question, answer) => reply(answer, self.routes(question)),
            SpeakerRequest::Explain(destination, answer) => {
                let prefix = match destination {
                    Destination::Prefix(prefix) => Some(prefix),
                    Destination::Address(address) => self.rib.route_to(address),
                };
                reply(answer, prefix.and_then(|prefix| self.rib.explain(prefix)));
            }
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

    /// Advertises all routes to a peer again, as if it had asked for them. Returns whether it has a session.
    fn advertise_again(&mut self, key: PeerKey) -> bool {
        let Some(session) = self.peers.get(&key).and_then(|peer| peer.session.as_ref()) else { return false };
        for &family in &session.families {
            self.rib.refresh(session.index, family);
        }
        self.has_news = true;
        true
    }

    fn remove_peer(&mut self, key: PeerKey) {
        self.end_session(key, |_| true, &session::Departure::Final);
        if let Some(absence) = self.peers.remove(&key).and_then(|peer| peer.absence) {
            self.end_absence(absence);
        }
    }

    /// Logs which routes have come to be refused for what they are, each to the account of the peer that announced it.
    fn log_notices(&mut self) {
        let (notices, dropped) = self.rib.poll_notices();
        for Notice { peer, prefix, kind } in notices {
            let refusal = match kind {
                NoticeKind::Refused(refusal) => format!("{prefix} is not accepted: {refusal}"),
                NoticeKind::TooLong { peer, others } => {
                    let name = self.session_of(peer).map_or("a peer", |(name, _)| name);
                    let others =
                        if others == 0 { String::new() } else { format!(" and {others} more peers") };
                    format!("{prefix} is withheld from {name}{others}: too long for their messages")
                }
            };
            if let Some((name, session)) = self.session_of(peer) {
                session.log(name, format_args!("{refusal}"));
            }
        }
        if dropped > 0 {
            debug!(dropped, "more routes are refused or withheld than are logged");
        }
    }

    /// The session with this index in the Rib, and the name of its peer.
    fn session_of(&mut self, index: PeerIndex) -> Option<(&str, &mut SpeakerSession)> {
        self.peers.values_mut().find_map(|peer| {
            let session = peer.session.as_mut().filter(|session| session.index == index)?;
            Some((&*peer.settings.name, session))
        })
    }

    /// Whether exactly the peers with a session have a turn in a round, and only they are waited for.
    fn waits_for_sessions_only(&self) -> bool {
        let sessions = self.peers.values().filter(|peer| peer.session.is_some()).count();
        let has_session = |key: &PeerKey| self.peers.get(key).is_some_and(|peer| peer.session.is_some());
        self.feeding.len() == sessions && self.catching_up.keys().all(has_session)
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
        let prefixes = question.destination.map(|destination| match destination {
            Destination::Prefix(prefix) => vec![prefix],
            Destination::Address(address) => self.rib.covering(address),
        });
        let mut page = match prefixes {
            Some(prefixes) => {
                let routes = prefixes.into_iter().flat_map(|prefix| self.rib.routes_to(prefix, selection));
                RoutePage { routes: routes.collect(), next: None }
            }
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

/// The event that woke the loop.
enum Heard {
    Request(Option<SpeakerRequest>),
    Input(Option<SpeakerInput>),
    Kernel(KernelHeard),
    /// The addresses of this node have changed.
    Addresses,
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

/// Is ready when there are other addresses; never, when they cannot change.
async fn changed(addresses: &mut watch::Receiver<Arc<AddressBook>>) {
    if addresses.changed().await.is_err() {
        std::future::pending().await
    }
}

fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    one.into_iter().chain(other).min()
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

/// The session that `epoch` names, if it is the present one.
fn current(
    peers: &mut BTreeMap<PeerKey, SpeakerPeer>,
    key: PeerKey,
    epoch: SessionEpoch,
) -> Option<&mut SpeakerSession> {
    peers.get_mut(&key)?.session.as_mut().filter(|session| session.epoch == epoch)
}

#[cfg(test)]
mod tests;
