//! What routes go through on their way in and out, as filters that peers share.

use std::collections::BTreeMap;

use super::rules::{RuleText, asks_for_interface_of_peers, community_text, rule_of};
use super::text::{Text, quoted};
use crate::peers::PeerPlan;
use crate::policy::{ExportRule, FilterDirection, FilterPlan, FilterUse, LOCAL_PREF_BASE};
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

/// LOCAL_PREF of what external peers send, whatever it carries, and of what internal peers send without any.
const USUAL_LOCAL_PREF: u32 = 100;
/// Preference of what peers send: above that of the kernel's routes (150), as under Calico.
const LEARNED_PREFERENCE: u32 = 155;
/// Preference of routes of elevated priority: above the others', below that of the node's own (200).
const ELEVATED_PREFERENCE: u32 = 160;

impl Chains {
    /// The filters that a peer needs, added where they are new.
    pub(super) fn of_peer(
        &mut self,
        speaker: &Speaker,
        family: Family,
        own: &FamilySpeaker,
        peer: &PeerPlan,
    ) -> ChainNames {
        for filter in &own.filters {
            self.add_object(family, filter);
        }
        let side = if peer.is_internal(speaker.asn) { "internal" } else { "external" };
        let import = chain_name("from", side, family, &peer.import);
        self.filters.entry(import.clone()).or_insert_with(|| {
            (format!("What {side} peers send."), import_rules(side, family, own, &peer.import))
        });
        let common = format!("advertise-{side}-{}", family_text(family));
        self.filters.entry(common.clone()).or_insert_with(|| {
            (format!("What {side} peers may know."), advertise_rules(side == "internal", own))
        });
        let export = chain_name("to", side, family, &peer.export);
        self.filters.entry(export.clone()).or_insert_with(|| {
            // External peers get no LOCAL_PREF; only a filter may ask for it.
            let is_needed = side == "internal" || looks_at_local_pref(own, &peer.export);
            let priority = is_needed.then_some(own.priority);
            (
                format!("What is advertised to {side} peers."),
                export_rules(family, &common, &peer.export, priority),
            )
        });
        ChainNames { import, export }
    }

    /// Filters of objects that ask for the interface of what peers have sent, which is not known.
    pub(super) fn problems(own: &FamilySpeaker) -> impl Iterator<Item = Problem> {
        let asks = |filter: &&FilterPlan| {
            filter.direction == FilterDirection::Export
                && filter.rules.iter().any(|rule| asks_for_interface_of_peers(&rule.matches))
        };
        let what = "the interface of routes from peers is not known: a rule that rejects them by interface takes all, \
                    and one that accepts them takes none";
        own.filters.iter().filter(asks).map(move |filter| Problem::new("BGPFilter", &filter.name, what))
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

    fn add_object(&mut self, family: Family, filter: &FilterPlan) {
        let name = object_name(&filter.name, filter.direction, family);
        self.filters.entry(name).or_insert_with(|| {
            let rules = filter.rules.iter().filter_map(|rule| rule_of(rule, filter.direction)).collect();
            (format!("BGPFilter {}.", filter.name), rules)
        });
    }
}

fn import_rules(side: &str, family: Family, own: &FamilySpeaker, uses: &[FilterUse]) -> Vec<String> {
    let mut rules = Vec::new();
    let usual = USUAL_LOCAL_PREF.to_string();
    let mut given = RuleText::default();
    if side == "internal" {
        given = given.when("not", "{ local_pref = \"0..\" }");
    }
    rules.push(given.set("local_pref", &usual).action("continue"));
    let numbers = RuleText::default()
        .set("metric", &quoted(&format!("{LOCAL_PREF_BASE} - local_pref")))
        .set("preference", &LEARNED_PREFERENCE.to_string());
    rules.push(numbers.action("continue"));
    rules.extend(uses.iter().map(|filter| use_rule(filter, FilterDirection::Import, family)));
    let least = LOCAL_PREF_BASE.saturating_sub(own.priority).saturating_add(1);
    let elevated = RuleText::default()
        .when("local_pref", &quoted(&format!("{least}..{LOCAL_PREF_BASE}")))
        .set("preference", &ELEVATED_PREFERENCE.to_string());
    rules.push(elevated.action("accept"));
    rules.push(RuleText::default().action("accept"));
    rules
}

fn looks_at_local_pref(own: &FamilySpeaker, uses: &[FilterUse]) -> bool {
    let is_used = |filter: &&FilterPlan| {
        filter.direction == FilterDirection::Export && uses.contains(&FilterUse::Named(filter.name.clone()))
    };
    let mut rules = own.filters.iter().filter(is_used).flat_map(|filter| &filter.rules);
    rules.any(|rule| rule.matches.local_pref.is_some())
}

/// The rules towards peers. With a `priority`, that of ordinary routes, the node's own routes get a LOCAL_PREF by their metrics.
fn export_rules(family: Family, common: &str, uses: &[FilterUse], priority: Option<u32>) -> Vec<String> {
    let mut rules = Vec::new();
    if let Some(priority) = priority {
        // Blocks and services have no metric in the kernel that is the family's own.
        let networks = RuleText::default()
            .when("source", &quoted("local"))
            .set("local_pref", &LOCAL_PREF_BASE.saturating_sub(priority).to_string());
        let kernel = RuleText::default()
            .when("source", &quoted("kernel"))
            .set("local_pref", &quoted(&format!("{LOCAL_PREF_BASE} - metric")));
        rules.extend([networks, kernel].map(|rule| rule.action("continue")));
    }
    rules.extend(uses.iter().map(|filter| use_rule(filter, FilterDirection::Export, family)));
    rules.push(RuleText::default().call(common));
    rules
}

fn use_rule(filter: &FilterUse, direction: FilterDirection, family: Family) -> String {
    match filter {
        FilterUse::Named(name) => RuleText::default().call(&object_name(name, direction, family)),
        FilterUse::RejectAll(_) => RuleText::default().action("reject"),
    }
}

fn advertise_rules(is_internal: bool, own: &FamilySpeaker) -> Vec<String> {
    let inside = |network: &ipnet::IpNet| RuleText::default().when("prefix", &quoted(&network.to_string()));
    let over = |globs: &[&str]| {
        let globs: Vec<String> = globs.iter().map(|glob| quoted(glob)).collect();
        RuleText::default().when("interface", &format!("[{}]", globs.join(", "))).action("reject")
    };
    let mut rules = Vec::new();
    for rule in &own.export_rules {
        match rule {
            ExportRule::HiddenPool(network) => rules.push(inside(network).action("reject")),
            ExportRule::InternalInterfaces(globs) if is_internal => rules.push(over(globs)),
            ExportRule::InternalInterfaces(_) => (),
            ExportRule::LocalInterfaces(globs) => rules.push(over(globs)),
            ExportRule::Communities => rules.extend(community_rules(own)),
            ExportRule::Aggregates => rules.extend(aggregate_rules(own)),
            ExportRule::Service(network)
            | ExportRule::LoadBalancer(network)
            | ExportRule::External(network)
            | ExportRule::Pool(network) => rules.push(inside(network).action("accept")),
        }
    }
    rules.push(RuleText::default().action("reject"));
    rules
}

fn community_rules(own: &FamilySpeaker) -> Vec<String> {
    let additions = own.communities.iter().filter(|addition| !addition.communities.is_empty());
    let rule = |addition: &crate::CommunityAddition| {
        let communities: Vec<String> =
            addition.communities.iter().map(|community| quoted(&community_text(*community))).collect();
        RuleText::default()
            .when("prefix", &quoted(&addition.network.to_string()))
            .set("add_communities", &format!("[{}]", communities.join(", ")))
            .action("continue")
    };
    additions.map(rule).collect()
}

/// A block is advertised, and what is inside it only with a lower metric than ordinary routes.
fn aggregate_rules(own: &FamilySpeaker) -> Vec<String> {
    let highest = own.priority.saturating_sub(1);
    own.aggregates
        .iter()
        .flat_map(|aggregate| {
            let block = quoted(&aggregate.block.to_string());
            [
                RuleText::default().when("prefix_equal", &block).action("accept"),
                RuleText::default()
                    .when("prefix", &block)
                    .when("metric", &quoted(&format!("0..{highest}")))
                    .action("accept"),
                RuleText::default().when("prefix", &block).action("reject"),
            ]
        })
        .collect()
}

fn object_name(name: &str, direction: FilterDirection, family: Family) -> String {
    let direction = match direction {
        FilterDirection::Import => "import",
        FilterDirection::Export => "export",
    };
    format!("bgpfilter:{name}:{direction}-{}", family_text(family))
}

/// A name that follows from what the chain holds, so that peers with equal chains share it.
fn chain_name(way: &str, side: &str, family: Family, uses: &[FilterUse]) -> String {
    let mut name = format!("{way}-{side}-{}", family_text(family));
    for filter in uses {
        match filter {
            FilterUse::Named(filter) => name = format!("{name}:{filter}"),
            FilterUse::RejectAll(filter) => name = format!("{name}:{filter}:rejected"),
        }
    }
    name.chars().map(|c| if c.is_ascii_alphanumeric() || "._:-".contains(c) { c } else { '_' }).collect()
}

fn family_text(family: Family) -> &'static str {
    match family {
        Family::V4 => "ipv4",
        Family::V6 => "ipv6",
    }
}
