//! A peer at the other end of a real connection that only does what a test says.

use std::net::SocketAddr;

use bgp_codec::{
    AsWidth, Asn, DecodeContext, HoldTime, Ipv4Prefix, Message, Nlri, Open, PeerKind, RouteRefresh,
    UpdateEncoder, decode_message, encode_keepalive, frame_length,
};
use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::bench_speaker::{capabilities, identifier, options, patiently};
use crate::peer::PeerOptions;

/// The AS that [`options`] expects.
const ASN: Asn = Asn(65002);

pub(super) struct ScriptedPeer {
    pub(super) stream: TcpStream,
    received: BytesMut,
}

/// A listening socket of a scripted peer, and the options of a task that dials it.
pub(super) async fn listening() -> (TcpListener, PeerOptions) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    (listener, options(address))
}

impl ScriptedPeer {
    /// Accepts a connection and brings the session up.
    pub(super) async fn accept(listener: &TcpListener) -> Self {
        let mut peer = Self::accept_silently(listener).await;
        peer.shake_hands().await;
        peer
    }

    pub(super) fn over(stream: TcpStream) -> Self {
        Self { stream, received: BytesMut::new() }
    }

    pub(super) async fn accept_silently(listener: &TcpListener) -> Self {
        let (stream, _) = patiently(listener.accept()).await.unwrap();
        Self::over(stream)
    }

    pub(super) async fn shake_hands(&mut self) {
        self.send_open().await;
        assert!(matches!(self.next().await, Some(Message::Open(_))));
        self.keepalive().await;
        assert_eq!(self.next().await, Some(Message::Keepalive));
    }

    pub(super) async fn send_open(&mut self) {
        self.send(&open()).await;
    }

    pub(super) async fn send(&mut self, octets: &[u8]) {
        patiently(self.stream.write_all(octets)).await.unwrap();
    }

    pub(super) async fn keepalive(&mut self) {
        let mut octets = BytesMut::new();
        encode_keepalive(&mut octets);
        self.send(&octets).await;
    }

    /// As [`next`](Self::next); a connection that was reset is closed.
    pub(super) async fn next_or_reset(&mut self) -> Option<Message> {
        let mut octet = [0];
        match self.stream.peek(&mut octet).await {
            Ok(1) => self.next().await,
            Ok(_) | Err(_) => None,
        }
    }

    /// The next message; `None` when the connection is closed.
    pub(super) async fn next(&mut self) -> Option<Message> {
        let context = DecodeContext::new(PeerKind::Ebgp, AsWidth::Four);
        loop {
            match frame_length(&self.received, 4096).unwrap() {
                Some(octets) if octets <= self.received.len() => {
                    let message = self.received.split_to(octets).freeze();
                    return Some(decode_message(message, &context).unwrap());
                }
                Some(_) | None => {}
            }
            if patiently(self.stream.read_buf(&mut self.received)).await.unwrap() == 0 {
                return None;
            }
        }
    }
}

fn open() -> BytesMut {
    let open = Open {
        asn: ASN,
        hold_time: HoldTime::from_seconds(3).unwrap(),
        identifier: identifier(ASN),
        capabilities: capabilities(ASN),
    };
    let mut octets = BytesMut::new();
    open.encode(&mut octets);
    octets
}

pub(super) fn route_refresh(refresh: RouteRefresh) -> BytesMut {
    let mut octets = BytesMut::new();
    refresh.encode(&mut octets);
    octets
}

/// One UPDATE of nearly the maximum length: it withdraws a thousand prefixes.
pub(super) fn update() -> BytesMut {
    let encoder = UpdateEncoder { as_width: AsWidth::Four, max_message_octets: 4096, add_path: false };
    let mut octets = BytesMut::new();
    let prefixes = (0..1000).map(|number: u16| {
        let [high, low] = number.to_be_bytes();
        Nlri::new(Ipv4Prefix::new([10, high, low, 0].into(), 24).unwrap())
    });
    encoder.unreach(&mut octets, prefixes);
    octets
}

/// About `octets` of such UPDATEs, and their number.
pub(super) fn updates(octets: usize) -> (BytesMut, usize) {
    let one = update();
    let count = octets / one.len();
    (BytesMut::from(&one.repeat(count)[..]), count)
}
