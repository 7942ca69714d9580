//! Next hops with the names of their links, for operators.

use std::net::IpAddr;

use bgp_codec::Prefix;
use margay_forwarding::Hop;

use crate::{
    mirror::view::MirrorView,
    netlink::{KernelHop, RouteKind, RouteShape},
};

/// A next hop of packets.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NamedHop {
    /// `None` for a directly connected destination.
    pub gateway: Option<IpAddr>,
    /// The name of the link; its number if the name is not known.
    pub link: String,
    /// Its share of the traffic relative to others: at least 1.
    pub weight: u8,
}

/// A route of another program.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ForeignRoute {
    /// The route protocol number.
    pub protocol: u8,
    /// The metric.
    pub metric: u32,
    /// What happens to packets.
    pub kind: RouteKind,
    /// Where they are sent; empty for kinds that do not forward.
    pub hops: Vec<NamedHop>,
}

impl MirrorView<'_> {
    /// Where packets to a next hop are sent; empty while it is not reachable.
    pub(crate) fn named_hops(&self, hop: Hop) -> Vec<NamedHop> {
        self.mirror.resolver().resolve(hop).hops.iter().map(|hop| self.named(hop)).collect()
    }

    /// The route of another program to exactly this prefix; that with the lowest metric, of several.
    pub(crate) fn foreign_route(&self, prefix: Prefix) -> Option<ForeignRoute> {
        let of_table = |table| {
            let entry = self.mirror.entries.get(self.mirror.entries.find(table, prefix)?);
            let shapes = entry.held().iter().map(|&held| self.mirror.shapes.get(held));
            shapes.filter(|shape| !self.mirror.tables.is_ours(table, shape)).min_by_key(|shape| shape.metric)
        };
        let shape = self.mirror.tables.all().filter_map(of_table).min_by_key(|shape| shape.metric)?;
        Some(self.described(shape))
    }

    fn described(&self, shape: &RouteShape) -> ForeignRoute {
        let hops = match shape.kind {
            RouteKind::UNICAST => self.mirror.resolver().shape_hops(shape),
            _ => Vec::new(),
        };
        ForeignRoute {
            protocol: shape.protocol,
            metric: shape.metric,
            kind: shape.kind,
            hops: hops.iter().map(|hop| self.named(hop)).collect(),
        }
    }

    /// Whether the kernel does not hold what is wanted at a prefix, in any table.
    pub(crate) fn has_failed(&self, prefix: Prefix) -> bool {
        self.mirror
            .tables
            .all()
            .filter_map(|table| self.mirror.entries.find(table, prefix))
            .any(|entry| self.mirror.failures.reason(entry).is_some())
    }

    fn named(&self, hop: &KernelHop) -> NamedHop {
        let name = self.mirror.links.name(hop.interface).filter(|name| !name.is_empty());
        let link = name.map_or_else(|| hop.interface.to_string(), str::to_owned);
        NamedHop { gateway: hop.gateway, link, weight: hop.weight }
    }
}
