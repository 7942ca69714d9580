//! Running a procedure of address management on the datastore of the command line.

use margay_datastore::Client;
use margay_ipam::{ClusterState, Ipam, IpamError};

use crate::arguments::objects::ConnectionArguments;
use crate::clock::now;
use crate::objects::EtcdStore;
use crate::run_error::RunError;

/// Runs a procedure on the datastore.
pub(super) fn with_store<T>(
    connection: &ConnectionArguments,
    procedure: impl AsyncFnOnce(&Client) -> Result<T, IpamError>,
) -> Result<T, RunError> {
    let (runtime, client) = EtcdStore::connect(connection)?.into_parts();
    Ok(runtime.block_on(procedure(&client))?)
}

/// Runs a procedure of address management.
pub(super) fn with_ipam<T>(
    connection: &ConnectionArguments,
    procedure: impl AsyncFnOnce(&Ipam<'_, Client>) -> Result<T, IpamError>,
) -> Result<T, RunError> {
    with_store(connection, async |client| {
        let cluster = ClusterState::load(client).await?;
        procedure(&Ipam { store: client, cluster: &cluster, now: now() }).await
    })
}
