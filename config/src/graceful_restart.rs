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
    /// How long routes may stay after the restart time, as a last resort, in whole seconds (RFC 9494); `None`, the default, is
    /// not at all.
    pub long_lived: Option<Duration>,
    /// How long a restart of this speaker waits for the peer's End-of-RIB at most, from the session on; 30 s by default.
    pub end_of_rib_wait: Duration,
}

impl Default for GracefulRestart {
    fn default() -> Self {
        Self {
            restart_time: Duration::from_secs(120),
            helper_only: false,
            long_lived: None,
            end_of_rib_wait: Duration::from_secs(30),
        }
    }
}

/// Reads `true`, `false` or a table. Within, `None` is `false`.
pub(crate) fn read(value: Value<'_>, report: &mut Report<'_>) -> Option<Option<GracefulRestart>> {
    if !value.is_table() {
        return value.boolean(report).map(|is_on| is_on.then(GracefulRestart::default));
    }
    let mut section = value.table("graceful_restart", report)?;
    let mut seconds = |key, example, most| {
        let value = section.get(key)?;
        value.parsed(example, report, |text| parse_seconds(text, most))
    };
    let restart_time = seconds("restart_time", "120s", MAX_RESTART_TIME);
    let long_lived = seconds("long_lived", "1h", MAX_STALE_TIME);
    let end_of_rib_wait = section.get("end_of_rib_wait").and_then(|value| {
        let parse = |text: &str| duration::parse_within(text, Duration::ZERO..=MAX_RESTART_TIME);
        value.parsed("30s", report, parse)
    });
    let helper_only = section.get("helper_only").and_then(|value| value.boolean(report));
    section.finish(report);
    let default = GracefulRestart::default();
    Some(Some(GracefulRestart {
        restart_time: restart_time.unwrap_or(default.restart_time),
        helper_only: helper_only.unwrap_or(default.helper_only),
        long_lived,
        end_of_rib_wait: end_of_rib_wait.unwrap_or(default.end_of_rib_wait),
    }))
}

fn parse_seconds(text: &str, most: Duration) -> Result<Duration, String> {
    match duration::parse_within(text, Duration::from_secs(1)..=most)? {
        time if time.subsec_nanos() == 0 => Ok(time),
        _ => Err(format!("{text:?} is not a whole number of seconds")),
    }
}

/// What twelve bits hold (RFC 4724 §3).
const MAX_RESTART_TIME: Duration = Duration::from_secs(4095);

/// What 24 bits hold (RFC 9494 §3.1): half a year.
const MAX_STALE_TIME: Duration = Duration::from_secs(0xff_ffff);
