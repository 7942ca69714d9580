//! Addresses that two have, pools that overlap, blocks that belong nowhere.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use margay_cluster::key::{BlockAffinityKey, ObjectKey};
use margay_cluster::object::{AnyObject, IpPool, Node};

use super::contents::Contents;
use super::finding::{Finding, Severity};
use crate::objects::query::typed_name;

pub(super) fn check(contents: &Contents, findings: &mut Vec<Finding>) {
    check_nodes(contents, findings);
    check_pools(contents, findings);
    check_blocks(contents, findings);
    check_affinities(contents, findings);
}

fn error(subject: String, message: String) -> Finding {
    Finding { severity: Severity::Error, subject, message }
}

fn warning(subject: String, message: String) -> Finding {
    Finding { severity: Severity::Warning, subject, message }
}

fn nodes(contents: &Contents) -> impl Iterator<Item = (&ObjectKey, &Node)> {
    contents.of_kind(|object| match object {
        AnyObject::Node(node) => Some(&**node),
        _ => None,
    })
}

fn pools(contents: &Contents) -> impl Iterator<Item = (&ObjectKey, &IpPool)> {
    contents.of_kind(|object| match object {
        AnyObject::IpPool(pool) => Some(&**pool),
        _ => None,
    })
}

fn check_nodes(contents: &Contents, findings: &mut Vec<Finding>) {
    let mut owners: BTreeMap<IpAddr, Vec<&ObjectKey>> = BTreeMap::new();
    for (key, node) in nodes(contents) {
        let Some(bgp) = &node.spec.bgp else { continue };
        for address in [bgp.ipv4_address, bgp.ipv6_address].into_iter().flatten() {
            owners.entry(address.addr()).or_default().push(key);
        }
    }
    for (address, keys) in owners {
        if let [first, second, ..] = keys[..] {
            findings.push(error(
                typed_name(first),
                format!("has the address {address} of {}", typed_name(second)),
            ));
        }
    }
}

fn check_pools(contents: &Contents, findings: &mut Vec<Finding>) {
    let pools: Vec<(&ObjectKey, IpNet)> =
        pools(contents).map(|(key, pool)| (key, pool.spec.cidr.0)).collect();
    for (number, (key, network)) in pools.iter().enumerate() {
        for (other_key, other) in pools.iter().skip(number + 1) {
            if network.contains(other) || other.contains(network) {
                findings
                    .push(error(typed_name(key), format!("overlaps {} ({other})", typed_name(other_key))));
            }
        }
    }
}

fn check_blocks(contents: &Contents, findings: &mut Vec<Finding>) {
    for (&network, block) in &contents.blocks {
        let subject = || format!("block {network}");
        if !pools(contents).any(|(_, pool)| pool.spec.cidr.contains(&network)) {
            findings.push(warning(subject(), "is in no pool".to_owned()));
        }
        if let Some(host) = block.host() {
            let affinity = BlockAffinityKey::of_host(host, network);
            if !contents.affinities.contains_key(&affinity) {
                let message = format!("it belongs to node {host}, which has no affinity to it");
                findings.push(error(subject(), message));
            }
        }
    }
}

fn check_affinities(contents: &Contents, findings: &mut Vec<Finding>) {
    for (key, affinity) in &contents.affinities {
        if key.owner_type != "host" {
            continue;
        }
        let subject = || format!("block {}", key.block);
        let has_affinity = format!("node {} has an affinity to it, ", key.owner);
        match contents.blocks.get(&key.block) {
            None if affinity.is_confirmed() => {
                findings.push(error(subject(), format!("{has_affinity}but it does not exist")));
            }
            Some(block) if affinity.is_confirmed() && block.host() != Some(&key.owner) => {
                let owner = block.host().map_or_else(|| "no node".to_owned(), |host| format!("node {host}"));
                findings.push(error(subject(), format!("{has_affinity}but it belongs to {owner}")));
            }
            _ => {}
        }
        if !nodes(contents).any(|(node, _)| node.name == key.owner) {
            findings.push(warning(subject(), format!("{has_affinity}and does not exist")));
        }
    }
}
