//! From what a speaker is to be to the text of `margay.toml`.

mod chains;
mod peers;
mod rules;
mod text;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use chains::Chains;
use text::{Text, quoted};

use crate::policy::KernelVerdict;
use crate::speaker::{FamilySpeaker, LogDetail, Speaker};
use crate::{Family, Problem};

/// What the file says that does not follow from the datastore.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FileSettings {
    /// The daemon's control socket, when it is not the usual one.
    pub control_socket: Option<String>,
}

/// The protocol number of routes in the kernel: that of BIRD, which the other programs of a Calico cluster know.
const KERNEL_PROTOCOL: u8 = 12;
/// Protocol numbers of the kernel's own routes and of those without a protocol; routes of these are not learned as others are.
const FIRST_FOREIGN_PROTOCOL: u8 = 3;

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
    write_kernel(&mut text, speaker, &mut problems);
    let families = [(Family::V4, &speaker.ipv4), (Family::V6, &speaker.ipv6)];
    let mut chains = Chains::default();
    let mut all_peers = Text::default();
    for (family, own) in families.iter().filter_map(|(family, own)| Some((*family, own.as_ref()?))) {
        write_networks(&mut text, own);
        problems.extend(Chains::problems(own));
        for peer in peers::sessions(&own.peers, &mut problems) {
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

fn write_kernel(text: &mut Text, speaker: &Speaker, problems: &mut Vec<Problem>) {
    text.table("kernel");
    text.value("protocol", &KERNEL_PROTOCOL.to_string());
    let families: Vec<&FamilySpeaker> = [&speaker.ipv4, &speaker.ipv6].into_iter().flatten().collect();
    if let Some(first) = families.first() {
        text.value("metric", &first.priority.to_string());
        if families.iter().any(|own| own.priority != first.priority) {
            let what =
                "the metrics of ordinary routes differ between the families: that of IPv4 is used for both";
            problems.push(Problem::new("BGPConfiguration", "default", what));
        }
    }
    for rule in families
        .iter()
        .flat_map(|own| &own.kernel_rules)
        .filter(|rule| rule.verdict != KernelVerdict::Install)
    {
        let what = match rule.verdict {
            KernelVerdict::Install | KernelVerdict::LeaveTo(_) => {
                "routes inside are installed by margayd, too"
            }
            KernelVerdict::Tunnel(_) => "routes inside are installed without the IPIP device",
        };
        problems.push(Problem::new("IPPool", &rule.network.to_string(), what));
    }
    text.array_table("kernel.import");
    let protocols = (FIRST_FOREIGN_PROTOCOL..=u8::MAX).filter(|number| *number != KERNEL_PROTOCOL);
    text.list("protocol", &protocols.map(|number| number.to_string()).collect::<Vec<_>>());
    let ignored = speaker.ignored_interfaces.iter().map(String::as_str).chain(["cali*", "kube-ipvs*"]);
    let patterns: Vec<String> =
        ignored.map(|glob| quoted(&format!("!{glob}"))).chain([quoted("*")]).collect();
    for own in families {
        let all = match Family::of(own.address) {
            Family::V4 => "0.0.0.0/0",
            Family::V6 => "::/0",
        };
        text.array_table("kernel.import");
        text.list("protocol", &[quoted("kernel")]);
        text.list("interface", &patterns);
        text.value("prefix", &quoted(all));
        // Networks of interfaces have no metric that means anything, as under Calico.
        text.value("metric", &own.priority.to_string());
    }
}

/// Blocks and service prefixes. Of the routes inside a block, the export filters say which are advertised.
fn write_networks(text: &mut Text, own: &FamilySpeaker) {
    for aggregate in own.aggregates.iter().filter(|aggregate| aggregate.is_originated) {
        text.comment("A block of this node.");
        write_network(text, &aggregate.block.to_string());
    }
    for service in &own.services {
        text.comment("A service prefix.");
        write_network(text, &service.to_string());
    }
}

fn write_network(text: &mut Text, prefix: &str) {
    text.array_table("network");
    text.value("prefix", &quoted(prefix));
    text.value("blackhole", "true");
}
