//! Metrics of the daemon as a whole.

use std::fmt;
use std::time::{Duration, SystemTime};

use super::exposition::Exposition;
use super::snapshot::Snapshot;

pub(super) fn write(snapshot: &Snapshot, exposition: &mut Exposition<'_>) -> fmt::Result {
    let status = &snapshot.status;
    let global = status.config.global();
    let (asn, router_id) = (global.asn.0.to_string(), global.router_id.to_string());
    exposition.gauges(
        "margay_build_info",
        "Version of the daemon, with the AS number and BGP identifier of this speaker; always 1",
        [([("version", env!("CARGO_PKG_VERSION")), ("asn", &asn), ("router_id", &router_id)], 1_u64)],
    )?;
    exposition.gauge(
        "margay_start_time_seconds",
        "Unix time of the daemon's start",
        unix_time(snapshot.now, status.uptime),
    )?;
    exposition.gauge(
        "margay_config_read_time_seconds",
        "Unix time at which the configuration in force was read",
        unix_time(snapshot.now, status.config_age),
    )?;
    exposition.gauge(
        "margay_config_objects_left_out",
        "Objects of the configuration that are left out because they have errors",
        status.left_out.len(),
    )?;
    exposition.gauge(
        "margay_config_reload_unconfirmed",
        "Whether the last reload is undone unless it is confirmed",
        u64::from(status.reload_undone_in.is_some()),
    )?;
    exposition.gauge(
        "margay_draining",
        "Whether peers are asked to prefer other paths",
        u64::from(status.is_draining),
    )?;
    if let Some(guard) = &snapshot.counts.memory_guard {
        exposition.gauge(
            "margay_memory_guard_limit_bytes",
            "Resident memory above which the session of a peer is ended",
            guard.limit_octets,
        )?;
        exposition.counter(
            "margay_memory_guard_sessions_ended",
            "Sessions that were ended because the daemon used too much memory",
            guard.sessions_ended,
        )?;
    }
    exposition.counter(
        "margay_log_lines_dropped",
        "Log lines lost because the log was full, closed or too slow",
        snapshot.log.dropped(),
    )?;
    exposition.counter(
        "margay_log_lines_limited",
        "Log lines suppressed because there were too many of their kind",
        snapshot.log.limited(),
    )
}

/// The Unix time of `now` before `ago`, in seconds.
pub(super) fn unix_time(now: SystemTime, ago: Duration) -> f64 {
    let since_epoch = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    since_epoch.saturating_sub(ago).as_secs_f64()
}
