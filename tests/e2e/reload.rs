//! SIGHUP: what changed changes, all else goes on undisturbed.

use std::net::Ipv4Addr;

use margay_lab::{
    Bird, Family, Lab, Margay, Namespace, PeerSettings, Router, RouterSettings, Segment, wait_until,
};

use crate::pair::{MARGAY_ASN, PATIENCE, PEER_ASN, binaries, host, wait_for_state, with_length};

#[test]
fn sighup_adds_and_removes_peers_and_networks_without_touching_others() {
    let mut scene = Scene::new();
    let bystander = scene.let_time_pass();

    scene.margay.settings().networks.push("10.65.9.0/26".to_owned());
    scene.margay.hang_up().unwrap();
    scene.wait_for_networks(2, &["10.65.1.0/26", "10.65.9.0/26"]);
    scene.margay.settings().networks.remove(0);
    scene.margay.hang_up().unwrap();
    scene.wait_for_networks(2, &["10.65.9.0/26"]);
    scene.wait_for_networks(3, &["10.65.9.0/26"]);

    scene.margay.settings().peers.push(peer(4));
    scene.margay.hang_up().unwrap();
    scene.wait_for_networks(4, &["10.65.9.0/26"]);
    scene.margay.settings().peers.remove(1);
    scene.margay.hang_up().unwrap();
    scene.wait_for_networks(3, &[]);
    assert!(scene.margay.session_state("peer3").is_err(), "peer3 is still known");

    scene.assert_undisturbed(bystander);
    wait_for_state(&scene.birds[0], "margay", |state| state == "established", "established");
}

#[test]
fn an_object_with_an_error_goes_on_as_it_was_and_is_explained() {
    let scene = Scene::new();
    let bystander = scene.let_time_pass();
    let good = scene.margay.configuration().unwrap();

    let bad = good.replacen("10.65.1.0/26", "10.65.1.1/26", 1);
    let line = 1 + bad.lines().position(|line| line.contains("10.65.1.1/26")).unwrap();
    scene.margay.hang_up_with(&bad).unwrap();
    wait_until(PATIENCE, "the error in the log", || {
        let log = scene.margay.log().unwrap();
        if log.contains(&format!(".toml:{line}:")) { Ok(()) } else { Err(log) }
    });
    let answer = scene.margay.cli("reload").unwrap_err().to_string();
    assert!(answer.contains(&format!(".toml:{line}:")) && answer.contains("10.65.1.0/26"), "{answer}");
    assert!(answer.contains("left out  network 10.65.1.0/26, and goes on as it was"), "{answer}");
    let status = scene.margay.cli("show status").unwrap();
    assert!(status.contains("left out            network 10.65.1.0/26"), "{status}");
    scene.wait_for_networks(2, &["10.65.1.0/26"]);
    scene.wait_for_networks(3, &["10.65.1.0/26"]);
    scene.assert_undisturbed(bystander);

    scene.margay.hang_up_with(&good.replace("10.65.1.0/26", "10.65.2.0/26")).unwrap();
    scene.wait_for_networks(2, &["10.65.2.0/26"]);
    scene.assert_undisturbed(bystander);
    assert!(!scene.margay.cli("show status").unwrap().contains("left out"));
}

#[test]
fn a_wrong_peer_keeps_its_session_while_the_rest_of_the_file_takes_effect() {
    let scene = Scene::new();
    let bystander = scene.let_time_pass();
    let good = scene.margay.configuration().unwrap();
    let changed = good.replace("10.65.1.0/26", "10.65.2.0/26");
    let bad = changed.replacen("[[peer]]", "[[peer]]\nflavour = 1", 1);
    let refusal = scene.margay.reload_with(&bad, "--strict").unwrap_err().to_string();
    assert!(refusal.contains("unknown key") && refusal.contains("Nothing was changed."), "{refusal}");
    scene.wait_for_networks(2, &["10.65.1.0/26"]);
    let answer = scene.margay.reload_with(&bad, "").unwrap_err().to_string();
    assert!(answer.contains("goes on as it was") && answer.contains("flavour"), "{answer}");
    scene.wait_for_networks(2, &["10.65.2.0/26"]);
    scene.wait_for_networks(3, &["10.65.2.0/26"]);
    scene.assert_undisturbed(bystander);
    let peers = scene.margay.cli("show peers").unwrap();
    assert!(peers.contains("left out: peer peer2, and goes on as it was"), "{peers}");
}

#[test]
fn a_reload_that_is_not_confirmed_is_undone() {
    let scene = Scene::new();
    let bystander = scene.let_time_pass();
    let good = scene.margay.configuration().unwrap();
    let changed = good.replace("10.65.1.0/26", "10.65.2.0/26");
    let answer = scene.margay.reload_with(&changed, "--confirm 4s").unwrap();
    assert!(answer.contains("unless confirmed"), "{answer}");
    scene.wait_for_networks(2, &["10.65.2.0/26"]);
    // The file goes on to say it, but it is not in force.
    scene.wait_for_networks(2, &["10.65.1.0/26"]);
    scene.wait_for_networks(3, &["10.65.1.0/26"]);
    assert!(scene.margay.cli("reload --confirmed").is_err(), "nothing waits to be confirmed");

    scene.margay.reload_with(&changed, "--confirm 1h").unwrap();
    let diff = scene.margay.cli("reload --confirmed").unwrap();
    assert!(diff.starts_with("confirmed"), "{diff}");
    scene.wait_for_networks(2, &["10.65.2.0/26"]);
    scene.assert_undisturbed(bystander);
}

#[test]
fn a_diff_says_what_a_reload_would_do_to_whom() {
    let scene = Scene::new();
    let good = scene.margay.configuration().unwrap();
    let changed = good
        .replacen("[[peer]]", "[[peer]]\nsend_hold_time = \"500s\"", 1)
        .replace("10.65.1.0/26", "10.65.2.0/26");
    let file = scene.margay.write_beside(&changed).unwrap();
    let diff = scene.margay.cli(&format!("diff {}", file.display())).unwrap();
    for expected in [
        "network 10.65.1.0/26  removed",
        "network 10.65.2.0/26  added",
        "new session  send_hold_time",
        "1 other peer: nothing",
    ] {
        assert!(diff.contains(expected), "{expected}: {diff}");
    }
    scene.wait_for_networks(2, &["10.65.1.0/26"]);
    let same = scene
        .margay
        .cli(&format!("check --explain-changes {}", scene.margay.configuration_file().display()))
        .unwrap();
    assert_eq!(same, "2 other peers: nothing\n");
}

/// margay with two of three BIRDs on a segment as peers.
struct Scene {
    margay: Margay,
    /// Numbers 2, 3 and 4.
    birds: Vec<Bird>,
    _segment: Segment,
    _lab: Lab,
}

impl Scene {
    fn new() -> Self {
        let lab = Lab::new().unwrap();
        let segment = lab.segment("wire").unwrap();
        let place = |label: &str, number| -> Namespace {
            let namespace = lab.namespace(label).unwrap();
            segment.attach(&namespace, "eth0", &[&with_length(host(Family::Ipv4, number))]).unwrap();
            namespace
        };
        let mut settings = RouterSettings::new(MARGAY_ASN, Ipv4Addr::new(172, 16, 0, 1));
        settings.networks = vec!["10.65.1.0/26".to_owned()];
        settings.peers = vec![peer(2), peer(3)];
        let mut margay = Margay::new(&place("margay", 1), settings, &binaries());
        let mut birds: Vec<Bird> = [2, 3, 4]
            .map(|number| {
                let mut settings =
                    RouterSettings::new(PEER_ASN + u32::from(number), Ipv4Addr::new(172, 16, 0, number));
                settings.peers = vec![PeerSettings::new("margay", host(Family::Ipv4, 1), MARGAY_ASN)];
                Bird::new(&place(&format!("bird{number}"), number), settings)
            })
            .into();
        birds.iter_mut().for_each(|bird| bird.start().unwrap());
        margay.start().unwrap();
        let scene = Self { margay, birds, _segment: segment, _lab: lab };
        for number in [2, 3] {
            scene.wait_for_networks(number, &["10.65.1.0/26"]);
        }
        scene
    }

    #[track_caller]
    fn wait_for_networks(&self, number: usize, expected: &[&str]) {
        let bird = &self.birds[number - 2];
        wait_until(PATIENCE, &format!("the routes of {bird:?}"), || {
            let routes = bird.routes().map_err(|error| format!("{error:#}"))?;
            if routes.keys().eq(expected) {
                Ok(())
            } else {
                Err(format!("{routes:?}, expected {expected:?}"))
            }
        });
    }

    /// Waits until the uptime of the session with peer2 would show a reset, and returns what cannot change without one.
    fn let_time_pass(&self) -> Undisturbed {
        let uptime_seconds = wait_until(PATIENCE, "an uptime of three seconds", || {
            let uptime = self.margay.uptime_seconds("peer2").map_err(|error| format!("{error:#}"))?;
            if uptime >= 3 { Ok(uptime) } else { Err(format!("{uptime} s")) }
        });
        Undisturbed { uptime_seconds }
    }

    #[track_caller]
    fn assert_undisturbed(&self, before: Undisturbed) {
        let uptime = self.margay.uptime_seconds("peer2").unwrap();
        assert!(uptime >= before.uptime_seconds, "the session with peer2 started again: up {uptime} s");
    }
}

#[derive(Clone, Copy)]
struct Undisturbed {
    uptime_seconds: u64,
}

fn peer(number: u8) -> PeerSettings {
    PeerSettings::new(&format!("peer{number}"), host(Family::Ipv4, number), PEER_ASN + u32::from(number))
}
