//! Pods on two nodes reach each other, and what the node reports.

use std::net::IpAddr;

use anyhow::{Context as _, Result, ensure};
use margay_lab::wait_until;
use serde_json::json;

use crate::cluster::{Attach, Cluster, SOON};

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

#[test]
fn pods_reach_each_other_through_vxlan_in_both_families() -> Result<()> {
    let pools = [
        ("v4", json!({"cidr": "10.65.0.0/16", "vxlanMode": "Always"})),
        ("v6", json!({"cidr": "fd65::/64", "vxlanMode": "Always"})),
    ];
    let cluster = Cluster::start(2, &pools)?;
    let pods = [cluster.pod("p1")?, cluster.pod("p2")?];
    let both = json!({"ipam": {"type": "margay-ipam", "assign_ipv4": "true", "assign_ipv6": "true"}});
    let mut addresses = Vec::new();
    for (node, pod) in cluster.nodes.iter().zip(&pods) {
        wait_until(SOON, "the node has its tunnels", || {
            let node_object = cluster.get("nodes", &node.name)?;
            ensure!(node_object["spec"]["ipv4VXLANTunnelAddr"].is_string(), "{node_object}");
            ensure!(node_object["spec"]["ipv6VXLANTunnelAddr"].is_string(), "{node_object}");
            Ok(())
        });
        let attach = Attach { configuration: both.clone(), ..Attach::new("c1", pod) };
        addresses.push(node.add(&attach)?.addresses());
    }
    assert_eq!(addresses.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2]);
    for (own, other) in addresses[0].iter().zip(&addresses[1]) {
        wait_until(SOON, "a ping between pods", || {
            let routes = || cluster.nodes[0].namespace.ip_output("route").unwrap_or_default();
            pods[0].ping(address(other)).with_context(routes)
        });
        pods[1].ping(address(own))?;
    }
    let node = &cluster.nodes[0];
    let routes = node.namespace.ip_output("route show proto 80")?;
    assert!(routes.contains("dev vxlan.calico metric 1024 onlink"), "{routes}");
    assert!(routes.contains("blackhole 10.65."), "{routes}");
    let links = node.namespace.ip_output("-d link show vxlan.calico")?;
    assert!(
        links.contains("mtu 1450") && links.contains("vxlan id 4096 local 10.99.0.11 dev eth0"),
        "{links}"
    );
    // The largest packet of a pod fits through the smaller of both tunnels without fragments.
    assert!(
        pods[0].ip_output("link show eth0")?.contains("mtu 1430"),
        "{}",
        pods[0].ip_output("link show eth0")?
    );
    let mut ping = pods[0].command("ping");
    assert!(ping.args(["-c1", "-W1", "-Mdo", "-s1402", &addresses[1][0]]).output()?.status.success());

    // Without the pools' tunnels the devices go, and so do the addresses.
    cluster.put("IPPool", "ippools", "v4", &json!({"cidr": "10.65.0.0/16", "vxlanMode": "Never"}))?;
    cluster.put("IPPool", "ippools", "v6", &json!({"cidr": "fd65::/64", "vxlanMode": "Never"}))?;
    wait_until(SOON, "the tunnels go", || {
        let links = node.namespace.ip_output("-o link show")?;
        ensure!(!links.contains("vxlan"), "{links}");
        let object = cluster.get("nodes", "node1")?;
        ensure!(object["spec"]["ipv4VXLANTunnelAddr"].is_null(), "{object}");
        Ok(())
    });
    for (node, pod) in cluster.nodes.iter().zip(&pods) {
        assert!(node.del(&Attach::new("c1", pod))?.succeeded);
    }
    assert!(cluster.check_addresses()?.contains("all is well"));
    Ok(())
}

#[test]
fn the_node_says_what_it_is_and_that_it_lives() -> Result<()> {
    let mut cluster = Cluster::new(2, &[])?;
    cluster.nodes[0].start_with(&["--default-pool-ipv4", "10.66.0.0/16", "--asn", "64513"])?;
    wait_until(SOON, "the objects of the node", || {
        let node = cluster.get("nodes", "node1")?;
        ensure!(node["spec"]["bgp"]["ipv4Address"] == "10.99.0.11/24", "{node}");
        ensure!(node["spec"]["bgp"]["ipv6Address"] == "fd99::11/64", "{node}");
        ensure!(node["spec"]["bgp"]["asNumber"] == 64513, "{node}");
        let pool = cluster.get("ippools", "default-ipv4-ippool")?;
        ensure!(pool["spec"]["cidr"] == "10.66.0.0/16", "{pool}");
        let information = cluster.get("clusterinformations", "default")?;
        ensure!(information["spec"]["datastoreReady"] == true, "{information}");
        let status =
            cluster.etcd.ctl("get --print-value-only /calico/felix/v2/no-region/host/node1/status")?;
        ensure!(status.contains("uptime"), "no status");
        let last = cluster
            .etcd
            .ctl("get --print-value-only /calico/felix/v2/no-region/host/node1/last_reported_status")?;
        ensure!(last.contains("uptime"), "no last status");
        Ok(())
    });
    // Another node with the same address does not start.
    cluster.nodes[1].namespace.ip("address add 10.99.0.11/24 dev eth0")?;
    cluster.nodes[1].start_with(&["--ipv4", "10.99.0.11/24"])?;
    wait_until(SOON, "the conflict is said", || {
        ensure!(
            cluster.nodes[1].log().contains("the node node1 has the address 10.99.0.11 already"),
            "{}",
            cluster.nodes[1].log()
        );
        Ok(())
    });
    Ok(())
}
