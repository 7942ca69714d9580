//! TLS, users and their rights, and a store without space.

use std::collections::BTreeSet;
use std::time::Duration;

use margay_datastore::{Client, Credentials, DatastoreError, Expected, SwapOutcome, TlsFiles};
use margay_lab::{Etcd, EtcdRelease, EtcdSettings};

use crate::cluster::{Cluster, Follower, PREFIX, client, contents, feed, write};

#[test]
fn tls_needs_the_authority_and_a_certificate() {
    let mut cluster = Cluster::start(&EtcdSettings { tls: true, members: 1, ..EtcdSettings::default() });
    let mut options = cluster.options();
    let files = cluster.etcd.certificates().expect("TLS").clone();
    cluster.run(async |_| {
        let identity = Some((files.client_certificate(), files.client_key()));
        let tls = TlsFiles { authority: files.authority(), identity, server_name: None };
        options.tls = Some(tls.clone());
        let known = client(options.clone());
        write(&known, "a", Some("1")).await;
        let feed = feed(&known);
        let mut follower = Follower::of(&feed);
        follower.until_equal(&known).await;
        options.tls = Some(TlsFiles { identity: None, ..tls.clone() });
        let unknown = client(options.clone());
        assert!(unknown.get(b"/x").await.is_err(), "a client without a certificate is not served");
        options.tls = Some(TlsFiles { authority: "/does/not/exist".into(), ..tls });
        let error = client(options).get(b"/x").await.expect_err("no such file").to_string();
        assert!(error.starts_with("/does/not/exist: "), "{error}");
    });
}

#[test]
fn a_right_that_is_revoked_disconnects_and_comes_back_when_it_is_granted_again() {
    let mut cluster = Cluster::start(&EtcdSettings { members: 1, ..EtcdSettings::default() });
    let mut options = cluster.options();
    cluster.run(async |etcd| {
        for words in [
            "user add root:secret",
            "user grant-role root root",
            "role add calico",
            "role grant-permission calico readwrite /calico/ /calico0",
            "user add margay:pass",
            "user grant-role margay calico",
            "auth enable",
        ] {
            etcd.ctl(words).expect(words);
        }
        options.credentials = Some(Credentials { user: "margay".to_owned(), password: "wrong".to_owned() });
        let error = client(options.clone()).get(b"/calico/a").await.expect_err("a wrong password");
        assert!(matches!(error, DatastoreError::Denied(_)), "{error:?}");

        options.credentials = Some(Credentials { user: "margay".to_owned(), password: "pass".to_owned() });
        let client = client(options);
        write(&client, "a", Some("1")).await;
        let feed = feed(&client);
        let mut follower = Follower::of(&feed);
        follower.until("in sync", Duration::from_secs(10), |follower| follower.known.len() == 1).await;
        let outcome = client.swap(b"/other", Expected::Absent, Some("x".into())).await;
        assert!(matches!(outcome, SwapOutcome::Refused(_)), "{outcome:?}");

        etcd.ctl("--user root:secret user revoke-role margay calico").expect("revoked");
        // A watch that runs goes on; one that is opened anew is refused.
        etcd.members()[0].kill().expect("killed");
        etcd.members()[0].launch().expect("launched");
        let denied =
            |follower: &Follower| follower.disconnected.iter().any(|why| why.contains("permission denied"));
        follower.until("denied", Duration::from_secs(20), denied).await;
        assert_eq!(follower.known.len(), 1, "what is known stays");
        etcd.ctl("--user root:secret user grant-role margay calico").expect("granted");
        follower.until("connected", Duration::from_secs(20), |follower| follower.connected == 2).await;
        write(&client, "b", Some("1")).await;
        follower.until_equal(&client).await;
    });
}

#[test]
fn lists_come_in_smaller_pages_when_values_are_large() {
    let mut cluster = Cluster::start(&EtcdSettings { members: 1, ..EtcdSettings::default() });
    let mut options = cluster.options();
    options.answer_octets = 64 << 10;
    cluster.run(async |_| {
        let client = client(options);
        let large = "x".repeat(20 << 10);
        for number in 0..9 {
            write(&client, &number.to_string(), Some(&large)).await;
        }
        let feed = feed(&client);
        let mut follower = Follower::of(&feed);
        follower.until("in sync", Duration::from_secs(10), |follower| follower.in_sync == 1).await;
        assert_eq!((contents(&client).await.len(), follower.known.len()), (9, 9));
    });
}

#[test]
fn a_store_without_space_refuses_writes_and_is_followed_all_the_same() {
    for release in [EtcdRelease::Debian, EtcdRelease::Newer] {
        let quota_octets = Some(20 << 20);
        let settings = EtcdSettings { quota_octets, members: 1, release, ..EtcdSettings::default() };
        let mut cluster = Cluster::start(&settings);
        let options = cluster.options();
        cluster.run(async |etcd| {
            let client = client(options);
            let feed = feed(&client);
            let mut follower = Follower::of(&feed);
            let written = fill(&client).await;
            // What was refused does not stand there, and what was written does.
            let keys: BTreeSet<String> = contents(&client).await.into_keys().collect();
            assert_eq!(keys, written, "{release:?}");
            follower.until_equal(&client).await;
            make_room(etcd, &client, release).await;
            let key = format!("{PREFIX}again");
            let outcome = client.swap(key.as_bytes(), Expected::Absent, Some("1".into())).await;
            let count = written.len();
            assert!(
                matches!(outcome, SwapOutcome::Written(_)),
                "{release:?} with {count} values: {outcome:?}"
            );
            follower.until_equal(&client).await;
            assert_eq!((follower.known.len(), follower.in_sync), (1, 1));
        });
    }
}

/// Writes large values from several sides until one is refused for want of space, and returns the keys that were taken.
///
/// etcd counts the space that is used when it commits to the disk, ten times a second at best. While the disk is slow, it takes
/// values far beyond its quota.
async fn fill(client: &Client) -> BTreeSet<String> {
    let writers = (0..WRITERS).map(|writer| tokio::spawn(fill_from(client.clone(), writer)));
    let writers: Vec<_> = writers.collect();
    let mut written = BTreeSet::new();
    for writer in writers {
        written.extend(writer.await.expect("a writer"));
    }
    written
}

const WRITERS: u32 = 8;

async fn fill_from(client: Client, writer: u32) -> BTreeSet<String> {
    let large = "x".repeat(512 << 10);
    let mut written = BTreeSet::new();
    for number in 0..200 {
        let key = format!("{PREFIX}{writer}.{number}");
        match client.swap(key.as_bytes(), Expected::Absent, Some(large.clone().into())).await {
            SwapOutcome::Written(_) => written.insert(key),
            SwapOutcome::Refused(why) if why.contains("space exceeded") => return written,
            other => panic!("{other:?}"),
        };
    }
    panic!("the store was never full");
}

/// Deletes everything, gives the space back, and ends the alarm.
async fn make_room(etcd: &Etcd, client: &Client, release: EtcdRelease) {
    for key in contents(client).await.into_keys() {
        let current = client.get(key.as_bytes()).await.expect("a store that can be read").expect("a value");
        match (client.swap(key.as_bytes(), Expected::At(current.stamp), None).await, release) {
            (SwapOutcome::Written(_), _) => (),
            // Before 3.4.20 and 3.5.7, etcd without space refuses deletions in transactions, too.
            (SwapOutcome::Refused(why), EtcdRelease::Newer) => {
                assert!(why.contains("space exceeded"), "{why}");
                etcd.ctl(&format!("del --prefix {PREFIX}")).expect("deleted");
                break;
            }
            (other, _) => panic!("{key}: {other:?}"),
        }
    }
    let newest = client.list(&margay_datastore::KeyRange::of_prefix("/")).await.expect("a list").revision;
    client.compact(newest).await.expect("compacted");
    etcd.ctl("defrag").expect("defragmented");
    etcd.ctl("alarm disarm").expect("disarmed");
}
