//! Links, and the subnets attached to them.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::IpAddr;

use bgp_codec::{IpPrefix, Ipv4Prefix, Ipv6Prefix, Prefix};
use margay_rib::ConnectedRoute;
use netlink_packet_route::link::LinkFlags;

use super::{
    kernel_route::{KernelRoute, RouteKind},
    notice::{RouteChange, RouteNotice},
};

/// The kernel's links and its routes without gateway, in the tables a next hop is looked up in.
///
/// Routes and not addresses say what is attached: an address may come without its subnet's route, and a route may make
/// a host reachable that no address covers. Only what the kernel itself uses to resolve a gateway counts.
pub(super) struct Attached {
    /// This daemon's table, beside `main` and `local`.
    table: u32,
    links: HashMap<u32, LinkFlags>,
    routes: HashSet<AttachedRoute>,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
struct AttachedRoute {
    table: u32,
    metric: u32,
    subnet: ConnectedRoute,
}

impl Attached {
    pub(super) fn new(table: u32) -> Self {
        Self { table, links: HashMap::new(), routes: HashSet::new() }
    }

    /// Forgets all links and routes, before they are read anew.
    pub(super) fn forget(&mut self) {
        self.links.clear();
        self.routes.clear();
    }

    /// All subnets on interfaces that are up, sorted, each once.
    ///
    /// Left out are loopback, default routes, and link-local subnets: they are on every interface and say nothing of
    /// where a next hop is.
    pub(super) fn connected(&self) -> Vec<ConnectedRoute> {
        let subnets = self.routes.iter().map(|route| route.subnet);
        subnets.filter(|subnet| self.counts(subnet)).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The interface over which an address is attached, by longest match.
    pub(super) fn interface_towards(&self, address: IpAddr) -> Option<u32> {
        let host = match address {
            IpAddr::V4(address) => Ipv4Prefix::host(address).erase(),
            IpAddr::V6(address) => Ipv6Prefix::host(address).erase(),
        };
        let subnets = self.routes.iter().map(|route| route.subnet).filter(|subnet| self.counts(subnet));
        subnets
            .filter(|subnet| subnet.prefix.contains(host))
            .max_by_key(|subnet| (subnet.prefix.length(), std::cmp::Reverse(subnet.interface)))
            .map(|subnet| subnet.interface)
    }

    /// Takes over a link's state and says what became of it.
    pub(super) fn on_link(&mut self, interface: u32, flags: LinkFlags) -> LinkChange {
        let before = self.links.insert(interface, flags).unwrap_or(LinkFlags::empty());
        if before.contains(LinkFlags::Up) && !flags.contains(LinkFlags::Up) {
            // All its routes are flushed, in IPv4 without a word. A link that lost its carrier alone keeps them.
            self.routes.retain(|route| route.subnet.interface != interface);
            LinkChange::SetDown
        } else if is_up(before) != is_up(flags) {
            LinkChange::Usability
        } else {
            LinkChange::None
        }
    }

    /// Forgets a link and what was attached to it.
    pub(super) fn on_link_gone(&mut self, interface: u32) {
        self.links.remove(&interface);
        self.routes.retain(|route| route.subnet.interface != interface);
    }

    /// Whether routes of the interface are known in IPv4, where a flush is not announced.
    pub(super) fn has_ipv4_routes_on(&self, interface: u32) -> bool {
        self.routes.iter().any(|route| {
            route.subnet.interface == interface && matches!(route.subnet.prefix, Prefix::Ipv4(_))
        })
    }

    /// Takes over a route if it attaches a subnet. Returns whether anything changed.
    pub(super) fn on_route(&mut self, notice: &RouteNotice) -> bool {
        let route = &notice.route;
        if ![RT_TABLE_MAIN, RT_TABLE_LOCAL, self.table].contains(&route.table) {
            return false;
        }
        let mut changed = false;
        if notice.change == RouteChange::Replaced {
            changed |= self.forget_replaced(route);
        }
        for attached in attached_routes(route) {
            changed |= match notice.change {
                RouteChange::Removed => self.routes.remove(&attached),
                RouteChange::Added | RouteChange::Appended | RouteChange::Replaced => {
                    self.routes.insert(attached)
                }
            };
        }
        changed
    }

    fn forget_replaced(&mut self, by: &KernelRoute) -> bool {
        let known = self.routes.len();
        self.routes.retain(|route| {
            (route.table, route.metric, route.subnet.prefix) != (by.table, by.metric, by.prefix)
        });
        self.routes.len() != known
    }

    fn counts(&self, subnet: &ConnectedRoute) -> bool {
        let link_local = match subnet.prefix.network() {
            IpAddr::V4(_) => false,
            IpAddr::V6(address) => address.is_unicast_link_local(),
        };
        !link_local
            && subnet.prefix.length() != 0
            && self.links.get(&subnet.interface).is_some_and(|&flags| is_up(flags))
    }
}

/// What a link message means for routes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum LinkChange {
    /// Counters or names: nothing that matters to routes.
    None,
    /// It can be used now, or cannot any more.
    Usability,
    /// The operator has set it down, and its routes are gone.
    SetDown,
}

/// Up by the operator's word and by the carrier's, and no loopback.
fn is_up(flags: LinkFlags) -> bool {
    flags.contains(LinkFlags::Up | LinkFlags::Running) && !flags.contains(LinkFlags::Loopback)
}

fn attached_routes(route: &KernelRoute) -> impl Iterator<Item = AttachedRoute> {
    let hops = if route.kind == RouteKind::Unicast { route.hops.as_slice() } else { &[] };
    hops.iter().filter(|hop| hop.gateway.is_none() && hop.interface != 0).map(|hop| AttachedRoute {
        table: route.table,
        metric: route.metric,
        subnet: ConnectedRoute { prefix: route.prefix, interface: hop.interface },
    })
}

const RT_TABLE_MAIN: u32 = 254;
const RT_TABLE_LOCAL: u32 = 255;
