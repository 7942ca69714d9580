//! The snapshots of attached subnets.

use margay_rib::ConnectedRoute;
use tokio::time::timeout;

use crate::kernel::KernelEvent;

use super::{
    Daemon, PATIENCE,
    namespace::{in_namespace, interface, ip},
    options, prefix,
};

impl Daemon {
    /// Waits for a snapshot that is as expected; links that come up cause several.
    async fn connected(&mut self, mut expected: Vec<ConnectedRoute>) {
        expected.sort();
        let mut seen = None;
        while seen.as_ref() != Some(&expected) {
            match timeout(PATIENCE, self.events.recv()).await {
                Ok(Some(KernelEvent::Connected(subnets))) => seen = Some(subnets),
                other => panic!("after {seen:?}: {other:?}, expected {expected:?}"),
            }
        }
    }
}

fn subnets(list: &[(&str, &str)]) -> Vec<ConnectedRoute> {
    let subnet =
        |(text, link): &(&str, &str)| ConnectedRoute { prefix: prefix(text), interface: interface(link) };
    list.iter().map(subnet).collect()
}

const ONE: [(&str, &str); 2] = [("10.0.0.0/24", "one"), ("fd00::/64", "one")];
const TWO: [(&str, &str); 2] = [("10.0.1.0/24", "two"), ("fd00:1::/64", "two")];

#[test]
fn the_first_snapshot_holds_the_subnets_and_neither_loopback_nor_link_local() {
    in_namespace(async || {
        let mut daemon = Daemon::start(options()).await;
        let mut expected = subnets(&[ONE, TWO].concat());
        expected.sort();
        let first = timeout(PATIENCE, daemon.events.recv()).await;
        assert_eq!(first, Ok(Some(KernelEvent::Connected(expected))));
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
