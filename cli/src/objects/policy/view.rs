//! Verdicts as people and programs read them.

use std::fmt::Write as _;

use margay_policy::{Direction, Judgement, Outcome, Party, Step};
use serde_json::{Value, json};

use super::flow::Flow;
use super::outcome::is_allowed;
use super::party::Parties;
use crate::objects::query::typed_name;

/// The verdict, and below it each endpoint's with its steps.
pub(super) fn as_text(flow: &Flow, parties: &Parties, judgements: &[Judgement]) -> String {
    let mut text = format!("{}: {}\n", headline(flow, parties), word(is_allowed(judgements)));
    for judgement in judgements {
        let outcome = word(judgement.verdict.outcome == Outcome::Allow);
        let endpoint = typed_name(&judgement.endpoint);
        // Writing to a string cannot fail.
        writeln!(text, "\n{} of {endpoint}: {outcome}", direction(judgement.direction))
            .expect("a string takes all");
        for step in &judgement.verdict.steps {
            writeln!(text, "  {}", self::step(step, judgement.direction)).expect("a string takes all");
        }
    }
    text
}

pub(super) fn as_json(flow: &Flow, parties: &Parties, judgements: &[Judgement]) -> String {
    let judgement = |judgement: &Judgement| {
        let steps: Vec<String> =
            judgement.verdict.steps.iter().map(|step| self::step(step, judgement.direction)).collect();
        json!({
            "endpoint": typed_name(&judgement.endpoint),
            "direction": direction(judgement.direction),
            "allowed": judgement.verdict.outcome == Outcome::Allow,
            "steps": steps,
        })
    };
    let judged: Vec<Value> = judgements.iter().map(judgement).collect();
    let value = json!({
        "from": party_as_json(&parties.from), "to": party_as_json(&parties.to), "sends": flow.to_string(),
        "allowed": is_allowed(judgements), "judgements": judged,
    });
    format!("{value:#}\n")
}

fn party_as_json(party: &Party) -> Value {
    json!({"endpoint": party.endpoint.as_deref().map(typed_name), "address": party.address.to_string()})
}

/// Who sends what to whom.
pub(super) fn headline(flow: &Flow, parties: &Parties) -> String {
    format!("{} to {}, {flow}", party(&parties.from), party(&parties.to))
}

fn party(party: &Party) -> String {
    match &party.endpoint {
        Some(endpoint) => format!("{} ({})", typed_name(endpoint), party.address),
        None => party.address.to_string(),
    }
}

/// The last step of the verdict that denied, or of the last one.
pub(super) fn deciding_step(judgements: &[Judgement]) -> String {
    let Some(judgement) = judgements.last() else { return "nothing is enforced".to_owned() };
    let last = judgement.verdict.steps.last();
    let last = last.map_or_else(String::new, |last| step(last, judgement.direction));
    format!("{} of {}: {last}", direction(judgement.direction), typed_name(&judgement.endpoint))
}

const fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::Ingress => "ingress",
        Direction::Egress => "egress",
    }
}

const fn word(is_allowed: bool) -> &'static str {
    if is_allowed { "allowed" } else { "denied" }
}

fn step(step: &Step, direction: Direction) -> String {
    let direction = self::direction(direction);
    match step {
        Step::PolicyRule { tier, policy, index, action } => {
            format!("tier {tier}: {}: {direction}[{index}] matches: {action}", typed_name(policy))
        }
        Step::PolicyUndecided { tier, policy } => {
            format!("tier {tier}: {}: no rule decides", typed_name(policy))
        }
        Step::PolicyUnknown { tier, policy } => {
            format!("tier {tier}: {} is not known: Deny", typed_name(policy))
        }
        Step::TierDefault { tier, action } => format!("tier {tier}: end of the tier: {action}"),
        Step::ProfileRule { profile, index, action } => {
            format!("profile {profile}: {direction}[{index}] matches: {action}")
        }
        Step::ProfileUndecided { profile } => format!("profile {profile}: no rule decides"),
        Step::ProfileUnknown { profile } => format!("profile {profile} does not exist"),
        Step::EndOfProfiles => "nothing allows it: Deny".to_owned(),
        Step::NoPolicy => "no policy applies".to_owned(),
    }
}
