//! Profiles: labels and rules that endpoints refer to.

use serde_json::Value;

use crate::object::{Rule, object};
use crate::schema::record;
use crate::value::Labels;

object! {
    /// Labels and rules of the endpoints that name it.
    pub struct Profile { spec: ProfileSpec, status: Value }
}

record! {
    /// Which labels and rules.
    pub struct ProfileSpec {
        /// Rules for packets to the endpoint, after all policies.
        "ingress" => ingress: Vec<Rule>,
        /// Rules for packets from the endpoint, after all policies.
        "egress" => egress: Vec<Rule>,
        /// Labels that its endpoints inherit.
        "labelsToApply" => labels_to_apply: Labels,
    }
}
