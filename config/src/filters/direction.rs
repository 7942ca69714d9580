//! What filters may set on import, and what on export.

use margay_filter::{Action, Condition, Edit, Filter, NextHopChoice, Number, Rule};

/// Where a filter stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Direction {
    /// For what a peer advertises.
    Import,
    /// For what is advertised to a peer.
    Export,
}

impl Direction {
    /// Why a filter does not do here what it seems to; for its first rule of that kind, those that it calls included.
    pub(super) fn objection(self, filter: &Filter) -> Option<String> {
        filter.rules().iter().find_map(|rule| self.objection_to_rule(rule))
    }

    fn objection_to_rule(self, rule: &Rule) -> Option<String> {
        if self == Self::Import && asks_for_interface(&rule.condition) {
            return Some(
                "asks for an interface, which only routes of the kernel have: it belongs in export"
                    .to_owned(),
            );
        }
        let called = match &rule.action {
            Action::Call(filter) => self.objection(filter),
            Action::Accept | Action::Reject | Action::Continue => None,
        };
        called.or_else(|| rule.edits.iter().find_map(|edit| self.objection_to_edit(edit)))
    }

    fn objection_to_edit(self, edit: &Edit) -> Option<String> {
        match (self, edit) {
            (Self::Export, Edit::Numbers(numbers)) => {
                let local = numbers.iter().map(|(number, _)| *number).find(|number| is_local(*number));
                local.map(|number| format!("sets {number}, which is never advertised: it belongs in import"))
            }
            (Self::Import, Edit::NextHop(NextHopChoice::OwnAddress | NextHopChoice::Keep)) => Some(
                "sets next_hop \"self\" or \"keep\", which is about what is advertised: it belongs in export"
                    .to_owned(),
            ),
            (Self::Export, Edit::NextHop(NextHopChoice::Peer)) => Some(
                "sets next_hop \"peer\", the peer that advertised the route: it belongs in import".to_owned(),
            ),
            (Self::Import | Self::Export, _) => None,
        }
    }
}

/// Tags may be set for later filters of the same chain.
fn is_local(number: Number) -> bool {
    matches!(number, Number::Metric | Number::Preference | Number::Weight)
}

fn asks_for_interface(condition: &Condition) -> bool {
    match condition {
        Condition::All(members) | Condition::Any(members) => members.iter().any(asks_for_interface),
        Condition::Not(inner) => asks_for_interface(inner),
        Condition::Interface(_) => true,
        _ => false,
    }
}
