//! Routes that this node originates by condition, for some peers, or from its interfaces; and routes listed through a filter.

use margay_lab::{Router, wait_until};

use crate::pair::PATIENCE;
use crate::wire::{Wire, peer, wait_for_networks};

const OBJECTS: &str = r#"
[[kernel.import]]
protocol = ["kernel"]
interface = ["!cali*", "!eth0"]

[filter.pods]
rules = [
  { match = { prefix = "10.65.0.0/16", peer_kind = "internal" }, set = { local_pref = 321 }, action = "accept" },
]

[filter.blocks]
rules = [{ match = { length = "24" }, action = "accept" }]

[[aggregate]]
prefix = "10.64.0.0/12"
contributors = ["blocks"]
least = 2
hold = "unreachable"
tag = 7
"#;

#[test]
fn aggregates_default_routes_and_connected_routes_follow_their_conditions() {
    let wire = Wire::new();
    let place = wire.place("margay", &[1]);
    for (link, subnet) in [("rack1", "172.30.1.1/24"), ("cali1", "172.30.2.1/24")] {
        place.ip(&format!("link add {link} type veth peer name {link}-end")).unwrap();
        place.ip(&format!("link set {link} up")).unwrap();
        place.ip(&format!("link set {link}-end up")).unwrap();
        place.ip(&format!("address add {subnet} dev {link}")).unwrap();
    }
    let mut margay = wire.margay_at(&place, 1, |settings| {
        settings.kernel = true;
        settings.peers = vec![peer(2), peer(3)];
        settings.peers[0].extra = "default_originate = true\nrr_client = true\n".to_owned();
        settings.extra = OBJECTS.to_owned();
    });
    let inside = ["10.65.1.0/24", "10.65.2.0/24", "10.65.3.0/26"].map(str::to_owned);
    let mut receiver = wire.bird("receiver", 2, |settings| settings.peers = vec![peer(1)]);
    let mut feed = wire.bird("feed", 3, |settings| {
        settings.peers = vec![peer(1)];
        settings.networks = inside[..1].to_vec();
    });
    margay.start().unwrap();
    receiver.start().unwrap();
    feed.start().unwrap();

    let has = |router: &dyn Router, expected: &[&str]| {
        let mut expected: Vec<&str> = expected.to_vec();
        expected.sort_unstable();
        wait_until(PATIENCE, "the routes at the peer", || {
            let routes = router.routes().map_err(|error| format!("{error:#}"))?;
            let mut found: Vec<&str> = routes.keys().map(String::as_str).collect();
            found.sort_unstable();
            if found == expected { Ok(()) } else { Err(format!("{found:?} instead of {expected:?}")) }
        });
    };
    let held = || place.ip_output("route show proto 186 type unreachable").unwrap_or_default();
    // One route of two: no aggregate yet. The default route is for one peer alone.
    has(&receiver, &["0.0.0.0/0", "172.30.1.0/24", "10.65.1.0/24"]);
    has(&feed, &["172.30.1.0/24"]);
    assert_eq!(held(), "");

    feed.settings().networks = inside.to_vec();
    feed.reload().unwrap();
    let all = ["0.0.0.0/0", "172.30.1.0/24", "10.65.1.0/24", "10.65.2.0/24", "10.65.3.0/26", "10.64.0.0/12"];
    has(&receiver, &all);
    has(&feed, &["172.30.1.0/24", "10.64.0.0/12"]);
    wait_until(PATIENCE, "the aggregate in the kernel", || {
        let shown = held();
        if shown.contains("unreachable 10.64.0.0/12") { Ok(()) } else { Err(shown) }
    });
    let default_routes = place.ip_output("route show default").unwrap();
    assert_eq!(default_routes, "", "it is for the peer, and not used here");

    // A filter of the configuration, as it works for a peer of its kind, and for none.
    let listed = |words: &str| {
        let json = margay.json(&format!("show routes {words}")).unwrap();
        let routes = json["routes"].as_array().unwrap().iter();
        let text = |route: &serde_json::Value| format!("{} {}", route["prefix"], route["local_pref"]);
        let mut lines: Vec<String> = routes.map(text).collect();
        lines.sort();
        lines
    };
    let pods = inside.map(|prefix| format!("\"{prefix}\" 321"));
    assert_eq!(listed("--filter pods --peer peer3"), pods);
    assert_eq!(listed("--filter pods"), Vec::<String>::new(), "the filter works for no peer");
    assert_eq!(listed("--filter blocks --received --peer peer3").len(), 2);
    let error = margay.cli("show routes --filter missing").unwrap_err();
    assert!(
        format!("{error:#}").contains("there is no filter \"missing\": known are blocks, pods"),
        "{error:#}"
    );

    // A reload changes conditions, and takes the default route back.
    let configuration = margay.configuration().unwrap();
    let changed = configuration.replace("least = 2", "least = 3").replace("default_originate = true\n", "");
    let file = margay.write_beside(&changed).unwrap();
    let told = margay.cli(&format!("diff {}", file.display())).unwrap();
    assert!(told.contains("aggregate 10.64.0.0/12"), "{told}");
    margay.hang_up_with(&changed).unwrap();
    has(&receiver, &["172.30.1.0/24", "10.65.1.0/24", "10.65.2.0/24", "10.65.3.0/26"]);
    wait_until(
        PATIENCE,
        "no aggregate in the kernel",
        || if held().is_empty() { Ok(()) } else { Err(held()) },
    );

    place.ip("link set rack1 down").unwrap();
    has(&feed, &[]);
    feed.stop().unwrap();
    wait_for_networks(&receiver, &[]);
}
