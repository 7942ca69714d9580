//! The known state of the kernel's links, routes and next hop objects, next to what is wanted.

mod answers;
mod dropped;
mod dump;
mod flush;
mod others;
mod plan;
mod probes;
mod route_event;
mod status;
#[cfg(test)]
pub(crate) mod tests;
mod wishes;

use crate::index::{EntryId, PathId};
use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};

use bgp_codec::Prefix;
use margay_forwarding::Hop;

pub use self::status::{DescribedRoute, FailedRoute, FibStatus, PrefixState};
use self::{
    dropped::{Flush, LinkLoss},
    route_event::RouteEvent,
};
use crate::{
    FibOptions,
    import::Announcements,
    netlink::KernelRoute,
    netlink::ObjectNotice,
    netlink::RouteTarget,
    netlink::{Notice, RouteChange, RouteNotice},
    resolution::{Resolver, StaticWays},
    table::Certainty,
    table::Failures,
    table::ForeignLinks,
    table::RouteShapes,
    table::Tables,
    table::{Entries, Entry, Wish},
    table::{LinkChange, Links},
    version::Version,
    wanted::ObjectLedger,
    wanted::{Paths, Workshop},
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
    foreign_links: ForeignLinks,
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
    moved: BTreeSet<Hop>,
    /// The static routes that next hops are resolved by.
    statics: StaticWays,
    /// Whether the resolution of all next hops may have changed.
    all_moved: bool,
    /// Number of routes with the own protocol number in other tables, from the last dump.
    strays: BTreeMap<u32, usize>,
    /// Whether the kernel may have removed next hop objects silently.
    objects_suspect: bool,
    /// Removed objects whose routes have not been forgotten yet.
    gone_objects: HashSet<u32>,
    /// Next hops over which refused routes may have become possible.
    reconsidered: BTreeSet<Hop>,
    /// Links deleted since the last [`settle_next_hops`](Self::settle_next_hops).
    deleted_links: BTreeSet<u32>,
    /// Consequences of the messages handled so far.
    consequences: Consequences,
    /// Entries whose route was refused although each single next hop may be accepted, with the path of each.
    pub(crate) to_probe: VecDeque<(EntryId, PathId)>,
    /// Next hop objects that the kernel refused, with the reason, for the log.
    pub(crate) refused_objects: VecDeque<(u32, String)>,
    /// The entries whose `touched` is set.
    pub(crate) touched: Vec<EntryId>,
    /// Events of routes since a dump began, to be repeated after it; `None` without a dump.
    log: Option<Vec<RouteEvent>>,
}

/// Consequences of messages and answers beyond the change of state.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Consequences {
    /// Whether links, addresses or connected subnets changed, or objects have to be read.
    pub(crate) surroundings_changed: bool,
    /// Whether the mirror no longer matches the kernel and everything has to be read again.
    pub(crate) mirror_uncertain: bool,
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
            failures: Failures::default(),
            with_objects: false,
            sweeping: false,
            disturbances: 0,
            readings: 0,
            announcements: Announcements::default(),
            moved: BTreeSet::new(),
            statics: StaticWays::default(),
            all_moved: false,
            refused_objects: VecDeque::new(),
            touched: Vec::new(),
            log: None,
            strays: BTreeMap::new(),
            objects_suspect: false,
            gone_objects: HashSet::new(),
            reconsidered: BTreeSet::new(),
            deleted_links: BTreeSet::new(),
            consequences: Consequences::default(),
            to_probe: VecDeque::new(),
            options,
        }
    }

    pub(crate) fn on_notice(&mut self, notice: Notice) {
        match notice {
            Notice::Link(notice) => match self.links.on_link(&notice) {
                // The dump of links may have shown this already; the routes of later messages still go with
                // the link.
                LinkChange::None if self.log.is_some() && !notice.state.up => {
                    self.on_link_down(notice.interface);
                }
                LinkChange::None => return,
                LinkChange::CameUp => self.on_usability(notice.interface),
                LinkChange::LostCarrier => self.on_carrier_lost(notice.interface),
                LinkChange::WentDown => self.on_link_down(notice.interface),
            },
            Notice::LinkGone { interface } => {
                self.on_carrier_lost(interface);
                self.links.on_link_gone(interface);
                self.flush_dead_hops(interface, LinkLoss::Deleted);
                self.deleted_links.insert(interface);
            }
            Notice::Address { interface, address, removed } => {
                let last_gone = self.links.on_address(interface, address, removed);
                if removed && !self.links.has_address(address) {
                    self.flush(Flush::Source(address.into()));
                }
                let is_bare = removed && !self.links.has_addresses(interface);
                if last_gone || is_bare && self.log.is_some() {
                    self.flush_dead_hops(interface, LinkLoss::LastAddress);
                }
            }
            Notice::Object(notice) => self.on_object(notice),
            Notice::Route(notice) => return self.on_route(&notice),
        }
        self.consequences.surroundings_changed = true;
    }

    /// Returns the consequences since the last call.
    pub(crate) fn take_consequences(&mut self) -> Consequences {
        std::mem::take(&mut self.consequences)
    }

    /// Notes that the kernel has contradicted the mirror.
    pub(crate) fn doubt(&mut self) {
        self.consequences.mirror_uncertain = true;
    }

    /// Notes that the kernel has contradicted the known state of its next hop objects.
    pub(crate) fn doubt_objects(&mut self) {
        self.objects_suspect = true;
        self.consequences.surroundings_changed = true;
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

    /// Applies the consequences of messages to next hops and to the paths over them.
    pub(crate) fn settle_next_hops(&mut self) {
        self.flush_gone_objects();
        let moved = std::mem::take(&mut self.moved);
        let moved: Vec<Hop> = if std::mem::take(&mut self.all_moved) {
            self.paths.next_hops()
        } else {
            moved.into_iter().collect()
        };
        let mut changed = Vec::new();
        for next_hop in moved {
            let resolution = self.resolver().resolve(next_hop);
            let (paths, mut workshop) = self.workshop();
            changed.extend(paths.on_resolved(next_hop, resolution, &mut workshop));
        }
        self.look_at_paths(&changed);
        self.reconsider_next_hops();
        self.settle_objects();
        self.doubt_routes_over_deleted_links();
    }

    /// Handles objects that routes may now refer to and could not before, or the reverse.
    pub(crate) fn settle_objects(&mut self) {
        let mut changed = Vec::new();
        let numbers = self.objects.take_renumbered();
        if !numbers.is_empty() {
            let (paths, mut workshop) = self.workshop();
            changed.extend(paths.on_objects_renumbered(&numbers, &mut workshop));
        }
        while let Some(object) = self.objects.poll_changed() {
            let (paths, mut workshop) = self.workshop();
            changed.extend(paths.on_object_changed(object, &mut workshop));
        }
        self.look_at_paths(&changed);
        self.forget_unused_objects();
    }

    /// Notes that an own route was added or removed that the kernel may resolve next hops by.
    pub(crate) fn on_own_route_changed(&mut self, prefix: Prefix) {
        if self.objects.has_refused() || !self.failures.is_empty() || self.paths.has_narrowed() {
            self.reconsidered.extend(self.paths.next_hops_in(prefix));
        }
    }

    /// Tries next hops again that the kernel may accept by now.
    fn reconsider_next_hops(&mut self) {
        let (mut concerned, mut changed) = (HashSet::new(), Vec::new());
        for next_hop in std::mem::take(&mut self.reconsidered) {
            let (paths, mut workshop) = self.workshop();
            let (over, widened) = paths.reconsider(next_hop, &mut workshop);
            concerned.extend(over);
            changed.extend(widened);
        }
        self.look_at_paths(&changed);
        if concerned.is_empty() {
            return;
        }
        for id in self.failures.ids() {
            let wish = self.entries.get(id).wish();
            if matches!(wish, Wish::Path(path) if concerned.contains(&path)) {
                self.failures.allow_retry(id);
                self.entries.unsettle(id);
            }
        }
    }

    /// The kernel removes routes over a deleted link. If the mirror still holds one, it has missed a message.
    fn doubt_routes_over_deleted_links(&mut self) {
        let deleted = std::mem::take(&mut self.deleted_links);
        let leads_over = |target: &RouteTarget| matches!(target, RouteTarget::Hops(hops) if hops.iter().any(|hop| deleted.contains(&hop.interface)));
        if !deleted.is_empty() && !self.shapes.find(|shape| leads_over(&shape.target)).is_empty() {
            self.doubt();
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
            self.objects.on_unused(object);
        }
    }

    /// Removes links that are not among these.
    pub(crate) fn keep_links(&mut self, reported: &[u32]) {
        let gone: Vec<u32> = self.links.indexes().filter(|index| !reported.contains(index)).collect();
        for interface in gone {
            self.on_notice(Notice::LinkGone { interface });
        }
        self.links.forget_addresses();
    }

    /// Notes that the kernel may have removed next hop objects silently.
    pub(crate) fn suspect_objects(&mut self) {
        self.objects_suspect = true;
    }

    /// Whether objects have had to be read since the last call.
    pub(crate) fn take_objects_suspicion(&mut self) -> bool {
        std::mem::take(&mut self.objects_suspect)
    }

    /// Notes that the uncertain state is about to be read.
    pub(crate) fn forget_uncertainty(&mut self) {
        self.consequences.mirror_uncertain = false;
    }

    /// Replaces the known next hop objects by those of a dump.
    pub(crate) fn take_object_dump(&mut self, notices: Vec<ObjectNotice>) {
        self.with_objects = self.options.nexthop_objects;
        let gone = self.objects.take_dump(notices);
        self.on_objects_gone(&gone);
        self.flush_gone_objects();
        self.settle_objects();
    }

    /// Switches to routes that name their gateways.
    pub(crate) fn do_without_objects(&mut self) {
        self.with_objects = false;
    }

    pub(crate) fn is_ours(&self, table: u8) -> bool {
        self.tables.ours().any(|ours| ours == table)
    }

    fn on_route(&mut self, notice: &RouteNotice) {
        let KernelRoute { prefix, table, shape } = &notice.route;
        if matches!(shape.target, RouteTarget::Object(object) if self.gone_objects.contains(&object)) {
            // The object may have been added again before this route.
            self.flush_gone_objects();
        }
        let Some(table) = self.tables.position(*table) else { return };
        self.log_event(|| RouteEvent::Told(notice.clone()));
        let id = match notice.change {
            RouteChange::Removed => match self.entries.find(table, *prefix) {
                Some(id) => id,
                None => return,
            },
            RouteChange::Added | RouteChange::Appended | RouteChange::Replaced => {
                self.entries.find_or_insert(table, *prefix)
            }
        };
        let ipv6 = Version::of(*prefix) == Version::Ipv6;
        let Self { entries, shapes, tables, .. } = self;
        let certainty = entries
            .change_held(id, shapes, tables, |held, shapes| held.follow(shapes, shape, notice.change, ipv6));
        let in_doubt = self.entries.get(id).touched;
        let ours = self.tables.is_ours(table, shape);
        self.disturbances += u64::from(ours);
        if self.is_ours(table) {
            self.failures.allow_retry(id);
            self.entries.unsettle(id);
        }
        if ours {
            self.on_own_route_changed(*prefix);
        } else {
            self.consequences.surroundings_changed = true;
        }
        if !ours || notice.change == RouteChange::Replaced {
            self.on_foreign_change(*prefix);
        }
        self.entries.remove_if_unused(id);
        if certainty == Certainty::Uncertain || in_doubt {
            self.doubt();
        }
    }

    fn on_object(&mut self, notice: ObjectNotice) {
        self.disturbances += u64::from(self.objects.is_meant(notice.object));
        let gone = self.objects.on_notice(notice);
        self.on_objects_gone(&gone);
        self.settle_objects();
    }

    /// Handles a link that became usable or unusable.
    fn on_usability(&mut self, interface: u32) {
        let Self { options, links, .. } = self;
        let rules =
            options.onlink.iter().filter(|rule| Some(rule.interface.as_str()) == links.name(interface));
        let by_rule: Vec<Prefix> = rules.map(|rule| rule.next_hops).collect();
        let by_route = self.foreign_links.on(interface);
        self.announcements.on_links_changed();
        let link = self.links.name(interface).and_then(|name| name.parse().ok());
        self.moved.extend(link.into_iter().flat_map(|link| self.paths.next_hops_of_link(link)));
        let by_static = self.links.name(interface).map(|name| self.statics.over(name)).unwrap_or_default();
        for prefix in by_route.into_iter().chain(by_rule).chain(by_static) {
            self.on_way_changed(prefix);
        }
    }

    /// The entries of a prefix in all tables.
    fn entries_at(&self, prefix: Prefix) -> impl Iterator<Item = (EntryId, &Entry)> {
        let ids = self.tables.all().filter_map(move |table| self.entries.find(table, prefix));
        ids.map(|id| (id, self.entries.get(id)))
    }
}
