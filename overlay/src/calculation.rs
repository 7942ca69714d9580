//! From pools, nodes and blocks to what is wanted, and how it changes with them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use margay_cluster::value::MacAddress;

use crate::change::Change;
use crate::inputs::{BlockOwners, Encapsulation, NodeAddresses, PoolRoutes};
use crate::programmer::{Programmer, Programmers};
use crate::wanted::{Hop, Tunnel, TunnelDevice, Wanted};

/// The tunnels and routes of one node.
#[derive(Clone, Debug, Default)]
pub struct Overlay {
    node: String,
    programmers: Programmers,
    pools: BTreeMap<String, PoolRoutes>,
    nodes: BTreeMap<String, NodeAddresses>,
    blocks: BTreeMap<IpNet, BlockOwners>,
    /// The blocks with addresses on each node.
    blocks_of_node: BTreeMap<String, BTreeSet<IpNet>>,
    /// The prefixes of routes that follow from each block.
    routes_of_block: BTreeMap<IpNet, Vec<IpNet>>,
    /// The neighbour and forwarding entries that follow from each node.
    entries_of_node: BTreeMap<String, Vec<Entry>>,
    /// The nodes that say they have an address of a device. The first by name counts.
    neighbour_claims: BTreeMap<(Tunnel, IpAddr), BTreeMap<String, MacAddress>>,
    /// The nodes that say they have a hardware address of a device. The first by name counts.
    forwarding_claims: BTreeMap<(Tunnel, MacAddress), BTreeMap<String, IpAddr>>,
    wanted: Wanted,
    /// Things that may be different since changes were last taken, with what they were then.
    touched: Touched,
}

/// A neighbour and its forwarding entry.
type Entry = (Tunnel, IpAddr, MacAddress, IpAddr);

/// Addresses on a node.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Destination {
    /// The addresses.
    pub prefix: IpNet,
    /// The node.
    pub node: String,
    /// The node's address, when it has one of the family.
    pub node_address: Option<IpAddr>,
    /// True when that is in this node's subnet.
    pub is_same_subnet: bool,
    /// How packets travel there.
    pub encapsulation: Encapsulation,
}

#[derive(Clone, Debug, Default)]
struct Touched {
    before: Wanted,
    devices: BTreeSet<Tunnel>,
    neighbours: BTreeSet<(Tunnel, IpAddr)>,
    forwarding: BTreeSet<(Tunnel, MacAddress)>,
    routes: BTreeSet<IpNet>,
}

impl Overlay {
    /// Nothing known yet; `node` is the node that tunnels and routes are for.
    #[must_use]
    pub fn new(node: &str) -> Self {
        Self { node: node.to_owned(), ..Self::default() }
    }

    /// Sets who programs routes.
    pub fn set_programmers(&mut self, programmers: Programmers) {
        if self.programmers != programmers {
            self.programmers = programmers;
            self.recalculate_all();
        }
    }

    /// A pool is there, is different, or (`None`) is gone.
    pub fn set_pool(&mut self, name: &str, pool: Option<PoolRoutes>) {
        let before = match pool {
            Some(pool) => self.pools.insert(name.to_owned(), pool),
            None => self.pools.remove(name),
        };
        if before == pool {
            return;
        }
        let ranges: Vec<IpNet> = before.iter().chain(&pool).map(|pool| pool.cidr).collect();
        let blocks: Vec<IpNet> = self
            .blocks
            .keys()
            .copied()
            .filter(|block| ranges.iter().any(|range| range.contains(block)))
            .collect();
        self.recalculate_blocks(&blocks);
        self.recalculate_tunnels();
    }

    /// A node is there, has other addresses, or (`None`) is gone.
    pub fn set_node(&mut self, name: &str, addresses: Option<NodeAddresses>) {
        let before = match addresses.clone() {
            Some(addresses) => self.nodes.insert(name.to_owned(), addresses),
            None => self.nodes.remove(name),
        };
        if before == addresses {
            return;
        }
        if name == self.node {
            self.recalculate_all();
            return;
        }
        self.recalculate_entries(name);
        let blocks: Vec<IpNet> = self.blocks_of_node.get(name).into_iter().flatten().copied().collect();
        self.recalculate_blocks(&blocks);
    }

    /// A block is there, has other owners, or (`None`) is gone.
    pub fn set_block(&mut self, block: IpNet, owners: Option<BlockOwners>) {
        let nodes = |owners: &BlockOwners| -> Vec<String> {
            owners.owner.iter().chain(owners.elsewhere.values()).cloned().collect()
        };
        let before = match owners.clone() {
            Some(owners) => self.blocks.insert(block, owners),
            None => self.blocks.remove(&block),
        };
        if before == owners {
            return;
        }
        for node in before.iter().flat_map(nodes) {
            if let Some(blocks) = self.blocks_of_node.get_mut(&node) {
                blocks.remove(&block);
            }
        }
        for node in owners.iter().flat_map(nodes) {
            self.blocks_of_node.entry(node).or_default().insert(block);
        }
        self.recalculate_block(block);
    }

    /// What is wanted now.
    #[must_use]
    pub const fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    /// The addresses of a block by node.
    #[must_use]
    pub fn destinations(&self, block: IpNet) -> Vec<Destination> {
        let (Some(owners), Some(encapsulation)) = (self.blocks.get(&block), self.encapsulation_of(block))
        else {
            return Vec::new();
        };
        let whole = owners.owner.iter().map(|owner| (block, owner));
        let single = owners.elsewhere.iter().map(|(address, node)| (IpNet::from(*address), node));
        whole.chain(single).map(|(prefix, node)| self.destination(prefix, node, encapsulation)).collect()
    }

    /// What has become different since the last call. No destination with a route before and after is without one in between, when the
    /// changes are made in their order.
    #[must_use]
    pub fn take_changes(&mut self) -> Vec<Change> {
        let touched = std::mem::take(&mut self.touched);
        let (now, before) = (&self.wanted, &touched.before);
        let mut changes = Vec::new();
        let devices = touched.devices.iter().map(|key| (key, now.devices.get(key), before.devices.get(key)));
        changes.extend(
            devices
                .filter(|(_, now, before)| now != before)
                .map(|(key, now, _)| Change::Device(*key, now.copied())),
        );
        for key in &touched.neighbours {
            let value = now.neighbours.get(key);
            if value != before.neighbours.get(key) {
                changes.push(Change::Neighbour(key.0, key.1, value.copied()));
            }
        }
        for key in &touched.forwarding {
            let value = now.forwarding.get(key);
            if value != before.forwarding.get(key) {
                changes.push(Change::Forwarding(key.0, key.1, value.copied()));
            }
        }
        for key in &touched.routes {
            let value = now.routes.get(key);
            if value != before.routes.get(key) {
                changes.push(Change::Route(*key, value.copied()));
            }
        }
        changes.sort_by_key(Change::phase);
        changes
    }

    fn recalculate_all(&mut self) {
        let blocks: Vec<IpNet> = self.blocks.keys().copied().collect();
        self.recalculate_blocks(&blocks);
        self.recalculate_tunnels();
    }

    /// Devices, and the entries of all nodes on them.
    fn recalculate_tunnels(&mut self) {
        let mut has_changed = false;
        for tunnel in [Tunnel::VxlanV4, Tunnel::VxlanV6, Tunnel::Ipip] {
            let device = self.wanted_device(tunnel);
            if self.wanted.devices.get(&tunnel) != device.as_ref() {
                self.touched.note_device(tunnel, &self.wanted);
                set(&mut self.wanted.devices, tunnel, device);
                has_changed = true;
            }
        }
        if has_changed {
            let nodes: BTreeSet<String> =
                self.nodes.keys().chain(self.entries_of_node.keys()).cloned().collect();
            nodes.iter().for_each(|node| self.recalculate_entries(node));
            let blocks: Vec<IpNet> = self.blocks.keys().copied().collect();
            self.recalculate_blocks(&blocks);
        }
    }

    fn wanted_device(&self, tunnel: Tunnel) -> Option<TunnelDevice> {
        let is_used = self.pools.values().any(|pool| match tunnel {
            Tunnel::VxlanV4 => pool.encapsulation.is_vxlan() && pool.cidr.addr().is_ipv4(),
            Tunnel::VxlanV6 => pool.encapsulation.is_vxlan() && pool.cidr.addr().is_ipv6(),
            Tunnel::Ipip => pool.encapsulation.is_ipip() && pool.cidr.addr().is_ipv4(),
        });
        let own = self.nodes.get(&self.node).filter(|_| is_used)?;
        match tunnel {
            Tunnel::Ipip => {
                Some(TunnelDevice { local: own.v4?.addr(), address: own.ipip?.into(), mac: None })
            }
            Tunnel::VxlanV4 | Tunnel::VxlanV6 => {
                let (address, mac) = own.vtep(tunnel)?;
                Some(TunnelDevice { local: own.like(address)?.addr(), address, mac: Some(mac) })
            }
        }
    }

    /// Neighbours and forwarding entries of another node.
    fn recalculate_entries(&mut self, name: &str) {
        let before = self.entries_of_node.remove(name).unwrap_or_default();
        let now = self.entries_of(name);
        for (tunnel, address, mac, _) in &before {
            withdraw(&mut self.neighbour_claims, (*tunnel, *address), name);
            withdraw(&mut self.forwarding_claims, (*tunnel, *mac), name);
        }
        for (tunnel, address, mac, behind) in &now {
            self.neighbour_claims.entry((*tunnel, *address)).or_default().insert(name.to_owned(), *mac);
            self.forwarding_claims.entry((*tunnel, *mac)).or_default().insert(name.to_owned(), *behind);
        }
        for (tunnel, address, mac, _) in before.iter().chain(&now) {
            self.touched.note_entry(*tunnel, *address, *mac, &self.wanted);
            let (neighbour, forwarding) = ((*tunnel, *address), (*tunnel, *mac));
            set(&mut self.wanted.neighbours, neighbour, first(&self.neighbour_claims, &neighbour));
            set(&mut self.wanted.forwarding, forwarding, first(&self.forwarding_claims, &forwarding));
        }
        if !now.is_empty() {
            self.entries_of_node.insert(name.to_owned(), now);
        }
    }

    fn entries_of(&self, name: &str) -> Vec<Entry> {
        let Some(node) = self.nodes.get(name).filter(|_| name != self.node) else { return Vec::new() };
        let entry = |tunnel: Tunnel| {
            let (address, mac) = node.vtep(tunnel).filter(|_| self.wanted.devices.contains_key(&tunnel))?;
            Some((tunnel, address, mac, node.like(address)?.addr()))
        };
        [Tunnel::VxlanV4, Tunnel::VxlanV6].into_iter().filter_map(entry).collect()
    }

    fn recalculate_blocks(&mut self, blocks: &[IpNet]) {
        blocks.iter().for_each(|block| self.recalculate_block(*block));
    }

    fn recalculate_block(&mut self, block: IpNet) {
        let before = self.routes_of_block.remove(&block).unwrap_or_default();
        let destinations = self.destinations(block);
        let now: BTreeMap<IpNet, Hop> = destinations
            .iter()
            .filter_map(|destination| Some((destination.prefix, self.hop_to(destination)?)))
            .collect();
        for prefix in before.into_iter().filter(|prefix| !now.contains_key(prefix)) {
            self.touched.note_route(prefix, &self.wanted);
            self.wanted.routes.remove(&prefix);
        }
        for (prefix, hop) in &now {
            if self.wanted.routes.get(prefix) != Some(hop) {
                self.touched.note_route(*prefix, &self.wanted);
                self.wanted.routes.insert(*prefix, *hop);
            }
        }
        if !now.is_empty() {
            self.routes_of_block.insert(block, now.into_keys().collect());
        }
    }

    fn destination(&self, prefix: IpNet, node: &str, encapsulation: Encapsulation) -> Destination {
        let own = self.nodes.get(&self.node).and_then(|own| own.like(prefix.addr()));
        let other =
            self.nodes.get(node).and_then(|other| other.like(prefix.addr())).map(|other| other.addr());
        let is_same_subnet = own.zip(other).is_some_and(|(own, other)| own.contains(&other));
        Destination { prefix, node: node.to_owned(), node_address: other, is_same_subnet, encapsulation }
    }

    /// The route to a destination; `None` when the agent has none to program.
    fn hop_to(&self, destination: &Destination) -> Option<Hop> {
        let encapsulation = destination.encapsulation;
        if self.programmers.of(encapsulation) != Some(Programmer::Agent) {
            return None;
        }
        let prefix = destination.prefix;
        if destination.node == self.node {
            // A single address has the route of its endpoint.
            return (prefix.prefix_len() < prefix.max_prefix_len()).then_some(Hop::Blackhole);
        }
        let via = destination.node_address?;
        let direct = destination.is_same_subnet.then_some(Hop::Direct { via });
        match encapsulation {
            Encapsulation::None => direct,
            Encapsulation::Ipip => self.ipip_to(via),
            Encapsulation::IpipCrossSubnet => direct.or_else(|| self.ipip_to(via)),
            Encapsulation::Vxlan => self.vxlan_to(destination),
            Encapsulation::VxlanCrossSubnet => direct.or_else(|| self.vxlan_to(destination)),
        }
    }

    fn ipip_to(&self, via: IpAddr) -> Option<Hop> {
        (via.is_ipv4() && self.wanted_device(Tunnel::Ipip).is_some()).then_some(Hop::Ipip { via })
    }

    fn vxlan_to(&self, destination: &Destination) -> Option<Hop> {
        let is_v4 = destination.prefix.addr().is_ipv4();
        let tunnel = if is_v4 { Tunnel::VxlanV4 } else { Tunnel::VxlanV6 };
        self.wanted_device(tunnel)?;
        let (via, _) = self.nodes.get(&destination.node)?.vtep(tunnel)?;
        Some(Hop::Vxlan { tunnel, via })
    }

    /// How packets to a block travel: as its pool says, the longest one around it.
    fn encapsulation_of(&self, block: IpNet) -> Option<Encapsulation> {
        let around = self.pools.values().filter(|pool| pool.cidr.contains(&block));
        around.max_by_key(|pool| pool.cidr.prefix_len()).map(|pool| pool.encapsulation)
    }
}

impl Touched {
    fn note_device(&mut self, tunnel: Tunnel, wanted: &Wanted) {
        if self.devices.insert(tunnel) {
            set(&mut self.before.devices, tunnel, wanted.devices.get(&tunnel).copied());
        }
    }

    fn note_entry(&mut self, tunnel: Tunnel, address: IpAddr, mac: MacAddress, wanted: &Wanted) {
        if self.neighbours.insert((tunnel, address)) {
            let before = wanted.neighbours.get(&(tunnel, address)).copied();
            set(&mut self.before.neighbours, (tunnel, address), before);
        }
        if self.forwarding.insert((tunnel, mac)) {
            let before = wanted.forwarding.get(&(tunnel, mac)).copied();
            set(&mut self.before.forwarding, (tunnel, mac), before);
        }
    }

    fn note_route(&mut self, prefix: IpNet, wanted: &Wanted) {
        if self.routes.insert(prefix) {
            set(&mut self.before.routes, prefix, wanted.routes.get(&prefix).copied());
        }
    }
}

fn withdraw<K: Ord, V>(claims: &mut BTreeMap<K, BTreeMap<String, V>>, key: K, node: &str) {
    if let Some(of_key) = claims.get_mut(&key) {
        of_key.remove(node);
        if of_key.is_empty() {
            claims.remove(&key);
        }
    }
}

fn first<K: Ord, V: Copy>(claims: &BTreeMap<K, BTreeMap<String, V>>, key: &K) -> Option<V> {
    claims.get(key)?.values().next().copied()
}

fn set<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: Option<V>) {
    match value {
        Some(value) => drop(map.insert(key, value)),
        None => drop(map.remove(&key)),
    }
}
