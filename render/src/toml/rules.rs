//! Rules of filters as inline tables.

use std::ops::RangeInclusive;

use ipnet::IpNet;

use super::text::quoted;
use crate::policy::{FilterDirection, LOCAL_PREF_BASE, Operator, RuleEdit, RuleMatch, RulePlan};

/// What becomes of routes from peers and to peers whatever else a rule says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Side {
    pub(super) direction: FilterDirection,
    /// Whether the peers are in the own AS.
    pub(super) is_internal: bool,
}

/// LOCAL_PREF of what external peers send: what they send themselves is not looked at.
const EXTERNAL_LOCAL_PREF: u32 = 100;

/// One rule: conditions, and what is set.
#[derive(Clone, Debug, Default)]
pub(super) struct RuleText {
    conditions: Vec<String>,
    sets: Vec<String>,
}

impl RuleText {
    pub(super) fn inside(network: IpNet) -> Self {
        Self::default().when("prefix", &quoted(&network.to_string()))
    }

    pub(super) fn exactly(network: IpNet) -> Self {
        Self::inside(network).when("length", &quoted(&network.prefix_len().to_string()))
    }

    pub(super) fn when(mut self, key: &str, value: &str) -> Self {
        self.conditions.push(format!("{key} = {value}"));
        self
    }

    pub(super) fn set(mut self, key: &str, value: &str) -> Self {
        self.sets.push(format!("{key} = {value}"));
        self
    }

    pub(super) fn reject(self) -> String {
        self.end("reject")
    }

    /// Accepts, with the metric and LOCAL_PREF that go with each other in a Calico cluster.
    pub(super) fn accept(self, side: Side) -> String {
        let rest = |of: &str| quoted(&format!("{LOCAL_PREF_BASE} - {of}"));
        let text = match (side.direction, side.is_internal) {
            (FilterDirection::Import, true) => self.set("set_metric", &rest("local_pref")),
            (FilterDirection::Import, false) => self.with_local_pref(EXTERNAL_LOCAL_PREF, side),
            (FilterDirection::Export, true) => self.set("set_local_pref", &rest("metric")),
            (FilterDirection::Export, false) => self,
        };
        text.end("accept")
    }

    fn accept_with(self, local_pref: u32, side: Side) -> String {
        self.with_local_pref(local_pref, side).end("accept")
    }

    fn with_local_pref(self, local_pref: u32, side: Side) -> Self {
        let text = self.set("set_local_pref", &local_pref.to_string());
        match side.direction {
            FilterDirection::Import => {
                text.set("set_metric", &LOCAL_PREF_BASE.saturating_sub(local_pref).to_string())
            }
            FilterDirection::Export => text,
        }
    }

    fn end(self, action: &str) -> String {
        let mut parts = Vec::new();
        if !self.conditions.is_empty() {
            parts.push(format!("match = {{ {} }}", self.conditions.join(", ")));
        }
        parts.push(format!("action = {}", quoted(action)));
        parts.extend(self.sets);
        format!("{{ {} }}", parts.join(", "))
    }
}

/// The rule of a `BGPFilter` for peers of a side; `None` for one that no route can match.
///
/// # Errors
///
/// What of the rule the file has no words for.
pub(super) fn rule_of(rule: &RulePlan, side: Side) -> Result<Option<String>, &'static str> {
    let Some(text) = conditions(&rule.matches, side)? else { return Ok(None) };
    if !rule.accepts {
        return Ok(Some(text.reject()));
    }
    let mut local_pref = None;
    for edit in &rule.edits {
        match edit {
            RuleEdit::SetLocalPref(value) => local_pref = Some(*value),
            RuleEdit::AddCommunity(_) => return Err("adds a community"),
            RuleEdit::Prepend(_) => return Err("prepends AS numbers"),
        }
    }
    Ok(Some(match local_pref {
        Some(local_pref) => text.accept_with(local_pref, side),
        None => text.accept(side),
    }))
}

fn conditions(matches: &RuleMatch, side: Side) -> Result<Option<RuleText>, &'static str> {
    if matches.is_internal.is_some_and(|is_internal| is_internal != side.is_internal) {
        return Ok(None);
    }
    if matches.community.is_some() {
        return Err("asks for a community");
    }
    if !matches.as_path_prefix.is_empty() {
        return Err("asks for an AS path");
    }
    match (side.direction, &matches.interface) {
        (FilterDirection::Export, Some(_)) => return Err("asks for an interface"),
        // What a peer sends leads through no interface yet: only the pattern for any matches.
        (FilterDirection::Import, Some(glob)) if glob != "*" => return Ok(None),
        (FilterDirection::Import | FilterDirection::Export, _) => (),
    }
    if matches.from_peers && side.direction == FilterDirection::Export {
        return Err("asks for routes of peers");
    }
    let text = match &matches.network {
        Some((operator, network, lengths)) => match network_condition(*operator, *network, lengths.as_ref())?
        {
            Some(text) => text,
            None => return Ok(None),
        },
        None => RuleText::default(),
    };
    Ok(Some(match (side.direction, matches.local_pref) {
        (FilterDirection::Import, Some(local_pref)) => text.when("local_pref", &range_of(local_pref)),
        // Own routes have no LOCAL_PREF yet, but all have the metric that it follows from.
        (FilterDirection::Export, Some(local_pref)) => {
            text.when("metric", &range_of(LOCAL_PREF_BASE.saturating_sub(local_pref)))
        }
        (_, None) => text,
    }))
}

fn range_of(value: u32) -> String {
    quoted(&format!("{value}..{value}"))
}

fn network_condition(
    operator: Operator,
    network: IpNet,
    lengths: Option<&RangeInclusive<u8>>,
) -> Result<Option<RuleText>, &'static str> {
    match (operator, lengths) {
        (Operator::Equal, None) => Ok(Some(RuleText::exactly(network))),
        (Operator::Equal, Some(_)) => Ok(None),
        (Operator::In, None) => Ok(Some(RuleText::inside(network))),
        (Operator::In, Some(lengths)) => {
            let lengths = quoted(&format!("{}..{}", lengths.start(), lengths.end()));
            Ok(Some(RuleText::inside(network).when("length", &lengths)))
        }
        (Operator::NotEqual, Some(_)) => Ok(Some(RuleText::default())),
        (Operator::NotEqual, None) => Err("asks for another prefix than one (NotEqual)"),
        (Operator::NotIn, _) => Err("asks for a prefix outside of a network (NotIn)"),
    }
}
