//! Routes that the kernel drops without a message, in each order in which links go and come back.

use std::collections::BTreeSet;

use crate::node::{LINKS, Node, Objects, addresses, own_ipv4};

const IPV4: [&str; LINKS] = ["10.0.0.2", "10.0.1.2", "10.0.2.2"];
const IPV6: [&str; LINKS] = ["fd00:0::2", "fd00:1::2", "fd00:2::2"];

/// How a link is lost.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Loss {
    Down,
    Carrier,
    Ipv4Address,
}

const LOSSES: [Loss; 3] = [Loss::Down, Loss::Carrier, Loss::Ipv4Address];

/// One event of a burst.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Event {
    Lost(usize),
    Back(usize),
}

/// With two links, each may be lost in another way.
#[test]
fn two_links_are_followed_in_every_order() {
    for one in LOSSES {
        for other in LOSSES {
            check_every_burst(&[one, other]);
        }
    }
}

#[test]
fn three_links_are_followed_in_every_order() {
    for loss in LOSSES {
        check_every_burst(&[loss; 3]);
    }
}

#[test]
fn a_single_link_is_followed() {
    for loss in LOSSES {
        check_every_burst(&[loss]);
    }
}

/// Plays every order of losses and returns, cut off at every place: some links then remain lost. The daemon
/// looks once during the burst, at every place, and at its end.
fn check_every_burst(losses: &[Loss]) {
    for objects in Objects::ALL {
        for silent_ipv6 in [false, true] {
            for burst in bursts(losses.len()) {
                for look in 0..burst.len() {
                    let mut node = Node::start(objects);
                    node.kernel.set_silent_ipv6(silent_ipv6);
                    node.want("10.9.0.0/16", &IPV4[..losses.len()]);
                    node.want("10.10.0.0/16", &IPV4[..1]);
                    node.want("fd09::/32", &IPV6[..losses.len()]);
                    node.want("fd0a::/32", &IPV6[..1]);
                    node.settle();
                    let case = format!(
                        "{objects:?}, silent: {silent_ipv6}, {losses:?}, {burst:?} with a look after {look}"
                    );
                    for (number, &event) in burst.iter().enumerate() {
                        happen(&mut node, event, losses);
                        if number + 1 == look {
                            node.settle();
                        }
                    }
                    node.settle();
                    check(&node, losses, &burst, &case);
                }
            }
        }
    }
}

/// Every order of events of this many links in which each link is lost before it comes back, and every part
/// of it from its beginning.
fn bursts(links: usize) -> Vec<Vec<Event>> {
    let mut all = vec![Vec::new()];
    let mut longest = all.clone();
    for _ in 0..2 * links {
        longest = longest.iter().flat_map(|burst| longer(burst, links)).collect();
        all.extend(longest.iter().cloned());
    }
    all.into_iter().skip(1).collect()
}

fn longer(burst: &[Event], links: usize) -> impl Iterator<Item = Vec<Event>> {
    let next = (0..links).filter_map(|link| {
        match (burst.contains(&Event::Lost(link)), burst.contains(&Event::Back(link))) {
            (false, _) => Some(Event::Lost(link)),
            (true, false) => Some(Event::Back(link)),
            (true, true) => None,
        }
    });
    next.map(|event| burst.iter().copied().chain([event]).collect())
}

fn happen(node: &mut Node, event: Event, losses: &[Loss]) {
    match event {
        Event::Lost(link) => {
            let interface = node.interface(link);
            match losses[link] {
                Loss::Down => node.kernel.set_down(interface),
                Loss::Carrier => node.kernel.set_carrier(interface, false),
                Loss::Ipv4Address => node.kernel.remove_address(interface, own_ipv4(link)),
            }
        }
        Event::Back(link) => {
            let interface = node.interface(link);
            node.kernel.set_up(interface);
            node.kernel.set_carrier(interface, true);
            node.add_addresses(link);
        }
    }
}

/// The kernel sends packets to the next hops over the links that are there, and the daemon shows what it does.
fn check(node: &Node, losses: &[Loss], burst: &[Event], case: &str) {
    let is_there = |link: &usize| !burst.contains(&Event::Lost(*link)) || burst.contains(&Event::Back(*link));
    let links: BTreeSet<usize> = (0..losses.len()).filter(is_there).collect();
    let ipv6_links: BTreeSet<usize> = (0..losses.len())
        .filter(|&link| links.contains(&link) || losses[link] == Loss::Ipv4Address)
        .collect();
    let mut there = 0;
    for (prefix, all, links, count) in [
        ("10.9.0.0/16", IPV4, &links, losses.len()),
        ("10.10.0.0/16", IPV4, &links, 1),
        ("fd09::/32", IPV6, &ipv6_links, losses.len()),
        ("fd0a::/32", IPV6, &ipv6_links, 1),
    ] {
        let expected = addresses(links.iter().filter(|&&link| link < count).map(|&link| all[link]));
        assert_eq!(node.used(prefix), expected, "{case}: {prefix}");
        there += usize::from(!expected.is_empty());
    }
    assert_eq!(node.shown(), (there, 0, 4 - there), "{case}");
}
