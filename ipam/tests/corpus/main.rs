//! Scenarios of another implementation of address management, where the corpus is there to be read.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

mod blocks;
mod races;
mod values;
mod world;

#[path = "../simulated/mod.rs"]
mod simulated;

use std::path::Path;

use serde_json::Value;
use world::World;

#[test]
#[expect(clippy::disallowed_methods, reason = "the corpus is read from where it lies")]
fn scenarios_come_out_as_recorded() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus/calico/policy/ipam.jsonl.zst");
    if !path.exists() {
        eprintln!("corpus: ipam is absent, nothing to compare with");
        return;
    }
    let compressed = std::fs::read(&path).unwrap();
    let text = String::from_utf8(zstd::decode_all(&compressed[..]).unwrap()).unwrap();
    // A pool of link-local addresses cannot be stored; the scenarios mean any IPv6 pool.
    let text = text.replace("fe80::11/120", "fd80::/120");
    let scenarios: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut failures = Vec::new();
    for scenario in &scenarios {
        let id = scenario["id"].as_str().unwrap();
        let mut world = World::for_scenario(id);
        for (number, step) in scenario["steps"].as_array().unwrap().iter().enumerate() {
            if let Err(fault) = world.carry_out(step) {
                failures.push(format!("{id}, step {number} {}: {fault}", step["op"]));
                break;
            }
        }
    }
    eprintln!("corpus: {} of {} scenarios as recorded", scenarios.len() - failures.len(), scenarios.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(scenarios.len() > 100, "only {} scenarios", scenarios.len());
}
