//! Things that are removed or changed by hand are back within a second.

use std::time::{Duration, Instant};

use margay_netlink::KernelDriver;

use crate::namespace::{in_namespace, run, settle, work_until};
use crate::wishes::{ownership, want_all};

/// What is done by hand, and what shows afterwards that it was undone.
const CASES: &[(&str, &str, &str)] = &[
    ("ip link del vxlan.calico", "ip -d link show vxlan.calico", "vxlan id 4096"),
    ("ip link set vxlan.calico mtu 1300", "ip link show vxlan.calico", "mtu 1400"),
    ("ip link set vxlan.calico down", "ip link show vxlan.calico", "UP"),
    ("ip link set vxlan.calico address 02:00:00:00:00:01", "ip link show vxlan.calico", "66:09:08:07:06:00"),
    ("ip addr del 192.168.1.0/32 dev vxlan.calico", "ip addr show vxlan.calico", "192.168.1.0/32"),
    (
        "ip addr del 192.168.1.0/32 dev vxlan.calico",
        "ip route show proto 80",
        "192.168.2.0/26 via 192.168.2.0",
    ),
    ("ip -6 addr flush dev vxlan-v6.calico", "ip addr show vxlan-v6.calico", "fd01::1/128"),
    (
        "bridge fdb del 66:01:02:03:04:05 dev vxlan.calico dst 10.0.0.2",
        "bridge fdb show dev vxlan.calico",
        "dst 10.0.0.2",
    ),
    (
        "bridge fdb replace 66:01:02:03:04:05 dev vxlan.calico dst 10.0.0.9",
        "bridge fdb show dev vxlan.calico",
        "dst 10.0.0.2",
    ),
    ("ip neigh del 192.168.2.0 dev vxlan.calico", "ip neigh show dev vxlan.calico", "66:01:02:03:04:05"),
    (
        "ip neigh replace 192.168.2.0 lladdr 02:00:00:00:00:02 nud reachable dev vxlan.calico",
        "ip neigh show dev vxlan.calico",
        "66:01:02:03:04:05 PERMANENT",
    ),
    (
        "ip neigh flush dev vxlan-v6.calico nud permanent",
        "ip neigh show dev vxlan-v6.calico",
        "66:01:02:03:04:05 PERMANENT",
    ),
    ("ip route del 192.168.2.0/26", "ip route show proto 80", "192.168.2.0/26 via 192.168.2.0"),
    (
        "ip route replace 192.168.2.0/26 via 10.0.0.9 metric 1024",
        "ip route show proto 80",
        "192.168.2.0/26 via 192.168.2.0",
    ),
    ("ip route del blackhole 192.168.1.0/26", "ip route show proto 80", "blackhole 192.168.1.0/26"),
    ("ip -6 route del fd01::40/122", "ip -6 route show proto 80", "fd01::40/122 via fd01::2"),
    ("ip route flush proto 80", "ip route show proto 80", "192.168.1.5 dev eth0"),
    ("ip link set eth0 down", "ip link show eth0", "eth0"),
    ("ip link set eth0 up", "ip route show proto 80", "192.168.1.5 dev eth0"),
    ("ip rule del priority 99", "ip rule show", "99:\tnot from all fwmark 0x10/0x10 lookup 77"),
    ("sysctl -q -w net.ipv4.conf.eth0.proxy_arp=0", "sysctl -n net.ipv4.conf.eth0.proxy_arp", "1"),
];

#[test]
fn each_kind_is_back_within_a_second() {
    in_namespace(async || {
        let mut driver = KernelDriver::start(ownership()).expect("the kernel is read");
        want_all(driver.reconciler_mut());
        driver.reconciler_mut().open();
        settle(&mut driver).await;
        for (hand, look, expected) in CASES {
            shell(hand);
            let began = Instant::now();
            let is_back =
                work_until(&mut driver, Duration::from_secs(1), || shell(look).contains(expected)).await;
            assert!(is_back, "{hand}: after a second, {look} prints {}", shell(look));
            eprintln!("{:>4} ms {hand}", began.elapsed().as_millis());
        }
        settle(&mut driver).await;
    });
}

fn shell(line: &str) -> String {
    let (program, words) = line.split_once(' ').expect("a program and words");
    run(program, words)
}
