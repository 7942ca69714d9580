//! Calico's golden cases: the rendered file passes the daemon's own check, and its peers and networks are the recorded ones.
//!
//! The corpus stands beside the checkout; where it is absent, the tests say so and pass.

#[path = "../../../render/tests/calico/case.rs"]
mod case;
mod steps;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use case::Case;
use margay_config::{Config, NextHopMode, Peer};
use margay_render::{Family, FileSettings, render};
use serde_json::Value;

#[test]
fn files_pass_the_check_and_have_the_recorded_peers_and_networks() {
    let mut compared = 0;
    for case in case::read_all() {
        let rendered = match render(&case.snapshot(), &case.nodename, &FileSettings::default()) {
            Ok(rendered) => rendered,
            Err(problems) => {
                assert!(!problems.is_empty());
                continue;
            }
        };
        let config = margay_config::parse(&case.case, &rendered.toml)
            .unwrap_or_else(|errors| panic!("{}\n{}", errors[0], rendered.toml));
        let again = render(&case.snapshot(), &case.nodename, &FileSettings::default());
        assert_eq!(again.as_ref(), Ok(&rendered), "{}: the same objects give the same text", case.case);
        for family in Family::ALL {
            let Some(expected) = case.expected(family).filter(|expected| expected["enabled"] == true) else {
                continue;
            };
            compare_peers(&case, family, expected, &config, &rendered.toml);
            compare_networks(&case, family, expected, &config);
            assert_eq!(config.global().asn.to_string(), expected["local_as"].to_string(), "{}", case.case);
            assert_eq!(config.global().router_id.to_string(), text(&expected["router_id"]), "{}", case.case);
            compared += 1;
        }
    }
    eprintln!("{compared} families compared");
}

fn compare_peers(case: &Case, family: Family, expected: &Value, config: &Config, toml: &str) {
    let is_of_family = |peer: &&Peer| Family::of(peer.address) == family;
    let found: BTreeMap<&str, &Peer> =
        config.peers().iter().filter(is_of_family).map(|peer| (peer.name.as_str(), peer)).collect();
    let mut left_out = BTreeSet::new();
    let recorded = expected["peers"].as_array().into_iter().flatten();
    for fact in recorded {
        let name = text(&fact["name"]);
        match found.get(name.as_str()) {
            Some(peer) => compare_peer(case, peer, fact),
            None => drop(left_out.insert(name)),
        }
    }
    assert_eq!(
        found.len() + left_out.len(),
        expected["peers"].as_array().map_or(0, Vec::len),
        "{}",
        case.case
    );
    for name in left_out {
        let fact = expected["peers"].as_array().into_iter().flatten().find(|fact| fact["name"] == *name);
        let fact = fact.expect("it was recorded");
        let address: IpAddr = text(&fact["ip"]).parse().expect("an address");
        let has_other_asn =
            !fact["local_as_override"].is_null() && fact["local_as_override"] != expected["local_as"];
        let is_double = found.values().any(|peer| peer.address == address);
        // Sessions that the daemon cannot have; each is named in the problems of the file.
        assert!(
            has_other_asn || is_double || address.is_multicast(),
            "{}: {name} is missing\n{toml}",
            case.case
        );
    }
}

fn compare_peer(case: &Case, peer: &Peer, fact: &Value) {
    let place = format!("{} {}", case.case, peer.name);
    assert_eq!(peer.address.to_string(), text(&fact["ip"]), "{place}");
    assert_eq!(u64::from(peer.port), fact["port"].as_u64().unwrap_or(179), "{place}");
    assert_eq!(peer.remote_asn.to_string(), fact["remote_as"].to_string(), "{place}");
    assert_eq!(peer.passive, fact["passive"] == true, "{place}");
    let source = peer.source_address.map(|address| address.to_string());
    assert_eq!(source.as_deref(), fact["source_address"].as_str(), "{place}");
    assert_eq!(peer.ttl_security, fact["ttl_security"] == true, "{place}");
    if let Some(hops) = fact["multihop_ttl"].as_u64() {
        assert_eq!(peer.multihop.map(|hops| u64::from(hops.get())), Some(hops), "{place}");
    }
    assert_eq!(peer.rr_client, fact["rr_client"] == true, "{place}");
    if peer.rr_client {
        let cluster = peer.cluster_id.map(|cluster| cluster.to_string());
        assert_eq!(cluster.as_deref(), fact["rr_cluster_id"].as_str(), "{place}");
    }
    assert_eq!(peer.password_file.is_some(), fact["password"].is_string(), "{place}");
    let next_hop = match peer.next_hop {
        NextHopMode::Auto => "auto",
        NextHopMode::Own => "self",
        NextHopMode::Keep => "keep",
        NextHopMode::Addresses { .. } => "addresses",
    };
    // Towards an external peer, the own address is what BGP has for one that is several hops away.
    let is_external = fact["remote_as"] != fact["local_as"];
    let recorded = match text(&fact["next_hop"]).as_str() {
        "auto" if is_external => "self".to_owned(),
        other => other.to_owned(),
    };
    assert_eq!(next_hop, recorded, "{place}");
}

fn compare_networks(case: &Case, family: Family, expected: &Value, config: &Config) {
    let list = |name: &str| expected[name].as_array().cloned().unwrap_or_default();
    let recorded: BTreeSet<ipnet::IpNet> =
        list("blocks").iter().chain(&list("statics")).map(|network| parsed(&text(network))).collect();
    let found: BTreeSet<ipnet::IpNet> = config
        .networks()
        .iter()
        .map(|network| parsed(&network.prefix.to_string()))
        .filter(|network| Family::of_network(*network) == family)
        .collect();
    assert_eq!(found, recorded, "{}", case.case);
}

fn parsed(text: &str) -> ipnet::IpNet {
    text.parse().expect("a network")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
