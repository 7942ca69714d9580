//! The routes that the kernel holds at one prefix of one table.

use crate::{
    index::ShapeId,
    netlink::{KernelHop, RouteChange, RouteShape, RouteTarget},
    table::RouteShapes,
};

/// Routes of one prefix and table, of any metric and protocol, in the kernel's order as far as that is known.
///
/// A message may arrive after a dump that already includes its effect. Applying it again then changes
/// nothing, or is reported as uncertain.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) enum HeldRoutes {
    #[default]
    None,
    /// The usual case, which needs no memory of its own.
    One(ShapeId),
    #[expect(clippy::box_collection, reason = "a pointer keeps the entry of a table small")]
    Many(Box<Vec<ShapeId>>),
}

/// Whether the mirror is known to match the kernel at a prefix.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Certainty {
    Certain,
    /// Several routes share prefix and metric, and the message did not identify one of them: the table has to
    /// be read again.
    Uncertain,
}

impl HeldRoutes {
    pub(crate) fn as_slice(&self) -> &[ShapeId] {
        match self {
            Self::None => &[],
            Self::One(shape) => std::slice::from_ref(shape),
            Self::Many(shapes) => shapes,
        }
    }

    /// Applies a message of the kernel, by the rules of IPv4 or IPv6.
    pub(crate) fn follow(
        &mut self,
        shapes: &mut RouteShapes,
        shape: &RouteShape,
        change: RouteChange,
        ipv6: bool,
    ) -> Certainty {
        match change {
            RouteChange::Added => self.add(shapes, shape, ipv6, Place::Front),
            RouteChange::Appended => self.add(shapes, shape, ipv6, Place::Back),
            RouteChange::Replaced => self.replace(shapes, shape),
            RouteChange::Removed => self.remove(shapes, shape, ipv6),
        }
    }

    /// Appends a dumped route.
    pub(crate) fn append(&mut self, shape: ShapeId) {
        if *self == Self::None {
            *self = Self::One(shape);
            return;
        }
        let mut list = self.take_list();
        list.push(shape);
        *self = Self::of(list);
    }

    /// Removes routes. Returns whether there were any.
    pub(crate) fn forget(
        &mut self,
        shapes: &mut RouteShapes,
        which: impl Fn(ShapeId, &RouteShape) -> bool,
    ) -> bool {
        let list = self.take_list();
        let before = list.len();
        let (gone, kept): (Vec<_>, Vec<_>) = list.into_iter().partition(|&id| which(id, shapes.get(id)));
        gone.into_iter().for_each(|id| shapes.release(id));
        let changed = kept.len() != before;
        *self = Self::of(kept);
        changed
    }

    /// Removes the first route with a property.
    pub(crate) fn forget_first(&mut self, shapes: &mut RouteShapes, which: impl Fn(&RouteShape) -> bool) {
        if let Self::One(only) = *self {
            // A whole table may be removed this way, so no list is built.
            if which(shapes.get(only)) {
                shapes.release(only);
                *self = Self::None;
            }
            return;
        }
        let mut list = self.take_list();
        if let Some(index) = list.iter().position(|&id| which(shapes.get(id))) {
            shapes.release(list.remove(index));
        }
        *self = Self::of(list);
    }

    fn add(&mut self, shapes: &mut RouteShapes, shape: &RouteShape, ipv6: bool, place: Place) -> Certainty {
        if *self == Self::None {
            *self = Self::One(shapes.intern(shape.clone()));
            return Certainty::Certain;
        }
        let mut list = self.take_list();
        if !list.iter().any(|&id| shapes.get(id) == shape) {
            // IPv6 reports a multipath route as a whole, whichever next hop was added to it.
            let grown = list.iter().position(|&id| {
                let held = shapes.get(id);
                ipv6 && held.same_key(shape) && has_all_hops(shape, held)
            });
            let id = shapes.intern(shape.clone());
            match (grown, place) {
                (Some(index), _) => shapes.release(std::mem::replace(&mut list[index], id)),
                (None, Place::Front) => list.insert(0, id),
                (None, Place::Back) => list.push(id),
            }
        }
        *self = Self::of(list);
        Certainty::Certain
    }

    /// The kernel replaces the first of several.
    fn replace(&mut self, shapes: &mut RouteShapes, shape: &RouteShape) -> Certainty {
        let mut list = self.take_list();
        let mut at_metric = (0..list.len()).filter(|&index| shapes.get(list[index]).metric == shape.metric);
        let (first, second) = (at_metric.next(), at_metric.next());
        let certainty = if second.is_some() { Certainty::Uncertain } else { Certainty::Certain };
        let id = shapes.intern(shape.clone());
        match first {
            Some(index) => shapes.release(std::mem::replace(&mut list[index], id)),
            None => list.push(id),
        }
        *self = Self::of(list);
        certainty
    }

    fn remove(&mut self, shapes: &mut RouteShapes, shape: &RouteShape, ipv6: bool) -> Certainty {
        let mut list = self.take_list();
        let certainty = remove_from(&mut list, shapes, shape, ipv6);
        *self = Self::of(list);
        certainty
    }

    fn take_list(&mut self) -> Vec<ShapeId> {
        match std::mem::take(self) {
            Self::None => Vec::new(),
            Self::One(shape) => vec![shape],
            Self::Many(shapes) => *shapes,
        }
    }

    fn of(list: Vec<ShapeId>) -> Self {
        match list.as_slice() {
            [] => Self::None,
            [shape] => Self::One(*shape),
            [..] => Self::Many(Box::new(list)),
        }
    }
}

/// Position of a new route among those of its prefix.
#[derive(Clone, Copy)]
enum Place {
    Front,
    Back,
}

fn remove_from(
    list: &mut Vec<ShapeId>,
    shapes: &mut RouteShapes,
    shape: &RouteShape,
    ipv6: bool,
) -> Certainty {
    if let Some(index) = list.iter().position(|&id| shapes.get(id) == shape) {
        shapes.release(list.remove(index));
        return Certainty::Certain;
    }
    let Some(index) = list.iter().position(|&id| shapes.get(id).same_key(shape)) else {
        return Certainty::Certain;
    };
    let mut held = shapes.get(list[index]).clone();
    if !ipv6 || !has_all_hops(&held, shape) {
        return Certainty::Uncertain;
    }
    // IPv6 removes single next hops from a multipath route.
    if let (RouteTarget::Hops(hops), RouteTarget::Hops(gone)) = (&mut held.target, &shape.target) {
        hops.retain(|hop| !gone.contains(hop));
        shapes.release(list.remove(index));
        if !hops.is_empty() {
            let id = shapes.intern(held);
            list.insert(index, id);
        }
    }
    Certainty::Certain
}

impl RouteShape {
    fn same_key(&self, other: &Self) -> bool {
        (self.metric, self.protocol, self.kind) == (other.metric, other.protocol, other.kind)
    }

    fn plain_hops(&self) -> &[KernelHop] {
        match &self.target {
            RouteTarget::Hops(hops) => hops,
            RouteTarget::Object(_) => &[],
        }
    }
}

/// Whether a route has all next hops of another one, which has some.
fn has_all_hops(route: &RouteShape, of: &RouteShape) -> bool {
    let (all, some) = (route.plain_hops(), of.plain_hops());
    !some.is_empty() && some.iter().all(|hop| all.contains(hop))
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::netlink::RouteKind;

    /// A row is a history of changes and the routes held after it; routes are lists of gateways.
    #[test]
    fn histories_end_as_in_the_kernel() {
        use Certainty::{Certain, Uncertain};
        use RouteChange::{Added, Appended, Removed, Replaced};
        let (a, b, c): (&[&str], &[&str], &[&str]) = (&["10.0.0.2"], &["10.0.0.3"], &["10.0.0.4"]);
        check(&[(Added, a)], &[a], Certain);
        check(&[(Added, a), (Added, a)], &[a], Certain);
        check(&[(Added, a), (Replaced, b)], &[b], Certain);
        check(&[(Replaced, b)], &[b], Certain);
        check(&[(Added, a), (Added, b)], &[b, a], Certain);
        check(&[(Added, a), (Appended, b)], &[a, b], Certain);
        check(&[(Added, a), (Appended, b), (Removed, a)], &[b], Certain);
        check(&[(Added, a), (Appended, b), (Replaced, c)], &[c, b], Uncertain);
        check(&[(Added, a), (Removed, b)], &[a], Uncertain);
        check(&[(Removed, a)], &[], Certain);
        let (a, b): (&[&str], &[&str]) = (&["fd00::2"], &["fd00::3"]);
        let both: &[&str] = &["fd00::2", "fd00::3"];
        check(&[(Added, a), (Appended, both)], &[both], Certain);
        check(&[(Added, both), (Removed, a)], &[b], Certain);
        check(&[(Added, both), (Removed, a), (Removed, b)], &[], Certain);
        check(&[(Added, a), (Removed, both)], &[a], Uncertain);
        check(&[(Added, both), (Removed, both)], &[], Certain);
    }

    #[test]
    fn one_route_needs_no_memory_of_its_own() {
        assert_eq!(size_of::<HeldRoutes>(), 16);
    }

    fn check(history: &[(RouteChange, &[&str])], expected: &[&[&str]], certainty: Certainty) {
        let ipv6 = history[0].1[0].contains(':');
        let mut shapes = RouteShapes::default();
        let mut held = HeldRoutes::default();
        let mut last = Certainty::Certain;
        for (change, gateways) in history {
            last = held.follow(&mut shapes, &shape(gateways), *change, ipv6);
        }
        let expected: Vec<_> = expected.iter().map(|gateways| shape(gateways)).collect();
        let seen: Vec<_> = held.as_slice().iter().map(|&id| shapes.get(id).clone()).collect();
        assert_eq!((seen, last), (expected, certainty), "{history:?}");
        held.forget(&mut shapes, |_, _| true);
        assert!(shapes.find(|_| true).is_empty(), "every reference is given back: {history:?}");
    }

    fn shape(gateways: &[&str]) -> RouteShape {
        let hop = |gateway: &&str| KernelHop {
            gateway: gateway.parse::<IpAddr>().ok(),
            interface: 3,
            onlink: false,
            weight: 1,
        };
        RouteShape {
            protocol: 186,
            kind: RouteKind::UNICAST,
            metric: 1024,
            target: RouteTarget::Hops(gateways.iter().map(hop).collect()),
            source: None,
            decorated: false,
        }
    }
}
