//! A network namespace that this program moves to for a while, with all that it starts there.

use std::fs::File;
use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use nix::sched::{CloneFlags, setns, unshare};

/// As long as it is there, this program is in a network namespace of its own; dropped, it is back where it was. What it
/// has started there goes on; the namespace ends with the last process in it.
pub(crate) struct NetworkNamespace {
    former: File,
}

impl NetworkNamespace {
    /// Moves to a new namespace in which nothing is but the loopback interface, which is up.
    ///
    /// # Errors
    ///
    /// Without root.
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

/// Has one `ip` do these things, a line each.
///
/// # Errors
///
/// It does not do them all.
pub(crate) fn ip(lines: &str) -> Result<()> {
    let mut batch = Command::new("ip").args(["-batch", "-"]).stdin(Stdio::piped()).spawn().context("ip")?;
    batch.stdin.take().context("it is piped")?.write_all(lines.as_bytes()).context("ip")?;
    let status = batch.wait().context("ip")?;
    ensure!(status.success(), "ip ended with {status} at: {lines}");
    Ok(())
}
