//! A Rib of which everything that changes it is recorded, where that is wanted.

use std::ops::Deref;
use std::sync::Arc;

use bgp_codec::{DecodeContext, Family, Prefix, Update};
use margay_rib::{
    EncodedUpdates, ForwardingChange, KernelRouteView, NetworkOptions, NextHopLoss, PeerIndex, PeerOptions,
    PeerRules, ReflectorOptions, Rib, RibOptions, WayChange,
};

use super::{Recorder, RibInput, checksum};

/// See the [module](self). Its methods are those of [`Rib`]; what changes nothing is asked of the Rib itself.
///
/// An input is written down before the Rib takes it: one that makes it panic is the last of the recording.
#[derive(Debug)]
pub(crate) struct RecordedRib {
    rib: Rib,
    recorder: Option<Recorder>,
}

impl RecordedRib {
    pub(crate) fn new(options: RibOptions, recorder: Option<Recorder>) -> Self {
        let mut rib = Self { rib: Rib::new(options.clone()), recorder };
        rib.note(|| RibInput::Start(env!("CARGO_PKG_VERSION").into(), options));
        rib
    }

    /// Hands on what was noted since this was called last.
    pub(crate) fn on_turn_over(&mut self) {
        if let Some(recorder) = &mut self.recorder {
            recorder.flush();
        }
        self.recorder.take_if(|recorder| !recorder.is_open());
    }

    /// Nothing follows: the recording gets its end.
    pub(crate) fn finish(&mut self) {
        if self.recorder.is_some() {
            let checksum = checksum(&self.rib);
            self.note(|| RibInput::End(checksum));
            self.recorder = None;
        }
    }

    fn note(&mut self, input: impl FnOnce() -> RibInput) {
        if let Some(recorder) = &mut self.recorder {
            recorder.note(&input());
        }
    }

    pub(crate) fn hold_back(&mut self) {
        self.note(|| RibInput::HoldBack);
        self.rib.hold_back();
    }

    pub(crate) fn end_hold_back(&mut self) {
        self.note(|| RibInput::EndHoldBack);
        self.rib.end_hold_back();
    }

    /// `context` is how the peer's messages are read.
    pub(crate) fn peer_up(
        &mut self,
        options: PeerOptions,
        context: impl FnOnce() -> DecodeContext,
    ) -> PeerIndex {
        self.note(|| RibInput::PeerUp(Box::new(options.clone()), context()));
        self.rib.peer_up(options)
    }

    pub(crate) fn peer_down(&mut self, peer: PeerIndex) {
        self.note(|| RibInput::PeerDown(peer));
        self.rib.peer_down(peer);
    }

    pub(crate) fn apply_update(&mut self, peer: PeerIndex, update: Update) {
        self.note(|| RibInput::Update(peer, update.message().clone()));
        self.rib.apply_update(peer, update);
    }

    pub(crate) fn refresh(&mut self, peer: PeerIndex, family: Family) {
        self.note(|| RibInput::Refresh(peer, family));
        self.rib.refresh(peer, family);
    }

    pub(crate) fn begin_refresh(&mut self, peer: PeerIndex, family: Family) {
        self.note(|| RibInput::BeginRefresh(peer, family));
        self.rib.begin_refresh(peer, family);
    }

    pub(crate) fn end_refresh(&mut self, peer: PeerIndex, family: Family) {
        self.note(|| RibInput::EndRefresh(peer, family));
        self.rib.end_refresh(peer, family);
    }

    pub(crate) fn originate(&mut self, prefix: Prefix, options: NetworkOptions) {
        self.note(|| RibInput::Originate(prefix, options));
        self.rib.originate(prefix, options);
    }

    pub(crate) fn stop_originating(&mut self, prefix: Prefix) {
        self.note(|| RibInput::StopOriginating(prefix));
        self.rib.stop_originating(prefix);
    }

    pub(crate) fn set_kernel_route(&mut self, prefix: Prefix, route: Option<KernelRouteView>) {
        self.note(|| RibInput::KernelRoute(prefix, route));
        self.rib.set_kernel_route(prefix, route);
    }

    pub(crate) fn set_ways(&mut self, changes: &[WayChange]) {
        self.note(|| RibInput::Ways(changes.to_vec()));
        self.rib.set_ways(changes);
    }

    pub(crate) fn rename(&mut self, peer: PeerIndex, name: &Arc<str>) {
        self.note(|| RibInput::Rename(peer, Arc::clone(name)));
        self.rib.rename(peer, name);
    }

    pub(crate) fn reconfigure(&mut self, reflector: ReflectorOptions, peers: Vec<(PeerIndex, PeerRules)>) {
        self.note(|| RibInput::Reconfigure(reflector.clone(), peers.clone()));
        self.rib.reconfigure(reflector, peers);
    }

    pub(crate) fn work(&mut self, steps: usize) -> bool {
        self.note(|| RibInput::Work(steps));
        self.rib.work(steps)
    }

    pub(crate) fn poll_export(&mut self, peer: PeerIndex, out: &mut Vec<EncodedUpdates>) -> bool {
        if self.recorder.is_some() && self.rib.has_export(peer) {
            self.note(|| RibInput::Export(peer));
        }
        self.rib.poll_export(peer, out)
    }

    pub(crate) fn poll_forwarding(&mut self, limit: usize) -> Vec<ForwardingChange> {
        self.note(|| RibInput::Forwarding(limit));
        self.rib.poll_forwarding(limit)
    }

    pub(crate) fn poll_next_hop_losses(&mut self) -> Vec<NextHopLoss> {
        self.note(|| RibInput::NextHopLosses);
        self.rib.poll_next_hop_losses()
    }
}

impl Deref for RecordedRib {
    type Target = Rib;

    fn deref(&self) -> &Rib {
        &self.rib
    }
}
