//! What of the routes from peers is put into the kernel.

use ipnet::IpNet;
use margay_cluster::object::{ClusterRoutes, EncapsulationMode, IpPool};

use crate::Family;
use crate::context::Context;

/// What happens to routes inside a network; the first rule that matches decides, and what none matches is installed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct KernelRule {
    /// The network.
    pub network: IpNet,
    /// What happens.
    pub verdict: KernelVerdict,
}

/// What happens to a route.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KernelVerdict {
    /// It is installed as it is.
    Install,
    /// It is installed through the IPIP device.
    Tunnel(TunnelUse),
    /// It is not installed, since another program does it.
    LeaveTo(KernelOwner),
}

/// When a route goes through the IPIP device.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TunnelUse {
    /// Always.
    Always,
    /// When the next hop is not in this network, the node's own.
    Unless(IpNet),
}

/// Who installs routes instead.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KernelOwner {
    /// The node's agent, because the cluster's settings say so.
    Agent,
    /// The node's agent, because the pool's packets travel through VXLAN.
    AgentVxlan,
    /// No one: routes to services that are learned must not lead packets away from the node.
    Services,
}

pub(crate) fn plan_kernel_rules(context: &Context<'_>, family: Family) -> Vec<KernelRule> {
    let services = context.services.iter().filter(|network| Family::of_network(**network) == family);
    let rejected = KernelVerdict::LeaveTo(KernelOwner::Services);
    let mut rules: Vec<KernelRule> =
        services.map(|network| KernelRule { network: *network, verdict: rejected }).collect();
    let pools = context.snapshot.pools.values().filter(|pool| Family::of_network(pool.spec.cidr.0) == family);
    let mut pools: Vec<&IpPool> = pools.map(AsRef::as_ref).collect();
    pools.sort_by_key(|pool| pool.spec.cidr);
    for pool in pools {
        let verdict = verdict_of(context, family, pool);
        // What is installed anyway needs no rule; over IPv6 Calico writes none.
        if family == Family::V4 || verdict != KernelVerdict::Install {
            rules.push(KernelRule { network: pool.spec.cidr.0, verdict });
        }
    }
    rules
}

fn verdict_of(context: &Context<'_>, family: Family, pool: &IpPool) -> KernelVerdict {
    let routes = context.settings.cluster_routes();
    let agent = KernelVerdict::LeaveTo(KernelOwner::Agent);
    if pool.spec.vxlan_mode != EncapsulationMode::Never {
        return KernelVerdict::LeaveTo(KernelOwner::AgentVxlan);
    }
    match pool.spec.ipip_mode {
        EncapsulationMode::Never => match routes {
            ClusterRoutes::Enabled | ClusterRoutes::EnabledNoEncapOnly => KernelVerdict::Install,
            ClusterRoutes::Disabled | ClusterRoutes::EnabledIpipOnly => agent,
        },
        mode => match routes {
            ClusterRoutes::Enabled | ClusterRoutes::EnabledIpipOnly => tunnel(context, family, mode),
            ClusterRoutes::Disabled | ClusterRoutes::EnabledNoEncapOnly => agent,
        },
    }
}

fn tunnel(context: &Context<'_>, family: Family, mode: EncapsulationMode) -> KernelVerdict {
    // There is no IPIP over IPv6.
    if family == Family::V6 {
        return KernelVerdict::Install;
    }
    let own = context.node.spec.bgp.as_ref().and_then(|bgp| bgp.ipv4_address);
    match (mode, own) {
        (EncapsulationMode::CrossSubnet, Some(own)) => KernelVerdict::Tunnel(TunnelUse::Unless(own.trunc())),
        (_, _) => KernelVerdict::Tunnel(TunnelUse::Always),
    }
}
