//! Routes that this node originates: configured networks, static routes, and routes imported from the kernel.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::num::NonZeroU8;

use bgp_codec::{NextHop, Prefix};
use margay_forwarding::WeightedHop;

use super::aggregates::Aggregates;
use crate::attributes::{PathValues, RareValues};
use crate::index::SourceIndex;
use crate::options::{
    Discard, ForwardingOptions, KernelRouteView, LinkName, LinkUsability, NetworkOptions, RoutePurpose,
    StaticRoute, StaticTarget, is_elevated,
};
use crate::paths::Sources;

/// The own routes of one family, and the paths that follow from them.
#[derive(Debug)]
pub(crate) struct OwnRoutes {
    networks: HashMap<Prefix, NetworkOptions>,
    /// Foreign routes of the kernel, as far as they are relevant.
    kernel_routes: HashMap<Prefix, KernelRouteView>,
    statics: HashMap<Prefix, StaticRoute>,
    pub(crate) aggregates: Aggregates,
    /// The default route that some peers are sent.
    default_route: Option<Prefix>,
    /// The links that static routes lead over, and whether each is usable.
    links: BTreeMap<LinkName, bool>,
    /// The forwarding table, if there is one. Without it, all links are assumed usable.
    forwarding: Option<ForwardingOptions>,
}

/// The source of an own path.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum OwnSource {
    /// A network of the configuration.
    Network,
    /// A route of the kernel.
    Kernel,
    /// The next hop with this number of a static route; of one that discards, 0.
    Static(u32),
    /// An aggregate.
    Aggregate,
    /// The default route that some peers are sent.
    DefaultRoute,
}

/// An own path.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct OwnPath {
    pub(crate) source: OwnSource,
    /// The gateway of a static route; `None` for this speaker itself.
    pub(crate) next_hop: Option<NextHop>,
    pub(crate) values: PathValues,
}

/// Effect of an own route on the paths of its prefix.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum OwnPathChange {
    /// Enter a path, instead of another one from its source.
    Enter(Prefix, OwnPath),
    /// Remove the path from this source.
    Remove(Prefix, OwnSource),
    /// Keep the paths; only the forwarding of the best one changed.
    Redecide(Prefix),
}

impl OwnRoutes {
    pub(crate) fn new(forwarding: Option<ForwardingOptions>) -> Self {
        Self {
            networks: HashMap::new(),
            kernel_routes: HashMap::new(),
            statics: HashMap::new(),
            aggregates: Aggregates::default(),
            default_route: None,
            links: BTreeMap::new(),
            forwarding,
        }
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
        let mut changes = vec![OwnPathChange::Remove(prefix, OwnSource::Network)];
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

    /// Sets the static route at a prefix; `None` for no route.
    pub(crate) fn set_static(&mut self, prefix: Prefix, route: Option<StaticRoute>) -> Vec<OwnPathChange> {
        let former = match route {
            Some(route) => self.statics.insert(prefix, route),
            None => self.statics.remove(&prefix),
        };
        self.static_paths(prefix, former.as_ref())
    }

    /// Handles links that have become usable or unusable.
    pub(crate) fn on_links_changed(&mut self, changes: &[LinkUsability]) -> Vec<OwnPathChange> {
        self.links.extend(changes.iter().map(|change| (change.link, change.is_usable)));
        let is_changed = |hop: &WeightedHop| changes.iter().any(|change| hop.hop.link() == Some(change.link));
        let leads_over = |route: &StaticRoute| match &route.target {
            StaticTarget::Via(hops) => hops.iter().any(is_changed),
            StaticTarget::Discard(_) => false,
        };
        let affected = self.sorted_statics().into_iter().filter(|(_, route)| leads_over(route));
        affected.flat_map(|(prefix, route)| self.static_paths(prefix, Some(&route))).collect()
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

    /// The static routes, ordered by prefix.
    pub(crate) fn sorted_statics(&self) -> BTreeMap<Prefix, StaticRoute> {
        self.statics.iter().map(|(&prefix, route)| (prefix, route.clone())).collect()
    }

    /// The links that static routes lead over, and whether each is usable.
    pub(crate) fn links(&self) -> impl Iterator<Item = (LinkName, bool)> {
        self.links.iter().map(|(&link, &is_usable)| (link, is_usable))
    }

    /// Number of own paths.
    pub(crate) fn paths(&self) -> usize {
        let statics = self.statics.values();
        let of_static = |route: &StaticRoute| {
            (0..route.paths()).filter(|&number| self.static_path(route, number).is_some()).count()
        };
        self.networks.len()
            + self.kernel_routes.values().filter(|route| route.announced).count()
            + statics.map(of_static).sum::<usize>()
            + self.aggregates.iter().filter(|(_, aggregate)| aggregate.is_active()).count()
            + usize::from(self.default_route.is_some())
    }

    /// The path of a network; removed while the kernel route that it requires is missing. With a forwarding
    /// table, its metric is that of ordinary routes, which the route holding the network has there, too.
    fn network_path(&self, prefix: Prefix, options: NetworkOptions) -> OwnPathChange {
        if options.require_route && !self.kernel_routes.contains_key(&prefix) {
            return OwnPathChange::Remove(prefix, OwnSource::Network);
        }
        let values = PathValues { metric: self.normal_metric(), ..PathValues::ORIGINATED };
        OwnPathChange::Enter(prefix, OwnPath { source: OwnSource::Network, next_hop: None, values })
    }

    /// The paths of the static route at a prefix, one for each usable next hop, instead of those of a former one.
    fn static_paths(&self, prefix: Prefix, former: Option<&StaticRoute>) -> Vec<OwnPathChange> {
        let route = self.statics.get(&prefix);
        let count = [route, former].into_iter().flatten().map(StaticRoute::paths).max().unwrap_or(0);
        let change = |number: u32| match route.and_then(|route| self.static_path(route, number)) {
            Some(path) => OwnPathChange::Enter(prefix, path),
            None => OwnPathChange::Remove(prefix, OwnSource::Static(number)),
        };
        (0..count).map(change).collect()
    }

    /// The path over the next hop with this number, or the one that discards packets.
    fn static_path(&self, route: &StaticRoute, number: u32) -> Option<OwnPath> {
        let (hop, discard) = match &route.target {
            StaticTarget::Discard(discard) => (None, (number == 0).then_some(*discard)),
            StaticTarget::Via(hops) => (hops.get(number as usize), None),
        };
        if hop.is_none() && discard.is_none() {
            return None;
        }
        let link = hop.and_then(|hop| hop.hop.link());
        let is_usable = |link| self.forwarding.is_none() || self.links.get(&link) == Some(&true);
        if link.is_some_and(|link| !is_usable(link)) {
            return None;
        }
        let rare = RareValues {
            tag: route.tag,
            discard,
            link,
            share: hop.and_then(|hop| NonZeroU8::new(hop.weight)).filter(|share| share.get() > 1),
            purpose: route.purpose,
            ..RareValues::default()
        };
        let values = PathValues {
            preference: route.preference,
            metric: route.metric.or_else(|| self.normal_metric()),
            ..PathValues::ORIGINATED
        };
        Some(OwnPath {
            source: OwnSource::Static(number),
            next_hop: hop.and_then(|hop| hop.hop.gateway()),
            values: values.with_rare(rare),
        })
    }

    /// Sets the default route that some peers are sent; `None` for no such route.
    pub(crate) fn set_default_route(&mut self, route: Option<Prefix>) -> Option<OwnPathChange> {
        let former = std::mem::replace(&mut self.default_route, route);
        match (former, route) {
            (Some(former), None) => Some(OwnPathChange::Remove(former, OwnSource::DefaultRoute)),
            (None, Some(prefix)) => {
                let rare = RareValues { purpose: RoutePurpose::DefaultOriginate, ..RareValues::default() };
                // Any other route to the prefix is preferred.
                let values = PathValues { preference: 0, ..PathValues::ORIGINATED }.with_rare(rare);
                let path = OwnPath { source: OwnSource::DefaultRoute, next_hop: None, values };
                Some(OwnPathChange::Enter(prefix, path))
            }
            (Some(_), Some(_)) | (None, None) => None,
        }
    }

    /// The default route that some peers are sent.
    pub(crate) fn default_route(&self) -> Option<Prefix> {
        self.default_route
    }

    /// The path of the aggregate at a prefix, while it is active.
    pub(crate) fn aggregate_path(&self, prefix: Prefix) -> OwnPathChange {
        let Some(aggregate) = self.aggregates.get(prefix).filter(|aggregate| aggregate.is_active()) else {
            return OwnPathChange::Remove(prefix, OwnSource::Aggregate);
        };
        let hold = aggregate.options.hold;
        let rare = RareValues {
            tag: aggregate.options.tag,
            discard: hold,
            purpose: if hold.is_some() { RoutePurpose::Both } else { RoutePurpose::Advertise },
            ..RareValues::default()
        };
        let values = PathValues { metric: self.normal_metric(), ..PathValues::ORIGINATED }.with_rare(rare);
        OwnPathChange::Enter(prefix, OwnPath { source: OwnSource::Aggregate, next_hop: None, values })
    }

    /// The metric of ordinary routes in the kernel.
    fn normal_metric(&self) -> Option<u32> {
        self.forwarding.map(|forwarding| forwarding.normal_metric)
    }

    /// The path of a kernel route, if it is to be announced.
    fn kernel_path(&self, prefix: Prefix) -> OwnPathChange {
        match self.kernel_routes.get(&prefix).filter(|route| route.announced) {
            Some(KernelRouteView { metric, interface, .. }) => {
                let metric = *metric;
                let is_covered =
                    !is_elevated(metric, self.normal_metric().unwrap_or(0)) && self.is_suppressed(prefix);
                let values = PathValues { metric: Some(metric), is_covered, ..PathValues::IMPORTED };
                let values =
                    values.with_rare(RareValues { interface: interface.clone(), ..RareValues::default() });
                OwnPathChange::Enter(prefix, OwnPath { source: OwnSource::Kernel, next_hop: None, values })
            }
            None => OwnPathChange::Remove(prefix, OwnSource::Kernel),
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

impl OwnSource {
    /// The source's index, which a static one may be given now.
    pub(super) fn intern(self, sources: &mut Sources) -> SourceIndex {
        match self {
            Self::Network => SourceIndex::LOCAL,
            Self::Kernel => SourceIndex::KERNEL,
            Self::Static(number) => sources.intern_static(number),
            Self::Aggregate => sources.intern_static(AGGREGATE_NUMBER),
            Self::DefaultRoute => sources.intern_static(DEFAULT_ROUTE_NUMBER),
        }
    }

    /// The source's index, if it may have paths.
    pub(super) fn find(self, sources: &Sources) -> Option<SourceIndex> {
        match self {
            Self::Network => Some(SourceIndex::LOCAL),
            Self::Kernel => Some(SourceIndex::KERNEL),
            Self::Static(number) => sources.find_static(number),
            Self::Aggregate => sources.find_static(AGGREGATE_NUMBER),
            Self::DefaultRoute => sources.find_static(DEFAULT_ROUTE_NUMBER),
        }
    }
}

/// The number of aggregates among static sources, above that of any next hop.
const AGGREGATE_NUMBER: u32 = u32::MAX - 1;

/// The number of the default route that some peers are sent.
const DEFAULT_ROUTE_NUMBER: u32 = u32::MAX - 2;
