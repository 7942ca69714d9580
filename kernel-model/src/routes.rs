//! Routes: how they are added, and how they are removed without a message.

use std::collections::BTreeSet;
use std::net::IpAddr;

use bgp_codec::Prefix;
use margay_fib::{
    EEXIST, KernelHop, KernelRoute, Notice, RouteChange, RouteKind, RouteNotice, RouteShape, RouteTarget,
};

use crate::held_route::{Held, Loss};
use crate::link::{Link, host};
use crate::{Cause, KernelModel, Refused};

/// The gateways and interfaces that packets go to.
pub type UsedHops = BTreeSet<(Option<IpAddr>, u32)>;

/// Position of a new route among those of its prefix and metric.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Place {
    /// There must be no other.
    Only,
    /// It replaces the first one.
    Replacing,
    /// Before the others.
    First,
}

impl KernelModel {
    /// Adds a route for another program, before others of the same metric.
    ///
    /// # Errors
    ///
    /// The kernel's error number and its message.
    pub fn add_route(&mut self, table: u32, prefix: Prefix, shape: RouteShape) -> Result<(), Refused> {
        let place = if is_ipv4(prefix) { Place::First } else { Place::Only };
        self.insert((table, prefix), shape, place, Cause::Others)
    }

    /// Replaces the first route of the metric for another program.
    ///
    /// # Errors
    ///
    /// The kernel's error number and its message.
    pub fn replace_route(&mut self, table: u32, prefix: Prefix, shape: RouteShape) -> Result<(), Refused> {
        self.insert((table, prefix), shape, Place::Replacing, Cause::Others)
    }

    /// Removes the first route of a protocol number, and of the metric if one is given, for another program.
    /// Returns whether there was one.
    pub fn remove_route(&mut self, table: u32, prefix: Prefix, protocol: u8, metric: Option<u32>) -> bool {
        let is_meant = |shape: &RouteShape| {
            shape.protocol == protocol && metric.is_none_or(|metric| shape.metric == metric)
        };
        self.remove_first((table, prefix), is_meant, Cause::Others)
    }

    /// Removes all routes of a protocol number for another program.
    pub fn flush_routes(&mut self, protocol: u8) {
        let places: Vec<(u32, Prefix)> = self.routes.keys().copied().collect();
        for (table, prefix) in places {
            while self.remove_route(table, prefix, protocol, None) {}
        }
    }

    /// The routes to a prefix with the gateways and interfaces that their packets are sent to now.
    #[must_use]
    pub fn routes(&self, table: u32, prefix: Prefix) -> Vec<(RouteShape, UsedHops)> {
        let held = self.routes.get(&(table, prefix)).into_iter().flatten();
        held.map(|held| (held.shape.clone(), self.used_hops(held))).collect()
    }

    /// All prefixes of a table at which there is a route of a protocol number.
    #[must_use]
    pub fn prefixes(&self, table: u32, protocol: u8) -> BTreeSet<Prefix> {
        let is_meant = |held: &Held| held.shape.protocol == protocol;
        let places = self.routes.iter().filter(|((of, _), held)| *of == table && held.iter().any(is_meant));
        places.map(|((_, prefix), _)| *prefix).collect()
    }

    pub(crate) fn insert(
        &mut self,
        place_of: (u32, Prefix),
        shape: RouteShape,
        place: Place,
        cause: Cause,
    ) -> Result<(), Refused> {
        self.check_shape(&shape)?;
        let list = self.routes.entry(place_of).or_default();
        let present = list.iter().position(|held| held.shape.metric == shape.metric);
        let held = Held { shape: shape.clone(), dead: BTreeSet::new() };
        let change = match (place, present) {
            (Place::Only, Some(_)) => return Err((EEXIST, "")),
            (Place::Replacing, Some(index)) => {
                list[index] = held;
                RouteChange::Replaced
            }
            (Place::First, Some(index)) => {
                list.insert(index, held);
                RouteChange::Added
            }
            (_, None) => {
                list.push(held);
                RouteChange::Added
            }
        };
        self.tell_route(cause, place_of, shape, change);
        Ok(())
    }

    /// Removes the first matching route. Returns whether there was one.
    pub(crate) fn remove_first(
        &mut self,
        place: (u32, Prefix),
        is_meant: impl Fn(&RouteShape) -> bool,
        cause: Cause,
    ) -> bool {
        let Some(list) = self.routes.get_mut(&place) else { return false };
        let Some(index) = list.iter().position(|held| is_meant(&held.shape)) else { return false };
        let held = list.remove(index);
        self.tell_route(cause, place, held.shape, RouteChange::Removed);
        self.forget_empty();
        true
    }

    /// Adds a route of the kernel itself.
    pub(crate) fn insert_by_kernel(&mut self, table: u32, prefix: Prefix, shape: RouteShape) {
        let list = self.routes.entry((table, prefix)).or_default();
        if list.iter().all(|held| held.shape != shape) {
            list.push(Held { shape: shape.clone(), dead: BTreeSet::new() });
            self.tell_route(Cause::Others, (table, prefix), shape, RouteChange::Added);
        }
    }

    /// Removes a route of the kernel itself.
    pub(crate) fn remove_by_kernel(&mut self, table: u32, prefix: Prefix, shape: &RouteShape) {
        // It may have been removed with its link already.
        self.remove_first((table, prefix), |held| held == shape, Cause::Others);
    }

    /// Marks next hops over a link as dead, and removes routes without a live one.
    pub(crate) fn lose_hops(&mut self, interface: u32, loss: Loss) {
        let mut dropped = Vec::new();
        for (&place, list) in &mut self.routes {
            let ipv4 = is_ipv4(place.1);
            if loss == Loss::LastAddress && !ipv4 {
                continue;
            }
            list.retain_mut(|held| {
                let RouteTarget::Hops(hops) = &mut held.shape.target else { return true };
                let is_here = |hop: &KernelHop| hop.interface == interface;
                let stays = held.shape.kind == RouteKind::LOCAL && ipv4 && loss == Loss::Down;
                if stays || !hops.iter().any(is_here) {
                    return true;
                }
                held.dead.insert(interface);
                let all_dead = hops.iter().all(|hop| held.dead.contains(&hop.interface));
                if all_dead || ipv4 && loss == Loss::Deleted {
                    dropped.push((place, held.shape.clone()));
                    return false;
                }
                if loss == Loss::Deleted {
                    // IPv6 reports each next hop that is removed from a route.
                    let gone: Vec<KernelHop> = hops.extract_if(.., |hop| is_here(hop)).collect();
                    let target = RouteTarget::Hops(gone);
                    dropped.push((place, RouteShape { target, ..held.shape.clone() }));
                }
                true
            });
        }
        self.forget_empty();
        for (place, shape) in dropped {
            self.tell_dropped(place, shape);
        }
    }

    pub(crate) fn revive_hops(&mut self, interface: u32, ipv4: bool) {
        let lists = self.routes.iter_mut().filter(|((_, prefix), _)| is_ipv4(*prefix) == ipv4);
        lists.flat_map(|(_, list)| list).for_each(|held| {
            held.dead.remove(&interface);
        });
    }

    /// Removes the routes of the main table with a preferred source, together with that address.
    pub(crate) fn lose_source(&mut self, source: IpAddr) {
        for ((table, prefix), list) in &mut self.routes {
            if *table == 254 && is_ipv4(*prefix) {
                list.retain(|held| held.shape.source != Some(source));
            }
        }
        self.forget_empty();
    }

    /// Removes the routes that refer to an object.
    pub(crate) fn lose_object(&mut self, object: u32) {
        let mut dropped = Vec::new();
        for (&place, list) in &mut self.routes {
            list.retain(|held| {
                let stays = held.shape.target != RouteTarget::Object(object);
                if !stays {
                    dropped.push((place, held.shape.clone()));
                }
                stays
            });
        }
        self.forget_empty();
        for (place, shape) in dropped {
            self.tell_dropped(place, shape);
        }
    }

    /// Checks that the kernel can resolve a gateway on its link.
    pub(crate) fn check_hop(&self, hop: &KernelHop) -> Result<(), Refused> {
        let link = self.links.get(&hop.interface).ok_or((ENODEV, ""))?;
        if !link.is_up() {
            return Err((ENETDOWN, "Nexthop device is not up"));
        }
        let Some(gateway) = hop.gateway else { return Ok(()) };
        if self.refused.contains(&gateway) {
            return Err((EINVAL, "Nexthop has invalid gateway"));
        }
        match gateway {
            IpAddr::V4(_) if hop.onlink => Ok(()),
            IpAddr::V4(_) => match self.best(gateway, |shape| is_attached(shape, hop.interface)) {
                Some(shape) if shape.kind == RouteKind::UNICAST => Ok(()),
                Some(_) => Err((EINVAL, "Nexthop has invalid gateway")),
                None => Err((ENETUNREACH, "Nexthop has invalid gateway")),
            },
            IpAddr::V6(address) if address.is_unicast_link_local() => Ok(()),
            IpAddr::V6(_) if hop.onlink => Ok(()),
            IpAddr::V6(_) => match self.best(gateway, |_| true) {
                Some(shape) if shape.kind == RouteKind::UNICAST && is_attached(shape, hop.interface) => {
                    Ok(())
                }
                Some(_) | None => Err((EHOSTUNREACH, "")),
            },
        }
    }

    pub(crate) fn dump_routes(&self, ipv4: bool) -> Vec<Notice> {
        let places = self.routes.iter().filter(|((_, prefix), _)| is_ipv4(*prefix) == ipv4);
        let notices = places.flat_map(|(&place, list)| {
            list.iter().map(move |held| route_notice(place, held.shape.clone(), RouteChange::Added))
        });
        notices.collect()
    }

    fn check_shape(&self, shape: &RouteShape) -> Result<(), Refused> {
        if shape.source.is_some_and(|source| !self.has_address(source)) {
            return Err((EINVAL, "Invalid prefsrc address"));
        }
        match &shape.target {
            RouteTarget::Object(object) if self.objects.contains_key(object) => Ok(()),
            RouteTarget::Object(_) => Err((EINVAL, "Nexthop id does not exist")),
            RouteTarget::Hops(hops) => hops.iter().try_for_each(|hop| self.check_hop(hop)),
        }
    }

    /// The matching route with the longest prefix that covers an address.
    fn best(&self, address: IpAddr, is_meant: impl Fn(&RouteShape) -> bool) -> Option<&RouteShape> {
        let around = self
            .routes
            .iter()
            .filter(|((table, prefix), _)| [254, 255].contains(table) && prefix.contains(host(address)));
        let shapes =
            around.flat_map(|((_, prefix), list)| list.iter().map(move |held| (prefix, &held.shape)));
        let meant = shapes.filter(|(_, shape)| is_meant(shape));
        meant
            .min_by_key(|(prefix, shape)| (std::cmp::Reverse(prefix.length()), shape.metric))
            .map(|(_, shape)| shape)
    }

    fn used_hops(&self, held: &Held) -> UsedHops {
        let hops: Vec<KernelHop> = match &held.shape.target {
            RouteTarget::Hops(hops) => hops.clone(),
            RouteTarget::Object(object) => self.object_hops(*object),
        };
        let alive = hops.into_iter().filter(|hop| !held.dead.contains(&hop.interface));
        let running = alive.filter(|hop| self.links.get(&hop.interface).is_some_and(Link::has_carrier));
        running.map(|hop| (hop.gateway, hop.interface)).collect()
    }

    fn tell_dropped(&mut self, place: (u32, Prefix), shape: RouteShape) {
        if !is_ipv4(place.1) && !self.silent_ipv6 {
            self.tell_route(Cause::Others, place, shape, RouteChange::Removed);
        }
    }

    fn tell_route(&mut self, cause: Cause, place: (u32, Prefix), shape: RouteShape, change: RouteChange) {
        self.tell(cause, route_notice(place, shape, change));
    }

    fn forget_empty(&mut self) {
        self.routes.retain(|_, list| !list.is_empty());
    }
}

fn route_notice((table, prefix): (u32, Prefix), shape: RouteShape, change: RouteChange) -> Notice {
    Notice::Route(RouteNotice { route: KernelRoute { prefix, table, shape }, change })
}

fn is_attached(shape: &RouteShape, interface: u32) -> bool {
    let is_here = |hop: &KernelHop| hop.gateway.is_none() && hop.interface == interface;
    matches!(&shape.target, RouteTarget::Hops(hops) if hops.iter().any(is_here))
}

fn is_ipv4(prefix: Prefix) -> bool {
    matches!(prefix, Prefix::Ipv4(_))
}

const ENODEV: i32 = 19;
const EINVAL: i32 = 22;
const ENETDOWN: i32 = 100;
const ENETUNREACH: i32 = 101;
const EHOSTUNREACH: i32 = 113;
