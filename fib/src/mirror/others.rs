//! Foreign routes: resolution of next hops, and routes to be announced.

use bgp_codec::Prefix;
use margay_forwarding::WayChange;

use super::foreign_routes::ForeignRoutes;
use super::state::Mirror;
use crate::import::KernelRouteChange;

impl Mirror {
    /// Changes to be reported, at up to `limit` prefixes.
    pub(crate) fn poll_announcements(&mut self, limit: usize) -> (Vec<WayChange>, Vec<KernelRouteChange>) {
        let mut announcements = std::mem::take(&mut self.announcements);
        let polled = announcements.poll(limit, |announcements, prefix| {
            (self.resolver().reported_way(prefix), ForeignRoutes::to(prefix, self).announced(announcements))
        });
        self.announcements = announcements;
        polled
    }

    /// Notes a change of foreign routes at a prefix.
    pub(crate) fn on_foreign_change(&mut self, prefix: Prefix) {
        let routes = ForeignRoutes::to(prefix, self);
        let (has_routes, is_attached) = (routes.shapes().next().is_some(), routes.are_attached());
        let interfaces = routes.interfaces();
        if is_attached {
            self.entries.attached.insert(prefix);
        } else {
            self.entries.attached.remove(&prefix);
        }
        if has_routes {
            self.entries.foreign.insert(prefix, ());
        } else if self.entries.foreign.remove(prefix).is_none() {
            return;
        }
        self.foreign_links.set(prefix, interfaces);
        self.on_way_changed(prefix);
    }

    /// Notes that a way to a prefix may have changed, and those of static routes over it.
    pub(crate) fn on_way_changed(&mut self, prefix: Prefix) {
        for prefix in std::iter::once(prefix).chain(self.statics.behind(prefix)) {
            self.moved.extend(self.paths.next_hops.in_prefix(prefix));
            self.announcements.on_changed(prefix);
        }
    }
}
