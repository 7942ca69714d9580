//! What operators do with single peers: disable, enable, reset; and peers that cannot be started.

use std::fs;

use margay_lab::{Router, wait_until};

use crate::pair::{PATIENCE, wait_for_state};
use crate::raw_speaker::{KEEPALIVE, NOTIFICATION, OPEN, RawSpeaker, message, open_body};
use crate::wire::{Wire, address, identifier, network, peer, wait_for_networks};

#[test]
fn a_disabled_peer_stays_down_across_a_reload_and_comes_back_when_enabled() {
    let wire = Wire::new();
    let mut margay = wire.margay("margay", 1, |settings| settings.peers = vec![peer(2)]);
    let mut bird = wire.bird("bird", 2, |settings| settings.peers = vec![peer(1)]);
    margay.start().unwrap();
    bird.start().unwrap();
    wait_until(PATIENCE, "the session", || margay.uptime_seconds("peer2"));

    assert_eq!(margay.cli("peer peer2 disable --message maintenance").unwrap(), "peer2: disabled\n");
    wait_for_state(&margay, "peer2", |state| state == "idle", "idle");
    let shown = || margay.json("show peer peer2").unwrap()["held_down"].clone();
    assert_eq!(shown(), "disabled by the operator: maintenance");
    assert!(margay.cli("show peers").unwrap().contains("disabled by the operator: maintenance"));
    let refused = margay.cli("peer peer2 reset").unwrap_err();
    assert!(format!("{refused:#}").contains("enable it first"), "{refused:#}");

    margay.cli("reload").unwrap();
    let configuration = margay.configuration().unwrap();
    // Another hold time makes a new session of the peer, which stays down as well.
    margay.hang_up_with(&configuration.replace("hold_time = \"90s\"", "hold_time = \"30s\"")).unwrap();
    wait_until(PATIENCE, "the reload", || {
        match margay.json("show peer peer2").map_err(|error| format!("{error:#}"))? {
            detail if detail["timers"]["hold_time_seconds"] == 30 => Ok(()),
            detail => Err(detail.to_string()),
        }
    });
    assert_eq!(shown(), "disabled by the operator: maintenance");
    wait_for_state(&margay, "peer2", |state| state == "idle", "idle");

    assert_eq!(margay.cli("peer peer2 enable").unwrap(), "peer2: enabled\n");
    wait_until(PATIENCE, "the session", || margay.uptime_seconds("peer2"));
    assert!(shown().is_null());
}

#[test]
fn a_peer_is_told_why_its_session_is_reset_or_disabled() {
    let wire = Wire::new();
    let mut margay = wire.margay("margay", 1, |settings| settings.peers = vec![peer(11)]);
    margay.start().unwrap();
    let raw = wire.place("raw", &[11]);
    for (command, subcode) in [("reset", 4), ("disable", 2)] {
        let mut speaker =
            wait_until(PATIENCE, "the connection", || RawSpeaker::dial(&raw, address(11), address(1)));
        speaker.send(&message(OPEN, &open_body(4, 64_512, 0, identifier(11), &[]))).unwrap();
        speaker.read_kind(OPEN).unwrap();
        speaker.send(&message(KEEPALIVE, &[])).unwrap();
        wait_until(PATIENCE, "the session", || margay.uptime_seconds("peer11"));
        margay.cli(&format!("peer peer11 {command} --message outage")).unwrap();
        let notification = speaker.read_kind(NOTIFICATION).unwrap();
        assert_eq!(notification.body, [&[6, subcode, 6][..], b"outage"].concat());
    }
    let too_long = margay.cli(&format!("peer peer11 disable --message {}", "x".repeat(256))).unwrap_err();
    assert!(format!("{too_long:#}").contains("255 are allowed"), "{too_long:#}");
}

#[test]
fn a_soft_reset_repeats_routes_and_keeps_the_session() {
    let wire = Wire::new();
    let mut margay = wire.margay("margay", 1, |settings| {
        settings.peers = vec![peer(2)];
        settings.networks = vec![network(50)];
    });
    let mut bird = wire.bird("bird", 2, |settings| {
        settings.peers = vec![peer(1)];
        settings.networks = vec![network(60)];
    });
    margay.start().unwrap();
    bird.start().unwrap();
    wait_for_networks(&margay, &[60]);
    wait_for_networks(&bird, &[50]);
    let updates = |direction: &str| {
        let detail = margay.json("show peer peer2").unwrap();
        detail["messages"][format!("updates_{direction}")].as_u64().unwrap()
    };
    for (direction, counted) in [("in", "received"), ("out", "sent")] {
        let before = updates(counted);
        margay.cli(&format!("peer peer2 reset --soft {direction}")).unwrap();
        wait_until(PATIENCE, &format!("the routes {direction} again"), || match updates(counted) {
            updates if updates > before => Ok(()),
            updates => Err(updates),
        });
    }
    wait_for_networks(&margay, &[60]);
    wait_for_networks(&bird, &[50]);
    assert!(margay.json("show peer peer2").unwrap()["held_down"].is_null());
}

#[test]
fn a_password_that_cannot_be_used_is_an_error_and_its_peer_is_shown() {
    let wire = Wire::new();
    let folder = std::env::temp_dir().join(format!("margay-passwords-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let key = folder.join("peer2.key");
    let mut margay = wire.margay("margay", 1, |settings| {
        settings.peers = vec![peer(2), peer(3)];
        settings.peers[0].extra = format!("password_file = {:?}", key.display().to_string());
    });
    margay.start().unwrap();
    let held_down = |name: &str| margay.json(&format!("show peer {name}")).unwrap()["held_down"].clone();
    let reason = held_down("peer2");
    assert!(reason.as_str().is_some_and(|reason| reason.starts_with("not started: cannot read")), "{reason}");
    assert!(held_down("peer3").is_null());

    let file = folder.join("margay.toml");
    fs::write(&file, margay.configuration().unwrap()).unwrap();
    for (content, error) in [("", "its first line is empty"), (&"x".repeat(81), "has 81 octets")] {
        fs::write(&key, content).unwrap();
        for command in ["reload".to_owned(), format!("check {}", file.display())] {
            let said = format!("{:#}", margay.cli(&command).unwrap_err());
            assert!(said.contains("password_file") && said.contains(error), "{command}: {said}");
        }
    }
    fs::write(&key, "secret\n").unwrap();
    margay.cli("reload").unwrap();
    assert!(held_down("peer2").is_null());
    fs::remove_dir_all(&folder).unwrap();
}
