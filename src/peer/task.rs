//! The task of one peer: carries out the session's actions, and passes events to it.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bgp_codec::{Family, Message, Notification, RouteRefresh, Update};
use margay_bfd::DownReason;
use margay_forwarding::LinkName;
use margay_session::{
    Action, CloseReason, ConnectionEvent, ConnectionId, Departure, Event, Jitter, Negotiated, Session,
    ShutdownMessage, State, StopReason,
};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{debug, error, info, warn};

use super::arrival::Arrival;
use super::clock::Clock;
use super::connections::Connections;
use super::encode::encode;
use super::options::PeerOptions;
use super::reader::Decode;
use super::speaker_outbox::SpeakerOutbox;
use super::status::{EstablishedSession, PeerStatus, StatusBoard};
use crate::bfd::{PathMonitor, PathWatch};
use crate::events::{EventHub, EventKind};
use crate::machine::{Machine, Stream, TcpPassword};
use crate::message_counters::MessageCounters;
use crate::reply::reply;
use crate::speaker::{
    DoorBell, DoorRequest, Interruption, PeerUp, RefreshMark, SessionEpoch, SessionLink, SpeakerHandle,
    SpeakerInput,
};

/// A command of the daemon to a peer's task.
#[derive(Debug)]
pub(super) enum Command {
    Start,
    Stop(StopReason),
    End(StopReason),
    /// Boxed, because the channel allocates room for 32 commands from the start.
    Incoming(Box<Arrival>),
    Rename(Arc<str>),
    Monitor(Option<Box<PathMonitor>>),
    ChangePassword(TcpPassword, oneshot::Sender<io::Result<()>>),
    RequestRoutes(oneshot::Sender<Result<String, String>>),
}

/// A peer's task and all it owns.
pub(super) struct PeerTask {
    options: PeerOptions,
    session: Session,
    clock: Clock,
    dial: Option<Dial>,
    connections: Connections,
    /// The path of the session that is established, where it is monitored.
    path: Option<PathWatch>,
    /// What the speaker asks of the sessions.
    door_bell: DoorBell,
    /// Inputs for the speaker; nothing is read unless it is empty.
    outbox: SpeakerOutbox,
    reading: Reading,
    /// Reports of the writers.
    reports: mpsc::Receiver<(ConnectionId, ConnectionEvent)>,
    /// The writers, including those that send a last NOTIFICATION.
    writers: JoinSet<()>,
    status: StatusBoard,
    counters: Arc<MessageCounters>,
    events: EventHub,
    /// The system's error of the last failed connection, until the session has handled it.
    cause: Option<io::Error>,
}

/// Whether the peer is being read, as reported to the session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Reading {
    Running,
    Paused,
}

struct Dial {
    id: ConnectionId,
    stream: Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>,
}

/// The event that a task waits for.
enum Input {
    Command(Command),
    Asked(DoorRequest),
    PathFailed(DownReason),
    Report(ConnectionId, ConnectionEvent),
    Timeout,
    Dialed(ConnectionId, io::Result<Stream>),
    /// The speaker has taken everything.
    Flushed,
    WriterEnded,
    Read(ConnectionId, io::Result<usize>),
}

impl PeerTask {
    pub(super) fn new(
        options: PeerOptions,
        speaker: &SpeakerHandle,
        decode: Decode,
        counters: Arc<MessageCounters>,
    ) -> (Self, watch::Receiver<PeerStatus>) {
        let session = Session::new(options.session.clone());
        let writable = Arc::clone(&speaker.writable);
        let (connections, reports) = Connections::new(decode, writable, Arc::clone(&counters));
        let (status, status_receiver) = StatusBoard::new();
        let task = Self {
            options,
            session,
            clock: Clock::start(),
            dial: None,
            connections,
            path: None,
            door_bell: DoorBell::new(),
            outbox: SpeakerOutbox::new(speaker.inputs.clone()),
            reading: Reading::Running,
            reports,
            writers: JoinSet::new(),
            status,
            counters,
            events: speaker.events.clone(),
            cause: None,
        };
        (task, status_receiver)
    }

    /// Runs until the daemon ends the task.
    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let reason = loop {
            match self.next(&mut commands).await {
                Input::Command(Command::Start) => self.handle(Event::Start),
                Input::Command(Command::Stop(reason)) => self.handle(Event::Stop(reason)),
                Input::Command(Command::End(reason)) => break reason,
                Input::Command(Command::Incoming(arrival)) => self.on_incoming(*arrival),
                Input::Command(Command::RequestRoutes(answer)) => reply(answer, self.request_routes()),
                Input::Command(Command::Rename(name)) => self.options.name = name.as_ref().to_owned(),
                Input::Command(Command::Monitor(path)) => self.monitor(path.map(|path| *path)),
                Input::Command(Command::ChangePassword(password, answer)) => {
                    reply(answer, self.change_password(password));
                }
                Input::Asked(DoorRequest::End(interruption)) => self.on_interrupted(interruption),
                Input::Asked(DoorRequest::Routes(epoch, family)) => self.on_routes_asked(epoch, family),
                Input::PathFailed(reason) => self.on_path_failed(reason),
                Input::Report(id, event) => self.handle(Event::On(id, event)),
                Input::Timeout => self.on_timeout(),
                Input::Dialed(id, result) => self.on_dialed(id, result),
                Input::Flushed | Input::WriterEnded => {}
                Input::Read(id, result) => self.on_read(id, result),
            }
            self.pace_reading();
        };
        self.end(reason).await;
    }

    /// The next event. Routes come last: a peer that sends many must not delay anything else.
    async fn next(&mut self, commands: &mut mpsc::Receiver<Command>) -> Input {
        let wake_at = self.session.next_timeout().and_then(|at| self.clock.instant(at));
        let must_flush = !self.outbox.is_empty();
        tokio::select! {
            biased;
            command = commands.recv() => {
                Input::Command(command.unwrap_or(Command::End(StopReason::AdministrativeShutdown(ShutdownMessage::default()))))
            }
            request = self.door_bell.request() => Input::Asked(request),
            reason = failed(&mut self.path) => Input::PathFailed(reason),
            Some((id, event)) = self.reports.recv() => Input::Report(id, event),
            (id, result) = dialed(&mut self.dial) => Input::Dialed(id, result),
            () = wait_until(wake_at) => Input::Timeout,
            () = self.outbox.flush(), if must_flush => Input::Flushed,
            Some(ended) = self.writers.join_next() => {
                if let Err(panic) = ended {
                    error!(peer = %self.options.name, "bug: a writer panicked: {panic}");
                }
                Input::WriterEnded
            }
            (id, result) = self.connections.read_any(), if !must_flush => Input::Read(id, result),
        }
    }

    /// The path is to be monitored in another way, or not any more.
    fn monitor(&mut self, path: Option<PathMonitor>) {
        self.options.path = path;
        self.watch_path();
    }

    /// Uses another TCP password from now on. What is in transit is sent again with the new one.
    fn change_password(&mut self, password: TcpPassword) -> io::Result<()> {
        self.connections.set_password(&password)?;
        self.options.transport.password = Some(password);
        self.session.on_password_changed();
        Ok(())
    }

    /// Monitors the path of the established session, where there is one and it is to be monitored.
    fn watch_path(&mut self) {
        let running = self.path.take();
        if let (Some(monitor), Some((local, peer))) = (&self.options.path, self.status.addresses()) {
            self.path = Some(monitor.watch(running, local, peer));
        }
    }

    fn on_path_failed(&mut self, reason: DownReason) {
        self.handle_with_cause(Event::PathDown, Some(io::Error::other(reason.to_string())));
    }

    fn on_incoming(&mut self, arrival: Arrival) {
        let id = self.session.new_connection_id();
        let added = self.connections.add(id, arrival, &self.options, &mut self.writers);
        if let Err(error) = added {
            debug!(peer = %self.options.name, "a connection of the peer failed at once: {error}");
            return;
        }
        self.handle(Event::Incoming(id));
        // As if it had been read now.
        self.take_messages(id);
    }

    fn on_dialed(&mut self, id: ConnectionId, result: io::Result<Stream>) {
        self.dial = None;
        let mut add =
            |stream: Stream| self.connections.add(id, stream.into(), &self.options, &mut self.writers);
        match result.and_then(&mut add) {
            Ok(()) => self.handle(Event::Connected(id)),
            Err(error) => self.handle_with_cause(Event::ConnectFailed(id), Some(error)),
        }
    }

    /// Ends a session on the speaker's request, unless that is too late.
    fn on_interrupted(&mut self, interruption: Interruption) {
        let present = self.session.established().map(|id| SessionEpoch(id.number()));
        if present == Some(interruption.epoch) {
            self.handle(Event::Interrupt(interruption.reason));
        }
    }

    /// The speaker wants the routes of a family again. It has checked that the peer takes such requests.
    fn on_routes_asked(&mut self, epoch: SessionEpoch, family: Family) {
        if let Some(id) = self.session.established().filter(|id| SessionEpoch(id.number()) == epoch) {
            self.send(id, &Message::RouteRefresh(RouteRefresh::request(family)));
        }
    }

    /// Sockets are handled before timers: a task that was delayed must not mistake its own delay for the
    /// peer's silence, or for a peer that has stopped reading.
    fn on_timeout(&mut self) {
        for id in self.connections.ids() {
            self.read_what_is_there(id);
            if self.connections.get(id).is_some_and(|connection| connection.writer.is_writable()) {
                self.handle(Event::On(id, ConnectionEvent::SendProgress));
            }
        }
        self.session.set_jitter(draw_jitter(&self.options.machine));
        self.session.handle_timeout(self.clock.now());
        self.carry_out();
    }

    /// Reads without waiting until there is a whole message, which proves that the peer is alive, unless
    /// reading pauses.
    fn read_what_is_there(&mut self, id: ConnectionId) {
        while self.outbox.is_empty() {
            let Some(connection) = self.connections.get(id) else { return };
            match connection.reader.try_read() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Ok(octets) if octets > 0 && !connection.reader.has_message() => {}
                result => return self.on_read(id, result),
            }
        }
    }

    fn on_read(&mut self, id: ConnectionId, result: io::Result<usize>) {
        match result {
            Ok(0) => self.handle(Event::On(id, ConnectionEvent::Closed)),
            Ok(_) => self.take_messages(id),
            Err(error) => self.handle_with_cause(Event::On(id, ConnectionEvent::Closed), Some(error)),
        }
    }

    /// Handles all messages that were read. UPDATEs are passed to the speaker in batches.
    fn take_messages(&mut self, id: ConnectionId) {
        let mut updates = Vec::new();
        let name = self.options.name.clone();
        while let Some(message) =
            self.connections.get(id).and_then(|connection| connection.reader.next_message(&name))
        {
            match message {
                Ok(message) => self.on_message(id, message, &mut updates),
                Err(notification) => {
                    self.handle(Event::On(id, ConnectionEvent::DecodeFailed(notification)));
                }
            }
        }
        self.pass_on(id, &mut updates);
    }

    fn on_message(&mut self, id: ConnectionId, message: Message, updates: &mut Vec<Update>) {
        self.counters.on_received(1, u64::from(matches!(message, Message::Update(_))));
        match message {
            Message::Open(open) => self.handle(Event::On(id, ConnectionEvent::Open(open))),
            Message::Keepalive => self.handle(Event::On(id, ConnectionEvent::Keepalive)),
            Message::Notification(notification) => {
                self.handle(Event::On(id, ConnectionEvent::Notification(notification)));
            }
            Message::Update(update) => {
                self.handle(Event::On(id, ConnectionEvent::Update));
                updates.push(update);
                if self.connections.get(id).is_some_and(|it| it.reader.decoded_octets() >= BATCH_OCTETS) {
                    self.pass_on(id, updates);
                }
            }
            Message::RouteRefresh(refresh) => {
                self.handle(Event::On(id, ConnectionEvent::RouteRefresh));
                self.pass_on(id, updates);
                self.pass_on_refresh(id, refresh);
            }
        }
    }

    /// Passes UPDATEs to the speaker, unless their session is over.
    fn pass_on(&mut self, id: ConnectionId, updates: &mut Vec<Update>) {
        let updates = std::mem::take(updates);
        let octets = self.connections.get(id).map_or(0, |connection| connection.reader.take_decoded_octets());
        if !updates.is_empty() && self.session.established() == Some(id) {
            self.outbox.push(SpeakerInput::Updates {
                peer: self.options.key,
                epoch: SessionEpoch(id.number()),
                updates,
                octets,
            });
        }
    }

    /// Passes a request, or a mark around the routes that answer ours, to the speaker. Those that were not
    /// negotiated, and unknown ones (RFC 7313 §5), are ignored.
    fn pass_on_refresh(&mut self, id: ConnectionId, refresh: RouteRefresh) {
        let Some(terms) = self.session.negotiated(id).filter(|_| self.session.established() == Some(id))
        else {
            return;
        };
        let (peer, epoch, family) = (self.options.key, SessionEpoch(id.number()), refresh.family);
        let mark = |mark| SpeakerInput::RefreshMark { peer, epoch, family, mark };
        let input = match refresh.subtype {
            RouteRefresh::REQUEST if terms.route_refresh.from_peer => {
                SpeakerInput::RouteRefresh { peer, epoch, family }
            }
            RouteRefresh::BEGIN if terms.enhanced_route_refresh.from_peer => mark(RefreshMark::Begin),
            RouteRefresh::END if terms.enhanced_route_refresh.from_peer => mark(RefreshMark::End),
            _ => return,
        };
        if terms.families.contains(&family) {
            self.outbox.push(input);
        }
    }

    /// Requests all routes from the peer again (RFC 2918). Returns what was done, or why nothing was.
    fn request_routes(&mut self) -> Result<String, String> {
        let Some(id) = self.session.established() else {
            return Err("the session is not established".to_owned());
        };
        let families = match self.session.negotiated(id) {
            Some(terms) if terms.route_refresh.to_peer => terms.families.clone(),
            Some(_) | None => return Err("the peer takes no ROUTE-REFRESH: reset the session".to_owned()),
        };
        for &family in &families {
            self.send(id, &Message::RouteRefresh(RouteRefresh::request(family)));
        }
        let names: Vec<String> = families.iter().map(ToString::to_string).collect();
        Ok(format!("asked for the routes of {}", names.join(" and ")))
    }

    /// Reports to the session when reading pauses and resumes.
    fn pace_reading(&mut self) {
        let reading = if self.outbox.is_empty() { Reading::Running } else { Reading::Paused };
        if reading == self.reading {
            return;
        }
        self.reading = reading;
        let event = match reading {
            Reading::Running => ConnectionEvent::ReadResumed,
            Reading::Paused => ConnectionEvent::ReadPaused,
        };
        if let Some(id) = self.session.established() {
            self.handle(Event::On(id, event));
        }
    }

    fn handle(&mut self, event: Event) {
        if self.options.restart_ends.take_if(|end| *end <= Instant::now()).is_some() {
            self.session.end_restart();
        }
        self.handle_with_cause(event, None);
    }

    /// Passes an event to the session, with the system's error that caused it.
    fn handle_with_cause(&mut self, event: Event, cause: Option<io::Error>) {
        self.cause = cause;
        self.session.handle_event(self.clock.now(), event);
        self.carry_out();
        self.cause = None;
    }

    /// Carries out all actions of the session.
    fn carry_out(&mut self) {
        while let Some(action) = self.session.poll_action() {
            match action {
                Action::Connect(id) => {
                    self.session.set_jitter(draw_jitter(&self.options.machine));
                    let (machine, transport) = (self.options.machine.clone(), self.options.transport.clone());
                    let stream = Box::pin(async move { machine.connect(&transport).await });
                    self.dial = Some(Dial { id, stream });
                }
                Action::Send(id, message) => self.send(id, &message),
                Action::Close(id, reason, notification) => self.close(id, &reason, notification),
                Action::Established(id, negotiated) => self.on_established(id, *negotiated),
                Action::Down(id, reason, departure) => self.on_down(id, &reason, departure),
                Action::StateChanged(state) => self.on_state(state),
            }
        }
        let next = self.session.next_timeout().and_then(|at| self.clock.instant(at));
        self.status.set_next_timeout(next);
    }

    fn send(&mut self, id: ConnectionId, message: &Message) {
        let message = encode(message);
        let Some(connection) = self.connections.get(id) else { return };
        if connection.writer.send(message).is_err() {
            self.session.handle_event(self.clock.now(), Event::On(id, ConnectionEvent::Closed));
        }
    }

    fn close(&mut self, id: ConnectionId, reason: &CloseReason, notification: Option<Notification>) {
        let text = explain(reason, self.cause.as_ref());
        debug!(peer = %self.options.name, connection = %id, "closed: {text}");
        self.status.note_failure(reason, text);
        if self.dial.as_ref().is_some_and(|dial| dial.id == id) {
            self.dial = None;
        }
        self.connections.close(id, notification);
    }

    fn on_established(&mut self, id: ConnectionId, negotiated: Negotiated) {
        let update_log = self.options.update_log.clone();
        let Some(connection) = self.connections.get(id) else { return };
        connection.is_proven = true;
        let log =
            update_log.map(|log| log.session(&negotiated, connection.local_address, connection.peer_address));
        connection.reader.on_negotiated(negotiated.decode_context(), log);
        let exports = connection.writer.export_queue();
        let (local_address, peer_address) = (connection.local_address, connection.peer_address);
        info!(peer = %self.options.name, %peer_address, "established");
        self.events
            .publish(|| EventKind::SessionUp { peer: self.options.name.clone(), address: peer_address });
        let negotiated_terms = Arc::new(negotiated.clone());
        let session = EstablishedSession { negotiated: negotiated_terms, local_address, peer_address };
        self.status.set_established(Some(session));
        self.watch_path();
        self.reading = Reading::Running;
        self.outbox.push(SpeakerInput::PeerUp(Box::new(PeerUp {
            peer: self.options.key,
            epoch: SessionEpoch(id.number()),
            negotiated,
            local_address: local_address.ip(),
            peer_address: peer_address.ip(),
            link: link_of(self.options.transport.link, peer_address),
            exports,
            door: self.door_bell.door(SessionEpoch(id.number())),
        })));
    }

    fn on_down(&mut self, id: ConnectionId, reason: &CloseReason, departure: Departure) {
        let reason = explain(reason, self.cause.as_ref());
        warn!(peer = %self.options.name, "down: {reason}");
        self.events.publish(|| EventKind::SessionDown { peer: self.options.name.clone(), reason });
        self.path = None;
        // The peer has had this run's routes: what follows is the loss of a session, through which this node forwards.
        self.session.end_restart();
        self.options.restart_ends = None;
        self.status.set_established(None);
        let epoch = SessionEpoch(id.number());
        self.outbox.push(SpeakerInput::PeerDown { peer: self.options.key, epoch, departure });
    }

    fn on_state(&self, state: State) {
        debug!(peer = %self.options.name, %state, "state");
        self.status.set_state(state);
    }

    /// Stops the session, and waits with time limits until the speaker and the peer know.
    async fn end(mut self, reason: StopReason) {
        self.handle(Event::Stop(reason));
        // A writer must not wait for a task that no longer receives.
        drop(self.reports);
        if timeout(LAST_WORDS_TIME, self.outbox.flush()).await.is_err() {
            warn!(peer = %self.options.name, "the speaker did not take the end of the session");
        }
        while self.writers.join_next().await.is_some() {}
    }
}

/// The reason in words, with the system's error that caused it.
fn explain(reason: &CloseReason, cause: Option<&io::Error>) -> String {
    match cause {
        Some(cause) => format!("{reason}: {cause}"),
        None => reason.to_string(),
    }
}

/// The link of a connection with a link-local address.
fn link_of(link: Option<LinkName>, peer: SocketAddr) -> Option<SessionLink> {
    match (link, peer) {
        (Some(name), SocketAddr::V6(peer)) => Some(SessionLink { index: peer.scope_id(), name }),
        (Some(_), SocketAddr::V4(_)) | (None, _) => None,
    }
}

async fn wait_until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
}

async fn failed(path: &mut Option<PathWatch>) -> DownReason {
    match path {
        Some(path) => path.failed().await,
        None => pending().await,
    }
}

async fn dialed(dial: &mut Option<Dial>) -> (ConnectionId, io::Result<Stream>) {
    match dial {
        Some(dial) => (dial.id, dial.stream.as_mut().await),
        None => pending().await,
    }
}

/// A random fraction.
fn draw_jitter(machine: &Machine) -> Jitter {
    let random = u32::try_from(machine.random() >> 32).unwrap_or(u32::MAX);
    Jitter::new(f64::from(random) / f64::from(u32::MAX))
}

/// Octets of UPDATEs passed to the speaker at a time, plus one message: a millisecond or two of its work,
/// however short the attributes are.
const BATCH_OCTETS: usize = 16 * 1024;

/// How long the end of a task waits for the speaker to take the last inputs. Only a speaker that hangs, or is
/// itself ending, needs longer.
const LAST_WORDS_TIME: Duration = Duration::from_secs(2);
