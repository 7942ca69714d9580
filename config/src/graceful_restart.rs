//! `graceful_restart`: whether routes outlive a restart of either side of a session.

use std::time::Duration;

use crate::duration;
use crate::report::Report;
use crate::section::Value;

/// What is advertised of graceful restart (RFC 4724).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct GracefulRestart {
    /// How long this speaker may take to come back, in whole seconds; 120 s by default.
    pub restart_time: Duration,
    /// Whether only the peer's routes are kept while it restarts, and the peer is not asked to keep ours. No by default.
    pub helper_only: bool,
}

impl Default for GracefulRestart {
    fn default() -> Self {
        Self { restart_time: Duration::from_secs(120), helper_only: false }
    }
}

/// Reads `true`, `false` or a table. Within, `None` is `false`.
pub(crate) fn read(value: Value<'_>, report: &mut Report<'_>) -> Option<Option<GracefulRestart>> {
    if !value.is_table() {
        return value.boolean(report).map(|is_on| is_on.then(GracefulRestart::default));
    }
    let mut section = value.table("graceful_restart", report)?;
    let range = Duration::from_secs(1)..=MAX_RESTART_TIME;
    let restart_time = section.get("restart_time").and_then(|value| {
        value.parsed("120s", report, |text| match duration::parse_within(text, range)? {
            time if time.subsec_nanos() == 0 => Ok(time),
            _ => Err(format!("{text:?} is not a whole number of seconds")),
        })
    });
    let helper_only = section.get("helper_only").and_then(|value| value.boolean(report));
    section.finish(report);
    let default = GracefulRestart::default();
    Some(Some(GracefulRestart {
        restart_time: restart_time.unwrap_or(default.restart_time),
        helper_only: helper_only.unwrap_or(default.helper_only),
    }))
}

/// What twelve bits hold (RFC 4724 §3).
const MAX_RESTART_TIME: Duration = Duration::from_secs(4095);
