//! Sessions of every node with every other.

use margay_cluster::object::Node;

use super::peer_plan::{NextHop, Origin, PeerPlan};
use super::selection::waits_for;
use crate::context::{Context, address_of};
use crate::node_settings::own_asn;
use crate::{Family, Problem};

/// The peers of the mesh; none for a reflector, and none that is one.
pub(super) fn plan(context: &Context<'_>, problems: &mut Vec<Problem>) -> Vec<PeerPlan> {
    if !context.settings.has_mesh() || is_reflector(context.node) {
        return Vec::new();
    }
    let others =
        context.snapshot.nodes.iter().filter(|(name, node)| *name != context.name && !is_reflector(node));
    let mut peers = Vec::new();
    for (name, node) in others {
        for family in Family::ALL {
            peers.extend(peer_of(context, name, node, family));
        }
    }
    if !peers.is_empty() {
        set_password(context, &mut peers, problems);
    }
    peers
}

fn peer_of(context: &Context<'_>, name: &str, node: &Node, family: Family) -> Option<PeerPlan> {
    let own = context.own_address(family)?;
    let address = address_of(node, family).filter(|address| *address != own)?;
    let origin = Origin::Mesh(name.to_owned());
    let port = context.settings.listen_port_of(name);
    Some(PeerPlan {
        name: origin.name(address, port),
        origin,
        address,
        port,
        // As in Calico, a node without a number of its own is taken to have that of the node that renders.
        remote_asn: own_asn(node).unwrap_or_else(|| context.settings.asn_of(context.node)),
        local_asn: None,
        source_address: Some(own),
        passive: waits_for(address, own),
        ttl_security: None,
        reflected: None,
        password: None,
        next_hop: NextHop::Auto,
        allow_local_as: None,
        restart_time: context.settings.mesh_restart_time(),
        keepalive: None,
        reachable_by: None,
        import: Vec::new(),
        export: Vec::new(),
    })
}

fn set_password(context: &Context<'_>, peers: &mut [PeerPlan], problems: &mut Vec<Problem>) {
    let Some(password) = context.settings.mesh_password() else { return };
    match context.snapshot.secrets.find(password) {
        Ok(file) => peers.iter_mut().for_each(|peer| peer.password.clone_from(&file)),
        Err(why) => {
            problems.push(Problem::new("BGPConfiguration", "default", format!("nodeMeshPassword: {why}")))
        }
    }
}

fn is_reflector(node: &Node) -> bool {
    node.spec.bgp.as_ref().is_some_and(|bgp| bgp.route_reflector_cluster_id.is_some())
}
