//! Network sets: networks with labels, which rules select.

use serde_json::Value;

use crate::object::{Metadata, NAMESPACE_LABEL, object};
use crate::schema::{Report, record};
use crate::value::Network;

object! {
    /// Networks that rules of its namespace select by its labels.
    pub struct NetworkSet checked { spec: NetworkSetSpec, status: Value }
}

object! {
    /// Networks that rules select by its labels.
    pub struct GlobalNetworkSet checked { spec: NetworkSetSpec, status: Value }
}

record! {
    /// Which networks.
    pub struct NetworkSetSpec {
        /// Networks and addresses.
        "nets" => nets: Vec<Network>,
    }
}

impl NetworkSet {
    fn check(&self, report: &mut Report<'_, '_, '_>) {
        check_labels(&self.metadata, report);
    }
}

impl GlobalNetworkSet {
    fn check(&self, report: &mut Report<'_, '_, '_>) {
        check_labels(&self.metadata, report);
    }
}

fn check_labels(metadata: &Metadata, report: &mut Report<'_, '_, '_>) {
    if metadata.labels.contains_key(NAMESPACE_LABEL) {
        report.problem("metadata.labels", format!("have {NAMESPACE_LABEL}, which is reserved"));
    }
}
