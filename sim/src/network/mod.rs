//! A network of hosts that carries octets between daemons, late, in pieces, and sometimes not at all.
//!
//! It is TCP as seen by a daemon: octets in order or a reset, a window that fills up if the receiver does not
//! read, a connection that may be dead without either side knowing. Losses below TCP appear as delays.

mod connection;
mod host;
mod keepalives;
mod listener;
mod message_scanner;
mod packet;
mod pcap;
mod tap;
mod traffic;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use margay::machine::{SimulatedListener, SimulatedStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use crate::random::Random;
use connection::{Connection, Direction, End, Quality};
use listener::Listener;
use tap::Tap;

pub(crate) use host::{Host, Power};
pub(crate) use packet::Packet;
pub use traffic::TableEnds;
pub(crate) use traffic::{Observation, Traffic};

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Network {
    state: Mutex<State>,
    tap: Arc<Tap>,
}

#[derive(Debug)]
struct State {
    random: Random,
    hosts: Vec<HostState>,
    addresses: BTreeMap<IpAddr, Host>,
    /// Octets from the first host do not reach the second one.
    blocked: BTreeSet<(Host, Host)>,
    /// Directions with unusual properties.
    slow: BTreeMap<(Host, Host), u64>,
    stalled: BTreeMap<(Host, Host), Instant>,
    connections: Vec<Weak<Connection>>,
    opened: u64,
}

#[derive(Debug)]
struct HostState {
    addresses: Vec<IpAddr>,
    power: Power,
    /// Number of the daemon that runs here: octets of former ones are dropped.
    incarnation: u64,
    listeners: BTreeMap<SocketAddr, Arc<Listener>>,
    /// Where datagrams go, while a daemon listens.
    packets: Option<mpsc::UnboundedSender<Packet>>,
}

impl Network {
    pub(crate) fn new(random: Random, traffic: Traffic) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                random,
                hosts: Vec::new(),
                addresses: BTreeMap::new(),
                blocked: BTreeSet::new(),
                slow: BTreeMap::new(),
                stalled: BTreeMap::new(),
                connections: Vec::new(),
                opened: 0,
            }),
            tap: Arc::new(Tap::new(traffic)),
        })
    }

    pub(crate) fn add_host(&self, addresses: Vec<IpAddr>) -> Host {
        let mut state = self.state();
        let host = state.hosts.len();
        state.addresses.extend(addresses.iter().map(|&address| (address, host)));
        state.hosts.push(HostState {
            addresses,
            power: Power::On,
            incarnation: 0,
            listeners: BTreeMap::new(),
            packets: None,
        });
        host
    }

    /// Time since the network was made.
    pub(crate) fn now(&self) -> Duration {
        self.tap.now()
    }

    pub(crate) fn traffic(&self) -> MutexGuard<'_, Traffic> {
        self.tap.traffic()
    }

    /// A daemon starts on `host`; returns its number there. Peers of a former one see their connections reset.
    pub(crate) fn boot(&self, host: Host) -> u64 {
        let mut state = self.state();
        let connections = state.live_connections();
        let entry = &mut state.hosts[host];
        entry.power = Power::On;
        entry.incarnation += 1;
        let incarnation = entry.incarnation;
        for connection in connections {
            connection.on_reboot(host);
        }
        incarnation
    }

    /// Ends the daemon on `host` without notice: its system closes its connections, unless it has lost power.
    pub(crate) fn crash(&self, host: Host, power: Power) {
        let mut state = self.state();
        let connections = state.live_connections();
        let entry = &mut state.hosts[host];
        entry.power = power;
        // What tasks of the dead daemon still do belongs to a former incarnation.
        entry.incarnation += 1;
        entry.listeners.clear();
        entry.packets = None;
        for connection in connections {
            connection.on_crash(host, power);
        }
    }

    pub(crate) fn is_current(&self, host: Host, incarnation: u64) -> bool {
        self.state().hosts[host].incarnation == incarnation
    }

    /// Sets whether octets from `from` reach `to`.
    pub(crate) fn set_blocked(&self, from: Host, to: Host, is_blocked: bool) {
        let mut state = self.state();
        if is_blocked {
            state.blocked.insert((from, to));
        } else {
            state.blocked.remove(&(from, to));
        }
        let late = state.random.milliseconds(1..=400);
        for connection in state.live_connections() {
            connection.set_blocked(from, to, is_blocked, late);
        }
    }

    /// Limits the bandwidth from `from` to `to`, in octets a second; `None` for no limit.
    pub(crate) fn set_bandwidth(&self, from: Host, to: Host, octets: Option<u64>) {
        let mut state = self.state();
        match octets {
            Some(octets) => state.slow.insert((from, to), octets),
            None => state.slow.remove(&(from, to)),
        };
        for connection in state.live_connections() {
            connection.set_bandwidth(from, to, octets);
        }
    }

    /// Suspends reading by `to` of what `from` sends for this time.
    pub(crate) fn stall(&self, from: Host, to: Host, time: Duration) {
        let until = Instant::now() + time;
        let mut state = self.state();
        state.stalled.insert((from, to), until);
        for connection in state.live_connections() {
            connection.stall(from, to, until);
        }
    }

    /// Resets all connections between two hosts.
    pub(crate) fn reset(&self, one: Host, other: Host) {
        let mut state = self.state();
        let late = state.random.milliseconds(0..=60);
        for connection in state.live_connections() {
            connection.reset_between(one, other, late);
        }
    }

    /// Ends all impairments; what is lost stays lost.
    pub(crate) fn heal(&self) {
        let mut state = self.state();
        let blocked = std::mem::take(&mut state.blocked);
        let slow = std::mem::take(&mut state.slow);
        let stalled = std::mem::take(&mut state.stalled);
        for connection in state.live_connections() {
            for &(from, to) in &blocked {
                connection.set_blocked(from, to, false, Duration::from_millis(1));
            }
            for &(from, to) in slow.keys() {
                connection.set_bandwidth(from, to, None);
            }
            for &(from, to) in stalled.keys() {
                connection.stall(from, to, Instant::now());
            }
        }
    }

    pub(crate) fn listen(self: &Arc<Self>, host: Host, address: SocketAddr) -> Arc<dyn SimulatedListener> {
        let listener = Arc::new(Listener::new(address));
        self.state().hosts[host].listeners.insert(address, Arc::clone(&listener));
        listener
    }

    /// Opens a connection from `host` to `peer`, as its daemon number `incarnation`.
    pub(crate) async fn connect(
        self: Arc<Self>,
        host: Host,
        incarnation: u64,
        peer: SocketAddr,
    ) -> io::Result<Arc<dyn SimulatedStream>> {
        let mut again = Duration::from_secs(1);
        loop {
            let late = self.state().random.milliseconds(1..=40);
            sleep(late).await;
            if !self.is_current(host, incarnation) {
                return std::future::pending().await;
            }
            match self.try_connect(host, peer) {
                Attempt::Open(end) => {
                    sleep(late).await;
                    return Ok(end);
                }
                Attempt::Refused => {
                    sleep(late).await;
                    return Err(io::ErrorKind::ConnectionRefused.into());
                }
                // The first packet is retransmitted, at growing intervals.
                Attempt::NoAnswer => sleep(again).await,
            }
            again *= 2;
        }
    }

    fn try_connect(self: &Arc<Self>, host: Host, peer: SocketAddr) -> Attempt {
        let mut state = self.state();
        let Some(&to) = state.addresses.get(&peer.ip()) else { return Attempt::NoAnswer };
        let is_blocked = state.blocked.contains(&(host, to)) || state.blocked.contains(&(to, host));
        if is_blocked || state.hosts[to].power == Power::Off {
            return Attempt::NoAnswer;
        }
        let Some(listener) = state.hosts[to].listener(peer) else { return Attempt::Refused };
        state.opened += 1;
        let number = state.opened;
        let source_port = 1024 + u16::try_from(number % 60_000).unwrap_or(0);
        let local = state.hosts[host].addresses.iter().find(|address| address.is_ipv4() == peer.is_ipv4());
        let Some(&local) = local else { return Attempt::NoAnswer };
        let source = SocketAddr::new(local, source_port);
        let qualities = [(host, to), (to, host)].map(|direction| state.quality(direction));
        let random = state.random.fork(number);
        let connection = Connection::new(
            Arc::clone(&self.tap),
            number,
            [Direction { host, address: source }, Direction { host: to, address: peer }],
            qualities,
            random,
        );
        state.connections.retain(|connection| connection.strong_count() > 0);
        state.connections.push(Arc::downgrade(&connection));
        drop(state);
        self.traffic().on_open(self.now(), number, [source, peer]);
        let (dialed, accepted) = End::pair(connection);
        listener.push(accepted, source);
        Attempt::Open(dialed)
    }

    /// Where a host's datagrams arrive from now on.
    pub(crate) fn receive_packets(&self, host: Host) -> mpsc::UnboundedReceiver<Packet> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.state().hosts[host].packets = Some(sender);
        receiver
    }

    /// Sends a datagram. It is lost where octets do not get through, where no socket listens, and now and then.
    pub(crate) fn send_packet(&self, from: Host, to: IpAddr, packet: Packet) {
        let mut state = self.state();
        let Some(&to) = state.addresses.get(&to) else { return };
        if state.blocked.contains(&(from, to)) || state.random.once_in(PACKETS_A_LOSS) {
            return;
        }
        if let Some(packets) = &state.hosts[to].packets {
            // A daemon that is gone does not receive them.
            drop(packets.send(packet));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Of how many datagrams one is lost.
const PACKETS_A_LOSS: u64 = 1000;

enum Attempt {
    Open(Arc<End>),
    Refused,
    NoAnswer,
}

impl State {
    fn live_connections(&self) -> Vec<Arc<Connection>> {
        self.connections.iter().filter_map(Weak::upgrade).collect()
    }

    /// Properties of a direction of a new connection.
    fn quality(&mut self, direction: (Host, Host)) -> Quality {
        let random = &mut self.random;
        Quality {
            delay: random.milliseconds(1..=30),
            jitter_milliseconds: random.number(0..=20),
            window: usize::try_from(*random.pick(&[512, 4_096, 16_384, 262_144])).unwrap_or(4096),
            // Most readers read everything available; some only pieces.
            largest_piece: usize::try_from(*random.pick(&[7, 64, 1_500, 65_536, 65_536])).unwrap_or(64),
            bandwidth: self.slow.get(&direction).copied(),
            stalled_until: self.stalled.get(&direction).copied(),
            is_blocked: self.blocked.contains(&direction),
        }
    }
}

impl HostState {
    fn listener(&self, address: SocketAddr) -> Option<Arc<Listener>> {
        let any = |listening: &&SocketAddr| {
            listening.port() == address.port()
                && (listening.ip() == address.ip()
                    || listening.ip().is_unspecified() && listening.is_ipv4() == address.is_ipv4())
        };
        let listening = self.listeners.keys().find(any)?;
        self.listeners.get(listening).cloned()
    }
}
