//! Foreign routes: resolution of next hops, and routes to be announced.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bgp_codec::Prefix;
use margay_forwarding::{KernelRouteView, LinkName, LinkUsability, WayChange};

use super::Mirror;
use crate::{
    import::{Announcements, KernelRouteChange},
    netlink::{RouteKind, RouteShape, RouteTarget},
    resolution::StaticWay,
    table::ForeignLinks,
};

impl Mirror {
    /// Changes to be reported, at up to `limit` prefixes.
    pub(crate) fn poll_announcements(&mut self, limit: usize) -> (Vec<WayChange>, Vec<KernelRouteChange>) {
        let mut announcements = std::mem::take(&mut self.announcements);
        let polled = announcements.poll(limit, |announcements, prefix| {
            (self.resolver().reported_way(prefix), self.kernel_route(announcements, prefix))
        });
        self.announcements = announcements;
        polled
    }

    /// Sets the links whose usability is reported.
    pub(crate) fn watch_links(&mut self, links: &BTreeSet<LinkName>) {
        self.announcements.watch_links(links);
    }

    /// The watched links whose usability changed.
    pub(crate) fn poll_links(&mut self) -> Vec<LinkUsability> {
        let mut announcements = std::mem::take(&mut self.announcements);
        let changed = announcements.poll_links(|link| self.resolver().usable_link(link).is_some());
        self.announcements = announcements;
        changed
    }

    /// Sets the prefixes that networks require a route to.
    pub(crate) fn require(&mut self, prefixes: BTreeSet<Prefix>) {
        self.announcements.set_required(prefixes);
    }

    /// Notes a change of foreign routes at a prefix.
    pub(crate) fn on_foreign_change(&mut self, prefix: Prefix) {
        let has_routes = self.routes_of_others(prefix).next().is_some();
        if self.is_attached(prefix) {
            self.entries.attached.insert(prefix);
        } else {
            self.entries.attached.remove(&prefix);
        }
        if has_routes {
            self.entries.foreign.insert(prefix, ());
        } else if self.entries.foreign.remove(prefix).is_none() {
            return;
        }
        self.foreign_links.set(prefix, self.interfaces_of_others(prefix));
        self.on_way_changed(prefix);
    }

    /// Notes that a way to a prefix may have changed, and those of static routes over it.
    pub(crate) fn on_way_changed(&mut self, prefix: Prefix) {
        for prefix in std::iter::once(prefix).chain(self.statics.behind(prefix)) {
            self.moved.extend(self.paths.next_hops_in(prefix));
            self.announcements.on_changed(prefix);
        }
    }

    /// Sets the static routes that next hops are resolved by. The consequences are drawn by
    /// [`settle_next_hops`](Self::settle_next_hops).
    pub(crate) fn set_static_ways(&mut self, ways: BTreeMap<Prefix, StaticWay>) {
        for prefix in self.statics.set(ways) {
            self.on_way_changed(prefix);
        }
    }

    /// Notes that any foreign route may lead to another place.
    pub(crate) fn announce_all(&mut self) {
        let Self { entries, announcements, options, statics, .. } = self;
        entries.foreign.iter().for_each(|(prefix, ())| announcements.on_changed(prefix));
        options.onlink.iter().for_each(|rule| announcements.on_changed(rule.next_hops));
        statics.prefixes().for_each(|prefix| announcements.on_changed(prefix));
    }

    /// Whether a route of others to a prefix leads to an interface and no gateway.
    fn is_attached(&self, prefix: Prefix) -> bool {
        let leads_to_interface = |shape: &RouteShape| {
            let RouteTarget::Hops(hops) = &shape.target else { return false };
            shape.kind == RouteKind::UNICAST && hops.iter().any(|hop| hop.gateway.is_none())
        };
        self.routes_of_others(prefix).any(leads_to_interface)
    }

    /// The routes of others to a prefix, in all tables.
    fn routes_of_others(&self, prefix: Prefix) -> impl Iterator<Item = &RouteShape> {
        let entries = self.entries_at(prefix);
        let held = entries.flat_map(|(_, entry)| entry.held().iter().map(move |held| (entry.table, held)));
        let shapes = held.map(|(table, &held)| (table, self.shapes.get(held)));
        shapes.filter(|(table, shape)| !self.tables.is_ours(*table, shape)).map(|(_, shape)| shape)
    }

    /// Over which interfaces others' routes to a prefix lead.
    pub(crate) fn interfaces_of_others(&self, prefix: Prefix) -> BTreeSet<u32> {
        let interfaces = self.routes_of_others(prefix).flat_map(|shape| match &shape.target {
            RouteTarget::Hops(hops) => hops.iter().map(|hop| hop.interface).collect(),
            RouteTarget::Object(_) => vec![ForeignLinks::ANY_INTERFACE],
        });
        interfaces.collect()
    }

    /// The foreign route at a prefix that is to be announced, or else one that a network requires.
    pub(crate) fn kernel_route(
        &self,
        announcements: &Announcements,
        prefix: Prefix,
    ) -> Option<KernelRouteView> {
        let resolver = self.resolver();
        let interfaces = |shape: &RouteShape| {
            let hops = resolver.shape_hops(shape);
            let names = hops.iter().filter_map(|hop| self.links.name(hop.interface));
            names.filter(|name| !name.is_empty()).map(Arc::from).collect::<Vec<Arc<str>>>()
        };
        let covering = |table: u8, shape: &RouteShape, interfaces: &[Arc<str>]| {
            let interfaces: Vec<&str> = interfaces.iter().map(AsRef::as_ref).collect();
            let number = self.tables.number(table);
            let mut rules = self.options.imports.iter().filter(|rule| rule.table == number);
            rules.find(|rule| rule.covers(prefix, shape, &interfaces))
        };
        let required = announcements.is_required(prefix);
        let mut found: Vec<(u32, KernelRouteView)> = Vec::new();
        for table in self.tables.all() {
            let Some(id) = self.entries.find(table, prefix) else { continue };
            let shapes = self.entries.get(id).held().iter().map(|&held| self.shapes.get(held));
            for shape in shapes.filter(|shape| !self.tables.is_ours(table, shape)) {
                let interfaces = interfaces(shape);
                let rule = covering(table, shape, &interfaces);
                if rule.is_some() || required && self.is_ours(table) {
                    let interface = interfaces.into_iter().next();
                    let metric = rule.and_then(|rule| rule.metric).unwrap_or(shape.metric);
                    found.push((
                        shape.metric,
                        KernelRouteView { metric, announced: rule.is_some(), interface },
                    ));
                }
            }
        }
        // The kernel uses the route with the lowest metric, whatever metric it counts as having.
        let best = found.into_iter().min_by_key(|(metric, route)| (!route.announced, *metric));
        best.map(|(_, route)| route)
    }
}
