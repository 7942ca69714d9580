//! Static routes and filters on what is installed: in the kernel, towards a peer, and by reload.

use std::net::Ipv4Addr;

use margay_lab::{Bird, Family, Lab, Margay, Namespace, PeerSettings, Router, RouterSettings, wait_until};

use crate::pair::{MARGAY_ASN, PATIENCE, binaries, host};

const STATICS: &str = r#"
[filter.to-kernel]
rules = [
  { match = { prefix = "203.0.113.0/24" }, action = "reject" },
  { match = { prefix = "198.51.100.0/24" }, set = { metric = 7, link = "eth1" }, action = "accept" },
  { action = "accept" },
]

[[static]]
prefix = "10.70.1.0/24"
via = "172.17.0.2"
metric = 50

[[static]]
prefix = "10.70.2.0/24"
via = [{ address = "172.17.0.2", weight = 3 }, "172.16.0.3"]

[[static]]
prefix = "10.70.3.0/24"
interface = "eth1"

[[static]]
prefix = "10.70.4.0/24"
via = { address = "192.0.2.1", interface = "eth1" }

[[static]]
prefix = "10.70.5.0/24"
discard = "unreachable"

[[static]]
prefix = "10.70.6.0/24"
discard = "prohibit"
advertise = false

[[static]]
prefix = "10.70.7.0/24"
via = "172.17.0.2"
install = false
"#;

/// Towards a peer that is behind a router: a route to its address, which the next hops of its routes are resolved by.
const WAY_TO_NEXT_HOP: &str = r#"
[[static]]
prefix = "192.0.2.9/32"
via = "172.16.0.2"
advertise = false
"#;

#[test]
fn next_hops_behind_a_static_route_are_reached_through_its_gateway() {
    let lab = Lab::new().unwrap();
    let wire = lab.segment("wire").unwrap();
    let [here, there] = ["margay", "peer"].map(|label| lab.namespace(label).unwrap());
    wire.attach(&here, "eth0", &["172.16.0.1/24"]).unwrap();
    wire.attach(&there, "eth0", &["172.16.0.2/24"]).unwrap();
    let mut margay =
        Margay::new(&here, RouterSettings::new(MARGAY_ASN, Ipv4Addr::new(172, 16, 0, 1)), &binaries());
    let mut neighbor = PeerSettings::new("bird", host(Family::Ipv4, 2), MARGAY_ASN);
    neighbor.extra = "import = [\"remote\"]\n".to_owned();
    margay.settings().peers.push(neighbor);
    margay.settings().kernel = true;
    margay.settings().extra =
        "[filter.remote]\nrules = [{ set = { next_hop = \"192.0.2.9\" }, action = \"accept\" }]\n".to_owned();
    let mut peer = Bird::new(&there, RouterSettings::new(MARGAY_ASN, Ipv4Addr::new(172, 16, 0, 2)));
    peer.settings().peers.push(PeerSettings::new("margay", host(Family::Ipv4, 1), MARGAY_ASN));
    peer.settings().networks = vec!["198.51.100.0/24".to_owned()];
    peer.start().unwrap();
    margay.start().unwrap();
    wait_until(PATIENCE, "the route, without a way to its next hop", || {
        let routes = margay.json("show routes --received").map_err(|error| format!("{error:#}"))?;
        if routes["routes"][0]["valid"] == false { Ok(()) } else { Err(routes.to_string()) }
    });
    wait_installed(&here, &[]);

    let before = margay.configuration().unwrap();
    margay.hang_up_with(&format!("{before}{WAY_TO_NEXT_HOP}")).unwrap();
    let both = ["192.0.2.9 via 172.16.0.2 dev eth0 1024", "198.51.100.0/24 via 172.16.0.2 dev eth0 1024"];
    wait_installed(&here, &both);
    here.ip("link set eth0 down").unwrap();
    wait_installed(&here, &[]);
    here.ip("link set eth0 up").unwrap();
    wait_installed(&here, &both);
    margay.hang_up_with(&before).unwrap();
    wait_installed(&here, &[]);
}

#[test]
fn static_routes_come_and_go_with_their_links_and_with_reloads() {
    let lab = Lab::new().unwrap();
    let [wire, side] = ["wire", "side"].map(|label| lab.segment(label).unwrap());
    let [here, there, beside] = ["margay", "peer", "host"].map(|label| lab.namespace(label).unwrap());
    wire.attach(&here, "eth0", &["172.16.0.1/24"]).unwrap();
    wire.attach(&there, "eth0", &["172.16.0.2/24"]).unwrap();
    side.attach(&here, "eth1", &["172.17.0.1/24"]).unwrap();
    side.attach(&beside, "eth0", &["172.17.0.2/24"]).unwrap();

    let settings = |own: u8, other: u8, name: &str| {
        let mut settings = RouterSettings::new(MARGAY_ASN, Ipv4Addr::new(172, 16, 0, own));
        settings.peers.push(PeerSettings::new(name, host(Family::Ipv4, other), MARGAY_ASN));
        settings
    };
    let mut margay = Margay::new(&here, settings(1, 2, "bird"), &binaries());
    margay.settings().kernel = true;
    let mut peer = Bird::new(&there, settings(2, 1, "margay"));
    peer.settings().networks = ["198.51.100.0/24", "203.0.113.0/24"].map(str::to_owned).to_vec();
    peer.start().unwrap();
    margay.start().unwrap();
    let plain =
        ["198.51.100.0/24 via 172.16.0.2 dev eth0 1024", "203.0.113.0/24 via 172.16.0.2 dev eth0 1024"];
    wait_installed(&here, &plain);

    let before = margay.configuration().unwrap();
    let with_filter = before.replace("[kernel]\n", "[kernel]\nexport = [\"to-kernel\"]\n");
    margay.hang_up_with(&format!("{with_filter}{STATICS}")).unwrap();
    let installed = [
        "10.70.1.0/24 via 172.17.0.2 dev eth1 50",
        "10.70.2.0/24 nexthop via 172.16.0.3 dev eth0 weight 1 nexthop via 172.17.0.2 dev eth1 weight 3 1024",
        "10.70.3.0/24 dev eth1 1024",
        "10.70.4.0/24 via 192.0.2.1 dev eth1 1024",
        "198.51.100.0/24 via 172.16.0.2 dev eth1 7",
        "prohibit 10.70.6.0/24 1024",
        "unreachable 10.70.5.0/24 1024",
    ];
    wait_installed(&here, &installed);
    // The gateway is the next hop inside the AS; where there is none, margay itself is.
    let advertised = [
        ("10.70.1.0/24", "172.17.0.2"),
        ("10.70.2.0/24", "172.17.0.2"),
        ("10.70.3.0/24", "172.16.0.1"),
        ("10.70.4.0/24", "192.0.2.1"),
        ("10.70.5.0/24", "172.16.0.1"),
        ("10.70.7.0/24", "172.17.0.2"),
    ];
    wait_advertised(&peer, &advertised);

    here.ip("link set eth1 down").unwrap();
    let without_link = [
        "10.70.2.0/24 via 172.16.0.3 dev eth0 1024",
        "prohibit 10.70.6.0/24 1024",
        "unreachable 10.70.5.0/24 1024",
    ];
    wait_installed(&here, &without_link);
    wait_advertised(&peer, &[("10.70.2.0/24", "172.16.0.3"), ("10.70.5.0/24", "172.16.0.1")]);
    here.ip("link set eth1 up").unwrap();
    wait_installed(&here, &installed);
    wait_advertised(&peer, &advertised);

    let fewer = STATICS.replace("via = \"172.17.0.2\"\nmetric = 50", "discard = \"blackhole\"");
    margay.hang_up_with(&format!("{before}{fewer}")).unwrap();
    let mut changed: Vec<&str> = installed.to_vec();
    changed.retain(|line| !line.starts_with("10.70.1.0/24") && !line.starts_with("198.51.100.0/24"));
    changed.extend(["blackhole 10.70.1.0/24 1024"].iter().chain(&plain));
    wait_installed(&here, &changed);
    margay.hang_up_with(&before).unwrap();
    wait_installed(&here, &plain);
    wait_advertised(&peer, &[]);
}

/// Waits until margay's routes in the kernel are these: kind, destination, next hops and metric.
fn wait_installed(namespace: &Namespace, expected: &[&str]) {
    let mut expected: Vec<String> = expected.iter().map(|&line| line.to_owned()).collect();
    expected.sort();
    wait_until(PATIENCE, "the routes in the kernel", || {
        let shown = namespace.ip_output(&format!("-o route show proto {}", Margay::KERNEL_PROTOCOL));
        let shown = shown.map_err(|error| format!("{error:#}"))?;
        let mut lines: Vec<String> = shown.lines().map(summary).collect();
        lines.sort();
        if lines == expected { Ok(()) } else { Err(format!("{lines:#?} instead of {expected:#?}")) }
    });
}

/// A line of `ip route` without what differs from run to run, the metric last.
fn summary(line: &str) -> String {
    let line = line.replace('\\', " ");
    let mut words = line.split_whitespace();
    let (mut kept, mut metric) = (Vec::new(), "0");
    while let Some(word) = words.next() {
        match word {
            "nhid" | "proto" | "scope" => drop(words.next()),
            "metric" => metric = words.next().unwrap_or_default(),
            "onlink" | "linkdown" => {}
            word => kept.push(word),
        }
    }
    // The order of next hops is that of the numbers of their objects.
    let line = kept.join(" ");
    let mut parts = line.split(" nexthop ");
    let destination = parts.next().unwrap_or_default();
    let mut hops: Vec<&str> = parts.collect();
    hops.sort_unstable();
    let hops = hops.iter().map(|hop| format!(" nexthop {hop}")).collect::<String>();
    format!("{destination}{hops} {metric}")
}

fn wait_advertised(peer: &Bird, expected: &[(&str, &str)]) {
    wait_until(PATIENCE, "what the peer has learned", || {
        let routes = peer.routes().map_err(|error| format!("{error:#}"))?;
        let found: Vec<(String, String)> =
            routes.iter().map(|(prefix, route)| (prefix.clone(), route.next_hop.to_string())).collect();
        let is_same =
            found.iter().map(|(prefix, hop)| (prefix.as_str(), hop.as_str())).eq(expected.iter().copied());
        if is_same { Ok(()) } else { Err(format!("{found:?}")) }
    });
}
