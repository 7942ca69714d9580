//! What the kernel has told of its links, routes and next hop objects, beside what is wanted.

mod dump;
mod flush;
mod others;

use std::collections::{BTreeSet, HashSet};

use bgp_codec::{NextHop, Prefix};

use self::{dump::RouteEvent, flush::Flush};
use super::{
    KernelOptions,
    announcements::Announcements,
    entries::{Entries, Entry, EntryId, Wish},
    failures::Failures,
    foreign_links::ForeignLinks,
    held_routes::Certainty,
    kernel_route::KernelRoute,
    links::{LinkChange, Links},
    notice::{Notice, RouteChange, RouteNotice},
    object_ledger::ObjectLedger,
    object_message::ObjectNotice,
    paths::{PathId, Paths, Workshop},
    resolver::Resolver,
    route_shapes::RouteShapes,
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

    /// What is known of a prefix in each table.
    fn entries_at(&self, prefix: Prefix) -> impl Iterator<Item = (EntryId, &Entry)> {
        let ids = self.tables.all().filter_map(move |table| self.entries.find(table, prefix));
        ids.map(|id| (id, self.entries.get(id)))
    }
}
