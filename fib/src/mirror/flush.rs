//! Follows the kernel where it drops routes without telling of each.

use std::collections::{BTreeSet, HashSet};

use bgp_codec::Prefix;

use super::Mirror;
use super::dropped::{DeadHops, Fate, Flush, LinkLoss};
use super::route_event::RouteEvent;
use crate::{
    index::{EntryId, ShapeId},
    netlink::{RouteShape, RouteTarget},
    table::{Entry, Hops},
    version::Version,
};

impl Mirror {
    /// Handles the loss of a carrier: the kernel silently removes next hop objects over the link, and keeps
    /// routes without objects.
    pub(crate) fn on_carrier_lost(&mut self, interface: u32) {
        self.moved.extend(self.paths.next_hops_on(interface));
        self.on_usability(interface);
        let objects = self.objects.on_interface(interface);
        self.objects_suspect |= !objects.is_empty();
        let gone: Vec<u32> = objects.into_iter().flat_map(|object| self.objects.on_gone(object)).collect();
        self.on_objects_gone(&gone);
    }

    /// Handles a link going down: the kernel also removes routes without another next hop, IPv4 ones
    /// silently.
    pub(crate) fn on_link_down(&mut self, interface: u32) {
        self.on_carrier_lost(interface);
        self.flush_dead_hops(interface, LinkLoss::Down);
    }

    /// Forgets the routes that were lost with a link.
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

    /// Notes that objects were removed, and with them all routes that refer to them.
    ///
    /// The routes are forgotten in [`flush_gone_objects`](Self::flush_gone_objects): objects may be removed
    /// by the thousand, and searching the routes takes as long for one as for all.
    pub(crate) fn on_objects_gone(&mut self, gone: &[u32]) {
        let Self { gone_objects, shapes, .. } = self;
        gone_objects.extend(gone.iter().filter(|&&object| shapes.uses_object(object)));
    }

    /// Forgets the routes that were lost with objects.
    pub(crate) fn flush_gone_objects(&mut self) {
        if !self.gone_objects.is_empty() {
            let gone = std::mem::take(&mut self.gone_objects);
            self.flush(Flush::Objects(gone));
        }
    }

    /// Forgets routes that the kernel has removed without a message.
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

    /// Whether a flush during a reading concerns routes with next hops over several links: which of them were
    /// dead at that moment does not follow from dumps taken at another time.
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
        // What was asked for since may be younger than the loss that is reported now.
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
        // Foreign routes are found fast, whatever the number of own routes.
        let prefixes = match flush {
            Flush::DeadHops(dead) => self.foreign_links.on(dead.interface),
            Flush::Source(_) | Flush::Objects(_) => {
                self.entries.foreign.iter().map(|(prefix, ())| prefix).collect()
            }
        };
        prefixes.into_iter().flat_map(|prefix| self.entries_at(prefix)).filter(holds).map(place).collect()
    }
}
