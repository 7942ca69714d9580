//! Network policies: which packets of which endpoints pass.

use serde_json::Value;

use crate::object::{Rule, object};
use crate::schema::{Report, choice, record};
use crate::selector::Selector;
use crate::value::Name;

object! {
    /// Network policy of a namespace.
    pub struct NetworkPolicy { spec: NetworkPolicySpec, status: Value, defaults }
}

object! {
    /// Network policy of the cluster.
    pub struct GlobalNetworkPolicy { spec: GlobalNetworkPolicySpec, status: Value, defaults }
}

record! {
    /// Which endpoints of the namespace, and which packets of theirs.
    pub struct NetworkPolicySpec checked {
        /// The tier.
        "tier" => tier: Name = default_tier(),
        /// The place in the tier; after all that have one when it is not given.
        "order" => order: Option<f64>,
        /// Rules for packets to the endpoints.
        "ingress" => ingress: Vec<Rule>,
        /// Rules for packets from the endpoints.
        "egress" => egress: Vec<Rule>,
        /// The endpoints; all when it is not given.
        "selector" => selector: Option<Selector>,
        /// Which direction it decides about; it follows from the rules when it is not given.
        "types" => types: Vec<PolicyType>,
        /// The service accounts of the endpoints.
        "serviceAccountSelector" => service_account_selector: Option<Selector>,
        /// What makes it faster, without changing what it does.
        "performanceHints" => performance_hints: Vec<PerformanceHint>,
    }
}

record! {
    /// Which endpoints of the cluster, and which packets of theirs.
    pub struct GlobalNetworkPolicySpec checked {
        /// The tier.
        "tier" => tier: Name = default_tier(),
        /// The place in the tier; after all that have one when it is not given.
        "order" => order: Option<f64>,
        /// Rules for packets to the endpoints.
        "ingress" => ingress: Vec<Rule>,
        /// Rules for packets from the endpoints.
        "egress" => egress: Vec<Rule>,
        /// The endpoints; all when it is not given.
        "selector" => selector: Option<Selector>,
        /// Which direction it decides about; it follows from the rules when it is not given.
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

choice! {
    /// A direction that a policy decides about.
    pub enum PolicyType {
        /// To the endpoints.
        Ingress = "Ingress",
        /// From the endpoints.
        Egress = "Egress",
    }
}

choice! {
    /// What makes a policy faster, without changing what it does.
    pub enum PerformanceHint {
        /// Every node is ready for it, whether it has such endpoints or not.
        AssumeNeededOnEveryNode = "AssumeNeededOnEveryNode",
    }
}

/// The tier of policies that name none.
pub(super) fn default_tier() -> Name {
    Name::new("default").expect("it is a name")
}

/// The directions that a policy decides about when it does not say so.
#[must_use]
pub fn default_types(ingress: &[Rule], egress: &[Rule]) -> Vec<PolicyType> {
    match (ingress.is_empty(), egress.is_empty()) {
        (_, true) => vec![PolicyType::Ingress],
        (true, false) => vec![PolicyType::Egress],
        (false, false) => vec![PolicyType::Ingress, PolicyType::Egress],
    }
}

/// Most rules of a direction.
const MAX_RULES: usize = 1024;

/// What is checked in the policies of namespaces and of the cluster alike.
pub(super) struct Checked<'p> {
    pub(super) ingress: &'p [Rule],
    pub(super) egress: &'p [Rule],
    pub(super) types: &'p [PolicyType],
    pub(super) performance_hints: &'p [PerformanceHint],
    pub(super) selectors: [(&'static str, Option<&'p Selector>); 3],
    /// Whether services have a namespace of their own only.
    pub(super) services_need_namespace: bool,
}

impl Checked<'_> {
    pub(super) fn check(&self, report: &mut Report<'_, '_, '_>) {
        check_repeats("types", self.types, report);
        check_repeats("performanceHints", self.performance_hints, report);
        for (field, selector) in self.selectors {
            if selector.is_some_and(Selector::has_global) {
                report.problem(field, "has global(), which only the namespaceSelector of a rule may have");
            }
        }
        for (field, rules) in [("ingress", self.ingress), ("egress", self.egress)] {
            if rules.len() > MAX_RULES {
                report.problem(field, format!("has {} rules; it must have at most {MAX_RULES}", rules.len()));
            }
        }
        for (index, rule) in self.ingress.iter().enumerate() {
            self.check_services(&format!("ingress[{index}]"), rule, ("source", "destination"), report);
        }
        for (index, rule) in self.egress.iter().enumerate() {
            let path = format!("egress[{index}]");
            self.check_services(&path, rule, ("destination", "source"), report);
            if rule.http.is_some() {
                report.problem(&format!("{path}.http"), "can stand in ingress rules only");
            }
        }
    }

    /// Services stand for the other end of a packet's way only.
    fn check_services(&self, path: &str, rule: &Rule, ends: (&str, &str), report: &mut Report<'_, '_, '_>) {
        let entity = |end: &str| if end == "source" { &rule.source } else { &rule.destination };
        let (other, own) = ends;
        if entity(own).services.is_some() {
            report.problem(&format!("{path}.{own}.services"), format!("can stand in {other} only"));
        }
        let lacks_namespace =
            entity(other).services.as_ref().is_some_and(|services| services.namespace.is_none());
        if self.services_need_namespace && lacks_namespace {
            let message = "is missing; a policy of the cluster has no namespace of its own";
            report.problem(&format!("{path}.{other}.services.namespace"), message);
        }
    }
}

fn check_repeats<T: PartialEq + std::fmt::Display>(
    field: &str,
    items: &[T],
    report: &mut Report<'_, '_, '_>,
) {
    for (index, item) in items.iter().enumerate() {
        if items.iter().take(index).any(|earlier| earlier == item) {
            report.problem(&format!("{field}[{index}]"), format!("is {item}, which appears twice"));
        }
    }
}

impl NetworkPolicySpec {
    pub(super) fn check(&self, report: &mut Report<'_, '_, '_>) {
        Checked {
            ingress: &self.ingress,
            egress: &self.egress,
            types: &self.types,
            performance_hints: &self.performance_hints,
            selectors: [
                ("selector", self.selector.as_ref()),
                ("serviceAccountSelector", self.service_account_selector.as_ref()),
                ("namespaceSelector", None),
            ],
            services_need_namespace: false,
        }
        .check(report);
    }
}

impl GlobalNetworkPolicySpec {
    pub(super) fn check(&self, report: &mut Report<'_, '_, '_>) {
        if self.do_not_track && self.pre_dnat {
            report.problem("preDNAT", "cannot be true together with doNotTrack");
        }
        if self.pre_dnat && !self.egress.is_empty() {
            report.problem("egress", "is given, but a policy with preDNAT is for ingress only");
        }
        if self.pre_dnat && self.types.contains(&PolicyType::Egress) {
            report.problem("types", "has Egress, but a policy with preDNAT is for ingress only");
        }
        if (self.do_not_track || self.pre_dnat) && !self.apply_on_forward {
            report.problem("applyOnForward", "must be true in a policy with doNotTrack or preDNAT");
        }
        Checked {
            ingress: &self.ingress,
            egress: &self.egress,
            types: &self.types,
            performance_hints: &self.performance_hints,
            selectors: [
                ("selector", self.selector.as_ref()),
                ("serviceAccountSelector", self.service_account_selector.as_ref()),
                ("namespaceSelector", self.namespace_selector.as_ref()),
            ],
            services_need_namespace: true,
        }
        .check(report);
    }
}

impl NetworkPolicy {
    fn set_defaults(&mut self) {
        if self.spec.types.is_empty() {
            self.spec.types = default_types(&self.spec.ingress, &self.spec.egress);
        }
    }
}

impl GlobalNetworkPolicy {
    fn set_defaults(&mut self) {
        if self.spec.types.is_empty() {
            self.spec.types = default_types(&self.spec.ingress, &self.spec.egress);
        }
    }
}
