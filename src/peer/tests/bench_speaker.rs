//! The speaker's stand-in in tests, and the options of its peers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bgp_codec::{Asn, BgpIdentifier, Capabilities, Capability, Family, HoldTime};
use margay_session::{DialMode, ExpectedAsn, SessionOptions, State};
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

use crate::events::EventHub;
use crate::machine::{Distance, Machine, Transport};
use crate::peer::{PeerHandle, PeerOptions};
use crate::speaker::{Inputs, PeerKey, PeerUp, SpeakerHandle, SpeakerInput, input_queue};

/// Nothing in these tests takes this long unless it is broken.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// The speaker's end of the queue.
pub(super) struct BenchSpeaker {
    pub(super) handle: SpeakerHandle,
    pub(super) inputs: Inputs,
}

impl BenchSpeaker {
    pub(super) fn new(room_octets: u32) -> Self {
        let (inputs, input_receiver) = input_queue(room_octets);
        let (requests, _) = mpsc::channel(1);
        let handle = SpeakerHandle {
            inputs,
            requests,
            writable: Arc::new(Notify::new()),
            events: EventHub::default(),
        };
        Self { handle, inputs: input_receiver }
    }

    pub(super) async fn next(&mut self) -> SpeakerInput {
        patiently(self.inputs.recv()).await.expect("a peer's task lives")
    }

    /// The next session that comes up.
    pub(super) async fn next_up(&mut self) -> PeerUp {
        match self.next().await {
            SpeakerInput::PeerUp(up) => *up,
            other => panic!("not up: {other:?}"),
        }
    }

    /// The next session that goes down; its earlier inputs are skipped.
    pub(super) async fn next_down(&mut self) {
        while !matches!(self.next().await, SpeakerInput::PeerDown { .. }) {}
    }
}

pub(super) async fn patiently<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("in time")
}

/// A peer in AS 65002 at `peer`, of us in AS 65001. The hold time is the shortest there is.
pub(super) fn options(peer: SocketAddr) -> PeerOptions {
    options_between(Asn(65001), Asn(65002), peer)
}

pub(super) fn options_between(local: Asn, remote: Asn, peer: SocketAddr) -> PeerOptions {
    let mut session =
        SessionOptions::new(local, identifier(local), ExpectedAsn::One(remote), capabilities(local));
    session.hold_time = HoldTime::from_seconds(3).unwrap();
    PeerOptions {
        key: PeerKey(local.0.into()),
        name: format!("AS {remote}"),
        session,
        restart_ends: None,
        path: None,
        transport: Transport { peer, link: None, source: None, distance: Distance::Any, password: None },
        machine: Machine::Real,
        update_log: None,
    }
}

pub(super) fn passive(mut options: PeerOptions) -> PeerOptions {
    options.session.dial_mode = DialMode::Passive;
    options
}

pub(super) fn identifier(asn: Asn) -> BgpIdentifier {
    BgpIdentifier::new(asn.0).unwrap()
}

pub(super) fn capabilities(asn: Asn) -> Capabilities {
    Capabilities::from_iter([
        Capability::Multiprotocol(Family::IPV4_UNICAST),
        Capability::RouteRefresh,
        Capability::FourOctetAs(asn),
    ])
}

/// Waits for a state.
pub(super) async fn reaches(handle: &PeerHandle, state: State) {
    let mut status = handle.status();
    patiently(status.wait_for(|status| status.state == state)).await.expect("the task lives");
}
