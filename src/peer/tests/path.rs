//! How a session follows the path that BFD monitors.

use std::net::IpAddr;

use bgp_codec::{Message, Notification, NotificationCode};
use margay_bfd::{DownReason, Hops, Intervals, SessionOptions};
use margay_session::State;
use tokio::sync::{mpsc, watch};

use super::bench_speaker::{BenchSpeaker, patiently, reaches};
use super::scripted_peer::{ScriptedPeer, listening};
use crate::bfd::{BfdHandle, BfdRequest, PathMonitor, PathOptions, PathState};
use crate::peer::{PeerHandle, spawn};

/// A session that is up and whose path is monitored, and the other end of what monitors it.
struct Scene {
    handle: PeerHandle,
    peer: ScriptedPeer,
    speaker: BenchSpeaker,
    bfd: BfdHandle,
    requests: mpsc::UnboundedReceiver<BfdRequest>,
    states: watch::Sender<PathState>,
}

impl Scene {
    async fn new() -> Self {
        let (listener, mut options) = listening().await;
        let (bfd, mut requests) = BfdHandle::simulated();
        options.path = Some(PathMonitor { bfd: bfd.clone(), options: path_options(Hops::Single, 3) });
        let mut speaker = BenchSpeaker::new(8 << 20);
        let handle = spawn(options, &speaker.handle);
        handle.start().await;
        let peer = ScriptedPeer::accept(&listener).await;
        speaker.next_up().await;
        let Some(BfdRequest::Start { session, states, .. }) = patiently(requests.recv()).await else {
            panic!("not a start")
        };
        assert_eq!((session.key.remote, session.local), (LOOPBACK, LOOPBACK));
        Self { handle, peer, speaker, bfd, requests, states }
    }

    fn fail(&self, reason: DownReason) {
        self.states.send_modify(|state| {
            *state = PathState { is_up: false, losses: state.losses + 1, reason: Some(reason) };
        });
    }
}

const LOOPBACK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

fn path_options(hops: Hops, multiplier: u8) -> PathOptions {
    let default = Intervals::DEFAULT;
    let intervals = Intervals::new(default.transmit(), default.receive(), multiplier).unwrap();
    PathOptions { hops, session: SessionOptions { intervals, authentication: None } }
}

/// RFC 9384 §3.
#[tokio::test]
async fn a_path_that_fails_ends_the_session_at_once_with_cease_bfd_down() {
    let mut scene = Scene::new().await;
    scene.fail(DownReason::DetectionTimeExpired);
    let last = loop {
        match patiently(scene.peer.next()).await {
            Some(Message::Keepalive) => {}
            other => break other,
        }
    };
    let expected = Notification::new(NotificationCode::CEASE, 10);
    assert_eq!(last, Some(Message::Notification(expected)));
    scene.speaker.next_down().await;
    reaches(&scene.handle, State::Idle).await;
    let error = scene.handle.status().borrow().last_error.clone();
    assert_eq!(error.as_deref(), Some("BFD: path down: detection time expired"));
    let stop = patiently(scene.requests.recv()).await;
    assert!(matches!(stop, Some(BfdRequest::Stop { .. })), "{stop:?}");
}

#[tokio::test]
async fn other_intervals_change_the_running_session_and_other_hops_begin_a_new_one() {
    let mut scene = Scene::new().await;
    let monitor = |hops, multiplier| {
        Some(PathMonitor { bfd: scene.bfd.clone(), options: path_options(hops, multiplier) })
    };
    scene.handle.monitor(monitor(Hops::Single, 5)).await;
    let change = patiently(scene.requests.recv()).await;
    let Some(BfdRequest::Change { options, .. }) = change else { panic!("{change:?}") };
    assert_eq!(options.intervals.multiplier(), 5);
    scene.handle.monitor(monitor(Hops::Multiple, 5)).await;
    let mut kinds = Vec::new();
    for _ in 0..2 {
        kinds.push(match patiently(scene.requests.recv()).await {
            Some(BfdRequest::Stop { key, .. }) => ("stop", key.hops),
            Some(BfdRequest::Start { session, .. }) => ("start", session.key.hops),
            other => panic!("{other:?}"),
        });
    }
    kinds.sort_by_key(|(kind, _)| *kind);
    assert_eq!(kinds, [("start", Hops::Multiple), ("stop", Hops::Single)]);
    scene.handle.monitor(None).await;
    let stop = patiently(scene.requests.recv()).await;
    assert!(matches!(stop, Some(BfdRequest::Stop { .. })), "{stop:?}");
    assert_eq!(scene.handle.status().borrow().state, State::Established);
}
