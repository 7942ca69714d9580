//! Keys that vanish with their writer.

use std::time::{Duration, Instant};

use margay_datastore::LeasedKeys;
use margay_lab::EtcdSettings;

use crate::cluster::{Cluster, PREFIX, client, contents};

const TIME: Duration = Duration::from_secs(3);

#[test]
fn keys_last_as_long_as_their_writer_and_a_lost_lease_is_replaced() {
    let mut cluster = Cluster::start(&EtcdSettings { members: 1, ..EtcdSettings::default() });
    let options = cluster.options();
    cluster.run(async |etcd| {
        let client = client(options);
        let keys = LeasedKeys::start(client.clone(), TIME);
        keys.set(format!("{PREFIX}status").into(), Some("up".into())).await;
        keys.set(format!("{PREFIX}gone").into(), Some("up".into())).await;
        wait_for(&client, 2).await;
        keys.set(format!("{PREFIX}gone").into(), None).await;
        wait_for(&client, 1).await;
        tokio::time::sleep(TIME * 2).await;
        assert_eq!(contents(&client).await.len(), 1, "it was renewed");

        let leases = etcd.ctl("lease list").expect("leases");
        let lease = leases.lines().last().expect("one").trim().to_owned();
        etcd.ctl(&format!("lease revoke {lease}")).expect("revoked");
        assert_eq!(contents(&client).await.len(), 0);
        wait_for(&client, 1).await;

        etcd.members()[0].kill().expect("killed");
        tokio::time::sleep(TIME * 2).await;
        etcd.members()[0].launch().expect("launched");
        wait_for(&client, 1).await;
        tokio::time::sleep(TIME * 2).await;
        assert_eq!(contents(&client).await.len(), 1, "it was renewed after the interruption");

        drop(keys);
        wait_for(&client, 0).await;
    });
}

async fn wait_for(client: &margay_datastore::Client, count: usize) {
    let started = Instant::now();
    while contents(client).await.len() != count {
        assert!(started.elapsed() < Duration::from_secs(20), "never {count} keys");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
