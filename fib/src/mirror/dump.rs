//! A dump of all routes, which replaces the known state.

use std::collections::BTreeMap;

use bgp_codec::Prefix;

use super::Mirror;
use super::route_event::RouteEvent;
use crate::{index::ShapeId, netlink::KernelRoute};

impl Mirror {
    /// Begins a dump of all routes: messages from now on may be older or younger than the dump.
    pub(crate) fn begin_dump(&mut self) {
        self.log = Some(Vec::new());
        self.readings += 1;
        self.strays.clear();
    }

    /// Number of route messages since the dump began.
    pub(crate) fn messages_during_dump(&self) -> usize {
        self.log.as_ref().map_or(0, Vec::len)
    }

    /// Returns a dumped route in compact form; `None` if its table is not watched.
    pub(crate) fn note_dumped(&mut self, route: KernelRoute) -> Option<(u8, Prefix, ShapeId)> {
        if route.shape.protocol == self.options.protocol && !self.options.tables.contains(&route.table) {
            *self.strays.entry(route.table).or_default() += 1;
        }
        let table = self.tables.position(route.table)?;
        Some((table, route.prefix, self.shapes.intern(route.shape)))
    }

    /// Number of routes with the own protocol number that dumps found in unconfigured tables since the last
    /// call, by table.
    pub(crate) fn take_strays(&mut self) -> BTreeMap<u32, usize> {
        std::mem::take(&mut self.strays)
    }

    /// Discards a dump.
    pub(crate) fn abandon_dump(&mut self, routes: Vec<(u8, Prefix, ShapeId)>) {
        self.log = None;
        routes.into_iter().for_each(|(_, _, shape)| self.shapes.release(shape));
    }

    /// Replaces the known routes by those of a dump, and repeats the messages received meanwhile: afterwards
    /// a prefix has the state of its last message, or that of the dump if there was none. Returns the number
    /// of prefixes that differed.
    pub(crate) fn take_dump(&mut self, routes: Vec<(u8, Prefix, ShapeId)>) -> usize {
        let mut before = self.entries.take_all_held();
        for (table, prefix, shape) in routes {
            let id = self.entries.find_or_insert(table, prefix);
            self.entries.append_held(id, shape, &mut self.shapes, &self.tables);
            before.entry(id).or_default();
        }
        let mut differing = 0;
        for (id, mut held) in before {
            let entry = self.entries.get(id);
            if entry.held() != held.as_slice() {
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
        let (disturbances, uncertain) = (self.disturbances, self.consequences.mirror_uncertain);
        let mut is_ambiguous = false;
        for event in self.log.take().unwrap_or_default() {
            match event {
                RouteEvent::Told(notice) => self.on_route(&notice),
                RouteEvent::Flushed(flush) => {
                    is_ambiguous |= self.is_ambiguous(&flush);
                    self.flush(flush);
                }
            }
        }
        self.disturbances = disturbances;
        self.consequences.mirror_uncertain = uncertain || is_ambiguous;
        differing
    }

    pub(crate) fn log_event(&mut self, event: impl FnOnce() -> RouteEvent) {
        if let Some(log) = &mut self.log {
            log.push(event());
        }
    }
}
