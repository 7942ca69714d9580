//! The chains of policies, profiles and endpoints.

use std::collections::BTreeMap;

use margay_cluster::object::{Action, IpVersion};

use crate::evaluator::Stage;
use crate::packet::Direction;
use crate::rule::ActiveRule;
use crate::set::SetKey;
use crate::wanted::{Endpoint, ObjectId, RuleLists, Wanted};

use super::endpoint_chain::endpoint_chain;
use super::named_sets::{NamedSets, names_of};
use super::names;
use super::rule_chain::{CompiledRule, SetNames, compile, statements};
use super::value::{Chain, DispatchMap, Marks, Match, ProgramRule, Statement};

/// Chains by name.
pub(super) type Chains = BTreeMap<String, Chain>;

/// Makes chains of what is wanted, over sets that exist.
pub(super) struct Compiler<'p> {
    pub(super) wanted: &'p Wanted,
    pub(super) sets: &'p NamedSets,
    pub(super) marks: Marks,
}

/// That packets of an interface enter at a chain.
pub(super) struct CompiledEntry {
    pub(super) map: DispatchMap,
    pub(super) interface: String,
    pub(super) name: String,
    pub(super) chain: Chain,
}

impl Compiler<'_> {
    /// The chains of a policy, for both directions.
    pub(super) fn policy_chains(&self, id: &ObjectId, lists: &RuleLists) -> Chains {
        let object = match &id.namespace {
            Some(namespace) => format!("{} {namespace}/{}", id.kind, id.name),
            None => format!("{} {}", id.kind, id.name),
        };
        self.chains(&object, lists, |direction| names::policy_chain(id, direction))
    }

    /// The chains of a profile, for both directions.
    pub(super) fn profile_chains(&self, name: &str, lists: &RuleLists) -> Chains {
        self.chains(&format!("Profile {name}"), lists, |direction| names::profile_chain(name, direction))
    }

    fn chains(&self, object: &str, lists: &RuleLists, name: impl Fn(Direction) -> String) -> Chains {
        let mut chains = Chains::new();
        for direction in [Direction::Ingress, Direction::Egress] {
            let name = name(direction);
            let mut chain = Chain::default();
            for (index, rule) in lists.rules(direction).iter().enumerate() {
                let comment = format!("{object} {}[{index}]", names::direction_name(direction));
                for compiled in compile(rule, self) {
                    let own_name = names::rule_chain(&name, index, compiled.version);
                    if let Some(own) = self.add_rule(rule, compiled, &own_name, &comment, &mut chain) {
                        chains.insert(own_name, own);
                    }
                }
            }
            chains.insert(name, chain);
        }
        chains
    }

    /// Adds a rule to the chain of its policy, and returns a chain of its own if it has exceptions.
    fn add_rule(
        &self,
        rule: &ActiveRule,
        compiled: CompiledRule,
        own_name: &str,
        comment: &str,
        chain: &mut Chain,
    ) -> Option<Chain> {
        let program_rule =
            |matches, statements| ProgramRule { matches, statements, comment: comment.to_owned() };
        let CompiledRule { version, matches, exceptions } = compiled;
        let last = program_rule(matches, statements(rule.action, self.marks, comment));
        if exceptions.is_empty() {
            chain.rules.push(last);
            return None;
        }
        let family = version.map(Match::Version).into_iter().collect();
        chain.rules.push(program_rule(family, vec![Statement::Jump(own_name.to_owned())]));
        let decided = match rule.action {
            Action::Allow => Some(self.marks.accept),
            Action::Pass => Some(self.marks.pass),
            Action::Deny | Action::Log => None,
        };
        chain.rules.extend(
            decided
                .map(|bits| program_rule(vec![Match::Mark { bits, is_set: true }], vec![Statement::Return])),
        );
        let exceptions =
            exceptions.into_iter().map(|exception| program_rule(exception, vec![Statement::Return]));
        Some(Chain { rules: exceptions.chain([last]).collect() })
    }

    /// The chains of an endpoint, with the interface and map that lead to each.
    pub(super) fn entries(&self, id: &ObjectId, endpoint: &Endpoint) -> Vec<CompiledEntry> {
        let Some(interface) = &endpoint.interface else { return Vec::new() };
        let stages = [Stage::Normal, Stage::Forward, Stage::Untracked, Stage::PreDnat];
        let directions = [Direction::Ingress, Direction::Egress];
        let judgements = stages.into_iter().flat_map(|stage| directions.map(|direction| (stage, direction)));
        let entry = |(stage, direction)| {
            let chain = endpoint_chain(endpoint, stage, direction, self.wanted, self.marks)?;
            let name = names::endpoint_chain(&format!("{chain:?}"));
            let map = DispatchMap::of(id, stage, direction);
            Some(CompiledEntry { map, interface: interface.clone(), name, chain })
        };
        judgements.filter_map(entry).collect()
    }
}

impl SetNames for Compiler<'_> {
    fn names(&self, key: &SetKey, version: IpVersion) -> Vec<String> {
        names_of(key, version, self.sets)
    }
}
