//! What the kernel has told of its links, routes and next hop objects, beside what is wanted.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::IpAddr;

use bgp_codec::{NextHop, Prefix};
use margay_rib::{KernelRouteView, WayChange};

use super::{
    KernelOptions,
    announcements::{Announcements, KernelRouteChange},
    entries::{Entries, Entry, EntryId, Wish},
    failures::Failures,
    foreign_links::ForeignLinks,
    held_routes::{Certainty, HeldRoutes},
    kernel_route::{KernelRoute, RouteShape, RouteTarget},
    links::{LinkChange, Links},
    notice::{Notice, RouteChange, RouteNotice},
    object_ledger::ObjectLedger,
    object_message::ObjectNotice,
    paths::{PathId, Paths, Workshop},
    resolver::Resolver,
    route_shapes::{RouteShapes, ShapeId},
    tables::Tables,
    version::Version,
};

/// The one place where messages of the kernel become state.
pub(super) struct Mirror {
    pub(super) options: KernelOptions,
    pub(super) tables: Tables,
    pub(super) entries: Entries,
    pub(super) shapes: RouteShapes,
    pub(super) objects: ObjectLedger,
    pub(super) links: Links,
    pub(super) paths: Paths,
    foreign_links: ForeignLinks,
    pub(super) failures: Failures,
    /// Whether routes refer to next hop objects.
    pub(super) with_objects: bool,
    /// Whether routes of ours that nobody asked for are removed.
    pub(super) sweeping: bool,
    /// How often somebody else changed or removed a route or an object of ours.
    pub(super) disturbances: u64,
    /// What the daemon is told of others' routes.
    pub(super) announcements: Announcements,
    /// How often everything was read anew.
    pub(super) readings: u64,
    /// Next hops that may be somewhere else now.
    moved: BTreeSet<NextHop>,
    /// All next hops may be somewhere else now.
    all_moved: bool,
    /// The kernel may have dropped next hop objects without a word.
    objects_suspect: bool,
    /// The entries whose `touched` is set.
    pub(super) touched: Vec<EntryId>,
    /// What has become of routes since a dump began, to be followed once more after it; `None` without a dump.
    log: Option<Vec<RouteEvent>>,
}

/// Something that happened to routes.
#[derive(Clone, Debug)]
enum RouteEvent {
    Told(RouteNotice),
    Flushed(Flush),
}

/// Routes that the kernel drops without telling of each.
#[derive(Clone, Debug)]
enum Flush {
    /// IPv4 routes over nothing but this interface.
    Interface(u32),
    /// IPv4 routes with this preferred source.
    Source(IpAddr),
    /// Routes that refer to one of these objects.
    Objects(Vec<u32>),
}

/// What a message calls for beyond the change of state.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Consequence {
    None,
    /// Links, addresses or attached subnets are not what they were.
    SurroundingsChanged,
    /// The mirror no longer knows what the kernel holds.
    MirrorUncertain,
}

impl Mirror {
    pub(super) fn new(options: KernelOptions) -> Self {
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
            all_moved: false,
            touched: Vec::new(),
            log: None,
            objects_suspect: false,
            options,
        }
    }

    pub(super) fn on_notice(&mut self, notice: Notice) -> Consequence {
        match notice {
            Notice::Link(notice) => match self.links.on_link(&notice) {
                LinkChange::None => return Consequence::None,
                LinkChange::CameUp => self.on_usability(notice.interface),
                LinkChange::LostCarrier => self.on_carrier_lost(notice.interface),
                LinkChange::WentDown => self.on_link_down(notice.interface),
            },
            Notice::LinkGone { interface } => {
                self.on_link_down(interface);
                self.links.on_link_gone(interface);
            }
            Notice::Address { interface, address, removed } => {
                let last_gone = self.links.on_address(interface, address, removed);
                if removed {
                    self.flush(Flush::Source(address.into()));
                }
                if last_gone {
                    self.flush(Flush::Interface(interface));
                }
            }
            Notice::Object(notice) => self.on_object(notice),
            Notice::Route(notice) => return self.on_route(&notice),
        }
        Consequence::SurroundingsChanged
    }

    /// Where next hops are looked for.
    pub(super) fn resolver(&self) -> Resolver<'_> {
        Resolver {
            options: &self.options,
            tables: &self.tables,
            entries: &self.entries,
            shapes: &self.shapes,
            objects: &self.objects,
            links: &self.links,
        }
    }

    /// Draws the consequences of what was heard for next hops and for the paths that lead over them.
    pub(super) fn settle_next_hops(&mut self) {
        let moved = std::mem::take(&mut self.moved);
        let moved: Vec<NextHop> = if std::mem::take(&mut self.all_moved) {
            self.paths.next_hops()
        } else {
            moved.into_iter().collect()
        };
        let mut changed = Vec::new();
        for next_hop in moved {
            let hops = self.resolver().hops(next_hop);
            let (paths, mut workshop) = self.workshop();
            changed.extend(paths.on_resolved(next_hop, hops, &mut workshop));
        }
        self.look_at_paths(&changed);
        self.forget_unused_objects();
    }

    /// Has the entries of paths looked at.
    pub(super) fn look_at_paths(&mut self, paths: &[PathId]) {
        if paths.is_empty() {
            return;
        }
        let changed: HashSet<PathId> = paths.iter().copied().collect();
        let concerned = |wish| matches!(wish, Wish::Path(path) if changed.contains(&path));
        self.failures.allow_retry_where(|id| concerned(self.entries.get(id).wish));
        self.entries.unsettle_where(|entry| concerned(entry.wish));
    }

    /// The paths, with what they are made of.
    pub(super) fn workshop(&mut self) -> (&mut Paths, Workshop<'_>) {
        let Self { options, shapes, objects, with_objects, paths, .. } = self;
        (paths, Workshop { options, shapes, objects, with_objects: *with_objects })
    }

    /// Lets objects go that no route refers to any more.
    pub(super) fn forget_unused_objects(&mut self) {
        while let Some(object) = self.shapes.poll_unused_object() {
            self.objects.on_unused(object);
        }
    }

    /// Objects are gone, and with them all routes that refer to them.
    pub(super) fn on_objects_gone(&mut self, gone: &[u32]) {
        if !gone.is_empty() {
            self.flush(Flush::Objects(gone.to_vec()));
        }
    }

    /// Links that are not among these are gone.
    pub(super) fn keep_links(&mut self, told: &[u32]) {
        let gone: Vec<u32> = self.links.indexes().filter(|index| !told.contains(index)).collect();
        for interface in gone {
            self.on_notice(Notice::LinkGone { interface });
        }
        self.links.forget_addresses();
    }

    /// The kernel may have dropped next hop objects without a word.
    pub(super) fn suspect_objects(&mut self) {
        self.objects_suspect = true;
    }

    /// Whether objects have to be read since the last call.
    pub(super) fn take_objects_suspicion(&mut self) -> bool {
        std::mem::take(&mut self.objects_suspect)
    }

    /// Takes a dump of all next hop objects for the truth.
    pub(super) fn take_object_dump(&mut self, notices: Vec<ObjectNotice>) {
        self.with_objects = self.options.nexthop_objects;
        let gone = self.objects.take_dump(notices);
        self.on_objects_gone(&gone);
    }

    /// Routes name their gateways.
    pub(super) fn do_without_objects(&mut self) {
        self.with_objects = false;
    }

    /// A dump of all routes begins: what is told from now on may be older or younger than what it will say.
    pub(super) fn begin_dump(&mut self) {
        self.log = Some(Vec::new());
        self.readings += 1;
    }

    /// How much has been told since the dump began.
    pub(super) fn told_during_dump(&self) -> usize {
        self.log.as_ref().map_or(0, Vec::len)
    }

    /// The dump is of no use.
    pub(super) fn abandon_dump(&mut self, routes: Vec<(u8, Prefix, ShapeId)>) {
        self.log = None;
        routes.into_iter().for_each(|(_, _, shape)| self.shapes.release(shape));
    }

    /// Takes all routes that a dump told in place of what was known, and follows once more what was told meanwhile: a
    /// prefix has the state of its last message then, or that of the dump if there was none. Answers how many prefixes
    /// were other than known.
    pub(super) fn take_dump(&mut self, routes: Vec<(u8, Prefix, ShapeId)>) -> usize {
        let mut before: HashMap<EntryId, HeldRoutes> = HashMap::new();
        for (id, entry) in self.entries.iter_mut() {
            if entry.held != HeldRoutes::None {
                before.insert(id, std::mem::take(&mut entry.held));
            }
        }
        for (table, prefix, shape) in routes {
            let id = self.entries.find_or_insert(table, prefix);
            self.entries.get_mut(id).held.append(shape);
            before.entry(id).or_default();
        }
        let mut differing = 0;
        for (id, mut held) in before {
            let entry = self.entries.get(id);
            if entry.held != held {
                differing += 1;
                let (prefix, table) = (entry.prefix, entry.table);
                self.on_foreign_change(prefix);
                if self.is_ours(table) {
                    self.entries.unsettle(id);
                }
            }
            held.forget(&mut self.shapes, |_, _| true);
            self.entries.remove_if_unused(id);
        }
        self.all_moved = true;
        self.announce_all();
        let disturbances = self.disturbances;
        for event in self.log.take().unwrap_or_default() {
            match event {
                RouteEvent::Told(notice) => {
                    self.on_route(&notice);
                }
                RouteEvent::Flushed(flush) => self.flush(flush),
            }
        }
        self.disturbances = disturbances;
        differing
    }

    /// Takes a route that a dump tells; `None` when its table is not watched.
    pub(super) fn note_dumped(&mut self, route: KernelRoute) -> Option<(u8, Prefix, ShapeId)> {
        let table = self.tables.position(route.table)?;
        Some((table, route.prefix, self.shapes.intern(route.shape)))
    }

    pub(super) fn is_ours(&self, table: u8) -> bool {
        self.tables.ours().any(|ours| ours == table)
    }

    fn on_route(&mut self, notice: &RouteNotice) -> Consequence {
        let KernelRoute { prefix, table, shape } = &notice.route;
        let Some(table) = self.tables.position(*table) else { return Consequence::None };
        self.log_event(|| RouteEvent::Told(notice.clone()));
        let id = match notice.change {
            RouteChange::Removed => match self.entries.find(table, *prefix) {
                Some(id) => id,
                None => return Consequence::None,
            },
            RouteChange::Added | RouteChange::Appended | RouteChange::Replaced => {
                self.entries.find_or_insert(table, *prefix)
            }
        };
        let entry = self.entries.get_mut(id);
        let ipv6 = Version::of(*prefix) == Version::Ipv6;
        let certainty = entry.held.follow(&mut self.shapes, shape, notice.change, ipv6);
        let in_doubt = entry.touched;
        let ours = self.tables.is_ours(table, shape);
        self.disturbances += u64::from(ours);
        if self.is_ours(table) {
            self.failures.allow_retry(id);
            self.entries.unsettle(id);
        }
        if !ours || notice.change == RouteChange::Replaced {
            self.on_foreign_change(*prefix);
        }
        self.entries.remove_if_unused(id);
        if certainty == Certainty::Uncertain || in_doubt {
            Consequence::MirrorUncertain
        } else if ours {
            Consequence::None
        } else {
            Consequence::SurroundingsChanged
        }
    }

    /// Others' routes at a prefix are not what they were.
    fn on_foreign_change(&mut self, prefix: Prefix) {
        let Self { entries, tables, shapes, .. } = self;
        let is_foreign = |table| {
            let Some(id) = entries.find(table, prefix) else { return false };
            entries.get(id).held.as_slice().iter().any(|&shape| !tables.is_ours(table, shapes.get(shape)))
        };
        if tables.all().any(is_foreign) {
            entries.foreign.insert(prefix, ());
        } else if entries.foreign.remove(prefix).is_none() {
            return;
        }
        self.foreign_links.set(prefix, self.interfaces_of_others(prefix));
        self.moved.extend(self.paths.next_hops_in(prefix));
        self.announcements.on_changed(prefix);
    }

    /// Over which interfaces others' routes to a prefix lead.
    fn interfaces_of_others(&self, prefix: Prefix) -> BTreeSet<u32> {
        let entries = self.entries_at(prefix);
        let held =
            entries.flat_map(|(_, entry)| entry.held.as_slice().iter().map(move |held| (entry.table, held)));
        let shapes = held.map(|(table, &held)| (table, self.shapes.get(held)));
        let foreign = shapes.filter(|(table, shape)| !self.tables.is_ours(*table, shape));
        let interfaces = foreign.flat_map(|(_, shape)| match &shape.target {
            RouteTarget::Hops(hops) => hops.iter().map(|hop| hop.interface).collect(),
            RouteTarget::Object(_) => vec![ForeignLinks::ANY_INTERFACE],
        });
        interfaces.collect()
    }

    fn on_object(&mut self, notice: ObjectNotice) {
        self.disturbances += u64::from(self.objects.is_meant(notice.object));
        let gone = self.objects.on_notice(notice);
        self.on_objects_gone(&gone);
    }

    /// Packets can leave over a link that could not, or cannot over one that could.
    fn on_usability(&mut self, interface: u32) {
        let Self { options, links, .. } = self;
        let rules =
            options.onlink.iter().filter(|rule| Some(rule.interface.as_str()) == links.name(interface));
        let by_rule: Vec<Prefix> = rules.map(|rule| rule.next_hops).collect();
        let by_route = self.foreign_links.on(interface);
        for prefix in by_route.into_iter().chain(by_rule) {
            self.moved.extend(self.paths.next_hops_in(prefix));
            self.announcements.on_changed(prefix);
        }
    }

    /// Others' routes may lead elsewhere than they did.
    fn announce_all(&mut self) {
        let Self { entries, announcements, options, .. } = self;
        entries.foreign.iter().for_each(|(prefix, ())| announcements.on_changed(prefix));
        options.onlink.iter().for_each(|rule| announcements.on_changed(rule.next_hops));
    }

    /// What the daemon has to be told of up to `limit` prefixes.
    pub(super) fn poll_announcements(&mut self, limit: usize) -> (Vec<WayChange>, Vec<KernelRouteChange>) {
        let mut announcements = std::mem::take(&mut self.announcements);
        let polled = announcements.poll(limit, |announcements, prefix| {
            (self.resolver().told_way(prefix), self.kernel_route(announcements, prefix))
        });
        self.announcements = announcements;
        polled
    }

    /// Takes over which prefixes networks require a route to.
    pub(super) fn require(&mut self, prefixes: BTreeSet<Prefix>) {
        self.announcements.set_required(prefixes);
    }

    /// The route of others at a prefix that is to be announced, or else one that a network requires.
    fn kernel_route(&self, announcements: &Announcements, prefix: Prefix) -> Option<KernelRouteView> {
        let resolver = self.resolver();
        let is_covered = |table: u8, shape: &RouteShape| {
            let hops = resolver.shape_hops(shape);
            let interfaces: Vec<&str> = hops
                .iter()
                .filter_map(|hop| self.links.name(hop.interface))
                .filter(|name| !name.is_empty())
                .collect();
            let number = self.tables.number(table);
            let mut rules = self.options.imports.iter().filter(|rule| rule.table == number);
            rules.any(|rule| rule.covers(prefix, shape, &interfaces))
        };
        let required = announcements.is_required(prefix);
        let mut found: Vec<KernelRouteView> = Vec::new();
        for table in self.tables.all() {
            let Some(id) = self.entries.find(table, prefix) else { continue };
            let shapes = self.entries.get(id).held.as_slice().iter().map(|&held| self.shapes.get(held));
            for shape in shapes.filter(|shape| !self.tables.is_ours(table, shape)) {
                let announced = is_covered(table, shape);
                if announced || required && self.is_ours(table) {
                    found.push(KernelRouteView { metric: shape.metric, announced });
                }
            }
        }
        found.into_iter().min_by_key(|route| (!route.announced, route.metric))
    }

    /// The kernel drops next hop objects of the link without a word, and keeps routes without objects.
    fn on_carrier_lost(&mut self, interface: u32) {
        self.moved.extend(self.paths.next_hops_on(interface));
        self.on_usability(interface);
        let objects = self.objects.on_interface(interface);
        self.objects_suspect |= !objects.is_empty();
        let gone: Vec<u32> = objects.into_iter().flat_map(|object| self.objects.on_gone(object)).collect();
        self.on_objects_gone(&gone);
    }

    /// The kernel also drops routes over the link, IPv4 ones without a word.
    fn on_link_down(&mut self, interface: u32) {
        self.on_carrier_lost(interface);
        self.flush(Flush::Interface(interface));
    }

    /// Forgets routes that the kernel has dropped without telling.
    fn flush(&mut self, flush: Flush) {
        let dropped: HashSet<ShapeId> = self.shapes.find(|shape| flush.drops(shape)).into_iter().collect();
        let concerned = self.holding(&dropped, &flush);
        self.log_event(|| RouteEvent::Flushed(flush));
        for (id, prefix, table) in concerned {
            let Self { entries, shapes, .. } = self;
            entries.get_mut(id).held.forget(shapes, |id, _| dropped.contains(&id));
            if self.is_ours(table) {
                self.failures.allow_retry(id);
                self.entries.unsettle(id);
            }
            if self.entries.foreign.get(prefix).is_some() {
                self.on_foreign_change(prefix);
            }
            self.entries.remove_if_unused(id);
        }
    }

    /// The entries that hold a route of one of these shapes, which are those that a flush drops.
    fn holding(&self, shapes: &HashSet<ShapeId>, flush: &Flush) -> Vec<(EntryId, Prefix, u8)> {
        if shapes.is_empty() {
            return Vec::new();
        }
        let holds = |&(_, entry): &(EntryId, &Entry)| {
            let holds = entry.held.as_slice().iter().any(|shape| shapes.contains(shape));
            holds && flush.concerns(Version::of(entry.prefix))
        };
        let place = |(id, entry): (EntryId, &Entry)| (id, entry.prefix, entry.table);
        if shapes.iter().any(|&shape| self.shapes.get(shape).protocol == self.options.protocol) {
            return self.entries.iter().filter(holds).map(place).collect();
        }
        // What is not ours is soon found, however many routes are.
        let prefixes = match flush {
            Flush::Interface(interface) => self.foreign_links.on(*interface),
            Flush::Source(_) | Flush::Objects(_) => {
                self.entries.foreign.iter().map(|(prefix, ())| prefix).collect()
            }
        };
        prefixes.into_iter().flat_map(|prefix| self.entries_at(prefix)).filter(holds).map(place).collect()
    }

    /// What is known of a prefix in each table.
    fn entries_at(&self, prefix: Prefix) -> impl Iterator<Item = (EntryId, &Entry)> {
        let ids = self.tables.all().filter_map(move |table| self.entries.find(table, prefix));
        ids.map(|id| (id, self.entries.get(id)))
    }

    fn log_event(&mut self, event: impl FnOnce() -> RouteEvent) {
        if let Some(log) = &mut self.log {
            log.push(event());
        }
    }
}

impl Flush {
    /// Whether routes of the version are dropped: IPv6 tells of each otherwise.
    fn concerns(&self, version: Version) -> bool {
        matches!(self, Self::Objects(_)) || version == Version::Ipv4
    }

    fn drops(&self, shape: &RouteShape) -> bool {
        match self {
            Self::Interface(interface) => shape.is_only_on(*interface),
            Self::Source(source) => shape.source == Some(*source),
            Self::Objects(gone) => {
                matches!(shape.target, RouteTarget::Object(object) if gone.contains(&object))
            }
        }
    }
}

impl RouteShape {
    /// Whether the route leads over nothing but the interface.
    fn is_only_on(&self, interface: u32) -> bool {
        matches!(&self.target, RouteTarget::Hops(hops)
            if !hops.is_empty() && hops.iter().all(|hop| hop.interface == interface))
    }
}
