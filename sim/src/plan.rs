//! What a node is configured to do, as values, and as the text that its daemon reads.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bgp_codec::Prefix;

/// A node's number: also its host's.
pub(crate) type NodeId = usize;

/// The configuration of one node.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct NodePlan {
    pub(crate) id: NodeId,
    pub(crate) asn: u32,
    /// The cluster that it reflects for; `None` for its own identifier.
    pub(crate) cluster_id: Option<Ipv4Addr>,
    /// Whether it keeps a kernel's table.
    pub(crate) has_kernel: bool,
    pub(crate) peers: Vec<PeerPlan>,
    pub(crate) networks: BTreeSet<Prefix>,
}

/// The configuration of one peer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct PeerPlan {
    pub(crate) node: NodeId,
    pub(crate) asn: u32,
    pub(crate) over_ipv6: bool,
    pub(crate) is_client: bool,
    pub(crate) passive: bool,
    pub(crate) add_path: bool,
    pub(crate) hold_time: u64,
    /// Graceful restart towards the peer.
    pub(crate) restart: Option<RestartPlan>,
    /// BFD monitors the path.
    pub(crate) has_bfd: bool,
    /// How many prefixes are received at most.
    pub(crate) limit: Option<u64>,
    /// What this prefix covers is not imported.
    pub(crate) import_without: Option<Prefix>,
    /// What this prefix covers is not exported.
    pub(crate) export_without: Option<Prefix>,
    /// What this prefix covers gets another LOCAL_PREF on import.
    pub(crate) prefers: Option<(Prefix, u32)>,
}

/// How long routes outlive a session, in seconds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct RestartPlan {
    pub(crate) restart_time: u64,
    /// Beyond that, as a last resort; `None` for not at all.
    pub(crate) long_lived: Option<u64>,
}

impl PeerPlan {
    pub(crate) fn new(node: NodeId, asn: u32) -> Self {
        Self {
            node,
            asn,
            over_ipv6: false,
            is_client: false,
            passive: false,
            add_path: false,
            hold_time: 9,
            restart: None,
            has_bfd: false,
            limit: None,
            import_without: None,
            export_without: None,
            prefers: None,
        }
    }
}

/// The IPv4 address and identifier of a node.
pub(crate) fn ipv4_of(node: NodeId) -> Ipv4Addr {
    let number = u32::try_from(node).expect("few nodes") + 1;
    Ipv4Addr::from_bits(0x0a00_0000 + number)
}

/// The IPv6 address of a node.
pub(crate) fn ipv6_of(node: NodeId) -> Ipv6Addr {
    Ipv6Addr::from_bits(0x2001_0db8_0000_0000_0000_0000_0000_0000 + node as u128 + 1)
}

/// The address over which a peer is reached.
pub(crate) fn address_of(peer: &PeerPlan) -> IpAddr {
    if peer.over_ipv6 { ipv6_of(peer.node).into() } else { ipv4_of(peer.node).into() }
}

impl NodePlan {
    pub(crate) fn new(id: NodeId, asn: u32) -> Self {
        Self { id, asn, cluster_id: None, has_kernel: true, peers: Vec::new(), networks: BTreeSet::new() }
    }

    /// The identifier of the cluster that its clients are in.
    pub(crate) fn cluster(&self) -> Ipv4Addr {
        self.cluster_id.unwrap_or_else(|| ipv4_of(self.id))
    }

    pub(crate) fn peer(&self, node: NodeId) -> Option<&PeerPlan> {
        self.peers.iter().find(|peer| peer.node == node)
    }

    pub(crate) fn peer_mut(&mut self, node: NodeId) -> Option<&mut PeerPlan> {
        self.peers.iter_mut().find(|peer| peer.node == node)
    }

    /// The configuration file.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text).expect("a String takes everything");
        text
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text, "[global]\nasn = {}\nrouter_id = \"{}\"", self.asn, ipv4_of(self.id))?;
        if let Some(cluster) = self.cluster_id {
            writeln!(text, "cluster_id = \"{cluster}\"")?;
        }
        writeln!(text, "ebgp_without_filters = \"accept\"")?;
        writeln!(text, "listen = [\"0.0.0.0:179\", \"[::]:179\"]")?;
        if self.has_kernel {
            writeln!(text, "[kernel]\nmultipath = 4\nrestart_window = \"60s\"")?;
        }
        for prefix in &self.networks {
            writeln!(text, "[[network]]\nprefix = \"{prefix}\"\nblackhole = true")?;
        }
        for peer in &self.peers {
            peer.write_filters(self.id, text)?;
        }
        for peer in &self.peers {
            peer.write(self.id, text)?;
        }
        Ok(())
    }
}

impl PeerPlan {
    fn write_filters(&self, node: NodeId, text: &mut String) -> std::fmt::Result {
        for (name, without) in [("import", self.import_without), ("export", self.export_without)] {
            if let Some(prefix) = without {
                writeln!(
                    text,
                    "[filter.{name}-{node}-{}]\nrules = [{{ match = {{ prefix = \"{prefix}\" }}, action = \"reject\" }}, \
                     {{ action = \"accept\" }}]",
                    self.node
                )?;
            }
        }
        if let Some((prefix, local_pref)) = self.prefers {
            writeln!(
                text,
                "[filter.prefer-{node}-{}]\nrules = [{{ match = {{ prefix = \"{prefix}\" }}, action = \"accept\", \
                 set_local_pref = {local_pref} }}, {{ action = \"accept\" }}]",
                self.node
            )?;
        }
        Ok(())
    }

    fn write(&self, node: NodeId, text: &mut String) -> std::fmt::Result {
        writeln!(text, "[[peer]]\nname = \"n{node}-n{}\"\naddress = \"{}\"", self.node, address_of(self))?;
        writeln!(text, "remote_asn = {}\nhold_time = \"{}s\"", self.asn, self.hold_time)?;
        self.write_restart(text)?;
        if self.has_bfd {
            writeln!(text, "bfd = {{ transmit = \"1s\", receive = \"1s\", multiplier = 3 }}")?;
        }
        if let Some(limit) = self.limit {
            writeln!(text, "prefix_limit = {{ received = {limit}, restart = \"20s\" }}")?;
        }
        writeln!(text, "connect_retry = \"5s\"\nfamilies = [\"ipv4-unicast\", \"ipv6-unicast\"]")?;
        writeln!(text, "passive = {}\nrr_client = {}", self.passive, self.is_client)?;
        writeln!(text, "add_path = \"{}\"", if self.add_path { "both" } else { "off" })?;
        let mut import = Vec::new();
        import.extend(self.import_without.map(|_| format!("\"import-{node}-{}\"", self.node)));
        import.extend(self.prefers.map(|_| format!("\"prefer-{node}-{}\"", self.node)));
        if !import.is_empty() {
            writeln!(text, "import = [{}]", import.join(", "))?;
        }
        if self.export_without.is_some() {
            writeln!(text, "export = [\"export-{node}-{}\"]", self.node)?;
        }
        Ok(())
    }

    fn write_restart(&self, text: &mut String) -> std::fmt::Result {
        match self.restart {
            None => writeln!(text, "graceful_restart = false"),
            Some(RestartPlan { restart_time, long_lived: None }) => {
                writeln!(text, "graceful_restart = {{ restart_time = \"{restart_time}s\" }}")
            }
            Some(RestartPlan { restart_time, long_lived: Some(long) }) => {
                writeln!(
                    text,
                    "graceful_restart = {{ restart_time = \"{restart_time}s\", long_lived = \"{long}s\" }}"
                )
            }
        }
    }
}
