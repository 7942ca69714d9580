//! `margay ipam release`: addresses that are named, those of a handle, and those that nothing uses.

use std::io::Write;
use std::process::ExitCode;

use margay_datastore::Client;
use margay_ipam::audit::{Finding, Snapshot, audit};
use margay_ipam::{ClusterState, Ipam, IpamError, Release, Released};

use super::procedure::{with_ipam, with_store};
use crate::arguments::ipam as arguments;
use crate::clock::now;
use crate::run_error::RunError;

pub(super) fn run(release: &arguments::Release, out: &mut impl Write) -> Result<ExitCode, RunError> {
    let connection = &release.connection;
    let released = if let Some(handle) = &release.handle {
        let released = with_ipam(connection, async |ipam| ipam.release_handle(handle).await)?;
        Released { released, not_in_use: Vec::new() }
    } else if release.leaked {
        with_store(connection, async |client| {
            let first = leaked(client).await?;
            if first.is_empty() {
                return Ok(Released::default());
            }
            tokio::time::sleep(release.after).await;
            let second = leaked(client).await?;
            let both: Vec<Release> = first.into_iter().filter(|release| second.contains(release)).collect();
            let cluster = ClusterState::load(client).await?;
            Ipam { store: client, cluster: &cluster, now: now() }.release(&both).await
        })?
    } else {
        let releases: Vec<Release> = release.addresses.iter().copied().map(Release::of).collect();
        with_ipam(connection, async |ipam| ipam.release(&releases).await)?
    };
    for address in &released.released {
        writeln!(out, "{address} released")?;
    }
    for address in &released.not_in_use {
        writeln!(out, "{address} was not in use")?;
    }
    if released == Released::default() {
        writeln!(out, "nothing to release")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Addresses that nothing uses, as they were given out: a later owner of one of them keeps it.
async fn leaked(client: &Client) -> Result<Vec<Release>, IpamError> {
    let findings = audit(&Snapshot::load(client).await?);
    let leaked = findings.into_iter().filter_map(|finding| match finding {
        Finding::Leaked { address, handle, sequence } => Some(Release { address, handle, sequence }),
        _ => None,
    });
    Ok(leaked.collect())
}
