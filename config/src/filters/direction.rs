//! What filters may set on import, and what on export.

use margay_filter::{Action, Condition, Edit, Filter, NextHopChoice, Number, Rule};

/// Where a filter stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Direction {
    /// For what a peer advertises.
    Import,
    /// For what is advertised to a peer.
    Export,
    /// For what is installed in the kernel.
    Install,
    /// For what contributes to an aggregate.
    Aggregate,
}

impl Direction {
    /// Why a filter does not do here what it seems to; for its first rule of that kind, those that it calls included.
    pub(super) fn objection(self, filter: &Filter) -> Option<String> {
        filter.rules().iter().find_map(|rule| self.objection_to_rule(rule))
    }

    fn objection_to_rule(self, rule: &Rule) -> Option<String> {
        if matches!(self, Self::Import | Self::Install)
            && asks(&rule.condition, |leaf| matches!(leaf, Condition::Interface(_)))
        {
            return Some(
                "asks for an interface, which only routes of the kernel have: it belongs in export"
                    .to_owned(),
            );
        }
        if matches!(self, Self::Install | Self::Aggregate)
            && asks(&rule.condition, |leaf| matches!(leaf, Condition::Session(_)))
        {
            return Some(
                "asks for the peer that the filter works for, and here there is none: source_peer, source_group and \
                 source_kind are of the peer that a route came from"
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
            (Self::Import | Self::Export, Edit::Link(_)) => {
                Some("sets link, which routes in the kernel have: it belongs in kernel.export".to_owned())
            }
            (Self::Install, edit) => objection_to_installed(edit),
            // What it sets is seen by its later rules only.
            (Self::Aggregate, _) => None,
            (Self::Import | Self::Export, _) => None,
        }
    }
}

/// Tags may be set for later filters of the same chain.
fn is_local(number: Number) -> bool {
    matches!(number, Number::Metric | Number::Preference | Number::Weight)
}

/// Why an edit has no effect on a route in the kernel.
fn objection_to_installed(edit: &Edit) -> Option<String> {
    let what = match edit {
        Edit::Numbers(numbers) => {
            let is_lost = |number: &Number| !matches!(number, Number::Metric | Number::Tag);
            let (number, _) = numbers.iter().find(|(number, _)| is_lost(number))?;
            number.name()
        }
        Edit::NextHop(NextHopChoice::Address(_)) | Edit::Link(_) | Edit::Blackhole => return None,
        Edit::NextHop(_) => {
            return Some("sets next_hop to \"self\", \"keep\" or \"peer\": write an address here".to_owned());
        }
        Edit::RemoveMed => "med",
        Edit::Origin(_) => "origin",
        Edit::AddCommunities(_) | Edit::RemoveCommunities(_) | Edit::ReplaceCommunities(_) => "communities",
        Edit::Prepend(_) => "prepend",
    };
    Some(format!("sets {what}, which routes in the kernel do not have: it belongs in import or export"))
}

fn asks(condition: &Condition, is_meant: fn(&Condition) -> bool) -> bool {
    match condition {
        Condition::All(members) | Condition::Any(members) => {
            members.iter().any(|member| asks(member, is_meant))
        }
        Condition::Not(inner) => asks(inner, is_meant),
        leaf => is_meant(leaf),
    }
}
