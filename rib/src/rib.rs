//! The Rib: the events of peers go in, slices of encoded messages and forwarding changes come out.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use bgp_codec::{Family, Ipv4Prefix, Ipv6Prefix, NlriBlock, Prefix, Update};
use roaring::RoaringBitmap;

use crate::attributes::AttributeStore;
use crate::export::{Consequence, EncodedUpdates, ExportGroup, GroupSignature, Left, Regrouped};
use crate::family_rib::{FamilyRib, Visit};
use crate::forwarding::ForwardingChange;
use crate::index::{EntryIndex, GroupId, PeerIndex};
use crate::next_hops::{NextHopLoss, NextHopLosses, NextHopResolution, WayChange};
use crate::options::{KernelRouteView, NetworkOptions, PeerOptions, PeerRules, ReflectorOptions, RibOptions};
use crate::paths::{LearnedFrom, Sources};
use crate::peers::Peers;
use crate::policy::ImportPolicy;
use crate::shared::{Shared, Telling};

/// All routing state of a speaker. A plain value with one owner; see the crate's documentation for its way of working.
#[derive(Debug)]
pub struct Rib {
    pub(crate) options: RibOptions,
    pub(crate) shared: Shared,
    pub(crate) ipv4: FamilyRib<Ipv4Prefix>,
    pub(crate) ipv6: FamilyRib<Ipv6Prefix>,
    pub(crate) work: VecDeque<Work>,
    pub(crate) next_hop_losses: NextHopLosses,
}

/// Work that is too much for one go, and is done in parts.
#[derive(Debug)]
pub(crate) enum Work {
    /// Take the paths of a peer that left out.
    Sweep(PeerIndex),
    /// Enter the table into the log of a group that is new, or that was told own routes only.
    Fill(Family, GroupId),
    /// Give up the log of a former group.
    Drain(Family, Box<ExportGroup>),
    /// Forget the withdrawals of a group that waited only for a member that left.
    Settle(Family, GroupId),
    /// Take the paths out that a peer did not repeat when it told everything again.
    SweepStale(Family, PeerIndex),
    /// Look again at entries.
    Revisit(Family, RoaringBitmap, Visit),
    /// Put members that have other rules than their groups into groups that have theirs.
    Regroup(Family),
}

impl Work {
    /// What is to be done about a group of a family that a member has left.
    fn after(family: Family, left: Left) -> Self {
        match left {
            Left::Shared(group) => Self::Settle(family, group),
            Left::Last(group) => Self::Drain(family, group),
        }
    }
}

impl Rib {
    /// An empty Rib.
    #[must_use]
    pub fn new(options: RibOptions) -> Self {
        let resolution = match options.forwarding {
            Some(_) => NextHopResolution::Kernel,
            None => NextHopResolution::Assumed,
        };
        let shared = Shared {
            store: AttributeStore::new(options.hash_seed, resolution),
            peers: Peers::new(options.hash_seed),
            sources: Sources::new(options.hash_seed),
            multipath: options.forwarding.map_or(1, |forwarding| forwarding.multipath),
            normal_metric: options.forwarding.map_or(0, |forwarding| forwarding.normal_metric),
            telling: Telling::Everything,
        };
        let (seed, forwards) = (options.hash_seed, options.forwarding.is_some());
        Self {
            options,
            shared,
            ipv4: FamilyRib::new(seed, forwards),
            ipv6: FamilyRib::new(seed, forwards),
            work: VecDeque::new(),
            next_hop_losses: NextHopLosses::default(),
        }
    }

    /// From now on peers are told this speaker's own routes only, and no End-of-RIB, until
    /// [`end_hold_back`](Self::end_hold_back). To be called before the first peer is up: what was told is not taken back.
    ///
    /// Right after the start, when most peers have not announced their routes yet, the best paths change all the time.
    pub fn hold_back(&mut self) {
        self.shared.telling = Telling::OwnRoutes;
    }

    /// Peers are told everything: what was held back enters the logs by [`work`](Self::work), each prefix as it is then.
    pub fn end_hold_back(&mut self) {
        if self.shared.telling == Telling::Everything {
            return;
        }
        self.shared.telling = Telling::Everything;
        let ipv4 = self.ipv4.fill_again().into_iter().map(|group| Work::Fill(Family::IPV4_UNICAST, group));
        let ipv6 = self.ipv6.fill_again().into_iter().map(|group| Work::Fill(Family::IPV6_UNICAST, group));
        self.work.extend(ipv4.chain(ipv6));
    }

    /// A session is established: the peer joins the export groups of its families.
    pub fn peer_up(&mut self, options: PeerOptions) -> PeerIndex {
        let options = Arc::new(options);
        let peer = self.shared.peers.add(Arc::clone(&options));
        for &family in &options.families {
            let signature = GroupSignature::new(&options, family, &self.options);
            let new_group = match family {
                Family::IPV4_UNICAST => self.ipv4.join(&mut self.shared, peer, signature),
                Family::IPV6_UNICAST => self.ipv6.join(&mut self.shared, peer, signature),
                _ => None,
            };
            self.work.extend(new_group.map(|group| Work::Fill(family, group)));
        }
        peer
    }

    /// A session went down: the peer's paths count for nothing from now on, and [`work`](Self::work) removes them.
    pub fn peer_down(&mut self, peer: PeerIndex) {
        if self.shared.peers.up(peer).is_none() {
            return;
        }
        if self.options.forwarding.is_some() {
            self.next_hop_losses.on_lost(self.shared.store.next_hops.announced_only_by(peer));
        }
        self.shared.peers.set_down(peer);
        self.shared.sources.set_down(peer);
        let Self { shared, ipv4, ipv6, work, .. } = self;
        work.extend(ipv4.leave(shared, peer).map(|left| Work::after(Family::IPV4_UNICAST, left)));
        work.extend(ipv6.leave(shared, peer).map(|left| Work::after(Family::IPV6_UNICAST, left)));
        work.push_back(Work::Sweep(peer));
    }

    /// Reads ahead what taking these UPDATEs needs to know. It changes nothing but how long that takes.
    pub fn read_ahead(&self, updates: &[Update]) {
        let blocks = || {
            updates.iter().flat_map(|update| update.reach().map(|reach| reach.nlri).chain(update.unreach()))
        };
        self.ipv4.read_ahead(&self.shared, blocks().flat_map(NlriBlock::iter).map(|nlri| nlri.prefix));
        self.ipv6.read_ahead(&self.shared, blocks().flat_map(NlriBlock::iter).map(|nlri| nlri.prefix));
    }

    /// Takes an UPDATE. One from a peer that is not up (any more) says nothing, nor do routes of a family that the
    /// session has not agreed on.
    pub fn apply_update(&mut self, peer: PeerIndex, update: Update) {
        let Some(options) = self.shared.peers.up(peer) else { return };
        let peer_options = Arc::clone(options);
        let Self { options, shared, ipv4, ipv6, next_hop_losses, .. } = self;
        let import = ImportPolicy { speaker: options, peer: &peer_options };
        let families = &import.peer.families;
        let is_agreed = |block: &NlriBlock<'_>| families.contains(&block.family());
        for block in update.unreach().filter(is_agreed) {
            ipv4.withdraw(shared, peer, block.iter());
            ipv6.withdraw(shared, peer, block.iter());
        }
        let Some(attributes) = update.attributes() else { return };
        for reach in update.reach().filter(|reach| is_agreed(&reach.nlri)) {
            let received = shared.store.intern_received(attributes, reach.next_hop);
            let next_hop = shared.store.get(received).next_hop;
            shared.store.next_hops.on_announced(next_hop, peer, |other| shared.peers.up(other).is_some());
            next_hop_losses.on_announced(reach.next_hop);
            ipv4.announce(shared, peer, received, &import, reach.nlri.iter());
            ipv6.announce(shared, peer, received, &import, reach.nlri.iter());
            shared.store.release(received);
        }
    }

    /// Originates `prefix`.
    pub fn originate(&mut self, prefix: Prefix, options: NetworkOptions) {
        match prefix {
            Prefix::Ipv4(prefix) => self.ipv4.originate(&mut self.shared, prefix, options),
            Prefix::Ipv6(prefix) => self.ipv6.originate(&mut self.shared, prefix, options),
        }
    }

    /// Takes over which route of somebody else the kernel has at `prefix`, as far as it is to be announced or a network
    /// requires one.
    pub fn set_kernel_route(&mut self, prefix: Prefix, route: Option<KernelRouteView>) {
        match prefix {
            Prefix::Ipv4(prefix) => self.ipv4.set_kernel_route(&mut self.shared, prefix, route),
            Prefix::Ipv6(prefix) => self.ipv6.set_kernel_route(&mut self.shared, prefix, route),
        }
    }

    /// Stops originating `prefix`.
    pub fn stop_originating(&mut self, prefix: Prefix) {
        match prefix {
            Prefix::Ipv4(prefix) => self.ipv4.stop_originating(&mut self.shared, prefix),
            Prefix::Ipv6(prefix) => self.ipv6.stop_originating(&mut self.shared, prefix),
        }
    }

    /// Takes over how the kernel's own routes lead further: next hops can be reached over these, and over no others.
    pub fn set_ways(&mut self, changes: &[WayChange]) {
        for change in changes {
            let affected = self.shared.store.next_hops.set_way(change);
            self.redecide_later(Family::IPV4_UNICAST, affected.ipv4);
            self.redecide_later(Family::IPV6_UNICAST, affected.ipv6);
        }
    }

    fn redecide_later(&mut self, family: Family, entries: RoaringBitmap) {
        if entries.is_empty() {
            return;
        }
        let known = self.work.iter_mut().find_map(|work| match work {
            Work::Revisit(of_family, waiting, Visit::Redecide) if *of_family == family => Some(waiting),
            _ => None,
        });
        match known {
            Some(waiting) => *waiting |= entries,
            None => self.work.push_back(Work::Revisit(family, entries, Visit::Redecide)),
        }
    }

    /// The peer asks to be told everything again (RFC 2918).
    pub fn refresh(&mut self, peer: PeerIndex, family: Family) {
        match family {
            Family::IPV4_UNICAST => self.ipv4.refresh(&mut self.shared, peer),
            Family::IPV6_UNICAST => self.ipv6.refresh(&mut self.shared, peer),
            _ => {}
        }
    }

    /// The peer begins to tell everything again (BoRR). Whatever it told before is stale from now on; should there be a
    /// refresh already, it begins anew.
    pub fn begin_refresh(&mut self, peer: PeerIndex, family: Family) {
        match family {
            Family::IPV4_UNICAST => self.ipv4.begin_refresh(&mut self.shared, peer),
            Family::IPV6_UNICAST => self.ipv6.begin_refresh(&mut self.shared, peer),
            _ => {}
        }
    }

    /// The peer has told everything (EoRR): [`work`](Self::work) removes what is still stale. Without a beginning it says
    /// nothing.
    pub fn end_refresh(&mut self, peer: PeerIndex, family: Family) {
        let ends = match family {
            Family::IPV4_UNICAST => self.ipv4.end_refresh(&mut self.shared, peer),
            Family::IPV6_UNICAST => self.ipv6.end_refresh(&mut self.shared, peer),
            _ => false,
        };
        if ends {
            self.work.push_back(Work::SweepStale(family, peer));
        }
    }

    /// Has a peer called by another name, where operators are told of it.
    pub fn rename(&mut self, peer: PeerIndex, name: &Arc<str>) {
        let Some(options) = self.shared.peers.up(peer).filter(|options| options.name != *name) else {
            return;
        };
        let options = PeerOptions { name: Arc::clone(name), ..PeerOptions::clone(options) };
        self.shared.peers.set_options(peer, Arc::new(options));
    }

    /// Whether there are members of groups that have come to have other rules, and are yet to be put into groups of their own.
    #[must_use]
    pub fn is_regrouping(&self) -> bool {
        self.ipv4.is_regrouping || self.ipv6.is_regrouping
    }

    /// Takes over other rules for the speaker and for peers. What follows from them is done by [`work`](Self::work).
    ///
    /// Peers that get the same rules should get them together: a group that changes as a whole need not be copied.
    pub fn reconfigure(
        &mut self,
        reflector: ReflectorOptions,
        peers: impl IntoIterator<Item = (PeerIndex, PeerRules)>,
    ) {
        let mut imported = if reflector.has_same_clusters(&self.options.reflector) {
            BTreeSet::new()
        } else {
            self.shared.peers.all_up()
        };
        self.options.reflector = reflector;
        let mut reflected = BTreeMap::new();
        for (peer, rules) in peers {
            let Some(old) = self.shared.peers.up(peer).cloned() else { continue };
            let new = rules.applied_to(&old);
            if !old.import.same_content(&new.import) {
                imported.insert(peer);
            }
            if old.reflection != new.reflection {
                reflected.insert(peer, LearnedFrom::of(&new));
            }
            self.shared.peers.set_options(peer, Arc::new(new));
        }
        self.shared.sources.set_learned_from(&reflected);
        let Self { shared, ipv4, ipv6, work, .. } = self;
        ipv4.reconfigure(shared, &imported, &reflected, work_of(Family::IPV4_UNICAST, work));
        ipv6.reconfigure(shared, &imported, &reflected, work_of(Family::IPV6_UNICAST, work));
    }

    /// Does a part of the work that is due, of about `steps` steps: an entry looked at, a group told of it, or a slot of a
    /// group copied. Answers whether there is more. What is due at the same time takes turns.
    pub fn work(&mut self, steps: usize) -> bool {
        self.see_to_left_groups();
        if let Some(work) = self.work.pop_front()
            && let Some(rest) = self.do_part(work, steps)
        {
            self.work.push_back(rest);
        }
        self.see_to_left_groups();
        !self.work.is_empty()
    }

    /// Appends to `out` what `peer` is to be sent next: whole messages, the same octets for all peers of its group that are
    /// at the same point. Answers whether there is more. Nothing is appended where what was looked at is not for this peer.
    pub fn poll_export(&mut self, peer: PeerIndex, out: &mut Vec<EncodedUpdates>) -> bool {
        let Self { ipv4, ipv6, shared, .. } = self;
        let told = ipv4.tell(shared, peer, out).or_else(|| ipv6.tell(shared, peer, out));
        told.is_some() && self.has_export(peer)
    }

    /// Whether [`poll_export`](Self::poll_export) has something to look at for `peer`.
    #[must_use]
    pub fn has_export(&self, peer: PeerIndex) -> bool {
        self.ipv4.has_news(&self.shared, peer) || self.ipv6.has_news(&self.shared, peer)
    }

    /// What has become of next hops that lets the forwarding table do without them early, or with them again. To be told
    /// before what [`poll_forwarding`](Self::poll_forwarding) answers next.
    pub fn poll_next_hop_losses(&mut self) -> Vec<NextHopLoss> {
        self.next_hop_losses.poll()
    }

    /// The next changes of the wanted forwarding table, of about `limit` entries. Empty when it is up to date.
    pub fn poll_forwarding(&mut self, limit: usize) -> Vec<ForwardingChange> {
        let mut changes = self.ipv4.tell_forwarding(limit);
        if changes.len() < limit {
            changes.extend(self.ipv6.tell_forwarding(limit - changes.len()));
        }
        if changes.is_empty() && self.work.is_empty() {
            self.next_hop_losses.on_all_told();
        }
        changes
    }

    fn see_to_left_groups(&mut self) {
        let Self { ipv4, ipv6, work, .. } = self;
        work.extend(ipv4.left.drain(..).map(|left| Work::after(Family::IPV4_UNICAST, left)));
        work.extend(ipv6.left.drain(..).map(|left| Work::after(Family::IPV6_UNICAST, left)));
    }

    /// Does a part of some work, and answers what is left of it.
    fn do_part(&mut self, part_of: Work, steps: usize) -> Option<Work> {
        let Self { options, shared, ipv4, ipv6, work, .. } = self;
        let entries_for = |groups: usize| (steps / (groups + 1)).max(1);
        let (entries, entries_of_one) =
            (entries_for(ipv4.groups.len().max(ipv6.groups.len())), entries_for(1));
        match part_of {
            Work::Sweep(peer) => {
                let more = ipv4.sweep(shared, peer, entries) || ipv6.sweep(shared, peer, entries);
                if !more {
                    shared.peers.remove(peer);
                }
                more.then_some(Work::Sweep(peer))
            }
            Work::Fill(family, group) => {
                let more = match family {
                    Family::IPV4_UNICAST => ipv4.fill(shared, group, entries_of_one),
                    _ => ipv6.fill(shared, group, entries_of_one),
                };
                more.then_some(Work::Fill(family, group))
            }
            Work::Drain(family, mut group) => {
                let more = match family {
                    Family::IPV4_UNICAST => ipv4.drain(shared, &mut group, steps),
                    _ => ipv6.drain(shared, &mut group, steps),
                };
                more.then_some(Work::Drain(family, group))
            }
            Work::Settle(family, group) => {
                let more = match family {
                    Family::IPV4_UNICAST => ipv4.settle(group),
                    _ => ipv6.settle(group),
                };
                more.then_some(Work::Settle(family, group))
            }
            Work::SweepStale(family, peer) => {
                let more = match family {
                    Family::IPV4_UNICAST => ipv4.sweep_stale(shared, peer, entries),
                    _ => ipv6.sweep_stale(shared, peer, entries),
                };
                more.then_some(Work::SweepStale(family, peer))
            }
            Work::Revisit(family, mut bitmap, visit) => {
                let first = bitmap.iter().take(entries).map(EntryIndex);
                match family {
                    Family::IPV4_UNICAST => ipv4.revisit(shared, options, first, visit),
                    _ => ipv6.revisit(shared, options, first, visit),
                }
                bitmap.remove_smallest(entries as u64);
                (!bitmap.is_empty()).then_some(Work::Revisit(family, bitmap, visit))
            }
            Work::Regroup(family) => {
                let regrouped = match family {
                    Family::IPV4_UNICAST => ipv4.regroup(shared, options, steps),
                    _ => ipv6.regroup(shared, options, steps),
                };
                let Regrouped::Some(group) = regrouped else { return None };
                work.extend(group.map(|group| Work::Fill(family, group)));
                Some(Work::Regroup(family))
            }
        }
    }
}

fn work_of(family: Family, work: &mut impl Extend<Work>) -> impl FnMut(Consequence) {
    move |consequence| {
        work.extend([match consequence {
            Consequence::Revisit(entries, visit) => Work::Revisit(family, entries, visit),
            Consequence::Regroup => Work::Regroup(family),
        }]);
    }
}
