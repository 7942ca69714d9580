//! A session on a test bench: one side, virtual time, actions as short lines.

use std::time::Duration;

use bgp_codec::{
    Asn, BgpIdentifier, Capabilities, Capability, Family, HoldTime, Message, Notification, NotificationCode,
    Open,
};
use margay_session::{
    Action, CloseReason, ConnectionEvent, ConnectionId, Departure, DialMode, Event, ExpectedAsn, Session,
    SessionOptions, Timestamp,
};

/// Our AS number and the peer's.
pub(crate) const LOCAL_ASN: Asn = Asn(64512);
pub(crate) const PEER_ASN: Asn = Asn(65001);

/// Our identifier; the peer's is lower unless a test says otherwise.
pub(crate) const LOCAL_IDENTIFIER: u32 = 0x0a00_0002;
pub(crate) const LOWER_IDENTIFIER: u32 = 0x0a00_0001;
pub(crate) const HIGHER_IDENTIFIER: u32 = 0x0a00_0003;

/// A session, the time, and the connections a test speaks of.
pub(crate) struct Rig {
    pub(crate) session: Session,
    pub(crate) now: Timestamp,
    /// The id of the last dial.
    pub(crate) dialed: Option<ConnectionId>,
    /// The id of the last connection from the peer.
    pub(crate) accepted: Option<ConnectionId>,
}

impl Rig {
    pub(crate) fn new(options: SessionOptions) -> Self {
        Self { session: Session::new(options), now: Timestamp::START, dialed: None, accepted: None }
    }

    /// A session that dials, started.
    pub(crate) fn started() -> Self {
        let mut rig = Self::new(options());
        rig.tell(Event::Start);
        rig
    }

    /// A session whose dial succeeded.
    pub(crate) fn open_sent() -> Self {
        let mut rig = Self::started();
        rig.connect();
        rig
    }

    /// A session that accepted the peer's OPEN on the connection it dialed.
    pub(crate) fn open_confirm(peer_identifier: u32) -> Self {
        let mut rig = Self::open_sent();
        rig.on_dialed(ConnectionEvent::Open(open(peer_identifier)));
        rig
    }

    /// A session that is up on the connection it dialed.
    pub(crate) fn established() -> Self {
        let mut rig = Self::open_confirm(LOWER_IDENTIFIER);
        rig.on_dialed(ConnectionEvent::Keepalive);
        rig
    }

    /// Tells an event and returns what is to be done about it.
    pub(crate) fn tell(&mut self, event: Event) -> Vec<String> {
        self.session.handle_event(self.now, event);
        self.actions()
    }

    /// The dial succeeds.
    pub(crate) fn connect(&mut self) -> Vec<String> {
        self.tell(Event::Connected(self.dialed.expect("the session dialed")))
    }

    /// The peer connects.
    pub(crate) fn incoming(&mut self) -> Vec<String> {
        let id = self.session.new_connection_id();
        self.accepted = Some(id);
        self.tell(Event::Incoming(id))
    }

    pub(crate) fn on_dialed(&mut self, event: ConnectionEvent) -> Vec<String> {
        self.tell(Event::On(self.dialed.expect("the session dialed"), event))
    }

    pub(crate) fn on_accepted(&mut self, event: ConnectionEvent) -> Vec<String> {
        self.tell(Event::On(self.accepted.expect("the peer connected"), event))
    }

    /// Lets `seconds` pass, timer by timer, and returns what happened when: "90 close …".
    pub(crate) fn pass(&mut self, seconds: u64) -> Vec<String> {
        let end = self.now + Duration::from_secs(seconds);
        let mut log = Vec::new();
        while let Some(at) = self.session.next_timeout().filter(|at| *at <= end) {
            self.now = at;
            self.session.handle_timeout(at);
            let seconds = at.since_start().as_secs_f64();
            log.extend(self.actions().into_iter().map(|action| format!("{seconds} {action}")));
        }
        self.now = end;
        log
    }

    fn actions(&mut self) -> Vec<String> {
        let actions: Vec<Action> = std::iter::from_fn(|| self.session.poll_action()).collect();
        for action in &actions {
            if let Action::Connect(id) = action {
                self.dialed = Some(*id);
            }
        }
        actions.iter().map(line).collect()
    }
}

/// An action in few words.
fn line(action: &Action) -> String {
    match action {
        Action::Connect(id) => format!("connect {id}"),
        Action::Send(id, message) => format!("send {id} {}", message_name(message)),
        Action::Close(id, reason, notification) => match notification {
            Some(Notification { code, subcode, .. }) => {
                format!("close {id} with {}/{subcode} ({reason:?})", code.0)
            }
            None => format!("close {id} ({reason:?})"),
        },
        Action::Established(id, _) => format!("established {id}"),
        Action::Down(id, _, Departure::Final) => format!("down {id}"),
        Action::Down(id, _, Departure::Restart(_)) => format!("down {id}, routes kept"),
        Action::StateChanged(state) => format!("state {state}"),
    }
}

fn message_name(message: &Message) -> &'static str {
    match message {
        Message::Open(_) => "OPEN",
        Message::Update(_) => "UPDATE",
        Message::Notification(_) => "NOTIFICATION",
        Message::Keepalive => "KEEPALIVE",
        Message::RouteRefresh(_) => "ROUTE-REFRESH",
    }
}

pub(crate) fn options() -> SessionOptions {
    SessionOptions::new(
        LOCAL_ASN,
        identifier(LOCAL_IDENTIFIER),
        ExpectedAsn::One(PEER_ASN),
        capabilities(LOCAL_ASN),
    )
}

pub(crate) fn passive() -> SessionOptions {
    SessionOptions { dial_mode: DialMode::Passive, ..options() }
}

/// The peer's OPEN: all that we announce too, and the same hold time.
pub(crate) fn open(peer_identifier: u32) -> Open {
    Open {
        asn: PEER_ASN,
        hold_time: hold_time(90),
        identifier: identifier(peer_identifier),
        capabilities: capabilities(PEER_ASN),
    }
}

pub(crate) fn capabilities(asn: Asn) -> Capabilities {
    Capabilities::from_iter([
        Capability::Multiprotocol(Family::IPV4_UNICAST),
        Capability::Multiprotocol(Family::IPV6_UNICAST),
        Capability::RouteRefresh,
        Capability::FourOctetAs(asn),
    ])
}

pub(crate) fn identifier(number: u32) -> BgpIdentifier {
    BgpIdentifier::new(number).expect("not zero")
}

pub(crate) fn hold_time(seconds: u16) -> HoldTime {
    HoldTime::from_seconds(seconds).expect("zero or at least 3")
}

pub(crate) fn notification(code: NotificationCode, subcode: u8) -> Notification {
    Notification { code, subcode, data: Vec::new() }
}

/// A NOTIFICATION that closes a session in an orderly way.
pub(crate) fn cease() -> Notification {
    notification(NotificationCode::CEASE, 2)
}

/// A NOTIFICATION about a malformed attribute list.
pub(crate) fn update_error() -> Notification {
    notification(NotificationCode::UPDATE_MESSAGE_ERROR, 1)
}

/// What a decoder makes of [`update_error`].
pub(crate) fn decode_failed() -> ConnectionEvent {
    ConnectionEvent::DecodeFailed(update_error())
}

/// Whether some action closes a connection for `reason`.
pub(crate) fn closes_for(log: &[String], reason: &CloseReason) -> bool {
    log.iter().any(|line| line.contains("close") && line.contains(&format!("({reason:?})")))
}
