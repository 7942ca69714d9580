//! A Rib whose inputs are recorded, if requested.

use std::collections::BTreeSet;
use std::ops::Deref;

use bgp_codec::{DecodeContext, Family, Prefix, Update};
use margay_rib::{
    Departure, EncodedUpdates, ForwardingChange, KernelRouteView, LinkUsability, NetworkOptions, NextHopLoss,
    Notice, OwnNextHops, PeerIndex, PeerOptions, PeerRules, Rib, RibInput, RibOptions, SpeakerRules,
    WayChange,
};

use super::{Record, Recorder, checksum};

/// See the [module](self). Its methods are those of [`Rib`]; those that change nothing are the Rib's own.
///
/// An input is recorded before the Rib handles it, so one that makes the Rib panic is the last in the
/// recording.
#[derive(Debug)]
pub(crate) struct RecordedRib {
    rib: Rib,
    recorder: Option<Recorder>,
}

impl RecordedRib {
    pub(crate) fn new(options: RibOptions, recorder: Option<Recorder>) -> Self {
        let mut rib = Self { rib: Rib::new(options.clone()), recorder };
        rib.note(&Record::Start(env!("CARGO_PKG_VERSION").into(), options));
        rib
    }

    /// Passes on the records since the last call.
    pub(crate) fn on_turn_over(&mut self) {
        if let Some(recorder) = &mut self.recorder {
            recorder.flush();
        }
        self.recorder.take_if(|recorder| !recorder.is_open());
    }

    /// Ends the recording with the checksum of the state.
    pub(crate) fn finish(&mut self) {
        if self.recorder.is_some() {
            let checksum = checksum(&self.rib);
            self.note(&Record::End(checksum));
            self.recorder = None;
        }
    }

    fn note(&mut self, record: &Record<&RibInput>) {
        if let Some(recorder) = &mut self.recorder {
            recorder.note(record);
        }
    }

    /// Records an input, and lets the Rib handle it.
    pub(crate) fn handle(&mut self, input: RibInput) {
        self.note(&Record::Input(&input));
        input.apply_to(&mut self.rib);
    }

    pub(crate) fn hold_back(&mut self) {
        self.handle(RibInput::HoldBack);
    }

    pub(crate) fn end_hold_back(&mut self) {
        self.handle(RibInput::EndHoldBack);
    }

    /// `context` holds the terms of decoding the peer's messages.
    pub(crate) fn peer_up(
        &mut self,
        options: PeerOptions,
        resumes: Option<PeerIndex>,
        context: impl FnOnce() -> DecodeContext,
    ) -> PeerIndex {
        if let Some(recorder) = &mut self.recorder {
            recorder.note(&Record::Terms(context()));
            recorder.note(&Record::Input(&RibInput::PeerUp(Box::new(options.clone()), resumes)));
        }
        self.rib.peer_up(options, resumes)
    }

    pub(crate) fn peer_down(&mut self, peer: PeerIndex, departure: Departure) {
        self.handle(RibInput::PeerDown(peer, departure));
    }

    pub(crate) fn keep_long_lived(&mut self, peer: PeerIndex, families: Vec<Family>) {
        self.handle(RibInput::KeepLongLived(peer, families));
    }

    /// Removes all routes of a peer in a family.
    pub(crate) fn remove_routes(&mut self, peer: PeerIndex, family: Family) {
        self.begin_refresh(peer, family);
        self.end_refresh(peer, family);
    }

    pub(crate) fn apply_update(&mut self, peer: PeerIndex, update: Update) {
        self.handle(RibInput::Update(peer, update));
    }

    pub(crate) fn refresh(&mut self, peer: PeerIndex, family: Family) {
        self.handle(RibInput::Refresh(peer, family));
    }

    pub(crate) fn begin_refresh(&mut self, peer: PeerIndex, family: Family) {
        self.handle(RibInput::BeginRefresh(peer, family));
    }

    pub(crate) fn end_refresh(&mut self, peer: PeerIndex, family: Family) {
        self.handle(RibInput::EndRefresh(peer, family));
    }

    pub(crate) fn originate(&mut self, prefix: Prefix, options: NetworkOptions) {
        self.handle(RibInput::Originate(prefix, options));
    }

    pub(crate) fn stop_originating(&mut self, prefix: Prefix) {
        self.handle(RibInput::StopOriginating(prefix));
    }

    pub(crate) fn set_links(&mut self, changes: Vec<LinkUsability>) {
        self.handle(RibInput::Links(changes));
    }

    pub(crate) fn set_kernel_route(&mut self, prefix: Prefix, route: Option<KernelRouteView>) {
        self.handle(RibInput::KernelRoute(prefix, route));
    }

    pub(crate) fn set_ways(&mut self, changes: &[WayChange]) {
        self.handle(RibInput::Ways(changes.to_vec()));
    }

    pub(crate) fn reconfigure(&mut self, rules: SpeakerRules, peers: Vec<(PeerIndex, PeerRules)>) {
        self.handle(RibInput::Reconfigure(rules, peers));
    }

    pub(crate) fn set_own_next_hops(&mut self, peers: Vec<(PeerIndex, OwnNextHops)>) {
        self.handle(RibInput::OwnNextHops(peers));
    }

    pub(crate) fn work(&mut self, steps: usize) -> bool {
        self.note(&Record::Input(&RibInput::Work(steps)));
        self.rib.work(steps)
    }

    pub(crate) fn poll_export(&mut self, peer: PeerIndex, out: &mut Vec<EncodedUpdates>) -> bool {
        if self.recorder.is_some() && self.rib.view().has_export(peer) {
            self.note(&Record::Input(&RibInput::Export(peer)));
        }
        self.rib.poll_export(peer, out)
    }

    pub(crate) fn poll_forwarding(&mut self, limit: usize) -> Vec<ForwardingChange> {
        self.note(&Record::Input(&RibInput::Forwarding(limit)));
        self.rib.poll_forwarding(limit)
    }

    /// Not recorded: it does not affect decisions of the Rib.
    pub(crate) fn poll_notices(&mut self) -> (Vec<Notice>, u64) {
        self.rib.poll_notices()
    }

    /// Not recorded: it does not affect decisions of the Rib.
    pub(crate) fn watch(&mut self, prefixes: &BTreeSet<Prefix>) {
        self.rib.watch(prefixes);
    }

    /// Not recorded: it does not affect decisions of the Rib.
    pub(crate) fn poll_watched(&mut self, limit: usize) -> (Vec<Prefix>, u64) {
        self.rib.poll_watched(limit)
    }

    pub(crate) fn poll_next_hop_losses(&mut self) -> Vec<NextHopLoss> {
        self.note(&Record::Input(&RibInput::NextHopLosses));
        self.rib.poll_next_hop_losses()
    }
}

impl Deref for RecordedRib {
    type Target = Rib;

    fn deref(&self) -> &Rib {
        &self.rib
    }
}
