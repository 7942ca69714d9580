//! Routes that the kernel drops without telling of each.

use std::collections::HashSet;
use std::net::IpAddr;

use bgp_codec::Prefix;

use super::{Mirror, RouteEvent};
use crate::kernel::{
    entries::{Entry, EntryId},
    kernel_route::{RouteShape, RouteTarget},
    route_shapes::ShapeId,
    version::Version,
};

/// Routes that the kernel drops without telling of each.
#[derive(Clone, Debug)]
pub(super) enum Flush {
    /// IPv4 routes over nothing but this interface.
    Interface(u32),
    /// IPv4 routes with this preferred source.
    Source(IpAddr),
    /// Routes that refer to one of these objects.
    Objects(Vec<u32>),
}

impl Mirror {
    /// The kernel drops next hop objects of the link without a word, and keeps routes without objects.
    pub(super) fn on_carrier_lost(&mut self, interface: u32) {
        self.moved.extend(self.paths.next_hops_on(interface));
        self.on_usability(interface);
        let objects = self.objects.on_interface(interface);
        self.objects_suspect |= !objects.is_empty();
        let gone: Vec<u32> = objects.into_iter().flat_map(|object| self.objects.on_gone(object)).collect();
        self.on_objects_gone(&gone);
    }

    /// The kernel also drops routes over the link, IPv4 ones without a word.
    pub(super) fn on_link_down(&mut self, interface: u32) {
        self.on_carrier_lost(interface);
        self.flush(Flush::Interface(interface));
    }

    /// Objects are gone, and with them all routes that refer to them.
    pub(in crate::kernel) fn on_objects_gone(&mut self, gone: &[u32]) {
        if !gone.is_empty() {
            self.flush(Flush::Objects(gone.to_vec()));
        }
    }

    /// Forgets routes that the kernel has dropped without telling.
    pub(super) fn flush(&mut self, flush: Flush) {
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
    pub(super) fn holding(&self, shapes: &HashSet<ShapeId>, flush: &Flush) -> Vec<(EntryId, Prefix, u8)> {
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
