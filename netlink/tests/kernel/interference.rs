//! Random interference of another program: in the end what is wanted is there, and what is the other's is untouched.

use std::collections::BTreeSet;

use margay_netlink::KernelDriver;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::namespace::{in_namespace, ip, run, settle, try_run};
use crate::wishes::{ownership, want_all, wishes};

/// Commands of another program about things of ours: each may fail, as when the thing is not there.
const OURS: &[&str] = &[
    "ip link del vxlan.calico",
    "ip link set vxlan.calico down",
    "ip link set vxlan.calico up",
    "ip link set vxlan.calico mtu 1280",
    "ip link add vxlan.calico type vxlan id 9 dstport 4790",
    "ip addr flush dev vxlan.calico",
    "ip addr add 192.168.77.1/32 dev vxlan.calico",
    "ip neigh flush dev vxlan.calico nud permanent",
    "ip neigh add 192.168.77.2 lladdr 02:00:00:00:00:07 nud permanent dev vxlan.calico",
    "bridge fdb add 02:00:00:00:00:07 dev vxlan.calico dst 10.0.0.7",
    "bridge fdb del 66:01:02:03:04:05 dev vxlan.calico dst 10.0.0.2",
    "ip route flush proto 80",
    "ip route replace 192.168.2.0/26 via 10.0.0.9 metric 1024",
    "ip -6 route del fd01::40/122",
    "ip route add 192.168.88.0/26 via 10.0.0.9 proto 80 metric 1024",
    "ip rule add priority 98 lookup 5 protocol 80",
    "ip rule del priority 99",
    "ip -6 link set vxlan-v6.calico down",
    "ip link set eth0 down",
    "ip link set eth0 up",
];

/// Commands about things of the other program.
const THEIRS: &[&str] = &[
    "ip route add 172.30.0.0/16 via 10.0.0.9 metric 1024",
    "ip route add 172.31.0.0/16 dev lo",
    "ip -6 route add fd77::/64 via fd00::9",
    "ip neigh replace 10.0.0.9 lladdr 02:00:00:00:00:09 nud permanent dev eth0",
    "ip link add vxlan.other type vxlan id 12 dstport 4791",
    "ip addr add 10.9.9.9/32 dev lo",
    "ip rule add priority 55 lookup 6",
];

#[test]
fn what_is_ours_comes_back_and_what_is_theirs_stays() {
    in_namespace(async || {
        let mut driver = KernelDriver::start(ownership()).expect("the kernel is read");
        want_all(driver.reconciler_mut());
        driver.reconciler_mut().open();
        settle(&mut driver).await;
        let mut runner =
            TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
        for round in 0..ROUNDS {
            let commands = proptest::sample::select([OURS, THEIRS].concat());
            let history = proptest::collection::vec((commands, any::<bool>()), 1..10);
            let history = history.new_tree(&mut runner).expect("a history").current();
            for (command, turns) in &history {
                let (program, words) = command.split_once(' ').expect("a program and words");
                // It may not apply at present.
                drop(try_run(program, words));
                if *turns {
                    driver.turn().expect("the sockets work");
                }
            }
            let theirs = things_of_others();
            ip("link set eth0 up");
            settle(&mut driver).await;
            assert_eq!(driver.turn().expect("the sockets work"), 0, "round {round}: {history:?}");
            check_ours(round, &history);
            let after = things_of_others();
            assert!(theirs.is_subset(&after), "round {round}: {history:?}: {theirs:?} became {after:?}");
        }
    });
}

/// What is in the kernel is what is wanted and no more.
fn check_ours(round: u32, history: &[(&str, bool)]) {
    let lines = |text: String| text.lines().count();
    let routes = lines(ip("route show proto 80")) + lines(ip("-6 route show proto 80"));
    let wanted = wishes().iter().filter(|(key, _)| key.kind() == margay_reconcile::Kind::Route).count();
    assert_eq!(routes, wanted, "round {round}: {history:?}");
    let rules = ip("rule show").lines().filter(|line| line.contains("proto 80")).count();
    assert_eq!(rules, 1, "round {round}: {history:?}");
    assert_eq!(lines(ip("neigh show dev vxlan.calico nud permanent")), 1, "round {round}: {history:?}");
    let entries = run("bridge", "fdb show dev vxlan.calico");
    assert_eq!(lines(entries.clone()), 1, "round {round}: {history:?}: {entries}");
    assert_eq!(lines(ip("-4 -o addr show dev vxlan.calico")), 1, "round {round}: {history:?}");
}

/// What does not belong to this program: routes, rules, neighbours of eth0, and links.
fn things_of_others() -> BTreeSet<String> {
    let texts = [
        ip("route show")
            .lines()
            .filter(|line| line.starts_with("172."))
            .map(str::to_owned)
            .collect::<Vec<_>>(),
        ip("-6 route show").lines().filter(|line| line.starts_with("fd77")).map(str::to_owned).collect(),
        ip("rule show").lines().filter(|line| line.starts_with("55:")).map(str::to_owned).collect(),
        ip("neigh show dev eth0 nud permanent").lines().map(str::to_owned).collect(),
        ip("-o link show")
            .lines()
            .filter(|line| line.contains("vxlan.other"))
            .map(|_| "vxlan.other".to_owned())
            .collect(),
        ip("-o addr show dev lo")
            .lines()
            .filter(|line| line.contains("10.9.9.9"))
            .map(|_| "10.9.9.9".to_owned())
            .collect(),
    ];
    texts.into_iter().flatten().collect()
}

const ROUNDS: u32 = 30;
