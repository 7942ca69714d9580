//! The routes that the kernel holds at one prefix, as its messages tell.

use bgp_codec::Prefix;

use super::{kernel_route::KernelRoute, notice::RouteChange};

/// Routes of one prefix and table, of any metric and protocol, in the kernel's order as far as that is told.
///
/// A message may be heard after a dump that already shows its outcome. Following it again changes nothing then, or
/// is reported as uncertain.
#[derive(Debug, Default)]
pub(super) struct HeldRoutes(Vec<KernelRoute>);

/// Whether the mirror is known to equal the kernel at a prefix.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Certainty {
    Certain,
    /// Several routes share prefix and metric, and the message did not tell which was meant: read the table again.
    Uncertain,
}

impl HeldRoutes {
    pub(super) fn routes(&self) -> &[KernelRoute] {
        &self.0
    }

    pub(super) fn follow(&mut self, route: &KernelRoute, change: RouteChange) -> Certainty {
        match change {
            RouteChange::Added => self.add(route, 0),
            RouteChange::Appended => self.add(route, self.0.len()),
            RouteChange::Replaced => self.replace(route),
            RouteChange::Removed => self.remove(route),
        }
    }

    pub(super) fn forget(&mut self, which: impl Fn(&KernelRoute) -> bool) {
        self.0.retain(|route| !which(route));
    }

    fn add(&mut self, route: &KernelRoute, place: usize) -> Certainty {
        if self.0.contains(route) {
            return Certainty::Certain;
        }
        // IPv6 tells of a multipath route as a whole, whichever next hop was added to it.
        match self
            .0
            .iter_mut()
            .find(|held| is_ipv6(held) && held.same_key(route) && has_all_hops(route, held))
        {
            Some(held) => *held = route.clone(),
            None => self.0.insert(place, route.clone()),
        }
        Certainty::Certain
    }

    /// The kernel replaces the first of several.
    fn replace(&mut self, route: &KernelRoute) -> Certainty {
        let mut at_metric = self.0.iter_mut().filter(|held| held.metric == route.metric);
        let (first, second) = (at_metric.next(), at_metric.next());
        let certainty = if second.is_some() { Certainty::Uncertain } else { Certainty::Certain };
        match first {
            Some(held) => *held = route.clone(),
            None => self.0.push(route.clone()),
        }
        certainty
    }

    fn remove(&mut self, route: &KernelRoute) -> Certainty {
        if let Some(index) = self.0.iter().position(|held| held == route) {
            self.0.remove(index);
            return Certainty::Certain;
        }
        let Some(index) = self.0.iter().position(|held| held.same_key(route)) else {
            return Certainty::Certain;
        };
        let held = &mut self.0[index];
        if !is_ipv6(held) || !has_all_hops(held, route) {
            return Certainty::Uncertain;
        }
        // IPv6 takes single next hops out of a multipath route.
        held.hops.retain(|hop| !route.hops.contains(hop));
        if held.hops.is_empty() {
            self.0.remove(index);
        }
        Certainty::Certain
    }
}

impl KernelRoute {
    fn same_key(&self, other: &Self) -> bool {
        (self.metric, self.protocol, self.kind) == (other.metric, other.protocol, other.kind)
    }
}

fn is_ipv6(route: &KernelRoute) -> bool {
    matches!(route.prefix, Prefix::Ipv6(_))
}

/// Whether a route has all next hops of another that has some.
fn has_all_hops(route: &KernelRoute, of: &KernelRoute) -> bool {
    !of.hops.is_empty() && of.hops.iter().all(|hop| route.hops.contains(hop))
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::kernel::kernel_route::{KernelHop, RouteKind};

    /// A row is a history of changes and what is held after it; routes are lists of gateways.
    #[test]
    fn histories_end_as_in_the_kernel() {
        use Certainty::{Certain, Uncertain};
        use RouteChange::{Added, Appended, Removed, Replaced};
        let (a, b, c): (&[&str], &[&str], &[&str]) = (&["10.0.0.2"], &["10.0.0.3"], &["10.0.0.4"]);
        check("10.9.0.0/16", &[(Added, a)], &[a], Certain);
        check("10.9.0.0/16", &[(Added, a), (Added, a)], &[a], Certain);
        check("10.9.0.0/16", &[(Added, a), (Replaced, b)], &[b], Certain);
        check("10.9.0.0/16", &[(Replaced, b)], &[b], Certain);
        check("10.9.0.0/16", &[(Added, a), (Added, b)], &[b, a], Certain);
        check("10.9.0.0/16", &[(Added, a), (Appended, b)], &[a, b], Certain);
        check("10.9.0.0/16", &[(Added, a), (Appended, b), (Removed, a)], &[b], Certain);
        check("10.9.0.0/16", &[(Added, a), (Appended, b), (Replaced, c)], &[c, b], Uncertain);
        check("10.9.0.0/16", &[(Added, a), (Removed, b)], &[a], Uncertain);
        check("10.9.0.0/16", &[(Removed, a)], &[], Certain);
        let (a, b): (&[&str], &[&str]) = (&["fd00::2"], &["fd00::3"]);
        let both: &[&str] = &["fd00::2", "fd00::3"];
        check("fd09::/32", &[(Added, a), (Appended, both)], &[both], Certain);
        check("fd09::/32", &[(Added, both), (Removed, a)], &[b], Certain);
        check("fd09::/32", &[(Added, both), (Removed, a), (Removed, b)], &[], Certain);
        check("fd09::/32", &[(Added, a), (Removed, both)], &[a], Uncertain);
        check("fd09::/32", &[(Added, both), (Removed, both)], &[], Certain);
    }

    fn check(prefix: &str, history: &[(RouteChange, &[&str])], expected: &[&[&str]], certainty: Certainty) {
        let mut held = HeldRoutes::default();
        let mut last = Certainty::Certain;
        for (change, gateways) in history {
            last = held.follow(&route(prefix, gateways), *change);
        }
        let expected: Vec<_> = expected.iter().map(|gateways| route(prefix, gateways)).collect();
        assert_eq!((held.routes(), last), (expected.as_slice(), certainty), "{prefix} {history:?}");
    }

    fn route(prefix: &str, gateways: &[&str]) -> KernelRoute {
        let hop = |gateway: &&str| KernelHop { gateway: gateway.parse::<IpAddr>().ok(), interface: 3 };
        KernelRoute {
            prefix: prefix.parse().unwrap(),
            table: 254,
            protocol: 186,
            metric: 1024,
            kind: RouteKind::Unicast,
            hops: gateways.iter().map(hop).collect(),
            decorated: false,
        }
    }
}
