//! Steps about one block by itself.

use std::collections::BTreeMap;
use std::net::IpAddr;

use margay_ipam::{AddressBlock, PrefixSet, Release, WallTime};
use serde_json::{Value, json};

use crate::world::{Outcome, World, compare, compare_error, ensure, net, reservation_of};

pub(crate) fn carry_out(world: &mut World, step: &Value) -> Outcome {
    let expected = &step["expect"];
    match step["op"].as_str().unwrap() {
        "block" => {
            world.block = Some(block_of(step, world.now));
            Ok(())
        }
        "block_sequence" => crate::values::carry_out(step),
        "new_block" => {
            let reserved = reservation_of(&step["host_reserved"]);
            let block = AddressBlock::new(net(&step["cidr"]), None, reserved.as_ref(), world.now);
            compare(expected, "free", &json!(block.free_count(&PrefixSet::default())))?;
            compare(expected, "allocations", &json!(block.value().allocations))?;
            let attributes = block.value().attributes.iter();
            let attributes: Vec<Value> = attributes
                .map(|attributes| json!({"handle_id": attributes.handle_id, "secondary": attributes.owner}))
                .collect();
            compare(expected, "attributes", &json!(attributes))
        }
        op => on_block(op, world.block.as_mut().ok_or("no block is there")?, step, world.now),
    }
}

fn on_block(op: &str, block: &mut AddressBlock, step: &Value, now: WallTime) -> Outcome {
    let expected = &step["expect"];
    let reservations = || PrefixSet::new(step["reservations"].as_array().unwrap().iter().map(net));
    let same = |found: Value| ensure(found == *expected, || format!("{found}, not {expected}"));
    match op {
        "block_empty" => same(json!(block.is_empty())),
        "block_in_use" => same(json!(block.in_use().map(|(address, _)| address).collect::<Vec<IpAddr>>())),
        "block_free" => same(json!(block.free_count(&reservations()))),
        "block_reserved" => same(json!(reservations().count_in(block.cidr()))),
        "block_by_handle" => same(json!(block.of_handle(step["handle"].as_str().unwrap()))),
        "block_release" => {
            let releases: Vec<Release> = step["ips"].as_array().unwrap().iter().map(release_of).collect();
            let taken = block.take_back(&releases, now);
            if let Ok(taken) = &taken {
                compare(expected, "unallocated", &json!(taken.not_in_use))?;
                compare(expected, "count_by_handle", &json!(taken.by_handle))?;
                block.collect(now, 0);
                compare(expected, "allocated", &allocated(block))?;
            }
            compare_error(expected, taken.err())
        }
        "block_release_by_handle" => {
            let released = block.take_back_handle(step["handle"].as_str().unwrap(), now);
            block.collect(now, 0);
            compare(expected, "released", &json!(released.len()))?;
            compare(expected, "allocated", &allocated(block))?;
            let free = &block.value().unallocated;
            let tail = |key: &str| expected[key].as_array().map_or(0, Vec::len);
            let mut last =
                free[free.len() - tail("unallocated_tail").max(tail("unallocated_tail_set"))..].to_vec();
            compare(expected, "unallocated_tail", &json!(last))?;
            last.sort_unstable();
            compare(expected, "unallocated_tail_set", &json!(last))
        }
        "block_add_unused_attributes" => {
            let mut value: Value = serde_json::from_slice(&block.encode()).unwrap();
            for number in 0..step["count"].as_u64().unwrap() {
                let unused = json!({"handle_id": format!("unused-{number}"), "secondary": {}});
                value["attributes"].as_array_mut().unwrap().insert(0, unused);
            }
            let count = step["count"].clone();
            for slot in value["allocations"].as_array_mut().unwrap() {
                if let Some(index) = slot.as_u64() {
                    *slot = json!(index + count.as_u64().unwrap());
                }
            }
            *block = AddressBlock::read(value.to_string().as_bytes()).unwrap();
            Ok(())
        }
        "block_gc" => {
            let cooldown = u32::try_from(step["cooldown"].as_u64().unwrap()).unwrap();
            compare(expected, "changed", &json!(block.collect(now, cooldown)))?;
            compare(expected, "attributes", &json!(block.value().attributes.len()))?;
            compare(expected, "allocated", &allocated(block))?;
            compare(expected, "free", &json!(block.value().unallocated.len()))
        }
        other => Err(format!("{other} is not known")),
    }
}

/// A block with addresses given out as a step describes them.
fn block_of(step: &Value, now: WallTime) -> AddressBlock {
    let cidr = net(&step["cidr"]);
    let empty = AddressBlock::new(cidr, None, None, now);
    let mut value: Value = serde_json::from_slice(&empty.encode()).unwrap();
    let mut sequences: BTreeMap<String, u64> = BTreeMap::new();
    for (index, group) in step["allocate"].as_array().unwrap().iter().enumerate() {
        let mut attributes = json!({"handle_id": group["handle"], "secondary": {"group": index.to_string()}});
        if let Some(ago) = group["released_seconds_ago"].as_i64() {
            attributes["releasedAt"] = json!(WallTime(now.0 - ago).to_string());
        }
        value["attributes"].as_array_mut().unwrap().push(attributes);
        for ordinal in group["ordinals"].as_array().unwrap() {
            let ordinal = usize::try_from(ordinal.as_u64().unwrap()).unwrap();
            value["allocations"][ordinal] = json!(index);
            value["unallocated"].as_array_mut().unwrap().retain(|free| *free != json!(ordinal));
        }
        for (ordinal, sequence) in group["sequence"].as_object().into_iter().flatten() {
            sequences.insert(ordinal.clone(), sequence.as_u64().unwrap());
        }
    }
    value["sequenceNumberForAllocation"] = json!(sequences);
    AddressBlock::read(value.to_string().as_bytes()).unwrap()
}

fn release_of(item: &Value) -> Release {
    Release {
        address: item["address"].as_str().unwrap().parse().unwrap(),
        handle: item["handle"].as_str().map(ToOwned::to_owned),
        sequence: item["sequence"].as_u64(),
    }
}

fn allocated(block: &AddressBlock) -> Value {
    let slots = block.value().allocations.iter().enumerate();
    json!(slots.filter(|(_, slot)| slot.is_some()).map(|(ordinal, _)| ordinal).collect::<Vec<_>>())
}
