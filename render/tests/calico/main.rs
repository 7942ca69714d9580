//! Calico's golden cases: objects in, the facts of what is planned equal the recorded facts.
//!
//! The corpus stands beside the checkout; where it is absent, the tests say so and pass.

mod case;
mod facts;

use std::collections::BTreeMap;

use case::Case;
use margay_render::{Family, plan};
use serde_json::Value;

#[test]
fn plans_have_the_recorded_facts() {
    let cases = case::read_all();
    let mut differences = Vec::new();
    let mut compared = 0;
    for case in &cases {
        let (speaker, problems) = plan(&case.snapshot(), &case.nodename);
        for family in Family::ALL {
            let Some(expected) = case.expected(family) else { continue };
            let planned = speaker.as_ref().map(|speaker| facts::of(speaker, family));
            compared += 1;
            differences.extend(compare(case, family, expected, planned));
        }
        assert!(problems.iter().all(|problem| !problem.object.is_empty()));
    }
    if !cases.is_empty() {
        assert!(compared > 100, "only {compared} families were compared");
    }
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
}

/// Differences of the facts that both have; whether the family is there first of all.
fn compare(
    case: &Case,
    family: Family,
    expected: &Value,
    planned: Option<BTreeMap<&str, Value>>,
) -> Vec<String> {
    let name = &case.case;
    let planned = planned.unwrap_or_default();
    if planned.is_empty() == (expected["enabled"] == true) {
        return vec![format!("{name} {family:?}: enabled is {}", expected["enabled"])];
    }
    let differs = |(fact, value): (&&str, &Value)| {
        let recorded = facts::normal(fact, expected);
        (recorded != *value)
            .then(|| format!("{name} {family:?} {fact}:\n  recorded {recorded}\n  planned  {value}"))
    };
    planned.iter().filter_map(differs).collect()
}
