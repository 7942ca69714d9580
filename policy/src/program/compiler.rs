//! Puts a program together.

use margay_cluster::object::{Action, IpVersion};

use crate::evaluator::Stage;
use crate::packet::Direction;
use crate::rule::ActiveRule;
use crate::set::SetKey;
use crate::wanted::{Endpoint, ObjectId, RuleLists, Wanted};

use super::endpoint_chain::endpoint_chain;
use super::names;
use super::rule_chain::{CompiledRule, SetNames, compile, statements};
use super::set_shape::SetShape;
use super::value::{Chain, DispatchMap, Marks, Match, Program, ProgramRule, Statement};

pub(super) struct Compiler<'w> {
    wanted: &'w Wanted,
    marks: Marks,
    program: Program,
}

impl<'w> Compiler<'w> {
    pub(super) fn new(wanted: &'w Wanted, marks: Marks) -> Self {
        Self { wanted, marks, program: Program::default() }
    }

    pub(super) fn finish(self) -> Program {
        self.program
    }

    /// Adds the named sets that stand for a set.
    pub(super) fn add_set(&mut self, key: &SetKey) {
        for version in [IpVersion::V4, IpVersion::V6] {
            self.program.sets.extend(SetShape::of(key, self.wanted.sets.get(key), version).0);
        }
    }

    /// Adds the chains of a policy, one for each direction.
    pub(super) fn add_policy(&mut self, id: &ObjectId, lists: &RuleLists) {
        let object = match &id.namespace {
            Some(namespace) => format!("{} {namespace}/{}", id.kind, id.name),
            None => format!("{} {}", id.kind, id.name),
        };
        for direction in [Direction::Ingress, Direction::Egress] {
            self.add_chain(&names::policy_chain(id, direction), &object, lists, direction);
        }
    }

    /// Adds the chains of a profile, one for each direction.
    pub(super) fn add_profile(&mut self, name: &str, lists: &RuleLists) {
        for direction in [Direction::Ingress, Direction::Egress] {
            let object = format!("Profile {name}");
            self.add_chain(&names::profile_chain(name, direction), &object, lists, direction);
        }
    }

    fn add_chain(&mut self, name: &str, object: &str, lists: &RuleLists, direction: Direction) {
        let mut chain = Chain::default();
        for (index, rule) in lists.rules(direction).iter().enumerate() {
            let comment = format!("{object} {}[{index}]", names::direction_name(direction));
            for compiled in compile(rule, self) {
                self.add_rule(name, index, rule, compiled, &comment, &mut chain);
            }
        }
        self.program.chains.insert(name.to_owned(), chain);
    }

    /// Adds a rule to the chain of its policy, and a chain of its own if it has exceptions.
    fn add_rule(
        &mut self,
        name: &str,
        index: usize,
        rule: &ActiveRule,
        compiled: CompiledRule,
        comment: &str,
        chain: &mut Chain,
    ) {
        let program_rule =
            |matches, statements| ProgramRule { matches, statements, comment: comment.to_owned() };
        let CompiledRule { version, matches, exceptions } = compiled;
        let last = program_rule(matches, statements(rule.action, self.marks, comment));
        if exceptions.is_empty() {
            chain.rules.push(last);
            return;
        }
        let own_name = names::rule_chain(name, index, version);
        let exceptions =
            exceptions.into_iter().map(|exception| program_rule(exception, vec![Statement::Return]));
        let own = Chain { rules: exceptions.chain([last]).collect() };
        self.program.chains.insert(own_name.clone(), own);
        let family = version.map(Match::Version).into_iter().collect();
        chain.rules.push(program_rule(family, vec![Statement::Jump(own_name)]));
        let decided = match rule.action {
            Action::Allow => self.marks.accept,
            Action::Pass => self.marks.pass,
            Action::Deny | Action::Log => return,
        };
        chain
            .rules
            .push(program_rule(vec![Match::Mark { bits: decided, is_set: true }], vec![Statement::Return]));
    }

    /// Adds an endpoint's chains, and its interface to the maps that lead to them.
    pub(super) fn add_endpoint(&mut self, id: &ObjectId, endpoint: &Endpoint) {
        let Some(interface) = &endpoint.interface else { return };
        for stage in [Stage::Normal, Stage::Forward, Stage::Untracked, Stage::PreDnat] {
            for direction in [Direction::Ingress, Direction::Egress] {
                let Some(chain) = endpoint_chain(endpoint, stage, direction, self.wanted, self.marks) else {
                    continue;
                };
                let name = names::endpoint_chain(&format!("{chain:?}"));
                self.program.chains.insert(name.clone(), chain);
                let map = self.program.dispatch.entry(DispatchMap::of(id, stage, direction)).or_default();
                // Of two endpoints that name one interface, the first by name has it.
                map.entry(interface.clone()).or_insert(name);
            }
        }
    }
}

impl SetNames for Compiler<'_> {
    fn names(&self, key: &SetKey, version: IpVersion) -> Vec<String> {
        let shape = SetShape::of(key, self.wanted.sets.get(key), version);
        shape.0.into_iter().map(|(name, _)| name).collect()
    }
}
