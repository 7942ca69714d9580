//! The network of the demo: a rack with two nodes, their pods, a ToR and a host behind it.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use margay_lab::{
    Attachment, Bird, Family, Lab, Margay, MargayBinaries, Namespace, PeerSettings, Router, RouterSettings,
    Segment, kernel_routes,
};

/// The pod blocks of the nodes.
pub(super) const NODE_BLOCKS: [&str; 2] = ["10.65.1.0/26", "10.65.2.0/26"];
/// The single pod of each node.
pub(super) const POD_ADDRESSES: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(10, 65, 1, 2)), IpAddr::V4(Ipv4Addr::new(10, 65, 2, 2))];
/// The host behind the ToR.
pub(super) const OUTSIDE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10));

/// Everything in the network. Fields are dropped in order: daemons before their namespaces, the lab last.
pub(super) struct Rack {
    pub(super) nodes: [Margay; 2],
    pub(super) tor: Bird,
    pub(super) pods: [Namespace; 2],
    pub(super) outside: Namespace,
    pub(super) cable_of_node2: Attachment,
    _segments: [Segment; 2],
    lab: Lab,
}

impl Rack {
    /// Makes namespaces and links, without starting daemons.
    pub(super) fn build(binaries: &MargayBinaries) -> Result<Self> {
        let lab = Lab::new()?;
        let (rack, uplink) = (lab.segment("rack")?, lab.segment("uplink")?);
        let (tor, outside) = (lab.namespace("tor")?, lab.namespace("outside")?);
        rack.attach(&tor, "eth0", &["172.16.0.1/24"])?;
        uplink.attach(&tor, "eth1", &["192.0.2.1/24"])?;
        uplink.attach(&outside, "eth0", &["192.0.2.10/24"])?;
        outside.ip("route add default via 192.0.2.1")?;

        let nodes = [lab.namespace("node1")?, lab.namespace("node2")?];
        rack.attach(&nodes[0], "eth0", &["172.16.0.11/24"])?;
        let cable_of_node2 = rack.attach(&nodes[1], "eth0", &["172.16.0.12/24"])?;
        let pods = [lab.namespace("pod1")?, lab.namespace("pod2")?];
        for index in [0, 1] {
            attach_pod(&nodes[index], &pods[index], POD_ADDRESSES[index])?;
        }
        let [node1, node2] = nodes;
        Ok(Self {
            nodes: [
                Margay::new(&node1, node_settings(1, 2), binaries),
                Margay::new(&node2, node_settings(2, 1), binaries),
            ],
            tor: Bird::new(&tor, tor_settings()),
            pods,
            outside,
            cable_of_node2,
            _segments: [rack, uplink],
            lab,
        })
    }

    pub(super) fn start(&mut self) -> Result<()> {
        self.tor.start()?;
        self.nodes.iter_mut().try_for_each(Router::start)
    }

    pub(super) fn stop(&mut self) -> Result<()> {
        self.nodes.iter_mut().try_for_each(Router::stop)?;
        self.tor.stop()
    }

    /// Prints the last lines of every daemon's log to standard error.
    pub(super) fn print_log_tails(&self) {
        self.lab.print_log_tails();
    }

    /// Fails with the first session that is not up.
    pub(super) fn expect_sessions(&self) -> Result<()> {
        let [node1, node2] = &self.nodes;
        let ends: [(&dyn Router, &str); 6] = [
            (node1, "node2"),
            (node1, "tor"),
            (node2, "node1"),
            (node2, "tor"),
            (&self.tor, "node1"),
            (&self.tor, "node2"),
        ];
        for (router, peer) in ends {
            let state = router.session_state(peer)?;
            if state != "established" {
                bail!("the session of {} with {peer} is {state}", router.namespace().label());
            }
        }
        Ok(())
    }

    /// Fails with the first route that a kernel lacks.
    pub(super) fn expect_kernel_routes(&self) -> Result<()> {
        let [node1, node2] = &self.nodes;
        let tor = (&self.tor as &dyn Router, BIRD_KERNEL_PROTOCOL);
        let (node1, node2) =
            ((node1 as &dyn Router, Margay::KERNEL_PROTOCOL), (node2 as _, Margay::KERNEL_PROTOCOL));
        // Both nodes advertise both blocks to the ToR, so it may send packets for one through the other.
        let wanted = [
            (node1, NODE_BLOCKS[1], &["172.16.0.12"][..]),
            (node1, OUTSIDE_SUBNET, &["172.16.0.1"]),
            (node2, NODE_BLOCKS[0], &["172.16.0.11"]),
            (node2, OUTSIDE_SUBNET, &["172.16.0.1"]),
            (tor, NODE_BLOCKS[0], &["172.16.0.11", "172.16.0.12"]),
            (tor, NODE_BLOCKS[1], &["172.16.0.11", "172.16.0.12"]),
        ];
        for ((router, protocol), prefix, via) in wanted {
            let place = router.namespace();
            let routes = kernel_routes(place, Family::Ipv4, protocol)?;
            let route =
                routes.get(prefix).with_context(|| format!("{} has no route to {prefix}", place.label()))?;
            if !route.via.iter().any(|hop| via.contains(&hop.to_string().as_str())) {
                bail!("{} routes {prefix} via {:?}, not {via:?}", place.label(), route.via);
            }
        }
        Ok(())
    }

    /// Fails while node1 or the ToR still routes node2's block.
    pub(super) fn expect_node2_gone(&self) -> Result<()> {
        let places = [
            (self.nodes[0].namespace(), Margay::KERNEL_PROTOCOL),
            (self.tor.namespace(), BIRD_KERNEL_PROTOCOL),
        ];
        for (place, protocol) in places {
            if kernel_routes(place, Family::Ipv4, protocol)?.contains_key(NODE_BLOCKS[1]) {
                bail!("{} still has a route to {}", place.label(), NODE_BLOCKS[1]);
            }
        }
        Ok(())
    }
}

/// As in Calico: the pod has a /32 and a link-local gateway, the node a route to the /32.
fn attach_pod(node: &Namespace, pod: &Namespace, address: IpAddr) -> Result<()> {
    node.ip(&format!("link add cali0 type veth peer name eth0 netns {}", pod.name()))?;
    node.ip("address add 169.254.1.1/32 dev cali0 scope link")?;
    node.ip("link set cali0 up")?;
    node.ip(&format!("route add {address}/32 dev cali0"))?;
    pod.ip(&format!("address add {address}/32 dev eth0"))?;
    pod.ip("link set eth0 up")?;
    pod.ip("route add 169.254.1.1 dev eth0 scope link")?;
    pod.ip("route add default via 169.254.1.1")
}

fn node_settings(own: u8, other: u8) -> RouterSettings {
    let mut settings = RouterSettings::new(NODES_ASN, rack_address(10 + own));
    settings.kernel = true;
    settings.networks = vec![NODE_BLOCKS[usize::from(own) - 1].to_owned()];
    settings.peers = vec![
        peer("tor", rack_address(1), TOR_ASN),
        peer(&format!("node{other}"), rack_address(10 + other), NODES_ASN),
    ];
    // The node that is cut off is to be given up after the hold time.
    settings.peers.iter_mut().for_each(|peer| "graceful_restart = false".clone_into(&mut peer.extra));
    settings
}

fn tor_settings() -> RouterSettings {
    let mut settings = RouterSettings::new(TOR_ASN, rack_address(1));
    settings.kernel = true;
    settings.networks = vec![OUTSIDE_SUBNET.to_owned()];
    settings.peers =
        vec![peer("node1", rack_address(11), NODES_ASN), peer("node2", rack_address(12), NODES_ASN)];
    settings
}

fn peer(name: &str, address: Ipv4Addr, asn: u32) -> PeerSettings {
    let mut peer = PeerSettings::new(name, address.into(), asn);
    peer.hold_time = Duration::from_secs(3);
    peer
}

fn rack_address(host: u8) -> Ipv4Addr {
    Ipv4Addr::new(172, 16, 0, host)
}

const OUTSIDE_SUBNET: &str = "192.0.2.0/24";
const NODES_ASN: u32 = 64512;
const TOR_ASN: u32 = 65001;
/// RTPROT_BIRD.
const BIRD_KERNEL_PROTOCOL: u8 = 12;
