//! Routes validated with the payloads of real RPKI caches.

use margay_lab::{Bird, Margay, Router, RouterSettings, Stayrtr, wait_until};

use crate::pair::PATIENCE;
use crate::wire::{Wire, address, network, peer, wait_for_networks};

const CACHE: u8 = 8;
const OTHER_CACHE: u8 = 9;

/// The AS of the router that announces networks 2 to 4.
const ORIGIN: u32 = 65_002;

struct Scene {
    margay: Margay,
    receiver: Bird,
    source: Bird,
    cache: Stayrtr,
    wire: Wire,
}

impl Scene {
    /// margay refuses invalid routes on import, and advertises those that are not found with a community. The cache speaks
    /// this version.
    fn start(payloads: &[(&str, u8, u32)], version: u8) -> Self {
        let wire = Wire::new();
        let mut cache = Stayrtr::new(&wire.place("cache", &[CACHE]), "cache");
        cache.start(payloads, version).unwrap();
        let external = |settings: &mut RouterSettings, number: u8, asn: u32, extra: &str| {
            let mut peer = peer(number);
            peer.asn = asn;
            peer.extra = extra.to_owned();
            settings.peers.push(peer);
        };
        let mut margay = wire.margay("margay", 1, |settings| {
            external(settings, 2, ORIGIN, "import = [\"no-invalid\"]");
            external(settings, 3, 65_003, "import = [\"no-invalid\"]\nexport = [\"mark\"]");
            settings.extra = filters() + &cache_table(CACHE, "");
        });
        let bird = |number: u8, asn: u32, networks: &[u8]| {
            let mut bird = wire.bird(&format!("bird{number}"), number, |settings| {
                settings.asn = asn;
                settings.networks = networks.iter().map(|&number| network(number)).collect();
                settings.peers = vec![peer(1)];
            });
            bird.start().unwrap();
            bird
        };
        let source = bird(2, ORIGIN, &[20, 21, 22]);
        let receiver = bird(3, 65_003, &[]);
        margay.start().unwrap();
        Self { margay, receiver, source, cache, wire }
    }
}

fn filters() -> String {
    "[filter.no-invalid]\nrules = [{ match = { rpki = \"invalid\" }, action = \"reject\" }, { action = \"accept\" }]\n\
     [filter.mark]\nrules = [\n\
     { match = { rpki = \"not-found\" }, set = { add_communities = [\"65000:404\"] }, action = \"accept\" },\n\
     { match = { rpki = \"valid\" }, set = { add_communities = [\"65000:200\"] }, action = \"accept\" },\n\
     { action = \"accept\" } ]\n"
        .to_owned()
}

fn cache_table(number: u8, keys: &str) -> String {
    format!(
        "[[rpki_cache]]\naddress = \"{}\"\nport = {}\nretry = \"1s\"\n{keys}",
        address(number),
        Stayrtr::PORT
    )
}

/// Waits until a route has this community at the receiver, and no other.
#[track_caller]
fn wait_for_community(bird: &Bird, number: u8, community: &str) {
    wait_until(PATIENCE, &format!("{community} at {}", network(number)), || {
        let routes = bird.routes().map_err(|error| format!("{error:#}"))?;
        let route = routes.get(&network(number)).ok_or_else(|| format!("{routes:?}"))?;
        if route.communities.iter().eq([community]) { Ok(()) } else { Err(format!("{route:?}")) }
    });
}

#[track_caller]
fn wait_for_cache(margay: &Margay, position: usize, what: &str, holds: impl Fn(&serde_json::Value) -> bool) {
    wait_until(PATIENCE, what, || {
        let shown = margay.json("show rpki").map_err(|error| format!("{error:#}"))?;
        if holds(&shown["caches"][position]) { Ok(()) } else { Err(shown.to_string()) }
    });
}

/// The payloads change while the sessions stay: routes come, go and get other communities.
#[test]
fn routes_follow_the_payloads_of_a_cache() {
    let (valid, other) = (network(20), network(21));
    let scene = Scene::start(&[(&valid, 24, ORIGIN), (&other, 24, 65_999)], 2);
    wait_for_networks(&scene.receiver, &[20, 22]);
    wait_for_community(&scene.receiver, 20, "65000:200");
    wait_for_community(&scene.receiver, 22, "65000:404");
    wait_for_cache(&scene.margay, 0, "two payloads", |cache| {
        cache["ipv4_payloads"] == 2 && cache["connected"] == true && cache["version"] == 2
    });
    let uptime = scene.margay.uptime_seconds("peer2").unwrap();
    let explained = scene.margay.cli(&format!("explain {other}")).unwrap();
    assert!(explained.contains("no-invalid"), "{explained}");

    scene.cache.set(&[(&other, 24, ORIGIN), (&network(22), 24, 0)]).unwrap();
    wait_for_networks(&scene.receiver, &[20, 21]);
    wait_for_community(&scene.receiver, 20, "65000:404");
    wait_for_community(&scene.receiver, 21, "65000:200");
    assert!(scene.margay.uptime_seconds("peer2").unwrap() >= uptime, "the session stays");
    let text = scene.margay.cli("show rpki").unwrap();
    assert!(text.contains("8282") && text.contains(" up "), "{text}");
    drop(scene.source);
}

/// A cache that speaks an older version; another one that still has payloads when the first is gone; and a reload without any.
#[test]
fn several_caches_are_one_set() {
    let (one, two) = (network(20), network(21));
    let mut scene = Scene::start(&[(&one, 24, 65_999)], 1);
    wait_for_networks(&scene.receiver, &[21, 22]);
    wait_for_cache(&scene.margay, 0, "version 1", |cache| cache["version"] == 1);

    let mut second = Stayrtr::new(&scene.wire.place("second", &[OTHER_CACHE]), "second");
    second.start(&[(&two, 24, 65_999)], 0).unwrap();
    let written = scene.margay.configuration().unwrap();
    let report =
        scene.margay.reload_with(&format!("{written}\n{}", cache_table(OTHER_CACHE, "")), "").unwrap();
    assert!(report.contains("rpki_cache"), "{report}");
    wait_for_networks(&scene.receiver, &[22]);
    wait_for_cache(&scene.margay, 1, "the second cache", |cache| {
        cache["version"] == 0 && cache["ipv4_payloads"] == 1
    });

    // Its payloads stay until they expire.
    scene.cache.kill().unwrap();
    wait_for_cache(&scene.margay, 0, "the first cache is down", |cache| {
        cache["connected"] == false && cache["last_error"].is_string() && cache["ipv4_payloads"] == 1
    });
    wait_for_networks(&scene.receiver, &[22]);

    // Without the first cache, its payload is gone; without both, no route has a state.
    let only_second = written.replace(&cache_table(CACHE, ""), &cache_table(OTHER_CACHE, ""));
    scene.margay.reload_with(&only_second, "").unwrap();
    wait_for_networks(&scene.receiver, &[20, 22]);
    scene.margay.reload_with(&written.replace(&cache_table(CACHE, ""), ""), "").unwrap();
    wait_for_networks(&scene.receiver, &[20, 21, 22]);
    let routes = scene.receiver.routes().unwrap();
    assert!(routes[&network(20)].communities.is_empty(), "{routes:?}");
    drop(scene.source);
}
