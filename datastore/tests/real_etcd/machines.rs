//! Machines that fail a member: a disk that is full, a clock that differs from the others'.

use std::time::Duration;

use margay_datastore::LeasedKeys;
use margay_lab::EtcdSettings;

use crate::cluster::{Cluster, Follower, PREFIX, client, contents, feed, try_write, write};

/// Room for etcd's two reserved files of 64 MiB and a small store.
const DISK: Option<u64> = Some(150 << 20);

#[test]
fn a_member_with_a_full_disk_costs_no_change() {
    let mut cluster = Cluster::start(&EtcdSettings { disk_octets: DISK, ..EtcdSettings::default() });
    let options = cluster.options();
    cluster.run(async |etcd| {
        let client = client(options);
        write(&client, "first", Some("1")).await;
        let feed = feed(&client);
        let mut follower = Follower::of(&feed);
        follower.until_equal(&client).await;
        etcd.members()[0].fill_disk().expect("filled");
        let large = "x".repeat(64 << 10);
        for number in 0..200 {
            write(&client, &number.to_string(), Some(&large)).await;
        }
        write(&client, "first", None).await;
        follower.until_equal(&client).await;
        let log = etcd.members()[0].log().expect("a log");
        assert!(log.contains("no space left on device"), "the disk was not full for etcd:\n{log}");

        etcd.members()[0].kill().expect("killed");
        etcd.members()[0].free_disk().expect("freed");
        etcd.members()[0].launch().expect("launched");
        write(&client, "last", Some("1")).await;
        follower.until_equal(&client).await;
        assert_eq!((follower.known.len(), follower.in_sync), (201, 1));
    });
}

#[test]
fn without_room_for_anything_what_is_known_stays() {
    let settings = EtcdSettings { disk_octets: DISK, members: 1, ..EtcdSettings::default() };
    let mut cluster = Cluster::start(&settings);
    let options = cluster.options();
    cluster.run(async |etcd| {
        let client = client(options);
        write(&client, "first", Some("1")).await;
        let feed = feed(&client);
        let mut follower = Follower::of(&feed);
        follower.until_equal(&client).await;
        etcd.members()[0].fill_disk().expect("filled");
        let large = "x".repeat(64 << 10);
        let mut number = 0;
        while try_write(&client, &number.to_string(), Some(&large)).await {
            number += 1;
            assert!(number < 5_000, "the disk never was full");
        }
        follower.read_for(Duration::from_secs(3)).await;
        assert!(follower.known.contains_key(&format!("{PREFIX}first")), "what is known stays");

        etcd.members()[0].kill().expect("killed");
        etcd.members()[0].free_disk().expect("freed");
        etcd.members()[0].launch().expect("launched");
        write(&client, "last", Some("1")).await;
        follower.until_equal(&client).await;
        assert_eq!(follower.in_sync, 1);
    });
}

/// Only the monotonic clock can be set for one process alone; it is the one that etcd's leases and elections go by. The wall clock
/// is read from memory that the kernel shares with all processes, without a call that could be intercepted.
#[test]
fn a_member_whose_clock_is_ahead_changes_nothing_that_is_followed_and_ends_no_lease() {
    let mut cluster = Cluster::start(&EtcdSettings::default());
    let options = cluster.options();
    cluster.run(async |etcd| {
        let client = client(options);
        let feed = feed(&client);
        let mut follower = Follower::of(&feed);
        let keys = LeasedKeys::start(client.clone(), Duration::from_secs(20));
        keys.set(format!("{PREFIX}status").into(), Some("up".into())).await;
        follower.until("the key", Duration::from_secs(20), |follower| follower.known.len() == 1).await;
        // Each member in turn comes back ten days ahead, and the one that leads dies: a member with another clock follows it.
        for index in 0..3 {
            etcd.members()[index].kill().expect("killed");
            etcd.members()[index].set_clock_ahead(Duration::from_secs(864_000));
            etcd.members()[index].launch().expect("launched");
            write(&client, &index.to_string(), Some("1")).await;
            follower.until_equal(&client).await;
            let leader = etcd.leader().expect("a leader");
            etcd.members()[leader].kill().expect("killed");
            write(&client, &format!("{index} again"), Some("1")).await;
            etcd.members()[leader].launch().expect("launched");
            follower.until_equal(&client).await;
        }
        assert_eq!((contents(&client).await.len(), follower.in_sync), (7, 1));
        assert_eq!(follower.deletions, 0, "the key with a lease was never gone");
    });
}
