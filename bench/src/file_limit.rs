//! The limit of open files, of which each peer needs one.

use rustix::process::{Resource, getrlimit, setrlimit};

use anyhow::{Context as _, Result, ensure};

/// Raises the limit of this process, and of the daemons that it starts, as far as possible.
///
/// # Errors
///
/// The hard limit is below `needed`.
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
