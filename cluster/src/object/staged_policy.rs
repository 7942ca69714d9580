//! Staged policies: watched, and not enforced.

use serde_json::Value;

use crate::object::policy::{Checked, default_tier};
use crate::object::{
    GlobalNetworkPolicySpec, NetworkPolicySpec, PerformanceHint, PolicyType, Rule, default_types, object,
};
use crate::schema::{Report, choice, record};
use crate::selector::Selector;
use crate::value::Name;

object! {
    /// A network policy of a namespace that is not enforced.
    pub struct StagedNetworkPolicy { spec: StagedNetworkPolicySpec, status: Value, defaults }
}

object! {
    /// A network policy of the cluster that is not enforced.
    pub struct StagedGlobalNetworkPolicy { spec: StagedGlobalNetworkPolicySpec, status: Value, defaults }
}

object! {
    /// A policy of Kubernetes that is not enforced.
    pub struct StagedKubernetesNetworkPolicy { spec: StagedKubernetesNetworkPolicySpec, status: Value }
}

choice! {
    /// What would happen to the policy of the same name.
    pub enum StagedAction {
        /// It would become this one.
        Set = "Set",
        /// It would be deleted.
        Delete = "Delete",
        /// This one was proposed by a program.
        Learn = "Learn",
        /// A proposal that was turned down.
        Ignore = "Ignore",
    }
}

record! {
    /// A [`NetworkPolicySpec`], and what would happen.
    pub struct StagedNetworkPolicySpec checked {
        /// What would happen.
        "stagedAction" => staged_action: StagedAction = StagedAction::Set,
        /// The tier.
        "tier" => tier: Name = default_tier(),
        /// The place in the tier.
        "order" => order: Option<f64>,
        /// Rules for packets to the endpoints.
        "ingress" => ingress: Vec<Rule>,
        /// Rules for packets from the endpoints.
        "egress" => egress: Vec<Rule>,
        /// The endpoints.
        "selector" => selector: Option<Selector>,
        /// Which direction it decides about.
        "types" => types: Vec<PolicyType>,
        /// The service accounts of the endpoints.
        "serviceAccountSelector" => service_account_selector: Option<Selector>,
        /// What makes it faster, without changing what it does.
        "performanceHints" => performance_hints: Vec<PerformanceHint>,
    }
}

record! {
    /// A [`GlobalNetworkPolicySpec`], and what would happen.
    pub struct StagedGlobalNetworkPolicySpec checked {
        /// What would happen.
        "stagedAction" => staged_action: StagedAction = StagedAction::Set,
        /// The tier.
        "tier" => tier: Name = default_tier(),
        /// The place in the tier.
        "order" => order: Option<f64>,
        /// Rules for packets to the endpoints.
        "ingress" => ingress: Vec<Rule>,
        /// Rules for packets from the endpoints.
        "egress" => egress: Vec<Rule>,
        /// The endpoints.
        "selector" => selector: Option<Selector>,
        /// Which direction it decides about.
        "types" => types: Vec<PolicyType>,
        /// Whether it is applied before connection tracking.
        "doNotTrack" => do_not_track: bool,
        /// Whether it is applied before destinations are translated.
        "preDNAT" => pre_dnat: bool,
        /// Whether it is applied to packets that a host endpoint forwards.
        "applyOnForward" => apply_on_forward: bool,
        /// The service accounts of the endpoints.
        "serviceAccountSelector" => service_account_selector: Option<Selector>,
        /// The namespaces of the endpoints.
        "namespaceSelector" => namespace_selector: Option<Selector>,
        /// What makes it faster, without changing what it does.
        "performanceHints" => performance_hints: Vec<PerformanceHint>,
    }
}

record! {
    /// A policy as Kubernetes has it, kept as it is, and what would happen.
    pub struct StagedKubernetesNetworkPolicySpec checked {
        /// What would happen.
        "stagedAction" => staged_action: StagedAction = StagedAction::Set,
        /// The pods.
        "podSelector" => pod_selector: Option<Value>,
        /// Rules for packets to the pods.
        "ingress" => ingress: Vec<Value>,
        /// Rules for packets from the pods.
        "egress" => egress: Vec<Value>,
        /// Which direction it decides about.
        "policyTypes" => policy_types: Vec<PolicyType>,
    }
}

/// The rule for a staged action that deletes: it says nothing else.
const DELETE_RULE: &str = "is Delete; then no other field may be given";

impl StagedNetworkPolicySpec {
    /// What would be enforced.
    #[must_use]
    pub fn enforced(&self) -> NetworkPolicySpec {
        NetworkPolicySpec {
            tier: self.tier.clone(),
            order: self.order,
            ingress: self.ingress.clone(),
            egress: self.egress.clone(),
            selector: self.selector.clone(),
            types: self.types.clone(),
            service_account_selector: self.service_account_selector.clone(),
            performance_hints: self.performance_hints.clone(),
        }
    }

    fn check(&self, report: &mut Report<'_, '_, '_>) {
        if self.staged_action != StagedAction::Delete {
            return self.enforced().check(report);
        }
        let is_empty = self.order.is_none()
            && self.ingress.is_empty()
            && self.egress.is_empty()
            && self.selector.is_none()
            && self.types.is_empty()
            && self.service_account_selector.is_none()
            && self.performance_hints.is_empty();
        if !is_empty {
            report.problem("stagedAction", format!("{DELETE_RULE}, tier left aside"));
        }
    }
}

impl StagedGlobalNetworkPolicySpec {
    /// What would be enforced.
    #[must_use]
    pub fn enforced(&self) -> GlobalNetworkPolicySpec {
        GlobalNetworkPolicySpec {
            tier: self.tier.clone(),
            order: self.order,
            ingress: self.ingress.clone(),
            egress: self.egress.clone(),
            selector: self.selector.clone(),
            types: self.types.clone(),
            do_not_track: self.do_not_track,
            pre_dnat: self.pre_dnat,
            apply_on_forward: self.apply_on_forward,
            service_account_selector: self.service_account_selector.clone(),
            namespace_selector: self.namespace_selector.clone(),
            performance_hints: self.performance_hints.clone(),
        }
    }

    fn check(&self, report: &mut Report<'_, '_, '_>) {
        if self.staged_action != StagedAction::Delete {
            return self.enforced().check(report);
        }
        let is_empty = self.order.is_none()
            && self.ingress.is_empty()
            && self.egress.is_empty()
            && self.selector.is_none()
            && self.types.is_empty()
            && !self.do_not_track
            && !self.pre_dnat
            && !self.apply_on_forward
            && self.service_account_selector.is_none()
            && self.namespace_selector.is_none()
            && self.performance_hints.is_empty();
        if !is_empty {
            report.problem("stagedAction", format!("{DELETE_RULE}, tier left aside"));
        }
    }
}

impl StagedKubernetesNetworkPolicySpec {
    fn check(&self, report: &mut Report<'_, '_, '_>) {
        let is_empty_selector = self
            .pod_selector
            .as_ref()
            .is_none_or(|selector| *selector == Value::Object(serde_json::Map::new()));
        let is_empty = is_empty_selector
            && self.ingress.is_empty()
            && self.egress.is_empty()
            && self.policy_types.is_empty();
        if self.staged_action == StagedAction::Delete && !is_empty {
            report.problem("stagedAction", DELETE_RULE);
        }
        Checked {
            ingress: &[],
            egress: &[],
            types: &self.policy_types,
            performance_hints: &[],
            selectors: [("selector", None); 3],
            services_need_namespace: false,
        }
        .check(report);
    }
}

impl StagedNetworkPolicy {
    fn set_defaults(&mut self) {
        if self.spec.types.is_empty() && self.spec.staged_action != StagedAction::Delete {
            self.spec.types = default_types(&self.spec.ingress, &self.spec.egress);
        }
    }
}

impl StagedGlobalNetworkPolicy {
    fn set_defaults(&mut self) {
        if self.spec.types.is_empty() && self.spec.staged_action != StagedAction::Delete {
            self.spec.types = default_types(&self.spec.ingress, &self.spec.egress);
        }
    }
}
