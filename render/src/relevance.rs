//! Whether a change of an object can make a difference to a node.

use std::net::{IpAddr, Ipv4Addr};

use margay_cluster::object::{AnyObject, BgpConfiguration, BgpPeer, Kind, Node};
use margay_cluster::value::Asn;

use crate::context::address_of;
use crate::node_settings::NodeSettings;
use crate::peers::{is_on, selects};
use crate::{Family, Snapshot};

/// Whether the file of a node may be another once `new` stands for the object, or nothing does.
///
/// `false` is certain. The answer costs a look at each `BGPPeer` at most, where a file costs a look at everything.
#[must_use]
pub fn concerns(snapshot: &Snapshot, node: &str, kind: Kind, name: &str, new: Option<&AnyObject>) -> bool {
    let Some(own) = snapshot.nodes.get(node) else { return kind == Kind::Node && name == node };
    let view = View { snapshot, name: node, own };
    match (kind, new) {
        (Kind::Node, Some(AnyObject::Node(new))) => view.node_concerns(name, Some(&**new)),
        (Kind::Node, _) => view.node_concerns(name, None),
        (Kind::BgpPeer, Some(AnyObject::BgpPeer(new))) => view.peer_concerns(name, Some(&**new)),
        (Kind::BgpPeer, _) => view.peer_concerns(name, None),
        (Kind::BgpConfiguration, Some(AnyObject::BgpConfiguration(new))) => {
            view.configuration_concerns(name, Some(&**new))
        }
        (Kind::BgpConfiguration, _) => view.configuration_concerns(name, None),
        (Kind::BgpFilter, _) => {
            let mut peers = snapshot.peers.values().filter(|peer| view.has_sessions_by(peer));
            peers.any(|peer| peer.spec.filters.iter().any(|filter| filter == name))
        }
        (Kind::IpPool, _) => true,
        (_, _) => false,
    }
}

/// The datastore as a node sees it.
struct View<'a> {
    snapshot: &'a Snapshot,
    name: &'a str,
    own: &'a Node,
}

impl View<'_> {
    fn node_concerns(&self, name: &str, new: Option<&Node>) -> bool {
        let old = self.snapshot.nodes.get(name).map(AsRef::as_ref);
        let speaker = |node: Option<&Node>| node.map(speaker_of);
        let same_speaker = speaker(old) == speaker(new);
        let same_labels = old.map(|node| &node.metadata.labels) == new.map(|node| &node.metadata.labels);
        if same_speaker && same_labels {
            return false;
        }
        if name == self.name {
            return true;
        }
        if !same_speaker && self.is_in_mesh() {
            return true;
        }
        // With the same speaker, only a session that comes or goes by a label makes a difference.
        let sessions = |peer: &BgpPeer, other: Option<&Node>| {
            other.map(|other| self.sessions(peer, name, other)).unwrap_or_default()
        };
        self.snapshot.peers.values().any(|peer| {
            let (before, after) = (sessions(peer, old), sessions(peer, new));
            if same_speaker { before != after } else { [before, after].concat().contains(&true) }
        })
    }

    fn is_in_mesh(&self) -> bool {
        NodeSettings::new(self.snapshot, self.name).has_mesh() && speaker_of(self.own).cluster_id.is_none()
    }

    /// Whether a peer brings a session from this node to another one, and one from there: the file names them differently.
    fn sessions(&self, peer: &BgpPeer, name: &str, other: &Node) -> [bool; 2] {
        let goes_to = |target: &Node| {
            peer.spec.peer_selector.as_ref().is_some_and(|selector| selects(selector, target))
                || peer.spec.peer_ip.is_some_and(|place| has_address(target, place.address))
        };
        [is_on(peer, self.name, self.own) && goes_to(other), is_on(peer, name, other) && goes_to(self.own)]
    }

    fn peer_concerns(&self, name: &str, new: Option<&BgpPeer>) -> bool {
        let old = self.snapshot.peers.get(name).map(AsRef::as_ref);
        if old.map(|peer| &peer.spec) == new.map(|peer| &peer.spec) {
            return false;
        }
        let is_of_workload = self.snapshot.workloads.iter().any(|workload| workload.peer == name);
        is_of_workload || [old, new].into_iter().flatten().any(|peer| self.has_sessions_by(peer))
    }

    /// Whether the node may have sessions by a peer.
    fn has_sessions_by(&self, peer: &BgpPeer) -> bool {
        is_on(peer, self.name, self.own)
            || peer.spec.peer_selector.as_ref().is_some_and(|selector| selects(selector, self.own))
            || peer.spec.peer_ip.is_some_and(|place| has_address(self.own, place.address))
    }

    fn configuration_concerns(&self, name: &str, new: Option<&BgpConfiguration>) -> bool {
        let is_own = name.strip_prefix("node.").is_none_or(|node| node == self.name);
        // Of another node's settings, only its port is looked at.
        let port = |configuration: Option<&BgpConfiguration>| configuration?.spec.listen_port;
        let old = self.snapshot.configurations.get(name).map(AsRef::as_ref);
        is_own || port(old) != port(new)
    }
}

/// What the sessions with a node follow from.
#[derive(Eq, PartialEq)]
struct NodeSpeaker {
    addresses: [Option<IpAddr>; 2],
    asn: Option<Asn>,
    cluster_id: Option<Ipv4Addr>,
}

fn speaker_of(node: &Node) -> NodeSpeaker {
    let bgp = node.spec.bgp.as_ref();
    NodeSpeaker {
        addresses: Family::ALL.map(|family| address_of(node, family)),
        asn: bgp.and_then(|bgp| bgp.as_number),
        cluster_id: bgp.and_then(|bgp| bgp.route_reflector_cluster_id),
    }
}

fn has_address(node: &Node, address: IpAddr) -> bool {
    address_of(node, Family::of(address)) == Some(address)
}
