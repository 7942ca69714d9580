//! Recount of everything that is counted, to find leaks.

use std::collections::BTreeMap;
use std::fmt::Debug;

use super::family_view::FamilyView;
use crate::attributes::AttributeHandle;
use crate::export::{ExportGroup, GroupSignature};
use crate::family::FamilyIndex;
use crate::index::{EntryIndex, PeerIndex, SourceIndex};
use crate::log::Slot;
use crate::next_hops::NextHopIndex;
use crate::options::RibOptions;
use crate::paths::Path;
use crate::rib::Rib;
use crate::shared::Shared;

/// Result of a recount.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Audit {
    /// Differences between counts and recounts, in words. Empty unless there is a bug.
    pub faults: Vec<String>,
    /// Number of path identifiers in use: one for each pair of peer and received path identifier among the
    /// paths.
    pub path_ids: usize,
    /// Number of attribute sets that are held.
    pub attribute_sets: usize,
    /// Number of next hops that are held.
    pub next_hops: usize,
    /// Number of withdrawals that logs keep for readers. Zero when all readers are up to date.
    pub tombstones: usize,
}

impl Audit {
    /// Recounts everything in a Rib, and checks that every peer is in a group with its rules. Takes time in
    /// proportion to the table: for tests.
    #[must_use]
    pub fn of(rib: &Rib) -> Self {
        let mut recount = Recount::default();
        for family in FamilyIndex::ALL {
            let view = FamilyView::of(rib, family);
            recount.family(family, view);
            recount.members(family, view, &rib.options);
        }
        recount.compare(&rib.shared)
    }
}

/// The state found by looking at everything.
#[derive(Debug, Default)]
struct Recount {
    faults: Vec<String>,
    tombstones: usize,
    sources: BTreeMap<SourceIndex, u32>,
    attributes: BTreeMap<AttributeHandle, u32>,
}

impl Recount {
    fn family(&mut self, family: FamilyIndex, view: FamilyView<'_>) {
        let FamilyView { shared, state } = view;
        let mut pins = BTreeMap::<EntryIndex, u16>::new();
        for group in state.groups.iter().chain(state.groups.pending().drained()) {
            self.group(group);
            group.log.pinned().into_iter().for_each(|entry| *pins.entry(entry).or_default() += 1);
        }
        if let Some(log) = state.forwarding {
            log.pinned().for_each(|entry| *pins.entry(entry).or_default() += 1);
            self.tombstones += log.tombstones();
        }
        let mut peers = BTreeMap::<PeerIndex, (usize, usize)>::new();
        let mut reachable = 0;
        for group in state.groups.iter() {
            self.too_long(view, group);
        }
        for entry in state.table.views_from(0) {
            let name = || format!("entry {} {}", entry.index.0, entry.prefix);
            let pinned = pins.remove(&entry.index).unwrap_or_default();
            self.expect(name, "pins", entry.pins, pinned);
            reachable += usize::from(!entry.paths.is_empty());
            if entry.paths.is_empty() && pinned == 0 {
                self.faults.push(format!("{}: has no paths and is not pinned", name()));
            }
            for Path { source, received, import } in entry.paths {
                *self.sources.entry(*source).or_default() += 1;
                let handles = [Some(*received), import.handle()].into_iter().flatten();
                handles.for_each(|handle| *self.attributes.entry(handle).or_default() += 1);
                let (all, accepted) = peers.entry(shared.sources.get(*source).peer).or_default();
                *all += 1;
                *accepted += usize::from(import.handle().is_some());
            }
        }
        for entry in pins.into_keys() {
            self.faults.push(format!("entry {} is pinned but does not exist", entry.0));
        }
        self.expect(
            || family.family().to_string(),
            "prefixes with a path",
            state.reachable_prefixes,
            reachable,
        );
        peers.remove(&PeerIndex::LOCAL);
        for (peer, _, _) in shared.peers.sorted() {
            let Some(routes) = shared.peers.routes(family, peer) else { continue };
            let found = peers.remove(&peer).unwrap_or_default();
            self.expect(|| format!("peer {}", peer.0), "paths", (routes.received, routes.accepted), found);
        }
        for (peer, paths) in peers {
            self.faults.push(format!("peer {} is forgotten but has {paths:?} paths", peer.0));
        }
    }

    /// A route that is too long for a group must be a path.
    fn too_long(&mut self, view: FamilyView<'_>, group: &ExportGroup) {
        for &(entry, source) in &group.too_long {
            let mut views = view.state.table.views_from(entry.0);
            let of_entry = views.next().filter(|view| view.index == entry);
            if !of_entry.is_some_and(|view| view.paths.iter().any(|path| path.source == source)) {
                let (group, entry, source) = (group.id.0, entry.0, source.0);
                self.faults.push(format!(
                    "too long for group {group}: entry {entry} has no path of source {source}"
                ));
            }
        }
    }

    /// Once regrouping is over, every member is in a group with its rules.
    fn members(&mut self, family: FamilyIndex, view: FamilyView<'_>, speaker: &RibOptions) {
        let FamilyView { shared, state } = view;
        if state.groups.is_regrouping() {
            return;
        }
        for group in state.groups.iter() {
            for &peer in &group.members {
                let signature = |options| GroupSignature::new(options, family.family(), speaker);
                if shared.peers.options(peer).map(|options| signature(options))
                    != Some(group.signature.clone())
                {
                    self.faults.push(format!("peer {} has other rules than group {}", peer.0, group.id.0));
                }
            }
        }
    }

    fn group(&mut self, group: &ExportGroup) {
        let (mut slots, mut withdrawals) = (0, 0);
        for (index, slot) in group.log.in_use() {
            slots += 1;
            let references = 1 + u32::from(group.log.is_copied(index));
            match slot {
                Slot::Empty => {}
                Slot::Exported(handle, _) => *self.attributes.entry(handle).or_default() += references,
                Slot::Withdrawn(_) => withdrawals += 1,
            }
        }
        self.tombstones += withdrawals;
        let name = || format!("group {}", group.id.0);
        self.expect(name, "withdrawals", group.log.withdrawals(), withdrawals);
        if let Some(paths) = group.log.path_slots() {
            self.expect(name, "slots of paths", paths.in_use(), slots);
        }
    }

    fn compare(mut self, shared: &Shared) -> Audit {
        let Shared { store, sources, .. } = shared;
        let mut path_ids = 0;
        for (index, source) in sources.iter() {
            let is_own = index.is_permanent();
            path_ids += usize::from(!is_own);
            // The speaker itself holds its own two.
            let found = self.sources.remove(&index).unwrap_or_default() + u32::from(is_own);
            self.expect(|| format!("source {}", index.0), "paths", source.paths(), found);
        }
        for index in std::mem::take(&mut self.sources).into_keys() {
            self.faults.push(format!("source {} has paths but is free", index.0));
        }
        let (free, known) = (sources.free().len(), sources.known());
        self.expect(|| "path ids".to_owned(), "names of peers and their ids", known, path_ids);
        self.expect(
            || "path ids".to_owned(),
            "numbers free",
            free,
            sources.numbers() - OWN_SOURCES - path_ids,
        );

        let mut next_hops = BTreeMap::new();
        for (handle, set, references) in store.iter() {
            let found = self.attributes.remove(&handle).unwrap_or_default();
            self.expect(|| format!("attributes {}", handle.raw()), "references", references, found);
            if set.next_hop != NextHopIndex::OWN {
                *next_hops.entry(set.next_hop).or_insert(0) += 1;
            }
        }
        for handle in std::mem::take(&mut self.attributes).into_keys() {
            self.faults.push(format!("attributes {} are referred to but do not exist", handle.raw()));
        }
        for (index, references) in store.next_hops.references() {
            let found = next_hops.remove(&index).unwrap_or_default();
            self.expect(|| format!("{index:?}"), "references", references, found);
        }
        Audit {
            faults: self.faults,
            path_ids,
            attribute_sets: store.len(),
            next_hops: store.next_hops.references().count(),
            tombstones: self.tombstones,
        }
    }

    fn expect<T: PartialEq + Debug>(
        &mut self,
        whose: impl FnOnce() -> String,
        what: &str,
        said: T,
        found: T,
    ) {
        if said != found {
            self.faults.push(format!("{}: {what}: counted {said:?}, found {found:?}", whose()));
        }
    }
}

/// The sources of the speaker's own routes and of the kernel's.
const OWN_SOURCES: usize = 2;
