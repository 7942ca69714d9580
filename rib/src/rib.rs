//! The Rib: takes the events of peers, and returns slices of encoded messages and forwarding changes.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use bgp_codec::{Family, Ipv4Prefix, Ipv6Prefix, NlriBlock, Prefix, Update};
use margay_filter::FilterChain;

use crate::attributes::AttributeStore;
use crate::export::EncodedUpdates;
use crate::family::{FamilyIndex, FamilyTurn, PerFamily, RibFamily, WithPrefixes};
use crate::family_rib::{AnyFamilyRib, FamilyRib, RulesChange};
use crate::forwarding::ForwardingChange;
use crate::index::PeerIndex;
use crate::next_hops::{NextHopLoss, NextHopLosses, NextHopResolution, WayChange};
use crate::notices::{Notice, Notices};
use crate::options::{
    AggregateOptions, Departure, KernelRouteView, LinkUsability, NetworkOptions, OwnNextHops, PeerOptions,
    PeerRules, RibOptions, SpeakerRules, StaticRoute,
};
use crate::paths::{LearnedFrom, Sources};
use crate::peers::{Peers, Presence};
use crate::policy::ImportPolicy;
use crate::shared::{Advertising, Shared};
use crate::validation::{OriginValidation, PayloadUpdate};
use crate::watch::Watch;

/// All routing state of a speaker: a plain value with one owner. The crate's documentation describes how it
/// works.
#[derive(Debug)]
pub struct Rib {
    pub(crate) options: RibOptions,
    pub(crate) shared: Shared,
    pub(crate) families: PerFamily<Box<dyn AnyFamilyRib>>,
    pub(crate) next_hop_losses: NextHopLosses,
    /// The family whose work is done next.
    pub(crate) work_turn: FamilyTurn,
    /// The family whose forwarding changes are returned next.
    pub(crate) forwarding_turn: FamilyTurn,
}

/// Makes an empty family.
struct NewFamily<'a>(&'a RibOptions);

impl WithPrefixes for NewFamily<'_> {
    type Output = Box<dyn AnyFamilyRib>;

    fn run<P: RibFamily>(self) -> Self::Output {
        Box::new(FamilyRib::<P>::new(self.0.hash_seed, self.0.forwarding))
    }
}

impl Rib {
    /// Makes an empty Rib.
    #[must_use]
    pub fn new(options: RibOptions) -> Self {
        let resolution = match options.forwarding {
            Some(_) => NextHopResolution::Kernel,
            None => NextHopResolution::Assumed,
        };
        let shared = Shared {
            store: AttributeStore::new(options.hash_seed, resolution),
            peers: Peers::new(options.hash_seed),
            sources: Sources::new(options.decision),
            notices: Notices::default(),
            watch: Watch::default(),
            validation: OriginValidation::new(options.external_asn(), options.hash_seed),
            multipath: options.forwarding.map_or(1, |forwarding| forwarding.multipath),
            advertising: Advertising::Everything,
            forwarding_looks_at_staleness: false,
        };
        Self {
            families: PerFamily::new(|family| family.with_prefixes(NewFamily(&options))),
            options,
            shared,
            next_hop_losses: NextHopLosses::default(),
            work_turn: FamilyTurn::default(),
            forwarding_turn: FamilyTurn::default(),
        }
    }

    /// Advertises only this speaker's own routes, and sends no End-of-RIB, until
    /// [`end_hold_back`](Self::end_hold_back). To be called before the first peer is up: nothing is
    /// withdrawn.
    ///
    /// Right after the start, while most peers have not announced their routes yet, the best paths change all
    /// the time.
    pub fn hold_back(&mut self) {
        self.shared.advertising = Advertising::OwnRoutes;
    }

    /// Advertises all routes: [`work`](Self::work) enters the withheld prefixes into the logs with their
    /// present state.
    pub fn end_hold_back(&mut self) {
        if self.shared.advertising == Advertising::Everything {
            return;
        }
        self.shared.advertising = Advertising::Everything;
        self.families.iter_mut().for_each(|(_, family)| family.fill_again());
    }

    /// Handles an established session: the peer joins the export groups of its families.
    ///
    /// `resumes` is the former index of a peer that comes back after a [restart](Departure::Restarting). It
    /// is returned again if the peer is the same speaker at the same address; otherwise the former paths are
    /// removed. The paths of a peer that resumes keep their sources, so a route that is announced as before
    /// is not a change, and nothing is sent for it. Paths that the peer has not announced again when
    /// [`end_refresh`](Self::end_refresh) is called for their family are removed; in families that the new
    /// session has not agreed on, all paths are removed at once. No message of the former session may be
    /// applied any more.
    pub fn peer_up(&mut self, options: PeerOptions, resumes: Option<PeerIndex>) -> PeerIndex {
        let options = Arc::new(options);
        let peer = match resumes.filter(|&peer| resume(self, peer, &options)) {
            Some(peer) => peer,
            None => self.shared.peers.add(Arc::clone(&options)),
        };
        for family in options.session.families.iter().copied().filter_map(FamilyIndex::of) {
            self.families[family].peer_up(&mut self.shared, &self.options, peer);
        }
        if options.looks_at_staleness() {
            mark_stale(&mut self.families, &mut self.shared);
        }
        peer
    }

    /// Handles the end of a session. Unless the peer is expected back, its paths are out of use from now on,
    /// and [`work`](Self::work) removes them. The same happens at a final departure that follows another one.
    pub fn peer_down(&mut self, peer: PeerIndex, departure: Departure) {
        match (self.shared.peers.presence(peer), departure) {
            (Some(Presence::Up), Departure::Restarting) => {
                self.shared.peers.set_presence(peer, Presence::Away);
            }
            (Some(Presence::Up | Presence::Away), Departure::Final) => {
                if self.options.forwarding.is_some() {
                    self.next_hop_losses.on_lost(self.shared.store.next_hops.announced_only_by(peer));
                }
                self.shared.peers.set_presence(peer, Presence::Down);
                self.shared.sources.set_down(peer);
            }
            (Some(Presence::Away), Departure::Restarting) | (Some(Presence::Down) | None, _) => return,
        }
        for (_, family) in self.families.iter_mut() {
            family.peer_down(&mut self.shared, peer, departure);
        }
        if departure == Departure::Restarting {
            mark_stale(&mut self.families, &mut self.shared);
        }
    }

    /// Keeps the paths of a peer that is [away](Departure::Restarting) as a last resort in these families: they are marked
    /// with the community LLGR_STALE, and those that must not be kept are out of use (RFC 9494 §4.2). The marks stay until
    /// the peer is back and announces the routes again. [`work`](Self::work) applies the consequences.
    pub fn keep_long_lived(&mut self, peer: PeerIndex, families: &[Family]) {
        if self.shared.peers.presence(peer) == Some(Presence::Away) {
            for family in families.iter().copied().filter_map(FamilyIndex::of) {
                self.families[family].keep_long_lived(&mut self.shared, peer);
            }
        }
    }

    /// Applies an UPDATE. It is ignored if the session of the peer is not up, as are routes of a family that
    /// the session has not agreed on.
    pub fn apply_update(&mut self, peer: PeerIndex, update: Update) {
        let Some(options) = self.shared.peers.up(peer) else { return };
        let peer_options = Arc::clone(options);
        let Self { options, shared, families, next_hop_losses, .. } = self;
        let import = ImportPolicy { speaker: options, peer: &peer_options };
        let agreed = |block: &NlriBlock<'_>| {
            FamilyIndex::of(block.family()).filter(|_| import.peer.session.families.contains(&block.family()))
        };
        for block in update.unreach() {
            if let Some(family) = agreed(&block) {
                families[family].withdraw(shared, peer, block);
            }
        }
        let Some(attributes) = update.attributes() else { return };
        for reach in update.reach() {
            let Some(family) = agreed(&reach.nlri) else { continue };
            let received = shared.store.intern_received(attributes, reach.next_hop);
            let next_hop = shared.store.get(received).next_hop;
            shared.store.next_hops.on_announced(next_hop, peer, |other| shared.peers.in_use(other).is_some());
            next_hop_losses.on_announced(reach.next_hop);
            families[family].announce(shared, peer, received, &import, reach.nlri);
            shared.store.release(received);
        }
    }

    /// Originates `prefix`.
    pub fn originate(&mut self, prefix: Prefix, options: NetworkOptions) {
        if let Some(family) = FamilyIndex::of(prefix.family()) {
            self.families[family].originate(&mut self.shared, prefix, options);
        }
    }

    /// Sets the foreign route that the kernel has at `prefix`, if it is to be announced or a network requires
    /// one.
    pub fn set_kernel_route(&mut self, prefix: Prefix, route: Option<KernelRouteView>) {
        if let Some(family) = FamilyIndex::of(prefix.family()) {
            self.families[family].set_kernel_route(&mut self.shared, prefix, route);
        }
    }

    /// Sets the static route at `prefix`; `None` for no route.
    pub fn set_static(&mut self, prefix: Prefix, route: Option<StaticRoute>) {
        if let Some(family) = FamilyIndex::of(prefix.family()) {
            self.families[family].set_static(&mut self.shared, prefix, route);
        }
    }

    /// Sets the aggregate at `prefix`; `None` for no aggregate. [`work`](Self::work) finds the routes that contribute, and the
    /// aggregate is originated from then on while there are enough.
    pub fn set_aggregate(&mut self, prefix: Prefix, options: Option<AggregateOptions>) {
        if let Some(family) = FamilyIndex::of(prefix.family()) {
            self.families[family].set_aggregate(&mut self.shared, prefix, options);
        }
    }

    /// Sets whether there is a default route of a family for the peers with
    /// [`default_originate`](PeerRules::default_originate). It is used for nothing else.
    pub fn set_default_route(&mut self, family: Family, is_originated: bool) {
        let prefix = match family {
            Family::IPV4_UNICAST => Prefix::Ipv4(Ipv4Prefix::truncating(Ipv4Addr::UNSPECIFIED, 0)),
            _ => Prefix::Ipv6(Ipv6Prefix::truncating(Ipv6Addr::UNSPECIFIED, 0)),
        };
        if let Some(family) = FamilyIndex::of(family) {
            let route = is_originated.then_some(prefix);
            self.families[family].set_default_route(&mut self.shared, route);
        }
    }

    /// Sets which of the links that static routes lead over are usable. Links that were never named are not.
    pub fn set_links(&mut self, changes: &[LinkUsability]) {
        for family in FamilyIndex::ALL {
            self.families[family].on_links_changed(&mut self.shared, changes);
        }
    }

    /// Sets the filters on what is installed in the kernel. What follows for routes is done in parts by
    /// [`work`](Self::work).
    pub fn set_forwarding_filter(&mut self, filter: &FilterChain) {
        for family in FamilyIndex::ALL {
            self.families[family].set_forwarding_filter(filter);
        }
        self.shared.forwarding_looks_at_staleness = filter.looks_at_staleness();
        mark_stale(&mut self.families, &mut self.shared);
    }

    /// Stops originating `prefix`.
    pub fn stop_originating(&mut self, prefix: Prefix) {
        if let Some(family) = FamilyIndex::of(prefix.family()) {
            self.families[family].stop_originating(&mut self.shared, prefix);
        }
    }

    /// Sets the ways that the kernel's own routes lead: next hops are reachable over these only.
    pub fn set_ways(&mut self, changes: &[WayChange]) {
        changes.iter().for_each(|change| self.shared.store.next_hops.set_way(change));
        resolve_some(&mut self.families, &mut self.shared, RESOLVED_AT_ONCE);
    }

    /// Handles a request of the peer for all routes (RFC 2918).
    pub fn refresh(&mut self, peer: PeerIndex, family: Family) {
        if let Some(family) = FamilyIndex::of(family) {
            self.families[family].refresh(&mut self.shared, peer);
        }
    }

    /// Handles the beginning of a route refresh by the peer (BoRR): its earlier paths are stale from now on.
    /// A refresh that is in progress starts again. With [`end_refresh`](Self::end_refresh) at once, all paths of the family
    /// are removed, also those of a peer that is [away](Departure::Restarting).
    pub fn begin_refresh(&mut self, peer: PeerIndex, family: Family) {
        if let Some(family) = FamilyIndex::of(family) {
            self.families[family].begin_refresh(&mut self.shared, peer);
        }
    }

    /// Handles the end of a route refresh by the peer (EoRR): [`work`](Self::work) removes the paths that are
    /// still stale. Has no effect without a beginning.
    pub fn end_refresh(&mut self, peer: PeerIndex, family: Family) {
        if let Some(family) = FamilyIndex::of(family) {
            self.families[family].end_refresh(&mut self.shared, peer);
        }
    }

    /// Changes the rules of the speaker and of peers. [`work`](Self::work) applies the consequences.
    ///
    /// Peers that get the same rules should get them in one call: a group that changes as a whole need not be
    /// copied.
    pub fn reconfigure(
        &mut self,
        rules: SpeakerRules,
        peers: impl IntoIterator<Item = (PeerIndex, PeerRules)>,
    ) {
        let mut change = RulesChange::default();
        let SpeakerRules { reflector, decision } = rules;
        if !reflector.has_same_clusters(&self.options.reflector) {
            change.imported = self.shared.peers.all_in_use();
        }
        self.options.reflector = reflector;
        if decision != self.options.decision {
            self.options.decision = decision;
            self.shared.sources.set_decision(decision);
            self.families.iter_mut().for_each(|(_, family)| family.decide_again());
        }
        for (peer, rules) in peers {
            let Some(old) = self.shared.peers.in_use(peer).cloned() else { continue };
            let new = PeerOptions { rules, ..PeerOptions::clone(&old) };
            change.note(peer, &old, &new);
            self.shared.peers.set_options(peer, Arc::new(new));
        }
        on_rules_changed(&mut self.families, &mut self.shared, &change);
        mark_stale(&mut self.families, &mut self.shared);
    }

    /// Changes the payloads that routes are validated with. [`work`](Self::work) applies the consequences: routes that the change
    /// concerns go through the filters that ask for their state again.
    pub fn update_payloads(&mut self, update: &PayloadUpdate) {
        let changed = self.shared.validation.update(update);
        if changed.is_empty() {
            return;
        }
        for (_, family) in self.families.iter_mut() {
            family.on_payloads_changed(&self.shared, &changed);
        }
    }

    /// Changes the addresses of this speaker towards peers: routes advertised with the former ones are
    /// advertised again. [`work`](Self::work) applies the consequences.
    ///
    /// As with [`reconfigure`](Self::reconfigure), peers with the same change should get it in one call.
    pub fn set_own_next_hops(&mut self, peers: impl IntoIterator<Item = (PeerIndex, OwnNextHops)>) {
        let mut change = RulesChange::default();
        for (peer, own) in peers {
            let Some(old) = self.shared.peers.in_use(peer) else { continue };
            let new = PeerOptions { own, ..PeerOptions::clone(old) };
            change.note(peer, old, &new);
            self.shared.peers.set_options(peer, Arc::new(new));
        }
        on_rules_changed(&mut self.families, &mut self.shared, &change);
    }

    /// Does a part of the pending work, of about `steps` steps: an entry decided or exported to a group, or a
    /// slot of a group copied. Returns whether there is more. The kinds of work take turns.
    pub fn work(&mut self, steps: usize) -> bool {
        if self.shared.store.next_hops.has_unresolved() {
            resolve_some(&mut self.families, &mut self.shared, steps);
            return true;
        }
        let due = self.work_turn.order().find(|&family| self.families[family].has_work());
        if let Some(family) = due {
            self.families[family].work(&mut self.shared, &self.options, steps);
            self.work_turn.on_served(family);
        }
        has_work(&self.families)
    }

    /// Appends to `out` what `peer` is to be sent next: whole messages, whose octets are shared by all peers
    /// of its group at the same position. Returns whether there is more. Nothing is appended if none of the
    /// changes is for this peer.
    pub fn poll_export(&mut self, peer: PeerIndex, out: &mut Vec<EncodedUpdates>) -> bool {
        let Self { families, shared, .. } = self;
        let turn = shared.peers.turn(peer);
        let served = turn.order().find(|&family| families[family].poll_export(shared, peer, out));
        if let Some(family) = served {
            shared.peers.on_served(peer, family);
        }
        served.is_some() && has_export(families, shared, peer)
    }

    /// Next hops that are lost with a peer, so that the forwarding table can drop them early, or that are
    /// back. To be applied before the next result of [`poll_forwarding`](Self::poll_forwarding).
    pub fn poll_next_hop_losses(&mut self) -> Vec<NextHopLoss> {
        for next_hop in self.shared.store.next_hops.take_newly_set_here() {
            self.next_hop_losses.on_announced(next_hop);
        }
        self.next_hop_losses.poll()
    }

    /// The routes refused for what they are since the last call, and the number of those left out because
    /// there were too many. Affects nothing but the result of the next call.
    pub fn poll_notices(&mut self) -> (Vec<Notice>, u64) {
        self.shared.notices.take()
    }

    /// Watches the best routes to these prefixes instead of the present ones: to a network and all inside it, and to what covers
    /// the address of a host. Affects nothing but the results of [`poll_watched`](Self::poll_watched).
    pub fn watch(&mut self, prefixes: &BTreeSet<Prefix>) {
        self.shared.watch.set(prefixes);
    }

    /// Up to `limit` watched prefixes whose best routes have changed, each once, and how many changes are left out
    /// because there were too many. Affects nothing but the result of the next call.
    pub fn poll_watched(&mut self, limit: usize) -> (Vec<Prefix>, u64) {
        self.shared.watch.take(limit)
    }

    /// The next changes of the wanted forwarding table, of about `limit` entries. Empty when the reader is up
    /// to date.
    pub fn poll_forwarding(&mut self, limit: usize) -> Vec<ForwardingChange> {
        let mut changes = Vec::new();
        for family in self.forwarding_turn.order() {
            if changes.is_empty() {
                self.forwarding_turn.on_served(family);
            }
            changes.extend(self.families[family].poll_forwarding(limit - changes.len()));
        }
        if changes.is_empty() && !has_work(&self.families) && !self.shared.store.next_hops.has_unresolved() {
            self.next_hop_losses.on_all_read();
        }
        changes
    }
}

/// Whether any family has changes to advertise to a peer.
pub(crate) fn has_export(
    families: &PerFamily<Box<dyn AnyFamilyRib>>,
    shared: &Shared,
    peer: PeerIndex,
) -> bool {
    families.iter().any(|(_, family)| family.state().groups.has_export(shared, peer))
}

/// Marks the paths of peers that are away as stale, if filters ask for it. Peers that come back announce their paths
/// anew, without the mark.
fn mark_stale(families: &mut PerFamily<Box<dyn AnyFamilyRib>>, shared: &mut Shared) {
    if !shared.forwarding_looks_at_staleness && !shared.peers.look_at_staleness() {
        return;
    }
    for peer in shared.peers.away() {
        for (_, family) in families.iter_mut() {
            family.mark_stale(shared, peer);
        }
    }
}

/// Resolves next hops whose ways have changed, and has the entries decided again that this concerns.
fn resolve_some(families: &mut PerFamily<Box<dyn AnyFamilyRib>>, shared: &mut Shared, limit: usize) {
    for (family, entries) in shared.store.next_hops.resolve_some(limit) {
        families[family].on_costs_changed(entries);
    }
}

/// Next hops that are resolved without delay when their ways have changed.
const RESOLVED_AT_ONCE: usize = 4096;

fn has_work(families: &PerFamily<Box<dyn AnyFamilyRib>>) -> bool {
    families.iter().any(|(_, family)| family.has_work())
}

/// Takes a peer up again with new options. Returns whether it is the one that went away; if not, the former
/// one is removed.
fn resume(rib: &mut Rib, peer: PeerIndex, options: &Arc<PeerOptions>) -> bool {
    let Some(former) = rib.shared.peers.in_use(peer).cloned() else { return false };
    if rib.shared.peers.presence(peer) != Some(Presence::Away) || !former.is_same_speaker(options) {
        rib.peer_down(peer, Departure::Final);
        return false;
    }
    rib.shared.peers.set_presence(peer, Presence::Up);
    rib.shared.peers.set_options(peer, Arc::clone(options));
    for (index, family) in rib.families.iter_mut() {
        if let Some(routes) = rib.shared.peers.routes_mut(index, peer) {
            routes.is_long_lived_stale = false;
            routes.is_marked_stale = false;
        }
        family.begin_refresh(&mut rib.shared, peer);
        if !options.session.families.contains(&index.family()) {
            family.end_refresh(&mut rib.shared, peer);
        }
    }
    let mut change = RulesChange::default();
    change.note(peer, &former, options);
    if change != RulesChange::default() {
        on_rules_changed(&mut rib.families, &mut rib.shared, &change);
    }
    true
}

/// Applies the consequences of new rules of peers.
fn on_rules_changed(
    families: &mut PerFamily<Box<dyn AnyFamilyRib>>,
    shared: &mut Shared,
    change: &RulesChange,
) {
    let learned_from = |&peer| Some((peer, LearnedFrom::of(shared.peers.in_use(peer)?)));
    let learned_from: BTreeMap<_, _> = change.reflected.iter().filter_map(learned_from).collect();
    shared.sources.set_learned_from(&learned_from);
    for (_, family) in families.iter_mut() {
        family.on_rules_changed(shared, change);
    }
}
