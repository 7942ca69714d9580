//! Reports of connected subnets.

use std::collections::BTreeSet;

use bgp_codec::Prefix;
use margay_forwarding::Way;
use tokio::time::timeout;

use super::{
    Daemon, PATIENCE,
    namespace::{in_namespace, ip},
    options, prefix,
};

impl Daemon {
    /// Waits until the reported subnets are as expected; links that come up cause several changes.
    async fn connected(&mut self, expected: Vec<(Prefix, &str)>) {
        let expected: BTreeSet<Prefix> = expected.into_iter().map(|(prefix, _)| prefix).collect();
        loop {
            let attached = self.ways.iter().filter(|(_, way)| **way == Way::Through { cost: 0 });
            let seen: BTreeSet<Prefix> = attached.map(|(&prefix, _)| prefix).collect();
            if seen == expected {
                return;
            }
            match timeout(PATIENCE, self.events.recv()).await {
                Ok(Some(event)) => self.follow(&event),
                other => panic!("after {seen:?}: {other:?}, expected {expected:?}"),
            }
        }
    }
}

fn subnets<'a>(list: &[(&str, &'a str)]) -> Vec<(Prefix, &'a str)> {
    list.iter().map(|&(text, link)| (prefix(text), link)).collect()
}

const ONE: [(&str, &str); 2] = [("10.0.0.0/24", "one"), ("fd00::/64", "one")];
const TWO: [(&str, &str); 2] = [("10.0.1.0/24", "two"), ("fd00:1::/64", "two")];

#[test]
fn at_first_everything_is_reported_but_loopback_and_link_local_subnets() {
    in_namespace(async || {
        let mut daemon = Daemon::start(options()).await;
        daemon.connected(subnets(&[ONE, TWO].concat())).await;
        let nowhere = |text: &str| daemon.ways.get(&prefix(text)) == Some(&Way::Nowhere);
        assert!(nowhere("10.0.0.1/32") && nowhere("fd00::1/128"), "own addresses: {:?}", daemon.ways);
        assert!(!daemon.ways.contains_key(&prefix("fe80::/64")));
    });
}

/// With a thousand links, each of these prefixes would have a thousand routes.
#[test]
fn what_every_link_has_is_not_kept() {
    in_namespace(async || {
        let mut daemon = Daemon::start(options()).await;
        daemon.connected(subnets(&[ONE, TWO].concat())).await;
        let before = daemon.settled().await.foreign;
        ip("link add pod0 type veth peer name far0");
        ip("link set pod0 up");
        ip("link set far0 up");
        ip("route add 10.65.0.1/32 dev pod0");
        daemon.reported("10.65.0.1/32", Some(Way::Through { cost: 0 })).await;
        assert!(ip("-6 route show table all").contains("multicast ff00::/8 dev pod0"));
        assert_eq!(daemon.settled().await.foreign, before + 1);
    });
}

#[test]
fn snapshots_follow_links_and_addresses() {
    in_namespace(async || {
        let mut daemon = Daemon::start(options()).await;
        daemon.connected(subnets(&[ONE, TWO].concat())).await;
        ip("link set two down");
        daemon.connected(subnets(&ONE)).await;
        ip("link set two up");
        ip("addr replace fd00:1::1/64 dev two nodad");
        daemon.connected(subnets(&[ONE, TWO].concat())).await;
        ip("addr del fd00:1::1/64 dev two");
        ip("addr del 10.0.1.1/24 dev two");
        daemon.connected(subnets(&ONE)).await;
        ip("link del two");
        ip("addr add 10.0.7.1 peer 10.0.7.2/32 dev one");
        daemon.connected(subnets(&[&ONE[..], &[("10.0.7.2/32", "one")]].concat())).await;
    });
}

#[test]
fn a_link_without_carrier_attaches_nothing() {
    in_namespace(async || {
        let mut daemon = Daemon::start(options()).await;
        daemon.connected(subnets(&[ONE, TWO].concat())).await;
        ip("link set far2 down");
        daemon.connected(subnets(&ONE)).await;
        ip("link set far2 up");
        daemon.connected(subnets(&[ONE, TWO].concat())).await;
    });
}

#[test]
fn a_device_route_attaches_what_no_address_covers_and_a_flush_detaches_it() {
    in_namespace(async || {
        ip("addr add 192.0.2.9/32 dev one");
        ip("route add 169.254.1.1 dev one scope link");
        let mut daemon = Daemon::start(options()).await;
        daemon.connected(subnets(&[&ONE[..], &TWO[..], &[("169.254.1.1/32", "one")]].concat())).await;
        ip("link set one down");
        daemon.connected(subnets(&TWO)).await;
        ip("link set one up");
        ip("addr replace fd00::1/64 dev one nodad");
        daemon.connected(subnets(&[ONE, TWO].concat())).await;
    });
}

#[test]
fn routes_through_gateways_lead_on_at_their_metric() {
    in_namespace(async || {
        let mut daemon = Daemon::start(options()).await;
        daemon.connected(subnets(&[ONE, TWO].concat())).await;
        ip("route add 10.40.0.0/16 via 10.0.0.9 proto 4 metric 30");
        ip("route add unreachable 10.41.0.0/16 proto 4");
        ip("route add default via 10.0.0.9 proto 4");
        let expected =
            [("10.40.0.0/16", Some(Way::Through { cost: 30 })), ("10.41.0.0/16", Some(Way::Nowhere))];
        for (text, way) in expected {
            daemon.reported(text, way).await;
        }
        assert!(
            !daemon.ways.contains_key(&prefix("0.0.0.0/0")),
            "a default route leads nowhere in particular"
        );
        ip("route del 10.40.0.0/16 proto 4");
        daemon.reported("10.40.0.0/16", None).await;
    });
}

impl Daemon {
    pub(super) async fn reported(&mut self, text: &str, way: Option<Way>) {
        while self.ways.get(&prefix(text)).copied() != way {
            let event = timeout(PATIENCE, self.events.recv()).await;
            self.follow(
                &event
                    .unwrap_or_else(|_| panic!("{text} is not reported as {way:?}"))
                    .expect("the thread lives"),
            );
        }
    }
}
