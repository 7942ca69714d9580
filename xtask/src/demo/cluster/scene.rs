//! The scene: three members of etcd, three nodes with a pod each, a ToR and a host behind it, and a place for the operator.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use margay_lab::{
    Bird, ClusterNode, Etcd, EtcdSettings, Family, Lab, Namespace, PeerSettings, Router, RouterSettings,
    Segment, kernel_routes,
};

/// The pod of each node.
pub(super) const POD_ADDRESSES: [IpAddr; 3] = [
    IpAddr::V4(Ipv4Addr::new(10, 65, 1, 2)),
    IpAddr::V4(Ipv4Addr::new(10, 65, 2, 2)),
    IpAddr::V4(Ipv4Addr::new(10, 65, 3, 2)),
];
/// The host behind the ToR.
pub(super) const OUTSIDE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10));
/// A network that the ToR announces and no node needs.
pub(super) const LABORATORY: &str = "198.51.100.0/24";
/// Where a `BGPPeer` stands that is not valid.
pub(super) const BROKEN_KEY: &str = "/calico/resources/v3/projectcalico.org/bgppeers/broken";

/// Everything in the scene. Fields are dropped in their order: programs before their namespaces, the lab last.
pub(super) struct Scene {
    pub(super) nodes: Vec<ClusterNode>,
    pub(super) etcd: Etcd,
    pub(super) tor: Bird,
    pub(super) pods: Vec<Namespace>,
    pub(super) outside: Namespace,
    operator: Namespace,
    programs: PathBuf,
    _segments: [Segment; 2],
    lab: Lab,
}

/// What a command of the operator printed, and whether it succeeded.
pub(super) struct Said {
    pub(super) text: String,
    pub(super) is_success: bool,
}

impl Scene {
    /// Lays out namespaces and cables and starts etcd; nothing else runs yet.
    pub(super) fn build(programs: &Path) -> Result<Self> {
        let lab = Lab::new()?;
        let (rack, uplink) = (lab.segment("rack")?, lab.segment("uplink")?);
        let (tor, outside, operator) =
            (lab.namespace("tor")?, lab.namespace("outside")?, lab.namespace("operator")?);
        rack.attach(&tor, "eth0", &["10.99.0.254/24"])?;
        uplink.attach(&tor, "eth1", &["192.0.2.1/24"])?;
        uplink.attach(&outside, "eth0", &["192.0.2.10/24"])?;
        outside.ip("route add default via 192.0.2.1")?;
        rack.attach(&operator, "eth0", &["10.99.0.100/24"])?;
        let etcd = Etcd::start(&lab, &rack, &EtcdSettings::default())?;
        let (mut nodes, mut pods) = (Vec::new(), Vec::new());
        for (index, address) in POD_ADDRESSES.into_iter().enumerate() {
            let name = format!("node{}", index + 1);
            let (node, pod) = (lab.namespace(&name)?, lab.namespace(&format!("pod{}", index + 1))?);
            rack.attach(&node, "eth0", &[&format!("10.99.0.{}/24", 11 + index)])?;
            attach_pod(&node, &pod, address)?;
            nodes.push(ClusterNode::new(&node, &name, &etcd.endpoints(), programs)?);
            pods.push(pod);
        }
        Ok(Self {
            nodes,
            etcd,
            tor: Bird::new(&tor, tor_settings()),
            pods,
            outside,
            operator,
            programs: programs.to_path_buf(),
            _segments: [rack, uplink],
            lab,
        })
    }

    /// Gives each node its block, as the address management of a cluster does.
    pub(super) fn assign_blocks(&self) -> Result<()> {
        for number in 1..=POD_ADDRESSES.len() {
            let key = format!("/calico/ipam/v2/host/node{number}/ipv4/block/10.65.{number}.0-26");
            self.etcd.put(&key, r#"{"state":"confirmed"}"#)?;
        }
        Ok(())
    }

    pub(super) fn start(&mut self) -> Result<()> {
        self.tor.start()?;
        self.nodes.iter_mut().try_for_each(ClusterNode::start)
    }

    /// Prints the last lines of every program's log to standard error.
    pub(super) fn print_log_tails(&self) {
        self.lab.print_log_tails();
    }

    /// Runs `margay` where the operator is; a manifest is named as `-f NAME`.
    pub(super) fn margay(&self, words: &[&str]) -> Result<Said> {
        let mut command: Command = self.operator.command(self.programs.join("margay"));
        command.env("ETCD_ENDPOINTS", self.etcd.endpoints().join(",")).current_dir(self.lab.directory());
        let output = command.args(words).output().context("margay")?;
        let text = [output.stdout, output.stderr].concat();
        Ok(Said { text: String::from_utf8_lossy(&text).into_owned(), is_success: output.status.success() })
    }

    /// Puts a manifest where [`margay`](Self::margay) finds it.
    pub(super) fn save_manifest(&self, name: &str, text: &str) -> Result<()> {
        let path = self.lab.directory().join(name);
        fs::write(&path, text).with_context(|| path.display().to_string())
    }

    /// Fails unless these are the sessions of a node that are up, sorted.
    pub(super) fn expect_sessions(&self, node: usize, expected: &[&str]) -> Result<()> {
        let mut found = self.node(node)?.established()?;
        found.sort();
        ensure!(found == expected, "node{} has sessions {found:?}, not {expected:?}", node + 1);
        Ok(())
    }

    /// Fails unless a node has the block of another one from this peer.
    pub(super) fn expect_received(&self, node: usize, peer: &str, of_node: usize) -> Result<()> {
        let routes = self.node(node)?.cli(&format!("show routes --received --peer {peer}"))?;
        let block = format!("10.65.{}.0/26", of_node + 1);
        ensure!(routes.contains(&block), "node{} does not have {block} from {peer}: {routes}", node + 1);
        Ok(())
    }

    /// Fails with the first session of the ToR that is not up.
    pub(super) fn expect_tor_sessions(&self) -> Result<()> {
        for number in 1..=POD_ADDRESSES.len() {
            let state = self.tor.session_state(&format!("node{number}"))?;
            ensure!(state == "established", "the session of the ToR with node{number} is {state}");
        }
        Ok(())
    }

    /// Fails with the first node whose kernel has the laboratory's route, or has it not, against what is expected.
    pub(super) fn expect_laboratory(&self, is_expected: bool) -> Result<()> {
        for node in &self.nodes {
            let routes = kernel_routes(node.namespace(), Family::Ipv4, KERNEL_PROTOCOL)?;
            ensure!(
                routes.contains_key(LABORATORY) == is_expected,
                "{node:?} routes {:?}",
                routes.keys().collect::<Vec<_>>()
            );
        }
        Ok(())
    }

    /// Fails with the first node whose margay-confd does not name the broken object.
    pub(super) fn expect_broken_named(&self) -> Result<()> {
        for node in &self.nodes {
            let status = node.confd_status()?;
            let why = status["invalid"][BROKEN_KEY].as_str().unwrap_or_default();
            ensure!(why.contains("10.99.0.300"), "{node:?} says {status}");
        }
        Ok(())
    }

    pub(super) fn node(&self, index: usize) -> Result<&ClusterNode> {
        self.nodes.get(index).with_context(|| format!("there is no node{}", index + 1))
    }

    /// Kills the member of etcd that leads, and returns its number.
    pub(super) fn kill_leader(&mut self) -> Result<usize> {
        let leader = self.etcd.leader()?;
        match self.etcd.members().get_mut(leader) {
            Some(member) => member.kill()?,
            None => bail!("there is no member {leader}"),
        }
        Ok(leader + 1)
    }
}

/// As Calico does it: the pod has a /32 and a link-local gateway, the node a route of the metric of ordinary routes.
fn attach_pod(node: &Namespace, pod: &Namespace, address: IpAddr) -> Result<()> {
    node.ip(&format!("link add cali0 type veth peer name eth0 netns {}", pod.name()))?;
    node.ip("address add 169.254.1.1/32 dev cali0 scope link")?;
    node.ip("link set cali0 up")?;
    node.ip(&format!("route add {address}/32 dev cali0 metric 1024"))?;
    pod.ip(&format!("address add {address}/32 dev eth0"))?;
    pod.ip("link set eth0 up")?;
    pod.ip("route add 169.254.1.1 dev eth0 scope link")?;
    pod.ip("route add default via 169.254.1.1")
}

fn tor_settings() -> RouterSettings {
    let mut settings = RouterSettings::new(65001, Ipv4Addr::new(10, 99, 0, 254));
    settings.kernel = true;
    settings.networks = vec!["192.0.2.0/24".to_owned(), LABORATORY.to_owned()];
    let node = |number: u8| {
        let address = Ipv4Addr::new(10, 99, 0, 10 + number);
        let mut peer = PeerSettings::new(&format!("node{number}"), address.into(), 64512);
        peer.hold_time = Duration::from_secs(9);
        peer
    };
    settings.peers = (1..=3).map(node).collect();
    settings
}

/// The protocol number of routes of margayd under a file of margay-confd.
const KERNEL_PROTOCOL: u8 = 12;
