//! A record of the routes that come and go in a kernel.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Stdio};

use margay_lab::{Namespace, wait_until};

use crate::pair::PATIENCE;

/// A record of what happens to the routes in a namespace's kernel, from the start on.
pub(crate) struct KernelWatch {
    monitor: Child,
    file: PathBuf,
}

impl KernelWatch {
    pub(crate) fn start(namespace: &Namespace) -> Self {
        let file = std::env::temp_dir().join(format!("{}-routes.txt", namespace.name()));
        let mut command = namespace.command("ip");
        command.args(["monitor", "route"]).stdin(Stdio::null()).stdout(File::create(&file).unwrap());
        let monitor = command.spawn().unwrap();
        let watch = Self { monitor, file };
        // It listens when it reports a route that comes and goes.
        wait_until(PATIENCE, "the monitor", || {
            namespace
                .ip("route add blackhole 203.0.113.0/24 proto static")
                .map_err(|error| error.to_string())?;
            namespace.ip("route del blackhole 203.0.113.0/24").map_err(|error| error.to_string())?;
            if watch.seen().contains("203.0.113.0/24") { Ok(()) } else { Err(watch.seen()) }
        });
        watch
    }

    /// The lines of the record.
    pub(crate) fn seen(&self) -> String {
        fs::read_to_string(&self.file).unwrap()
    }

    /// Ends the record, and checks that no route to a block was removed.
    pub(crate) fn expect_no_loss(self, case: &str) {
        let seen = self.seen();
        let lost: Vec<&str> = seen.lines().filter(|line| line.starts_with("Deleted 10.65.")).collect();
        assert!(lost.is_empty(), "{case}: routes left the kernel: {lost:?}");
    }
}

impl Drop for KernelWatch {
    fn drop(&mut self) {
        self.monitor.kill().unwrap();
        self.monitor.wait().unwrap();
        fs::remove_file(&self.file).unwrap();
    }
}
