//! How many files a process may have open: a socket for each peer.

use rustix::process::{Resource, getrlimit, setrlimit};

use anyhow::{Context as _, Result, ensure};

/// Raises the limit of this process, and of the daemons that it starts, as far as it goes.
///
/// # Errors
///
/// It does not go as far as `needed`.
pub(crate) fn raise(needed: usize) -> Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let highest = limit.maximum;
    setrlimit(Resource::Nofile, limit).context("the limit of open files")?;
    let needed = needed as u64;
    ensure!(
        highest.is_none_or(|highest| highest >= needed),
        "{needed} open files are needed, and the hard limit is {highest:?}: raise it (ulimit -Hn)"
    );
    Ok(())
}
