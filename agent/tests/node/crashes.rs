//! The agent, the plugin and the datastore end at any time, and nothing is left behind.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use margay_lab::{Namespace, holds_for, wait_until};
use serde_json::json;

use crate::attachments::expect_nothing_left;
use crate::cluster::{Attach, Cluster, SOON};

#[test]
fn a_del_without_the_agent_is_settled_when_it_is_back() -> Result<()> {
    let mut cluster = Cluster::start(1, &[("pool", json!({"cidr": "10.65.0.0/16"}))])?;
    let pod = cluster.pod("p1")?;
    let attach = Attach::new("c1", &pod);
    assert!(cluster.nodes[0].add(&attach)?.succeeded);
    cluster.nodes[0].kill()?;
    assert!(cluster.nodes[0].del(&attach)?.succeeded);
    assert!(!pod.ip_output("-o link show")?.contains("eth0"), "the interface goes at once");
    assert_eq!(fs::read_dir(cluster.nodes[0].spool())?.count(), 1);
    assert_eq!(cluster.keys("/calico/ipam/v2/handle/")?.len(), 1);
    cluster.nodes[0].start()?;
    wait_until(SOON, "what is owed is done", || {
        ensure!(
            fs::read_dir(cluster.nodes[0].spool())?.count() == 0,
            "still owed: {}",
            cluster.nodes[0].log()
        );
        Ok(())
    });
    expect_nothing_left(&cluster)
}

#[test]
fn an_add_waits_for_the_agent() -> Result<()> {
    let mut cluster = Cluster::new(1, &[("pool", json!({"cidr": "10.65.0.0/16"}))])?;
    let pod = cluster.pod("p1")?;
    // The first start has made what a cluster must have.
    cluster.nodes[0].start()?;
    wait_until(SOON, "the cluster has its information", || {
        ensure!(!cluster.get("clusterinformations", "default")?.is_null(), "not yet");
        Ok(())
    });
    cluster.nodes[0].kill()?;
    let attach = Attach::new("c1", &pod);
    let mut child = cluster.nodes[0].spawn("ADD", &attach)?;
    holds_for(Duration::from_millis(500), "the plugin waits", || match child.try_wait() {
        Ok(None) => Ok(()),
        ended => Err(format!("{ended:?}")),
    });
    cluster.nodes[0].start()?;
    let answer = cluster.nodes[0].finish(child)?;
    cluster.nodes[0].namespace.ping(answer.addresses()[0].parse()?)?;
    assert!(cluster.nodes[0].del(&attach)?.succeeded);
    cluster.nodes[0].kill()?;
    let short = Attach { configuration: json!({"agent_timeout_seconds": 1}), ..Attach::new("c2", &pod) };
    let began = Instant::now();
    assert_eq!(cluster.nodes[0].add(&short)?.error()["code"], 11);
    assert!(began.elapsed() < Duration::from_secs(4));
    expect_nothing_left(&cluster)
}

#[test]
fn an_agent_that_is_killed_during_adds_leaves_nothing_that_is_not_attached() -> Result<()> {
    let mut cluster = Cluster::start(1, &[("pool", json!({"cidr": "10.65.0.0/16"}))])?;
    for round in 0..ROUNDS {
        let pods: Vec<_> =
            (0..4).map(|number| cluster.pod(&format!("r{round}p{number}"))).collect::<Result<_>>()?;
        let names: Vec<String> = (0..4).map(|number| format!("r{round}c{number}")).collect();
        let node = &mut cluster.nodes[0];
        let children: Vec<_> = names
            .iter()
            .zip(&pods)
            .map(|(name, pod)| node.spawn("ADD", &Attach::new(name, pod)))
            .collect::<Result<_>>()?;
        // Kills at other points of the ADDs in each round.
        std::thread::sleep(Duration::from_millis(u64::from(round) * 17 % 160));
        node.kill()?;
        node.start()?;
        let answers = children.into_iter().map(|child| node.finish(child)).collect::<Result<Vec<_>>>()?;
        let mut addresses: Vec<String> = answers.iter().map(|answer| answer.addresses()[0].clone()).collect();
        addresses.sort();
        addresses.dedup();
        assert_eq!(addresses.len(), 4, "round {round}");
        wait_until(SOON, "notes are settled", || {
            let count = fs::read_dir(node.spool()).map(Iterator::count).unwrap_or_default();
            ensure!(count == 0, "{count} notes; {}", node.log());
            Ok(())
        });
        assert_eq!(node.workload_links()?.len(), 4, "round {round}");
        for (name, pod) in names.iter().zip(&pods) {
            assert!(node.del(&Attach::new(name, pod))?.succeeded);
        }
        expect_nothing_left(&cluster)?;
    }
    Ok(())
}

#[test]
fn a_plugin_that_is_killed_leaves_nothing_after_its_del() -> Result<()> {
    let cluster = Cluster::start(1, &[("pool", json!({"cidr": "10.65.0.0/16"}))])?;
    let node = &cluster.nodes[0];
    for round in 0..ROUNDS {
        let pod = cluster.pod(&format!("p{round}"))?;
        let name = format!("c{round}");
        let attach = Attach::new(&name, &pod);
        let mut child = node.spawn("ADD", &attach)?;
        // Kills at another point of the ADD in each round.
        std::thread::sleep(Duration::from_millis(u64::from(round) * 7 % 90));
        child.kill()?;
        child.wait()?;
        assert!(node.del(&attach)?.succeeded);
    }
    wait_until(SOON, "nothing is left", || {
        ensure!(cluster.keys("/calico/ipam/v2/handle/")?.is_empty(), "handles are left: {}", node.log());
        Ok(())
    });
    expect_nothing_left(&cluster)
}

#[test]
fn a_del_without_the_datastore_is_settled_when_it_is_back() -> Result<()> {
    let mut cluster = Cluster::start(1, &[("pool", json!({"cidr": "10.65.0.0/16"}))])?;
    let pod = cluster.pod("p1")?;
    let attach = Attach::new("c1", &pod);
    assert!(cluster.nodes[0].add(&attach)?.succeeded);
    cluster.etcd.members()[0].kill()?;
    let patient = Attach { configuration: json!({"agent_timeout_seconds": 60}), ..attach.clone() };
    assert!(cluster.nodes[0].del(&patient)?.succeeded);
    assert!(!pod.ip_output("-o link show")?.contains("eth0"));
    cluster.etcd.members()[0].launch()?;
    wait_until(Duration::from_secs(40), "what is owed is done", || {
        ensure!(fs::read_dir(cluster.nodes[0].spool())?.count() == 0, "still owed");
        Ok(())
    });
    expect_nothing_left(&cluster)
}

#[test]
fn a_restarted_agent_changes_nothing() -> Result<()> {
    let mut cluster = Cluster::start(2, &[("pool", json!({"cidr": "10.65.0.0/16", "vxlanMode": "Always"}))])?;
    let pods = [cluster.pod("p1")?, cluster.pod("p2")?];
    for (node, pod) in cluster.nodes.iter().zip(&pods) {
        assert!(node.add(&Attach::new("c1", pod))?.succeeded);
    }
    wait_until(SOON, "the tunnel is there", || {
        let routes = cluster.nodes[0].namespace.ip_output("route show proto 80")?;
        ensure!(routes.contains("onlink"), "{routes}");
        Ok(())
    });
    let node = &mut cluster.nodes[0];
    let log = cluster.lab.directory().join("monitor");
    let mut monitor = node.namespace.command("ip");
    monitor.args(["monitor", "link", "address", "route", "neigh", "rule"]).stdout(fs::File::create(&log)?);
    let mut monitor = monitor.spawn()?;
    mark(&node.namespace, &log, "192.0.2.98");
    let before = fs::read_to_string(&log)?.len();
    node.kill()?;
    node.start()?;
    wait_until(SOON, "the agent knows everything again", || {
        ensure!(node.log().matches("everything is known").count() == 2, "not yet");
        Ok(())
    });
    // Changes that follow a little later would be wrong, too.
    std::thread::sleep(Duration::from_secs(1));
    mark(&node.namespace, &log, "192.0.2.99");
    monitor.kill()?;
    monitor.wait()?;
    let said = fs::read_to_string(&log)?;
    // Neighbours of eth0 are resolved at any time.
    let of_agent: Vec<&str> = said[before..].lines().filter(|line| !line.contains("dev eth0")).collect();
    assert!(of_agent.is_empty(), "{of_agent:?}");
    Ok(())
}

/// Makes the monitor report something: what the agent changes before or after that is in the log, too.
fn mark(namespace: &Namespace, log: &Path, address: &str) {
    wait_until(SOON, "the monitor reports the mark", || {
        namespace.ip(&format!("neigh replace {address} lladdr 02:00:00:00:00:99 dev eth0"))?;
        // Only what is new is reported.
        namespace.ip(&format!("neigh del {address} dev eth0"))?;
        ensure!(fs::read_to_string(log)?.contains(address), "not yet");
        Ok(())
    });
}

const ROUNDS: u32 = 8;
