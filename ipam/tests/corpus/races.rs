//! Scenarios of several clients: faults at a certain write, and concurrent requests.

use std::collections::BTreeSet;

use bytes::Bytes;
use margay_cluster::key::{BlockAffinityKey, BlockKey};
use margay_cluster::object::AllowedUse;
use margay_ipam::{AddressBlock, AddressFamily, AddressOwner, AssignRequest, Ipam};
use margay_watch::{Expected, Stamp, SwapOutcome};
use serde_json::{Value, json};

use crate::simulated::{ModelStore, Tasks, run};
use crate::world::{Outcome, World, compare, ensure, net};

/// What happens instead of a write.
type Fault = dyn FnMut(&ModelStore, &str, Expected, Option<&Bytes>) -> Option<SwapOutcome> + Send;

/// What the scenarios take for granted: a pool, where they claim blocks without having made one, and a block.
pub(crate) fn prepare(world: &World) {
    if !world.id.starts_with("ipam.race.") || world.id == "ipam.race.same_host" {
        return;
    }
    put_pool(world, "10.0.0.0/26", 26);
    if world.id == "ipam.race.release_empty_vs_assign" {
        world.with(|ipam| run(ipam.claim_block("host-a", "10.0.0.0/26".parse().unwrap(), None))).unwrap();
    }
}

pub(crate) fn set_fault(world: &World, step: &Value) -> Outcome {
    let actions: Vec<String> =
        step["do"].as_array().unwrap().iter().map(|action| action.as_str().unwrap().to_owned()).collect();
    let fault: Box<Fault> = match step["at"].as_str().unwrap() {
        "block_create" if actions[0].starts_with("set_affinity_state") => {
            at_block_create(claim_meets_release)
        }
        "block_create" => at_block_create(block_is_stolen),
        "affinity_delete host-a" => {
            // Follows the fault before it in the same scenario.
            let mut first = at_block_create(block_is_stolen);
            let mut left = 1;
            Box::new(move |store, key, expected, value| {
                let is_deletion =
                    value.is_none() && key.starts_with(&BlockAffinityKey::prefix_of_host("host-a"));
                if is_deletion && left > 0 {
                    left -= 1;
                    return Some(SwapOutcome::Refused("a fault".to_owned()));
                }
                first(store, key, expected, value)
            })
        }
        "affinity_update" => {
            let mut left = 1;
            Box::new(move |store, key, _, value| {
                if left > 0 && value.is_some() && key.starts_with(BlockAffinityKey::PREFIX) {
                    left -= 1;
                    assign_in_existing_block(store);
                }
                None
            })
        }
        other => return Err(format!("a fault at {other} is not known")),
    };
    world.store.set_fault(Some(fault));
    Ok(())
}

/// A fault at the first creation of a block.
fn at_block_create(happens: fn(&ModelStore, BlockKey) -> SwapOutcome) -> Box<Fault> {
    let mut is_over = false;
    Box::new(move |store: &ModelStore, key: &str, expected: Expected, _: Option<&Bytes>| {
        let block = BlockKey::parse(key).filter(|_| matches!(expected, Expected::Absent) && !is_over)?;
        is_over = true;
        Some(happens(store, block))
    })
}

/// A release of the same block by the same node comes between: affinity pending deletion, and no block.
fn claim_meets_release(store: &ModelStore, block: BlockKey) -> SwapOutcome {
    let affinity = BlockAffinityKey::of_host("host-a", block.block).to_string();
    store.put(&affinity, Some(r#"{"state":"pendingDeletion","deleted":false}"#));
    SwapOutcome::Written(store.read(&affinity).unwrap().stamp.revision)
}

/// Another node creates the block first.
fn block_is_stolen(store: &ModelStore, block: BlockKey) -> SwapOutcome {
    let affinity = BlockAffinityKey::of_host("host-b", block.block).to_string();
    store.put(&affinity, Some(r#"{"state":"confirmed","deleted":false}"#));
    let mut value = serde_json::from_slice::<Value>(
        &AddressBlock::new(block.block, None, None, margay_ipam::WallTime(0)).encode(),
    )
    .unwrap();
    value["affinity"] = json!("host:host-b");
    store.put(&block.to_string(), Some(&value.to_string()));
    SwapOutcome::Conflict(store.read(&block.to_string()))
}

/// Another client takes an address of the only block.
fn assign_in_existing_block(store: &ModelStore) {
    let (key, text) = store.entries(BlockKey::PREFIX).remove(0);
    let mut value: Value = serde_json::from_str(&text).unwrap();
    value["allocations"][0] = json!(0);
    value["attributes"] = json!([{"handle_id": null, "secondary": {}}]);
    value["unallocated"].as_array_mut().unwrap().remove(0);
    let stamp: Stamp = store.read(&key).unwrap().stamp;
    store.apply(&key, Expected::At(stamp), Some(value.to_string().into()));
}

pub(crate) fn concurrent(world: &World, step: &Value) -> Outcome {
    let block_size = u8::try_from(step["block_size"].as_u64().unwrap()).unwrap();
    put_pool(world, step["pool"].as_str().unwrap(), block_size);
    let cluster = world.cluster();
    let ipam = Ipam { store: &world.store, cluster: &cluster, now: world.now };
    let requests: Vec<AssignRequest> = (0..step["hosts"].as_u64().unwrap())
        .flat_map(|host| (0..step["parallel_per_host"].as_u64().unwrap()).map(move |client| (host, client)))
        .map(|(host, client)| {
            let owner = AddressOwner { handle: Some(format!("{host}-{client}")), ..AddressOwner::default() };
            AssignRequest::new(&format!("host-{host}"), AllowedUse::Workload, owner, 1, 0)
        })
        .collect();
    let mut tasks = Tasks::new();
    for (number, request) in requests.iter().enumerate() {
        tasks.start(number, ipam.assign(request, AddressFamily::V4));
    }
    let (mut addresses, mut choice) = (Vec::new(), 0_usize);
    while !tasks.is_idle() {
        choice = choice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        if let Some((_, result)) = tasks.step(choice >> 33) {
            addresses.extend(result.map_err(|error| error.to_string())?.addresses);
        }
    }
    let expected = &step["expect"];
    let distinct: BTreeSet<_> = addresses.iter().map(|address| address.addr()).collect();
    compare(expected, "assigned", &json!(addresses.len()))?;
    compare(expected, "distinct", &json!(distinct.len() == addresses.len()))?;
    let pool = net(&step["pool"]);
    ensure(distinct.iter().all(|address| pool.contains(address)), || format!("{distinct:?}"))?;
    let states = world.affinity_states(None);
    let counts = expected["affinities"].as_array().unwrap();
    ensure(counts.contains(&json!(states.len())), || format!("affinities are {states:?}"))?;
    let all = expected["all_state"].as_str().unwrap();
    ensure(states.iter().all(|state| state == all), || format!("affinities are {states:?}"))
}

fn put_pool(world: &World, cidr: &str, block_size: u8) {
    let value = json!({
        "apiVersion": "projectcalico.org/v3", "kind": "IPPool", "metadata": {"name": "p"},
        "spec": {"cidr": cidr, "blockSize": block_size},
    });
    world.store.put("/calico/resources/v3/projectcalico.org/ippools/p", Some(&value.to_string()));
}
