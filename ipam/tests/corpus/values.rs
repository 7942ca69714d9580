//! Steps about values without a store: pools, reservations, the order of blocks.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use margay_cluster::selector::Selector;
use margay_cluster::value::Labels;
use margay_ipam::{
    AddressFamily, BlockOrder, Pool, PrefixSet, Selection, address_count, available_outside_blocks,
    qualifying_pools, without_covered,
};
use serde_json::{Value, json};

use crate::world::{Outcome, compare, compare_error, ensure, net};

pub(crate) fn carry_out(step: &Value) -> Outcome {
    let expected = &step["expect"];
    match step["op"].as_str().unwrap() {
        "determine_pools" => determine_pools(step),
        "pool_space" => {
            let (pool, reservations) = (net(&step["pool"]), PrefixSet::new(nets(&step["reservations"])));
            let outside = available_outside_blocks(pool, &nets(&step["blocks"]), &reservations);
            compare(expected, "capacity", &json!(address_count(pool)))?;
            compare(expected, "reserved", &json!(reservations.count_in(pool)))?;
            compare(expected, "available_outside_blocks", &json!(outside))
        }
        "parse_reservations" => {
            let texts = step["input"].as_array().unwrap().iter().map(|text| text.as_str().unwrap());
            compare(expected, "cidrs", &texts_of(PrefixSet::parse(texts).prefixes()))
        }
        "dedup_cidrs" => compare(expected, "cidrs", &texts_of(&without_covered(&nets(&step["input"])))),
        "cidr_filter" => cidr_filter(step),
        "block_sequence" => {
            let mut pool = pool_of(&json!({"cidr": step["pool"], "enabled": true}))?;
            pool.block_length = u8::try_from(step["block_size"].as_u64().unwrap()).unwrap();
            let blocks: Vec<IpNet> = BlockOrder::new(&pool, step["host"].as_str().unwrap()).collect();
            let distinct: BTreeSet<IpNet> = blocks.iter().copied().collect();
            ensure(blocks.iter().all(|block| pool.cidr.contains(block)), || format!("{blocks:?}"))?;
            compare(expected, "count", &json!(blocks.len()))?;
            compare(expected, "distinct", &json!(distinct.len() == blocks.len()))
        }
        other => Err(format!("{other} is not known")),
    }
}

fn determine_pools(step: &Value) -> Outcome {
    let expected = &step["expect"];
    let given = step["pools"].as_array().unwrap();
    let pools: Result<Vec<Pool>, String> = given.iter().map(pool_of).collect();
    let pools = match pools {
        Ok(pools) => pools,
        Err(fault) => return ensure(expected["error"] == json!(fault), || fault.clone()),
    };
    let family = if step["family"] == json!(4) { AddressFamily::V4 } else { AddressFamily::V6 };
    let requested: Vec<String> =
        step["requested"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect();
    let node_labels = labels_of(&step["node_labels"]);
    let namespace_labels = step.get("namespace").map(|namespace| labels_of(&namespace["labels"]));
    let selection =
        Selection { node_labels: Some(&node_labels), namespace_labels: namespace_labels.as_ref() };
    let found = qualifying_pools(&pools, family, &requested, selection);
    let wanted: Vec<IpNet> = nets(&expected["pools"]);
    let cidrs: Vec<IpNet> =
        found.as_ref().map_or(Vec::new(), |found| found.iter().map(|pool| pool.cidr).collect());
    ensure(cidrs == wanted, || format!("{cidrs:?}, not {wanted:?}"))?;
    compare_error(expected, found.err())
}

fn cidr_filter(step: &Value) -> Outcome {
    let (set, expected) = (PrefixSet::new(nets(&step["filter"])), &step["expect"]);
    for (key, wanted) in [("ips_in", true), ("ips_out", false)] {
        for address in expected[key].as_array().unwrap() {
            let address: IpAddr = address.as_str().unwrap().parse().unwrap();
            ensure(set.contains(address) == wanted, || format!("{key}: {address}"))?;
        }
    }
    for (key, wanted) in [("cidrs_in", true), ("cidrs_out", false)] {
        for prefix in nets(&expected[key]) {
            ensure(set.covers(prefix) == wanted, || format!("{key}: {prefix}"))?;
        }
    }
    Ok(())
}

fn pool_of(value: &Value) -> Result<Pool, String> {
    let selector = |key: &str| -> Result<Option<Selector>, String> {
        let text = value[key].as_str().filter(|text| !text.is_empty());
        text.map(|text| text.parse().map_err(|_| "invalid_selector".to_owned())).transpose()
    };
    let cidr = net(&value["cidr"]);
    Ok(Pool {
        name: value["cidr"].as_str().unwrap().to_owned(),
        cidr,
        block_length: if cidr.addr().is_ipv4() { 26 } else { 122 },
        is_enabled: value["enabled"] == json!(true),
        node_selector: selector("node_selector")?,
        namespace_selector: selector("namespace_selector")?,
        allowed_uses: Vec::new(),
        is_manual: false,
    })
}

fn labels_of(value: &Value) -> Labels {
    let fields = value.as_object().into_iter().flatten();
    Labels(fields.map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned())).collect())
}

fn nets(value: &Value) -> Vec<IpNet> {
    value.as_array().unwrap().iter().map(net).collect()
}

fn texts_of(prefixes: &[IpNet]) -> Value {
    json!(prefixes.iter().map(ToString::to_string).collect::<Vec<_>>())
}
