//! The routes that this node announces of its own: networks by configuration, and routes of the kernel.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bgp_codec::Prefix;

use crate::attributes::PathValues;
use crate::index::SourceIndex;
use crate::options::{Discard, KernelRouteView, NetworkOptions, is_elevated};

/// The own routes of one family, and which paths follow from them.
#[derive(Debug)]
pub(crate) struct OwnRoutes {
    networks: HashMap<Prefix, NetworkOptions>,
    /// The kernel's routes that are not our own, as far as they are of interest.
    kernel_routes: HashMap<Prefix, KernelRouteView>,
    /// The metric of ordinary routes in the kernel; 0 without a forwarding table.
    normal_metric: u32,
}

/// What an own route does to the paths of its prefix.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum OwnPathChange {
    /// The path from this source has these values.
    Enter(Prefix, SourceIndex, PathValues),
    /// There is no path from this source.
    Remove(Prefix, SourceIndex),
    /// The paths stay, and the forwarding of the best one changes.
    Redecide(Prefix),
}

impl OwnRoutes {
    pub(crate) fn new(normal_metric: u32) -> Self {
        Self { networks: HashMap::new(), kernel_routes: HashMap::new(), normal_metric }
    }

    /// Originates a network; or, where it is originated already, with other options.
    pub(crate) fn originate(&mut self, prefix: Prefix, options: NetworkOptions) -> Vec<OwnPathChange> {
        let former = self.networks.insert(prefix, options);
        let mut changes = vec![self.network_path(prefix, options)];
        let suppressed = former.is_some_and(|former| former.suppress_more_specific);
        if suppressed != options.suppress_more_specific {
            changes.extend(self.kernel_paths_inside(prefix));
        }
        // The path is the same with and without a route that holds it; only its forwarding is not.
        if former.is_some_and(|former| former.hold != options.hold) {
            changes.push(OwnPathChange::Redecide(prefix));
        }
        changes
    }

    /// Stops originating `prefix`.
    pub(crate) fn stop_originating(&mut self, prefix: Prefix) -> Vec<OwnPathChange> {
        let former = self.networks.remove(&prefix);
        let mut changes = vec![OwnPathChange::Remove(prefix, SourceIndex::LOCAL)];
        if former.is_some_and(|former| former.suppress_more_specific) {
            changes.extend(self.kernel_paths_inside(prefix));
        }
        changes
    }

    /// Takes over which route that is not our own the kernel has at a prefix.
    pub(crate) fn set_kernel_route(
        &mut self,
        prefix: Prefix,
        route: Option<KernelRouteView>,
    ) -> Vec<OwnPathChange> {
        match route {
            Some(route) => self.kernel_routes.insert(prefix, route),
            None => self.kernel_routes.remove(&prefix),
        };
        let network = self.networks.get(&prefix).map(|&options| self.network_path(prefix, options));
        std::iter::once(self.kernel_path(prefix)).chain(network).collect()
    }

    /// How packets to a network are dropped that no more specific route takes.
    pub(crate) fn hold(&self, prefix: Prefix) -> Option<Discard> {
        self.networks.get(&prefix).and_then(|network| network.hold)
    }

    /// The networks, in the order of their prefixes.
    pub(crate) fn sorted_networks(&self) -> BTreeMap<Prefix, NetworkOptions> {
        self.networks.iter().map(|(&prefix, &options)| (prefix, options)).collect()
    }

    /// The routes of the kernel, in the order of their prefixes.
    pub(crate) fn sorted_kernel_routes(&self) -> BTreeMap<Prefix, KernelRouteView> {
        self.kernel_routes.iter().map(|(&prefix, &route)| (prefix, route)).collect()
    }

    /// How many paths are this node's own.
    pub(crate) fn paths(&self) -> usize {
        self.networks.len() + self.kernel_routes.values().filter(|route| route.announced).count()
    }

    /// The path of a network; none while the route that it requires is not there. Where there is a forwarding table, its
    /// metric is that of ordinary routes: so is that of the route that holds it there.
    fn network_path(&self, prefix: Prefix, options: NetworkOptions) -> OwnPathChange {
        if options.require_route && !self.kernel_routes.contains_key(&prefix) {
            return OwnPathChange::Remove(prefix, SourceIndex::LOCAL);
        }
        let metric = (self.normal_metric > 0).then_some(self.normal_metric);
        let values = PathValues { metric, ..PathValues::ORIGINATED };
        OwnPathChange::Enter(prefix, SourceIndex::LOCAL, values)
    }

    /// The path of a route of the kernel, if it is to be announced.
    fn kernel_path(&self, prefix: Prefix) -> OwnPathChange {
        match self.kernel_routes.get(&prefix).filter(|route| route.announced) {
            Some(&KernelRouteView { metric, .. }) => {
                let is_covered = !is_elevated(metric, self.normal_metric) && self.is_suppressed(prefix);
                let values = PathValues { metric: Some(metric), is_covered, ..PathValues::IMPORTED };
                OwnPathChange::Enter(prefix, SourceIndex::KERNEL, values)
            }
            None => OwnPathChange::Remove(prefix, SourceIndex::KERNEL),
        }
    }

    /// Whether a network around `prefix` is announced in its place.
    fn is_suppressed(&self, prefix: Prefix) -> bool {
        let mut networks = self.networks.iter();
        networks.any(|(network, options)| {
            options.suppress_more_specific && network.contains(prefix) && *network != prefix
        })
    }

    /// The paths of the kernel's routes inside a network that suppresses them or does so no longer.
    fn kernel_paths_inside(&self, network: Prefix) -> impl Iterator<Item = OwnPathChange> {
        let inside = self.kernel_routes.keys().copied().filter(|prefix| network.contains(*prefix));
        // In an order that follows from the routes, as numbers are given out in it.
        let sorted: BTreeSet<Prefix> = inside.collect();
        sorted.into_iter().map(|prefix| self.kernel_path(prefix))
    }
}
