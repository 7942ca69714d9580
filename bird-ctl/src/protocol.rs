//! The replies to `show protocols` and `show protocols all`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use crate::reply::Reply;
use crate::unix_time::UnixTime;

/// A protocol: in BIRD's words, anything that routes come from or go to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Protocol {
    /// Its name, a word.
    pub name: String,
    /// What it is.
    pub kind: ProtocolKind,
    /// Whether it runs.
    pub state: ProtocolState,
    /// When it entered its state.
    pub since: UnixTime,
    /// The operator's description.
    pub description: Option<String>,
    /// The session of a BGP protocol.
    pub session: Option<BgpSession>,
}

/// Kinds of protocols.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ProtocolKind {
    /// Routes of the configuration.
    Static,
    /// The kernel's routing table.
    Kernel,
    /// The interfaces.
    Device,
    /// The addresses of interfaces.
    Direct,
    /// A peer.
    Bgp,
}

/// States of protocols.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ProtocolState {
    /// It runs.
    Up,
    /// It is up, and its first routes are awaited during a recovery.
    Wait,
    /// It is coming up.
    Start,
    /// It is switched off.
    Down,
}

/// The session with a peer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BgpSession {
    /// The state in BIRD's words, such as `Established` or `Passive`.
    pub state: String,
    /// Why the last session ended.
    pub last_error: Option<String>,
    /// Number of routes accepted from the peer, and of routes advertised to it.
    pub routes: (u64, u64),
    /// The peer's address.
    pub address: IpAddr,
    /// The peer's AS number, if it is known.
    pub asn: Option<u32>,
    /// The peer's BGP identifier, while the session is established.
    pub router_id: Option<Ipv4Addr>,
    /// Own end of the session, while it is established.
    pub source: Option<IpAddr>,
    /// Seconds until routes of the peer go, while it restarts.
    pub restart_timer: Option<u64>,
}

/// The reply to `show protocols`.
#[must_use]
pub fn table(protocols: &[Protocol], now: UnixTime) -> String {
    let mut reply = head();
    for protocol in protocols {
        reply.line(1002, Row(protocol, now));
    }
    reply.end(0, "")
}

/// The reply to `show protocols all`.
#[must_use]
pub fn details(protocols: &[Protocol], now: UnixTime) -> String {
    let mut reply = head();
    for protocol in protocols {
        reply.line(1002, Row(protocol, now));
        if let Some(description) = &protocol.description {
            reply.line(1006, format_args!("  Description:    {description}"));
        }
        reply.line(1006, format_args!("  Preference:     {}", protocol.kind.preference()));
        if let Some(session) = &protocol.session {
            session.describe(&mut reply);
        }
        reply.line(1006, "");
    }
    reply.end(0, "")
}

fn head() -> Reply {
    let mut reply = Reply::default();
    reply.line(2002, "name     proto    table    state  since       info");
    reply
}

/// A protocol in one line, with the time it is compared with.
struct Row<'p>(&'p Protocol, UnixTime);

impl fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(Protocol { name, kind, state, since, session, .. }, now) = self;
        write!(f, "{name:<8} {kind:<8} master   {state:<6} {:<12}", since.short(*now))?;
        match session {
            Some(session) => {
                write!(f, "{:<14}{}", session.state, session.last_error.as_deref().unwrap_or_default())
            }
            None => Ok(()),
        }
    }
}

impl BgpSession {
    fn describe(&self, reply: &mut Reply) {
        let (imported, exported) = self.routes;
        reply.line(1006, format_args!("  Routes:         {imported} imported, {exported} exported"));
        let mut line =
            |key: &str, value: &dyn fmt::Display| reply.line(1006, format_args!("{key:<22}{value}"));
        line("  BGP state:", &self.state);
        line("    Neighbor address:", &self.address);
        if let Some(asn) = self.asn {
            line("    Neighbor AS:", &asn);
        }
        if let Some(router_id) = self.router_id {
            line("    Neighbor ID:", &router_id);
        }
        if let Some(source) = self.source {
            line("    Source address:", &source);
        }
        if let Some(seconds) = self.restart_timer {
            line("    Neighbor graceful", &"restart active");
            line("    Restart timer:", &format_args!("{seconds}/-"));
        }
        if let Some(error) = &self.last_error {
            line("    Last error:", error);
        }
    }
}

impl ProtocolKind {
    /// The preference of its routes by default, in BIRD's scale.
    fn preference(self) -> u16 {
        match self {
            Self::Direct | Self::Device => 240,
            Self::Static => 200,
            Self::Bgp => 100,
            Self::Kernel => 10,
        }
    }
}

impl fmt::Display for ProtocolKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Static => "Static",
            Self::Kernel => "Kernel",
            Self::Device => "Device",
            Self::Direct => "Direct",
            Self::Bgp => "BGP",
        })
    }
}

impl fmt::Display for ProtocolState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Up => "up",
            Self::Wait => "wait",
            Self::Start => "start",
            Self::Down => "down",
        })
    }
}
