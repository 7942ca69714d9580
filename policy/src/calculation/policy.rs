//! A policy: which endpoints, in which place, and which rules.

use std::cmp::Ordering;
use std::sync::Arc;

use margay_cluster::object::{
    AnyObject, GlobalNetworkPolicySpec, NetworkPolicySpec, PerformanceHint, PolicyType, Rule, default_types,
    global_policy_scope, policy_scope,
};
use margay_cluster::selector::Selector;

use crate::wanted::{ObjectId, RuleLists};

use super::local_endpoint::EndpointKind;
use super::tiers::compare_orders;

/// A policy, whether it applies to an endpoint of the node or not.
#[derive(Debug)]
pub(super) struct Policy {
    /// The endpoints that it is for.
    pub(super) scope: Selector,
    /// Where and how it applies to them.
    pub(super) place: Place,
    /// Whether it is wanted even while it applies to no endpoint of the node.
    pub(super) is_always_wanted: bool,
    pub(super) rules: Arc<RuleLists>,
}

/// Where and how a policy applies: a change of it concerns the policy's endpoints, unlike one of its rules.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Place {
    pub(super) tier: Arc<str>,
    order: Option<f64>,
    /// What policies of equal order are ordered by.
    tie_break: String,
    pub(super) has_ingress: bool,
    pub(super) has_egress: bool,
    pub(super) application: Application,
}

/// When a policy is applied to packets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Application {
    /// To packets of workloads, and to those that host endpoints' nodes send and receive.
    Normal,
    /// The same, and to packets that host endpoints forward.
    NormalAndForward,
    /// Before connection tracking, on host endpoints.
    Untracked,
    /// Before destinations are translated, on host endpoints.
    PreDnat,
}

impl Policy {
    /// The policy that an object is; `None` for other objects.
    pub(super) fn of(id: &ObjectId, object: &AnyObject) -> Option<Self> {
        match object {
            AnyObject::NetworkPolicy(policy) => Some(Self::of_namespace(id, &policy.spec)),
            AnyObject::GlobalNetworkPolicy(policy) => Some(Self::of_cluster(id, &policy.spec)),
            _ => None,
        }
    }

    fn of_namespace(id: &ObjectId, spec: &NetworkPolicySpec) -> Self {
        let namespace = id.namespace.as_deref();
        let types = types(&spec.types, &spec.ingress, &spec.egress);
        Self {
            scope: policy_scope(spec, namespace.unwrap_or_default()),
            place: Place::new(id, spec.tier.as_str(), spec.order, &types, Application::Normal),
            is_always_wanted: is_always_wanted(&spec.performance_hints),
            rules: rules(&types, &spec.ingress, &spec.egress, namespace),
        }
    }

    fn of_cluster(id: &ObjectId, spec: &GlobalNetworkPolicySpec) -> Self {
        let types = types(&spec.types, &spec.ingress, &spec.egress);
        let application = match (spec.do_not_track, spec.pre_dnat, spec.apply_on_forward) {
            (true, ..) => Application::Untracked,
            (false, true, _) => Application::PreDnat,
            (false, false, true) => Application::NormalAndForward,
            (false, false, false) => Application::Normal,
        };
        Self {
            scope: global_policy_scope(spec),
            place: Place::new(id, spec.tier.as_str(), spec.order, &types, application),
            is_always_wanted: is_always_wanted(&spec.performance_hints),
            rules: rules(&types, &spec.ingress, &spec.egress, None),
        }
    }
}

impl Place {
    fn new(
        id: &ObjectId,
        tier: &str,
        order: Option<f64>,
        types: &[PolicyType],
        application: Application,
    ) -> Self {
        let namespace = id.namespace.as_deref().unwrap_or_default();
        Self {
            tier: tier.into(),
            order,
            // As one text: '-' and '.' stand before '/'.
            tie_break: format!("{}/{namespace}/{}", id.name, id.kind),
            has_ingress: types.contains(&PolicyType::Ingress),
            has_egress: types.contains(&PolicyType::Egress) && application != Application::PreDnat,
            application,
        }
    }

    /// Which of two policies of a tier comes first.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        compare_orders(self.order, other.order).then_with(|| self.tie_break.cmp(&other.tie_break))
    }

    /// Whether the policy can apply to endpoints of a kind: workloads have conntrack and no address translation.
    pub(super) const fn is_for(&self, kind: EndpointKind) -> bool {
        match (self.application, kind) {
            (Application::Normal | Application::NormalAndForward, _) => true,
            (Application::Untracked | Application::PreDnat, EndpointKind::Host) => true,
            (Application::Untracked | Application::PreDnat, EndpointKind::Workload) => false,
        }
    }
}

fn types(given: &[PolicyType], ingress: &[Rule], egress: &[Rule]) -> Vec<PolicyType> {
    if given.is_empty() { default_types(ingress, egress) } else { given.to_vec() }
}

fn is_always_wanted(hints: &[PerformanceHint]) -> bool {
    hints.contains(&PerformanceHint::AssumeNeededOnEveryNode)
}

/// The rules of the directions that the policy decides about.
fn rules(types: &[PolicyType], ingress: &[Rule], egress: &[Rule], namespace: Option<&str>) -> Arc<RuleLists> {
    let ingress = if types.contains(&PolicyType::Ingress) { ingress } else { &[] };
    let egress = if types.contains(&PolicyType::Egress) { egress } else { &[] };
    Arc::new(RuleLists::compile(ingress, egress, namespace))
}
