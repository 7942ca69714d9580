//! State of the kernel relative to what is wanted, for operators.

use bgp_codec::Prefix;
use margay_forwarding::{ConnectedRoute, Forwarding};

use crate::{
    index::EntryId,
    mirror::{plan::EntryPlan, plan::Outlook, state::Mirror},
    netlink::{KernelHop, RouteKind, RouteShape, RouteTarget, protocol_name},
    resolution::Resolver,
    table::{Entry, Progress, Wish},
};

/// State of the kernel relative to what is wanted, at one moment.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FibStatus {
    /// Number of wanted routes.
    pub wanted: usize,
    /// Number of wanted routes that the kernel holds.
    pub installed: usize,
    /// How many prefixes wait for the kernel to be asked, or for a next hop object, and have not failed.
    pub pending: usize,
    /// Some of these prefixes, sorted.
    pub pending_prefixes: Vec<Prefix>,
    /// Number of prefixes at which the kernel refused a request or something prevents one.
    pub failed: usize,
    /// Some of these prefixes, sorted.
    pub failures: Vec<FailedRoute>,
    /// Number of routes of an earlier run that nothing has asked for so far.
    pub stale: usize,
    /// Number of foreign routes in the watched tables, without those to link-local and multicast
    /// destinations.
    pub foreign: usize,
    /// Number of own next hop objects in the kernel; `None` if routes are installed without.
    pub objects: Option<usize>,
    /// Number of own routes and objects that another program changed or removed.
    pub disturbances: u64,
    /// Number of full readings: one at the start, and one after each loss of kernel messages.
    pub readings: u64,
    /// The connected subnets.
    pub connected: Vec<ConnectedRoute>,
}

/// A prefix at which the kernel does not hold what is wanted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FailedRoute {
    /// The destination.
    pub prefix: Prefix,
    /// The reason, as in [`poll_failure`](crate::Fib::poll_failure).
    pub reason: String,
}

/// One prefix in one table.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PrefixState {
    /// Number of the table.
    pub table: u32,
    /// The wanted forwarding.
    pub wanted: Option<Forwarding>,
    /// The routes that the kernel holds, including foreign ones.
    pub routes: Vec<DescribedRoute>,
    /// Why the kernel does not hold what is wanted.
    pub failure: Option<String>,
}

/// A route of the kernel, for operators.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DescribedRoute {
    /// Whether it is an own route.
    pub ours: bool,
    /// The route protocol, by number and name.
    pub protocol: String,
    /// The metric.
    pub metric: u32,
    /// The next hop object that it refers to.
    pub object: Option<u32>,
    /// Destinations of its packets, as `ip route` prints them.
    pub targets: Vec<String>,
}

impl Mirror {
    /// What the mirror shows, for operators.
    pub(crate) fn view(&self) -> MirrorView<'_> {
        MirrorView::of(self)
    }
}

/// What the mirror shows, for operators.
pub(crate) struct MirrorView<'a> {
    pub(super) mirror: &'a Mirror,
}

impl<'a> MirrorView<'a> {
    pub(super) fn of(mirror: &'a Mirror) -> Self {
        Self { mirror }
    }

    /// Number of prefixes in each state, and some of those that differ from what is wanted. The time depends on what is listed,
    /// not on the number of routes.
    pub(crate) fn status(&self) -> FibStatus {
        let counts = self.mirror.entries.counts();
        let named = |(id, reason): (EntryId, &str)| FailedRoute {
            prefix: self.mirror.entries.get(id).prefix,
            reason: reason.to_owned(),
        };
        let mut failures: Vec<FailedRoute> = self.mirror.failures.iter().take(LISTED).map(named).collect();
        failures.sort_by_key(|route| route.prefix);
        FibStatus {
            wanted: counts.wanted(),
            installed: counts.installed,
            pending: counts.pending(self.mirror.sweeping),
            pending_prefixes: self.pending_prefixes(),
            failed: self.mirror.failures.len(),
            failures,
            stale: if self.mirror.sweeping { 0 } else { counts.unasked_routes },
            foreign: counts.foreign_routes,
            objects: self.mirror.with_objects.then(|| self.mirror.objects.held.own_len()),
            disturbances: self.mirror.disturbances,
            readings: self.mirror.readings,
            connected: self.mirror.resolver().connected(),
        }
    }

    /// The numbers of [`status`](Self::status) from a look at every entry: what settled entries need is planned again.
    pub(crate) fn recount(&self) -> FibStatus {
        let failed = self.mirror.entries.iter().filter(|(_, entry)| entry.has_failed()).count();
        let objects = self.mirror.with_objects.then(|| self.mirror.objects.held.recount_own());
        let mut status = FibStatus { failed, objects, ..FibStatus::default() };
        let mut requests = Vec::new();
        for (id, entry) in self.mirror.entries.iter() {
            let held = entry.held().iter().map(|&held| self.mirror.shapes.get(held));
            let ours = held.filter(|shape| self.mirror.tables.is_ours(entry.table, shape)).count();
            status.foreign += entry.held().len() - ours;
            if !self.mirror.tables.has_own(entry.table) {
                continue;
            }
            let is_wanted = matches!(entry.wish(), Wish::Path(_));
            status.wanted += usize::from(is_wanted);
            if entry.wish() == Wish::Unknown && !self.mirror.sweeping {
                status.stale += ours;
                continue;
            }
            if self.mirror.failures.reason(id).is_some() {
                continue;
            }
            requests.clear();
            let is_good = EntryPlan::of(id, self.mirror).requests(&mut requests) == Outlook::Good
                && requests.is_empty();
            if entry.is_unsettled() || !is_good {
                status.pending += 1;
            } else {
                status.installed += usize::from(is_wanted);
            }
        }
        status
    }

    fn pending_prefixes(&self) -> Vec<Prefix> {
        let is_pending = |entry: &&Entry| entry.wish() != Wish::Unknown || self.mirror.sweeping;
        let looked_at = self.mirror.entries.pending().take(LISTED);
        let pending = looked_at.filter(|&id| self.mirror.entries.progress(id) == Some(Progress::Pending));
        let entries = pending.filter_map(|id| self.mirror.entries.find_in_use(id)).filter(is_pending);
        let mut prefixes: Vec<Prefix> = entries.map(|entry| entry.prefix).collect();
        prefixes.sort();
        prefixes.dedup();
        prefixes
    }

    /// What is wanted at a prefix and what the kernel holds there, table by table.
    pub(crate) fn describe(&self, prefix: Prefix) -> Vec<PrefixState> {
        let tables = self
            .mirror
            .tables
            .all()
            .filter_map(|table| Some((table, self.mirror.entries.find(table, prefix)?)));
        tables.map(|(table, id)| self.describe_entry(self.mirror.tables.number(table), id)).collect()
    }

    fn describe_entry(&self, table: u32, id: EntryId) -> PrefixState {
        let entry = self.mirror.entries.get(id);
        let held = entry.held().iter().map(|&held| self.mirror.shapes.get(held));
        PrefixState {
            table,
            wanted: match entry.wish() {
                Wish::Path(path) => Some(self.mirror.paths.forwarding(path).clone()),
                Wish::Nothing | Wish::Unknown => None,
            },
            routes: held.map(|shape| self.describe_route(entry.table, shape)).collect(),
            failure: self.mirror.failures.reason(id).map(str::to_owned),
        }
    }

    fn describe_route(&self, table: u8, shape: &RouteShape) -> DescribedRoute {
        DescribedRoute {
            ours: self.mirror.tables.is_ours(table, shape),
            protocol: match protocol_name(shape.protocol) {
                Some(name) => format!("{} ({name})", shape.protocol),
                None => shape.protocol.to_string(),
            },
            metric: shape.metric,
            object: match shape.target {
                RouteTarget::Object(object) => Some(object),
                RouteTarget::Hops(_) => None,
            },
            targets: targets(&self.mirror.resolver(), shape),
        }
    }
}

/// Destinations of the route's packets, as `ip route` prints them.
fn targets(resolver: &Resolver<'_>, shape: &RouteShape) -> Vec<String> {
    let kind = match shape.kind {
        RouteKind::UNICAST => None,
        RouteKind::BLACKHOLE => Some("blackhole".to_owned()),
        RouteKind::UNREACHABLE => Some("unreachable".to_owned()),
        RouteKind::PROHIBIT => Some("prohibit".to_owned()),
        RouteKind::LOCAL => Some("local".to_owned()),
        RouteKind(number) => Some(format!("type {number}")),
    };
    if let Some(kind) = kind {
        return vec![kind];
    }
    let hops = resolver.shape_hops(shape);
    let weighted = hops.iter().any(|hop| hop.weight != 1);
    let text = |hop: &KernelHop| {
        let mut words = Vec::new();
        words.extend(hop.gateway.map(|gateway| format!("via {gateway}")));
        match resolver.links.name(hop.interface) {
            Some(name) if !name.is_empty() => words.push(format!("dev {name}")),
            _ => words.push(format!("dev {}", hop.interface)),
        }
        words.extend(hop.onlink.then(|| "onlink".to_owned()));
        words.extend(weighted.then(|| format!("weight {}", hop.weight)));
        words.join(" ")
    };
    hops.iter().map(text).collect()
}

/// Number of prefixes listed of each state.
const LISTED: usize = 1000;
