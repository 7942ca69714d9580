//! That the agent lives: a key with a lease, and one that stays.

use std::time::{Duration, Instant};

use bytes::Bytes;
use margay_cluster::key::{Key, NodeStatusKey, Region};
use margay_datastore::{Client, Expected, LeasedKeys, SwapOutcome};
use serde_json::json;

use crate::wall_clock;

/// How often it is said. Calico's.
const INTERVAL: Duration = Duration::from_secs(30);
/// How long the key lives without its writer. Calico's.
const LEASE: Duration = Duration::from_secs(90);

/// Says that the agent lives, until the program ends.
pub(crate) async fn run(client: Client, node: String) {
    let key = NodeStatusKey { region: Region::default(), host: node };
    let live = Bytes::from(Key::NodeStatus(key.clone()).to_string());
    let last = Key::LastNodeStatus(key).to_string();
    let leased = LeasedKeys::start(client.clone(), LEASE);
    let started = Instant::now();
    let mut is_first = true;
    loop {
        let report = json!({
            "time": wall_clock::now().to_string(),
            "uptime": started.elapsed().as_secs_f64(),
            "first_update": is_first,
        });
        let report = Bytes::from(report.to_string());
        leased.set(live.clone(), Some(report.clone())).await;
        if let Err(why) = put(&client, &last, report).await {
            tracing::warn!(key = last, why, "not written");
        }
        is_first = false;
        tokio::time::sleep(INTERVAL).await;
    }
}

/// Writes a key that no other program writes.
async fn put(client: &Client, key: &str, value: Bytes) -> Result<(), String> {
    let current = client.get(key.as_bytes()).await.map_err(|error| error.to_string())?;
    let expected = current.map_or(Expected::Absent, |current| Expected::At(current.stamp));
    match client.swap(key.as_bytes(), expected, Some(value)).await {
        SwapOutcome::Written(_) => Ok(()),
        SwapOutcome::Conflict(_) | SwapOutcome::Overtaken(_) => {
            Err("another agent of this name runs".to_owned())
        }
        SwapOutcome::Refused(why) | SwapOutcome::Unknown(why) => Err(why),
    }
}
