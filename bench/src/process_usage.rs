//! Resource usage of a process and its children, from `/proc`.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// CPU time and memory of a process and everything that it started.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct ProcessUsage {
    /// User and system time of all threads, to within the kernel's clock tick.
    pub(crate) cpu: Duration,
    /// Resident memory at present.
    pub(crate) rss_kib: u64,
    /// Peak resident memory; the sum for several processes.
    pub(crate) peak_rss_kib: u64,
}

impl ProcessUsage {
    /// Reads the usage of a process and of its children, whose shared pages count again.
    ///
    /// # Errors
    ///
    /// The process has ended.
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let mut usage = Self::of_one(pid)?;
        for child in children(pid) {
            // A child may end at any time.
            if let Ok(of_child) = Self::of(child) {
                usage.add(of_child);
            }
        }
        Ok(usage)
    }

    /// Adds the usage of another process.
    pub(crate) fn add(&mut self, other: Self) {
        self.cpu += other.cpu;
        self.rss_kib += other.rss_kib;
        self.peak_rss_kib += other.peak_rss_kib;
    }

    /// Reads the usage of a process alone.
    ///
    /// # Errors
    ///
    /// The process has ended.
    pub(crate) fn of_one(pid: u32) -> Result<Self> {
        let read = |name: &str| {
            let path = format!("/proc/{pid}/{name}");
            fs::read_to_string(&path).context(path)
        };
        let (stat, status) = (read("stat")?, read("status")?);
        let ticks = cpu_ticks(&stat).with_context(|| format!("process {pid}: no CPU time in {stat:?}"))?;
        let nanoseconds =
            u128::from(ticks) * 1_000_000_000 / u128::from(rustix::param::clock_ticks_per_second().max(1));
        let cpu = Duration::from_nanos(u64::try_from(nanoseconds).context("CPU time of centuries")?);
        let memory = |field: &str| {
            kibibytes(&status, field)
                .with_context(|| format!("process {pid} has no memory any more: has it ended?"))
        };
        Ok(Self { cpu, rss_kib: memory("VmRSS:")?, peak_rss_kib: memory("VmHWM:")? })
    }
}

/// The processes that a process has started; empty if the kernel does not provide them.
fn children(pid: u32) -> Vec<u32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let lists =
        threads.flatten().filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists.flat_map(|list| numbers(&list)).collect()
}

fn numbers(list: &str) -> Vec<u32> {
    list.split_whitespace().filter_map(|number| number.parse().ok()).collect()
}

/// The sum of utime and stime, the 14th and 15th field; the second is a name that may contain spaces and
/// parentheses.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

fn kibibytes(status: &str, field: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix(field))?;
    value.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn reads_fields_behind_a_name_with_parentheses() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194560 103 0 0 0 12 30 9 9 20 0 1 0 100";
        assert_eq!(cpu_ticks(stat), Some(42));
        assert_eq!(cpu_ticks("7 (a) S 1"), None);
        assert_eq!(kibibytes("VmPeak:\t 9 kB\nVmHWM:\t   5120 kB\n", "VmHWM:"), Some(5120));
    }

    #[test]
    fn counts_the_children_in() {
        let own = std::process::id();
        let before = ProcessUsage::of(own).unwrap();
        assert!(before.rss_kib > 100, "{before:?}");
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        assert!(children(own).contains(&child.id()));
        drop(child.stdin.take());
        child.wait().unwrap();
    }
}
