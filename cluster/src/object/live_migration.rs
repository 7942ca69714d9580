//! Live migrations: virtual machines that move between nodes.

use serde_json::Value;

use crate::object::object;
use crate::schema::{Report, record};
use crate::selector::Selector;

object! {
    /// A virtual machine that moves from one node to another.
    pub struct LiveMigration { spec: LiveMigrationSpec, status: Value }
}

record! {
    /// From where, and to where.
    pub struct LiveMigrationSpec {
        /// What moves.
        "source" => source: Option<LiveMigrationSource>,
        /// What it becomes.
        "target" => target: Option<LiveMigrationTarget>,
    }
}

record! {
    /// What moves: exactly one field is given.
    pub struct LiveMigrationSource checked {
        /// A workload with all its interfaces.
        "workload" => workload: Option<WorkloadIdentifier>,
        /// One interface.
        "workloadEndpoint" => workload_endpoint: Option<WorkloadEndpointIdentifier>,
    }
}

record! {
    /// What it becomes: exactly one field is given.
    pub struct LiveMigrationTarget checked {
        /// A workload with all its interfaces, by labels.
        "selector" => selector: Option<Selector>,
        /// One interface.
        "workloadEndpoint" => workload_endpoint: Option<WorkloadEndpointIdentifier>,
    }
}

record! {
    /// A workload.
    pub struct WorkloadIdentifier {
        /// The node; of no meaning in Kubernetes.
        "hostname" => hostname: Option<String>,
        /// The orchestrator.
        "orchestratorID" => orchestrator_id: Option<String>,
        /// The workload.
        "workloadID" => workload_id: Option<String>,
    }
}

record! {
    /// An interface of a workload.
    pub struct WorkloadEndpointIdentifier {
        /// The node; of no meaning in Kubernetes.
        "hostname" => hostname: Option<String>,
        /// The orchestrator.
        "orchestratorID" => orchestrator_id: Option<String>,
        /// The workload.
        "workloadID" => workload_id: Option<String>,
        /// The interface.
        "endpointID" => endpoint_id: Option<String>,
    }
}

impl LiveMigrationSource {
    fn check(&self, report: &mut Report<'_, '_, '_>) {
        if self.workload.is_some() == self.workload_endpoint.is_some() {
            report.problem("", "must have exactly one of workload and workloadEndpoint");
        }
    }
}

impl LiveMigrationTarget {
    fn check(&self, report: &mut Report<'_, '_, '_>) {
        if self.selector.is_some() == self.workload_endpoint.is_some() {
            report.problem("", "must have exactly one of selector and workloadEndpoint");
        }
    }
}
