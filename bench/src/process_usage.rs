//! What a process has used so far, from its folder in `/proc`.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// CPU time and memory of a process since its start.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct ProcessUsage {
    /// User and system time of all threads, as exact as the kernel's clock tick.
    pub(crate) cpu: Duration,
    /// The most memory that was resident at once.
    pub(crate) peak_rss_kib: u64,
}

impl ProcessUsage {
    /// Reads the usage of a process.
    ///
    /// # Errors
    ///
    /// When the process has ended.
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let read = |name: &str| {
            let path = format!("/proc/{pid}/{name}");
            fs::read_to_string(&path).context(path)
        };
        let (stat, status) = (read("stat")?, read("status")?);
        let ticks = cpu_ticks(&stat).with_context(|| format!("process {pid}: no CPU time in {stat:?}"))?;
        let nanoseconds =
            u128::from(ticks) * 1_000_000_000 / u128::from(rustix::param::clock_ticks_per_second().max(1));
        let cpu = Duration::from_nanos(u64::try_from(nanoseconds).context("CPU time of centuries")?);
        let peak_rss_kib = peak_rss_kib(&status)
            .with_context(|| format!("process {pid} has no memory any more: has it ended?"))?;
        Ok(Self { cpu, peak_rss_kib })
    }
}

/// The sum of utime and stime, the 14th and 15th field; the second is a name that may hold blanks and parentheses.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

fn peak_rss_kib(status: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    value.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_fields_behind_a_name_with_parentheses() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194560 103 0 0 0 12 30 9 9 20 0 1 0 100";
        assert_eq!(cpu_ticks(stat), Some(42));
        assert_eq!(cpu_ticks("7 (a) S 1"), None);
        assert_eq!(peak_rss_kib("VmPeak:\t 9 kB\nVmHWM:\t   5120 kB\n"), Some(5120));
    }

    #[test]
    fn reads_the_usage_of_a_living_process() {
        let usage = ProcessUsage::of(std::process::id()).unwrap();
        assert!(usage.peak_rss_kib > 100, "{usage:?}");
    }
}
