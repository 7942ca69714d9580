//! The section of the kernel: what is installed, and what is learned from it.

use ipnet::IpNet;

use super::rules::RuleText;
use super::text::{Text, quoted};
use crate::Family;
use crate::policy::{KernelRule, KernelVerdict, TunnelUse};
use crate::speaker::{FamilySpeaker, Speaker};

/// The protocol number of routes in the kernel: that of BIRD, which the other programs of a Calico cluster know.
const KERNEL_PROTOCOL: u8 = 12;
/// Protocol numbers of the kernel's own routes and of those without a protocol; routes of these are not learned as others are.
const FIRST_FOREIGN_PROTOCOL: u8 = 3;
/// The device of IPIP tunnels.
const IPIP_DEVICE: &str = "tunl0";
/// The name of the filter of what is installed.
const FILTER: &str = "to-kernel";

pub(super) fn write(text: &mut Text, speaker: &Speaker) {
    let families: Vec<&FamilySpeaker> = [&speaker.ipv4, &speaker.ipv6].into_iter().flatten().collect();
    text.table("kernel");
    text.value("protocol", &KERNEL_PROTOCOL.to_string());
    if let Some(first) = families.first() {
        text.value("metric", &first.priority.to_string());
    }
    // Nodes of other subnets are often behind the default router alone.
    text.value("resolve_via_default", "true");
    let rules: Vec<&KernelRule> = families.iter().flat_map(|own| &own.kernel_rules).collect();
    let is_filtered = rules.iter().any(|rule| rule.verdict != KernelVerdict::Install);
    if is_filtered {
        text.list("export", &[quoted(FILTER)]);
    }
    write_imports(text, speaker, &families);
    if is_filtered {
        text.comment("What is installed, unless the node's agent does it.");
        text.table(&format!("filter.{}", quoted(FILTER)));
        let mut lines: Vec<String> = rules.iter().flat_map(|rule| rules_of(rule)).collect();
        lines.push(RuleText::default().action("accept"));
        text.lines("rules", &lines);
    }
}

/// Whether a block of the node is held by a blackhole of the daemon, and not by one of the agent.
pub(super) fn is_held(own: &FamilySpeaker, block: IpNet) -> bool {
    let rule = own.kernel_rules.iter().find(|rule| rule.network.contains(&block));
    !matches!(rule.map(|rule| rule.verdict), Some(KernelVerdict::LeaveTo(_)))
}

fn rules_of(rule: &KernelRule) -> Vec<String> {
    let inside = || RuleText::default().when("prefix", &quoted(&rule.network.to_string()));
    let learned = || inside().when("source", &quoted("peer"));
    let tunneled = || learned().set("link", &quoted(IPIP_DEVICE)).action("accept");
    match rule.verdict {
        KernelVerdict::Install => vec![inside().action("accept")],
        KernelVerdict::LeaveTo(_) => vec![inside().action("reject")],
        KernelVerdict::Tunnel(TunnelUse::Always) => vec![tunneled()],
        KernelVerdict::Tunnel(TunnelUse::Unless(own)) => {
            let near = learned().when("next_hop", &quoted(&own.to_string())).action("accept");
            vec![near, tunneled()]
        }
    }
}

fn write_imports(text: &mut Text, speaker: &Speaker, families: &[&FamilySpeaker]) {
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
