//! Where packets go, in the terms of a route request.

use std::net::IpAddr;

use bgp_codec::{NextHop, Prefix};
use margay_rib::Forwarding;

use super::{attached::Attached, kernel_route::KernelHop};

/// What the kernel shall do with packets for a prefix.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Path {
    Blackhole,
    /// At least one.
    Hops(Vec<Hop>),
}

/// One next hop of a [`Path`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Hop {
    pub(super) gateway: IpAddr,
    /// The interface over which the gateway is attached, which the kernel is told so that the route follows when a subnet
    /// moves. `None` where no subnet is known; the kernel then says what is wrong.
    pub(super) interface: Option<u32>,
}

impl Path {
    /// Names each next hop as the kernel wants it; an error says which cannot be.
    pub(super) fn resolve(
        prefix: Prefix,
        forwarding: &Forwarding,
        attached: &Attached,
    ) -> Result<Self, String> {
        let next_hops = match forwarding {
            Forwarding::Blackhole => return Ok(Self::Blackhole),
            Forwarding::Via(next_hops) => next_hops,
        };
        let mut hops = Vec::with_capacity(next_hops.len());
        for next_hop in next_hops.iter() {
            let hop = Hop::resolve(prefix, *next_hop, attached)?;
            if !hops.contains(&hop) {
                hops.push(hop);
            }
        }
        Ok(Self::Hops(hops))
    }
}

impl Hop {
    /// Whether the kernel's next hop is this one.
    pub(super) fn is_followed_by(&self, held: &KernelHop) -> bool {
        held.gateway == Some(self.gateway)
            && self.interface.is_none_or(|interface| held.interface == interface)
    }

    fn towards(gateway: IpAddr, attached: &Attached) -> Self {
        Self { gateway, interface: attached.interface_towards(gateway) }
    }

    fn resolve(prefix: Prefix, next_hop: NextHop, attached: &Attached) -> Result<Self, String> {
        match (next_hop, prefix) {
            (NextHop::Ipv4(gateway), Prefix::Ipv4(_)) => Ok(Self::towards(gateway.into(), attached)),
            (NextHop::Ipv4(gateway), Prefix::Ipv6(_)) => {
                Err(format!("IPv6 routes cannot have the IPv4 next hop {gateway}"))
            }
            (NextHop::Ipv6(gateway), _) => Ok(Self::towards(gateway.into(), attached)),
            (NextHop::Ipv6LinkLocal { global, link_local }, _) => {
                let interface = attached.interface_towards(global.into());
                let interface = interface.ok_or_else(|| {
                    format!(
                        "the interface of next hop {link_local} is unknown: no attached subnet holds {global}"
                    )
                })?;
                Ok(Self { gateway: link_local.into(), interface: Some(interface) })
            }
        }
    }
}
