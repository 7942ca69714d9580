//! The kinds of networks: which nodes are peers, and in which roles.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use bgp_codec::Prefix;

use crate::plan::{NodeId, NodePlan, PeerPlan, RestartPlan};
use crate::random::Random;

/// A kind of network.
///
/// Each has one stable state, independent of the order of events: every speaker ranks routes alike, and no
/// route gets better on its way. LOCAL_PREF is only set where leaves are imported, MULTI_EXIT_DISC is not
/// sent, and several paths are only advertised inside an AS.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Topology {
    /// A full mesh in one AS.
    Mesh,
    /// A reflector, its clients, and two that are not.
    Reflector,
    /// Two reflectors of one cluster, and clients of both.
    PairSameCluster,
    /// Two reflectors of a cluster each, and clients of both.
    PairTwoClusters,
    /// A reflector of reflectors, and clients of those.
    Hierarchy,
    /// Spines, and racks that are an AS each: a ToR that reflects, and nodes.
    FatTree,
    /// Two reflectors of one cluster, and a thousand clients of both.
    PairThousand,
}

impl Topology {
    /// Topologies whose cases are fast: seeds draw them in turn.
    pub const ALL: [Self; 6] = [
        Self::Mesh,
        Self::Reflector,
        Self::PairSameCluster,
        Self::PairTwoClusters,
        Self::Hierarchy,
        Self::FatTree,
    ];

    /// The nodes of a network whose size follows from the seed.
    pub(crate) fn nodes(self, random: &mut Random) -> Vec<NodePlan> {
        let mut builder = Builder::new(random);
        match self {
            Self::Mesh => builder.mesh(),
            Self::Reflector => builder.reflector(),
            Self::PairSameCluster => builder.small_pair([Some(CLUSTER), Some(CLUSTER)]),
            Self::PairTwoClusters => builder.small_pair([None, None]),
            Self::PairThousand => builder.pair([Some(CLUSTER), Some(CLUSTER)], 1000),
            Self::Hierarchy => builder.hierarchy(),
            Self::FatTree => builder.fat_tree(),
        }
        let mut nodes = builder.nodes;
        for node in &mut nodes {
            for _ in 0..random.number(0..=3) {
                node.networks.insert(prefix(random.number(0..=PREFIXES - 1)));
            }
        }
        nodes
    }
}

/// One of the prefixes that nodes originate: few, so that several nodes share them. Some are inside others.
pub(crate) fn prefix(number: u64) -> Prefix {
    let block = number / 3;
    let text = match number % 3 {
        0 => format!("10.65.{block}.0/24"),
        1 => format!("10.65.{block}.64/26"),
        _ => format!("2001:db8:65:{block}::/64"),
    };
    text.parse().expect("a prefix")
}

/// Number of these prefixes.
pub(crate) const PREFIXES: u64 = 18;

/// Number of those of one family, at most: a limit that only a miscount exceeds where one path of each is sent.
pub(crate) const PREFIXES_OF_A_FAMILY: u64 = 12;

struct Builder<'a> {
    random: &'a mut Random,
    nodes: Vec<NodePlan>,
    over_ipv6: bool,
    add_path: AddPath,
    /// Draws what was added later, so that seeds keep their networks.
    additions: Random,
    /// Some paths are monitored by BFD.
    has_bfd: bool,
}

/// Which nodes advertise several paths.
enum AddPath {
    None,
    All,
    Some,
}

impl<'a> Builder<'a> {
    fn new(random: &'a mut Random) -> Self {
        let over_ipv6 = random.once_in(3);
        let add_path = match random.number(0..=2) {
            0 => AddPath::None,
            1 => AddPath::All,
            _ => AddPath::Some,
        };
        let mut additions = random.fork(ADDITIONS);
        let has_bfd = additions.once_in(3);
        Self { random, nodes: Vec::new(), over_ipv6, add_path, additions, has_bfd }
    }

    fn mesh(&mut self) {
        let count = self.mesh_size();
        let members: Vec<NodeId> = (0..count).map(|_| self.node(AS, None)).collect();
        for &one in &members {
            for other in one + 1..count {
                self.connect(one, other, Roles::Equal);
            }
        }
    }

    /// 5 to 50, mostly small, because the costs of a mesh grow with its square.
    fn mesh_size(&mut self) -> usize {
        let most = match self.random.number(0..=39) {
            0 => 50,
            1..=4 => 16,
            _ => 8,
        };
        5 + self.random.index(most - 4)
    }

    fn reflector(&mut self) {
        let reflector = self.node(AS, None);
        for _ in 0..3 + self.random.index(5) {
            let client = self.node(AS, None);
            self.connect(reflector, client, Roles::ReflectorAndClient);
        }
        let others = [self.node(AS, None), self.node(AS, None)];
        self.connect(others[0], others[1], Roles::Equal);
        for other in others {
            self.connect(reflector, other, Roles::Equal);
        }
    }

    fn small_pair(&mut self, clusters: [Option<Ipv4Addr>; 2]) {
        let clients = 3 + self.random.index(5);
        self.pair(clusters, clients);
    }

    fn pair(&mut self, clusters: [Option<Ipv4Addr>; 2], clients: usize) {
        let reflectors = clusters.map(|cluster| self.node(AS, cluster));
        self.connect(reflectors[0], reflectors[1], Roles::Equal);
        for _ in 0..clients {
            let client = self.node(AS, None);
            for reflector in reflectors {
                self.connect(reflector, client, Roles::ReflectorAndClient);
            }
        }
    }

    fn hierarchy(&mut self) {
        let top = self.node(AS, None);
        for _ in 0..2 + self.random.index(2) {
            let middle = self.node(AS, None);
            self.connect(top, middle, Roles::ReflectorAndClient);
            for _ in 0..1 + self.random.index(3) {
                let client = self.node(AS, None);
                self.connect(middle, client, Roles::ReflectorAndClient);
            }
        }
    }

    fn fat_tree(&mut self) {
        let spines: Vec<NodeId> = (0..2).map(|number| self.node(AS + 1 + number, None)).collect();
        for rack in 0..2 + u32::from(self.random.once_in(2)) {
            let asn = AS + 100 + rack;
            let tor = self.node(asn, None);
            for &spine in &spines {
                self.connect(spine, tor, Roles::Equal);
            }
            for _ in 0..1 + self.random.index(3) {
                let node = self.node(asn, None);
                self.connect(tor, node, Roles::ReflectorAndClient);
            }
        }
    }

    fn node(&mut self, asn: u32, cluster_id: Option<Ipv4Addr>) -> NodeId {
        let id = self.nodes.len();
        let has_kernel = !self.random.once_in(4);
        self.nodes.push(NodePlan { cluster_id, has_kernel, ..NodePlan::new(id, asn) });
        id
    }

    fn connect(&mut self, one: NodeId, other: NodeId, roles: Roles) {
        let add_path = match self.add_path {
            AddPath::None => false,
            AddPath::All => true,
            AddPath::Some => self.random.once_in(2),
        };
        // Paths of one external peer may differ in their path identifiers alone, and what is passed on
        // depends on those.
        let add_path = add_path && self.nodes[one].asn == self.nodes[other].asn;
        let passive = [self.random.once_in(5), false];
        let has_bfd = self.has_bfd && self.additions.once_in(2);
        for (side, (from, to)) in [(one, other), (other, one)].into_iter().enumerate() {
            let asn = self.nodes[to].asn;
            let restart = self.restart();
            let is_limited = !add_path && self.additions.once_in(3);
            self.nodes[from].peers.push(PeerPlan {
                over_ipv6: self.over_ipv6,
                is_client: roles == Roles::ReflectorAndClient && side == 0,
                passive: passive[side],
                add_path,
                hold_time: *self.random.pick(&[0, 9, 9, 9, 30, 90]),
                restart,
                has_bfd,
                limit: is_limited.then_some(PREFIXES_OF_A_FAMILY),
                ..PeerPlan::new(to, asn)
            });
        }
    }

    fn restart(&mut self) -> Option<RestartPlan> {
        let restart_time = *self.random.pick(&[3, 10, 40]);
        let long_lived = *self.random.pick(&[None, None, Some(5), Some(20)]);
        (!self.random.once_in(3)).then_some(RestartPlan { restart_time, long_lived })
    }
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Roles {
    Equal,
    ReflectorAndClient,
}

const AS: u32 = 64512;

/// The purpose for which additions are drawn.
const ADDITIONS: u64 = 0x6164_6469_7469_6f6e;
const CLUSTER: Ipv4Addr = Ipv4Addr::new(10, 9, 9, 9);

impl fmt::Display for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mesh => "mesh",
            Self::Reflector => "reflector",
            Self::PairSameCluster => "pair-same-cluster",
            Self::PairTwoClusters => "pair-two-clusters",
            Self::Hierarchy => "hierarchy",
            Self::FatTree => "fat-tree",
            Self::PairThousand => "pair-thousand",
        })
    }
}

impl FromStr for Topology {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = || Self::ALL.into_iter().chain([Self::PairThousand]);
        all().find(|topology| topology.to_string() == text).ok_or_else(|| {
            let names = all().map(|topology| topology.to_string()).collect::<Vec<_>>().join(", ");
            anyhow::anyhow!("there is no topology {text}; there are {names}")
        })
    }
}
