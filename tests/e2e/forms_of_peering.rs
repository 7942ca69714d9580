//! Forms of peering with real peers: AS numbers, AS paths, next hops, hold times, capabilities, and steps of the decision.

use std::time::Duration;

use margay_lab::{Bird, Frr, Margay, Namespace, PeerSettings, RouteInfo, Router, RouterSettings, wait_until};
use serde_json::Value;

use crate::pair::{MARGAY_ASN, PATIENCE, wait_for_state};
use crate::raw_speaker::{KEEPALIVE, NOTIFICATION, OPEN, RawSpeaker, message, open_body};
use crate::wire::{Wire, address, identifier, network};

/// margay is router 1 in AS 64512; a router of AS 65000 + n is router n.
const MARGAY: u8 = 1;

/// Where an OPEN has the length of its optional parameters, after the header.
const PARAMETERS_LENGTH: usize = 9;

#[test]
fn another_as_number_towards_a_peer_is_in_its_open_and_in_the_paths() {
    let wire = Wire::new();
    // BIRD knows margay as AS 64999 alone, FRR as AS 64998 in front of AS 64512.
    let mut bird = bird(&wire, 2, 64_999);
    let mut frr = frr(&wire, 3, 64_998);
    let mut internal = bird_of(&wire, 4, 65_009, 65_009);
    let peers = [
        peer(2, "remote_asn = \"external\"\nlocal_asn = { asn = 64999, prepend = false, replace = true }"),
        peer(3, "remote_asn = \"any\"\nlocal_asn = 64998"),
        peer(4, "remote_asn = \"internal\"\nlocal_asn = 65009\nnext_hop = \"self\""),
    ];
    let mut margay = margay(&wire);
    bird.start().unwrap();
    frr.start().unwrap();
    internal.start().unwrap();
    margay.start_with(&configuration("", &peers)).unwrap();

    wait_for_path(&margay, 2, &[65_002]);
    wait_for_path(&margay, 3, &[64_998, 65_003]);
    wait_for_path(&margay, 4, &[]);
    wait_for_path(&bird, MARGAY, &[64_999]);
    wait_for_path(&bird, 3, &[64_999, 64_998, 65_003]);
    wait_for_frr_path(&frr, MARGAY, "64998 64512");
    wait_for_frr_path(&frr, 2, "64998 64512 65002");
    wait_for_path(&internal, 2, &[65_002]);

    let shown = |number: u8| detail(&margay, number);
    let facts = |number| (shown(number)["remote_asn"].clone(), shown(number)["role"].clone());
    assert_eq!(facts(2), (65_002.into(), "external".into()));
    assert_eq!(facts(3), (65_003.into(), "external".into()));
    assert_eq!(facts(4), (65_009.into(), "non_client".into()));
    assert_eq!(shown(2)["local_asn"]["replace"], true);
    let text = margay.cli("show peer peer3").unwrap();
    assert!(text.contains("65003 (any)") && text.contains("64998, prepended to its routes"), "{text}");
}

/// `remote_asn = "internal"` and "external" refuse the other kind, "any" neither.
#[test]
fn an_internal_peer_is_taken_as_any_and_not_as_external() {
    let wire = Wire::new();
    let mut own = bird_of(&wire, 2, MARGAY_ASN, MARGAY_ASN);
    own.start().unwrap();
    let mut margay = margay(&wire);
    margay.start_with(&configuration("", &[peer(2, "remote_asn = \"external\"")])).unwrap();
    wait_for_error(&margay, 2, "the configuration says another AS than ours");
    let any = configuration("", &[peer(2, "remote_asn = \"any\"")]);
    reload(&margay, &any);
    wait_for_state(&margay, "peer2", |state| state == "established", "established");
    assert_eq!(detail(&margay, 2)["role"], "non_client");
    // LOCAL_PREF is sent, as to every internal peer.
    wait_until(PATIENCE, "the route of an internal peer", || {
        let routes = own.routes().map_err(|error| format!("{error:#}"))?;
        let route = routes.get(&network(MARGAY)).ok_or_else(|| format!("{routes:?}"))?;
        if route.local_pref == Some(100) && route.as_path.is_empty() {
            Ok(())
        } else {
            Err(format!("{route:?}"))
        }
    });
}

#[test]
fn private_numbers_leave_the_path_and_a_route_server_changes_nothing() {
    let wire = Wire::new();
    let mut source = bird(&wire, 2, MARGAY_ASN);
    let mut receivers = [3, 4, 5, 6, 7].map(|number| bird(&wire, number, MARGAY_ASN));
    let peers = [
        peer(2, "remote_asn = 65002"),
        peer(3, "remote_asn = 65003\nremove_private_asns = true"),
        peer(4, "remote_asn = 65004\nremove_private_asns = \"replace\""),
        peer(5, "remote_asn = 65005\nroute_server_client = true"),
        peer(6, "remote_asn = 65006\nnext_hop = \"172.16.0.77\""),
        peer(7, "remote_asn = 65007"),
    ];
    let mut margay = margay(&wire);
    source.start().unwrap();
    receivers.iter_mut().for_each(|receiver| receiver.start().unwrap());
    margay.start_with(&configuration("", &peers)).unwrap();

    let own = address(MARGAY);
    let rows = [
        (&receivers[0], vec![64_512], own),
        (&receivers[1], vec![64_512, 64_512], own),
        (&receivers[2], vec![65_002], address(2)),
        (&receivers[3], vec![64_512, 65_002], address(77)),
        (&receivers[4], vec![64_512, 65_002], own),
    ];
    for (receiver, as_path, next_hop) in rows {
        wait_for_route(receiver, 2, |route| route.as_path == as_path && route.next_hop == next_hop);
    }
    // A route server announces its own network as any other speaker.
    wait_for_route(&receivers[2], MARGAY, |route| route.as_path == [64_512] && route.next_hop == own);
    let shown = margay.cli("show peer peer5").unwrap();
    assert!(shown.contains("unchanged (route server client)"), "{shown}");
    assert_eq!(detail(&margay, 4)["private_asns"], "replaced");
    assert_eq!(detail(&margay, 6)["next_hop"], "172.16.0.77");

    // In running sessions.
    let peers = peers.map(|peer| peer.replace("remove_private_asns = true\n", ""));
    let report = reload(&margay, &configuration("", &peers));
    assert!(report.contains("remove_private_asns: session kept"), "{report}");
    wait_for_path(&receivers[0], 2, &[64_512, 65_002]);
}

/// Two external peers announce the same network. What decides changes without a new session.
#[test]
fn steps_of_the_decision_change_in_running_sessions() {
    let wire = Wire::new();
    let bird = |number: u8, identifier: u8, med: u32| {
        let mut bird = bird(&wire, number, MARGAY_ASN);
        let settings = bird.settings();
        settings.router_id = [192, 0, 2, identifier].into();
        settings.networks = vec![network(50)];
        settings.peers[0].families.clear();
        settings.peers[0].extra +=
            &format!("ipv4 {{ import all; export filter {{ bgp_med = {med}; accept; }}; }};\n");
        bird
    };
    // The older path has the lower address, the younger one the lower identifier.
    let (mut older, mut younger) = (bird(2, 200, 5), bird(3, 100, 7));
    let peers = [peer(2, "remote_asn = 65002"), peer(3, "remote_asn = 65003")];
    let mut margay = margay(&wire);
    margay.start_with(&configuration("prefer_older = true", &peers)).unwrap();
    older.start().unwrap();
    wait_for_best(&margay, 2, "");
    younger.start().unwrap();
    wait_for_best(&margay, 2, "from peer3: shares the traffic with the best");
    let uptimes = || [2, 3].map(|number| margay.uptime_seconds(&format!("peer{number}")).unwrap());
    let before = uptimes();
    let report = reload(&margay, &configuration("", &peers));
    assert!(report.contains("global.prefer_older"), "{report}");
    wait_for_best(&margay, 3, "from peer2: shares the traffic with the best");
    reload(&margay, &configuration("always_compare_med = true", &peers));
    wait_for_best(&margay, 2, "from peer3: lost at step \"MED\"");
    reload(&margay, &configuration("", &peers));
    wait_for_best(&margay, 3, "from peer2: shares the traffic with the best");
    reload(&margay, &configuration("compare_router_id = false", &peers));
    wait_for_best(&margay, 2, "from peer3: shares the traffic with the best");
    assert!(uptimes().iter().zip(before).all(|(now, before)| *now >= before), "a session restarted");
}

#[test]
fn a_peer_with_a_shorter_hold_time_than_the_least_is_refused() {
    let wire = Wire::new();
    let mut bird = bird(&wire, 2, MARGAY_ASN);
    bird.settings().peers[0].hold_time = Duration::from_secs(3);
    bird.start().unwrap();
    let mut margay = margay(&wire);
    margay.start_with(&configuration("", &[peer(2, "remote_asn = 65002\nmin_hold_time = \"9s\"")])).unwrap();
    wait_for_error(&margay, 2, "peer proposes a hold time of 3 s, the configuration accepts 9 s or more");
    wait_until(PATIENCE, "the reason at BIRD", || {
        let shown = bird.birdc("show protocols all peer_peer1").map_err(|error| format!("{error:#}"))?;
        if shown.contains("Unacceptable hold time") { Ok(()) } else { Err(shown) }
    });
    reload(&margay, &configuration("", &[peer(2, "remote_asn = 65002\nmin_hold_time = \"3s\"")]));
    wait_for_state(&margay, "peer2", |state| state == "established", "established");
    assert_eq!(detail(&margay, 2)["timers"]["min_hold_time_seconds"], 3);
}

/// A speaker of RFC 1771, which knows no optional parameter but authentication. No router of today is one.
#[test]
fn a_peer_that_refuses_capabilities_gets_an_open_without() {
    let wire = Wire::new();
    let raw = wire.place("raw", &[2]);
    let mut margay = margay(&wire);
    margay.start_with(&configuration("", &[peer(2, "remote_asn = 65002\npassive = true")])).unwrap();
    let dial = || RawSpeaker::dial(&raw, address(2), address(MARGAY)).unwrap();
    let mut were_capabilities_offered = false;
    // Such a speaker refuses each OPEN with capabilities: that of a connection that was under way is one, too.
    let (mut accepting, open) = wait_until(PATIENCE, "an OPEN without capabilities", || {
        let mut speaker = dial();
        let open = speaker.read_kind(OPEN).map_err(|error| error.to_string())?.body;
        if open[PARAMETERS_LENGTH] == 0 {
            return Ok((speaker, open));
        }
        were_capabilities_offered = true;
        speaker.send(&message(NOTIFICATION, &[2, 4])).map_err(|error| error.to_string())?;
        speaker.close();
        Err(format!("{open:?}"))
    });
    assert!(were_capabilities_offered, "without optional parameters at first: {open:?}");
    assert_eq!(open.len(), PARAMETERS_LENGTH + 1, "{open:?}");
    accepting.send(&message(OPEN, &open_body(4, 65_002, 90, identifier(2), &[]))).unwrap();
    accepting.send(&message(KEEPALIVE, &[])).unwrap();
    accepting.read_kind(KEEPALIVE).unwrap();
    wait_for_state(&margay, "peer2", |state| state == "established", "established");
    let negotiated = detail(&margay, 2)["negotiated"].clone();
    assert_eq!(negotiated["capabilities_refused"], true, "{negotiated}");
    let text = margay.cli("show peer peer2").unwrap();
    assert!(text.contains("none: the peer refused an OPEN with capabilities"), "{text}");
}

#[test]
fn host_names_and_versions_go_both_ways() {
    let wire = Wire::new();
    let mut frr = frr(&wire, 3, MARGAY_ASN);
    frr.start().unwrap();
    let mut margay = margay(&wire);
    let keys = "remote_asn = 65003\nadvertise_hostname = true\nadvertise_software_version = true";
    margay.start_with(&configuration("hostname = \"rack1-node7\"", &[peer(3, keys)])).unwrap();
    wait_for_state(&margay, "peer3", |state| state == "established", "established");
    let negotiated = detail(&margay, 3)["negotiated"].clone();
    let hostname = negotiated["hostname"].as_str().unwrap_or_default();
    assert!(!hostname.is_empty(), "{negotiated}");
    let text = margay.cli("show peer peer3").unwrap();
    assert!(text.contains(&format!("host name           {hostname}\n")), "{text}");
    let shown: Value =
        serde_json::from_str(&frr.vtysh("show bgp neighbors 172.16.0.1 json").unwrap()).unwrap();
    let shown = shown["172.16.0.1"].to_string();
    assert!(shown.contains("rack1-node7"), "{shown}");

    // This FRR does not know the version.
    let mut other = wire.margay("other", 4, |settings| {
        settings.asn = 65_004;
        settings.peers = vec![PeerSettings::new("peer1", address(MARGAY), MARGAY_ASN)];
    });
    other.start().unwrap();
    let peers = [peer(3, keys), peer(4, &keys.replace("65003", "65004"))];
    reload(&margay, &configuration("hostname = \"rack1-node7\"", &peers));
    wait_for_state(&other, "peer1", |state| state == "established", "established");
    let negotiated = other.json("show peer peer1").unwrap()["negotiated"].clone();
    assert_eq!(negotiated["hostname"], "rack1-node7");
    let version = negotiated["software_version"].as_str().unwrap_or_default();
    assert!(version.starts_with("margay/"), "{negotiated}");
}

fn margay(wire: &Wire) -> Margay {
    wire.margay("margay", MARGAY, |_| {})
}

/// A BIRD in AS 65000 + its number that knows margay by this AS number, and originates its network.
fn bird(wire: &Wire, number: u8, margay_asn: u32) -> Bird {
    bird_of(wire, number, 65_000 + u32::from(number), margay_asn)
}

fn bird_of(wire: &Wire, number: u8, asn: u32, margay_asn: u32) -> Bird {
    Bird::new(&place(wire, "bird", number), settings(number, asn, margay_asn))
}

fn frr(wire: &Wire, number: u8, margay_asn: u32) -> Frr {
    Frr::new(&place(wire, "frr", number), settings(number, 65_000 + u32::from(number), margay_asn))
}

fn place(wire: &Wire, label: &str, number: u8) -> Namespace {
    wire.place(&format!("{label}{number}"), &[number])
}

fn settings(number: u8, asn: u32, margay_asn: u32) -> RouterSettings {
    let mut settings = RouterSettings::new(asn, identifier(number).into());
    let mut margay = PeerSettings::new("peer1", address(MARGAY), margay_asn);
    margay.local_address = Some(address(number));
    settings.peers.push(margay);
    settings.networks = vec![network(number)];
    settings
}

/// margay's file, with lines for `[global]`.
fn configuration(global: &str, peers: &[String]) -> String {
    let identifier = std::net::Ipv4Addr::from(identifier(MARGAY));
    format!(
        "[global]\nasn = {MARGAY_ASN}\nrouter_id = \"{identifier}\"\nlog = \"info,margay=debug\"\n{global}\n\
         ebgp_without_filters = \"accept\"\n\
         [[network]]\nprefix = \"{}\"\n{}",
        network(MARGAY),
        peers.concat()
    )
}

/// A peer of margay with further keys.
fn peer(number: u8, keys: &str) -> String {
    let address = address(number);
    format!("[[peer]]\nname = \"peer{number}\"\naddress = \"{address}\"\nconnect_retry = \"2s\"\n{keys}\n")
}

#[track_caller]
fn reload(margay: &Margay, configuration: &str) -> String {
    let socket = margay.configuration().unwrap();
    let control = &socket[socket.find("[control]").expect("the lab adds the socket")..];
    margay.reload_with(&format!("{configuration}\n{control}"), "").unwrap()
}

fn detail(margay: &Margay, number: u8) -> Value {
    margay.json(&format!("show peer peer{number}")).unwrap()
}

#[track_caller]
fn wait_for_error(margay: &Margay, number: u8, text: &str) {
    wait_until(PATIENCE, text, || {
        let detail = detail(margay, number);
        let error = detail["last_error"].as_str().unwrap_or_default();
        if error.contains(text) { Ok(()) } else { Err(detail.to_string()) }
    });
}

/// Waits until a router has a route to the network of another that is as wanted.
#[track_caller]
fn wait_for_route(router: &dyn Router, origin: u8, accept: impl Fn(&RouteInfo) -> bool) {
    wait_until(PATIENCE, &format!("the route to {} at {router:?}", network(origin)), || {
        let routes = router.routes().map_err(|error| format!("{error:#}"))?;
        match routes.get(&network(origin)) {
            Some(route) if accept(route) => Ok(()),
            seen => Err(format!("{seen:?}")),
        }
    });
}

#[track_caller]
fn wait_for_path(router: &dyn Router, origin: u8, as_path: &[u32]) {
    wait_for_route(router, origin, |route| route.as_path == as_path);
}

#[track_caller]
fn wait_for_frr_path(frr: &Frr, origin: u8, as_path: &str) {
    wait_until(PATIENCE, &format!("the path to {} at FRR", network(origin)), || {
        let words = format!("show bgp ipv4 unicast {} json", network(origin));
        let shown = frr.vtysh(&words).map_err(|error| format!("{error:#}"))?;
        let shown: Value = serde_json::from_str(&shown).map_err(|error| format!("{error}: {shown}"))?;
        let seen = shown["paths"][0]["aspath"]["string"].as_str().unwrap_or_default().to_owned();
        if seen == as_path { Ok(()) } else { Err(seen) }
    });
}

/// Waits until the best path to network 50 is that of a peer, and the other peer's is shown like this.
#[track_caller]
fn wait_for_best(margay: &Margay, best: u8, other: &str) {
    wait_until(PATIENCE, &format!("the best path is that of peer{best}"), || {
        let text = margay.cli(&format!("explain {}", network(50))).map_err(|error| format!("{error:#}"))?;
        let is_best = text.contains(&format!("from peer{best}: best\n"));
        if is_best && text.contains(other) { Ok(()) } else { Err(text) }
    });
}
