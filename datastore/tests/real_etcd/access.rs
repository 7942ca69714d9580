//! TLS, users and their rights, and a store without space.

use std::time::{Duration, Instant};

use margay_datastore::{Credentials, DatastoreError, Expected, SwapOutcome, TlsFiles};
use margay_lab::EtcdSettings;

use crate::cluster::{Cluster, Follower, PREFIX, client, feed, try_write, write};

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
fn a_store_without_space_refuses_writes_and_is_followed_all_the_same() {
    let quota_octets = Some(20 << 20);
    let mut cluster = Cluster::start(&EtcdSettings { quota_octets, members: 1, ..EtcdSettings::default() });
    let options = cluster.options();
    cluster.run(async |etcd| {
        let client = client(options);
        let feed = feed(&client);
        let mut follower = Follower::of(&feed);
        let large = "x".repeat(1 << 20);
        let mut refused = None;
        for number in 0..40 {
            let key = format!("{PREFIX}{number}");
            match client.swap(key.as_bytes(), Expected::Absent, Some(large.clone().into())).await {
                SwapOutcome::Written(_) => (),
                other => {
                    refused = Some(other);
                    break;
                }
            }
        }
        let Some(SwapOutcome::Refused(why)) = refused else { panic!("{refused:?}") };
        assert!(why.contains("space exceeded"), "{why}");
        follower.until_equal(&client).await;
        // Deletions need no space. Several make room well below the quota, of which etcd knows only roughly how much is used.
        for number in 0..8 {
            write(&client, &number.to_string(), None).await;
        }
        follower.until_equal(&client).await;
        let newest = client.list(&margay_datastore::KeyRange::of_prefix("/")).await.expect("a list").revision;
        client.compact(newest).await.expect("compacted");
        // etcd may raise the alarm anew by the room that it knew of before.
        let started = Instant::now();
        loop {
            etcd.ctl("defrag").expect("defragmented");
            etcd.ctl("alarm disarm").expect("disarmed");
            if try_write(&client, &format!("{PREFIX}again"), Some("1")).await {
                break;
            }
            assert!(started.elapsed() < Duration::from_secs(60), "there is room, and no write is taken");
        }
        follower.until_equal(&client).await;
    });
}
