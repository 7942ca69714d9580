//! Which policies apply to which endpoints of the node, and in which order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use margay_cluster::selector::{LabelIndex, MatchChange};
use margay_cluster::value::Labels;

use crate::wanted::{Endpoint, ObjectId, RuleLists, TierPolicies};

use super::entity::Entity;
use super::local_endpoint::LocalEndpoint;
use super::policy::{Application, Place, Policy};
use super::replacement::replace;
use super::tiers::Tiers;

/// All policies, and the endpoints of the node.
#[derive(Debug, Default)]
pub(super) struct Policies {
    index: LabelIndex<ObjectId, Arc<str>, ObjectId>,
    policies: BTreeMap<ObjectId, Policy>,
    endpoints: BTreeMap<ObjectId, LocalEndpoint>,
    by_tier: BTreeMap<Arc<str>, BTreeSet<ObjectId>>,
    dirty: BTreeSet<ObjectId>,
}

impl Policies {
    /// Adds an endpoint of the node, or replaces what it was.
    pub(super) fn set_endpoint(&mut self, id: &ObjectId, endpoint: LocalEndpoint, entity: &Entity) {
        let kind = endpoint.kind;
        let before = self.endpoints.insert(Arc::clone(id), endpoint);
        if before.is_some_and(|before| before.kind != kind) {
            self.dirty.extend(self.index.selectors_of(id).cloned());
        }
        self.index.set_item(Arc::clone(id), Arc::clone(&entity.labels), entity.profiles.clone());
    }

    /// Removes an endpoint; whether it was there.
    pub(super) fn remove_endpoint(&mut self, id: &ObjectId) -> bool {
        self.index.remove_item(id);
        self.endpoints.remove(id).is_some()
    }

    /// Adds a policy, replaces what it was, or removes it, and returns the endpoints for which its place changes.
    pub(super) fn set_policy(&mut self, id: &ObjectId, policy: Option<Policy>) -> Vec<ObjectId> {
        self.dirty.insert(Arc::clone(id));
        let place = policy.as_ref().map(|policy| policy.place.clone());
        match &policy {
            Some(policy) => self.index.set_selector(Arc::clone(id), policy.scope.clone()),
            None => self.index.remove_selector(id),
        }
        let before = replace(&mut self.policies, Arc::clone(id), policy).map(|before| before.place);
        if before == place {
            return Vec::new();
        }
        if let Some(Place { tier, .. }) = before {
            let policies = self.by_tier.entry(Arc::clone(&tier)).or_default();
            policies.remove(id);
            if policies.is_empty() {
                self.by_tier.remove(&tier);
            }
        }
        if let Some(Place { tier, .. }) = place {
            self.by_tier.entry(tier).or_default().insert(Arc::clone(id));
        }
        self.index.items_of(id).cloned().collect()
    }

    /// Sets the labels that endpoints inherit from a profile.
    pub(super) fn set_profile_labels(&mut self, profile: &Arc<str>, labels: Arc<Labels>) {
        let is_empty = labels.is_empty();
        self.index.set_parent(Arc::clone(profile), labels);
        if is_empty {
            self.index.remove_parent(profile);
        }
    }

    /// The endpoints that policies of a tier apply to.
    pub(super) fn endpoints_of_tier(&self, tier: &str) -> Vec<ObjectId> {
        let policies = self.by_tier.get(tier).into_iter().flatten();
        policies.flat_map(|policy| self.index.items_of(policy)).cloned().collect()
    }

    /// The endpoints that other policies apply to than the last time; the policies count as changed.
    pub(super) fn poll_matches(&mut self) -> BTreeSet<ObjectId> {
        let mut endpoints = BTreeSet::new();
        while let Some(MatchChange::Started { item, selector } | MatchChange::Stopped { item, selector }) =
            self.index.poll_change()
        {
            endpoints.insert(item);
            self.dirty.insert(selector);
        }
        endpoints
    }

    /// The policies whose rules may be wanted now and were not before, or the other way round, or may have changed.
    pub(super) fn take_dirty(&mut self) -> BTreeSet<ObjectId> {
        std::mem::take(&mut self.dirty)
    }

    /// The rules of a policy, if it applies to an endpoint of the node or is always wanted.
    pub(super) fn wanted_rules(&self, id: &ObjectId) -> Option<Arc<RuleLists>> {
        let policy = self.policies.get(id)?;
        let applies = |endpoint: &ObjectId| {
            self.endpoints.get(endpoint).is_some_and(|endpoint| policy.place.is_for(endpoint.kind))
        };
        let is_wanted = policy.is_always_wanted || self.index.items_of(id).any(applies);
        is_wanted.then(|| Arc::clone(&policy.rules))
    }

    /// What applies to an endpoint; `None` when it is not one of the node.
    pub(super) fn wanted_endpoint(&self, id: &ObjectId, tiers: &Tiers) -> Option<Endpoint> {
        let endpoint = self.endpoints.get(id)?;
        let known = |id| self.policies.get(id).map(|policy| (id, &policy.place));
        let mut policies: Vec<(&ObjectId, &Place)> = self
            .index
            .selectors_of(id)
            .filter_map(known)
            .filter(|(_, place)| place.is_for(endpoint.kind))
            .collect();
        policies.sort_by(|(_, one), (_, other)| {
            let by_tier = tiers.place(&one.tier).compare(&tiers.place(&other.tier));
            by_tier.then_with(|| one.compare(other))
        });
        let with = |applications: &[Application]| {
            let chosen = policies.iter().filter(|(_, place)| applications.contains(&place.application));
            in_tiers(chosen.copied(), tiers)
        };
        let is_host = endpoint.kind == super::local_endpoint::EndpointKind::Host;
        Some(Endpoint {
            interface: endpoint.interface.clone(),
            profiles: endpoint.profiles.clone(),
            tiers: with(&[Application::Normal, Application::NormalAndForward]),
            forward: if is_host { with(&[Application::NormalAndForward]) } else { Vec::new() },
            untracked: with(&[Application::Untracked]),
            pre_dnat: with(&[Application::PreDnat]),
        })
    }
}

/// Sorted policies by tier, in the directions that they decide about.
fn in_tiers<'p>(
    policies: impl Iterator<Item = (&'p ObjectId, &'p Place)>,
    tiers: &Tiers,
) -> Vec<TierPolicies> {
    let mut grouped: Vec<TierPolicies> = Vec::new();
    for (id, place) in policies {
        if grouped.last().is_none_or(|last| last.name != place.tier) {
            grouped.push(TierPolicies {
                name: Arc::clone(&place.tier),
                default_action: tiers.default_action(&place.tier),
                ingress: Vec::new(),
                egress: Vec::new(),
            });
        }
        let Some(tier) = grouped.last_mut() else { continue };
        if place.has_ingress {
            tier.ingress.push(Arc::clone(id));
        }
        if place.has_egress {
            tier.egress.push(Arc::clone(id));
        }
    }
    grouped.retain(|tier| !tier.ingress.is_empty() || !tier.egress.is_empty());
    grouped
}
