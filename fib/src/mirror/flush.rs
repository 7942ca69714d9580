//! Routes that the kernel drops without a message for each.

use std::collections::{BTreeSet, HashSet};

use bgp_codec::Prefix;

use super::dropped::{DeadHops, Fate, Flush, LinkLoss};
use super::dump_log::RouteEvent;
use super::state::Mirror;
use crate::{
    index::{EntryId, ShapeId},
    netlink::RouteShape,
    table::{Entry, Hops},
    version::Version,
};

impl Mirror {
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
            SilentLosses::of(self).flush(Flush::Objects(gone));
        }
    }
}

/// Follows losses that the kernel reports as those of a link, an address or an object only.
pub(super) struct SilentLosses<'a> {
    mirror: &'a mut Mirror,
}

impl<'a> SilentLosses<'a> {
    pub(super) fn of(mirror: &'a mut Mirror) -> Self {
        Self { mirror }
    }

    /// Handles the loss of a carrier: the kernel silently removes next hop objects over the link, and keeps
    /// routes without objects.
    pub(super) fn on_carrier_lost(&mut self, interface: u32) {
        self.mirror.moved.extend(self.mirror.paths.next_hops.on_interface(interface));
        self.mirror.on_usability(interface);
        let objects = self.mirror.objects.held.on_interface(interface);
        if !objects.is_empty() {
            self.mirror.doubts.suspect_objects();
        }
        let gone: Vec<u32> =
            objects.into_iter().flat_map(|object| self.mirror.objects.on_gone(object)).collect();
        self.mirror.on_objects_gone(&gone);
    }

    /// Handles a link going down: the kernel also removes routes without another next hop, IPv4 ones
    /// silently.
    pub(super) fn on_link_down(&mut self, interface: u32) {
        self.on_carrier_lost(interface);
        self.flush_dead_hops(interface, LinkLoss::Down);
    }

    /// Forgets the routes that were lost with a link.
    pub(super) fn flush_dead_hops(&mut self, interface: u32, loss: LinkLoss) {
        let links = &self.mirror.links;
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

    /// Forgets routes that the kernel has removed without a message.
    pub(super) fn flush(&mut self, flush: Flush) {
        let concerned = |shape: &RouteShape| {
            Version::BOTH.into_iter().any(|version| flush.fate(shape, version) != Fate::Stays)
        };
        let shapes: HashSet<ShapeId> = self.mirror.shapes.find(concerned).into_iter().collect();
        for (id, prefix, table) in self.holding(&shapes, &flush) {
            self.forget_flushed(&flush, (id, prefix, table));
        }
        self.mirror.dump_log.note(|| RouteEvent::Flushed(flush));
    }

    fn forget_flushed(&mut self, flush: &Flush, (id, prefix, table): (EntryId, Prefix, u8)) {
        let Mirror { entries, shapes, tables, .. } = &mut *self.mirror;
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
            self.mirror.doubts.on_contradiction();
        }
        if forgotten {
            if self.mirror.tables.has_own(table) {
                self.mirror.failures.allow_retry(id);
                self.mirror.entries.unsettle(id);
                self.mirror.on_own_route_changed(prefix);
            }
            if self.mirror.entries.foreign.get(prefix).is_some() {
                self.mirror.on_foreign_change(prefix);
            }
        }
        self.mirror.entries.remove_if_unused(id);
    }

    /// The entries that hold a route of one of these shapes.
    fn holding(&self, shapes: &HashSet<ShapeId>, flush: &Flush) -> Vec<(EntryId, Prefix, u8)> {
        if shapes.is_empty() {
            return Vec::new();
        }
        let holds = |&(_, entry): &(EntryId, &Entry)| entry.held().iter().any(|shape| shapes.contains(shape));
        let place = |(id, entry): (EntryId, &Entry)| (id, entry.prefix, entry.table);
        if shapes.iter().any(|&shape| self.mirror.shapes.get(shape).protocol == self.mirror.options.protocol)
        {
            return self.mirror.entries.iter().filter(holds).map(place).collect();
        }
        // Foreign routes are found fast, whatever the number of own routes.
        let prefixes = match flush {
            Flush::DeadHops(dead) => self.mirror.foreign_links.on(dead.interface),
            Flush::Source(_) | Flush::Objects(_) => {
                self.mirror.entries.foreign.iter().map(|(prefix, ())| prefix).collect()
            }
        };
        prefixes
            .into_iter()
            .flat_map(|prefix| self.mirror.entries.at(prefix, &self.mirror.tables))
            .filter(holds)
            .map(place)
            .collect()
    }
}
