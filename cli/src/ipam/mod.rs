//! Addresses of workloads: how many are in use, what is wrong with them, taking them back.

mod check;
mod release;
mod show;
mod split_affinity;

use std::io::Write;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use margay_datastore::Client;
use margay_ipam::{ClusterState, Ipam, IpamError, WallTime};

use crate::arguments::ipam::IpamCommand;
use crate::arguments::objects::ConnectionArguments;
use crate::objects::EtcdStore;
use crate::run_error::RunError;

/// Runs a command about addresses.
pub(crate) fn run(command: &IpamCommand, json: bool, out: &mut impl Write) -> Result<ExitCode, RunError> {
    match command {
        IpamCommand::Show { show_blocks, ip: None, connection } => {
            show::pools(connection, *show_blocks, json, out)
        }
        IpamCommand::Show { ip: Some(address), connection, .. } => {
            show::address(connection, *address, json, out)
        }
        IpamCommand::Check { connection } => check::run(connection, json, out),
        IpamCommand::Release(release) => release::run(release, out),
        IpamCommand::SplitAffinity(split) => split_affinity::run(split, out),
    }
}

/// Runs a procedure on the datastore.
fn with_store<T>(
    connection: &ConnectionArguments,
    procedure: impl AsyncFnOnce(&Client) -> Result<T, IpamError>,
) -> Result<T, RunError> {
    let (runtime, client) = EtcdStore::connect(connection)?.into_parts();
    Ok(runtime.block_on(procedure(&client))?)
}

/// Runs a procedure of address management.
fn with_ipam<T>(
    connection: &ConnectionArguments,
    procedure: impl AsyncFnOnce(&Ipam<'_, Client>) -> Result<T, IpamError>,
) -> Result<T, RunError> {
    with_store(connection, async |client| {
        let cluster = ClusterState::load(client).await?;
        procedure(&Ipam { store: client, cluster: &cluster, now: now() }).await
    })
}

fn now() -> WallTime {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    WallTime(since_1970.as_secs().try_into().unwrap_or(i64::MAX))
}
