//! `margay healthz`: whether the daemon lives, and whether it is ready.

use std::process::ExitCode;

use margay_control::Status;

use crate::arguments::Healthz;

/// The answer to the question: a sentence, and the exit code.
pub(crate) fn judge(status: &Status, question: &Healthz) -> (String, ExitCode) {
    let Status { peers, peers_established, holding_back, .. } = status;
    let sessions = format!("{peers_established} of {peers} sessions are established");
    match question {
        Healthz { live: true, .. } => ("live: the daemon answers".to_owned(), ExitCode::SUCCESS),
        Healthz { live: false, .. } if *holding_back => {
            (format!("not ready: peers have not announced their routes yet; {sessions}"), ExitCode::FAILURE)
        }
        Healthz { live: false, .. } if *peers > 0 && *peers_established == 0 => {
            (format!("not ready: {sessions}"), ExitCode::FAILURE)
        }
        Healthz { live: false, .. } => (format!("ready: {sessions}"), ExitCode::SUCCESS),
    }
}
