//! iBGP between routers that are not on one segment.

use std::net::{IpAddr, Ipv4Addr};

use margay_lab::{Bird, Lab, Margay, PeerSettings, Router, RouterSettings, numbered_prefixes};

use crate::pair::{MARGAY_ASN, binaries, wait_for_routes, wait_for_state};

#[test]
fn ibgp_comes_up_over_two_hops() {
    let lab = Lab::new().unwrap();
    let (west, east) = (lab.segment("west").unwrap(), lab.segment("east").unwrap());
    let [here, between, there] = ["margay", "between", "peer"].map(|label| lab.namespace(label).unwrap());
    west.attach(&here, "eth0", &["172.16.1.1/24"]).unwrap();
    west.attach(&between, "eth0", &["172.16.1.254/24"]).unwrap();
    east.attach(&between, "eth1", &["172.16.2.254/24"]).unwrap();
    east.attach(&there, "eth0", &["172.16.2.1/24"]).unwrap();
    here.ip("route add 172.16.2.0/24 via 172.16.1.254").unwrap();
    there.ip("route add 172.16.1.0/24 via 172.16.2.254").unwrap();

    let (ours, theirs) = (Ipv4Addr::new(172, 16, 1, 1), Ipv4Addr::new(172, 16, 2, 1));
    let settings = |own: Ipv4Addr, other: Ipv4Addr, origin: u8| {
        let mut settings = RouterSettings::new(MARGAY_ASN, own);
        let mut peer = PeerSettings::new("other", other.into(), MARGAY_ASN);
        peer.local_address = Some(own.into());
        settings.peers.push(peer);
        settings.networks = numbered_prefixes(margay_lab::Family::Ipv4, origin, 10);
        settings
    };
    let mut margay = Margay::new(&here, settings(ours, theirs, 1), &binaries());
    let mut peer = Bird::new(&there, settings(theirs, ours, 2));
    peer.start().unwrap();
    margay.start().unwrap();
    for (router, next_hop, origin) in [(&margay as &dyn Router, theirs, 2), (&peer, ours, 1)] {
        wait_for_state(router, "other", |state| state == "established", "established");
        let route = margay_lab::RouteInfo {
            next_hop: IpAddr::V4(next_hop),
            as_path: Vec::new(),
            local_pref: Some(100),
            med: None,
            communities: std::collections::BTreeSet::new(),
        };
        let prefixes = numbered_prefixes(margay_lab::Family::Ipv4, origin, 10);
        wait_for_routes(
            router,
            &prefixes.into_iter().map(|prefix| (prefix, route.clone())).collect(),
            |_| {},
        );
    }
}
