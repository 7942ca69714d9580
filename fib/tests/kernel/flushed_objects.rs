//! Next hop objects that another program removes one by one, while the daemon creates them again.

use std::time::Duration;

use crate::node::{Node, Objects, PROTOCOL, addresses};

const ROUTES: [(&str, &[&str]); 5] = [
    ("10.9.0.0/16", &["10.0.0.2", "10.0.1.2"]),
    ("10.10.0.0/16", &["10.0.0.2"]),
    ("10.11.0.0/16", &["10.0.0.2", "10.0.1.2", "10.0.2.2"]),
    ("fd09::/32", &["fd00:0::2", "fd00:1::2"]),
    ("fd0a::/32", &["fd00:1::2"]),
];

/// What the daemon does between two removals.
#[derive(Clone, Copy, Debug)]
enum Look {
    /// It handles messages.
    Receive,
    /// It makes its next requests.
    Ask,
    /// It handles messages and makes its next requests: some of the objects that they refer to go at the
    /// same time.
    ReceiveAndAsk,
    /// It does everything that is due.
    Settle,
}

/// The daemon looks twice during the flush, at any two places, and in any way.
#[test]
fn objects_come_back_whatever_is_done_during_a_flush() {
    let looks = [Look::Receive, Look::Ask, Look::ReceiveAndAsk, Look::Settle];
    for ascending in [true, false] {
        let mut numbers = start().objects();
        if !ascending {
            numbers.reverse();
        }
        for first in 0..=numbers.len() {
            for second in first..=numbers.len() {
                for one in looks {
                    for other in looks {
                        let case = format!(
                            "ascending: {ascending}, {one:?} after {first}, {other:?} after {second}"
                        );
                        let mut node = start();
                        flush(&mut node, &numbers, &[(first, one), (second, other)]);
                        check(&mut node, &case);
                    }
                }
            }
        }
    }
}

/// After a flush, objects serve their purpose as before: a lost link is no message for each route, and routes
/// over both links come back with them.
#[test]
fn links_are_followed_after_a_flush() {
    let mut node = start();
    let numbers = node.objects();
    flush(&mut node, &numbers, &[(2, Look::Ask), (5, Look::ReceiveAndAsk)]);
    node.settle();
    for link in [0, 1] {
        let interface = node.interface(link);
        node.kernel.set_down(interface);
    }
    for link in [1, 0] {
        let interface = node.interface(link);
        node.kernel.set_up(interface);
        node.add_addresses(link);
    }
    check(&mut node, "both links bounce");
}

/// The daemon makes requests between some of the removals of each flush.
#[test]
fn objects_come_back_after_repeated_flushes() {
    let mut node = start();
    for round in 0..20 {
        for number in node.objects() {
            node.kernel.remove_object(number);
            if number % 3 == round % 3 {
                node.ask();
            }
        }
    }
    check(&mut node, "twenty flushes");
}

/// Another program removes an object before each request, so that requests are refused again and again.
#[test]
fn objects_come_back_after_a_program_that_keeps_removing_them() {
    for position in 0..8 {
        for removals in 1..40 {
            let mut node = start();
            let mut left = removals;
            for _ in 0..10 {
                node.settle_with(|kernel| {
                    let numbers = kernel.objects(PROTOCOL);
                    if left > 0 && !numbers.is_empty() {
                        left -= 1;
                        kernel.remove_object(numbers[position % numbers.len()]);
                    }
                });
                if let Some(&number) = node.objects().get(position) {
                    node.kernel.remove_object(number);
                }
                node.receive();
            }
            node.wait();
            check(&mut node, &format!("{removals} removals at position {position}"));
        }
    }
}

fn start() -> Node {
    let mut node = Node::start(Objects::Used);
    for (prefix, gateways) in ROUTES {
        node.install(prefix, gateways);
    }
    assert_eq!(node.objects().len(), 8, "five next hops and three groups");
    node
}

fn flush(node: &mut Node, numbers: &[u32], looks: &[(usize, Look)]) {
    for count in 0..=numbers.len() {
        for (_, look) in looks.iter().filter(|(after, _)| *after == count) {
            match look {
                Look::Receive => node.receive(),
                Look::Ask => node.ask(),
                Look::ReceiveAndAsk => {
                    node.receive();
                    node.ask();
                }
                Look::Settle => node.settle(),
            }
        }
        if let Some(&number) = numbers.get(count) {
            node.kernel.remove_object(number);
        }
    }
}

/// Everything is as before, long before anything that was refused is due to be tried again: routes, objects,
/// and that routes refer to them.
fn check(node: &mut Node, case: &str) {
    node.pass(Duration::from_millis(100));
    for (prefix, gateways) in ROUTES {
        assert_eq!(node.used(prefix), addresses(gateways.iter().copied()), "{case}: {prefix}");
    }
    assert_eq!(node.objects().len(), 8, "{case}");
    assert_eq!(node.held(), (ROUTES.len(), ROUTES.len()), "{case}: routes and those that refer to an object");
    assert_eq!(node.shown(), (ROUTES.len(), 0, 0), "{case}");
}
