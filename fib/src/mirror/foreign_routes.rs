//! The foreign routes to one prefix.

use std::collections::BTreeSet;
use std::sync::Arc;

use bgp_codec::Prefix;
use margay_forwarding::KernelRouteView;

use super::state::Mirror;
use crate::{
    import::Announcements,
    netlink::{RouteKind, RouteShape, RouteTarget},
    table::ForeignLinks,
};

/// See the [module](self).
#[derive(Clone, Copy)]
pub(super) struct ForeignRoutes<'a> {
    mirror: &'a Mirror,
    prefix: Prefix,
}

impl<'a> ForeignRoutes<'a> {
    pub(super) fn to(prefix: Prefix, mirror: &'a Mirror) -> Self {
        Self { mirror, prefix }
    }

    /// Whether one of them leads to an interface and no gateway.
    pub(super) fn are_attached(&self) -> bool {
        let leads_to_interface = |shape: &RouteShape| {
            let RouteTarget::Hops(hops) = &shape.target else { return false };
            shape.kind == RouteKind::UNICAST && hops.iter().any(|hop| hop.gateway.is_none())
        };
        self.shapes().any(leads_to_interface)
    }

    /// Their shapes, in all tables.
    pub(super) fn shapes(&self) -> impl Iterator<Item = &'a RouteShape> + use<'a> {
        let Self { mirror, prefix } = *self;
        let entries = mirror.entries.at(prefix, &mirror.tables);
        let held = entries.flat_map(|(_, entry)| entry.held().iter().map(move |held| (entry.table, held)));
        let shapes = held.map(|(table, &held)| (table, mirror.shapes.get(held)));
        shapes.filter(|(table, shape)| !mirror.tables.is_ours(*table, shape)).map(|(_, shape)| shape)
    }

    /// The interfaces they lead over.
    pub(super) fn interfaces(&self) -> BTreeSet<u32> {
        let interfaces = self.shapes().flat_map(|shape| match &shape.target {
            RouteTarget::Hops(hops) => hops.iter().map(|hop| hop.interface).collect(),
            RouteTarget::Object(_) => vec![ForeignLinks::ANY_INTERFACE],
        });
        interfaces.collect()
    }

    /// The one that is to be announced, or else one that a network requires.
    pub(super) fn announced(&self, announcements: &Announcements) -> Option<KernelRouteView> {
        let resolver = self.mirror.resolver();
        let interfaces = |shape: &RouteShape| {
            let hops = resolver.shape_hops(shape);
            let names = hops.iter().filter_map(|hop| self.mirror.links.name(hop.interface));
            names.filter(|name| !name.is_empty()).map(Arc::from).collect::<Vec<Arc<str>>>()
        };
        let covering = |table: u8, shape: &RouteShape, interfaces: &[Arc<str>]| {
            let interfaces: Vec<&str> = interfaces.iter().map(AsRef::as_ref).collect();
            let number = self.mirror.tables.number(table);
            let mut rules = self.mirror.options.imports.iter().filter(|rule| rule.table == number);
            rules.find(|rule| rule.covers(self.prefix, shape, &interfaces))
        };
        let required = announcements.is_required(self.prefix);
        let mut found: Vec<(u32, KernelRouteView)> = Vec::new();
        for table in self.mirror.tables.all() {
            let Some(id) = self.mirror.entries.find(table, self.prefix) else { continue };
            let shapes = self.mirror.entries.get(id).held().iter().map(|&held| self.mirror.shapes.get(held));
            for shape in shapes.filter(|shape| !self.mirror.tables.is_ours(table, shape)) {
                let interfaces = interfaces(shape);
                let rule = covering(table, shape, &interfaces);
                if rule.is_some() || required && self.mirror.tables.has_own(table) {
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
