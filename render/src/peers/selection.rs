//! Which nodes a `BGPPeer` has sessions on, and with whom.

use std::net::{IpAddr, Ipv4Addr};

use margay_cluster::object::{BgpPeer, Node, ReversePeering};
use margay_cluster::selector::Selector;
use margay_cluster::value::Asn;

use crate::Family;
use crate::context::{Context, address_of};

/// The other side of a session.
pub(super) struct Remote {
    pub(super) address: IpAddr,
    pub(super) port: Option<u16>,
    pub(super) asn: Asn,
    /// The cluster that it reflects for, if it is a node that does.
    pub(super) cluster_id: Option<Ipv4Addr>,
    /// Whether the address was written out.
    pub(super) kind: RemoteKind,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum RemoteKind {
    /// An address that no node has.
    Elsewhere,
    /// An address that is written out and is a node's.
    WrittenNode,
    /// A node that was selected.
    SelectedNode,
    /// A workload of the node itself.
    Workload,
}

/// Whether a peer is for all nodes.
pub(super) fn is_global(peer: &BgpPeer) -> bool {
    peer.spec.node.is_none() && peer.spec.node_selector.is_none()
}

/// Whether a node has the sessions.
pub(crate) fn is_on(peer: &BgpPeer, name: &str, node: &Node) -> bool {
    match (&peer.spec.node, &peer.spec.node_selector) {
        (Some(wanted), _) => wanted.as_str() == name,
        (None, Some(selector)) => selector.matches(&*node.metadata.labels),
        (None, None) => true,
    }
}

/// The other sides of the sessions of a peer.
pub(super) fn remotes(context: &Context<'_>, peer: &BgpPeer) -> Vec<Remote> {
    match (&peer.spec.peer_selector, peer.spec.peer_ip) {
        (Some(selector), _) => selected_nodes(context, |_, node| selects(selector, node)),
        (None, Some(place)) => {
            let asn = peer.spec.peer_as_number().unwrap_or_else(|| context.settings.cluster_asn());
            vec![written(context, place.address, place.port, asn)]
        }
        (None, None) => Vec::new(),
    }
}

/// The nodes that have a session with this node by a peer that selects it or names its address.
pub(super) fn reverse_remotes(context: &Context<'_>, peer: &BgpPeer) -> Vec<Remote> {
    if peer.spec.reverse_peering == Some(ReversePeering::Manual) {
        return Vec::new();
    }
    let families: &[Family] = match (&peer.spec.peer_selector, peer.spec.peer_ip) {
        (Some(selector), _) if selects(selector, context.node) => &Family::ALL,
        (None, Some(place)) if context.own_address(Family::of(place.address)) == Some(place.address) => {
            match Family::of(place.address) {
                Family::V4 => &[Family::V4],
                Family::V6 => &[Family::V6],
            }
        }
        (_, _) => &[],
    };
    if families.is_empty() {
        return Vec::new();
    }
    let remotes = selected_nodes(context, |name, node| is_on(peer, name, node));
    remotes.into_iter().filter(|remote| families.contains(&Family::of(remote.address))).collect()
}

/// Whether a selector matches the labels of a node.
pub(crate) fn selects(selector: &Selector, node: &Node) -> bool {
    selector.matches(&*node.metadata.labels)
}

/// The addresses of all nodes that are wanted, but this one.
fn selected_nodes(context: &Context<'_>, is_wanted: impl Fn(&str, &Node) -> bool) -> Vec<Remote> {
    let others = context.snapshot.nodes.iter().filter(|(name, _)| *name != context.name);
    let wanted = others.filter(|(name, node)| is_wanted(name, node));
    wanted
        .flat_map(|(name, node)| Family::ALL.map(|family| node_as_remote(context, name, node, family)))
        .flatten()
        .collect()
}

fn node_as_remote(context: &Context<'_>, name: &str, node: &Node, family: Family) -> Option<Remote> {
    Some(Remote {
        address: address_of(node, family)?,
        port: context.settings.listen_port_of(name),
        asn: context.settings.asn_of(node),
        cluster_id: node.spec.bgp.as_ref().and_then(|bgp| bgp.route_reflector_cluster_id),
        kind: RemoteKind::SelectedNode,
    })
}

/// An address that is written out. Of a node's, port and cluster are known.
fn written(context: &Context<'_>, address: IpAddr, port: Option<u16>, asn: Asn) -> Remote {
    let Some((name, node)) = context.node_with(address) else {
        return Remote { address, port, asn, cluster_id: None, kind: RemoteKind::Elsewhere };
    };
    let is_same_speaker = context.settings.asn_of(node) == asn;
    Remote {
        address,
        port: port.or_else(|| context.settings.listen_port_of(name).filter(|_| is_same_speaker)),
        asn,
        cluster_id: node.spec.bgp.as_ref().and_then(|bgp| bgp.route_reflector_cluster_id),
        kind: RemoteKind::WrittenNode,
    }
}

/// Whether the node waits for a peer to call: both sides compare the same texts, so that exactly one calls.
pub(super) fn waits_for(peer: IpAddr, own: IpAddr) -> bool {
    Family::of(peer) == Family::of(own) && peer.to_string() > own.to_string()
}
