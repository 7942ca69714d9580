//! Routes and tunnel endpoints that another implementation calculates, where the corpus is there to be read.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::collections::BTreeSet;
use std::path::Path;

use margay_cluster::document::read_json;
use margay_cluster::ipam::Block;
use margay_cluster::key::{BlockKey, ObjectKey};
use margay_cluster::object::{IpPool, Kind, Node, decode_object};
use margay_cluster::schema::{UnknownFields, decode};
use margay_overlay::{BlockOwners, Encapsulation, NodeAddresses, Overlay, PoolRoutes, Tunnel};
use serde_json::Value;

#[expect(clippy::disallowed_methods, reason = "the corpus is read from where it lies")]
fn states() -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus/calico/policy/calc.jsonl.zst");
    if !path.exists() {
        eprintln!("corpus: calc is absent, nothing to compare with");
        return Vec::new();
    }
    let text = String::from_utf8(zstd::decode_all(&std::fs::read(&path).unwrap()[..]).unwrap()).unwrap();
    let records = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    // Elsewhere, routes follow from workloads, or addresses of nodes from keys that only Kubernetes has.
    let wanted = |record: &Value| {
        record["kind"] == "state"
            && record["route_source"] == "CalicoIPAM"
            && record["node_resources"] == true
    };
    records.filter(wanted).collect()
}

/// The overlay of a state; `None` when an object in it cannot be stored.
fn overlay_of(state: &Value) -> Option<(Overlay, Vec<ipnet::IpNet>)> {
    let mut overlay = Overlay::new(state["local_host"].as_str().unwrap());
    let mut blocks = Vec::new();
    for entry in state["state_v3"].as_array().unwrap() {
        let (key, text) = (entry["key"].as_str().unwrap(), entry["value"].to_string());
        let document = read_json(text.as_bytes()).unwrap();
        if let Some(key) = BlockKey::parse(key) {
            let block: Block = decode(&document, UnknownFields::Ignore).ok()?;
            overlay.set_block(key.block, Some(BlockOwners::of_block(&block)));
            blocks.push(key.block);
        }
        match ObjectKey::parse(key).map(|key| (key.kind, key.name)) {
            Some((Kind::Node, name)) => {
                let node: Node = decode_object(&document, UnknownFields::Ignore).ok()?;
                overlay.set_node(&name, Some(NodeAddresses::of_object(&node)));
            }
            Some((Kind::IpPool, name)) => {
                let pool: IpPool = decode_object(&document, UnknownFields::Ignore).ok()?;
                overlay.set_pool(&name, PoolRoutes::of_object(&pool));
            }
            _ => (),
        }
    }
    Some((overlay, blocks))
}

#[test]
fn destinations_are_as_recorded() {
    let (mut compared, mut failures) = (0, Vec::new());
    for state in states() {
        let Some((overlay, blocks)) = overlay_of(&state) else { continue };
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let routes = state["expect"]["routes"].as_array().unwrap();
        // An address that is borrowed and used here has the route of its endpoint.
        let is_used_here = |prefix: &str| {
            routes.iter().any(|route| route["dst"] == prefix && route["local_workload"] == true)
        };
        let own: BTreeSet<(String, String, String, bool)> = blocks
            .iter()
            .flat_map(|block| overlay.destinations(*block))
            .filter(|destination| destination.node != state["local_host"])
            .map(|destination| {
                let address = destination.node_address.map(|address| address.to_string()).unwrap_or_default();
                // The recording has the subnet only where it matters.
                let matters = matches!(
                    destination.encapsulation,
                    Encapsulation::VxlanCrossSubnet | Encapsulation::IpipCrossSubnet
                );
                let same_subnet = matters && destination.is_same_subnet;
                (destination.prefix.to_string(), destination.node, address, same_subnet)
            })
            .filter(|(prefix, ..)| !is_used_here(prefix))
            .collect();
        let recorded: BTreeSet<(String, String, String, bool)> = routes
            .iter()
            .filter(|route| route["types"].as_array().unwrap().contains(&"REMOTE_WORKLOAD".into()))
            .filter(|route| route["local_workload"] == false && route["pool_type"] != "NONE")
            .map(|route| {
                let same_subnet = route["same_subnet"] == true;
                (text(&route["dst"]), text(&route["dst_node"]), text(&route["dst_node_ip"]), same_subnet)
            })
            .collect();
        compared += recorded.len();
        if own != recorded {
            failures.push(format!("{}: {own:?}, not {recorded:?}", state["id"]));
        }
    }
    eprintln!("corpus: {compared} destinations compared");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(compared > 10 || states().is_empty(), "only {compared} destinations");
}

#[test]
fn tunnel_endpoints_are_as_recorded() {
    let (mut compared, mut failures) = (0, Vec::new());
    for state in states() {
        let Some((overlay, _)) = overlay_of(&state) else { continue };
        for vtep in state["expect"]["vteps"].as_array().unwrap() {
            let is_own = vtep["node"] == state["local_host"];
            let has_device = overlay.wanted().devices.contains_key(&Tunnel::VxlanV4);
            if is_own || !has_device || vtep["ipv4"] == "" {
                continue;
            }
            compared += 1;
            let key = (Tunnel::VxlanV4, vtep["ipv4"].as_str().unwrap().parse().unwrap());
            let mac = overlay.wanted().neighbours.get(&key).copied();
            let behind = mac.and_then(|mac| overlay.wanted().forwarding.get(&(Tunnel::VxlanV4, mac)));
            let found = (mac.map(|mac| mac.to_string()), behind.map(ToString::to_string));
            let wanted = (
                Some(vtep["mac"].as_str().unwrap().to_owned()),
                Some(vtep["parent_ip"].as_str().unwrap().to_owned()),
            );
            if found != wanted {
                failures.push(format!("{}: {found:?}, not {wanted:?}", state["id"]));
            }
        }
    }
    eprintln!("corpus: {compared} tunnel endpoints compared");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
