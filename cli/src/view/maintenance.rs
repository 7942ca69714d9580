//! `margay drain`, `undrain` and `shutdown`

use margay_control::MaintenanceReport;

/// What the daemon did.
pub(crate) fn maintenance(report: &MaintenanceReport) -> String {
    format!("{}\n", report.done)
}
