//! From what a speaker is to be to the text of `margay.toml`.

mod chains;
mod kernel;
mod peers;
mod rules;
mod text;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use chains::Chains;
use text::{Text, quoted};

use crate::speaker::{FamilySpeaker, LogDetail, Speaker};
use crate::{Family, Problem};

/// What the file says that does not follow from the datastore.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FileSettings {
    /// The daemon's control socket, when it is not the usual one.
    pub control_socket: Option<String>,
}

/// The text of the file, and what it cannot say.
///
/// Equal speakers give equal texts: everything stands in the order of its names or addresses.
#[must_use]
pub fn to_toml(speaker: &Speaker, settings: &FileSettings) -> (String, Vec<Problem>) {
    let mut text = Text::default();
    let mut problems = Vec::new();
    text.comment(&format!("BGP of node {}, rendered by margay-confd. Changes here are lost.", speaker.node));
    write_global(&mut text, speaker);
    if let Some(socket) = &settings.control_socket {
        text.table("control");
        text.value("socket", &quoted(socket));
    }
    kernel::write(&mut text, speaker);
    let families = [(Family::V4, &speaker.ipv4), (Family::V6, &speaker.ipv6)];
    let mut chains = Chains::default();
    let mut all_peers = Text::default();
    for (family, own) in families.iter().filter_map(|(family, own)| Some((*family, own.as_ref()?))) {
        write_networks(&mut text, own);
        problems.extend(Chains::problems(own));
        let sessions = peers::sessions(&own.peers, &mut problems);
        peers::write_ways(&mut text, &sessions, &mut problems);
        for peer in sessions {
            let names = chains.of_peer(speaker, family, own, peer);
            peers::write(&mut all_peers, speaker, peer, &names, &mut problems);
        }
    }
    text.append(&chains.into_text());
    text.append(&all_peers);
    (text.finish(), problems)
}

fn write_global(text: &mut Text, speaker: &Speaker) {
    text.table("global");
    text.value("asn", &speaker.asn.0.to_string());
    text.value("router_id", &quoted(&speaker.router_id.to_string()));
    if let Some(cluster) = speaker.cluster_id {
        text.value("cluster_id", &quoted(&cluster.to_string()));
    }
    // Under Calico, peers without a BGPFilter exchange routes.
    text.value("ebgp_without_filters", &quoted("accept"));
    let families = [&speaker.ipv4, &speaker.ipv6].into_iter().flatten();
    let port = speaker.listen_port.unwrap_or(179);
    let addresses: Vec<String> = families
        .map(|own| {
            let any: IpAddr = match Family::of(own.address) {
                Family::V4 => Ipv4Addr::UNSPECIFIED.into(),
                Family::V6 => Ipv6Addr::UNSPECIFIED.into(),
            };
            let address = own.listen_address.unwrap_or(any);
            quoted(&SocketAddr::new(address, port).to_string())
        })
        .collect();
    text.list("listen", &addresses);
    let log = match speaker.log {
        LogDetail::Quiet => "error",
        LogDetail::Usual => "info",
        LogDetail::Debug => "debug",
    };
    text.value("log", &quoted(log));
}

/// Blocks and service prefixes. Of the routes inside a block, the export filters say which are advertised.
fn write_networks(text: &mut Text, own: &FamilySpeaker) {
    for aggregate in own.aggregates.iter().filter(|aggregate| aggregate.is_originated) {
        text.comment("A block of this node.");
        text.array_table("network");
        text.value("prefix", &quoted(&aggregate.block.to_string()));
        if kernel::is_held(own, aggregate.block) {
            text.value("blackhole", "true");
        }
    }
    for service in &own.services {
        // Never installed: the node's own packets to services must find a route before their address is translated.
        text.comment("A service prefix.");
        text.array_table("network");
        text.value("prefix", &quoted(&service.to_string()));
    }
}
