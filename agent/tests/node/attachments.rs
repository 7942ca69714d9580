//! What a runtime sees of attachments: ADD, DEL, CHECK, STATUS, GC.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use margay_lab::wait_until;
use serde_json::{Value, json};

use crate::cluster::{Answer, Attach, Cluster, SOON, key};

fn pools() -> [(&'static str, Value); 1] {
    [("pool", json!({"cidr": "10.65.0.0/16", "nodeSelector": "all()"}))]
}

const ENDPOINTS: &str = "/calico/resources/v3/projectcalico.org/workloadendpoints/";
const HANDLES: &str = "/calico/ipam/v2/handle/";

#[test]
fn an_attachment_is_made_whole_checked_and_removed_without_a_trace() -> Result<()> {
    let cluster = Cluster::start(1, &pools())?;
    let (node, pod) = (&cluster.nodes[0], cluster.pod("p1")?);
    node.namespace.inside(|| fs::write("/proc/sys/net/ipv4/ip_forward", "0"))??;
    let attach = Attach { version: "1.1.0", ..Attach::new("c1", &pod) };
    let answer = node.add(&attach)?;
    let result = answer.result();
    let address = answer.addresses().first().context("an address")?.clone();
    assert_eq!(result["cniVersion"], "1.1.0");
    assert_eq!(result["interfaces"][0], json!({"name": "calic1"}));
    assert_eq!(result["interfaces"][1]["sandbox"], format!("/run/netns/{}", pod.name()));
    assert_eq!(result["ips"][0], json!({"address": format!("{address}/32"), "interface": 1}));

    // Inside: the address, the gateway that the node answers for, the default route.
    assert!(pod.ip_output("addr show eth0")?.contains(&format!("inet {address}/32")));
    let routes = pod.ip_output("route")?;
    assert!(
        routes.contains("default via 169.254.1.1 dev eth0")
            && routes.contains("169.254.1.1 dev eth0 scope link"),
        "{routes}"
    );
    assert!(!fs_in(&pod, "net/ipv4/ip_forward")?.contains('1'), "a container does not forward");
    // On the node: hardware address, settings, route.
    assert!(node.namespace.ip_output("link show calic1")?.contains("ee:ee:ee:ee:ee:ee"));
    let route = node.namespace.ip_output(&format!("route show {address}"))?;
    assert!(route.contains("dev calic1 proto 80 scope link metric 1024"), "{route}");
    for (path, value) in [("route_localnet", "1"), ("proxy_arp", "1"), ("forwarding", "1")] {
        assert_eq!(fs_in(&node.namespace, &format!("net/ipv4/conf/calic1/{path}"))?, value, "{path}");
    }
    wait_until(SOON, "the node forwards", || {
        let value = fs_in(&node.namespace, "net/ipv4/ip_forward")?;
        ensure!(value == "1", "{value}");
        Ok(())
    });
    node.namespace.ping(address.parse()?)?;
    pod.ping("10.99.0.11".parse()?)?;

    // In the datastore: the endpoint, the profile, the handle.
    let endpoint = cluster.get("workloadendpoints/default", "node1-cni-c1-eth0")?;
    assert_eq!(endpoint["spec"]["ipNetworks"], json!([format!("{address}/32")]));
    assert_eq!(endpoint["spec"]["interfaceName"], "calic1");
    assert_eq!(endpoint["spec"]["containerID"], "c1");
    assert_eq!(endpoint["spec"]["profiles"], json!(["net"]));
    assert_eq!(endpoint["spec"]["mac"], result["interfaces"][1]["mac"]);
    assert_eq!(cluster.get("profiles", "net")?["spec"]["labelsToApply"], json!({"net": ""}));
    assert_eq!(cluster.keys(HANDLES)?, ["/calico/ipam/v2/handle/net.c1"]);
    let file = node.endpoint_status().join("cni default%2Fc1 eth0");
    wait_until(SOON, "the file of the endpoint", || fs::read_to_string(&file));

    // CHECK agrees until something is missing.
    let checked = Attach { configuration: json!({"prevResult": result}), ..attach.clone() };
    let check = node.run("CHECK", &checked)?;
    assert!(check.succeeded && check.output.is_empty(), "{check:?}");
    pod.ip("route del default")?;
    let error = node.run("CHECK", &checked)?.error();
    assert!(error["msg"].as_str().is_some_and(|text| text.contains("route 0.0.0.0/0")), "{error}");

    // DEL, any number of times.
    for _ in 0..2 {
        let answer = node.del(&checked)?;
        assert!(answer.succeeded && answer.output.is_empty(), "{answer:?}");
    }
    expect_nothing_left(&cluster)?;
    assert!(!pod.ip_output("-o link show")?.contains("eth0"));
    wait_until(SOON, "the route goes", || {
        let routes = node.namespace.ip_output("route show proto 80")?;
        ensure!(!routes.contains("cali"), "{routes}");
        ensure!(!file.exists(), "the file is still there");
        Ok(())
    });
    Ok(())
}

#[test]
fn what_a_runtime_wishes_is_what_a_container_gets() -> Result<()> {
    let two = [
        ("pool", json!({"cidr": "10.65.0.0/16"})),
        ("other", json!({"cidr": "10.67.0.0/16"})),
        ("six", json!({"cidr": "fd65::/64"})),
    ];
    let cluster = Cluster::start(1, &two)?;
    let node = &cluster.nodes[0];
    let pods: Vec<_> = (0..8).map(|number| cluster.pod(&format!("p{number}"))).collect::<Result<_>>()?;

    // A fixed address, once.
    let fixed = Attach {
        arguments: "IgnoreUnknown=1;IP=10.65.7.7;MAC=02:11:22:33:44:55",
        ..Attach::new("fixed", &pods[0])
    };
    let answer = node.add(&fixed)?;
    assert_eq!(answer.addresses(), ["10.65.7.7"]);
    assert_eq!(answer.result()["interfaces"][1]["mac"], "02:11:22:33:44:55");
    let taken = Attach { arguments: "IP=10.65.7.7", ..Attach::new("taken", &pods[1]) };
    assert!(
        node.add(&taken)?.error()["msg"].as_str().is_some_and(|text| text.contains("10.65.7.7 is in use"))
    );
    assert!(node.del(&fixed)?.succeeded);
    assert_eq!(node.add(&taken)?.addresses(), ["10.65.7.7"]);

    // Pools by argument and by configuration, MTU, forwarding.
    let by_argument = Attach { arguments: "IPV4POOLS=other", ..Attach::new("argument", &pods[2]) };
    assert!(node.add(&by_argument)?.addresses()[0].starts_with("10.67."));
    let configuration = json!({
        "mtu": 1400, "container_settings": {"allow_ip_forwarding": true},
        "ipam": {"type": "calico-ipam", "ipv4_pools": ["10.67.0.0/16"]},
    });
    let by_configuration = Attach { configuration, ..Attach::new("configured", &pods[3]) };
    assert!(node.add(&by_configuration)?.addresses()[0].starts_with("10.67."));
    assert!(pods[3].ip_output("link show eth0")?.contains("mtu 1400"));
    assert_eq!(fs_in(&pods[3], "net/ipv4/ip_forward")?, "1");

    // IPv6 alone.
    let six = json!({"ipam": {"assign_ipv4": "false", "assign_ipv6": "true"}});
    let answer = node.add(&Attach { configuration: six, ..Attach::new("six", &pods[4]) })?;
    assert!(answer.addresses()[0].starts_with("fd65::"));
    wait_until(SOON, "the node is reached over IPv6", || pods[4].ping("fd99::11".parse()?));

    // What cannot be had leaves nothing.
    let cases = [
        json!({"ipam": {"ipv4_pools": ["nothing"]}}),
        json!({"ipam": {"ipv4_pools": ["six"]}}),
        json!({"ipam": {"assign_ipv4": "true", "assign_ipv6": "true", "ipv6_pools": ["nothing"]}}),
        json!({"ipam": {"assign_ipv4": "false"}}),
        json!({"ipam": {"type": "host-local"}}),
    ];
    let before = cluster.keys(HANDLES)?;
    for configuration in cases {
        let attach = Attach { configuration: configuration.clone(), ..Attach::new("none", &pods[5]) };
        assert!(node.add(&attach)?.error()["code"].as_u64().is_some_and(|code| code >= 4), "{configuration}");
        assert!(!pods[5].ip_output("-o link show")?.contains("eth0"), "{configuration}");
    }
    assert_eq!(cluster.keys(HANDLES)?, before);
    // An interface of the name is there already: it stays, and nothing is left.
    pods[6].ip("link add eth0 type veth peer name other")?;
    assert!(
        node.add(&Attach::new("double", &pods[6]))?.error()["msg"]
            .as_str()
            .is_some_and(|text| text.contains("eth0"))
    );
    assert!(pods[6].ip_output("-o link show")?.contains("eth0"));
    assert_eq!(cluster.keys(HANDLES)?, before);
    assert!(cluster.check_addresses()?.contains("all is well"));
    Ok(())
}

#[test]
fn a_pod_of_kubernetes_keeps_its_name_and_an_old_sandbox_does_not_take_it() -> Result<()> {
    let cluster = Cluster::start(1, &pools())?;
    let node = &cluster.nodes[0];
    let (old, new) = (cluster.pod("old")?, cluster.pod("new")?);
    let arguments = "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-0";
    let first = Attach { arguments, ..Attach::new("sandbox1", &old) };
    let second = Attach { arguments, ..Attach::new("sandbox2", &new) };
    assert!(node.add(&first)?.succeeded);
    let answer = node.add(&second)?;
    let endpoint = cluster.get("workloadendpoints/shop", "node1-k8s-web--0-eth0")?;
    assert_eq!(endpoint["spec"]["containerID"], "sandbox2");
    assert_eq!(endpoint["spec"]["pod"], "web-0");
    // The late DEL of the first sandbox releases its address and nothing else.
    assert!(node.del(&first)?.succeeded);
    assert_eq!(cluster.keys(HANDLES)?, ["/calico/ipam/v2/handle/net.sandbox2"]);
    assert_eq!(
        cluster.get("workloadendpoints/shop", "node1-k8s-web--0-eth0")?["spec"]["containerID"],
        "sandbox2"
    );
    node.namespace.ping(answer.addresses()[0].parse()?)?;
    assert!(node.del(&second)?.succeeded);
    expect_nothing_left(&cluster)
}

#[test]
fn a_second_add_of_a_container_answers_as_the_first() -> Result<()> {
    let cluster = Cluster::start(1, &pools())?;
    let (node, pod) = (&cluster.nodes[0], cluster.pod("p1")?);
    let attach = Attach::new("c1", &pod);
    let first = node.add(&attach)?.result();
    let second = node.add(&attach)?.result();
    assert_eq!(
        (&first["ips"], &first["interfaces"][1]["mac"]),
        (&second["ips"], &second["interfaces"][1]["mac"])
    );
    // By another interface it is neither attached nor detached.
    let other = Attach { interface: "eth1", ..attach.clone() };
    assert!(node.add(&other)?.error()["msg"].as_str().is_some_and(|text| text.contains("eth0")));
    assert!(node.del(&other)?.succeeded);
    node.namespace
        .ping(first["ips"][0]["address"].as_str().context("text")?.trim_end_matches("/32").parse()?)?;
    // Half of it is gone: it is made again, with nothing left of the first.
    node.namespace.ip("link del calic1")?;
    assert!(node.add(&attach)?.succeeded);
    assert_eq!(node.workload_links()?, ["calic1"]);
    assert!(cluster.check_addresses()?.contains("1 addresses in use, 1 handles: all is well"));
    Ok(())
}

#[test]
fn a_del_needs_no_namespace_and_names_nothing_that_exists() -> Result<()> {
    let cluster = Cluster::start(1, &pools())?;
    let (node, pod) = (&cluster.nodes[0], cluster.pod("p1")?);
    let attach = Attach::new("c1", &pod);
    assert!(node.del(&attach)?.succeeded, "a container that never was");
    assert!(node.add(&attach)?.succeeded);
    let configuration =
        node.configuration(&Attach { configuration: json!({"prevResult": "garbage"}), ..attach.clone() });
    let variables = [
        ("CNI_COMMAND", "DEL"),
        ("CNI_CONTAINERID", "c1"),
        ("CNI_IFNAME", "eth0"),
        ("CNI_PATH", "/x"),
        ("CNI_NETNS", ""),
    ];
    let answer = node.finish(node.spawn_raw(&variables, &configuration.to_string())?)?;
    assert!(answer.succeeded && answer.output.is_empty(), "{answer:?}");
    expect_nothing_left(&cluster)?;
    // The namespace is gone before the DEL.
    let gone = cluster.pod("gone")?;
    let attach = Attach::new("c2", &gone);
    assert!(node.add(&attach)?.succeeded);
    let name = gone.name().to_owned();
    drop(gone);
    let path = format!("/run/netns/{name}");
    let variables = [
        ("CNI_COMMAND", "DEL"),
        ("CNI_CONTAINERID", "c2"),
        ("CNI_IFNAME", "eth0"),
        ("CNI_PATH", "/x"),
        ("CNI_NETNS", &path),
    ];
    assert!(node.finish(node.spawn_raw(&variables, &configuration.to_string())?)?.succeeded);
    expect_nothing_left(&cluster)
}

#[test]
fn gc_removes_what_the_runtime_does_not_know_and_nothing_else() -> Result<()> {
    let cluster = Cluster::start(2, &[("pool", json!({"cidr": "10.65.0.0/16", "vxlanMode": "Always"}))])?;
    let node = &cluster.nodes[0];
    let pods: Vec<_> = (0..4).map(|number| cluster.pod(&format!("p{number}"))).collect::<Result<_>>()?;
    let attach = |container, pod| Attach { version: "1.1.0", ..Attach::new(container, pod) };
    for (container, pod) in [("keep", &pods[0]), ("stale", &pods[1])] {
        assert!(node.add(&attach(container, pod))?.succeeded);
    }
    assert!(cluster.nodes[1].add(&attach("elsewhere", &pods[2]))?.succeeded);
    let other = Attach { configuration: json!({"name": "net2"}), ..attach("othernet", &pods[3]) };
    assert!(node.add(&other)?.succeeded);
    wait_until(SOON, "the addresses of the tunnels", || {
        let handles = cluster.keys(HANDLES)?;
        ensure!(handles.iter().filter(|handle| handle.contains("vxlan")).count() == 2, "{handles:?}");
        Ok(())
    });
    let collect = |valid: Value| -> Result<Answer> {
        let configuration = json!({"cni.dev/valid-attachments": valid});
        node.run("GC", &Attach { configuration, ..attach("x", &pods[0]) })
    };
    assert_eq!(node.run("GC", &attach("x", &pods[0]))?.error()["code"], 7, "without a list nothing is stale");
    assert!(collect(json!([{"containerID": "keep", "ifname": "eth0"}]))?.succeeded);
    let handles: Vec<String> = cluster
        .keys(HANDLES)?
        .iter()
        .map(|key| key.rsplit('/').next().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(
        handles,
        ["net.elsewhere", "net.keep", "net2.othernet", "vxlan-tunnel-addr-node1", "vxlan-tunnel-addr-node2"]
    );
    assert_eq!(node.workload_links()?.len(), 2);
    assert!(cluster.get("workloadendpoints/default", "node1-cni-stale-eth0")?.is_null());
    assert!(collect(json!([]))?.succeeded);
    assert_eq!(node.workload_links()?.len(), 1);
    assert!(cluster.check_addresses()?.contains("all is well"));
    Ok(())
}

#[test]
fn status_says_what_is_missing() -> Result<()> {
    let mut cluster = Cluster::start(1, &[])?;
    let pod = cluster.pod("p1")?;
    let attach = Attach { version: "1.1.0", ..Attach::new("c1", &pod) };
    wait_until(SOON, "the cluster has its information", || {
        ensure!(!cluster.get("clusterinformations", "default")?.is_null(), "not yet");
        Ok(())
    });
    let error = cluster.nodes[0].run("STATUS", &attach)?.error();
    assert_eq!((&error["code"], &error["msg"]), (&json!(50), &json!("there is no enabled IP pool")));
    cluster.put("IPPool", "ippools", "pool", &pools()[0].1)?;
    assert!(cluster.nodes[0].run("STATUS", &attach)?.succeeded);
    cluster.put("ClusterInformation", "clusterinformations", "default", &json!({"datastoreReady": false}))?;
    assert_eq!(cluster.nodes[0].run("STATUS", &attach)?.error()["code"], 50);
    assert_eq!(
        cluster.nodes[0].add(&attach)?.error()["code"],
        11,
        "no attachment while the datastore is not ready"
    );
    cluster.etcd.ctl(&format!("del {}", key("clusterinformations", "default")))?;
    assert_eq!(cluster.nodes[0].run("STATUS", &attach)?.error()["code"], 50);
    cluster.nodes[0].kill()?;
    assert_eq!(cluster.nodes[0].run("STATUS", &attach)?.error()["code"], 51);
    Ok(())
}

#[test]
fn fifty_at_once_get_fifty_addresses() -> Result<()> {
    let cluster = Cluster::start(1, &pools())?;
    let node = &cluster.nodes[0];
    let pods: Vec<_> = (0..50).map(|number| cluster.pod(&format!("p{number}"))).collect::<Result<_>>()?;
    let names: Vec<String> = (0..50).map(|number| format!("c{number}")).collect();
    let run = |command: &str| -> Result<Vec<Answer>> {
        let children: Vec<_> = names
            .iter()
            .zip(&pods)
            .map(|(name, pod)| node.spawn(command, &Attach::new(name, pod)))
            .collect::<Result<_>>()?;
        children.into_iter().map(|child| node.finish(child)).collect()
    };
    let began = std::time::Instant::now();
    let mut addresses: Vec<String> = run("ADD")?.iter().map(|answer| answer.addresses()[0].clone()).collect();
    eprintln!("50 ADDs at once: {:.1} s", began.elapsed().as_secs_f64());
    addresses.sort();
    addresses.dedup();
    assert_eq!(addresses.len(), 50);
    assert!(cluster.check_addresses()?.contains("50 addresses in use, 50 handles: all is well"));
    assert!(run("DEL")?.iter().all(|answer| answer.succeeded));
    expect_nothing_left(&cluster)
}

fn fs_in(namespace: &margay_lab::Namespace, path: &str) -> Result<String> {
    let text = namespace.inside(|| fs::read_to_string(format!("/proc/sys/{path}")))??;
    Ok(text.trim().to_owned())
}

/// Neither the datastore nor the kernel has anything of a container.
pub(crate) fn expect_nothing_left(cluster: &Cluster) -> Result<()> {
    assert_eq!(cluster.keys(ENDPOINTS)?, Vec::<String>::new());
    let handles = cluster.keys(HANDLES)?;
    assert!(handles.iter().all(|handle| handle.contains("tunnel-addr")), "{handles:?}");
    for node in &cluster.nodes {
        assert_eq!(node.workload_links()?, Vec::<String>::new());
        let notes: Vec<_> = fs::read_dir(node.spool())
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.file_name())
            .collect();
        assert!(notes.is_empty(), "{notes:?}");
    }
    assert!(cluster.check_addresses()?.contains("all is well"));
    Ok(())
}
