//! The addresses of the node's tunnel devices, from address management.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use anyhow::Result;
use margay_cluster::key::ObjectKey;
use margay_cluster::object::{AllowedUse, EncapsulationMode, IpPool, Kind, Node};
use margay_datastore::Client;
use margay_ipam::{AddressFamily, AddressOwner, AssignRequest, ClusterState, Ipam, IpamError};
use serde_json::json;

use crate::stored_object;
use crate::wall_clock;

/// What the addresses of tunnels follow from.
#[derive(Clone, Debug, Default)]
pub(crate) struct TunnelNeeds {
    /// The pools by name.
    pub(crate) pools: BTreeMap<String, IpPool>,
    /// The object of the node.
    pub(crate) node: Option<Node>,
}

/// Keeps the addresses of tunnels in the node's object.
#[derive(Clone, Debug)]
pub(crate) struct TunnelAddresses {
    client: Client,
    node: String,
}

/// A kind of tunnel, as address management and the node's object know it.
struct TunnelKind {
    handle: &'static str,
    attribute: &'static str,
    family: AddressFamily,
    /// The field of the spec, and the object in it.
    field: &'static [&'static str],
    uses: fn(&IpPool) -> bool,
}

const KINDS: [TunnelKind; 3] = [
    TunnelKind {
        handle: "vxlan-tunnel-addr",
        attribute: "vxlanTunnelAddress",
        family: AddressFamily::V4,
        field: &["ipv4VXLANTunnelAddr"],
        uses: |pool| pool.spec.cidr.addr().is_ipv4() && pool.spec.vxlan_mode != EncapsulationMode::Never,
    },
    TunnelKind {
        handle: "vxlan-v6-tunnel-addr",
        attribute: "vxlanV6TunnelAddress",
        family: AddressFamily::V6,
        field: &["ipv6VXLANTunnelAddr"],
        uses: |pool| pool.spec.cidr.addr().is_ipv6() && pool.spec.vxlan_mode != EncapsulationMode::Never,
    },
    TunnelKind {
        handle: "ipip-tunnel-addr",
        attribute: "ipipTunnelAddress",
        family: AddressFamily::V4,
        field: &["bgp", "ipv4IPIPTunnelAddr"],
        uses: |pool| pool.spec.cidr.addr().is_ipv4() && pool.spec.ipip_mode != EncapsulationMode::Never,
    },
];

impl TunnelAddresses {
    pub(crate) fn new(client: Client, node: &str) -> Self {
        Self { client, node: node.to_owned() }
    }

    /// Gives each tunnel that is needed an address of its pools, and takes those of others back. Safe to repeat.
    ///
    /// # Errors
    ///
    /// The last failure; the other tunnels have their addresses then.
    pub(crate) async fn keep(&self, needs: &TunnelNeeds) -> Result<()> {
        let Some(node) = &needs.node else { return Ok(()) };
        let mut outcome = Ok(());
        for kind in &KINDS {
            if let Err(error) = self.keep_one(kind, needs, node).await {
                tracing::warn!(tunnel = kind.handle, %error, "the address of a tunnel");
                outcome = Err(error);
            }
        }
        outcome
    }

    async fn keep_one(&self, kind: &TunnelKind, needs: &TunnelNeeds, node: &Node) -> Result<()> {
        let pools: Vec<&IpPool> = needs.pools.values().filter(|pool| (kind.uses)(pool)).collect();
        let usable: Vec<&IpPool> = pools
            .iter()
            .copied()
            .filter(|pool| !pool.spec.disabled && pool.spec.allows(AllowedUse::Tunnel))
            .collect();
        let present = address_of(kind, node);
        let handle = format!("{}-{}", kind.handle, self.node);
        let is_in =
            |address: IpAddr, pools: &[&IpPool]| pools.iter().any(|pool| pool.spec.cidr.contains(&address));
        let cluster = ClusterState::load(&self.client).await?;
        let ipam = Ipam { store: &self.client, cluster: &cluster, now: wall_clock::now() };
        let held = match ipam.addresses_of_handle(&handle).await {
            Err(IpamError::NotFound(_)) => Vec::new(),
            held => held?,
        };
        // A pool that gives nothing more out keeps the address that it has given.
        let kept = present.filter(|address| held[..] == [*address] && is_in(*address, &pools));
        if kept.is_some() || (usable.is_empty() && held.is_empty() && present.is_none()) {
            return Ok(());
        }
        if let Some(address) =
            held.first().copied().filter(|address| held.len() == 1 && is_in(*address, &usable))
        {
            return self.write(kind, Some(address)).await;
        }
        if !held.is_empty() {
            // The object first: other nodes stop using the address before it can be another's.
            self.write(kind, None).await?;
            match ipam.release_handle(&handle).await {
                Ok(_) | Err(IpamError::NotFound(_)) => (),
                Err(error) => return Err(error.into()),
            }
        }
        let address = match usable.is_empty() {
            true => None,
            false => Some(self.assign(kind, &ipam, handle, &usable).await?),
        };
        self.write(kind, address).await
    }

    async fn assign(
        &self,
        kind: &TunnelKind,
        ipam: &Ipam<'_, Client>,
        handle: String,
        pools: &[&IpPool],
    ) -> Result<IpAddr> {
        let attributes = BTreeMap::from([
            ("node".to_owned(), self.node.clone()),
            ("type".to_owned(), kind.attribute.to_owned()),
        ]);
        let owner = AddressOwner { handle: Some(handle), attributes };
        let (v4, v6) = match kind.family {
            AddressFamily::V4 => (1, 0),
            AddressFamily::V6 => (0, 1),
        };
        let mut request = AssignRequest::new(&self.node, AllowedUse::Tunnel, owner, v4, v6);
        let prefixes: BTreeSet<String> = pools.iter().map(|pool| pool.spec.cidr.0.to_string()).collect();
        let family = if v4 == 1 { &mut request.v4 } else { &mut request.v6 };
        family.pools = prefixes.into_iter().collect();
        let assigned = ipam.assign(&request, kind.family).await?;
        let address = assigned.addresses.first().map(ipnet::IpNet::addr);
        address.ok_or_else(|| anyhow::anyhow!("no pool has a free address: {:?}", assigned.shortfall))
    }

    /// Writes an address into the node's object.
    async fn write(&self, kind: &TunnelKind, address: Option<IpAddr>) -> Result<()> {
        let key = ObjectKey { kind: Kind::Node, namespace: None, name: self.node.clone() };
        stored_object::change(&self.client, &key, |mut object| {
            // A node that was deleted is not made again here.
            let spec = object.get_mut("spec")?;
            let (last, path) = kind.field.split_last()?;
            let holder = path.iter().fold(spec, |holder, step| &mut holder[*step]);
            match address {
                Some(address) => holder[*last] = json!(address.to_string()),
                None => drop(holder.as_object_mut().and_then(|holder| holder.remove(*last))),
            }
            Some(object)
        })
        .await
    }
}

fn address_of(kind: &TunnelKind, node: &Node) -> Option<IpAddr> {
    match kind.handle {
        "vxlan-tunnel-addr" => node.spec.ipv4_vxlan_tunnel_address.map(IpAddr::from),
        "vxlan-v6-tunnel-addr" => node.spec.ipv6_vxlan_tunnel_address.map(IpAddr::from),
        _ => node.spec.bgp.as_ref().and_then(|bgp| bgp.ipv4_ipip_tunnel_address).map(IpAddr::from),
    }
}
