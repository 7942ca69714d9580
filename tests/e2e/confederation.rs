//! A confederation (RFC 5065) of margay, FRR and BIRD, with an internal and an external peer of margay.
//!
//! ```text
//!   AS 65000 to others                       AS 65004
//!   member 64601: margay (1), BIRD (5) ────── BIRD (4)
//!   member 64602: FRR (2)
//!   member 64603: BIRD (3)
//! ```

use margay_lab::{Bird, Frr, Margay, PeerSettings, Router, RouterSettings, wait_until};
use serde_json::Value;

use crate::pair::{PATIENCE, wait_for_state};
use crate::wire::{Wire, address, identifier, network};

const MARGAY: u8 = 1;
const FRR: u8 = 2;
const BIRD: u8 = 3;
const EXTERNAL: u8 = 4;
const INTERNAL: u8 = 5;

struct Scene {
    margay: Margay,
    frr: Frr,
    bird: Bird,
    external: Bird,
    internal: Bird,
    _wire: Wire,
}

impl Scene {
    fn start() -> Self {
        let wire = Wire::new();
        let mut margay = wire.margay("margay", MARGAY, |_| {});
        let mut frr = wire.frr("frr", FRR, |settings| {
            *settings = router(FRR, 64_602, 64_601);
            settings.extra =
                " bgp confederation identifier 65000\n bgp confederation peers 64601\n".to_owned();
        });
        let mut bird = wire.bird("bird", BIRD, |settings| {
            *settings = router(BIRD, 64_603, 64_601);
            settings.peers[0].extra = "confederation 65000; confederation member yes;".to_owned();
        });
        let mut external = wire.bird("external", EXTERNAL, |settings| {
            *settings = router(EXTERNAL, 65_004, 65_000);
            settings.peers[0].families.clear();
            settings.peers[0].extra = format!(
                "ipv4 {{ import all; export filter {{ bgp_med = 7;\n\
                 if net = {} then bgp_community.add((65535, 65281));\n\
                 if net = {} then bgp_community.add((65535, 65283));\n accept; }}; }};",
                network(40),
                network(41)
            );
            settings.networks.extend([network(40), network(41)]);
        });
        let mut internal = wire.bird("internal", INTERNAL, |settings| {
            *settings = router(INTERNAL, 64_601, 64_601);
            settings.peers[0].extra = "confederation 65000;".to_owned();
        });
        frr.start().unwrap();
        bird.start().unwrap();
        external.start().unwrap();
        internal.start().unwrap();
        margay.start_with(&configuration()).unwrap();
        Self { margay, frr, bird, external, internal, _wire: wire }
    }
}

fn router(number: u8, asn: u32, margay_asn: u32) -> RouterSettings {
    let mut settings = RouterSettings::new(asn, identifier(number).into());
    let mut margay = PeerSettings::new("peer1", address(MARGAY), margay_asn);
    margay.local_address = Some(address(number));
    settings.peers.push(margay);
    settings.networks = vec![network(number)];
    settings
}

fn configuration() -> String {
    let peer = |number: u8, keys: &str| {
        let address = address(number);
        format!(
            "[[peer]]\nname = \"peer{number}\"\naddress = \"{address}\"\nconnect_retry = \"2s\"\n{keys}\n"
        )
    };
    format!(
        "[global]\nasn = 64601\nconfederation = {{ identifier = 65000, members = [64601, 64602, 64603] }}\n\
         router_id = \"{}\"\nlog = \"info,margay=debug\"\n\
         [[network]]\nprefix = \"{}\"\n\
         [filter.prefer]\nrules = [{{ set = {{ local_pref = 200 }}, action = \"accept\" }}]\n\
         [filter.all]\nrules = [{{ action = \"accept\" }}]\n{}{}{}{}",
        std::net::Ipv4Addr::from(identifier(MARGAY)),
        network(MARGAY),
        // Members exchange routes without filters: RFC 8212 is about other ASes.
        peer(FRR, "remote_asn = 64602\nenforce_first_as = true"),
        peer(BIRD, "remote_asn = 64603"),
        peer(EXTERNAL, "remote_asn = 65004\nimport = [\"prefer\"]\nexport = [\"all\"]"),
        peer(INTERNAL, "remote_asn = 64601"),
    )
}

/// Members are shown to members, and hidden from others; LOCAL_PREF, MULTI_EXIT_DISC and the next hop stay as they are inside.
#[test]
fn members_see_each_other_and_others_see_one_as() {
    let scene = Scene::start();
    let Scene { margay, frr, bird, external, internal, .. } = &scene;

    for (number, path) in [(FRR, "(64602)"), (BIRD, "(64603)"), (EXTERNAL, "65004"), (INTERNAL, "")] {
        wait_for_margay_path(margay, number, path);
    }
    for (number, path) in
        [(MARGAY, "(64601)"), (INTERNAL, "(64601)"), (BIRD, "(64601 64603)"), (EXTERNAL, "(64601) 65004")]
    {
        wait_for_frr(frr, number, |route| route["aspath"]["string"] == path);
    }
    for (number, path) in [(MARGAY, "(64601)"), (FRR, "(64601 64602)"), (EXTERNAL, "(64601) 65004")] {
        wait_for_bird(bird, number, &[&format!("BGP.as_path: {path}"), "BGP.local_pref: "]);
    }
    for number in [MARGAY, FRR, BIRD, INTERNAL] {
        wait_for_bird(external, number, &["BGP.as_path: 65000\n"]);
    }
    wait_for_bird(internal, FRR, &["BGP.as_path: (64602)\n", "BGP.local_pref: 100"]);
    wait_for_bird(internal, EXTERNAL, &["BGP.as_path: 65004\n", "BGP.local_pref: 200"]);

    let next_hop = address(EXTERNAL).to_string();
    wait_for_frr(frr, EXTERNAL, |route| {
        route["locPrf"] == 200 && route["metric"] == 7 && route["nexthops"][0]["ip"] == next_hop.as_str()
    });
    wait_for_bird(
        bird,
        EXTERNAL,
        &["BGP.local_pref: 200", "BGP.med: 7", &format!("BGP.next_hop: {next_hop}")],
    );
    assert_eq!(margay.json("show peer peer2").unwrap()["role"], "confederation");
    assert_eq!(margay.json("show peer peer4").unwrap()["role"], "external");
}

/// NO_EXPORT is about the confederation, NO_EXPORT_SUBCONFED about the member (RFC 1997).
#[test]
fn communities_tell_the_member_from_the_confederation() {
    let scene = Scene::start();
    wait_for_bird(&scene.internal, 40, &["BGP.as_path: 65004\n"]);
    wait_for_bird(&scene.internal, 41, &["BGP.as_path: 65004\n"]);
    wait_for_bird(&scene.bird, 40, &["BGP.as_path: (64601) 65004\n"]);
    wait_for_frr(&scene.frr, 40, |route| route["aspath"]["string"] == "(64601) 65004");
    let shown = scene.bird.birdc("show route").unwrap();
    assert!(!shown.contains(&network(41)), "{shown}");
    let explained = scene.margay.cli(&format!("explain {}", network(41))).unwrap();
    assert!(explained.contains("no-export-subconfed"), "{explained}");
}

/// A peer that is configured as a member, and says another number, is refused as any other.
#[test]
fn a_member_says_its_own_number() {
    let wire = Wire::new();
    // This BIRD is in no confederation, and its paths have no members.
    let mut bird = wire.bird("bird", BIRD, |settings| *settings = router(BIRD, 64_603, 64_601));
    let mut frr = wire.frr("frr", FRR, |settings| *settings = router(FRR, 64_609, 64_601));
    let mut margay = wire.margay("margay", MARGAY, |_| {});
    bird.start().unwrap();
    frr.start().unwrap();
    margay.start_with(&configuration()).unwrap();
    wait_for_state(&margay, "peer3", |state| state == "established", "established");
    wait_until(PATIENCE, "the refused AS number", || {
        let detail = margay.json("show peer peer2").map_err(|error| format!("{error:#}"))?;
        let error = detail["last_error"].as_str().unwrap_or_default().to_owned();
        if error.contains("64609") { Ok(()) } else { Err(error) }
    });
    // Its routes are malformed, and treated as withdrawn (RFC 5065 §5, RFC 7606 §7.2).
    wait_until(PATIENCE, "the malformed path", || {
        let log = margay.log().map_err(|error| format!("{error:#}"))?;
        if log.contains("AS_PATH") { Ok(()) } else { Err(log) }
    });
    assert!(!margay.cli("show routes").unwrap().contains(&network(BIRD)));
}

#[track_caller]
fn wait_for_margay_path(margay: &Margay, origin: u8, path: &str) {
    wait_until(PATIENCE, &format!("the path to {}", network(origin)), || {
        let shown = margay.json(&format!("show routes {}", network(origin)));
        let shown = shown.map_err(|error| format!("{error:#}"))?;
        if shown["routes"][0]["as_path"] == path { Ok(()) } else { Err(shown.to_string()) }
    });
}

#[track_caller]
fn wait_for_frr(frr: &Frr, origin: u8, accepts: impl Fn(&Value) -> bool) {
    wait_until(PATIENCE, &format!("the route to {} at FRR", network(origin)), || {
        let words = format!("show bgp ipv4 unicast {} json", network(origin));
        let shown = frr.vtysh(&words).map_err(|error| format!("{error:#}"))?;
        let shown: Value = serde_json::from_str(&shown).map_err(|error| format!("{error}: {shown}"))?;
        if accepts(&shown["paths"][0]) { Ok(()) } else { Err(shown.to_string()) }
    });
}

/// Waits until BIRD shows all these texts for a route.
#[track_caller]
fn wait_for_bird(bird: &Bird, origin: u8, texts: &[&str]) {
    wait_until(PATIENCE, &format!("the route to {} at {bird:?}", network(origin)), || {
        let shown = bird.birdc(&format!("show route {} all", network(origin)));
        let shown = shown.map_err(|error| format!("{error:#}"))? + "\n";
        if texts.iter().all(|text| shown.contains(text)) { Ok(()) } else { Err(shown) }
    });
}
