//! A dump of all routes, which replaces the known state.

use bgp_codec::Prefix;

use super::dump_log::RouteEvent;
use super::flush::SilentLosses;
use super::state::Mirror;
use crate::{index::ShapeId, netlink::KernelRoute};

/// The routes of a dump in progress, in compact form.
#[derive(Debug)]
pub(crate) struct RouteDump {
    routes: Vec<(u8, Prefix, ShapeId)>,
}

impl RouteDump {
    /// Begins a dump: messages from now on may be older or younger than its routes.
    pub(crate) fn begin(mirror: &mut Mirror) -> Self {
        mirror.dump_log.begin();
        mirror.readings += 1;
        mirror.strays.clear();
        Self { routes: Vec::new() }
    }

    /// Adds a dumped route, if its table is watched.
    pub(crate) fn add(&mut self, route: KernelRoute, mirror: &mut Mirror) {
        let options = &mirror.options;
        if route.shape.protocol == options.protocol && !options.tables.contains(&route.table) {
            *mirror.strays.entry(route.table).or_default() += 1;
        }
        if let Some(table) = mirror.tables.position(route.table) {
            self.routes.push((table, route.prefix, mirror.shapes.intern(route.shape)));
        }
    }

    /// Discards the dump.
    pub(crate) fn abandon(self, mirror: &mut Mirror) {
        mirror.dump_log.end();
        self.routes.into_iter().for_each(|(_, _, shape)| mirror.shapes.release(shape));
    }

    /// Replaces the known routes by those of the dump, and repeats the messages received meanwhile: afterwards
    /// a prefix has the state of its last message, or that of the dump if there was none.
    pub(crate) fn replace_routes(self, mirror: &mut Mirror) {
        self.replace_held(mirror);
        mirror.all_moved = true;
        announce_all(mirror);
        let (disturbances, uncertain) = (mirror.disturbances, mirror.doubts.is_mirror_uncertain());
        let mut is_ambiguous = false;
        for event in mirror.dump_log.end() {
            match event {
                RouteEvent::Reported(notice) => mirror.on_route(&notice),
                RouteEvent::Flushed(flush) => {
                    is_ambiguous |= flush.is_ambiguous(&mirror.shapes);
                    SilentLosses::of(mirror).flush(flush);
                }
            }
        }
        mirror.disturbances = disturbances;
        mirror.doubts.set_mirror_uncertain(uncertain || is_ambiguous);
    }

    fn replace_held(self, mirror: &mut Mirror) {
        let mut before = mirror.entries.take_all_held();
        for (table, prefix, shape) in self.routes {
            let id = mirror.entries.find_or_insert(table, prefix);
            mirror.entries.append_held(id, shape, &mut mirror.shapes, &mirror.tables);
            before.entry(id).or_default();
        }
        for (id, mut held) in before {
            let entry = mirror.entries.get(id);
            if entry.held() != held.as_slice() {
                let (prefix, table) = (entry.prefix, entry.table);
                mirror.on_foreign_change(prefix);
                if mirror.tables.has_own(table) {
                    mirror.entries.unsettle(id);
                }
            }
            held.forget(&mut mirror.shapes, |_, _| true);
            mirror.entries.remove_if_unused(id);
        }
    }
}

/// Notes that any foreign route may lead to another place.
fn announce_all(mirror: &mut Mirror) {
    let Mirror { entries, announcements, options, statics, .. } = mirror;
    entries.foreign.iter().for_each(|(prefix, ())| announcements.on_changed(prefix));
    statics.prefixes().for_each(|prefix| announcements.on_changed(prefix));
    options.onlink.iter().for_each(|rule| announcements.on_changed(rule.next_hops));
}
