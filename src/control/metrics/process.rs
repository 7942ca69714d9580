//! Metrics of the process, under the names that Prometheus' own client libraries use.

use std::fmt;
use std::time::Duration;

use super::exposition::Exposition;
use crate::machine::resident_octets;

/// Resources of the process; `None` where the system does not say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Process {
    resident_octets: Option<u64>,
    open_files: Option<usize>,
    processor_time: Option<Duration>,
}

impl Process {
    /// Reads the resources of this process.
    pub(super) fn read() -> Self {
        let processor_time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        Self {
            resident_octets: resident_octets(),
            open_files: std::fs::read_dir("/proc/self/fd").ok().map(Iterator::count),
            processor_time: processor_time.try_into().ok(),
        }
    }

    pub(super) fn write(self, exposition: &mut Exposition<'_>) -> fmt::Result {
        if let Some(octets) = self.resident_octets {
            exposition.gauge("process_resident_memory_bytes", "Resident memory size in bytes", octets)?;
        }
        if let Some(files) = self.open_files {
            exposition.gauge("process_open_fds", "Number of open file descriptors", files)?;
        }
        if let Some(time) = self.processor_time {
            let help = "Total user and system CPU time spent in seconds";
            exposition.counter("process_cpu_seconds", help, time.as_secs_f64())?;
        }
        Ok(())
    }
}
