//! Routes that this node originates: configured networks, and routes imported from the kernel.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bgp_codec::Prefix;

use crate::attributes::{PathValues, RareValues};
use crate::index::SourceIndex;
use crate::options::{Discard, KernelRouteView, NetworkOptions, is_elevated};

/// The own routes of one family, and the paths that follow from them.
#[derive(Debug)]
pub(crate) struct OwnRoutes {
    networks: HashMap<Prefix, NetworkOptions>,
    /// Foreign routes of the kernel, as far as they are relevant.
    kernel_routes: HashMap<Prefix, KernelRouteView>,
    /// Metric of ordinary routes in the kernel; 0 without a forwarding table.
    normal_metric: u32,
}

/// Effect of an own route on the paths of its prefix.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum OwnPathChange {
    /// Enter a path with these values from this source.
    Enter(Prefix, SourceIndex, PathValues),
    /// Remove the path from this source.
    Remove(Prefix, SourceIndex),
    /// Keep the paths; only the forwarding of the best one changed.
    Redecide(Prefix),
}

impl OwnRoutes {
    pub(crate) fn new(normal_metric: u32) -> Self {
        Self { networks: HashMap::new(), kernel_routes: HashMap::new(), normal_metric }
    }

    /// Originates a network. If it is originated already, replaces its options.
    pub(crate) fn originate(&mut self, prefix: Prefix, options: NetworkOptions) -> Vec<OwnPathChange> {
        let former = self.networks.insert(prefix, options);
        let mut changes = vec![self.network_path(prefix, options)];
        let suppressed = former.is_some_and(|former| former.suppress_more_specific);
        if suppressed != options.suppress_more_specific {
            changes.extend(self.kernel_paths_inside(prefix));
        }
        // The hold option alters only the forwarding, not the path.
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

    /// Sets the foreign route that the kernel has at a prefix.
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

    /// How packets to a network are discarded when no more specific route matches.
    pub(crate) fn hold(&self, prefix: Prefix) -> Option<Discard> {
        self.networks.get(&prefix).and_then(|network| network.hold)
    }

    /// The networks, in the order of their prefixes.
    pub(crate) fn sorted_networks(&self) -> BTreeMap<Prefix, NetworkOptions> {
        self.networks.iter().map(|(&prefix, &options)| (prefix, options)).collect()
    }

    /// The kernel's foreign routes, in the order of their prefixes.
    pub(crate) fn sorted_kernel_routes(&self) -> BTreeMap<Prefix, KernelRouteView> {
        self.kernel_routes.iter().map(|(&prefix, route)| (prefix, route.clone())).collect()
    }

    /// Number of own paths.
    pub(crate) fn paths(&self) -> usize {
        self.networks.len() + self.kernel_routes.values().filter(|route| route.announced).count()
    }

    /// The path of a network; removed while the kernel route that it requires is missing. With a forwarding
    /// table, its metric is that of ordinary routes, which the route holding the network has there, too.
    fn network_path(&self, prefix: Prefix, options: NetworkOptions) -> OwnPathChange {
        if options.require_route && !self.kernel_routes.contains_key(&prefix) {
            return OwnPathChange::Remove(prefix, SourceIndex::LOCAL);
        }
        let metric = (self.normal_metric > 0).then_some(self.normal_metric);
        let values = PathValues { metric, ..PathValues::ORIGINATED };
        OwnPathChange::Enter(prefix, SourceIndex::LOCAL, values)
    }

    /// The path of a kernel route, if it is to be announced.
    fn kernel_path(&self, prefix: Prefix) -> OwnPathChange {
        match self.kernel_routes.get(&prefix).filter(|route| route.announced) {
            Some(KernelRouteView { metric, interface, .. }) => {
                let metric = *metric;
                let is_covered = !is_elevated(metric, self.normal_metric) && self.is_suppressed(prefix);
                let values = PathValues { metric: Some(metric), is_covered, ..PathValues::IMPORTED };
                let values =
                    values.with_rare(RareValues { interface: interface.clone(), ..RareValues::default() });
                OwnPathChange::Enter(prefix, SourceIndex::KERNEL, values)
            }
            None => OwnPathChange::Remove(prefix, SourceIndex::KERNEL),
        }
    }

    /// Whether a network that covers `prefix` is announced instead.
    fn is_suppressed(&self, prefix: Prefix) -> bool {
        let mut networks = self.networks.iter();
        networks.any(|(network, options)| {
            options.suppress_more_specific && network.contains(prefix) && *network != prefix
        })
    }

    /// The paths of kernel routes inside a network that starts or stops suppressing them.
    fn kernel_paths_inside(&self, network: Prefix) -> impl Iterator<Item = OwnPathChange> {
        let inside = self.kernel_routes.keys().copied().filter(|prefix| network.contains(*prefix));
        // Numbers are given out in this order, so it must follow from the routes alone.
        let sorted: BTreeSet<Prefix> = inside.collect();
        sorted.into_iter().map(|prefix| self.kernel_path(prefix))
    }
}
