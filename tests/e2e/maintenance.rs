//! Maintenance of a node: peers are asked to prefer other paths, and told why the daemon goes.

use margay_lab::{Bird, Margay, Router, wait_until};

use crate::pair::PATIENCE;
use crate::raw_speaker::{KEEPALIVE, NOTIFICATION, OPEN, RawSpeaker, message, open_body};
use crate::wire::{Wire, address, identifier, network, peer, wait_for_networks};

#[test]
fn draining_asks_peers_for_other_paths_also_those_that_come_later_until_it_is_taken_back() {
    let wire = Wire::new();
    let mut margay = wire.margay("margay", 1, |settings| {
        settings.peers = vec![peer(2)];
        settings.networks = vec![network(50)];
    });
    let mut bird = wire.bird("bird", 2, |settings| settings.peers = vec![peer(1)]);
    margay.start().unwrap();
    bird.start().unwrap();
    wait_for_networks(&bird, &[50]);
    wait_for_draining(&bird, false);
    assert_eq!(margay.cli("undrain").unwrap(), "not draining\n");

    let done = margay.cli("drain").unwrap();
    assert_eq!(done, "draining: peers are asked to prefer other paths\n");
    wait_for_draining(&bird, true);
    assert_eq!(margay.cli("drain").unwrap(), "already draining\n");
    assert!(is_draining(&margay));

    margay.cli("reload").unwrap();
    margay.cli("peer peer2 reset").unwrap();
    wait_until(PATIENCE, "the session", || margay.uptime_seconds("peer2"));
    wait_for_networks(&bird, &[50]);
    wait_for_draining(&bird, true);

    assert_eq!(margay.cli("undrain").unwrap(), "no longer draining\n");
    wait_for_draining(&bird, false);
    assert!(!is_draining(&margay));
}

#[test]
fn a_shutdown_tells_peers_why_and_ends_the_daemon() {
    let wire = Wire::new();
    let mut margay = wire.margay("margay", 1, |settings| settings.peers = vec![peer(11)]);
    margay.start().unwrap();
    let raw = wire.place("raw", &[11]);
    let mut speaker =
        wait_until(PATIENCE, "the connection", || RawSpeaker::dial(&raw, address(11), address(1)));
    speaker.send(&message(OPEN, &open_body(4, 64_512, 0, identifier(11), &[]))).unwrap();
    speaker.read_kind(OPEN).unwrap();
    speaker.send(&message(KEEPALIVE, &[])).unwrap();
    wait_until(PATIENCE, "the session", || margay.uptime_seconds("peer11"));

    let too_long = margay.cli(&format!("shutdown --message {}", "x".repeat(256))).unwrap_err();
    assert!(format!("{too_long:#}").contains("255 are allowed"), "{too_long:#}");
    assert!(margay.is_running());
    assert_eq!(margay.cli("shutdown --message outage").unwrap(), "shutting down\n");
    let received = speaker.read_kind(NOTIFICATION).unwrap();
    assert_eq!(received.body, [&[6, 2, 6][..], b"outage"].concat());
    wait_until(
        PATIENCE,
        "the end of the daemon",
        || {
            if margay.is_running() { Err("it runs") } else { Ok(()) }
        },
    );
    let log = margay.log().unwrap();
    assert!(log.contains("shutting down") && log.contains("stopped"), "{log}");
}

fn is_draining(margay: &Margay) -> bool {
    margay.json("show status").unwrap()["draining"] == true
}

/// Waits until BIRD's route has the community and the lowest preference, or neither of them.
#[track_caller]
fn wait_for_draining(bird: &Bird, is_draining: bool) {
    wait_until(PATIENCE, &format!("draining: {is_draining}"), || {
        let shown = bird.birdc(&format!("show route {} all", network(50))).map_err(|it| format!("{it:#}"))?;
        let has = |text: &str| shown.lines().any(|line| line.trim().ends_with(text));
        let seen = [has("BGP.community: (65535,0)"), has("BGP.local_pref: 0")];
        if seen == [is_draining; 2] { Ok(()) } else { Err(shown) }
    });
}
