//! A BGP session of a probe.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use ipnet::IpNet;
use margay_lab::Namespace;
use socket2::{Domain, Socket, Type};

use super::attributes::Attributes;
use super::message::{Kind, Message};
use super::update::{Update, update, withdrawal};

/// What a probe says of itself in its OPEN.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) asn: u32,
    pub(crate) router_id: Ipv4Addr,
    /// Seconds; 0 is a session without timers.
    pub(crate) hold_time: u16,
    /// Whole capabilities: code, length, value.
    pub(crate) capabilities: Vec<u8>,
    /// Whether prefixes in received UPDATEs have path identifiers, if the router can send them.
    pub(crate) path_ids: bool,
}

/// A session of a probe; it is closed with its owner.
pub(crate) struct Session {
    stream: TcpStream,
    heard: Arc<Mutex<Heard>>,
}

/// A route as it was received: the prefix and, with ADD-PATH, its identifier.
pub(crate) type Key = (IpNet, Option<u32>);

#[derive(Debug, Default)]
struct Heard {
    table: BTreeMap<Key, Attributes>,
    withdrawals: usize,
    notification: Option<Vec<u8>>,
    closed: bool,
}

impl Identity {
    /// A speaker of both families with 4-octet AS numbers, route refresh, and a hold time of 90 s.
    pub(crate) fn new(asn: u32, router_id: Ipv4Addr) -> Self {
        let mut capabilities = vec![1, 4, 0, 1, 0, 1, 1, 4, 0, 2, 0, 1, 2, 0, 65, 4];
        capabilities.extend(asn.to_be_bytes());
        Self { asn, router_id, hold_time: 90, capabilities, path_ids: false }
    }

    /// Adds a capability.
    pub(crate) fn with(mut self, code: u8, value: &[u8]) -> Self {
        self.capabilities.push(code);
        self.capabilities.push(u8::try_from(value.len()).expect("capabilities are short"));
        self.capabilities.extend(value);
        self
    }

    /// Sends and receives several paths to a prefix (RFC 7911).
    pub(crate) fn with_path_ids(mut self) -> Self {
        self.path_ids = true;
        self.with(69, &[0, 1, 1, 3, 0, 2, 1, 3])
    }

    /// Its OPEN in octets.
    pub(crate) fn open(&self) -> Vec<u8> {
        let parameters = if self.capabilities.is_empty() {
            Vec::new()
        } else {
            let length = u8::try_from(self.capabilities.len()).expect("capabilities are short");
            [&[2, length][..], &self.capabilities].concat()
        };
        // AS_TRANS (RFC 6793).
        let asn = u16::try_from(self.asn).unwrap_or(23456);
        let mut body = vec![4];
        body.extend(asn.to_be_bytes());
        body.extend(self.hold_time.to_be_bytes());
        body.extend(self.router_id.octets());
        body.push(u8::try_from(parameters.len()).expect("capabilities are short"));
        body.extend(parameters);
        Message::encode(Kind::Open, &body)
    }
}

impl Session {
    /// Connects from an address in a namespace until it succeeds, and completes the handshake.
    ///
    /// # Errors
    ///
    /// There is no session by the deadline; the error says what came last.
    pub(crate) fn dial(
        namespace: &Namespace,
        from: IpAddr,
        to: IpAddr,
        identity: &Identity,
        deadline: Instant,
    ) -> Result<Self> {
        loop {
            let attempt = connect(namespace, from, to).and_then(|stream| Self::shake_hands(stream, identity));
            match attempt {
                Ok(session) => return Ok(session),
                Err(error) if Instant::now() >= deadline => return Err(error),
                Err(_) => thread::sleep(RETRY),
            }
        }
    }

    fn shake_hands(mut stream: TcpStream, identity: &Identity) -> Result<Self> {
        stream.set_read_timeout(Some(HANDSHAKE))?;
        stream.set_nodelay(true)?;
        stream.write_all(&identity.open())?;
        let mut octets = Vec::new();
        let open = next(&mut stream, &mut octets)?;
        if open.kind != Kind::Open {
            bail!("{:?} in place of an OPEN: {:?}", open.kind, open.body);
        }
        stream.write_all(&Message::encode(Kind::Keepalive, &[]))?;
        let answer = next(&mut stream, &mut octets)?;
        if answer.kind != Kind::Keepalive {
            bail!("{:?} in place of a KEEPALIVE: {:?}", answer.kind, answer.body);
        }
        stream.set_read_timeout(None)?;
        let heard = Arc::new(Mutex::new(Heard::default()));
        let (reader, kept, path_ids) = (stream.try_clone()?, Arc::clone(&heard), identity.path_ids);
        thread::spawn(move || listen(reader, octets, &kept, path_ids));
        if identity.hold_time > 0 {
            let writer = stream.try_clone()?;
            let interval = Duration::from_secs(u64::from(identity.hold_time)) / 3;
            thread::spawn(move || keep_alive(writer, interval));
        }
        Ok(Self { stream, heard })
    }

    /// Ends the connection by a reset.
    ///
    /// # Errors
    ///
    /// The connection is gone.
    pub(crate) fn reset(self) -> Result<()> {
        // The threads have copies of the socket, so that closing this one would not end the connection.
        rustix::net::connect_unspec(&self.stream).context("the connection is gone")
    }

    /// Sends whole messages.
    ///
    /// # Errors
    ///
    /// The connection is gone.
    pub(crate) fn send(&mut self, octets: &[u8]) -> Result<()> {
        self.stream.write_all(octets).context("the router has closed the connection")
    }

    /// Announces prefixes of one family with whole attributes; see [`update`].
    ///
    /// # Errors
    ///
    /// The connection is gone.
    pub(crate) fn announce(&mut self, prefixes: &[&str], attributes: &[u8], next_hop: IpAddr) -> Result<()> {
        self.send(&update(&parse(prefixes), attributes, next_hop))
    }

    /// Withdraws IPv4 prefixes.
    ///
    /// # Errors
    ///
    /// The connection is gone.
    pub(crate) fn withdraw(&mut self, prefixes: &[&str]) -> Result<()> {
        self.send(&withdrawal(&parse(prefixes)))
    }

    /// All routes received and not withdrawn.
    pub(crate) fn table(&self) -> BTreeMap<Key, Attributes> {
        self.heard().table.clone()
    }

    /// Number of [`table`](Self::table).
    pub(crate) fn count(&self) -> usize {
        self.heard().table.len()
    }

    /// The attributes of a route without path identifier.
    ///
    /// # Errors
    ///
    /// There is no such route.
    pub(crate) fn route(&self, prefix: &str) -> Result<Attributes> {
        let key = prefix.parse().context("a scenario names prefixes")?;
        let heard = self.heard();
        heard
            .table
            .get(&(key, None))
            .cloned()
            .with_context(|| format!("{prefix} is not among {:?}", heard.table.keys()))
    }

    /// Fails while there is a route to a prefix.
    ///
    /// # Errors
    ///
    /// There is such a route.
    pub(crate) fn lacks(&self, prefix: &str) -> Result<()> {
        match self.route(prefix) {
            Ok(attributes) => bail!("{prefix} is there: {attributes:?}"),
            Err(_) => Ok(()),
        }
    }

    /// Number of withdrawn prefixes so far.
    pub(crate) fn withdrawals(&self) -> usize {
        self.heard().withdrawals
    }

    /// The body of the NOTIFICATION that the router sent, if it did.
    pub(crate) fn notification(&self) -> Option<Vec<u8>> {
        self.heard().notification.clone()
    }

    /// Whether the router has ended the session.
    pub(crate) fn is_closed(&self) -> bool {
        self.heard().closed
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // The other side may have ended it.
        self.stream.shutdown(Shutdown::Both).ok();
    }
}

fn parse(prefixes: &[&str]) -> Vec<IpNet> {
    prefixes.iter().map(|prefix| prefix.parse().expect("a scenario names prefixes")).collect()
}

/// Connects to BGP's port from an address in a namespace.
///
/// # Errors
///
/// There is no connection within some seconds.
pub(crate) fn connect(namespace: &Namespace, from: IpAddr, to: IpAddr) -> Result<TcpStream> {
    let stream = namespace.inside(|| -> io::Result<TcpStream> {
        let socket = Socket::new(Domain::for_address(SocketAddr::new(to, 179)), Type::STREAM, None)?;
        socket.bind(&SocketAddr::new(from, 0).into())?;
        socket.connect_timeout(&SocketAddr::new(to, 179).into(), HANDSHAKE)?;
        Ok(socket.into())
    });
    stream?.with_context(|| format!("connecting to {to}"))
}

fn next(stream: &mut TcpStream, octets: &mut Vec<u8>) -> Result<Message> {
    let mut buffer = [0; 65536];
    loop {
        if let Some(message) = Message::take(octets) {
            return Ok(message);
        }
        match stream.read(&mut buffer).context("waiting for a message")? {
            0 => bail!("the router has closed the connection in the handshake"),
            length => octets.extend(&buffer[..length]),
        }
    }
}

fn listen(mut stream: TcpStream, mut octets: Vec<u8>, heard: &Mutex<Heard>, path_ids: bool) {
    while let Ok(message) = next(&mut stream, &mut octets) {
        take(message, &mut heard.lock().unwrap_or_else(PoisonError::into_inner), path_ids);
    }
    heard.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
}

fn take(message: Message, heard: &mut Heard, path_ids: bool) {
    match message.kind {
        Kind::Notification => heard.notification = Some(message.body),
        Kind::Update => {
            let Some(update) = Update::parse(&message.body, path_ids) else { return };
            for key in update.withdrawn {
                heard.withdrawals += usize::from(heard.table.remove(&key).is_some());
            }
            for key in update.announced {
                heard.table.insert(key, update.attributes.clone());
            }
        }
        Kind::Open | Kind::Keepalive | Kind::RouteRefresh | Kind::Other(_) => {}
    }
}

fn keep_alive(mut stream: TcpStream, interval: Duration) {
    while stream.write_all(&Message::encode(Kind::Keepalive, &[])).is_ok() {
        thread::sleep(interval);
    }
}

const HANDSHAKE: Duration = Duration::from_secs(5);
const RETRY: Duration = Duration::from_millis(300);
