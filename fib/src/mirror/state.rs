//! The known state of the kernel's links, routes and next hop objects, next to what is wanted.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};

use bgp_codec::Prefix;
use margay_forwarding::Hop;

use super::doubts::Doubts;
use super::dump_log::DumpLog;
use crate::{
    FibOptions,
    import::Announcements,
    index::{EntryId, PathId},
    resolution::{Resolver, StaticWays},
    table::{Entries, Failures, ForeignLinks, Links, RouteShapes, Tables, Verdict, Wish},
    wanted::{ObjectLedger, Paths, Workshop},
};

/// The mirror of the kernel: the only place where its messages become state.
pub(crate) struct Mirror {
    pub(crate) options: FibOptions,
    pub(crate) tables: Tables,
    pub(crate) entries: Entries,
    pub(crate) shapes: RouteShapes,
    pub(crate) objects: ObjectLedger,
    pub(crate) links: Links,
    pub(crate) paths: Paths,
    pub(super) foreign_links: ForeignLinks,
    /// The static routes that next hops are resolved by.
    pub(crate) statics: StaticWays,
    pub(crate) failures: Failures,
    /// Whether routes refer to next hop objects.
    pub(crate) with_objects: bool,
    /// Whether own routes that are not wanted are removed.
    pub(crate) sweeping: bool,
    /// Number of own routes and objects that another program changed or removed.
    pub(crate) disturbances: u64,
    /// What is reported about foreign routes.
    pub(crate) announcements: Announcements,
    /// Number of full readings.
    pub(crate) readings: u64,
    /// Next hops whose resolution may have changed.
    pub(super) moved: BTreeSet<Hop>,
    /// Whether the resolution of all next hops may have changed.
    pub(super) all_moved: bool,
    /// Number of routes with the own protocol number in other tables, from the last dump.
    pub(crate) strays: BTreeMap<u32, usize>,
    /// Removed objects whose routes have not been forgotten yet.
    pub(super) gone_objects: HashSet<u32>,
    /// Next hops over which refused routes may have become possible.
    pub(super) reconsidered: BTreeSet<Hop>,
    /// Links deleted since the last [`settle_next_hops`](Self::settle_next_hops).
    pub(super) deleted_links: BTreeSet<u32>,
    /// What the messages handled so far have left in doubt.
    pub(crate) doubts: Doubts,
    /// Entries whose route was refused although each single next hop may be accepted, with the path of each.
    pub(crate) to_probe: VecDeque<(EntryId, PathId)>,
    /// Next hop objects that the kernel refused, with the reason, for the log.
    pub(crate) refused_objects: VecDeque<(u32, String)>,
    /// The entries whose `touched` is set.
    pub(crate) touched: Vec<EntryId>,
    pub(crate) dump_log: DumpLog,
}

impl Mirror {
    pub(crate) fn new(options: FibOptions) -> Self {
        Self {
            tables: Tables::new(&options),
            entries: Entries::default(),
            shapes: RouteShapes::default(),
            objects: ObjectLedger::new(options.protocol),
            links: Links::default(),
            paths: Paths::default(),
            foreign_links: ForeignLinks::default(),
            statics: StaticWays::default(),
            failures: Failures::default(),
            with_objects: false,
            sweeping: false,
            disturbances: 0,
            readings: 0,
            announcements: Announcements::default(),
            moved: BTreeSet::new(),
            all_moved: false,
            refused_objects: VecDeque::new(),
            touched: Vec::new(),
            dump_log: DumpLog::default(),
            strays: BTreeMap::new(),
            gone_objects: HashSet::new(),
            reconsidered: BTreeSet::new(),
            deleted_links: BTreeSet::new(),
            doubts: Doubts::default(),
            to_probe: VecDeque::new(),
            options,
        }
    }

    /// Resolves next hops in the present state.
    pub(crate) fn resolver(&self) -> Resolver<'_> {
        Resolver {
            options: &self.options,
            tables: &self.tables,
            entries: &self.entries,
            shapes: &self.shapes,
            objects: &self.objects,
            links: &self.links,
            statics: &self.statics,
        }
    }

    /// Notes that an own route was added or removed that the kernel may resolve next hops by.
    pub(crate) fn on_own_route_changed(&mut self, prefix: Prefix) {
        if self.objects.has_refused() || !self.failures.is_empty() || self.paths.has_narrowed() {
            self.reconsidered.extend(self.paths.next_hops.in_prefix(prefix));
        }
    }

    /// Schedules the entries of paths for comparison.
    pub(crate) fn look_at_paths(&mut self, paths: &[PathId]) {
        if paths.is_empty() {
            return;
        }
        let changed: HashSet<PathId> = paths.iter().copied().collect();
        let concerned = |wish| matches!(wish, Wish::Path(path) if changed.contains(&path));
        self.failures.allow_retry_where(|id| concerned(self.entries.get(id).wish()));
        self.entries.unsettle_where(|entry| concerned(entry.wish()));
    }

    /// The paths, with everything they are built from.
    pub(crate) fn workshop(&mut self) -> (&mut Paths, Workshop<'_>) {
        let Self { options, tables, shapes, objects, with_objects, paths, .. } = self;
        (paths, Workshop { options, tables, shapes, objects, with_objects: *with_objects })
    }

    /// Gives up objects that no route refers to any more.
    pub(crate) fn forget_unused_objects(&mut self) {
        while let Some(object) = self.shapes.poll_unused_object() {
            self.objects.due.add(object);
        }
    }

    pub(crate) fn fail(&mut self, id: EntryId, reason: String, verdict: Verdict) {
        self.entries.set_failed(id, true);
        self.failures.set(id, reason, verdict);
    }

    pub(crate) fn clear_failure(&mut self, id: EntryId) {
        if self.entries.get(id).has_failed() {
            self.entries.set_failed(id, false);
            self.failures.clear(id);
        }
    }
}
