//! A network namespace in which this program runs for a while, with everything that it starts there.

use std::fs::File;
use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use nix::sched::{CloneFlags, setns, unshare};

/// While this value exists, this program is in a network namespace of its own; when it is dropped, the
/// program returns to the former one. Processes started in the namespace keep running there; the namespace
/// ends with the last of them.
pub(crate) struct NetworkNamespace {
    former: File,
}

impl NetworkNamespace {
    /// Enters a new namespace that contains only the loopback interface, which is up.
    ///
    /// # Errors
    ///
    /// Not root.
    pub(crate) fn enter() -> Result<Self> {
        let former = File::open("/proc/self/ns/net").context("the present network namespace")?;
        unshare(CloneFlags::CLONE_NEWNET).context("a network namespace: this needs root")?;
        let namespace = Self { former };
        ip("link set lo up")?;
        Ok(namespace)
    }
}

impl Drop for NetworkNamespace {
    fn drop(&mut self) {
        if let Err(error) = setns(&self.former, CloneFlags::CLONE_NEWNET) {
            eprintln!("the former network namespace: {error}");
        }
    }
}

/// Runs `ip` with these commands, one per line.
///
/// # Errors
///
/// One of them fails.
pub(crate) fn ip(lines: &str) -> Result<()> {
    let mut batch = Command::new("ip").args(["-batch", "-"]).stdin(Stdio::piped()).spawn().context("ip")?;
    batch.stdin.take().context("it is piped")?.write_all(lines.as_bytes()).context("ip")?;
    let status = batch.wait().context("ip")?;
    ensure!(status.success(), "ip ended with {status} at: {lines}");
    Ok(())
}
