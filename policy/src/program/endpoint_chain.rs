//! The chain of an endpoint's direction: its tiers and profiles in order.

use std::sync::Arc;

use margay_cluster::object::TierAction;

use crate::evaluator::Stage;
use crate::packet::Direction;
use crate::wanted::{Endpoint, ObjectId, TierPolicies, Wanted};

use super::names;
use super::value::{Chain, Marks, Match, ProgramRule, Statement};

/// The chain for an endpoint's packets; `None` at a stage at which nothing is enforced for it.
pub(super) fn endpoint_chain(
    endpoint: &Endpoint,
    stage: Stage,
    direction: Direction,
    wanted: &Wanted,
    marks: Marks,
) -> Option<Chain> {
    let tiers = match stage {
        Stage::Normal => &endpoint.tiers,
        Stage::Forward => &endpoint.forward,
        Stage::Untracked => &endpoint.untracked,
        Stage::PreDnat => &endpoint.pre_dnat,
    };
    let has_policies = tiers.iter().any(|tier| !tier.policies(direction).is_empty());
    if !has_policies && stage != Stage::Normal {
        return None;
    }
    let mut chain = Builder { wanted, direction, marks, rules: Vec::new() };
    chain.mark(marks.accept | marks.pass, 0);
    let has_defaults = matches!(stage, Stage::Normal | Stage::Forward);
    tiers.iter().for_each(|tier| chain.tier(tier, has_defaults));
    if stage == Stage::Normal {
        endpoint.profiles.iter().for_each(|profile| chain.profile(profile));
    }
    if has_defaults {
        chain.rule(&[], &[Statement::Count, Statement::Drop], "nothing allows it");
    }
    Some(Chain { rules: chain.rules })
}

struct Builder<'w> {
    wanted: &'w Wanted,
    direction: Direction,
    marks: Marks,
    rules: Vec<ProgramRule>,
}

impl Builder<'_> {
    fn rule(&mut self, matches: &[Match], statements: &[Statement], comment: &str) {
        let (matches, statements) = (matches.to_vec(), statements.to_vec());
        self.rules.push(ProgramRule { matches, statements, comment: comment.to_owned() });
    }

    fn mark(&mut self, clear: u32, set: u32) {
        self.rule(&[], &[Statement::Mark { clear, set }], "");
    }

    /// The policies of a tier, up to the first that decides or passes; then the tier's default.
    fn tier(&mut self, tier: &TierPolicies, has_defaults: bool) {
        let policies = tier.policies(self.direction);
        if policies.is_empty() {
            return;
        }
        self.mark(self.marks.pass, 0);
        for policy in policies {
            self.policy(policy);
        }
        if has_defaults && tier.default_action == TierAction::Deny {
            let comment = format!("tier {}: end of the tier", tier.name);
            self.rule(&[self.is_not_passed()], &[Statement::Count, Statement::Drop], &comment);
        }
    }

    fn policy(&mut self, policy: &ObjectId) {
        let not_passed = self.is_not_passed();
        if !self.wanted.policies.contains_key(policy) {
            return self.rule(
                &[not_passed],
                &[Statement::Count, Statement::Drop],
                "a policy that is not known",
            );
        }
        let chain = names::policy_chain(policy, self.direction);
        self.rule(&[not_passed], &[Statement::Jump(chain)], "");
        self.return_if_allowed();
    }

    fn profile(&mut self, profile: &Arc<str>) {
        if self.wanted.profiles.contains_key(profile) {
            self.rule(&[], &[Statement::Jump(names::profile_chain(profile, self.direction))], "");
            self.return_if_allowed();
        }
    }

    fn return_if_allowed(&mut self) {
        self.rule(&[Match::Mark { bits: self.marks.accept, is_set: true }], &[Statement::Return], "");
    }

    const fn is_not_passed(&self) -> Match {
        Match::Mark { bits: self.marks.pass, is_set: false }
    }
}
