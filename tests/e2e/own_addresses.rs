//! The own next hop follows this node's addresses while the session stays.

use std::net::IpAddr;

use margay_lab::{Bird, Family, Margay, PeerSettings, Router, holds_for, wait_until};

use crate::pair::PATIENCE;
use crate::wire::{Wire, peer};

const NETWORK: &str = "2001:db8:65::/64";

#[test]
fn without_a_kernel_section() {
    follows_the_addresses(false);
}

#[test]
fn with_a_kernel_section() {
    follows_the_addresses(true);
}

/// A dual-stack peer over IPv4: the IPv6 address comes, is replaced, belongs to another node, becomes deprecated, and goes.
fn follows_the_addresses(kernel: bool) {
    let wire = Wire::new();
    let both_families =
        |number| PeerSettings { families: [Family::Ipv4, Family::Ipv6].into(), ..peer(number) };
    let mut margay = wire.margay("margay", 1, |settings| {
        settings.peers = vec![both_families(2)];
        settings.networks = vec![NETWORK.to_owned()];
        settings.kernel = kernel;
    });
    let mut bird = wire.bird("bird", 2, |settings| settings.peers = vec![both_families(1)]);
    let here = margay.namespace().clone();
    for address in ["fd99::b/64", "fd99::66/64"] {
        bird.namespace().ip(&format!("addr add {address} dev eth0 nodad")).unwrap();
    }
    bird.start().unwrap();
    margay.start().unwrap();
    wait_until(PATIENCE, "the session", || margay.uptime_seconds("peer2"));
    wait_for_next_hop(&bird, None);
    let explained = margay.cli(&format!("explain {NETWORK}")).unwrap();
    assert!(explained.contains("no own address of this family"), "{explained}");

    let ip = |words: &str| here.ip(words).unwrap();
    ip("addr add fd99::1/64 dev eth0 nodad");
    wait_for_next_hop(&bird, Some("fd99::1"));
    ip("addr add fd99::2/64 dev eth0 nodad");
    ip("addr del fd99::1/64 dev eth0");
    wait_for_next_hop(&bird, Some("fd99::2"));
    ip("addr change fd99::2/64 dev eth0 nodad preferred_lft 0");
    ip("addr add fd99::3/64 dev eth0 nodad");
    wait_for_next_hop(&bird, Some("fd99::3"));
    ip("addr del fd99::3/64 dev eth0");
    wait_for_next_hop(&bird, Some("fd99::2"));

    // Another node has it. Labs do without the detection.
    let status = here.command("sysctl").args(["-qw", "net.ipv6.conf.eth0.accept_dad=1"]).status();
    assert!(status.unwrap().success());
    ip("addr add fd99::66/64 dev eth0");
    wait_until(PATIENCE, "the detection of the duplicate", || {
        let shown = here.ip_output("-6 addr show dev eth0").map_err(|error| format!("{error:#}"))?;
        if shown.contains("dadfailed") { Ok(()) } else { Err(shown) }
    });
    ip("addr del fd99::2/64 dev eth0");
    wait_for_next_hop(&bird, None);
    let stays_away = || match next_hop(&bird) {
        Ok(None) => Ok(()),
        seen => Err(format!("{seen:?}")),
    };
    holds_for(std::time::Duration::from_millis(500), "the failed address is not used", stays_away);
    one_session(&margay);
}

fn one_session(margay: &Margay) {
    let detail = margay.json("show peer peer2").unwrap();
    assert!(detail["last_error"].is_null(), "{detail}");
}

fn wait_for_next_hop(bird: &Bird, expected: Option<&str>) {
    let expected: Option<IpAddr> = expected.map(|address| address.parse().unwrap());
    wait_until(PATIENCE, &format!("the next hop {expected:?}"), || match next_hop(bird)? {
        next_hop if next_hop == expected => Ok(()),
        next_hop => Err(format!("{next_hop:?}")),
    });
}

fn next_hop(bird: &Bird) -> Result<Option<IpAddr>, String> {
    let routes = bird.routes().map_err(|error| format!("{error:#}"))?;
    Ok(routes.get(NETWORK).map(|route| route.next_hop))
}
