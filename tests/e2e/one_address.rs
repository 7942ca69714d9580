//! Several peers at one address, told apart by port or by the own address.

use margay_lab::{Bird, Margay, PeerSettings, Router, RouterSettings, wait_until};

use crate::pair::{MARGAY_ASN, PATIENCE, wait_for_state};
use crate::wire::{Wire, address, identifier, network, wait_for_networks};

/// margay's own addresses are 1 and 11, the routers are at 2.
const HERE: u8 = 1;
const ALSO_HERE: u8 = 11;
const THERE: u8 = 2;

#[test]
fn two_routers_at_one_address_are_told_apart_by_port() {
    let wire = Wire::new();
    let place = wire.place("routers", &[THERE]);
    let router = |number: u8, port: u16| {
        let mut settings = router_settings(number, &[HERE]);
        settings.peers[0].extra = format!("local port {port};\n");
        Bird::named(&place, &format!("bird{number}"), settings)
    };
    let (mut one, mut other) = (router(21, 179), router(22, 1790));
    one.start().unwrap();
    other.start().unwrap();
    let mut margay = wire.margay("margay", HERE, |_| {});
    let peer = |name: &str, asn: u32, port: u16| {
        format!(
            "[[peer]]\nname = \"{name}\"\naddress = \"{}\"\nremote_asn = {asn}\nport = {port}\n\
             connect_retry = \"2s\"\n",
            address(THERE)
        )
    };
    let file = |other_port| [global(), peer("one", 65_021, 179), peer("other", 65_022, other_port)].concat();
    margay.start_with(&file(1790)).unwrap();

    // The right AS number at each: a session with the other router would be refused.
    for (name, asn, number) in [("one", 65_021, 21), ("other", 65_022, 22)] {
        wait_for_state(&margay, name, |state| state == "established", "established");
        let shown = margay.json(&format!("show peer {name}")).unwrap();
        assert_eq!(shown["remote_asn"], asn);
        wait_for_routes_from(&margay, name, &[number]);
    }
    wait_for_networks(&one, &[HERE, 22]);
    wait_for_networks(&other, &[HERE, 21]);
    let error = margay.cli(&format!("show peer {}", address(THERE))).unwrap_err().to_string();
    assert!(error.contains("several peers have the address") && error.contains("one, other"), "{error}");

    // One alone is disabled, and stays so when it moves to another port.
    margay.cli("peer other disable").unwrap();
    wait_for_networks(&one, &[HERE]);
    other.settings().peers[0].extra = "local port 1791;\n".to_owned();
    other.reload().unwrap();
    let report = reload(&margay, &file(1791));
    assert!(report.contains("peer other: port: session restarted"), "{report}");
    let shown = margay.cli("show peer other").unwrap();
    assert!(shown.contains("disabled by the operator"), "{shown}");
    margay.cli("peer other enable").unwrap();
    wait_for_networks(&one, &[HERE, 22]);
    assert_eq!(margay.json("show peer one").unwrap()["last_error"], serde_json::Value::Null);
}

#[test]
fn two_sessions_with_one_router_are_told_apart_by_the_own_address() {
    let wire = Wire::new();
    let mut router = Bird::new(&wire.place("router", &[THERE]), router_settings(21, &[HERE, ALSO_HERE]));
    let place = wire.place("margay", &[HERE, ALSO_HERE]);
    let mut margay = wire.margay_at(&place, HERE, |_| {});
    // One session is opened by the router alone, the other by both.
    let peer = |name: &str, own: u8, keys: &str| {
        format!(
            "[[peer]]\nname = \"{name}\"\naddress = \"{}\"\nremote_asn = 65021\nsource_address = \"{}\"\n\
             connect_retry = \"2s\"\n{keys}\n",
            address(THERE),
            address(own)
        )
    };
    let peers = [peer("first", HERE, ""), peer("second", ALSO_HERE, "passive = true")];
    margay.start_with(&[global(), peers.concat()].concat()).unwrap();
    router.start().unwrap();

    for (name, own) in [("first", HERE), ("second", ALSO_HERE)] {
        wait_for_state(&margay, name, |state| state == "established", "established");
        let shown = margay.json(&format!("show peer {name}")).unwrap();
        let local = shown["local_address"].as_str().unwrap_or_default().to_owned();
        assert!(local.starts_with(&format!("{}:", address(own))), "{name}: {shown}");
        wait_for_routes_from(&margay, name, &[21]);
    }
    // Two paths of one speaker at one address: the session decides.
    let text = margay.cli(&format!("explain {}", network(21))).unwrap();
    assert!(text.contains("from first: best") && text.contains("from second: shares the traffic"), "{text}");
    margay.cli("peer first disable").unwrap();
    wait_until(PATIENCE, "the other session's path", || {
        let text = margay.cli(&format!("explain {}", network(21))).map_err(|error| format!("{error:#}"))?;
        if text.contains("from second: best") { Ok(()) } else { Err(text) }
    });
}

/// A router of AS 65000 + its number that knows margay at some addresses.
fn router_settings(number: u8, margay: &[u8]) -> RouterSettings {
    let mut settings = RouterSettings::new(65_000 + u32::from(number), identifier(number).into());
    settings.networks = vec![network(number)];
    settings.peers.extend(margay.iter().map(|&here| {
        let mut peer = PeerSettings::new(&format!("margay{here}"), address(here), MARGAY_ASN);
        peer.local_address = Some(address(THERE));
        peer
    }));
    settings
}

fn global() -> String {
    let identifier = std::net::Ipv4Addr::from(identifier(HERE));
    format!(
        "[global]\nasn = {MARGAY_ASN}\nrouter_id = \"{identifier}\"\nlog = \"info,margay=debug\"\n\
         ebgp_without_filters = \"accept\"\n\
         [[network]]\nprefix = \"{}\"\n",
        network(HERE)
    )
}

#[track_caller]
fn reload(margay: &Margay, configuration: &str) -> String {
    let former = margay.configuration().unwrap();
    let control = &former[former.find("[control]").expect("the lab adds the socket")..];
    margay.reload_with(&format!("{configuration}\n{control}"), "").unwrap()
}

/// Waits until a peer has announced these networks, and routes to them are accepted. A router with two sessions announces over
/// one what it has learned over the other, too.
#[track_caller]
fn wait_for_routes_from(margay: &Margay, peer: &str, networks: &[u8]) {
    let expected: Vec<String> = networks.iter().map(|&number| network(number)).collect();
    wait_until(PATIENCE, &format!("the networks {networks:?} of {peer}"), || {
        let shown = margay
            .json(&format!("show routes --received --peer {peer}"))
            .map_err(|error| format!("{error:#}"))?;
        let routes = shown["routes"].as_array().cloned().unwrap_or_default();
        let accepted = routes.iter().filter(|route| route["valid"] == true);
        let seen: Vec<&str> = accepted.filter_map(|route| route["prefix"].as_str()).collect();
        if seen == expected { Ok(()) } else { Err(shown.to_string()) }
    });
}
