//! Messages of the kernel about links, addresses, next hop objects and routes.

use bgp_codec::Prefix;

use super::dropped::{Flush, LinkLoss};
use super::dump_log::RouteEvent;
use super::flush::SilentLosses;
use super::state::Mirror;
use crate::{
    netlink::{KernelRoute, Notice, ObjectNotice, RouteChange, RouteNotice, RouteTarget},
    table::{Certainty, LinkChange},
    version::Version,
};

impl Mirror {
    pub(crate) fn on_notice(&mut self, notice: Notice) {
        match notice {
            Notice::Link(notice) => match self.links.on_link(&notice) {
                // The dump of links may have shown this already; the routes of later messages still go with
                // the link.
                LinkChange::None if self.dump_log.is_open() && !notice.state.up => {
                    SilentLosses::of(self).on_link_down(notice.interface);
                }
                LinkChange::None => return,
                LinkChange::CameUp => self.on_usability(notice.interface),
                LinkChange::LostCarrier => SilentLosses::of(self).on_carrier_lost(notice.interface),
                LinkChange::WentDown => SilentLosses::of(self).on_link_down(notice.interface),
            },
            Notice::LinkGone { interface } => {
                SilentLosses::of(self).on_carrier_lost(interface);
                self.links.on_link_gone(interface);
                SilentLosses::of(self).flush_dead_hops(interface, LinkLoss::Deleted);
                self.deleted_links.insert(interface);
            }
            Notice::Address { interface, address, removed } => {
                let last_gone = self.links.on_address(interface, address, removed);
                if removed && !self.links.has_address(address) {
                    SilentLosses::of(self).flush(Flush::Source(address.into()));
                }
                let is_bare = removed && !self.links.has_addresses(interface);
                if last_gone || is_bare && self.dump_log.is_open() {
                    SilentLosses::of(self).flush_dead_hops(interface, LinkLoss::LastAddress);
                }
            }
            Notice::Object(notice) => self.on_object(notice),
            Notice::Route(notice) => return self.on_route(&notice),
        }
        self.doubts.on_surroundings_changed();
    }

    /// Replaces the known next hop objects by those of a dump.
    pub(crate) fn take_object_dump(&mut self, notices: Vec<ObjectNotice>) {
        self.with_objects = self.options.nexthop_objects;
        let gone = self.objects.take_dump(notices);
        self.on_objects_gone(&gone);
        self.flush_gone_objects();
        self.settle_objects();
    }

    pub(super) fn on_route(&mut self, notice: &RouteNotice) {
        let KernelRoute { prefix, table, shape } = &notice.route;
        if matches!(shape.target, RouteTarget::Object(object) if self.gone_objects.contains(&object)) {
            // The object may have been added again before this route.
            self.flush_gone_objects();
        }
        let Some(table) = self.tables.position(*table) else { return };
        self.dump_log.note(|| RouteEvent::Reported(notice.clone()));
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
        if self.tables.has_own(table) {
            self.failures.allow_retry(id);
            self.entries.unsettle(id);
        }
        if ours {
            self.on_own_route_changed(*prefix);
        } else {
            self.doubts.on_surroundings_changed();
        }
        if !ours || notice.change == RouteChange::Replaced {
            self.on_foreign_change(*prefix);
        }
        self.entries.remove_if_unused(id);
        if certainty == Certainty::Uncertain || in_doubt {
            self.doubts.on_contradiction();
        }
    }

    fn on_object(&mut self, notice: ObjectNotice) {
        self.disturbances += u64::from(self.objects.is_meant(notice.object));
        let gone = self.objects.on_notice(notice);
        self.on_objects_gone(&gone);
        self.settle_objects();
    }

    /// Handles a link that became usable or unusable.
    pub(super) fn on_usability(&mut self, interface: u32) {
        let Self { options, links, .. } = self;
        let rules =
            options.onlink.iter().filter(|rule| Some(rule.interface.as_str()) == links.name(interface));
        let by_rule: Vec<Prefix> = rules.map(|rule| rule.next_hops).collect();
        let by_route = self.foreign_links.on(interface);
        self.announcements.on_links_changed();
        let link = self.links.name(interface).and_then(|name| name.parse().ok());
        self.moved.extend(link.into_iter().flat_map(|link| self.paths.next_hops.of_link(link)));
        let by_static = self.links.name(interface).map(|name| self.statics.over(name)).unwrap_or_default();
        for prefix in by_route.into_iter().chain(by_rule).chain(by_static) {
            self.on_way_changed(prefix);
        }
    }
}
