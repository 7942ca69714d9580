//! `margay peer NAME …`

use margay_control::PeerActionReport;

/// What the daemon did.
pub(crate) fn peer_action(report: &PeerActionReport) -> String {
    format!("{}: {}\n", report.peer, report.done)
}
