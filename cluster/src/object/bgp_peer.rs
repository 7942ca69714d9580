//! BGP peers: sessions of nodes with others, or among themselves.

use std::net::IpAddr;

use crate::object::object;
use crate::schema::{Report, choice, record};
use crate::selector::Selector;
use crate::value::{Asn, Name, PeerAddress, Span};
use serde_json::Value;

object! {
    /// BGP sessions of the selected nodes with the selected peers.
    pub struct BgpPeer { spec: BgpPeerSpec, status: Value }
}

record! {
    /// Which nodes have sessions with whom, and how.
    pub struct BgpPeerSpec checked {
        /// The one node that has the session; every node when neither this nor `nodeSelector` is given.
        "node" => node: Option<Name>,
        /// The nodes that have the session.
        "nodeSelector" => node_selector: Option<Selector>,
        /// The peer's address.
        "peerIP" => peer_ip: Option<PeerAddress>,
        /// The peer's AS number.
        "asNumber" => as_number: Option<Asn>,
        /// The nodes' own AS number towards this peer.
        "localASNumber" => local_as_number: Option<Asn>,
        /// Nodes that are the peers, with their own addresses and AS numbers.
        "peerSelector" => peer_selector: Option<Selector>,
        /// Workloads of the node itself that are the peers.
        "localWorkloadSelector" => local_workload_selector: Option<Selector>,
        /// Keeps the next hop of advertised routes; `nextHopMode` replaces it.
        "keepOriginalNextHop" => keep_original_next_hop: bool,
        /// The next hop of advertised routes.
        "nextHopMode" => next_hop_mode: Option<NextHopMode>,
        /// The password of TCP-MD5 (RFC 2385).
        "password" => password: Option<BgpPassword>,
        /// The source address of the session.
        "sourceAddress" => source_address: Option<SourceAddress>,
        /// The restart time that is advertised (RFC 4724 §3).
        "maxRestartTime" => max_restart_time: Option<Span>,
        /// The time between KEEPALIVE messages.
        "keepaliveTime" => keepalive_time: Option<Span>,
        /// How often the own AS number may stand in the AS path of received routes.
        "numAllowedLocalASNumbers" => num_allowed_local_as_numbers: Option<i32>,
        /// Hops to the peer at most, enforced by TTL (RFC 5082).
        "ttlSecurity" => ttl_security: Option<u8>,
        /// The gateway to the peer, for a static route.
        "reachableBy" => reachable_by: Option<IpAddr>,
        /// Names of `BGPFilter` objects, in order.
        "filters" => filters: Vec<String>,
        /// Whether nodes that `peerSelector` selects have the session the other way, too.
        "reversePeering" => reverse_peering: Option<ReversePeering>,
    }
}

choice! {
    /// The next hop of advertised routes.
    pub enum NextHopMode {
        /// As BGP has it.
        Auto = "Auto",
        /// The own address.
        SelfAddress = "Self",
        /// The one that the route came with.
        Keep = "Keep",
    }
}

choice! {
    /// The source address of a session.
    pub enum SourceAddress {
        /// The node's address.
        UseNodeIp = "UseNodeIP",
        /// What the kernel chooses.
        None = "None",
    }
}

choice! {
    /// Whether the other side of a session follows by itself.
    pub enum ReversePeering {
        /// It does.
        Auto = "Auto",
        /// Another `BGPPeer` has to say it.
        Manual = "Manual",
    }
}

record! {
    /// Where a password is.
    pub struct BgpPassword {
        /// A key of a secret.
        "secretKeyRef" => secret_key_ref: Option<SecretKeyReference>,
    }
}

record! {
    /// One value of a secret.
    pub struct SecretKeyReference {
        /// The secret.
        "name" => name: String,
        /// The key in it.
        "key" => key: String,
        /// Whether it may be missing.
        "optional" => optional: Option<bool>,
        /// Where Go's own encoding puts the name.
        "localObjectReference" => local_object_reference: Option<Value>,
    }
}

impl BgpPeerSpec {
    /// The peer's AS number; 0 counts as none.
    #[must_use]
    pub fn peer_as_number(&self) -> Option<Asn> {
        self.as_number.filter(|asn| asn.0 != 0)
    }

    fn check(&self, report: &mut Report<'_, '_, '_>) {
        let mut exclude = |given: bool, field: &str, other: &str| {
            if given {
                report.problem(field, format!("cannot be given together with {other}"));
            }
        };
        let (peers, workloads) = (self.peer_selector.is_some(), self.local_workload_selector.is_some());
        exclude(self.node.is_some() && self.node_selector.is_some(), "node", "nodeSelector");
        exclude(self.peer_ip.is_some() && peers, "peerIP", "peerSelector");
        exclude(
            self.peer_as_number().is_some() && peers,
            "asNumber",
            "peerSelector, whose nodes have their own",
        );
        exclude(self.peer_ip.is_some() && workloads, "peerIP", "localWorkloadSelector");
        exclude(peers && workloads, "peerSelector", "localWorkloadSelector");
        exclude(
            self.keep_original_next_hop && self.next_hop_mode.is_some(),
            "keepOriginalNextHop",
            "nextHopMode, which replaces it",
        );
        if workloads && self.peer_as_number().is_none() {
            report.problem("asNumber", "is missing; localWorkloadSelector needs it");
        }
        if let Some(reachable_by) = self.reachable_by {
            match self.peer_ip {
                None => report.problem("reachableBy", "is given without peerIP"),
                Some(peer) if peer.address.is_ipv4() != reachable_by.is_ipv4() => {
                    report.problem("reachableBy", format!("is not of the family of peerIP {peer}"));
                }
                Some(_) => {}
            }
        }
    }
}
