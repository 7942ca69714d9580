//! The state machine of one session (RFC 5880 §6.8).

mod detection;
mod event;
mod transmission;

use std::collections::VecDeque;
use std::time::Duration;

use margay_timestamp::Timestamp;

use self::detection::Detection;
pub use self::event::{Discard, DownReason, Event, SessionStatus};
use self::transmission::Transmission;
use crate::authentication::ReceivedSequence;
use crate::jitter::Jitter;
use crate::{ControlPacket, Diagnostic, Discriminator, EncodedPacket, Flags, SessionOptions, State};

/// The interval of packets while the session is not up (RFC 5880 §6.8.3): at least a second.
const SLOW_INTERVAL: Duration = Duration::from_secs(1);

/// One session, as this system sees it.
///
/// A session takes the active role: it sends packets before it hears any (RFC 5880 §6.1).
#[derive(Debug)]
pub struct Session {
    options: SessionOptions,
    discriminator: Discriminator,
    state: State,
    diagnostic: Diagnostic,
    /// What the remote system last said of itself; `None` before the first packet and after silence.
    remote: Option<Remote>,
    transmission: Transmission,
    detection: Detection,
    received_sequence: ReceivedSequence,
    events: VecDeque<Event>,
}

/// What the remote system last said of itself.
#[derive(Clone, Copy, Debug)]
struct Remote {
    discriminator: Discriminator,
    state: State,
    diagnostic: Diagnostic,
    is_in_demand_mode: bool,
    desired_min_tx: Duration,
    required_min_rx: Duration,
    detect_multiplier: u8,
}

impl Session {
    /// A session that is down and sends its first packet at once.
    ///
    /// `seed` and `sequence` are random: the one spreads packets in time, the other is the first authentication sequence
    /// number (RFC 5880 §6.8.1).
    pub fn new(
        now: Timestamp,
        discriminator: Discriminator,
        options: SessionOptions,
        seed: u64,
        sequence: u32,
    ) -> Self {
        Self {
            transmission: Transmission::new(now, Jitter::new(seed), sequence),
            detection: Detection::default(),
            options,
            discriminator,
            state: State::Down,
            diagnostic: Diagnostic::NONE,
            remote: None,
            received_sequence: ReceivedSequence::default(),
            events: VecDeque::new(),
        }
    }

    /// Takes a packet that was received for this session; `octets` begins with the packet.
    ///
    /// A packet that waited in the socket counts even if the detection time has passed meanwhile: what is received is to be
    /// handed in before [`handle_timeout`](Self::handle_timeout) is called.
    ///
    /// # Errors
    ///
    /// The packet is discarded, and nothing follows from it (RFC 5880 §6.8.6).
    pub fn handle_packet(&mut self, now: Timestamp, octets: &[u8]) -> Result<(), Discard> {
        let (packet, section) = ControlPacket::decode(octets).map_err(Discard::Malformed)?;
        if packet.your_discriminator.is_some_and(|your| your != self.discriminator) {
            return Err(Discard::OtherSession);
        }
        self.authenticate(octets, &packet, section)?;
        let previous = self.remote.replace(Remote::of(&packet));
        if packet.flags.has(Flags::FINAL) {
            self.transmission.end_poll();
        }
        if self.state != State::AdminDown {
            self.detection.on_packet(now, self.detection_time());
            self.on_remote_state(now, packet.state, previous);
        }
        if packet.flags.has(Flags::POLL) {
            self.transmission.answer_poll();
        }
        if previous.is_none_or(|previous| previous.required_min_rx != packet.required_min_rx) {
            self.reschedule(now);
        }
        Ok(())
    }

    /// Takes the passing of time. Calling it too early or too often does no harm.
    pub fn handle_timeout(&mut self, now: Timestamp) {
        if self.detection.expires(now) {
            self.on_silence(now);
        }
        if self.detection.forgets_sequence(now) {
            self.received_sequence.forget();
        }
    }

    /// The next packet to send, if one is due. To be called until it returns `None`.
    pub fn poll_transmit(&mut self, now: Timestamp) -> Option<EncodedPacket> {
        let (interval, is_periodic) = (self.transmit_interval(), self.sends_periodically());
        let multiplier = self.options.intervals.multiplier();
        let flags = self.transmission.next(now, interval, multiplier, is_periodic)?;
        Some(self.packet(flags))
    }

    /// The next change of the state.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) and [`poll_transmit`](Self::poll_transmit) are to be called next;
    /// `None` when nothing happens by itself.
    pub fn next_timeout(&self) -> Option<Timestamp> {
        let transmit = self.transmission.next_timeout(self.sends_periodically());
        [transmit, self.detection.next_timeout()].into_iter().flatten().min()
    }

    /// Replaces the options of a running session: it stays up, and the new intervals are agreed upon by a Poll Sequence
    /// (RFC 5880 §6.8.3).
    pub fn set_options(&mut self, now: Timestamp, options: SessionOptions) {
        if self.options == options {
            return;
        }
        if self.options.authentication != options.authentication {
            self.received_sequence.forget();
        }
        let before = self.options.intervals;
        self.options = options;
        if self.state == State::Up {
            self.transmission.begin_poll(before);
        }
        self.reschedule(now);
    }

    /// Holds the session down (RFC 5880 §6.8.16). The remote system is informed by the packets that go on being sent.
    pub fn disable(&mut self, now: Timestamp) {
        if self.state != State::AdminDown {
            self.transition(now, State::AdminDown, Diagnostic::ADMINISTRATIVELY_DOWN, DownReason::Disabled);
            self.detection.stop();
        }
    }

    /// Ends [`disable`](Self::disable): the session may come up again.
    pub fn enable(&mut self, now: Timestamp) {
        if self.state == State::AdminDown {
            self.state = State::Down;
            self.diagnostic = Diagnostic::NONE;
            self.remote = None;
            self.reschedule(now);
        }
    }

    /// The number by which the remote system names this session.
    pub const fn discriminator(&self) -> Discriminator {
        self.discriminator
    }

    /// The state now.
    pub const fn state(&self) -> State {
        self.state
    }

    /// Everything that an operator may ask.
    pub fn status(&self) -> SessionStatus {
        SessionStatus {
            state: self.state,
            diagnostic: self.diagnostic,
            discriminator: self.discriminator,
            remote_discriminator: self.remote.map(|remote| remote.discriminator),
            remote_state: self.remote.map(|remote| remote.state),
            remote_diagnostic: self.remote.map(|remote| remote.diagnostic),
            transmit_interval: self.transmit_interval(),
            detection_time: self.remote.map(|_| self.detection_time()),
            is_remote_in_demand_mode: self.remote.is_some_and(|remote| remote.is_in_demand_mode),
        }
    }

    fn authenticate(&mut self, octets: &[u8], packet: &ControlPacket, section: &[u8]) -> Result<(), Discard> {
        let is_present = packet.flags.has(Flags::AUTHENTICATION_PRESENT);
        match &self.options.authentication {
            None if is_present => Err(Discard::UnexpectedAuthentication),
            Some(_) if !is_present => Err(Discard::MissingAuthentication),
            None => Ok(()),
            Some(authentication) => {
                let whole = octets.get(..crate::packet::MANDATORY_OCTETS + section.len()).unwrap_or(octets);
                authentication
                    .verify(whole, &mut self.received_sequence, packet.detect_multiplier)
                    .map_err(|_| Discard::NotAuthentic)
            }
        }
    }

    /// The transitions of RFC 5880 §6.8.6 that follow from the state in a packet.
    fn on_remote_state(&mut self, now: Timestamp, remote: State, previous: Option<Remote>) {
        match (self.state, remote) {
            (State::Init | State::Up, State::AdminDown) => {
                self.go_down(now, Diagnostic::NEIGHBOR_SIGNALED_DOWN, DownReason::RemoteDisabled);
            }
            (State::Up, State::Down) => {
                let number = |remote: Option<Remote>| remote.map(|remote| remote.discriminator);
                let is_same = number(previous) == number(self.remote);
                let reason = if is_same { DownReason::RemoteDown } else { DownReason::RemoteRestarted };
                self.go_down(now, Diagnostic::NEIGHBOR_SIGNALED_DOWN, reason);
            }
            (State::Down, State::Down) => self.advance(now, State::Init),
            (State::Down, State::Init) | (State::Init, State::Init | State::Up) => {
                self.advance(now, State::Up)
            }
            (State::AdminDown, _)
            | (State::Down, State::AdminDown | State::Up)
            | (State::Init, State::Down)
            | (State::Up, State::Init | State::Up) => {}
        }
    }

    /// Nothing was received for the detection time.
    fn on_silence(&mut self, now: Timestamp) {
        if matches!(self.state, State::Init | State::Up) {
            self.go_down(now, Diagnostic::DETECTION_TIME_EXPIRED, DownReason::DetectionTimeExpired);
        }
        self.remote = None;
    }

    fn go_down(&mut self, now: Timestamp, diagnostic: Diagnostic, reason: DownReason) {
        self.transition(now, State::Down, diagnostic, reason);
    }

    fn transition(&mut self, now: Timestamp, state: State, diagnostic: Diagnostic, reason: DownReason) {
        let was_up = self.state == State::Up;
        self.state = state;
        self.diagnostic = diagnostic;
        if was_up {
            self.events.push_back(Event::Down(reason));
        }
        self.transmission.abandon_poll();
        self.transmission.send_now(now);
    }

    fn advance(&mut self, now: Timestamp, state: State) {
        self.state = state;
        if state == State::Up {
            self.diagnostic = Diagnostic::NONE;
            self.events.push_back(Event::Up);
            self.transmission.begin_poll(self.options.intervals);
        }
        self.transmission.send_now(now);
    }

    /// Whether packets go out without being asked for (RFC 5880 §6.8.7).
    fn sends_periodically(&self) -> bool {
        let Some(remote) = self.remote else { return true };
        let both_up = self.state == State::Up && remote.state == State::Up;
        let is_on_demand = remote.is_in_demand_mode && both_up && !self.transmission.is_polling();
        !remote.required_min_rx.is_zero() && !is_on_demand
    }

    /// The interval before jitter: what both systems can bear (RFC 5880 §6.8.2, §6.8.7).
    fn transmit_interval(&self) -> Duration {
        let remote = self.remote.map_or(Duration::from_micros(1), |remote| remote.required_min_rx);
        let agreed = self.transmission.agreed_transmit(self.desired_min_tx());
        agreed.max(remote)
    }

    /// What packets say of `bfd.DesiredMinTxInterval`.
    fn desired_min_tx(&self) -> Duration {
        let configured = self.options.intervals.transmit();
        if self.state == State::Up { configured } else { configured.max(SLOW_INTERVAL) }
    }

    /// How long the remote system may be silent (RFC 5880 §6.8.4).
    fn detection_time(&self) -> Duration {
        let Some(remote) = self.remote else { return SLOW_INTERVAL };
        let receive = self.transmission.agreed_receive(self.options.intervals.receive());
        receive.max(remote.desired_min_tx) * u32::from(remote.detect_multiplier)
    }

    fn reschedule(&mut self, now: Timestamp) {
        let interval = self.transmit_interval();
        self.transmission.shorten_wait(now, interval, self.options.intervals.multiplier());
    }

    fn packet(&mut self, flags: Flags) -> EncodedPacket {
        let is_authenticated = self.options.authentication.is_some();
        let flags = if is_authenticated { flags.with(Flags::AUTHENTICATION_PRESENT) } else { flags };
        let mut packet = ControlPacket {
            diagnostic: self.diagnostic,
            state: self.state,
            flags,
            detect_multiplier: self.options.intervals.multiplier(),
            my_discriminator: self.discriminator,
            your_discriminator: self.remote.map(|remote| remote.discriminator),
            desired_min_tx: self.desired_min_tx(),
            required_min_rx: self.options.intervals.receive(),
            required_min_echo_rx: Duration::ZERO,
        }
        .encode();
        if let Some(authentication) = &self.options.authentication {
            authentication.sign(&mut packet, self.transmission.next_sequence());
        }
        packet
    }
}

impl Remote {
    const fn of(packet: &ControlPacket) -> Self {
        Self {
            discriminator: packet.my_discriminator,
            state: packet.state,
            diagnostic: packet.diagnostic,
            is_in_demand_mode: packet.flags.has(Flags::DEMAND),
            desired_min_tx: packet.desired_min_tx,
            required_min_rx: packet.required_min_rx,
            detect_multiplier: packet.detect_multiplier,
        }
    }
}
