//! A BGP speaker that announces what it is given, and notes what is announced to it.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use bgp_codec::{
    AddPathMode, AsPathBuf, AsWidth, Asn, AttributeType, BgpIdentifier, Capability, ClusterId, Community,
    DecodeContext, Family, GracefulRestart, GracefulRestartFamily, HoldTime, IpPrefix, Ipv4Prefix,
    Ipv6Prefix, LargeCommunity, Message, NextHop, Nlri, Notification, NotificationCode, Open, Origin,
    PathAttributes, PathAttributesBuilder, PathId, PeerKind, Prefix, Reach, UnknownAttributeBuf, Update,
    UpdateEncoder, decode_message, encode_keepalive, frame_length,
};
use bytes::{Bytes, BytesMut};
use margay_lab::Namespace;
use socket2::{Domain, SockRef, Socket, Type};

use crate::recording::{Mode, PathElement, PeerChanges, Route, SpeakerInput};

/// A speaker on a thread of its own, until it is dropped.
pub(crate) struct Speaker {
    pub(crate) name: String,
    /// The node's address in the session.
    pub(crate) node: IpAddr,
    orders: Sender<Order>,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    is_over: AtomicBool,
    heard: Mutex<Heard>,
}

/// What was announced, and when the last message about routes came.
#[derive(Default)]
struct Heard {
    is_established: bool,
    routes: BTreeMap<(String, u32), Route>,
    last: Option<Instant>,
}

enum Order {
    Change(PeerChanges),
    Cease,
}

const FAMILIES: [Family; 2] = [Family::IPV4_UNICAST, Family::IPV6_UNICAST];
const ENCODER: UpdateEncoder =
    UpdateEncoder { as_width: AsWidth::Four, max_message_octets: 4096, add_path: true };

impl Speaker {
    pub(crate) fn start(namespace: &Namespace, input: &SpeakerInput) -> Self {
        let (orders, receiver) = channel();
        let state = Arc::new(State::default());
        let run = Run { input: input.clone(), orders: receiver, state: state.clone() };
        let namespace = namespace.clone();
        thread::spawn(move || namespace.inside(move || run.sessions()));
        Self { name: input.name.clone(), node: input.node_ip, orders, state }
    }

    /// The name of the session in the file.
    pub(crate) fn session(&self) -> &str {
        self.name.split_once('/').map_or(&self.name, |(_, name)| name)
    }

    pub(crate) fn change(&self, changes: &PeerChanges) {
        self.orders.send(Order::Change(changes.clone())).expect("the speaker runs");
    }

    /// Ends the session with a NOTIFICATION, for good.
    pub(crate) fn cease(&self) {
        self.orders.send(Order::Cease).expect("the speaker runs");
    }

    pub(crate) fn is_established(&self) -> bool {
        self.heard(|heard| heard.is_established)
    }

    /// How long nothing has come.
    pub(crate) fn silence(&self) -> Duration {
        self.heard(|heard| heard.last.map_or(Duration::MAX, |last| last.elapsed()))
    }

    /// What stands announced, sorted.
    pub(crate) fn announced(&self) -> Vec<Route> {
        let mut routes: Vec<Route> = self.heard(|heard| heard.routes.values().cloned().collect());
        routes.sort();
        routes
    }

    fn heard<T>(&self, look: impl FnOnce(&Heard) -> T) -> T {
        look(&self.state.heard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Speaker {
    fn drop(&mut self) {
        self.state.is_over.store(true, Ordering::Relaxed);
    }
}

struct Run {
    input: SpeakerInput,
    orders: Receiver<Order>,
    state: Arc<State>,
}

impl Run {
    fn sessions(self) {
        while !self.is_over() {
            let Some(stream) = self.connect() else { return };
            match self.session(stream) {
                Ok(true) => return,
                Ok(false) => (),
                Err(error) if self.is_over() => drop(error),
                Err(error) => eprintln!("{}: {error}", self.input.name),
            }
            self.note(|heard| *heard = Heard::default());
            thread::sleep(PAUSE);
        }
    }

    fn is_over(&self) -> bool {
        self.state.is_over.load(Ordering::Relaxed)
    }

    fn note(&self, change: impl FnOnce(&mut Heard)) {
        change(&mut self.state.heard.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// The next connection; `None` at the end.
    fn connect(&self) -> Option<TcpStream> {
        match self.input.mode {
            Mode::Listen => {
                let listener = self.listen().unwrap_or_else(|error| panic!("{}: {error}", self.input.name));
                while !self.is_over() {
                    match listener.accept() {
                        Ok((stream, _)) => return Some(stream),
                        Err(_) => thread::sleep(PAUSE),
                    }
                }
            }
            Mode::Dial => {
                while !self.is_over() {
                    match self.dial() {
                        Ok(stream) => return Some(stream),
                        Err(_) => thread::sleep(PAUSE),
                    }
                }
            }
        }
        None
    }

    fn socket(&self, port: u16) -> io::Result<Socket> {
        let local = SocketAddr::new(self.input.ip, port);
        let socket = Socket::new(Domain::for_address(local), Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        match local {
            SocketAddr::V4(_) => socket.set_ttl_v4(self.input.ttl)?,
            SocketAddr::V6(_) => socket.set_unicast_hops_v6(self.input.ttl)?,
        }
        socket.bind(&local.into())?;
        Ok(socket)
    }

    fn listen(&self) -> io::Result<TcpListener> {
        let socket = self.socket(self.input.port)?;
        socket.listen(16)?;
        socket.set_nonblocking(true)?;
        Ok(socket.into())
    }

    fn dial(&self) -> io::Result<TcpStream> {
        let socket = self.socket(0)?;
        let node = SocketAddr::new(self.input.node_ip, self.input.node_port);
        socket.connect_timeout(&node.into(), Duration::from_secs(1))?;
        Ok(socket.into())
    }

    /// Runs a session to its end; returns whether it was the last.
    fn session(&self, mut stream: TcpStream) -> io::Result<bool> {
        stream.set_nonblocking(false)?;
        SockRef::from(&stream).set_tcp_nodelay(true)?;
        stream.set_read_timeout(Some(PAUSE))?;
        stream.write_all(&self.open())?;
        let mut octets = Vec::new();
        let mut context = DecodeContext::new(PeerKind::Ibgp, AsWidth::Four);
        let mut is_established = false;
        while !self.is_over() {
            read_some(&mut stream, &mut octets)?;
            while let Some(message) = take_message(&mut octets, &context)? {
                match message {
                    Message::Open(open) => {
                        if open.asn != Asn(self.input.asn) {
                            context.peer = PeerKind::Ebgp;
                        }
                        let families = FAMILIES.into_iter();
                        context.add_path =
                            families.filter(|family| open.capabilities.add_path(*family).is_some()).collect();
                        stream.write_all(&keepalive())?;
                    }
                    Message::Keepalive if !is_established => {
                        is_established = true;
                        self.note(|heard| heard.is_established = true);
                        stream.write_all(&self.first_routes())?;
                    }
                    Message::Update(update) => self.note(|heard| hear(heard, &update)),
                    Message::Notification(notification) => {
                        return Err(io::Error::other(format!("received {notification}")));
                    }
                    Message::Keepalive => stream.write_all(&keepalive())?,
                    Message::RouteRefresh(_) => stream.write_all(&self.first_routes())?,
                }
            }
            if is_established {
                match self.orders.try_recv() {
                    Ok(Order::Change(changes)) => stream.write_all(&encode_changes(&changes))?,
                    Ok(Order::Cease) => {
                        let mut out = BytesMut::new();
                        Notification::new(NotificationCode::CEASE, 2).encode(&mut out);
                        stream.write_all(&out)?;
                        return Ok(true);
                    }
                    Err(_) => (),
                }
            }
        }
        Ok(true)
    }

    fn open(&self) -> BytesMut {
        let own = family_of(self.input.ip);
        let restart = GracefulRestart {
            restarted: false,
            survives_notification: false,
            restart_time_seconds: 120,
            families: vec![GracefulRestartFamily { family: own, forwarding_preserved: false }],
        };
        let open = Open {
            asn: Asn(self.input.asn),
            hold_time: HoldTime::from_seconds(240).expect("long enough"),
            identifier: BgpIdentifier::try_from(self.input.router_id).expect("not zero"),
            capabilities: vec![
                Capability::Multiprotocol(own),
                Capability::RouteRefresh,
                Capability::GracefulRestart(restart),
                Capability::FourOctetAs(Asn(self.input.asn)),
                Capability::AddPath(vec![(own, AddPathMode::BOTH)]),
            ]
            .into(),
        };
        let mut out = BytesMut::new();
        open.encode(&mut out);
        out
    }

    fn first_routes(&self) -> BytesMut {
        // A later route to the same prefix with the same path identifier replaces an earlier one.
        let mut out = BytesMut::new();
        self.input.routes.iter().for_each(|route| encode_route(&mut out, route));
        ENCODER.end_of_rib(&mut out, family_of(self.input.ip));
        out
    }
}

fn read_some(stream: &mut TcpStream, octets: &mut Vec<u8>) -> io::Result<()> {
    let mut piece = [0; 65_536];
    match stream.read(&mut piece) {
        Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(length) => {
            octets.extend_from_slice(&piece[..length]);
            Ok(())
        }
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => Ok(()),
        Err(error) => Err(error),
    }
}

fn take_message(octets: &mut Vec<u8>, context: &DecodeContext) -> io::Result<Option<Message>> {
    let length = frame_length(octets, 4096).map_err(io::Error::other)?;
    let Some(length) = length.filter(|length| octets.len() >= *length) else { return Ok(None) };
    let message: Vec<u8> = octets.drain(..length).collect();
    decode_message(Bytes::from(message), context).map(Some).map_err(io::Error::other)
}

fn keepalive() -> BytesMut {
    let mut out = BytesMut::new();
    encode_keepalive(&mut out);
    out
}

fn family_of(address: IpAddr) -> Family {
    if address.is_ipv4() { Family::IPV4_UNICAST } else { Family::IPV6_UNICAST }
}

fn hear(heard: &mut Heard, update: &Update) {
    heard.last = Some(Instant::now());
    for block in update.unreach() {
        let paths = block.iter::<Ipv4Prefix>().map(key_of).chain(block.iter::<Ipv6Prefix>().map(key_of));
        paths.for_each(|key| drop(heard.routes.remove(&key)));
    }
    let Some(attributes) = update.attributes().map(|attributes| attributes.to_path_attributes()) else {
        return;
    };
    for Reach { next_hop, nlri } in update.reach() {
        let paths = nlri.iter::<Ipv4Prefix>().map(key_of).chain(nlri.iter::<Ipv6Prefix>().map(key_of));
        for key in paths {
            let route = route_of(&key.0, &attributes, next_hop);
            heard.routes.insert(key, route);
        }
    }
}

fn key_of<P: IpPrefix + std::fmt::Display>(nlri: Nlri<P>) -> (String, u32) {
    (nlri.prefix.to_string(), nlri.path_id.map_or(0, |id| id.0))
}

/// A route as it was announced, without its path identifier.
fn route_of(prefix: &str, attributes: &PathAttributes, next_hop: NextHop) -> Route {
    let address: IpAddr = match next_hop {
        NextHop::Ipv4(address) => address.into(),
        NextHop::Ipv6(address) | NextHop::Ipv6LinkLocal { global: address, .. } => address.into(),
    };
    Route {
        prefix: prefix.to_owned(),
        path_id: 0,
        origin: attributes.origin().to_string().to_lowercase(),
        as_path: attributes.as_path().asns().map(|asn| PathElement::Asn(asn.0)).collect(),
        next_hop: address.to_string(),
        local_pref: attributes.local_pref(),
        med: attributes.med(),
        communities: attributes.communities().map(halves).collect(),
        large_communities: attributes.large_communities().map(parts).collect(),
        originator_id: attributes.originator_id().map(|id| id.to_u32().into()),
        cluster_list: attributes.cluster_list().map(|cluster| cluster.0.into()).collect(),
        unknown: attributes
            .unknown()
            .map(|unknown| {
                let hex = unknown.value().iter().map(|octet| format!("{octet:02x}")).collect();
                (0, unknown.attribute_type().0, hex)
            })
            .collect(),
    }
}

fn halves(community: Community) -> [u16; 2] {
    let [first, second, third, fourth] = community.0.to_be_bytes();
    [u16::from_be_bytes([first, second]), u16::from_be_bytes([third, fourth])]
}

fn parts(community: LargeCommunity) -> [u32; 3] {
    [community.global_administrator, community.local_data_1, community.local_data_2]
}

fn encode_changes(changes: &PeerChanges) -> BytesMut {
    let mut out = BytesMut::new();
    for (prefix, path_id) in &changes.withdraw {
        let path_id = Some(PathId(*path_id));
        match prefix.parse().expect("a prefix") {
            Prefix::Ipv4(prefix) => ENCODER.unreach(&mut out, [Nlri { path_id, prefix }]),
            Prefix::Ipv6(prefix) => ENCODER.unreach(&mut out, [Nlri { path_id, prefix }]),
        }
    }
    changes.announce.iter().for_each(|route| encode_route(&mut out, route));
    out
}

fn encode_route(out: &mut BytesMut, route: &Route) {
    let attributes = attributes_of(route);
    let next_hop = match route.next_hop.parse().expect("an address") {
        IpAddr::V4(address) => NextHop::Ipv4(address),
        IpAddr::V6(address) => NextHop::Ipv6(address),
    };
    let path_id = Some(PathId(route.path_id));
    let encoded = match route.prefix.parse().expect("a prefix") {
        Prefix::Ipv4(prefix) => ENCODER.reach(out, &attributes, next_hop, [Nlri { path_id, prefix }]),
        Prefix::Ipv6(prefix) => ENCODER.reach(out, &attributes, next_hop, [Nlri { path_id, prefix }]),
    };
    encoded.expect("a short route");
}

fn attributes_of(route: &Route) -> PathAttributes {
    let origin = match route.origin.as_str() {
        "igp" => Origin::Igp,
        "egp" => Origin::Egp,
        _ => Origin::Incomplete,
    };
    let mut builder = PathAttributesBuilder::new(origin);
    let asns = route.as_path.iter().filter_map(|part| match part {
        PathElement::Asn(asn) => Some(Asn(*asn)),
        PathElement::Set(_) => None,
    });
    builder.as_path = AsPathBuf::from_sequence(asns);
    builder.med = route.med;
    builder.local_pref = route.local_pref;
    builder.communities = route
        .communities
        .iter()
        .map(|[first, second]| Community(u32::from(*first) << 16 | u32::from(*second)))
        .collect();
    let large = |parts: &[u32; 3]| LargeCommunity {
        global_administrator: parts[0],
        local_data_1: parts[1],
        local_data_2: parts[2],
    };
    builder.large_communities = route.large_communities.iter().map(large).collect();
    builder.originator_id = route.originator_id.and_then(|id| BgpIdentifier::try_from(id).ok());
    builder.cluster_list = route.cluster_list.iter().map(|id| ClusterId(u32::from(*id))).collect();
    let unknown = route.unknown.iter().filter_map(|(_, kind, hex)| {
        let octets =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("digits"));
        UnknownAttributeBuf::new(AttributeType(*kind), octets.collect())
    });
    builder.unknown = unknown.collect();
    builder.build()
}

const PAUSE: Duration = Duration::from_millis(50);
