//! Rules of a filter that do nothing: those that no route reaches, and those that change nothing.

use std::fmt;

use crate::filter::Filter;
use crate::rule::{Action, Rule};

/// A rule that does nothing, and why. Not an error: the filter decides as it says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Finding {
    /// The number of the rule in its filter; the first is 1.
    pub rule: usize,
    /// The line of the operator's file on which it begins, where it is known.
    pub line: Option<u32>,
    /// Why it does nothing.
    pub kind: FindingKind,
}

/// Why a rule does nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FindingKind {
    /// An earlier rule decides for every route that it is for.
    Shadowed {
        /// The number of the earlier rule.
        by: usize,
        /// The line of the earlier rule, where it is known.
        line: Option<u32>,
    },
    /// It goes on to the next rule, and sets and logs nothing.
    WithoutEffect,
    /// It calls a filter without rules, and sets and logs nothing.
    CallsNothing,
}

impl Filter {
    /// The rules that do nothing. Only what can be seen from the rules is found: a rule that is not named here may still be one.
    pub fn findings(&self) -> Vec<Finding> {
        let rules = self.rules();
        let finding = |(at, rule): (usize, &Rule)| {
            let kind = match self.shadow_of(at) {
                Some(by) => FindingKind::Shadowed { by: by + 1, line: self.line(by) },
                None => without_effect(rule)?,
            };
            Some(Finding { rule: at + 1, line: self.line(at), kind })
        };
        rules.iter().enumerate().filter_map(finding).collect()
    }

    /// The first rule that decides for every route that the rule at this position is for.
    fn shadow_of(&self, at: usize) -> Option<usize> {
        let rule = &self.rules()[at];
        (0..at).find(|&earlier| {
            let decides = &self.rules()[earlier];
            let is_final = matches!(decides.action, Action::Accept | Action::Reject);
            // What is set in between may make the condition of the earlier rule hold that did not before.
            let is_stable =
                || decides.condition.is_beyond_edits() || !self.rules()[earlier + 1..at].iter().any(may_set);
            is_final && rule.condition.implies(&decides.condition) && is_stable()
        })
    }
}

/// Whether a route may go on from this rule with other values.
fn may_set(rule: &Rule) -> bool {
    match &rule.action {
        Action::Accept | Action::Reject => false,
        Action::Continue => !rule.edits.is_empty(),
        Action::Call(filter) => !rule.edits.is_empty() || filter.rules().iter().any(may_set),
    }
}

fn without_effect(rule: &Rule) -> Option<FindingKind> {
    if rule.logs || !rule.edits.is_empty() {
        return None;
    }
    match &rule.action {
        Action::Continue => Some(FindingKind::WithoutEffect),
        Action::Call(filter) if filter.rules().is_empty() => Some(FindingKind::CallsNothing),
        Action::Call(_) | Action::Accept | Action::Reject => None,
    }
}

/// As in `rule 3 (line 14) is never reached: rule 1 (line 12) decides for all of its routes`.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rule {}{} ", self.rule, place(self.line))?;
        match self.kind {
            FindingKind::Shadowed { by, line } => {
                write!(f, "is never reached: rule {by}{} decides for all of its routes", place(line))
            }
            FindingKind::WithoutEffect => {
                f.write_str("has no effect: it sets and logs nothing, and goes on to the next rule")
            }
            FindingKind::CallsNothing => {
                f.write_str("has no effect: it calls a filter without rules, and sets and logs nothing")
            }
        }
    }
}

fn place(line: Option<u32>) -> String {
    line.map(|line| format!(" (line {line})")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::*;

    fn prefix(text: &str, lengths: Option<&str>) -> Condition {
        let lengths = lengths.map(|text| text.parse().unwrap());
        Condition::Prefix(PrefixCondition::new(Some(text.parse().unwrap()), lengths).unwrap())
    }

    fn local_pref(range: &str) -> Condition {
        Condition::Number(NumberCondition { number: Number::LocalPref, range: range.parse().unwrap() })
    }

    fn setting(condition: Condition) -> Rule {
        Rule::new(condition, Action::Continue)
            .with_edits([Edit::number(Number::LocalPref, Expression::Fixed(7))])
    }

    fn accept(condition: Condition) -> Rule {
        Rule::new(condition, Action::Accept)
    }

    #[test]
    fn rules_that_do_nothing() {
        let small = || prefix("10.65.1.0/24", Some("26..32"));
        let large = || prefix("10.65.0.0/16", None);
        let empty = Filter::new("empty", []);
        let rows: [(&str, Vec<Rule>, &[&str]); 11] = [
            ("narrow before wide", vec![accept(small()), accept(large())], &[]),
            (
                "wide before narrow",
                vec![accept(large()), accept(small())],
                &["rule 2 (line 11) is never reached: rule 1 (line 10) decides for all of its routes"],
            ),
            (
                "after a rule for every route",
                vec![accept(Condition::always()), Rule::new(local_pref("1"), Action::Reject)],
                &["rule 2 (line 11) is never reached: rule 1 (line 10) decides for all of its routes"],
            ),
            (
                "narrower by a second condition",
                vec![accept(large()), accept(Condition::all([large(), local_pref("1")]))],
                &["rule 2 (line 11) is never reached: rule 1 (line 10) decides for all of its routes"],
            ),
            ("the wider rule does not decide", vec![setting(large()), accept(small())], &[]),
            (
                "what is set between may make the first rule hold",
                vec![accept(local_pref("7")), setting(large()), accept(local_pref("7"))],
                &[],
            ),
            (
                "what is set between does not change the prefix",
                vec![accept(large()), setting(Condition::always()), accept(small())],
                &["rule 3 (line 12) is never reached: rule 1 (line 10) decides for all of its routes"],
            ),
            (
                "ranges of numbers",
                vec![
                    accept(local_pref("1..100")),
                    accept(local_pref("50..60")),
                    accept(local_pref("50..101")),
                ],
                &["rule 2 (line 11) is never reached: rule 1 (line 10) decides for all of its routes"],
            ),
            (
                "goes on and sets nothing",
                vec![Rule::new(large(), Action::Continue)],
                &["rule 1 (line 10) has no effect: it sets and logs nothing, and goes on to the next rule"],
            ),
            ("goes on and logs", vec![Rule::new(large(), Action::Continue).with_log(true)], &[]),
            (
                "calls nothing",
                vec![Rule::new(large(), Action::Call(empty))],
                &[
                    "rule 1 (line 10) has no effect: it calls a filter without rules, and sets and logs nothing",
                ],
            ),
        ];
        for (name, rules, expected) in rows {
            let lines = 10..10 + u32::try_from(rules.len()).unwrap();
            let filter = Filter::new("f", rules).with_lines(lines);
            let found: Vec<String> = filter.findings().iter().map(ToString::to_string).collect();
            assert_eq!(found, expected, "{name}");
        }
    }
}
