//! Next hops whose links the operator names.

use std::collections::BTreeSet;
use std::time::Duration;

use margay_forwarding::{Forwarding, Hop, LinkName, LinkUsability, Target, WeightedHop};
use tokio::time::timeout;

use super::{
    Daemon,
    namespace::{eventually, in_namespace, ip},
    next_hop, options, wanted,
};
use crate::kernel::{FibOptions, KernelEvent, KernelRequest};

fn over(hops: &[(Hop, u8)]) -> Forwarding {
    let hops = hops.iter().map(|&(hop, weight)| WeightedHop { hop, weight });
    Forwarding { target: Target::Via(hops.collect()), metric: None }
}

fn two() -> LinkName {
    "two".parse().unwrap()
}

/// The daemon's routes with gateway and link, as `ip` shows them, sorted.
fn shown() -> Vec<String> {
    let lines = [ip("route show proto 186"), ip("-6 route show proto 186")].concat();
    let mut shown: Vec<String> = lines.lines().map(place).collect();
    shown.sort();
    shown
}

/// Destination, gateway and link of a line; an object's number differs from run to run.
fn place(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    let after = |key: &str| {
        let at = words.iter().position(|&word| word == key)?;
        words.get(at + 1).map(|value| format!(" {key} {value}"))
    };
    let destination = words.first().copied().unwrap_or_default();
    [destination.to_owned(), after("via").unwrap_or_default(), after("dev").unwrap_or_default()].concat()
}

#[test]
fn a_gateway_is_on_the_link_that_is_named_and_a_link_alone_is_a_route() {
    in_namespace(|| check_named_links(true));
}

#[test]
fn links_are_named_without_next_hop_objects_as_well() {
    in_namespace(|| check_named_links(false));
}

async fn check_named_links(nexthop_objects: bool) {
    let daemon = Daemon::start(FibOptions { nexthop_objects, ..options() }).await;
    // No route leads to the first gateway, and by the routes the last but one is on another link.
    daemon
        .apply(vec![
            wanted("10.9.0.0/16", over(&[(Hop::OnLink(next_hop("192.0.2.1"), two()), 1)])),
            wanted("10.10.0.0/16", over(&[(Hop::Link(two()), 1)])),
            wanted("10.11.0.0/16", over(&[(Hop::OnLink(next_hop("10.0.0.2"), two()), 1)])),
            wanted("fd09::/32", over(&[(Hop::OnLink(next_hop("fe80::7"), two()), 1)])),
        ])
        .await;
    let expected = [
        "10.10.0.0/16 dev two",
        "10.11.0.0/16 via 10.0.0.2 dev two",
        "10.9.0.0/16 via 192.0.2.1 dev two",
        "fd09::/32 via fe80::7 dev two",
    ];
    eventually(shown, expected.map(str::to_owned).to_vec()).await;
    ip("link set two down");
    eventually(shown, vec![]).await;
    ip("link set two up");
    eventually(shown, expected.map(str::to_owned).to_vec()).await;
    daemon.finish().await;
}

#[test]
fn the_usability_of_watched_links_is_reported_once_for_each_change() {
    in_namespace(async || {
        let mut daemon = Daemon::start(options()).await;
        let [two, missing] = ["two", "later"].map(|name| name.parse::<LinkName>().unwrap());
        daemon.request(KernelRequest::WatchLinks(BTreeSet::from([two, missing]))).await;
        let state = |link, is_usable| LinkUsability { link, is_usable };
        assert_eq!(next_links(&mut daemon).await, [state(missing, false), state(two, true)]);
        ip("link set two down");
        assert_eq!(next_links(&mut daemon).await, [state(two, false)]);
        ip("link set two up");
        assert_eq!(next_links(&mut daemon).await, [state(two, true)]);
        ip("link add later type veth peer name other");
        ip("link set other up");
        ip("link set later up");
        assert_eq!(next_links(&mut daemon).await, [state(missing, true)]);
        ip("link del later");
        assert_eq!(next_links(&mut daemon).await, [state(missing, false)]);
    });
}

/// The next report about links.
async fn next_links(daemon: &mut Daemon) -> Vec<LinkUsability> {
    let report = async {
        loop {
            match daemon.events.recv().await {
                Some(KernelEvent::Routes { links, .. }) if !links.is_empty() => return links,
                Some(_) => {}
                None => panic!("the kernel thread has ended"),
            }
        }
    };
    timeout(Duration::from_secs(10), report).await.expect("links are reported")
}
