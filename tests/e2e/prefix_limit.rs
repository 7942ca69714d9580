//! Limits of the prefixes that a peer may announce.

use margay_lab::{Family, Router, holds_for, numbered_prefixes, wait_until};

use crate::pair::{PATIENCE, wait_for_state};
use crate::wire::{Wire, peer, wait_for_networks};

#[test]
fn a_peer_that_announces_too_much_is_down_for_the_restart_time_and_others_are_not() {
    let wire = Wire::new();
    let mut margay = wire.margay("margay", 1, |settings| {
        settings.peers = vec![peer(2), peer(3)];
        settings.peers[0].extra = "prefix_limit = { received = 10, warn = 0.5, restart = \"4s\" }".to_owned();
        settings.peers[1].extra = "prefix_limit = 10".to_owned();
    });
    let bird = |label: &str, number, networks: Vec<String>| {
        let mut bird = wire.bird(label, number, |settings| {
            settings.peers = vec![peer(1)];
            settings.networks = networks;
        });
        bird.start().unwrap();
        bird
    };
    margay.start().unwrap();
    let _good = bird("good", 3, vec!["10.65.60.0/24".to_owned()]);
    wait_for_networks(&margay, &[60]);
    let mut bad = bird("bad", 2, numbered_prefixes(Family::Ipv4, 2, 7));
    let received = || margay.json("show peer peer2").unwrap()["prefixes"]["received"].clone();
    wait_until(PATIENCE, "seven prefixes", || if received() == 7 { Ok(()) } else { Err(received()) });
    wait_until(PATIENCE, "the warning", || match margay.log().unwrap() {
        log if log.contains("received prefixes are near to their limit") => Ok(()),
        log => Err(log),
    });

    bad.settings().networks = numbered_prefixes(Family::Ipv4, 2, 1000);
    bad.reload().unwrap();
    wait_for_state(&margay, "peer2", |state| state == "idle", "idle");
    let detail = margay.json("show peer peer2").unwrap();
    assert_eq!(detail["last_error"], "maximum number of prefixes reached", "{detail}");
    wait_for_networks(&margay, &[60]);
    holds_for(std::time::Duration::from_secs(2), "it stays down", || {
        match margay.json("show peer peer2").unwrap()["state"].as_str() {
            Some("idle") => Ok(()),
            state => Err(format!("{state:?}")),
        }
    });

    bad.settings().networks = numbered_prefixes(Family::Ipv4, 2, 3);
    bad.reload().unwrap();
    wait_until(PATIENCE, "three prefixes", || if received() == 3 { Ok(()) } else { Err(received()) });
    let log = margay.log().unwrap();
    // Connections may collide until both sides are established, which the peer is once it announces.
    let mut since_the_warning = log.lines().skip_while(|line| !line.contains("are near to their limit"));
    assert!(since_the_warning.next().is_some(), "{log}");
    assert_eq!(since_the_warning.find(|line| line.contains(" down: ") && line.ends_with("peer=peer3")), None);
}

/// Of the first limit, the rest is dropped, and BIRD is asked for it once there is room; of the second, it waits in the Adj-RIB-In.
#[test]
fn further_prefixes_are_refused_until_there_is_room_and_the_session_stays() {
    let wire = Wire::new();
    let mut margay = wire.margay("margay", 1, |settings| {
        settings.peers = vec![peer(2), peer(3)];
        settings.peers[0].extra = "prefix_limit = { received = 5, action = \"refuse\" }".to_owned();
        settings.peers[1].extra = "prefix_limit = { accepted = 5, action = \"refuse\" }".to_owned();
    });
    let all: Vec<String> = numbered_prefixes(Family::Ipv4, 2, 8);
    let bird = |number| {
        let mut bird = wire.bird(&format!("bird{number}"), number, |settings| {
            settings.peers = vec![peer(1)];
            settings.networks.clone_from(&all);
        });
        bird.start().unwrap();
        bird
    };
    margay.start().unwrap();
    let [mut dropping, mut waiting] = [bird(2), bird(3)];
    let wait_for = |peer: &str, [received, accepted, over_limit]: [u64; 3]| {
        wait_until(PATIENCE, &format!("{received}, {accepted}, {over_limit} of {peer}"), || {
            let detail = margay.json(&format!("show peer {peer}")).unwrap();
            let prefixes = &detail["prefixes"];
            let seen = [&prefixes["received"], &prefixes["accepted"], &detail["over_limit"]];
            if seen == [received, accepted, over_limit] { Ok(()) } else { Err(detail.to_string()) }
        });
    };
    wait_for("peer2", [5, 5, 0]);
    wait_for("peer3", [8, 5, 3]);
    assert_eq!(margay.json("show peer peer2").unwrap()["dropped"], 3);
    let shown = margay.cli("show routes --received --peer peer3").unwrap();
    let reason = "as many prefixes of the peer are accepted as its limit allows";
    assert_eq!(shown.matches(reason).count(), 3, "{shown}");
    let since = ["peer2", "peer3"].map(|peer| margay.uptime_seconds(peer).unwrap());

    for bird in [&mut dropping, &mut waiting] {
        bird.settings().networks = all[4..].to_vec();
        bird.reload().unwrap();
    }
    wait_for("peer2", [4, 4, 0]);
    wait_for("peer3", [4, 4, 0]);
    let log = margay.log().unwrap();
    assert_eq!(
        log.matches("there is room for refused prefixes: asking for all routes again").count(),
        1,
        "{log}"
    );
    assert_eq!(log.matches("prefixes reach their limit: further ones are refused").count(), 2, "{log}");
    let later = ["peer2", "peer3"].map(|peer| margay.uptime_seconds(peer).unwrap());
    assert!(later >= since, "the sessions stay: {since:?}, {later:?}");
}
