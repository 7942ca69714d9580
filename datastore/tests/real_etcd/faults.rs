//! Members that die, freeze or are cut off, and compaction.

use std::time::{Duration, Instant};

use margay_datastore::{Client, Revision};
use margay_lab::{EtcdRelease, EtcdSettings};

use crate::cluster::{Cluster, Follower, client, contents, feed, write};

#[test]
fn a_leader_that_is_killed_costs_no_change() {
    for release in [EtcdRelease::Debian, EtcdRelease::Newer] {
        let mut cluster = Cluster::start(&EtcdSettings { release, ..EtcdSettings::default() });
        let options = cluster.options();
        cluster.run(async |etcd| {
            let client = client(options);
            write(&client, "a", Some("1")).await;
            let feed = feed(&client);
            let mut follower = Follower::of(&feed);
            follower.until("in sync", Duration::from_secs(10), |follower| follower.in_sync == 1).await;
            for round in 0..3 {
                let leader = etcd.leader().expect("a leader");
                etcd.members()[leader].kill().expect("killed");
                for number in 0..20 {
                    write(&client, &format!("{round}-{number}"), Some("x")).await;
                }
                write(&client, &format!("{round}-0"), None).await;
                follower.until_equal(&client).await;
                etcd.members()[leader].launch().expect("launched");
            }
            assert_eq!(follower.known.len(), 1 + 3 * 19, "{release:?}");
            assert_eq!(follower.in_sync, 1);
        });
    }
}

#[test]
fn what_was_compacted_while_the_watch_was_away_is_listed_and_only_differences_are_said() {
    let mut cluster = Cluster::start(&EtcdSettings::default());
    let options = cluster.options();
    cluster.run(async |etcd| {
        // The feed's client knows one member alone, which is cut off; another client goes on writing.
        let own = client(margay_datastore::DatastoreOptions::new([etcd.members()[0].client_url()]));
        let others = client(options);
        for number in 0..50 {
            write(&others, &format!("{number:02}"), Some("old")).await;
        }
        let feed = feed(&own);
        let mut follower = Follower::of(&feed);
        follower.until("in sync", Duration::from_secs(10), |follower| follower.known.len() == 50).await;
        etcd.members()[0].attachment().cut().expect("cut");
        write(&others, "07", None).await;
        write(&others, "08", Some("new")).await;
        write(&others, "99", Some("new")).await;
        let newest = others.list(&margay_datastore::KeyRange::of_prefix("/")).await.expect("a list").revision;
        others.compact(newest).await.expect("compacted");
        follower
            .until("disconnected", Duration::from_secs(15), |follower| !follower.disconnected.is_empty())
            .await;
        assert_eq!(follower.known.len(), 50, "what is known stays");
        let events = follower.events;
        etcd.members()[0].attachment().restore().expect("restored");
        follower.until_equal(&others).await;
        assert_eq!(follower.events - events, 3, "one deletion, one change, one new key");
    });
}

#[test]
fn compaction_under_the_watch_disturbs_nothing() {
    let mut cluster = Cluster::start(&EtcdSettings { members: 1, ..EtcdSettings::default() });
    let options = cluster.options();
    cluster.run(async |_| {
        let client = client(options);
        let feed = feed(&client);
        let mut follower = Follower::of(&feed);
        for number in 0..40 {
            write(&client, &format!("{}", number % 7), (number % 3 != 0).then_some("x")).await;
            compact_everything(&client).await;
        }
        follower.until_equal(&client).await;
        assert!(follower.disconnected.is_empty(), "{:?}", follower.disconnected);
    });
}

#[test]
fn without_a_majority_what_is_known_stays_and_it_goes_on_afterwards() {
    let mut cluster = Cluster::start(&EtcdSettings::default());
    let options = cluster.options();
    cluster.run(async |etcd| {
        let client = client(options);
        write(&client, "a", Some("1")).await;
        write(&client, "b", Some("1")).await;
        let feed = feed(&client);
        let mut follower = Follower::of(&feed);
        follower.until("in sync", Duration::from_secs(10), |follower| follower.known.len() == 2).await;
        etcd.members()[0].kill().expect("killed");
        etcd.members()[1].kill().expect("killed");
        follower
            .until("disconnected", Duration::from_secs(15), |follower| !follower.disconnected.is_empty())
            .await;
        follower.read_for(Duration::from_secs(5)).await;
        assert_eq!(follower.known.len(), 2);
        assert!(feed.status().disconnected.is_some());
        etcd.members()[0].launch().expect("launched");
        etcd.members()[1].launch().expect("launched");
        write(&client, "c", Some("1")).await;
        follower.until_equal(&client).await;
        assert_eq!(feed.status().disconnected, None);
    });
}

#[test]
fn a_frozen_member_is_left_within_seconds() {
    let mut cluster = Cluster::start(&EtcdSettings::default());
    let options = cluster.options();
    cluster.run(async |etcd| {
        let client = client(options);
        let feed = feed(&client);
        let mut follower = Follower::of(&feed);
        follower.until("connected", Duration::from_secs(10), |follower| follower.connected == 1).await;
        // Each in turn: one of them is the one in use, and its kernel goes on accepting connections.
        for index in 0..3 {
            etcd.members()[index].freeze().expect("frozen");
            let started = Instant::now();
            write(&client, &format!("frozen {index}"), Some("x")).await;
            let key = format!("{}frozen {index}", crate::cluster::PREFIX);
            follower
                .until("the write", Duration::from_secs(12), |follower| follower.known.contains_key(&key))
                .await;
            assert!(started.elapsed() < Duration::from_secs(14));
            etcd.members()[index].thaw().expect("thawed");
        }
        assert_eq!(contents(&client).await, follower.known);
    });
}

#[test]
fn a_member_without_its_leader_is_left_for_another() {
    let mut cluster = Cluster::start(&EtcdSettings::default());
    let options = cluster.options();
    cluster.run(async |etcd| {
        // The client reaches all members, but member 1 reaches no other.
        let client = client(options);
        let feed = feed(&client);
        let mut follower = Follower::of(&feed);
        follower.until("connected", Duration::from_secs(10), |follower| follower.connected == 1).await;
        for index in 0..3 {
            for other in (0..3).filter(|other| *other != index) {
                block(etcd, index, other, "add");
            }
            tokio::time::sleep(Duration::from_secs(3)).await;
            write(&client, &format!("apart {index}"), Some("x")).await;
            follower.until_equal(&client).await;
            for other in (0..3).filter(|other| *other != index) {
                block(etcd, index, other, "del");
            }
        }
    });
}

/// Makes a member lose its way to another one, or gives it back.
fn block(etcd: &mut margay_lab::Etcd, from: usize, to: usize, verb: &str) {
    let route = format!("route {verb} unreachable 10.99.0.{}/32", to + 1);
    etcd.members()[from].namespace().ip(&route).expect("a route");
}

#[test]
fn a_quiet_watch_lasts() {
    let mut cluster = Cluster::start(&EtcdSettings { members: 1, ..EtcdSettings::default() });
    let options = cluster.options();
    cluster.run(async |_| {
        let client = client(options);
        let feed = feed(&client);
        let mut follower = Follower::of(&feed);
        // Longer than the questions for a sign of life and the tests of the connection need to annoy a member.
        follower.read_for(Duration::from_secs(40)).await;
        assert_eq!((follower.connected, follower.disconnected.len()), (1, 0), "{:?}", follower.disconnected);
        write(&client, "a", Some("1")).await;
        follower.until_equal(&client).await;
    });
}

async fn compact_everything(client: &Client) {
    let listed = client.list(&margay_datastore::KeyRange::of_prefix("/")).await.expect("a list");
    // The store may have been compacted up to there already.
    if let Err(error) = client.compact(listed.revision).await {
        assert!(matches!(error, margay_datastore::DatastoreError::Compacted), "{error}");
    }
    assert_ne!(listed.revision, Revision(0));
}
