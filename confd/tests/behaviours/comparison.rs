//! Rows of a recording beside those of margayd, and the differences that are argued.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use margay_render::{FilterUse, Speaker as Planned};

use crate::recording::{KernelRow, PathElement, Recording, Route, RowHop};
use crate::speaker::Speaker;

/// What differs, by its reason: what is not argued has none.
#[derive(Debug, Default)]
pub(crate) struct Differences {
    /// How many rows there were, and how many of them are equal.
    pub(crate) compared: usize,
    pub(crate) equal: usize,
    /// Rows that differ for a reason given in docs/calico.md.
    pub(crate) argued: BTreeMap<&'static str, usize>,
    /// Rows that differ for none.
    pub(crate) others: Vec<String>,
}

/// Differences in what is announced and installed, each described in docs/calico.md.
mod reason {
    pub(super) const NO_SESSION: &str =
        "recordings that need a session which the file cannot express are not played";
    pub(super) const TWICE: &str = "a path that the recorded daemon sends twice is sent once";
    pub(super) const UNREACHABLE: &str =
        "a route without a usable next hop is neither announced nor installed";
    pub(super) const DEFAULT: &str =
        "a next hop that only default routes cover is resolved through the kernel's, not through a peer's";
    pub(super) const TUNNELS: &str = "equal paths inside an IPIP pool lead through the tunnel, too";
    pub(super) const OWN_CLUSTER: &str = "a route that has passed the own cluster is refused from every peer";
    pub(super) const INTERFACE: &str =
        "the interface of a route from a peer is not known to filters that accept by it";
    pub(super) const OWN_ADDRESS: &str = "single addresses of interfaces are no routes of the kernel";
    pub(super) const MULTIPATH: &str =
        "a multipath route of the kernel is announced whatever the order of its gateways";
    pub(super) const LEFTOVER: &str =
        "routes of an earlier run stay while peers are awaited, or none is configured";
    pub(super) const GATEWAY: &str = "the next hop of a route of the kernel is announced as the own address";
    pub(super) const MED: &str =
        "MULTI_EXIT_DISC of internal routes is taken out towards external peers, not set to 0";
    pub(super) const PREPEND: &str = "what a filter prepends stands behind the own AS, as receivers demand";
    pub(super) const OWN_METRIC: &str =
        "own blocks and ways to peers are installed with the metric of ordinary routes";
    pub(super) const OWN_AS: &str =
        "a path that has passed the node's AS is refused from peers that know another number, too";
    pub(super) const BLACKHOLE_THERE: &str =
        "a block that another program holds as a blackhole is left to it";
    pub(super) const HIGH_LOCAL_PREF: &str =
        "a LOCAL_PREF above 2147483647 makes the best metric, not the worst";
    pub(super) const FAR_NEXT_HOP: &str = "next hops behind a gateway are as near as the route to them says";
}

/// What decides whether a difference is argued.
pub(crate) struct Grounds {
    /// Prefixes that were installed as unreachable in any phase, or whose next hop is the node itself.
    unreachable: BTreeSet<String>,
    /// Routes that an earlier run has left.
    leftovers: BTreeSet<String>,
    /// Prefixes whose next hops only a default route leads to.
    by_default: BTreeSet<String>,
    /// Prefixes that peers announce with the cluster of this node.
    own_cluster: BTreeSet<String>,
    /// Prefixes that peers announce with the AS number of this node.
    own_as: BTreeSet<String>,
    /// The AS number of this node.
    own_asn: PathElement,
    /// Blackholes that were there before.
    blackholes: BTreeSet<String>,
    /// Multipath routes that were there before.
    multipath: BTreeSet<String>,
    /// Single addresses of interfaces.
    addresses: BTreeSet<String>,
    /// Peers with a filter that accepts routes of peers by interface.
    by_interface: BTreeSet<String>,
}

impl Grounds {
    pub(crate) fn of(recording: &Recording, planned: &Planned) -> Self {
        let phases = [&recording.phase1, &recording.phase2, &recording.phase3].into_iter().flatten();
        let rows = phases.flat_map(|phase| phase.kernel.values().flatten());
        let unreachable = rows.filter(|row| row.kind.as_deref() == Some("unreachable"));
        let identifiers: BTreeSet<_> = recording.router_ids().chain(planned.cluster_id).collect();
        let speakers = || recording.inputs.speakers.values().flatten();
        let routes_of = || speakers().flat_map(|speaker| &speaker.routes);
        let own_cluster =
            routes_of().filter(|route| route.cluster_list.iter().any(|id| identifiers.contains(id)));
        let own_asn = PathElement::Asn(planned.asn.0);
        let own_as = routes_of().filter(|route| route.as_path.contains(&own_asn));
        let there = || recording.inputs.kernel_routes.values().flatten();
        let blackholes = there().filter(|route| route.kind.as_deref() == Some("blackhole"));
        let multipath = there().filter(|route| !route.nexthops.is_empty());
        let addresses = || recording.inputs.addresses.values().flatten();
        let leftovers = there().filter(|route| route.proto.as_deref() == Some("bird"));
        let own: BTreeSet<IpAddr> =
            addresses().filter_map(|text| Some(text.parse::<IpNet>().ok()?.addr())).collect();
        let to_itself =
            routes_of().filter(|route| own.contains(&route.next_hop.parse().expect("an address")));
        let of_table = there().filter(|route| route.table.is_none()).map(|route| &route.dst);
        let networks = of_table.chain(addresses()).filter_map(|text| text.parse::<IpNet>().ok());
        let networks: Vec<IpNet> = networks.filter(|network| network.prefix_len() > 0).collect();
        let by_default = routes_of().filter(|route| {
            let next_hop: IpAddr = route.next_hop.parse().expect("an address");
            !networks.iter().any(|network| network.contains(&next_hop))
        });
        let families = [&planned.ipv4, &planned.ipv6].into_iter().flatten();
        let asks = |own: &margay_render::FamilySpeaker, used: &FilterUse| {
            let named = |filter: &&margay_render::FilterPlan| *used == FilterUse::Named(filter.name.clone());
            let rules = own.filters.iter().filter(named).flat_map(|filter| &filter.rules);
            rules
                .clone()
                .any(|rule| rule.accepts && rule.matches.from_peers && rule.matches.interface.is_some())
        };
        let by_interface = families
            .flat_map(|own| own.peers.iter().filter(|peer| peer.export.iter().any(|used| asks(own, used))));
        Self {
            by_default: by_default.map(|route| route.prefix.clone()).collect(),
            multipath: multipath.map(|route| route.dst.clone()).collect(),
            addresses: addresses().cloned().collect(),
            by_interface: by_interface.map(|peer| peer.name.clone()).collect(),
            leftovers: leftovers.map(|route| route.dst.clone()).collect(),
            unreachable: unreachable
                .map(KernelRow::prefix)
                .chain(to_itself.map(|route| route.prefix.clone()))
                .collect(),
            own_cluster: own_cluster.map(|route| route.prefix.clone()).collect(),
            own_as: own_as.map(|route| route.prefix.clone()).collect(),
            own_asn,
            blackholes: blackholes.map(|route| route.dst.clone()).collect(),
        }
    }

    /// Whether a route, or another to its prefix, has passed the AS of this node.
    fn has_own_as(&self, route: &Route) -> bool {
        self.own_as.contains(&route.prefix) || route.as_path.contains(&self.own_asn)
    }
}

impl Differences {
    /// Of a run that broke off.
    pub(crate) fn failed(why: String) -> Self {
        Self { others: vec![why], ..Self::default() }
    }

    /// Of a recording with a session that the file cannot express, on which everything else depends.
    pub(crate) fn not_played() -> Self {
        Self { argued: [(reason::NO_SESSION, 1)].into(), ..Self::default() }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.compared += other.compared;
        self.equal += other.equal;
        for (reason, count) in other.argued {
            *self.argued.entry(reason).or_default() += count;
        }
        self.others.extend(other.others);
    }

    fn argue(&mut self, reason: &'static str) {
        *self.argued.entry(reason).or_default() += 1;
    }

    fn refuse(&mut self, place: &str, sign: char, row: &str) {
        self.others.push(format!("{place}: {sign} {row}"));
    }
}

/// Compares what stands announced to a peer by a node with this address.
pub(crate) fn announced(
    place: &str,
    recorded: &[Route],
    found: &[Route],
    speaker: &Speaker,
    grounds: &Grounds,
) -> Differences {
    let own = speaker.node;
    let mut differences = Differences::default();
    let recorded: Vec<Route> = recorded.iter().map(plain_route).collect();
    let mut left: Vec<Route> = found.iter().map(plain_route).collect();
    let mut missing = Vec::new();
    let mut seen = BTreeSet::new();
    for route in &recorded {
        differences.compared += 1;
        if let Some(at) = left.iter().position(|other| other == route) {
            left.remove(at);
            differences.equal += 1;
        } else {
            missing.push((route, seen.contains(route)));
        }
        seen.insert(route);
    }
    let is_by_interface = grounds.by_interface.contains(speaker.session());
    for (route, is_seen) in missing {
        let near = left.iter().enumerate().find_map(|(at, other)| Some((at, near_route(route, other, own)?)));
        match near {
            Some((at, reasons)) => {
                left.remove(at);
                reasons.into_iter().for_each(|reason| differences.argue(reason));
            }
            None if is_seen => differences.argue(reason::TWICE),
            None if grounds.unreachable.contains(&route.prefix) => differences.argue(reason::UNREACHABLE),
            None if grounds.own_cluster.contains(&route.prefix) => differences.argue(reason::OWN_CLUSTER),
            None if grounds.has_own_as(route) => differences.argue(reason::OWN_AS),
            None if grounds.by_default.contains(&route.prefix) => differences.argue(reason::DEFAULT),
            None if grounds.addresses.contains(&route.prefix) => differences.argue(reason::OWN_ADDRESS),
            None if is_by_interface => differences.argue(reason::INTERFACE),
            None => differences.refuse(place, '-', &format!("{route:?}")),
        }
    }
    for route in &left {
        match grounds.multipath.contains(&route.prefix) {
            true => differences.argue(reason::MULTIPATH),
            false => differences.refuse(place, '+', &format!("{route:?}")),
        }
    }
    differences
}

/// A row in one form: communities are a set, and attributes that are passed on differ in the Partial bit alone.
fn plain_route(route: &Route) -> Route {
    let mut plain = route.clone();
    plain.path_id = 0;
    plain.communities.sort_unstable();
    plain.large_communities.sort_unstable();
    plain.unknown.iter_mut().for_each(|(flags, _, _)| *flags = 0);
    plain
}

/// Why a route differs from the recorded one, field by field; `None` when a field differs for no reason.
fn near_route(recorded: &Route, found: &Route, own: IpAddr) -> Option<Vec<&'static str>> {
    let mut reasons = Vec::new();
    let mut same = found.clone();
    if found.next_hop != recorded.next_hop && found.next_hop == own.to_string() {
        reasons.push(reason::GATEWAY);
        same.next_hop.clone_from(&recorded.next_hop);
    }
    if (recorded.med, found.med) == (Some(0), None) {
        reasons.push(reason::MED);
        same.med = Some(0);
    }
    let sorted = |route: &Route| {
        let mut path = route.as_path.clone();
        path.sort();
        path
    };
    if found.as_path != recorded.as_path && sorted(found) == sorted(recorded) {
        reasons.push(reason::PREPEND);
        same.as_path.clone_from(&recorded.as_path);
    }
    (same == *recorded).then_some(reasons)
}

/// Compares what is installed.
pub(crate) fn installed(
    place: &str,
    recorded: &[KernelRow],
    found: &[KernelRow],
    grounds: &Grounds,
) -> Differences {
    let mut differences = Differences::default();
    let mut left: Vec<KernelRow> = found.iter().map(plain_row).collect();
    let mut missing = Vec::new();
    for row in recorded.iter().map(plain_row) {
        differences.compared += 1;
        match left.iter().position(|other| *other == row) {
            Some(at) => {
                left.remove(at);
                differences.equal += 1;
            }
            None => missing.push(row),
        }
    }
    for row in missing {
        let near = left.iter().enumerate().find_map(|(at, other)| Some((at, near_row(&row, other)?)));
        let prefix = row.prefix();
        let is_blackhole = row.kind.as_deref() == Some("blackhole");
        match near {
            Some((at, reason)) => {
                left.remove(at);
                differences.argue(reason);
            }
            None if row.kind.as_deref() == Some("unreachable") && grounds.by_default.contains(&prefix) => {
                left.retain(|other| other.prefix() != prefix);
                differences.argue(reason::DEFAULT);
            }
            None if row.kind.as_deref() == Some("unreachable") => differences.argue(reason::UNREACHABLE),
            None if is_blackhole && grounds.blackholes.contains(&row.dst) => {
                differences.argue(reason::BLACKHOLE_THERE);
            }
            None if grounds.own_cluster.contains(&prefix) => differences.argue(reason::OWN_CLUSTER),
            None if grounds.own_as.contains(&prefix) => differences.argue(reason::OWN_AS),
            None if grounds.by_default.contains(&prefix) => differences.argue(reason::DEFAULT),
            None => differences.refuse(place, '-', &format!("{row:?}")),
        }
    }
    for row in &left {
        match row.prefix() {
            prefix if grounds.leftovers.contains(&prefix) => differences.argue(reason::LEFTOVER),
            _ => differences.refuse(place, '+', &format!("{row:?}")),
        }
    }
    differences
}

/// Why a row differs from the recorded one, if for one reason.
fn near_row(recorded: &KernelRow, found: &KernelRow) -> Option<&'static str> {
    let with_metric = KernelRow { metric: found.metric, ..recorded.clone() };
    let is_own = recorded.kind.as_deref() == Some("blackhole") || recorded.metric.is_none();
    if with_metric == *found && is_own {
        return Some(reason::OWN_METRIC);
    }
    // Metric 0 is not shown, and 1024 over IPv6.
    let is_best = matches!(found.metric, None | Some(1024));
    if with_metric == *found && recorded.metric.is_some_and(|metric| metric >= 1 << 31) && is_best {
        return Some(reason::HIGH_LOCAL_PREF);
    }
    let plain = |row: &KernelRow| row.nexthops.iter().map(|hop| hop.via.clone()).collect::<Vec<_>>();
    let are_tunneled = found.nexthops.iter().all(|hop| hop.dev == "tunl0");
    if recorded.nexthops.len() > 1 && are_tunneled && plain(recorded) == plain(found) {
        let with_tunnels = KernelRow { nexthops: found.nexthops.clone(), ..recorded.clone() };
        return (with_tunnels == *found).then_some(reason::TUNNELS);
    }
    let with_hops = KernelRow { nexthops: found.nexthops.clone(), ..recorded.clone() };
    let are_more = recorded.nexthops.iter().all(|hop| found.nexthops.contains(hop));
    (with_hops == *found && are_more).then_some(reason::FAR_NEXT_HOP)
}

/// A row in one form: next hops in a list, sorted, flags that say something.
fn plain_row(row: &KernelRow) -> KernelRow {
    let mut row = row.clone();
    if let Some(dev) = row.dev.take() {
        let via = row.via.take();
        if row.kind.is_none() {
            row.nexthops.push(RowHop { via, dev });
        }
    }
    row.kind = row.kind.filter(|kind| kind != "unicast");
    row.flags.retain(|flag| flag == "onlink");
    row.nexthops.sort();
    row
}
