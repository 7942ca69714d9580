//! The verdict on a packet, and what led to it.

mod matching;

use std::sync::Arc;

use margay_cluster::key::ObjectKey;
use margay_cluster::object::{Action, TierAction};

use crate::packet::{Direction, Packet};
use crate::rule::ActiveRule;
use crate::wanted::{Endpoint, ObjectId, TierPolicies, Wanted};

use self::matching::matches;

/// What happens to a packet, and why.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verdict {
    /// What happens to it.
    pub outcome: Outcome,
    /// Everything that was looked at and had a say, in order; the last one decided.
    pub steps: Vec<Step>,
}

/// What happens to a packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It passes.
    Allow,
    /// It is dropped.
    Deny,
    /// Nothing here decides about it: it goes on to what comes after this stage.
    Undecided,
}

/// Where in its way through the node a packet is judged.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Stage {
    /// Packets of a workload, and those that a host endpoint's node sends and receives itself.
    Normal,
    /// Packets that a host endpoint forwards: allowed when no policy applies.
    Forward,
    /// Before connection tracking, on host endpoints: what no policy decides about goes on.
    Untracked,
    /// Before destinations are translated, on host endpoints: what no policy decides about goes on.
    PreDnat,
}

/// Something that had a say.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Step {
    /// A rule of a policy matched.
    PolicyRule {
        /// The tier.
        tier: Arc<str>,
        /// The policy.
        policy: ObjectId,
        /// The place of the rule in the policy's list of the direction, from 0.
        index: usize,
        /// What the rule says.
        action: Action,
    },
    /// No rule of a policy decided.
    PolicyUndecided {
        /// The tier.
        tier: Arc<str>,
        /// The policy.
        policy: ObjectId,
    },
    /// A policy that applies is not known: the packet is denied.
    PolicyUnknown {
        /// The tier.
        tier: Arc<str>,
        /// The policy.
        policy: ObjectId,
    },
    /// No policy of a tier decided, and its default action was taken.
    TierDefault {
        /// The tier.
        tier: Arc<str>,
        /// Its default action.
        action: TierAction,
    },
    /// A rule of a profile matched.
    ProfileRule {
        /// The profile.
        profile: Arc<str>,
        /// The place of the rule in the profile's list of the direction, from 0.
        index: usize,
        /// What the rule says.
        action: Action,
    },
    /// No rule of a profile decided.
    ProfileUndecided {
        /// The profile.
        profile: Arc<str>,
    },
    /// A profile does not exist: it allows nothing.
    ProfileUnknown {
        /// The profile.
        profile: Arc<str>,
    },
    /// Nothing decided: what is not allowed is denied.
    EndOfProfiles,
    /// No policy applies at this stage.
    NoPolicy,
}

impl Wanted {
    /// The verdict on a packet from or to an endpoint; `None` when the endpoint is not one of the node's.
    ///
    /// It is that on the first packet of a flow: packets of a flow that was allowed pass in both directions.
    #[must_use]
    pub fn verdict(
        &self,
        endpoint: &ObjectKey,
        stage: Stage,
        direction: Direction,
        packet: &Packet,
    ) -> Option<Verdict> {
        let endpoint = self.endpoints.get(endpoint)?;
        Some(self.verdict_on(endpoint, stage, direction, packet))
    }

    /// The verdict on a packet from or to an endpoint with certain policies and profiles.
    #[must_use]
    pub fn verdict_on(
        &self,
        endpoint: &Endpoint,
        stage: Stage,
        direction: Direction,
        packet: &Packet,
    ) -> Verdict {
        let mut walk = Walk { wanted: self, direction, packet, steps: Vec::new() };
        let outcome = match stage {
            Stage::Normal => {
                walk.tiers(&endpoint.tiers, true).unwrap_or_else(|| walk.profiles(&endpoint.profiles))
            }
            Stage::Forward => walk.tiers(&endpoint.forward, true).unwrap_or_else(|| {
                // After Pass in the last tier nothing allows the packet, as forwarded packets have no profiles.
                let applies = endpoint.forward.iter().any(|tier| !tier.policies(direction).is_empty());
                walk.end(if applies { Outcome::Deny } else { Outcome::Allow })
            }),
            Stage::Untracked => walk.unless_decided(&endpoint.untracked),
            Stage::PreDnat => walk.unless_decided(&endpoint.pre_dnat),
        };
        Verdict { outcome, steps: walk.steps }
    }
}

/// The way of one packet through tiers and profiles.
struct Walk<'w> {
    wanted: &'w Wanted,
    direction: Direction,
    packet: &'w Packet,
    steps: Vec<Step>,
}

impl Walk<'_> {
    /// What the tiers decide; `None` when it is left to what comes after them.
    fn tiers(&mut self, tiers: &[TierPolicies], has_defaults: bool) -> Option<Outcome> {
        tiers.iter().find_map(|tier| self.tier(tier, has_defaults))
    }

    fn unless_decided(&mut self, tiers: &[TierPolicies]) -> Outcome {
        self.tiers(tiers, false).unwrap_or_else(|| self.end(Outcome::Undecided))
    }

    fn end(&mut self, outcome: Outcome) -> Outcome {
        self.steps.push(if outcome == Outcome::Deny { Step::EndOfProfiles } else { Step::NoPolicy });
        outcome
    }

    fn tier(&mut self, tier: &TierPolicies, has_defaults: bool) -> Option<Outcome> {
        let policies = tier.policies(self.direction);
        for policy in policies {
            match self.policy(tier, policy) {
                Some(Action::Allow) => return Some(Outcome::Allow),
                Some(Action::Deny) => return Some(Outcome::Deny),
                Some(Action::Pass) => return None,
                Some(Action::Log) | None => {}
            }
        }
        if policies.is_empty() || !has_defaults {
            return None;
        }
        self.steps.push(Step::TierDefault { tier: Arc::clone(&tier.name), action: tier.default_action });
        (tier.default_action == TierAction::Deny).then_some(Outcome::Deny)
    }

    fn policy(&mut self, tier: &TierPolicies, policy: &ObjectId) -> Option<Action> {
        let (wanted, direction) = (self.wanted, self.direction);
        let tier = || Arc::clone(&tier.name);
        let Some(lists) = wanted.policies.get(policy) else {
            self.steps.push(Step::PolicyUnknown { tier: tier(), policy: Arc::clone(policy) });
            return Some(Action::Deny);
        };
        let decided = self.rules(lists.rules(direction), |index, action| Step::PolicyRule {
            tier: tier(),
            policy: Arc::clone(policy),
            index,
            action,
        });
        if decided.is_none() {
            self.steps.push(Step::PolicyUndecided { tier: tier(), policy: Arc::clone(policy) });
        }
        decided
    }

    fn profiles(&mut self, profiles: &[Arc<str>]) -> Outcome {
        for profile in profiles {
            match self.profile(profile) {
                Some(Action::Allow) => return Outcome::Allow,
                Some(Action::Deny) => return Outcome::Deny,
                // There is no tier to pass to: the next profile looks at the packet.
                Some(Action::Pass | Action::Log) | None => {}
            }
        }
        self.end(Outcome::Deny)
    }

    fn profile(&mut self, profile: &Arc<str>) -> Option<Action> {
        let Some(lists) = self.wanted.profiles.get(profile) else {
            self.steps.push(Step::ProfileUnknown { profile: Arc::clone(profile) });
            return None;
        };
        let decided = self.rules(lists.rules(self.direction), |index, action| Step::ProfileRule {
            profile: Arc::clone(profile),
            index,
            action,
        });
        if decided.is_none() {
            self.steps.push(Step::ProfileUndecided { profile: Arc::clone(profile) });
        }
        decided
    }

    /// The action of the first rule that matches and decides; each rule that matches is a step.
    fn rules(&mut self, rules: &[ActiveRule], step: impl Fn(usize, Action) -> Step) -> Option<Action> {
        for (index, rule) in rules.iter().enumerate() {
            if !matches(rule, self.packet, &self.wanted.sets) {
                continue;
            }
            self.steps.push(step(index, rule.action));
            if rule.action != Action::Log {
                return Some(rule.action);
            }
        }
        None
    }
}
