//! Requests for the state of nodes, and the answers.

use serde_json::Value;

use crate::object::object;
use crate::schema::{Report, choice, record};
use crate::value::Name;

object! {
    /// A request for the state of a node; the node writes the answer into its status.
    pub struct CalicoNodeStatus { spec: CalicoNodeStatusSpec, status: Value }
}

record! {
    /// What is asked of which node.
    pub struct CalicoNodeStatusSpec checked {
        /// The node.
        "node" => node: Option<Name>,
        /// What is asked.
        "classes" => classes: Vec<StatusClass>,
        /// The time between two answers; 0 for one answer.
        "updatePeriodSeconds" => update_period_seconds: Option<u32>,
    }
}

choice! {
    /// A part of a node's state.
    pub enum StatusClass {
        /// Its BGP daemon.
        Agent = "Agent",
        /// Its sessions.
        Bgp = "BGP",
        /// Its routes.
        Routes = "Routes",
    }
}

impl CalicoNodeStatusSpec {
    fn check(&self, report: &mut Report<'_, '_, '_>) {
        const DAY_SECONDS: u32 = 86_400;
        if self.update_period_seconds.is_some_and(|period| period > DAY_SECONDS) {
            report.problem("updatePeriodSeconds", format!("must be at most {DAY_SECONDS}"));
        }
    }
}
