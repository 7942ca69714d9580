//! What must be true of blocks, affinities, handles and the addresses that are used.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use margay_cluster::ipam::AffinityState;

use super::{Finding, Snapshot};
use crate::block::AddressBlock;

pub(super) fn check_blocks(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    let mut by_start: Vec<&AddressBlock> = snapshot.blocks.iter().collect();
    by_start.sort_by_key(|block| (block.cidr().network(), block.cidr().prefix_len()));
    for pair in by_start.windows(2) {
        if let [one, other] = pair
            && one.cidr().contains(&other.cidr())
        {
            findings.push(Finding::BlocksOverlap(one.cidr(), other.cidr()));
        }
    }
    for block in &snapshot.blocks {
        let cidr = block.cidr();
        if !snapshot.pools.is_empty() && !snapshot.pools.iter().any(|pool| pool.cidr.contains(&cidr)) {
            findings.push(Finding::BlockOutsidePools(cidr));
        }
        findings.extend(wrongly_listed(block).into_iter().map(Finding::FreeListWrong));
        check_owner(block, snapshot, findings);
    }
}

fn check_owner(block: &AddressBlock, snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    let Some(owner) = block.owner() else { return };
    let cidr = block.cidr();
    let is_known = snapshot.nodes.as_ref().is_none_or(|nodes| nodes.contains(&owner.name));
    if owner.owner_type == "host" && !is_known {
        findings.push(Finding::OwnerUnknown { block: cidr, node: owner.name.clone() });
    }
    if !snapshot.affinities.contains_key(&(cidr, owner.to_string())) {
        findings.push(Finding::OwnerWithoutAffinity { block: cidr, owner: owner.to_string() });
    }
}

/// Addresses that are not exactly once either free or in use.
fn wrongly_listed(block: &AddressBlock) -> Vec<IpAddr> {
    let value = block.value();
    let mut listed = vec![0_u32; value.allocations.len()];
    for &ordinal in &value.unallocated {
        if let Some(times) = listed.get_mut(ordinal) {
            *times += 1;
        }
    }
    let slots = value.allocations.iter().zip(listed).enumerate();
    let wrong = slots.filter(|(_, (slot, listed))| *listed != u32::from(slot.is_none()));
    wrong.filter_map(|(ordinal, _)| value.address(ordinal)).collect()
}

pub(super) fn check_affinities(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    let owners: BTreeMap<IpNet, String> =
        snapshot.blocks.iter().filter_map(|block| Some((block.cidr(), block.owner()?.to_string()))).collect();
    for ((block, owner), affinity) in &snapshot.affinities {
        match affinity.state.unwrap_or(AffinityState::Confirmed) {
            AffinityState::Confirmed if owners.get(block) == Some(owner) => (),
            AffinityState::Confirmed => {
                findings.push(Finding::AffinityWithoutBlock { block: *block, owner: owner.clone() });
            }
            AffinityState::Pending | AffinityState::PendingDeletion => {
                findings.push(Finding::AffinityUnfinished { block: *block, owner: owner.clone() });
            }
        }
    }
}

pub(super) fn check_handles(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    let mut found: BTreeMap<(String, IpNet), u64> = BTreeMap::new();
    for block in &snapshot.blocks {
        for handle in block.in_use().filter_map(|(_, attributes)| attributes.handle_id.clone()) {
            *found.entry((handle, block.cidr())).or_default() += 1;
        }
    }
    let mut counted: BTreeMap<(String, IpNet), u64> = BTreeMap::new();
    for (handle, value) in &snapshot.handles {
        for (block, count) in &value.block {
            if let Some(block) = margay_cluster::value::parse_network(block) {
                counted.insert((handle.clone(), block), *count);
            }
        }
    }
    let keys = found.keys().chain(counted.keys().filter(|key| !found.contains_key(*key)));
    for key in keys {
        let (handle, block) = key.clone();
        let (found, counted) = (found.get(key).copied().unwrap_or(0), counted.get(key).copied().unwrap_or(0));
        match counted.cmp(&found) {
            std::cmp::Ordering::Less => {
                findings.push(Finding::HandleTooLow { handle, block, counted, found })
            }
            std::cmp::Ordering::Greater => {
                findings.push(Finding::HandleTooHigh { handle, block, counted, found });
            }
            std::cmp::Ordering::Equal => (),
        }
    }
}

pub(super) fn check_users(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    let Some(users) = &snapshot.users else { return };
    let mut by_address: BTreeMap<IpAddr, Vec<&str>> = BTreeMap::new();
    for user in users {
        by_address.entry(user.address).or_default().push(&user.what);
    }
    for block in &snapshot.blocks {
        for (address, attributes) in block.in_use() {
            if !by_address.contains_key(&address) && !is_reserved_by_host(attributes.handle_id.as_deref()) {
                let (handle, sequence) = (attributes.handle_id.clone(), block.sequence_of(address));
                findings.push(Finding::Leaked { address, handle, sequence });
            }
        }
    }
    for (address, names) in by_address {
        if names.len() > 1 {
            let users = names.iter().map(|name| (*name).to_owned()).collect();
            findings.push(Finding::UsedTwice { address, users });
        }
        let in_pool = snapshot.pools.iter().any(|pool| pool.cidr.contains(&address));
        let is_given = snapshot.blocks.iter().any(|block| block.attributes_of(address).is_some());
        if in_pool && !is_given {
            findings.push(Finding::NotGivenOut { address, user: names.join(" and ") });
        }
    }
}

/// Addresses at the ends of blocks that nodes with Windows keep are used by no endpoint.
fn is_reserved_by_host(handle: Option<&str>) -> bool {
    handle.is_some_and(|handle| handle.starts_with("windows-reserved-ipam-handle"))
}
