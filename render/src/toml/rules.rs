//! Rules of filters as inline tables.

use std::ops::RangeInclusive;

use ipnet::IpNet;
use margay_cluster::value::{Asn, Community};

use super::text::quoted;
use crate::policy::{FilterDirection, LOCAL_PREF_BASE, Operator, RuleEdit, RuleMatch, RulePlan};

/// One rule: conditions, what is set, and what becomes of the route.
#[derive(Debug, Default)]
pub(super) struct RuleText {
    conditions: Vec<String>,
    sets: Vec<String>,
}

impl RuleText {
    pub(super) fn when(mut self, key: &str, value: &str) -> Self {
        self.conditions.push(format!("{key} = {value}"));
        self
    }

    pub(super) fn set(mut self, key: &str, value: &str) -> Self {
        self.sets.push(format!("{key} = {value}"));
        self
    }

    pub(super) fn action(self, action: &str) -> String {
        self.end(&format!("action = {}", quoted(action)))
    }

    pub(super) fn call(self, filter: &str) -> String {
        self.end(&format!("filter = {}", quoted(filter)))
    }

    fn end(self, action: &str) -> String {
        let mut parts = Vec::new();
        for (key, members) in [("match", &self.conditions), ("set", &self.sets)] {
            if !members.is_empty() {
                parts.push(format!("{key} = {{ {} }}", members.join(", ")));
            }
        }
        parts.push(action.to_owned());
        format!("{{ {} }}", parts.join(", "))
    }
}

/// The rule of a `BGPFilter`; `None` for one that no route can match.
///
/// The interface of a route from a peer is not known to filters. A rule for such routes alone that accepts matches none, and one
/// that rejects matches all; other rules by interface are for the kernel's routes.
pub(super) fn rule_of(rule: &RulePlan, direction: FilterDirection) -> Option<String> {
    let is_blind = direction == FilterDirection::Export && asks_for_interface_of_peers(&rule.matches);
    if is_blind && rule.accepts {
        return None;
    }
    let interface = rule.matches.interface.clone().filter(|_| !is_blind);
    let text = conditions(&RuleMatch { interface, ..rule.matches.clone() }, direction)?;
    Some(match rule.accepts {
        true => with_edits(text, &rule.edits, direction).action("accept"),
        false => text.action("reject"),
    })
}

/// Whether a rule asks for some interfaces, and not for others, of routes from peers alone.
pub(super) fn asks_for_interface_of_peers(matches: &RuleMatch) -> bool {
    matches.from_peers && matches.interface.as_ref().is_some_and(|interface| interface != "*")
}

fn conditions(matches: &RuleMatch, direction: FilterDirection) -> Option<RuleText> {
    let mut text = match &matches.network {
        Some((operator, network, lengths)) => network_condition(*operator, *network, lengths.as_ref())?,
        None => RuleText::default(),
    };
    if matches.from_peers && direction == FilterDirection::Export {
        text = text.when("source", &quoted("peer"));
    }
    if let Some(interface) = &matches.interface {
        match direction {
            _ if interface == "*" => (),
            FilterDirection::Export => text = text.when("interface", &quoted(interface)),
            // What a peer sends leads through no interface yet: only the pattern for any matches.
            FilterDirection::Import => return None,
        }
    }
    if let Some(community) = matches.community {
        text = text.when("community", &quoted(&community_text(community)));
    }
    if !matches.as_path_prefix.is_empty() {
        text = text.when("as_path_starts_with", &asn_list(&matches.as_path_prefix));
    }
    if let Some(local_pref) = matches.local_pref {
        text = text.when("local_pref", &local_pref.to_string());
    }
    if let Some(is_internal) = matches.is_internal {
        text = text.when("peer_kind", &quoted(if is_internal { "internal" } else { "external" }));
    }
    Some(text)
}

fn network_condition(
    operator: Operator,
    network: IpNet,
    lengths: Option<&RangeInclusive<u8>>,
) -> Option<RuleText> {
    let text = RuleText::default();
    let prefix = quoted(&network.to_string());
    let length = lengths.map(|lengths| quoted(&format!("{}..{}", lengths.start(), lengths.end())));
    Some(match (operator, length) {
        (Operator::Equal, None) => text.when("prefix_equal", &prefix),
        (Operator::NotEqual, None) => text.when("not", &format!("{{ prefix_equal = {prefix} }}")),
        (Operator::Equal, Some(_)) => return None,
        (Operator::NotEqual, Some(_)) => text,
        (Operator::In, None) => text.when("prefix", &prefix),
        (Operator::In, Some(length)) => text.when("prefix", &prefix).when("length", &length),
        (Operator::NotIn, None) => text.when("prefix_not_in", &prefix),
        (Operator::NotIn, Some(length)) => {
            text.when("not", &format!("{{ prefix = {prefix}, length = {length} }}"))
        }
    })
}

/// Operations in their order: of LOCAL_PREF the last counts, and what is prepended later stands before what was prepended.
fn with_edits(mut text: RuleText, edits: &[RuleEdit], direction: FilterDirection) -> RuleText {
    let local_pref = edits.iter().rev().find_map(|edit| match edit {
        RuleEdit::SetLocalPref(value) => Some(*value),
        RuleEdit::AddCommunity(_) | RuleEdit::Prepend(_) => None,
    });
    if let Some(local_pref) = local_pref {
        text = text.set("local_pref", &local_pref.to_string());
        if direction == FilterDirection::Import {
            text = text.set("metric", &LOCAL_PREF_BASE.saturating_sub(local_pref).to_string());
        }
    }
    let added = edits.iter().filter_map(|edit| match edit {
        RuleEdit::AddCommunity(community) => Some(quoted(&community_text(*community))),
        RuleEdit::Prepend(_) | RuleEdit::SetLocalPref(_) => None,
    });
    let added: Vec<String> = added.collect();
    if !added.is_empty() {
        text = text.set("add_communities", &format!("[{}]", added.join(", ")));
    }
    let mut prepended = Vec::new();
    for edit in edits.iter().rev() {
        if let RuleEdit::Prepend(asns) = edit {
            prepended.extend(asns.iter().copied());
        }
    }
    if !prepended.is_empty() {
        text = text.set("prepend", &asn_list(&prepended));
    }
    text
}

pub(super) fn community_text(community: Community) -> String {
    match community {
        Community::Standard(first, second) => format!("{first}:{second}"),
        Community::Large(first, second, third) => format!("large:{first}:{second}:{third}"),
    }
}

fn asn_list(asns: &[Asn]) -> String {
    let numbers: Vec<String> = asns.iter().map(|asn| asn.0.to_string()).collect();
    format!("[{}]", numbers.join(", "))
}
