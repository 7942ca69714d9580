//! The kernel's routing table from `ip -j route`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::namespace::Namespace;
use crate::router::Family;

/// One route of the kernel.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KernelRoute {
    /// Empty for a blackhole and for a connected subnet.
    pub via: BTreeSet<IpAddr>,
    /// Whether packets are discarded.
    pub blackhole: bool,
    /// Priority of the route; 0 if `ip` shows none.
    pub metric: u32,
}

/// The routes of a protocol number in the main table, by prefix; host routes have a length.
///
/// # Errors
///
/// `ip` fails or prints an unknown format.
pub fn kernel_routes(
    namespace: &Namespace,
    family: Family,
    protocol: u8,
) -> Result<BTreeMap<String, KernelRoute>> {
    let (option, host_length) = match family {
        Family::Ipv4 => ("-4", 32),
        Family::Ipv6 => ("-6", 128),
    };
    let output = namespace.ip_output(&format!("-j {option} route show table main proto {protocol}"))?;
    let shown: Vec<Shown> =
        serde_json::from_str(&output).with_context(|| format!("ip -j route: {output}"))?;
    let mut routes = BTreeMap::<String, KernelRoute>::new();
    for route in shown {
        let prefix = if route.dst.contains('/') || route.dst == "default" {
            route.dst.clone()
        } else {
            format!("{}/{host_length}", route.dst)
        };
        let hops = route.nexthops.iter().filter_map(|hop| hop.gateway);
        let known = routes.entry(prefix).or_insert_with(|| KernelRoute {
            via: BTreeSet::new(),
            blackhole: route.kind.as_deref() == Some("blackhole"),
            metric: route.metric.unwrap_or_default(),
        });
        known.via.extend(route.gateway.into_iter().chain(hops));
    }
    Ok(routes)
}

#[derive(Deserialize)]
struct Shown {
    #[serde(rename = "type")]
    kind: Option<String>,
    dst: String,
    gateway: Option<IpAddr>,
    metric: Option<u32>,
    #[serde(default)]
    nexthops: Vec<ShownHop>,
}

#[derive(Deserialize)]
struct ShownHop {
    gateway: Option<IpAddr>,
}
