//! Connections from a peer's address that are not the peer's.

use std::time::Duration;

use bgp_codec::Message;
use margay_session::State;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::bench_speaker::{BenchSpeaker, options, passive, reaches};
use super::scripted_peer::ScriptedPeer;
use crate::machine::Stream;
use crate::peer::{PeerHandle, spawn};

/// A passive peer's task, with its entrance for connections.
struct Passive {
    handle: PeerHandle,
    speaker: BenchSpeaker,
    listener: TcpListener,
}

impl Passive {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let speaker = BenchSpeaker::new(8 << 20);
        let handle = spawn(passive(options(listener.local_addr().unwrap())), &speaker.handle);
        handle.start().await;
        reaches(&handle, State::Active).await;
        Self { handle, speaker, listener }
    }

    /// A connection that has been passed to the task.
    async fn connect(&self) -> ScriptedPeer {
        let address = self.listener.local_addr().unwrap();
        let (dialed, accepted) = tokio::join!(TcpStream::connect(address), self.listener.accept());
        let stream = Stream::Tcp(accepted.unwrap().0);
        self.handle.intake().hand_in(stream.into()).expect("few wait at a time");
        tokio::task::yield_now().await;
        ScriptedPeer::over(dialed.unwrap())
    }
}

#[tokio::test]
async fn a_peer_gets_in_between_garbage_and_silence_from_its_address() {
    let mut passive = Passive::start().await;
    let mut strangers = Vec::new();
    for _ in 0..30 {
        let mut garbage = passive.connect().await;
        garbage.send(&[0; 36]).await;
        strangers.push(garbage);
        strangers.push(passive.connect().await);
    }
    let mut peer = passive.connect().await;
    peer.shake_hands().await;
    passive.speaker.next_up().await;
}

/// Each last NOTIFICATION keeps a descriptor for two seconds.
#[tokio::test]
async fn connections_that_are_closing_are_bounded() {
    let mut passive = Passive::start().await;
    let mut peer = passive.connect().await;
    peer.shake_hands().await;
    passive.speaker.next_up().await;
    let mut refused = JoinSet::new();
    for _ in 0..100 {
        let mut stranger = passive.connect().await;
        refused.spawn(async move {
            let is_notified = matches!(
                timeout(Duration::from_secs(20), stranger.next_or_reset()).await,
                Ok(Some(Message::Notification(_)))
            );
            // Those that received one stay, and are not closed from our side.
            (is_notified, stranger)
        });
    }
    let refused = refused.join_all().await;
    let notified = refused.iter().filter(|(is_notified, _)| *is_notified).count();
    assert_eq!(notified, 8, "of {}", refused.len());
    passive.handle.stop(margay_session::StopReason::AdministrativeShutdown(Default::default())).await;
    while !matches!(peer.next().await, Some(Message::Notification(_))) {}
}
