//! What a node does before anything else, and again when what it rests on changes: its object, the default pools, the addresses of
//! its tunnels.

mod node_object;
mod pools;
mod tunnel_addresses;

use anyhow::Result;
use margay_cluster::key::ObjectKey;
use margay_cluster::object::Kind;
use margay_datastore::Client;
use serde_json::json;

use crate::arguments::Arguments;
use crate::stored_object;
use crate::uplinks::Uplinks;

pub(crate) use tunnel_addresses::{TunnelAddresses, TunnelNeeds};

/// Writes what the datastore must have before the node can work. Safe to repeat.
///
/// # Errors
///
/// When the datastore is not reached, or no address of the node is found.
pub(crate) async fn prepare(client: &Client, arguments: &Arguments, uplinks: &Uplinks) -> Result<()> {
    ensure_cluster_information(client).await?;
    pools::ensure(client, arguments).await?;
    node_object::write(client, arguments, uplinks).await
}

/// The object without which no agent works; the first node of a cluster makes it.
async fn ensure_cluster_information(client: &Client) -> Result<()> {
    let key = ObjectKey { kind: Kind::ClusterInformation, namespace: None, name: "default".to_owned() };
    stored_object::change(client, &key, |before| {
        before.is_null().then(|| {
            let mut object = stored_object::new_object(Kind::ClusterInformation, None, "default");
            object["spec"] = json!({"clusterGUID": object["metadata"]["uid"], "datastoreReady": true});
            object
        })
    })
    .await
}
