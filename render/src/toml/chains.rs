//! What routes go through on their way in and out, as filters that peers share.

use std::collections::BTreeMap;

use super::rules::{RuleText, Side, rule_of};
use super::text::{Text, quoted};
use crate::peers::PeerPlan;
use crate::policy::{ExportRule, FilterDirection, FilterUse, LOCAL_PREF_BASE};
use crate::speaker::{FamilySpeaker, Speaker};
use crate::{Family, Problem};

/// The filters of the file, by name, each with its comment and its rules.
#[derive(Debug, Default)]
pub(super) struct Chains {
    filters: BTreeMap<String, (String, Vec<String>)>,
}

/// The names of the filters of a peer.
#[derive(Debug)]
pub(super) struct ChainNames {
    pub(super) import: String,
    pub(super) export: String,
}

/// Preference of routes of elevated priority: above what the kernel has, below the node's own.
const ELEVATED_PREFERENCE: u32 = 160;

impl Chains {
    /// The filters that a peer needs, added where they are new.
    pub(super) fn of_peer(
        &mut self,
        speaker: &Speaker,
        family: Family,
        own: &FamilySpeaker,
        peer: &PeerPlan,
        problems: &mut Vec<Problem>,
    ) -> ChainNames {
        let is_internal = peer.is_internal(speaker.asn);
        let mut chain = |direction, uses: &[FilterUse]| {
            let side = Side { direction, is_internal };
            let name = chain_name(side, family, uses);
            self.filters
                .entry(name.clone())
                .or_insert_with(|| (comment(side), rules(side, own, uses, problems)));
            name
        };
        ChainNames {
            import: chain(FilterDirection::Import, &peer.import),
            export: chain(FilterDirection::Export, &peer.export),
        }
    }

    pub(super) fn into_text(self) -> Text {
        let mut text = Text::default();
        for (name, (comment, rules)) in self.filters {
            text.comment(&comment);
            text.table(&format!("filter.{}", quoted(&name)));
            text.lines("rules", &rules);
        }
        text
    }
}

/// The rules of the filters in their order, as one list of which the first that matches decides; then what holds for all.
fn rules(side: Side, own: &FamilySpeaker, uses: &[FilterUse], problems: &mut Vec<Problem>) -> Vec<String> {
    let mut rules = Vec::new();
    for filter in uses {
        match filter {
            FilterUse::Named(name) => match object_rules(side, own, name) {
                Ok(found) => rules.extend(found),
                Err(why) => {
                    let what = format!("a rule {why}, which is not supported: nothing passes the filter");
                    problems.push(Problem::new("BGPFilter", name, what));
                    rules.push(RuleText::default().reject());
                    return rules;
                }
            },
            FilterUse::RejectAll(_) => {
                rules.push(RuleText::default().reject());
                return rules;
            }
        }
    }
    match side.direction {
        FilterDirection::Import => rules.extend(import_rules(side, own)),
        FilterDirection::Export => rules.extend(export_rules(side, own)),
    }
    rules
}

fn object_rules(side: Side, own: &FamilySpeaker, name: &str) -> Result<Vec<String>, &'static str> {
    let plan = own.filters.iter().find(|filter| filter.name == name && filter.direction == side.direction);
    let mut rules = Vec::new();
    for rule in plan.into_iter().flat_map(|filter| &filter.rules) {
        rules.extend(rule_of(rule, side)?);
    }
    Ok(rules)
}

/// Everything is accepted; routes of elevated priority go before those of the kernel.
fn import_rules(side: Side, own: &FamilySpeaker) -> Vec<String> {
    let mut rules = Vec::new();
    if side.is_internal {
        let least = LOCAL_PREF_BASE.saturating_sub(own.priority).saturating_add(1);
        let elevated = RuleText::default()
            .when("local_pref", &quoted(&format!("{least}..{LOCAL_PREF_BASE}")))
            .set("set_preference", &ELEVATED_PREFERENCE.to_string());
        rules.push(elevated.accept(side));
    }
    rules.push(RuleText::default().accept(side));
    rules
}

/// What peers may know: the node's blocks, services and pools. Interfaces are left out where routes are learned.
fn export_rules(side: Side, own: &FamilySpeaker) -> Vec<String> {
    let mut rules = Vec::new();
    for rule in &own.export_rules {
        match rule {
            ExportRule::HiddenPool(network) => rules.push(RuleText::inside(*network).reject()),
            ExportRule::InternalInterfaces(_) | ExportRule::LocalInterfaces(_) | ExportRule::Communities => {}
            ExportRule::Aggregates => rules.extend(aggregate_rules(side, own)),
            ExportRule::Service(network)
            | ExportRule::LoadBalancer(network)
            | ExportRule::External(network)
            | ExportRule::Pool(network) => rules.push(RuleText::inside(*network).accept(side)),
        }
    }
    rules.push(RuleText::default().reject());
    rules
}

/// A block is advertised, and what is inside it only with a lower metric than ordinary routes.
fn aggregate_rules(side: Side, own: &FamilySpeaker) -> Vec<String> {
    let highest = own.priority.saturating_sub(1);
    own.aggregates
        .iter()
        .flat_map(|aggregate| {
            let elevated =
                RuleText::inside(aggregate.block).when("metric", &quoted(&format!("0..{highest}")));
            [
                RuleText::exactly(aggregate.block).accept(side),
                elevated.accept(side),
                RuleText::inside(aggregate.block).reject(),
            ]
        })
        .collect()
}

fn comment(side: Side) -> String {
    let peers = if side.is_internal { "peers of the own AS" } else { "external peers" };
    match side.direction {
        FilterDirection::Import => format!("What {peers} send."),
        FilterDirection::Export => format!("What is advertised to {peers}."),
    }
}

/// A name that follows from what the chain holds, so that peers with equal chains share it.
fn chain_name(side: Side, family: Family, uses: &[FilterUse]) -> String {
    let way = match side.direction {
        FilterDirection::Import => "from",
        FilterDirection::Export => "to",
    };
    let peers = if side.is_internal { "internal" } else { "external" };
    let family = match family {
        Family::V4 => "ipv4",
        Family::V6 => "ipv6",
    };
    let mut name = format!("{way}-{peers}-{family}");
    for filter in uses {
        match filter {
            FilterUse::Named(filter) => name = format!("{name}:{filter}"),
            FilterUse::RejectAll(filter) => name = format!("{name}:{filter}:rejected"),
        }
    }
    name.chars().map(|c| if c.is_ascii_alphanumeric() || "._:-".contains(c) { c } else { '_' }).collect()
}
