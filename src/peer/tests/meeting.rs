//! Two peer tasks that connect to each other.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU8;

use bgp_codec::Asn;
use margay_session::{ShutdownMessage, State, StopReason};
use tokio::net::TcpStream;

use super::bench_speaker::{BenchSpeaker, options_between, passive, patiently, reaches};
use super::scripted_peer::{ScriptedPeer, listening};
use crate::listener::Listener;
use crate::machine::{Distance, Machine, TcpPassword};
use crate::peer::{PeerHandle, PeerOptions, spawn};
use margay_config::PeerPlace;

/// One of two ends: a listener and, later, the task of its only peer.
struct End {
    address: IpAddr,
    listener: Listener,
    speaker: BenchSpeaker,
}

impl End {
    fn new(address: &str) -> Self {
        let address: IpAddr = address.parse().unwrap();
        let (listener, _newcomers) = Listener::bind(&Machine::Real, &[SocketAddr::new(address, 0)]).unwrap();
        Self { address, listener, speaker: BenchSpeaker::new(8 << 20) }
    }

    /// The task for the peer `other`, not yet started.
    fn spawn(&self, asns: [u32; 2], other: &Self, adjust: impl Fn(&mut PeerOptions)) -> PeerHandle {
        let [peer] = other.listener.local_addresses().unwrap()[..] else { panic!("one address") };
        let mut options = options_between(Asn(asns[0]), Asn(asns[1]), peer);
        options.transport.source = Some(self.address);
        adjust(&mut options);
        let password = options.transport.password.clone();
        let handle = spawn(options, &self.speaker.handle);
        let place = PeerPlace::of_address(other.address);
        self.listener.add_peer(place, password.as_ref(), handle.intake()).unwrap();
        handle
    }
}

/// Both start at the same time; `adjust` changes their options for the test.
async fn meet(addresses: [&str; 2], adjust: [&dyn Fn(&mut PeerOptions); 2]) {
    let mut ends = addresses.map(End::new);
    let handles = [
        ends[0].spawn([65001, 65002], &ends[1], adjust[0]),
        ends[1].spawn([65002, 65001], &ends[0], adjust[1]),
    ];
    tokio::join!(handles[0].start(), handles[1].start());
    for handle in &handles {
        reaches(handle, State::Established).await;
    }
    let session = |handle: &PeerHandle| handle.status().borrow().established.clone().unwrap();
    let [left, right] = handles.each_ref().map(session);
    assert_eq!(left.local_address, right.peer_address, "both mean the same connection");
    assert_eq!(left.peer_address, right.local_address);
    for end in &mut ends {
        assert_eq!(end.speaker.next_up().await.local_address, end.address);
    }
    let [left, right] = handles;
    left.end(StopReason::AdministrativeShutdown(ShutdownMessage::default())).await;
    ends[0].speaker.next_down().await;
    ends[1].speaker.next_down().await;
    let error = right.status().borrow().last_error.clone().unwrap();
    assert!(error.contains("shutdown"), "{error}");
    right.end(StopReason::AdministrativeShutdown(ShutdownMessage::default())).await;
}

#[tokio::test]
async fn two_that_dial_each_other_at_once_share_one_connection() {
    for _ in 0..20 {
        meet(["127.0.1.1", "127.0.1.2"], [&|_| {}, &|_| {}]).await;
    }
}

#[tokio::test]
async fn a_passive_peer_is_found() {
    let be_passive = |options: &mut PeerOptions| *options = passive(options.clone());
    meet(["127.0.2.1", "127.0.2.2"], [&be_passive, &|_| {}]).await;
}

#[tokio::test]
async fn peers_meet_over_ipv6() {
    meet(["::1", "::1"], [&|_| {}, &|_| {}]).await;
}

#[tokio::test]
async fn peers_on_one_link_meet_with_ttl_security() {
    let secure = |options: &mut PeerOptions| {
        options.transport.distance = Distance::Secured(NonZeroU8::MIN);
    };
    meet(["127.0.3.1", "127.0.3.2"], [&secure, &secure]).await;
    meet(["::1", "::1"], [&secure, &secure]).await;
}

#[tokio::test]
async fn external_peers_meet_with_a_hop_limit_of_one() {
    let near = |options: &mut PeerOptions| {
        options.transport.distance = Distance::Hops(NonZeroU8::MIN);
    };
    meet(["127.0.4.1", "127.0.4.2"], [&near, &near]).await;
}

#[tokio::test]
async fn peers_with_the_same_password_meet() {
    let sign = |options: &mut PeerOptions| {
        options.transport.password = Some(TcpPassword::new("a secret").unwrap());
    };
    meet(["127.0.5.1", "127.0.5.2"], [&sign, &sign]).await;
    meet(["::1", "::1"], [&sign, &sign]).await;
}

#[tokio::test]
async fn a_connection_without_the_password_is_not_heard() {
    let ends = ["127.0.6.1", "127.0.6.2"].map(End::new);
    let sign = |options: &mut PeerOptions| {
        options.transport.password = Some(TcpPassword::new("a secret").unwrap());
        *options = passive(options.clone());
    };
    let signed = ends[0].spawn([65001, 65002], &ends[1], sign);
    let unsigned = ends[1].spawn([65002, 65001], &ends[0], |options| {
        options.session.connect_retry = std::time::Duration::from_millis(300);
    });
    signed.start().await;
    unsigned.start().await;
    let mut status = unsigned.status();
    let failed = status.wait_for(|status| status.last_error.is_some());
    let error = patiently(failed).await.unwrap().last_error.clone().unwrap();
    assert_eq!(error, "could not connect: no answer");
    assert_eq!(signed.messages().received, 0);
}

#[tokio::test]
async fn the_listener_refuses_strangers_and_counts_them() {
    let (listener, _newcomers) = Listener::bind(&Machine::Real, &["127.0.7.1:0".parse().unwrap()]).unwrap();
    let address = listener.local_addresses().unwrap()[0];
    let mut stranger = ScriptedPeer::over(TcpStream::connect(address).await.unwrap());
    assert_eq!(stranger.next().await, None);
    assert_eq!(listener.refused(), 1);
}

#[tokio::test]
async fn a_removed_peer_is_a_stranger() {
    let ends = ["127.0.8.1", "127.0.8.2"].map(End::new);
    let handle = ends[0].spawn([65001, 65002], &ends[1], |_| {});
    ends[0].listener.remove_peer(PeerPlace::of_address(ends[1].address)).unwrap();
    handle.end(StopReason::PeerDeconfigured).await;
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(ends[1].address, 0)).unwrap();
    let address = ends[0].listener.local_addresses().unwrap()[0];
    let mut former = ScriptedPeer::over(socket.connect(address).await.unwrap());
    assert_eq!(former.next().await, None);
    assert_eq!(ends[0].listener.refused(), 1);
}

#[tokio::test]
async fn a_stopped_session_rejects_the_peers_connections() {
    let ends = ["127.0.9.1", "127.0.9.2"].map(End::new);
    let _stopped = ends[0].spawn([65001, 65002], &ends[1], |_| {});
    let dialing = ends[1].spawn([65002, 65001], &ends[0], |_| {});
    dialing.start().await;
    let mut status = dialing.status();
    let failed = status.wait_for(|status| status.last_error.is_some());
    let error = patiently(failed).await.unwrap().last_error.clone().unwrap();
    assert!(error.contains("rejected"), "{error}");
}

#[tokio::test]
async fn a_dial_that_is_refused_is_repeated() {
    let (listener, mut options) = listening().await;
    let address = listener.local_addr().unwrap();
    drop(listener);
    options.session.connect_retry = std::time::Duration::from_millis(100);
    let mut speaker = BenchSpeaker::new(8 << 20);
    let handle = spawn(options, &speaker.handle);
    handle.start().await;
    let mut status = handle.status();
    let failed = status.wait_for(|status| status.last_error.is_some());
    let error = patiently(failed).await.unwrap().last_error.clone().unwrap();
    assert!(error.starts_with("could not connect: ") && error.contains("refused"), "{error}");
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    let _peer = ScriptedPeer::accept(&listener).await;
    speaker.next_up().await;
}
