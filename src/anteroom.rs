//! Connections from ranges of dynamic peers that wait for their OPEN. Those that send none do not take the
//! place of a peer.

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use bgp_codec::{
    AsWidth, DecodeContext, Message, Notification, Open, PeerKind, decode_message, frame_length,
};
use bytes::BytesMut;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;
use tracing::debug;

use crate::machine::{Machine, Stream};
use crate::peer::{Arrival, encode};

/// A connection from a range of dynamic peers that started with an OPEN and belongs to no present peer.
#[derive(Debug)]
pub struct Newcomer {
    /// Its source address.
    pub address: IpAddr,
    /// The OPEN.
    pub open: Open,
    /// The connection, with the octets of the OPEN.
    pub arrival: Arrival,
}

/// The waiting connections. When there are too many, the oldest is closed: a peer sends its OPEN at once.
#[derive(Debug)]
pub(crate) struct Anteroom {
    machine: Machine,
    /// The oldest first.
    waiting: VecDeque<(IpAddr, AbortHandle)>,
    tasks: JoinSet<Option<Newcomer>>,
}

impl Anteroom {
    pub(crate) fn new(machine: Machine) -> Self {
        Self { machine, waiting: VecDeque::new(), tasks: JoinSet::new() }
    }

    /// Adds a connection.
    pub(crate) fn admit(&mut self, address: IpAddr, stream: Stream) {
        self.waiting.retain(|(_, task)| !task.is_finished());
        self.make_room(address);
        let task = self.tasks.spawn(self.machine.task(await_open(address, stream)));
        self.waiting.push_back((address, task));
    }

    /// Waits for the next connection that has sent an OPEN. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Newcomer {
        loop {
            match self.tasks.join_next().await {
                Some(Ok(Some(newcomer))) => return newcomer,
                // It sent something else, or nothing, or was closed to make room.
                Some(Ok(None) | Err(_)) => {}
                None => std::future::pending().await,
            }
        }
    }

    fn make_room(&mut self, address: IpAddr) {
        let of_address = self.waiting.iter().filter(|(other, _)| *other == address).count();
        let oldest = if of_address >= MOST_OF_ADDRESS {
            self.waiting.iter().position(|(other, _)| *other == address)
        } else {
            (self.waiting.len() >= MOST).then_some(0)
        };
        if let Some((address, task)) = oldest.and_then(|index| self.waiting.remove(index)) {
            debug!(%address, "connection closed: others came before it had sent an OPEN");
            task.abort();
        }
    }
}

/// Waits for the OPEN. A connection that starts with another message is closed with a NOTIFICATION, a silent
/// one without.
async fn await_open(address: IpAddr, mut stream: Stream) -> Option<Newcomer> {
    let mut received = BytesMut::new();
    match timeout(OPEN_TIME, read_open(&mut stream, &mut received)).await {
        Ok(Ok(Ok(open))) => return Some(Newcomer { address, open, arrival: Arrival { stream, received } }),
        Ok(Ok(Err(notification))) => {
            debug!(%address, "connection closed: {notification}");
            stream.send_last(&encode(&Message::Notification(notification)));
        }
        Ok(Err(error)) => debug!(%address, "connection closed before an OPEN: {error}"),
        Err(_) => debug!(%address, "connection closed: no OPEN in time"),
    }
    None
}

/// Reads a whole message, and leaves it in `received`.
async fn read_open(stream: &mut Stream, received: &mut BytesMut) -> io::Result<Result<Open, Notification>> {
    // Nothing has been negotiated yet, and an OPEN does not depend on it.
    let context = DecodeContext::new(PeerKind::Ebgp, AsWidth::Two);
    loop {
        match frame_length(received, context.max_message_octets) {
            Ok(Some(octets)) if octets <= received.len() => {
                let message = received.clone().split_to(octets).freeze();
                return Ok(match decode_message(message, &context) {
                    Ok(Message::Open(open)) => Ok(open),
                    Ok(_) => Err(Notification::unexpected_message(1)),
                    Err(error) => Err(error.into_notification()),
                });
            }
            Ok(_) => {}
            Err(error) => return Ok(Err(error.into_notification())),
        }
        if stream.read(received).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// Connections that may wait on one listening socket.
const MOST: usize = 256;

/// Connections that may wait from one address.
const MOST_OF_ADDRESS: usize = 8;

/// Time limit for the OPEN. RFC 4271 §8.2.2 suggests minutes, for a known peer.
const OPEN_TIME: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use bgp_codec::{Asn, BgpIdentifier, Capabilities, HoldTime};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    struct Scene {
        listener: TcpListener,
        anteroom: Anteroom,
    }

    impl Scene {
        async fn new() -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            Self { listener, anteroom: Anteroom::new(Machine::Real) }
        }

        /// Makes a connection that claims to come from this host.
        async fn connect(&mut self, host: u16) -> TcpStream {
            let [high, low] = host.to_be_bytes();
            let address = self.listener.local_addr().unwrap();
            let (dialed, accepted) = tokio::join!(TcpStream::connect(address), self.listener.accept());
            let source = Ipv4Addr::new(10, 0, high, low).into();
            self.anteroom.admit(source, Stream::Tcp(accepted.unwrap().0));
            dialed.unwrap()
        }

        async fn next(&mut self) -> Newcomer {
            timeout(Duration::from_secs(10), self.anteroom.next()).await.expect("a newcomer")
        }
    }

    fn open() -> BytesMut {
        let open = Open {
            asn: Asn(65_001),
            hold_time: HoldTime::from_seconds(90).unwrap(),
            identifier: BgpIdentifier::new(1).unwrap(),
            capabilities: Capabilities::default(),
        };
        let mut octets = BytesMut::new();
        open.encode(&mut octets);
        octets
    }

    #[tokio::test]
    async fn an_open_is_passed_on_with_what_follows_it_and_in_pieces() {
        let mut scene = Scene::new().await;
        let mut octets = open();
        octets.extend_from_slice(b"more");
        let mut peer = scene.connect(1).await;
        peer.write_all(&octets[..20]).await.unwrap();
        tokio::task::yield_now().await;
        peer.write_all(&octets[20..]).await.unwrap();
        let newcomer = scene.next().await;
        assert_eq!(newcomer.open.asn, Asn(65_001));
        assert_eq!(newcomer.address, Ipv4Addr::new(10, 0, 0, 1));
        assert!(
            octets.starts_with(&newcomer.arrival.received) && newcomer.arrival.received.len() >= open().len()
        );
    }

    #[tokio::test]
    async fn a_peer_gets_in_among_a_thousand_silent_connections() {
        let mut scene = Scene::new().await;
        let mut silent = Vec::new();
        for host in 1..=500 {
            silent.push(scene.connect(host).await);
        }
        let mut peer = scene.connect(1000).await;
        for host in 501..=700 {
            silent.push(scene.connect(host).await);
        }
        peer.write_all(&open()).await.unwrap();
        assert_eq!(scene.next().await.address, Ipv4Addr::new(10, 0, 3, 232));
        assert!(scene.anteroom.waiting.len() <= MOST);
        let mut octet = [0];
        let first = timeout(OPEN_TIME / 2, silent[0].read(&mut octet)).await;
        assert_eq!(first.expect("closed at once").unwrap_or(0), 0);
    }

    #[tokio::test]
    async fn one_address_does_not_cost_others_their_place() {
        let mut scene = Scene::new().await;
        let mut first = scene.connect(1).await;
        let mut many = Vec::new();
        for _ in 0..300 {
            many.push(scene.connect(2).await);
        }
        assert_eq!(scene.anteroom.waiting.len(), 1 + MOST_OF_ADDRESS);
        first.write_all(&open()).await.unwrap();
        assert_eq!(scene.next().await.address, Ipv4Addr::new(10, 0, 0, 1));
    }

    #[tokio::test]
    async fn another_message_than_an_open_is_answered_with_a_notification() {
        let mut scene = Scene::new().await;
        let mut garbage = scene.connect(1).await;
        garbage.write_all(&[0; 36]).await.unwrap();
        let mut keepalive = scene.connect(2).await;
        let mut octets = BytesMut::new();
        bgp_codec::encode_keepalive(&mut octets);
        keepalive.write_all(&octets).await.unwrap();
        let notification_of = async |stream: &mut TcpStream| {
            let mut octets = [0; 21];
            stream.read_exact(&mut octets).await.unwrap();
            (octets[18], octets[19], octets[20])
        };
        tokio::select! {
            newcomer = scene.anteroom.next() => panic!("{newcomer:?}"),
            notification = async { (notification_of(&mut garbage).await, notification_of(&mut keepalive).await) } => {
                assert_eq!(notification, ((3, 1, 1), (3, 5, 1)));
            }
        }
    }
}
