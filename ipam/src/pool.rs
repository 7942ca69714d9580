//! IP pools as address management sees them, and which of them a request may use.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use margay_cluster::object::{AllowedUse, AssignmentMode, IpPool};
use margay_cluster::selector::Selector;
use margay_cluster::value::Labels;

use crate::IpamError;

/// Addresses that are given out.
#[derive(Clone, Debug)]
pub struct Pool {
    /// The name of the object.
    pub name: String,
    /// The addresses.
    pub cidr: IpNet,
    /// The prefix length of its blocks.
    pub block_length: u8,
    /// False when nothing more is given out.
    pub is_enabled: bool,
    /// The nodes that get addresses; all when there is none.
    pub node_selector: Option<Selector>,
    /// The namespaces whose workloads get addresses; all when there is none.
    pub namespace_selector: Option<Selector>,
    /// What addresses are for; workloads and tunnels when it is empty.
    pub allowed_uses: Vec<AllowedUse>,
    /// True when only requests that name the pool get addresses.
    pub is_manual: bool,
}

/// IPv4 or IPv6.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum AddressFamily {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// What selectors of pools look at. A request without a namespace is not restricted by namespace selectors.
#[derive(Clone, Copy, Debug, Default)]
pub struct Selection<'l> {
    /// Labels of the node; none for a node that is not known.
    pub node_labels: Option<&'l Labels>,
    /// Labels of the namespace of the workload.
    pub namespace_labels: Option<&'l Labels>,
}

impl AddressFamily {
    /// The family of an address.
    #[must_use]
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }
}

impl fmt::Display for AddressFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

impl Pool {
    /// The pool of an object.
    #[must_use]
    pub fn of_object(object: &IpPool) -> Self {
        let spec = &object.spec;
        Self {
            name: object.metadata.name.as_str().to_owned(),
            cidr: spec.cidr.0,
            block_length: spec.effective_block_size(),
            is_enabled: !spec.disabled && object.metadata.deletion_timestamp.is_none(),
            node_selector: spec.node_selector.clone(),
            namespace_selector: spec.namespace_selector.clone(),
            allowed_uses: spec.allowed_uses.clone(),
            is_manual: spec.assignment_mode == AssignmentMode::Manual,
        }
    }

    /// The family of its addresses.
    #[must_use]
    pub fn family(&self) -> AddressFamily {
        AddressFamily::of(self.cidr.addr())
    }

    /// True when addresses of the pool may be used for this.
    #[must_use]
    pub fn allows(&self, wanted: AllowedUse) -> bool {
        match self.allowed_uses[..] {
            [] => wanted != AllowedUse::LoadBalancer,
            _ => self.allowed_uses.contains(&wanted),
        }
    }

    /// True when both selectors select.
    #[must_use]
    pub fn selects(&self, selection: Selection<'_>) -> bool {
        self.selects_node(selection.node_labels)
            && match (&self.namespace_selector, selection.namespace_labels) {
                (Some(selector), Some(labels)) => selector.matches(labels),
                (_, None) | (None, _) => true,
            }
    }

    /// True when the node selector selects a node with these labels; a node that is not known has none.
    #[must_use]
    pub fn selects_node(&self, labels: Option<&Labels>) -> bool {
        let none = Labels::default();
        self.node_selector.as_ref().is_none_or(|selector| selector.matches(labels.unwrap_or(&none)))
    }

    /// The block of an address; `None` when the address is not in the pool.
    #[must_use]
    pub fn block_of(&self, address: IpAddr) -> Option<IpNet> {
        let block = IpNet::new(address, self.block_length).ok()?.trunc();
        self.cidr.contains(&address).then_some(block)
    }

    fn is_named(&self, requested: &str) -> bool {
        self.name == requested
            || margay_cluster::value::parse_network(requested)
                .is_some_and(|prefix| prefix.trunc() == self.cidr.trunc())
    }
}

/// The pools that a request may use, whatever the use: those that it names, in this order, or all that select it.
///
/// # Errors
///
/// When a pool that is named does not exist, is disabled or is of the other family.
pub fn qualifying_pools<'p>(
    pools: &'p [Pool],
    family: AddressFamily,
    requested: &[String],
    selection: Selection<'_>,
) -> Result<Vec<&'p Pool>, IpamError> {
    if requested.is_empty() {
        let usable =
            pools.iter().filter(|pool| pool.is_enabled && !pool.is_manual && pool.family() == family);
        return Ok(usable.filter(|pool| pool.selects(selection)).collect());
    }
    requested.iter().map(|name| requested_pool(pools, family, name)).collect()
}

fn requested_pool<'p>(pools: &'p [Pool], family: AddressFamily, name: &str) -> Result<&'p Pool, IpamError> {
    let found = pools.iter().find(|pool| pool.is_enabled && pool.is_named(name));
    match found {
        None => Err(IpamError::PoolNotUsable { pool: name.to_owned() }),
        Some(pool) if pool.family() != family => Err(IpamError::PoolFamily { pool: name.to_owned() }),
        Some(pool) => Ok(pool),
    }
}

/// The enabled pool of an address.
#[must_use]
pub fn pool_of(pools: &[Pool], address: IpAddr) -> Option<&Pool> {
    pools.iter().find(|pool| pool.is_enabled && pool.cidr.contains(&address))
}
