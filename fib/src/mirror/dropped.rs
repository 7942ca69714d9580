//! Rules by which the kernel drops routes without a message for each.

use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;

use crate::{
    netlink::{RouteKind, RouteShape, RouteTarget},
    table::{RT_TABLE_MAIN, RouteShapes},
    version::Version,
};

/// Routes that the kernel drops without a message for each.
#[derive(Clone, Debug)]
pub(crate) enum Flush {
    /// Routes with a next hop over a link that was lost, if all their next hops are dead by now.
    DeadHops(DeadHops),
    /// IPv4 routes with this preferred source.
    Source(IpAddr),
    /// Routes that refer to one of these objects.
    Objects(HashSet<u32>),
}

/// How a link was lost.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum LinkLoss {
    Down,
    /// It is as good as down for IPv4.
    LastAddress,
    /// IPv4 routes go with the first of their next hops.
    Deleted,
}

/// The next hops that are dead after a link was lost.
///
/// The kernel marks next hops, and drops a route with its last that lives. IPv6 reports the routes it drops, unless
/// the setting `skip_notify_on_dev_down` says otherwise.
#[derive(Clone, Debug)]
pub(crate) struct DeadHops {
    pub(super) interface: u32,
    pub(super) loss: LinkLoss,
    /// The interfaces whose IPv4 and IPv6 next hops are dead.
    pub(super) dead: [BTreeSet<u32>; 2],
    /// The interfaces whose IPv4 next hops may be dead or alive.
    pub(super) doubtful: BTreeSet<u32>,
}

/// What becomes of a route.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fate {
    Stays,
    Dropped,
    Unknown,
}

impl Flush {
    /// Whether a flush during a reading concerns routes with next hops over several links: which of them were
    /// dead at that moment does not follow from dumps taken at another time.
    pub(super) fn is_ambiguous(&self, shapes: &RouteShapes) -> bool {
        let leads_over_several = |shape: &RouteShape| match &shape.target {
            RouteTarget::Hops(hops) => hops.iter().any(|hop| hop.interface != hops[0].interface),
            RouteTarget::Object(_) => false,
        };
        let is_concerned = |shape: &RouteShape| {
            let is_dropped = |version| self.fate(shape, version) != Fate::Stays;
            leads_over_several(shape) && Version::BOTH.into_iter().any(is_dropped)
        };
        matches!(self, Self::DeadHops(_)) && !shapes.find(is_concerned).is_empty()
    }

    pub(super) fn fate_in_table(&self, shape: &RouteShape, version: Version, table: u32) -> Fate {
        match (self, self.fate(shape, version)) {
            // The kernel looks for them in one table only, which for most links is this.
            (Self::Source(_), Fate::Dropped) if table != RT_TABLE_MAIN => Fate::Unknown,
            (_, fate) => fate,
        }
    }

    pub(super) fn fate(&self, shape: &RouteShape, version: Version) -> Fate {
        let dropped = match self {
            Self::DeadHops(dead) => return dead.fate(shape, version),
            Self::Source(source) => version == Version::Ipv4 && shape.source == Some(*source),
            Self::Objects(gone) => {
                matches!(shape.target, RouteTarget::Object(object) if gone.contains(&object))
            }
        };
        if dropped { Fate::Dropped } else { Fate::Stays }
    }
}

impl DeadHops {
    fn fate(&self, shape: &RouteShape, version: Version) -> Fate {
        let RouteTarget::Hops(hops) = &shape.target else { return Fate::Stays };
        let concerned = hops.iter().any(|hop| hop.interface == self.interface);
        let dead = &self.dead[version.index()];
        match (version, self.loss) {
            _ if !concerned => Fate::Stays,
            (Version::Ipv6, LinkLoss::LastAddress) => Fate::Stays,
            (Version::Ipv4, LinkLoss::Deleted) => Fate::Dropped,
            // Routes to the node's own addresses stay.
            (Version::Ipv4, LinkLoss::Down) if shape.kind == RouteKind::LOCAL => Fate::Stays,
            _ if hops.iter().all(|hop| dead.contains(&hop.interface)) => Fate::Dropped,
            (Version::Ipv4, _)
                if hops
                    .iter()
                    .all(|hop| dead.contains(&hop.interface) || self.doubtful.contains(&hop.interface)) =>
            {
                Fate::Unknown
            }
            _ => Fate::Stays,
        }
    }
}
