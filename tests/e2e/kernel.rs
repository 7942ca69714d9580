//! The kernel: its table is what the routes say, and packets follow it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use margay_lab::{
    Bird, Family, KernelRoute, Lab, Margay, Namespace, PeerSettings, Router, RouterSettings, holds_for,
    kernel_routes, wait_until,
};

use crate::pair::{MARGAY_ASN, PATIENCE, PEER_ASN, binaries, host, with_length};

/// A host behind margay, a host behind BIRD, and packets between them in both families.
#[test]
fn packets_follow_learned_routes_and_stop_when_they_leave() {
    let lab = Lab::new().unwrap();
    let [wire, left, right] = ["wire", "left", "right"].map(|label| lab.segment(label).unwrap());
    let [here, there, west, east] =
        ["margay", "peer", "west", "east"].map(|label| lab.namespace(label).unwrap());
    let both = |number| [Family::Ipv4, Family::Ipv6].map(|family| with_length(host(family, number)));
    let attach = |segment: &margay_lab::Segment, namespace, interface, addresses: [String; 2]| {
        segment.attach(namespace, interface, &addresses.each_ref().map(String::as_str)).unwrap();
    };
    attach(&wire, &here, "eth0", both(1));
    attach(&wire, &there, "eth0", both(2));
    attach(&left, &here, "eth1", ["10.65.1.1/26".to_owned(), "2001:db8:1::1/64".to_owned()]);
    attach(&left, &west, "eth0", ["10.65.1.2/26".to_owned(), "2001:db8:1::2/64".to_owned()]);
    attach(&right, &there, "eth1", ["10.65.2.1/26".to_owned(), "2001:db8:2::1/64".to_owned()]);
    attach(&right, &east, "eth0", ["10.65.2.2/26".to_owned(), "2001:db8:2::2/64".to_owned()]);
    for (pod, gateway, gateway6) in
        [(&west, "10.65.1.1", "2001:db8:1::1"), (&east, "10.65.2.1", "2001:db8:2::1")]
    {
        pod.ip(&format!("route add default via {gateway}")).unwrap();
        pod.ip(&format!("-6 route add default via {gateway6}")).unwrap();
    }

    let mut margay = Margay::new(&here, dual_stack(MARGAY_ASN, 1, 2, PEER_ASN), &binaries());
    margay.settings().networks = ["10.65.1.0/26", "2001:db8:1::/64"].map(str::to_owned).to_vec();
    let mut peer = Bird::new(&there, dual_stack(PEER_ASN, 2, 1, MARGAY_ASN));
    peer.settings().networks = ["10.65.2.0/26", "2001:db8:2::/64"].map(str::to_owned).to_vec();
    peer.start().unwrap();
    margay.start().unwrap();

    wait_for_kernel(
        &here,
        Family::Ipv4,
        &[("10.65.1.0/26", blackhole()), ("10.65.2.0/26", via(&[host(Family::Ipv4, 2)]))],
    );
    wait_for_kernel(
        &here,
        Family::Ipv6,
        &[("2001:db8:1::/64", blackhole()), ("2001:db8:2::/64", via(&[link_local(&there)]))],
    );
    let targets = ["10.65.2.2", "2001:db8:2::2"].map(|address| address.parse::<IpAddr>().unwrap());
    for target in targets {
        wait_until(PATIENCE, &format!("west reaches {target}"), || west.ping(target));
    }

    peer.stop().unwrap();
    wait_for_kernel(&here, Family::Ipv4, &[("10.65.1.0/26", blackhole())]);
    wait_for_kernel(&here, Family::Ipv6, &[("2001:db8:1::/64", blackhole())]);
    for target in targets {
        assert!(west.ping(target).is_err(), "{target} replies without a route");
    }
}

/// Two peers of one AS announce the same prefix.
#[test]
fn equal_paths_share_a_multipath_route() {
    let lab = Lab::new().unwrap();
    let wire = lab.segment("wire").unwrap();
    let here = lab.namespace("margay").unwrap();
    wire.attach(&here, "eth0", &["172.16.0.1/24"]).unwrap();
    let mut settings = RouterSettings::new(MARGAY_ASN, Ipv4Addr::new(172, 16, 0, 1));
    settings.kernel = true;
    let mut spines: Vec<Bird> = [2, 3]
        .map(|number| {
            let spine = lab.namespace(&format!("spine{number}")).unwrap();
            let address = host(Family::Ipv4, number);
            wire.attach(&spine, "eth0", &[&with_length(address)]).unwrap();
            settings.peers.push(PeerSettings::new(&format!("spine{number}"), address, PEER_ASN));
            let mut own = RouterSettings::new(PEER_ASN, Ipv4Addr::new(172, 16, 0, number));
            own.peers.push(PeerSettings::new("margay", host(Family::Ipv4, 1), MARGAY_ASN));
            own.networks.push("198.51.100.0/24".to_owned());
            Bird::new(&spine, own)
        })
        .into();
    let mut margay = Margay::new(&here, settings, &binaries());
    spines.iter_mut().for_each(|spine| spine.start().unwrap());
    margay.start().unwrap();

    let [first, second] = [2, 3].map(|number| host(Family::Ipv4, number));
    wait_for_kernel(&here, Family::Ipv4, &[("198.51.100.0/24", via(&[first, second]))]);
    spines[1].stop().unwrap();
    wait_for_kernel(&here, Family::Ipv4, &[("198.51.100.0/24", via(&[first]))]);
    spines[1].start().unwrap();
    wait_for_kernel(&here, Family::Ipv4, &[("198.51.100.0/24", via(&[first, second]))]);
}

#[test]
fn routes_outlive_a_killed_daemon_and_are_adopted() {
    check_routes_outlive_the_daemon(|margay| margay.kill().unwrap());
}

#[test]
fn routes_outlive_a_stopped_daemon_and_are_adopted() {
    check_routes_outlive_the_daemon(|margay| margay.stop().unwrap());
}

/// Routes stay in the kernel while the daemon is away, the next run takes them over, and other routes are left alone.
fn check_routes_outlive_the_daemon(end: impl Fn(&mut Margay)) {
    let lab = Lab::new().unwrap();
    let wire = lab.segment("wire").unwrap();
    let [here, there] = ["margay", "peer"].map(|label| lab.namespace(label).unwrap());
    wire.attach(&here, "eth0", &["172.16.0.1/24"]).unwrap();
    wire.attach(&there, "eth0", &["172.16.0.2/24"]).unwrap();
    here.ip("route add 203.0.113.0/24 via 172.16.0.2 proto static metric 5").unwrap();
    let mut margay = Margay::new(&here, dual_stack(MARGAY_ASN, 1, 2, PEER_ASN), &binaries());
    let mut peer = Bird::new(&there, dual_stack(PEER_ASN, 2, 1, MARGAY_ASN));
    for router in [&mut margay as &mut dyn Router, &mut peer] {
        router.settings().peers.truncate(1);
    }
    peer.settings().networks = vec!["198.51.100.0/24".to_owned()];
    peer.start().unwrap();
    margay.start().unwrap();
    let expected = [("198.51.100.0/24", via(&[host(Family::Ipv4, 2)]))];
    wait_for_kernel(&here, Family::Ipv4, &expected);

    end(&mut margay);
    holds_for(Duration::from_millis(500), "the route stays while the daemon is away", || {
        let seen = kernel_routes(&here, Family::Ipv4, Margay::KERNEL_PROTOCOL)
            .map_err(|error| format!("{error:#}"))?;
        if seen.contains_key("198.51.100.0/24") { Ok(()) } else { Err(format!("{seen:?}")) }
    });
    margay.start().unwrap();
    wait_until(PATIENCE, "the session", || match margay.session_state("v4") {
        Ok(state) if state == "established" => Ok(()),
        seen => Err(format!("{seen:?}")),
    });
    wait_for_kernel(&here, Family::Ipv4, &expected);
    let foreign = here.ip_output("route show proto static").unwrap();
    assert!(foreign.contains("203.0.113.0/24 via 172.16.0.2"), "{foreign}");
}

/// A session for each family, routes into the kernel.
fn dual_stack(asn: u32, own: u8, other: u8, other_asn: u32) -> RouterSettings {
    let mut settings = RouterSettings::new(asn, Ipv4Addr::new(172, 16, 0, own));
    settings.kernel = true;
    for (name, family) in [("v4", Family::Ipv4), ("v6", Family::Ipv6)] {
        settings.peers.push(PeerSettings::new(name, host(family, other), other_asn));
    }
    settings
}

#[track_caller]
fn wait_for_kernel(namespace: &Namespace, family: Family, expected: &[(&str, KernelRoute)]) {
    let expected: BTreeMap<String, KernelRoute> =
        expected.iter().map(|(prefix, route)| ((*prefix).to_owned(), route.clone())).collect();
    wait_until(PATIENCE, &format!("the {family:?} kernel table of {}", namespace.label()), || {
        let seen = kernel_routes(namespace, family, Margay::KERNEL_PROTOCOL)
            .map_err(|error| format!("{error:#}"))?;
        if seen == expected { Ok(()) } else { Err(format!("{seen:?}\nexpected: {expected:?}")) }
    });
}

/// The link-local address on the segment, which a peer on the link announces together with its global one (RFC 2545 §3).
fn link_local(namespace: &Namespace) -> IpAddr {
    let shown = namespace.ip_output("-6 -o address show dev eth0 scope link").unwrap();
    let address = shown.split_whitespace().find_map(|word| word.split_once('/')).unwrap().0;
    address.parse().unwrap()
}

fn via(hops: &[IpAddr]) -> KernelRoute {
    KernelRoute { via: hops.iter().copied().collect(), blackhole: false, metric: Margay::KERNEL_METRIC }
}

fn blackhole() -> KernelRoute {
    KernelRoute { via: BTreeSet::new(), blackhole: true, metric: Margay::KERNEL_METRIC }
}
