//! `margay peer NAME …`

use margay_control::PeerActionReport;

/// The result of an operation.
pub(crate) fn peer_action(report: &PeerActionReport) -> String {
    format!("{}: {}\n", report.peer, report.done)
}
