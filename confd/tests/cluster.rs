//! Nodes whose files follow real etcd, with real daemons.
//!
//! Needs root, and installs etcd where it is missing.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};
use margay_lab::{ClusterNode, Etcd, EtcdSettings, Lab, Segment, packages, wait_until};

const SOON: Duration = Duration::from_secs(20);

struct Cluster {
    etcd: Etcd,
    nodes: Vec<ClusterNode>,
    _segment: Segment,
    _lab: Lab,
}

impl Cluster {
    /// A cluster of nodes `node1` and up with addresses `10.99.0.11` and up, and nothing in the datastore but the nodes.
    fn new(nodes: u8, members: u8) -> Result<Self> {
        packages::install_missing(&[packages::CURL])?;
        let lab = Lab::new()?;
        let segment = lab.segment("rack")?;
        let etcd = Etcd::start(&lab, &segment, &EtcdSettings { members, ..EtcdSettings::default() })?;
        let mut all = Vec::new();
        for number in 1..=nodes {
            let name = format!("node{number}");
            let namespace = lab.namespace(&name)?;
            segment.attach(&namespace, "eth0", &[&format!("10.99.0.{}/24", 10 + number)])?;
            let spec = format!(r#"{{"bgp":{{"ipv4Address":"10.99.0.{}/24"}}}}"#, 10 + number);
            put(&etcd, "Node", "nodes", &name, &spec)?;
            all.push(ClusterNode::new(&namespace, &name, &etcd.endpoints(), &programs()?)?);
        }
        Ok(Self { etcd, nodes: all, _segment: segment, _lab: lab })
    }

    fn put(&self, kind: &str, plural: &str, name: &str, spec: &str) -> Result<()> {
        put(&self.etcd, kind, plural, name, spec)
    }
}

fn put(etcd: &Etcd, kind: &str, plural: &str, name: &str, spec: &str) -> Result<()> {
    let metadata = format!(r#"{{"name":"{name}","labels":{{"name":"{name}"}}}}"#);
    let object = format!(
        r#"{{"kind":"{kind}","apiVersion":"projectcalico.org/v3","metadata":{metadata},"spec":{spec}}}"#
    );
    etcd.put(&key(plural, name), &object)
}

fn key(plural: &str, name: &str) -> String {
    format!("/calico/resources/v3/projectcalico.org/{plural}/{name}")
}

/// The folder with all programs; what is missing in it is built.
fn programs() -> Result<PathBuf> {
    let confd = Path::new(env!("CARGO_BIN_EXE_margay-confd"));
    let folder = confd.parent().expect("a program is in a folder").to_path_buf();
    let target = folder.parent().expect("the folder is in the target folder").to_path_buf();
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "-p", "margay", "-p", "margay-cli", "--target-dir"]).arg(target);
    ensure!(build.status()?.success(), "margayd cannot be built");
    Ok(folder)
}

fn expect_established(node: &ClusterNode, expected: &[&str]) {
    wait_until(SOON, &format!("{node:?} has sessions {expected:?}"), || {
        let mut found = node.established().map_err(|error| format!("{error:#}"))?;
        found.sort();
        if found == expected { Ok(()) } else { Err(format!("{found:?}; {:?}", node.confd_status())) }
    });
}

#[test]
fn files_follow_the_mesh_a_broken_object_and_a_lost_member() -> Result<()> {
    let mut cluster = Cluster::new(3, 3)?;
    for node in &mut cluster.nodes {
        node.start()?;
    }
    expect_established(&cluster.nodes[0], &["Mesh_10_99_0_12", "Mesh_10_99_0_13"]);
    expect_established(&cluster.nodes[2], &["Mesh_10_99_0_11", "Mesh_10_99_0_12"]);

    // A broken object is named and disturbs nothing.
    let before = fs::read_to_string(cluster.nodes[0].file())?;
    cluster.etcd.put(&key("bgppeers", "broken"), r#"{"kind":"BGPPeer","spec":{"peerIP":"10.0.0.300"}}"#)?;
    wait_until(SOON, "the broken object is named", || {
        let status = cluster.nodes[0].confd_status()?;
        ensure!(
            status["invalid"][key("bgppeers", "broken")]
                .as_str()
                .is_some_and(|why| why.contains("10.0.0.300")),
            "{status}"
        );
        Ok(())
    });
    assert_eq!(fs::read_to_string(cluster.nodes[0].file())?, before);

    // A member dies; a node that goes leaves the mesh all the same.
    cluster.etcd.members()[0].kill()?;
    wait_until(SOON, "a deletion without a member", || {
        cluster.etcd.ctl(&format!("del {}", key("nodes", "node3")))
    });
    expect_established(&cluster.nodes[0], &["Mesh_10_99_0_12"]);
    assert!(cluster.nodes[0].confd_get("/metrics")?.contains("margay_confd_invalid_objects 1"));
    Ok(())
}

#[test]
fn a_mesh_becomes_a_reflector_by_labels_and_a_password_is_a_file() -> Result<()> {
    let mut cluster = Cluster::new(3, 1)?;
    for node in &mut cluster.nodes {
        fs::create_dir_all(node.secrets().join("bgp"))?;
        fs::write(node.secrets().join("bgp/rr"), "s3cret-word")?;
        node.start()?;
    }
    expect_established(&cluster.nodes[0], &["Mesh_10_99_0_12", "Mesh_10_99_0_13"]);
    let reflector = r#"{"bgp":{"ipv4Address":"10.99.0.11/24","routeReflectorClusterID":"10.0.0.1"}}"#;
    cluster.put("Node", "nodes", "node1", reflector)?;
    let peer = r#"{"nodeSelector":"name != 'node1'","peerSelector":"name == 'node1'","password":{"secretKeyRef":{"name":"bgp","key":"rr"}}}"#;
    cluster.put("BGPPeer", "bgppeers", "reflector", peer)?;
    cluster.put("BGPConfiguration", "bgpconfigurations", "default", r#"{"nodeToNodeMeshEnabled":false}"#)?;
    expect_established(&cluster.nodes[0], &["Node_10_99_0_12", "Node_10_99_0_13"]);
    expect_established(&cluster.nodes[1], &["Node_10_99_0_11"]);

    let file = fs::read_to_string(cluster.nodes[1].file())?;
    assert!(file.contains("secrets/bgp/rr"), "{file}");
    let said = [
        file,
        cluster.nodes[1].confd_log()?,
        cluster.nodes[1].confd_status()?.to_string(),
        cluster.nodes[1].confd_get("/metrics")?,
    ];
    assert!(said.iter().all(|text| !text.contains("s3cret-word")), "{said:?}");
    assert_eq!(fs::metadata(cluster.nodes[1].file())?.permissions().mode() & 0o777, 0o640);
    Ok(())
}

#[test]
fn a_file_is_rendered_once_or_only_shown_and_a_daemon_that_was_away_is_told() -> Result<()> {
    let mut cluster = Cluster::new(2, 1)?;
    let node = &mut cluster.nodes[0];
    let shown = node.confd_command().arg("--noop").output()?;
    assert!(shown.status.success() && !node.file().exists());
    let once = node.confd_command().arg("--onetime").output()?;
    assert!(once.status.success(), "{}", String::from_utf8_lossy(&once.stderr));
    assert_eq!(fs::read(node.file())?, shown.stdout);

    node.start()?;
    wait_until(SOON, "the daemon is told", || {
        let status = node.confd_status()?;
        ensure!(status["last"]["result"] == "reloaded" || status["last"].is_null(), "{status}");
        Ok(())
    });
    node.kill_daemon()?;
    put(&cluster.etcd, "BGPPeer", "bgppeers", "tor", r#"{"peerIP":"10.99.0.200","asNumber":65000}"#)?;
    wait_until(SOON, "the file without a daemon", || {
        ensure!(fs::read_to_string(node.file())?.contains("10.99.0.200"), "not there yet");
        ensure!(node.confd_status()?["last"]["result"] == "daemon-absent", "{}", node.confd_status()?);
        Ok(())
    });
    node.start_daemon()?;
    wait_until(Duration::from_secs(40), "the daemon is told again", || {
        let status = node.confd_status()?;
        ensure!(status["last"]["result"] == "reloaded", "{status}");
        Ok(())
    });
    assert!(node.cli("show peers")?.contains("Global_10_99_0_200"));
    Ok(())
}

#[test]
fn other_files_follow_the_datastore_and_a_full_disk_leaves_the_former_ones() -> Result<()> {
    let mut cluster = Cluster::new(2, 1)?;
    let node = &mut cluster.nodes[0];
    let folder = node.file().parent().expect("a folder").to_path_buf();
    let _disk = SmallDisk::mount(&folder)?;
    let hosts = folder.join("hosts");
    describe(&node.templates(), &hosts)?;
    node.start()?;
    wait_until(SOON, "the file of the template", || {
        ensure!(fs::read_to_string(&hosts)? == "10.99.0.11 node1\n10.99.0.12 node2\n", "another text");
        ensure!(fs::metadata(&hosts)?.permissions().mode() & 0o777 == 0o600, "another mode");
        Ok(())
    });

    fs::write(folder.join("filler"), vec![0; DISK_OCTETS]).expect_err("the disk has no room for that");
    let before = fs::read_to_string(node.file())?;
    put(&cluster.etcd, "Node", "nodes", "node3", r#"{"bgp":{"ipv4Address":"10.99.0.13/24"}}"#)?;
    wait_until(SOON, "what could not be written is said", || {
        let status = node.confd_status()?;
        ensure!(status["last"]["result"] == "not-written", "{status}");
        let error = status["templates"]["hosts.toml"]["error"].as_str().unwrap_or_default();
        ensure!(error.contains("No space left"), "{status}");
        Ok(())
    });
    assert_eq!(fs::read_to_string(node.file())?, before);
    assert!(!fs::read_to_string(&hosts)?.contains("node3"));
    assert!(node.confd("status")?.contains("not-written"));

    fs::remove_file(folder.join("filler"))?;
    wait_until(Duration::from_secs(40), "both are written once there is room", || {
        ensure!(fs::read_to_string(&hosts)?.ends_with("10.99.0.13 node3\n"), "the template's");
        ensure!(node.confd_status()?["last"]["result"] == "reloaded", "{}", node.confd_status()?);
        Ok(())
    });
    assert!(node.confd_get("/metrics")?.contains("margay_confd_templates_failed 0"));
    Ok(())
}

fn describe(folder: &Path, dest: &Path) -> Result<()> {
    fs::create_dir_all(folder.join("conf.d"))?;
    fs::create_dir_all(folder.join("templates"))?;
    let description = format!(
        "[template]\nsrc = 'hosts.j2'\ndest = '{}'\nprefix = '/calico'\n\
         keys = ['/resources/v3/projectcalico.org/nodes/']\nmode = '0600'\ncheck_cmd = 'grep -q node1 {{{{src}}}}'\n",
        dest.display()
    );
    fs::write(folder.join("conf.d/hosts.toml"), description)?;
    let template = "{% for entry in list('/resources/v3/projectcalico.org/nodes/') %}\n\
        {% set object = entry.value|json %}\n\
        {{ (object.spec.bgp.ipv4Address|split('/'))[0] }} {{ object.metadata.name }}\n\
        {% endfor %}\n";
    Ok(fs::write(folder.join("templates/hosts.j2"), template)?)
}

/// A small disk in memory over a folder.
struct SmallDisk<'a>(&'a Path);

const DISK_OCTETS: usize = 1 << 20;

impl<'a> SmallDisk<'a> {
    fn mount(folder: &'a Path) -> Result<Self> {
        let size = format!("size={DISK_OCTETS}");
        let status =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder).status()?;
        ensure!(status.success(), "mount: {status}");
        Ok(Self(folder))
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let status = Command::new("umount").arg("--lazy").arg(self.0).status();
        assert!(status.is_ok_and(|status| status.success()), "{} stays mounted", self.0.display());
    }
}
