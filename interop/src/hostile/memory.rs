//! Resident memory of a process.

use std::fs;

use anyhow::{Context as _, Result};

/// The memory of a process.
pub(super) struct Memory {
    process: String,
}

impl Memory {
    pub(super) fn of(process: String) -> Self {
        Self { process }
    }

    /// At present.
    pub(super) fn resident_kib(&self) -> Result<u64> {
        self.read("VmRSS:")
    }

    /// The highest since its start.
    pub(super) fn peak_kib(&self) -> Result<u64> {
        self.read("VmHWM:")
    }

    fn read(&self, field: &str) -> Result<u64> {
        let status =
            fs::read_to_string(format!("/proc/{}/status", self.process)).context("the daemon has ended")?;
        let value =
            status.lines().find_map(|line| line.strip_prefix(field)?.split_whitespace().next()?.parse().ok());
        value.context("the daemon has ended")
    }
}
