//! What is wanted and what the kernel holds, prefix by prefix, and what must be asked to make them equal.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use bgp_codec::{NextHop, Prefix};
use margay_rib::{Forwarding, ForwardingChange};
use netlink_packet_route::route::RouteProtocol;

use super::{
    FailedRoute, InstalledRoute, KernelOptions, KernelSnapshot,
    attached::Attached,
    held_routes::{Certainty, HeldRoutes},
    kernel_route::{KernelHop, KernelRoute},
    netlink_socket::Refusal,
    notice::RouteNotice,
    path::Path,
    route_request::{RouteRequest, effective_metric},
};

/// Every prefix that is wanted, or at which the kernel holds a route of ours or one that stands in our way.
pub(super) struct ForwardingTable {
    options: KernelOptions,
    entries: HashMap<Prefix, Entry>,
    /// Prefixes at which wish and kernel may differ; each once.
    unsettled: VecDeque<Prefix>,
    /// Prefixes whose failure has not been told yet; each once.
    untold: VecDeque<Prefix>,
    /// Whether routes of ours that nobody asked for are removed.
    sweeping: bool,
    /// Whether something was refused that nobody has been told to try again.
    refusal: bool,
}

#[derive(Debug, Default)]
struct Entry {
    wish: Wish,
    /// Routes of ours of any metric, and foreign ones of our metric, in the kernel's order.
    held: HeldRoutes,
    failure: Option<Failure>,
    /// Whether the prefix waits in `unsettled`.
    unsettled: bool,
    /// Whether the prefix waits in `untold`.
    untold: bool,
}

/// What the Rib wants at a prefix.
#[derive(Debug, Default)]
enum Wish {
    /// It has not said anything: a route of an earlier run may be wanted yet.
    #[default]
    Unknown,
    Nothing,
    Route(Forwarding),
}

/// Why a wanted route is not in the kernel.
#[derive(Debug)]
struct Failure {
    reason: String,
    /// The kernel said no: nothing is asked again until something changes or time has passed.
    refused: bool,
}

/// What has to be asked of the kernel at one prefix.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Plan {
    pub(super) requests: Vec<RouteRequest>,
    /// Whether the wanted route was refused and its next chance has not come.
    pub(super) waiting: bool,
    /// Why the wanted route cannot even be asked for.
    pub(super) obstacle: Option<String>,
}

impl ForwardingTable {
    pub(super) fn new(options: KernelOptions) -> Self {
        Self {
            options,
            entries: HashMap::new(),
            unsettled: VecDeque::new(),
            untold: VecDeque::new(),
            sweeping: false,
            refusal: false,
        }
    }

    /// Takes over a wish of the Rib.
    pub(super) fn want(&mut self, change: ForwardingChange) {
        let entry = self.entries.entry(change.prefix).or_default();
        entry.wish = change.forwarding.map_or(Wish::Nothing, Wish::Route);
        entry.failure = None;
        self.unsettle(change.prefix);
    }

    /// From now on, routes of ours that nobody asked for are removed.
    pub(super) fn sweep(&mut self) {
        self.sweeping = true;
        self.unsettle_where(|entry| !entry.held.routes().is_empty());
    }

    /// Takes over a change of the kernel's table. `own` marks the echo of a request of ours: it settles, and asks for
    /// nothing.
    pub(super) fn on_route(&mut self, notice: &RouteNotice, own: bool) -> Certainty {
        let route = &notice.route;
        let prefix = route.prefix;
        let concerns = route.table == self.options.table
            && (self.is_ours(route) || route.metric == effective_metric(&self.options, prefix));
        if !concerns {
            return Certainty::Certain;
        }
        let entry = self.entries.entry(prefix).or_default();
        let certainty = entry.held.follow(route, notice.change);
        if !own {
            entry.allow_retry();
            self.unsettle(prefix);
        }
        certainty
    }

    /// Forgets what the kernel holds, before it is read anew.
    pub(super) fn forget_held(&mut self) {
        for entry in self.entries.values_mut() {
            entry.held.forget(|_| true);
        }
    }

    /// Looks at each prefix anew.
    pub(super) fn unsettle_all(&mut self) {
        self.unsettle_where(|_| true);
    }

    /// Gives refused routes another chance.
    pub(super) fn retry(&mut self) {
        self.entries.values_mut().for_each(Entry::allow_retry);
        self.unsettle_where(|entry| entry.failure.is_some());
    }

    /// Looks anew at routes whose next hops are attached elsewhere now.
    pub(super) fn on_attached(&mut self, attached: &Attached) {
        let mut interfaces = HashMap::new();
        let mut has_moved = |hop: &KernelHop| {
            let towards =
                |gateway| *interfaces.entry(gateway).or_insert_with(|| attached.interface_towards(gateway));
            hop.gateway.and_then(towards).is_some_and(|interface| interface != hop.interface)
        };
        self.unsettle_where(|entry| {
            entry.wants_link_local_hop()
                || entry.held.routes().iter().flat_map(|route| &route.hops).any(&mut has_moved)
        });
    }

    /// Whether any wanted route is not in the kernel because it was refused, or something stands in the way.
    pub(super) fn has_failures(&self) -> bool {
        self.entries.values().any(|entry| entry.failure.is_some())
    }

    /// Whether the kernel may have dropped routes silently, once these interfaces went down or lost their addresses.
    pub(super) fn uses_any(&self, interfaces: &HashSet<u32>) -> bool {
        let held = self.entries.values().flat_map(|entry| entry.held.routes());
        held.flat_map(|route| &route.hops).any(|hop| interfaces.contains(&hop.interface))
    }

    /// The next prefix at which wish and kernel may differ.
    pub(super) fn poll_unsettled(&mut self) -> Option<Prefix> {
        let prefix = self.unsettled.pop_front()?;
        if let Some(entry) = self.entries.get_mut(&prefix) {
            entry.unsettled = false;
        }
        Some(prefix)
    }

    pub(super) fn unsettled_len(&self) -> usize {
        self.unsettled.len()
    }

    /// What must be asked so that the kernel holds what is wanted at the prefix.
    pub(super) fn plan(&self, prefix: Prefix, attached: &Attached) -> Plan {
        let Some(entry) = self.entries.get(&prefix) else { return Plan::default() };
        match &entry.wish {
            Wish::Unknown if self.sweeping => self.plan_removal(entry, |_| true),
            Wish::Unknown => Plan::default(),
            Wish::Nothing => self.plan_removal(entry, |_| true),
            Wish::Route(forwarding) => self.plan_route(prefix, entry, forwarding, attached),
        }
    }

    /// Notes that nothing has to be asked at a prefix: the kernel holds what is wanted, or something stands in the way.
    pub(super) fn on_nothing_to_ask(&mut self, prefix: Prefix, plan: Plan) {
        if let Some(obstacle) = plan.obstacle {
            self.fail(prefix, obstacle, Verdict::Blocked);
            return;
        }
        let Some(entry) = self.entries.get_mut(&prefix) else { return };
        if !plan.waiting {
            entry.failure = None;
        }
        if entry.held.routes().is_empty() && !matches!(entry.wish, Wish::Route(_)) {
            self.entries.remove(&prefix);
        }
    }

    /// Notes that the kernel obeyed a request, whose echo has been heard.
    ///
    /// A route that is other than wanted nevertheless counts as refused, so that a kernel with its own view of a route
    /// is not asked over and over.
    pub(super) fn on_accepted(&mut self, prefix: Prefix, request: &RouteRequest, attached: &Attached) {
        if self.entries.get(&prefix).is_none_or(|entry| entry.unsettled) {
            return;
        }
        let plan = self.plan(prefix, attached);
        if plan.requests.is_empty() {
            self.on_nothing_to_ask(prefix, plan);
        } else if request.is_removal() {
            // The kernel removes one route at a time; others of ours may stand at the same metric.
            self.unsettle(prefix);
        } else {
            self.fail(
                prefix,
                "the kernel does not hold the route as it was asked to".to_owned(),
                Verdict::Refused,
            );
        }
    }

    /// Notes that the kernel refused a request, and looks again whether an outdated route of ours has to go.
    pub(super) fn on_refused(&mut self, prefix: Prefix, request: &RouteRequest, refusal: &Refusal) {
        match request {
            RouteRequest::Remove { metric } if refusal.errno == ESRCH => {
                self.forget_ours(prefix, *metric);
                self.unsettle(prefix);
            }
            RouteRequest::Install(_) | RouteRequest::Remove { .. } => {
                self.fail(prefix, refusal.reason(), Verdict::Refused);
            }
            RouteRequest::Replace(_) => {
                self.fail(prefix, refusal.reason(), Verdict::Refused);
                self.unsettle(prefix);
            }
        }
    }

    /// The next failure to tell, each reason once.
    pub(super) fn poll_failure(&mut self) -> Option<FailedRoute> {
        while let Some(prefix) = self.untold.pop_front() {
            let Some(entry) = self.entries.get_mut(&prefix) else { continue };
            entry.untold = false;
            if let Some(failure) = &entry.failure {
                return Some(FailedRoute { prefix, reason: failure.reason.clone() });
            }
        }
        None
    }

    pub(super) fn has_untold(&self) -> bool {
        !self.untold.is_empty()
    }

    /// Whether the kernel has refused anything since the last call, so that it has to be asked again later.
    pub(super) fn take_refusal(&mut self) -> bool {
        std::mem::take(&mut self.refusal)
    }

    /// All prefixes by how far they are.
    pub(super) fn snapshot(&self, attached: &Attached) -> KernelSnapshot {
        let mut snapshot = KernelSnapshot::default();
        for (&prefix, entry) in &self.entries {
            if let Some(failure) = &entry.failure {
                snapshot.failed.push(FailedRoute { prefix, reason: failure.reason.clone() });
            } else if self.plan(prefix, attached) != Plan::default() {
                snapshot.pending.push(prefix);
            } else if let Wish::Route(forwarding) = &entry.wish {
                snapshot.installed.push(InstalledRoute { prefix, forwarding: forwarding.clone() });
            } else if entry.held.routes().iter().any(|route| self.is_ours(route)) {
                snapshot.stale.push(prefix);
            }
        }
        snapshot.installed.sort_by_key(|route| route.prefix);
        snapshot.failed.sort_by_key(|route| route.prefix);
        snapshot.pending.sort();
        snapshot.stale.sort();
        snapshot
    }

    fn plan_route(
        &self,
        prefix: Prefix,
        entry: &Entry,
        forwarding: &Forwarding,
        attached: &Attached,
    ) -> Plan {
        let metric = effective_metric(&self.options, prefix);
        let leftovers = |route: &KernelRoute| self.sweeping && route.metric != metric;
        let path = match Path::resolve(prefix, forwarding, attached) {
            Ok(path) => path,
            Err(obstacle) => {
                let removal = self.plan_removal(entry, |route| route.metric == metric || leftovers(route));
                return Plan { obstacle: Some(obstacle), ..removal };
            }
        };
        let mut plan = self.plan_removal(entry, leftovers);
        let at_metric = entry.held.routes().iter().filter(|route| route.metric == metric);
        let (ours, foreign): (Vec<_>, Vec<_>) = at_metric.partition(|route| self.is_ours(route));
        match (ours.as_slice(), foreign.first()) {
            ([ours], _) if ours.follows(&path) => {}
            ([], None) if entry.is_refused() => plan.waiting = true,
            ([], None) => plan.requests.push(RouteRequest::Install(path)),
            ([_], None) if !entry.is_refused() => plan.requests.push(RouteRequest::Replace(path)),
            // An outdated route, or several of which the kernel would not tell which to replace.
            ([_, ..], None) => plan.requests.push(RouteRequest::Remove { metric }),
            (ours, Some(foreign)) => {
                plan.requests.extend(ours.first().map(|_| RouteRequest::Remove { metric }));
                plan.obstacle = Some(occupied(foreign.protocol));
            }
        }
        plan
    }

    fn plan_removal(&self, entry: &Entry, which: impl Fn(&KernelRoute) -> bool) -> Plan {
        let ours = entry.held.routes().iter().filter(|route| self.is_ours(route) && which(route));
        let metrics: BTreeSet<u32> = ours.map(|route| route.metric).collect();
        let requests = metrics.into_iter().map(|metric| RouteRequest::Remove { metric }).collect();
        Plan { requests, ..Plan::default() }
    }

    fn is_ours(&self, route: &KernelRoute) -> bool {
        route.protocol == self.options.protocol && route.table == self.options.table
    }

    fn fail(&mut self, prefix: Prefix, reason: String, verdict: Verdict) {
        let Some(entry) = self.entries.get_mut(&prefix) else { return };
        let known = entry.failure.as_ref().is_some_and(|failure| failure.reason == reason);
        if !known && !entry.untold {
            entry.untold = true;
            self.untold.push_back(prefix);
        }
        let refused = verdict == Verdict::Refused;
        entry.failure = Some(Failure { reason, refused });
        self.refusal |= refused;
    }

    fn forget_ours(&mut self, prefix: Prefix, metric: u32) {
        let options = self.options;
        if let Some(entry) = self.entries.get_mut(&prefix) {
            entry.held.forget(|route| route.metric == metric && route.protocol == options.protocol);
        }
    }

    fn unsettle(&mut self, prefix: Prefix) {
        if let Some(entry) = self.entries.get_mut(&prefix)
            && !entry.unsettled
        {
            entry.unsettled = true;
            self.unsettled.push_back(prefix);
        }
    }

    fn unsettle_where(&mut self, mut which: impl FnMut(&Entry) -> bool) {
        for (prefix, entry) in &mut self.entries {
            if !entry.unsettled && which(entry) {
                entry.unsettled = true;
                self.unsettled.push_back(*prefix);
            }
        }
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Verdict {
    /// The kernel said no, and is asked again later.
    Refused,
    /// The way is blocked, and the message that frees it will be noticed.
    Blocked,
}

impl Entry {
    fn is_refused(&self) -> bool {
        self.failure.as_ref().is_some_and(|failure| failure.refused)
    }

    fn allow_retry(&mut self) {
        if let Some(failure) = &mut self.failure {
            failure.refused = false;
        }
    }

    fn wants_link_local_hop(&self) -> bool {
        match &self.wish {
            Wish::Route(Forwarding::Via(hops)) => {
                hops.iter().any(|hop| matches!(hop, NextHop::Ipv6LinkLocal { .. }))
            }
            Wish::Route(Forwarding::Blackhole) | Wish::Nothing | Wish::Unknown => false,
        }
    }
}

fn occupied(protocol: u8) -> String {
    match RouteProtocol::from(protocol) {
        RouteProtocol::Other(number) => {
            format!("another route of protocol {number} holds this prefix and metric")
        }
        named => format!("another route of protocol {protocol} ({named}) holds this prefix and metric"),
    }
}

/// "No such process" is what the kernel says when the route to be removed is not there.
const ESRCH: i32 = 3;
