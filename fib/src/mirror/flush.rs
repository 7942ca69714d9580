//! Routes that the kernel drops without telling of each.

use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;

use bgp_codec::Prefix;

use super::{Mirror, RouteEvent};
use crate::{
    index::{EntryId, ShapeId},
    netlink::{RouteKind, RouteShape, RouteTarget},
    table::{Entry, Hops, RT_TABLE_MAIN},
    version::Version,
};

/// Routes that the kernel drops without telling of each.
#[derive(Clone, Debug)]
pub(crate) enum Flush {
    /// Routes with a next hop over a link that was lost, if all their next hops are dead by now.
    DeadHops(DeadHops),
    /// IPv4 routes with this preferred source.
    Source(IpAddr),
    /// Routes that refer to one of these objects.
    Objects(HashSet<u32>),
}

/// How a link was lost.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum LinkLoss {
    Down,
    /// It is as good as down for IPv4.
    LastAddress,
    /// IPv4 routes go with the first of their next hops.
    Deleted,
}

/// The next hops that are dead after a link was lost.
///
/// The kernel marks next hops, and drops a route with its last that lives. IPv6 tells of the routes it drops, unless
/// the setting `skip_notify_on_dev_down` says otherwise.
#[derive(Clone, Debug)]
pub(crate) struct DeadHops {
    interface: u32,
    loss: LinkLoss,
    /// The interfaces whose IPv4 and IPv6 next hops are dead.
    dead: [BTreeSet<u32>; 2],
    /// The interfaces of whose IPv4 next hops nobody knows.
    doubtful: BTreeSet<u32>,
}

/// What becomes of a route.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fate {
    Stays,
    Dropped,
    Unknown,
}

impl Mirror {
    /// The kernel drops next hop objects of the link without a word, and keeps routes without objects.
    pub(crate) fn on_carrier_lost(&mut self, interface: u32) {
        self.moved.extend(self.paths.next_hops_on(interface));
        self.on_usability(interface);
        let objects = self.objects.on_interface(interface);
        self.objects_suspect |= !objects.is_empty();
        let gone: Vec<u32> = objects.into_iter().flat_map(|object| self.objects.on_gone(object)).collect();
        self.on_objects_gone(&gone);
    }

    /// The kernel also drops routes over the link that have no other next hop, IPv4 ones without a word.
    pub(crate) fn on_link_down(&mut self, interface: u32) {
        self.on_carrier_lost(interface);
        self.flush_dead_hops(interface, LinkLoss::Down);
    }

    /// Forgets the routes that went with a link.
    pub(crate) fn flush_dead_hops(&mut self, interface: u32, loss: LinkLoss) {
        let links = &self.links;
        let of = |version, hops| {
            links
                .indexes()
                .filter(move |&index| links.hops(index, version) == hops)
                .collect::<BTreeSet<u32>>()
        };
        let mut dead = Version::BOTH.map(|version| of(version, Hops::Dead));
        if loss == LinkLoss::Deleted {
            for dead in &mut dead {
                dead.insert(interface);
            }
        }
        let doubtful = of(Version::Ipv4, Hops::Doubtful);
        self.flush(Flush::DeadHops(DeadHops { interface, loss, dead, doubtful }));
    }

    /// Objects are gone, and with them all routes that refer to them.
    ///
    /// The routes are forgotten in [`flush_gone_objects`](Self::flush_gone_objects): objects may go by the thousand, and
    /// looking for routes takes as long for all of them as for one.
    pub(crate) fn on_objects_gone(&mut self, gone: &[u32]) {
        let Self { gone_objects, shapes, .. } = self;
        gone_objects.extend(gone.iter().filter(|&&object| shapes.uses_object(object)));
    }

    /// Forgets the routes that went with objects.
    pub(crate) fn flush_gone_objects(&mut self) {
        if !self.gone_objects.is_empty() {
            let gone = std::mem::take(&mut self.gone_objects);
            self.flush(Flush::Objects(gone));
        }
    }

    /// Forgets routes that the kernel has dropped without telling.
    pub(crate) fn flush(&mut self, flush: Flush) {
        let concerned = |shape: &RouteShape| {
            Version::BOTH.into_iter().any(|version| flush.fate(shape, version) != Fate::Stays)
        };
        let shapes: HashSet<ShapeId> = self.shapes.find(concerned).into_iter().collect();
        for (id, prefix, table) in self.holding(&shapes, &flush) {
            self.forget_flushed(&flush, (id, prefix, table));
        }
        self.log_event(|| RouteEvent::Flushed(flush));
    }

    /// Whether a flush during a reading drops routes with next hops over several links: which of those were dead at its time
    /// cannot be told from dumps of another time.
    pub(super) fn is_ambiguous(&self, flush: &Flush) -> bool {
        let leads_over_several = |shape: &RouteShape| match &shape.target {
            RouteTarget::Hops(hops) => hops.iter().any(|hop| hop.interface != hops[0].interface),
            RouteTarget::Object(_) => false,
        };
        let is_concerned = |shape: &RouteShape| {
            let is_dropped = |version| flush.fate(shape, version) != Fate::Stays;
            leads_over_several(shape) && Version::BOTH.into_iter().any(is_dropped)
        };
        matches!(flush, Flush::DeadHops(_)) && !self.shapes.find(is_concerned).is_empty()
    }

    fn forget_flushed(&mut self, flush: &Flush, (id, prefix, table): (EntryId, Prefix, u8)) {
        let Self { entries, shapes, tables, .. } = self;
        let (number, version) = (tables.number(table), Version::of(prefix));
        let fate = |shape: &RouteShape| flush.fate_in_table(shape, version, number);
        let entry = entries.get(id);
        // What was asked for since may be younger than the loss that is heard of now.
        let in_doubt = entry.touched;
        let uncertain = entry.held().iter().any(|&shape| fate(shapes.get(shape)) == Fate::Unknown);
        let forgotten = entries.change_held(id, shapes, tables, |held, shapes| {
            held.forget(shapes, |_, shape| fate(shape) == Fate::Dropped)
        });
        if uncertain || in_doubt {
            self.doubt();
        }
        if forgotten {
            if self.is_ours(table) {
                self.failures.allow_retry(id);
                self.entries.unsettle(id);
                self.on_own_route_changed(prefix);
            }
            if self.entries.foreign.get(prefix).is_some() {
                self.on_foreign_change(prefix);
            }
        }
        self.entries.remove_if_unused(id);
    }

    /// The entries that hold a route of one of these shapes.
    pub(crate) fn holding(&self, shapes: &HashSet<ShapeId>, flush: &Flush) -> Vec<(EntryId, Prefix, u8)> {
        if shapes.is_empty() {
            return Vec::new();
        }
        let holds = |&(_, entry): &(EntryId, &Entry)| entry.held().iter().any(|shape| shapes.contains(shape));
        let place = |(id, entry): (EntryId, &Entry)| (id, entry.prefix, entry.table);
        if shapes.iter().any(|&shape| self.shapes.get(shape).protocol == self.options.protocol) {
            return self.entries.iter().filter(holds).map(place).collect();
        }
        // What is not ours is soon found, however many routes are.
        let prefixes = match flush {
            Flush::DeadHops(dead) => self.foreign_links.on(dead.interface),
            Flush::Source(_) | Flush::Objects(_) => {
                self.entries.foreign.iter().map(|(prefix, ())| prefix).collect()
            }
        };
        prefixes.into_iter().flat_map(|prefix| self.entries_at(prefix)).filter(holds).map(place).collect()
    }
}

impl Flush {
    fn fate_in_table(&self, shape: &RouteShape, version: Version, table: u32) -> Fate {
        match (self, self.fate(shape, version)) {
            // The kernel looks for them in one table only, which for most links is this.
            (Self::Source(_), Fate::Dropped) if table != RT_TABLE_MAIN => Fate::Unknown,
            (_, fate) => fate,
        }
    }

    fn fate(&self, shape: &RouteShape, version: Version) -> Fate {
        let dropped = match self {
            Self::DeadHops(dead) => return dead.fate(shape, version),
            Self::Source(source) => version == Version::Ipv4 && shape.source == Some(*source),
            Self::Objects(gone) => {
                matches!(shape.target, RouteTarget::Object(object) if gone.contains(&object))
            }
        };
        if dropped { Fate::Dropped } else { Fate::Stays }
    }
}

impl DeadHops {
    fn fate(&self, shape: &RouteShape, version: Version) -> Fate {
        let RouteTarget::Hops(hops) = &shape.target else { return Fate::Stays };
        let concerned = hops.iter().any(|hop| hop.interface == self.interface);
        let dead = &self.dead[version.index()];
        match (version, self.loss) {
            _ if !concerned => Fate::Stays,
            (Version::Ipv6, LinkLoss::LastAddress) => Fate::Stays,
            (Version::Ipv4, LinkLoss::Deleted) => Fate::Dropped,
            // The node's own addresses are its own for all that.
            (Version::Ipv4, LinkLoss::Down) if shape.kind == RouteKind::LOCAL => Fate::Stays,
            _ if hops.iter().all(|hop| dead.contains(&hop.interface)) => Fate::Dropped,
            (Version::Ipv4, _)
                if hops
                    .iter()
                    .all(|hop| dead.contains(&hop.interface) || self.doubtful.contains(&hop.interface)) =>
            {
                Fate::Unknown
            }
            _ => Fate::Stays,
        }
    }
}
