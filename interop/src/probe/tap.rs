//! A tap on the interfaces of a namespace: the BGP messages that pass, whoever sends them.

use std::collections::{BTreeMap, HashMap};
use std::io::{ErrorKind, Read as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use margay_lab::Namespace;
use socket2::{Domain, Protocol, Socket, Type};

use super::message::Message;

/// A running tap; it ends with its owner.
pub(crate) struct Tap {
    seen: Arc<Mutex<Vec<Seen>>>,
    ends: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
}

/// A message that passed.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) at: Instant,
    pub(crate) from: IpAddr,
    pub(crate) to: IpAddr,
    pub(crate) message: Message,
}

impl Tap {
    /// Begins to listen.
    ///
    /// # Errors
    ///
    /// The system refuses the socket.
    pub(crate) fn start(namespace: &Namespace) -> Result<Self> {
        let socket = namespace.inside(|| Socket::new(Domain::PACKET, Type::RAW, Some(every_protocol())))?;
        let socket = socket.context("a socket for packets")?;
        socket.set_read_timeout(Some(TURN))?;
        socket.set_recv_buffer_size(BUFFER)?;
        let (seen, ends) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (kept, asked) = (Arc::clone(&seen), Arc::clone(&ends));
        let reader = thread::spawn(move || listen(&socket, &kept, &asked));
        Ok(Self { seen, ends, reader: Some(reader) })
    }

    /// The messages from one address to another so far.
    pub(crate) fn messages(&self, from: IpAddr, to: IpAddr) -> Vec<Seen> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.iter().filter(|one| (one.from, one.to) == (from, to)).cloned().collect()
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        if let Some(reader) = self.reader.take() {
            drop(reader.join());
        }
    }
}

/// One direction of a connection: addresses and ports.
type Flow = (IpAddr, u16, IpAddr, u16);

/// What is known of one direction.
#[derive(Debug, Default)]
struct Stream {
    /// The number of the next octet, once the connection has begun.
    next: Option<u32>,
    /// Segments that came too early.
    early: BTreeMap<u32, Vec<u8>>,
    octets: Vec<u8>,
}

fn listen(socket: &Socket, seen: &Mutex<Vec<Seen>>, ends: &AtomicBool) {
    let mut flows: HashMap<Flow, Stream> = HashMap::new();
    let mut buffer = vec![0; 1 << 17];
    let mut socket = socket;
    while !ends.load(Ordering::Relaxed) {
        match socket.read(&mut buffer) {
            Ok(length) => {
                if let Some(segment) = segment(&buffer[..length]) {
                    take(segment, &mut flows, seen);
                }
            }
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                ) => {}
            Err(_) => return,
        }
    }
}

fn take(segment: Segment<'_>, flows: &mut HashMap<Flow, Stream>, seen: &Mutex<Vec<Seen>>) {
    let stream = flows.entry(segment.flow).or_default();
    stream.add(&segment);
    while let Some(message) = Message::take(&mut stream.octets) {
        let (from, _, to, _) = segment.flow;
        let one = Seen { at: Instant::now(), from, to, message };
        seen.lock().unwrap_or_else(PoisonError::into_inner).push(one);
    }
}

impl Stream {
    fn add(&mut self, segment: &Segment<'_>) {
        if segment.begins {
            *self = Self { next: Some(segment.number.wrapping_add(1)), ..Self::default() };
            return;
        }
        let Some(next) = self.next else { return };
        // Half of the numbers are before the next one: such octets have been sent before, at least the first of them.
        let repeated =
            if segment.number.wrapping_sub(next) < 1 << 31 { 0 } else { next.wrapping_sub(segment.number) };
        if let Some(new @ [_, ..]) =
            usize::try_from(repeated).ok().and_then(|repeated| segment.octets.get(repeated..))
        {
            self.early.insert(segment.number.wrapping_add(repeated), new.to_vec());
        }
        while let Some(octets) = self.next.and_then(|next| self.early.remove(&next)) {
            let length = u32::try_from(octets.len()).unwrap_or(0);
            self.next = self.next.map(|next| next.wrapping_add(length));
            self.octets.extend(octets);
        }
    }
}

/// A TCP segment from or to BGP's port.
struct Segment<'a> {
    flow: Flow,
    number: u32,
    /// SYN.
    begins: bool,
    octets: &'a [u8],
}

/// Reads an Ethernet frame.
fn segment(frame: &[u8]) -> Option<Segment<'_>> {
    let (header, packet) = frame.split_at_checked(14)?;
    let (from, to, segment): (IpAddr, IpAddr, &[u8]) = match header.get(12..)? {
        [8, 0] => {
            let length = usize::from(packet.first()? & 15) * 4;
            let total = usize::from(u16::from_be_bytes([*packet.get(2)?, *packet.get(3)?]));
            // Large segments have no length in the header.
            let end = if total == 0 { packet.len() } else { total };
            let address = |at: usize| Some(Ipv4Addr::from(*packet.get(at..)?.first_chunk::<4>()?));
            (*packet.get(9)? == TCP).then_some(())?;
            (address(12)?.into(), address(16)?.into(), packet.get(length..end)?)
        }
        [0x86, 0xdd] => {
            let length = usize::from(u16::from_be_bytes([*packet.get(4)?, *packet.get(5)?]));
            let end = if length == 0 { packet.len() } else { 40 + length };
            let address = |at: usize| Some(Ipv6Addr::from(*packet.get(at..)?.first_chunk::<16>()?));
            (*packet.get(6)? == TCP).then_some(())?;
            (address(8)?.into(), address(24)?.into(), packet.get(40..end)?)
        }
        _ => return None,
    };
    let port = |at: usize| Some(u16::from_be_bytes(*segment.get(at..)?.first_chunk::<2>()?));
    let (source, destination) = (port(0)?, port(2)?);
    (source == BGP || destination == BGP).then_some(())?;
    let number = u32::from_be_bytes(*segment.get(4..)?.first_chunk::<4>()?);
    let data = usize::from(*segment.get(12)? >> 4) * 4;
    let begins = segment.get(13)? & 2 != 0;
    Some(Segment { flow: (from, source, to, destination), number, begins, octets: segment.get(data..)? })
}

/// ETH_P_ALL in network order.
fn every_protocol() -> Protocol {
    Protocol::from(i32::from(3_u16.to_be()))
}

const TCP: u8 = 6;
const BGP: u16 = 179;
const TURN: Duration = Duration::from_millis(200);
const BUFFER: usize = 16 << 20;

#[cfg(test)]
mod tests {
    use super::{Segment, Stream};

    #[test]
    fn puts_segments_in_order_and_drops_repetitions() {
        let flow = ([10, 0, 0, 1].into(), 179, [10, 0, 0, 2].into(), 5000);
        let mut stream = Stream::default();
        let parts: [(u32, bool, &[u8]); 6] = [
            (9, true, b""),
            (10, false, b"ab"),
            (14, false, b"ef"),
            (10, false, b"ab"),
            (11, false, b"bcd"),
            (16, false, b"g"),
        ];
        for (number, begins, octets) in parts {
            stream.add(&Segment { flow, number, begins, octets });
        }
        assert_eq!(stream.octets, b"abcdefg");
    }
}
