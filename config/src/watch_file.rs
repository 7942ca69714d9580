//! `watch_file`: whether the daemon reads its files again by itself when they change.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::duration;
use crate::report::Report;
use crate::section::Value;

/// When changed files are read again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct WatchFile {
    /// How long the files must have been left alone; 1 s by default.
    pub quiet_time: Duration,
    /// After this time they are read even if they go on changing; 10 s by default.
    pub longest_delay: Duration,
}

impl Default for WatchFile {
    fn default() -> Self {
        Self { quiet_time: Duration::from_secs(1), longest_delay: Duration::from_secs(10) }
    }
}

/// Reads `true`, `false` or a table. Within, `None` is `false`.
pub(crate) fn read(value: Value<'_>, report: &mut Report<'_>) -> Option<Option<WatchFile>> {
    if !value.is_table() {
        return value.boolean(report).map(|is_on| is_on.then(WatchFile::default));
    }
    let mut section = value.table("watch_file", report)?;
    let mut time = |key, example| {
        let value = section.get(key)?;
        value.parsed(example, report, |text| duration::parse_within(text, TIMES))
    };
    let default = WatchFile::default();
    let quiet_time = time("quiet_time", "1s").unwrap_or(default.quiet_time);
    let longest_delay = time("longest_delay", "10s").unwrap_or_else(|| default.longest_delay.max(quiet_time));
    section.finish(report);
    if longest_delay < quiet_time {
        value.reject(report, "longest_delay is shorter than quiet_time, which would then never pass");
        return None;
    }
    Some(Some(WatchFile { quiet_time, longest_delay }))
}

const TIMES: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(3600);
