//! Tests of the lab itself with routers of other projects, to tell its failures from margay's.
#![expect(clippy::unwrap_used, reason = "a test whose lab fails cannot go on")]

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use margay_lab::{
    Attachment, Bird, Family, Gobgp, Lab, PeerSettings, RouteInfo, Router, RouterSettings, kernel_routes,
    numbered_prefixes, packages, wait_until,
};

#[test]
fn bird_meets_bird() {
    meet(|a, b| (Box::new(Bird::new(a.0, a.1)), Box::new(Bird::new(b.0, b.1))));
}

#[test]
fn bird_meets_gobgp() {
    meet(|a, b| (Box::new(Bird::new(a.0, a.1)), Box::new(Gobgp::new(b.0, b.1))));
}

type Place<'a> = (&'a margay_lab::Namespace, RouterSettings);

fn meet(make: impl Fn(Place<'_>, Place<'_>) -> (Box<dyn Router>, Box<dyn Router>)) {
    packages::install_missing(packages::NETWORK).unwrap();
    packages::install_missing(&[packages::BIRD, packages::GOBGP]).unwrap();
    for (family, other_asn) in
        [(Family::Ipv4, 65001), (Family::Ipv4, 65002), (Family::Ipv6, 65001), (Family::Ipv6, 65002)]
    {
        let lab = Lab::new().unwrap();
        let segment = lab.segment("wire").unwrap();
        let (one, two) = (lab.namespace("one").unwrap(), lab.namespace("two").unwrap());
        segment.attach(&one, "eth0", &["10.0.0.1/24", "2001:db8::1/64"]).unwrap();
        let cable = segment.attach(&two, "eth0", &["10.0.0.2/24", "2001:db8::2/64"]).unwrap();
        let settings = |own: u8, asn: u32, other: u8, asn_of_other: u32| {
            let mut settings = RouterSettings::new(asn, Ipv4Addr::new(192, 0, 2, own));
            let mut peer = PeerSettings::new("other", address(family, other), asn_of_other);
            peer.local_address = Some(address(family, own));
            peer.hold_time = Duration::from_secs(3);
            settings.peers = vec![peer];
            settings.networks = numbered_prefixes(family, own, ROUTES);
            settings
        };
        let (mut a, mut b) =
            make((&one, settings(1, 65001, 2, other_asn)), (&two, settings(2, other_asn, 1, 65001)));
        a.settings().kernel = true;
        a.start().unwrap();
        b.start().unwrap();
        exchange(family, &mut *a, &mut *b, &cable);
    }
}

fn exchange(family: Family, a: &mut dyn Router, b: &mut dyn Router, cable: &Attachment) {
    expect_routes(a, &numbered_prefixes(family, 2, ROUTES));
    let route = expect_routes(b, &numbered_prefixes(family, 1, ROUTES)).unwrap();
    for router in [&*a, &*b] {
        assert_eq!(router.session_state("other").unwrap(), "established", "{router:?}");
    }
    assert_eq!(route.next_hop, address(family, 1));
    let ebgp = b.settings().asn != 65001;
    assert_eq!(route.as_path, if ebgp { vec![65001] } else { vec![] });
    wait_until(Duration::from_secs(10), "routes in the kernel", || {
        let count = kernel_routes(a.namespace(), family, BIRD_KERNEL_PROTOCOL).unwrap().len();
        if count == usize::from(ROUTES) { Ok(()) } else { Err(count) }
    });

    let half = numbered_prefixes(family, 2, ROUTES / 2);
    b.settings().networks.clone_from(&half);
    b.reload().unwrap();
    expect_routes(a, &half);

    cable.cut().unwrap();
    expect_routes(a, &[]);
    expect_routes(b, &[]);
    cable.restore().unwrap();
    expect_routes(a, &half);
    b.kill().unwrap();
    expect_routes(a, &[]);
    b.start().unwrap();
    expect_routes(a, &half);
    b.stop().unwrap();
    expect_routes(a, &[]);
}

#[track_caller]
fn expect_routes(router: &dyn Router, expected: &[String]) -> Option<RouteInfo> {
    wait_until(Duration::from_secs(40), "the number of routes", || match router.route_count() {
        Ok(count) if count == expected.len() => Ok(()),
        seen => Err(format!("{router:?} has {seen:?}, {} expected", expected.len())),
    });
    let routes = router.routes().unwrap();
    assert!(routes.keys().collect::<BTreeSet<_>>() == expected.iter().collect(), "{router:?} has others");
    routes.into_values().next()
}

fn address(family: Family, host: u8) -> IpAddr {
    match family {
        Family::Ipv4 => Ipv4Addr::new(10, 0, 0, host).into(),
        Family::Ipv6 => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, host.into()).into(),
    }
}

/// Few, because this tests the lab.
const ROUTES: u16 = 1_000;

/// RTPROT_BIRD.
const BIRD_KERNEL_PROTOCOL: u8 = 12;
