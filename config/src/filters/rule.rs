//! One rule of a filter: `{ match = { … }, set = { … }, action = "accept" }`.

use margay_filter::{Action, Condition, Rule};

use super::FilterReader;
use super::matches::read_match;
use super::{edits, matches};
use crate::report::Report;
use crate::section::Section;

impl<'t> FilterReader<'t, '_> {
    pub(super) fn rule(&mut self, mut section: Section<'t>, report: &mut Report<'_>) -> Option<Rule> {
        let condition = match section.get("match") {
            Some(value) => value
                .table("match", report)
                .and_then(|section| read_match(section, self.sets, report))
                .filter(|condition| matches::is_possible(condition, value, report)),
            None => Some(Condition::always()),
        };
        let action = self.action(&mut section, report);
        let edits = edits::read(&mut section, self.sets, report);
        let logs = section.get("log").map_or(Some(false), |value| value.boolean(report));
        let offset = section.offset();
        section.finish(report);
        let (condition, action, edits, logs) = (condition?, action?, edits?, logs?);
        if action == Action::Reject && !edits.is_empty() {
            report.add(offset, "a rule that rejects a route sets nothing in it: leave out what it sets");
            return None;
        }
        Some(Rule::new(condition, action).with_edits(edits).with_log(logs))
    }

    /// What the rule does: `action`, or the filter that it calls.
    fn action(&mut self, section: &mut Section<'t>, report: &mut Report<'_>) -> Option<Action> {
        let (action, called) = (section.get("action"), section.get("filter"));
        match (action, called) {
            (Some(action), None) => action.parsed("accept", report, parse_action),
            (None, Some(called)) => self.called(called, report).map(Action::Call),
            (Some(action), Some(_)) => {
                action.reject(
                    report,
                    "a rule that calls a filter has no action of its own: leave one of them out",
                );
                None
            }
            (None, None) => {
                report.add(section.offset(), "a rule has no action, and calls no filter");
                None
            }
        }
    }
}

fn parse_action(text: &str) -> Result<Action, String> {
    match text {
        "accept" => Ok(Action::Accept),
        "reject" => Ok(Action::Reject),
        "continue" => Ok(Action::Continue),
        _ => Err(format!("{text:?} is not an action: write \"accept\", \"reject\" or \"continue\"")),
    }
}
