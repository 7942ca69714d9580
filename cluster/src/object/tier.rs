//! Tiers: groups of policies.

use serde_json::Value;

use crate::object::object;
use crate::schema::{Report, choice, record};

object! {
    /// A group of policies that is looked at before those of a higher order.
    pub struct Tier checked { spec: TierSpec, status: Value }
}

record! {
    /// Its place, and what happens at its end.
    pub struct TierSpec {
        /// Its place; after all that have one when it is not given.
        "order" => order: Option<f64>,
        /// What happens to packets of an endpoint that policies of the tier select and no rule matches.
        "defaultAction" => default_action: TierAction = TierAction::Deny,
    }
}

choice! {
    /// What happens to packets that no rule of a tier matches.
    pub enum TierAction {
        /// The next tier looks at them.
        Pass = "Pass",
        /// They are dropped.
        Deny = "Deny",
    }
}

/// Tiers that exist everywhere, with their order and action; the last two are those of Kubernetes' cluster policies.
const PREDEFINED: &[(&str, f64, TierAction)] = &[
    ("default", 1_000_000.0, TierAction::Deny),
    ("kube-admin", 1_000.0, TierAction::Pass),
    ("kube-baseline", 10_000_000.0, TierAction::Pass),
];

impl Tier {
    fn check(&self, report: &mut Report<'_, '_, '_>) {
        let name = self.metadata.name.as_str();
        let Some(&(_, order, action)) = PREDEFINED.iter().find(|(predefined, ..)| *predefined == name) else {
            return;
        };
        if self.spec.order != Some(order) {
            report.problem("spec.order", format!("must be {order} in tier {name}"));
        }
        if self.spec.default_action != action {
            report.problem("spec.defaultAction", format!("must be {action} in tier {name}"));
        }
    }
}
