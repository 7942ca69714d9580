//! Dynamic peers: they dial in from a range, and are removed when they leave.

use std::net::Ipv4Addr;

use margay_lab::{Bird, Family, Lab, Margay, PeerSettings, Router, RouterSettings, Segment, wait_until};

use crate::pair::{MARGAY_ASN, PATIENCE, binaries, host, wait_for_state, with_length};
use crate::raw_speaker::{OPEN, RawSpeaker, message, open_body};

#[test]
fn whoever_dials_in_from_the_range_is_a_client_until_it_leaves() {
    let mut scene = Scene::new([2, 3, 4], "hold_time = \"9s\"");
    scene.start(2);
    scene.start(3);
    scene.wait_for_peers(&["172.16.0.2", "172.16.0.3"]);
    scene.assert_one_group_of(2);
    // Both are clients, and receive each other's routes.
    scene.wait_for_networks(2, &["10.65.1.0/26", "10.65.3.0/26"]);
    scene.wait_for_networks(3, &["10.65.1.0/26", "10.65.2.0/26"]);
    let received = scene.margay.json("show routes --advertised --peer 172.16.0.3").unwrap();
    let reflected =
        received["routes"].as_array().unwrap().iter().find(|route| route["prefix"] == "10.65.2.0/26");
    let reflected = reflected.unwrap_or_else(|| panic!("{received}"));
    assert_eq!(reflected["originator_id"], "172.16.0.2", "{reflected}");
    assert_eq!(reflected["cluster_list"], serde_json::json!(["172.16.0.1"]), "{reflected}");

    scene.start(4);
    scene.wait_for_log("limit of dynamic peers is reached");
    scene.wait_for_rejection(4);
    scene.wait_for_peers(&["172.16.0.2", "172.16.0.3"]);

    scene.bird(2).stop().unwrap();
    scene.wait_for_networks(4, &["10.65.1.0/26", "10.65.3.0/26"]);
    scene.wait_for_networks(3, &["10.65.1.0/26", "10.65.4.0/26"]);
    scene.wait_for_peers(&["172.16.0.3", "172.16.0.4"]);
    let detail = scene.margay.json("show peer 172.16.0.4").unwrap();
    assert_eq!((&detail["group"], &detail["dynamic_range"]), (&"nodes".into(), &"172.16.0.0/29".into()));
}

#[test]
fn a_configured_peer_is_not_dynamic_and_nobody_else_is_let_in() {
    let mut scene = Scene::new([2, 3, 20], "");
    scene.margay.settings().peers = vec![PeerSettings::new("own", host(Family::Ipv4, 3), MARGAY_ASN)];
    scene.margay.hang_up().unwrap();
    for number in [2, 3] {
        scene.start(number);
    }
    scene.wait_for_peers(&["172.16.0.2", "own"]);
    wait_for_state(&scene.margay, "own", |state| state == "established", "established");
    let own = scene.margay.json("show peer own").unwrap();
    assert!(
        own["dynamic_range"].is_null() && own["cluster_id"].is_null() && own["role"] == "non_client",
        "{own}"
    );
    let outsider = scene.birds.last().unwrap().1.namespace();
    let mut speaker = RawSpeaker::dial(outsider, host(Family::Ipv4, 20), host(Family::Ipv4, 1)).unwrap();
    assert_eq!(speaker.read().map_err(|error| error.kind()).ok().flatten(), None, "not a word");
    scene.wait_for_peers(&["172.16.0.2", "own"]);
}

#[test]
fn a_reload_changes_ranges_and_disturbs_nobody_else() {
    let mut scene = Scene::new([2, 3, 4], "");
    for number in [2, 3] {
        scene.start(number);
        scene.wait_for_networks(number, &["10.65.1.0/26"]);
    }
    scene.start(4);
    scene.wait_for_rejection(4);
    let uptime = wait_until(PATIENCE, "an uptime of two seconds", || {
        match scene.margay.uptime_seconds("172.16.0.2").unwrap_or_default() {
            seconds @ 2.. => Ok(seconds),
            seconds => Err(seconds),
        }
    });

    scene.reload("limit = 2", "limit = 3");
    scene.wait_for_peers(&["172.16.0.2", "172.16.0.3", "172.16.0.4"]);
    assert!(scene.margay.uptime_seconds("172.16.0.2").unwrap() >= uptime, "the session started again");

    let report = scene.reload("rr_client = true", "rr_client = true\nhold_time = \"12s\"");
    assert!(report.contains("dynamic peers 172.16.0.0/29") && report.contains("hold_time"), "{report}");
    for number in [2, 3, 4] {
        wait_until(PATIENCE, "the new hold time", || {
            let detail = scene.margay.json(&format!("show peer 172.16.0.{number}"));
            let detail = detail.map_err(|error| error.to_string())?;
            match detail["negotiated"]["hold_time_seconds"].as_u64() {
                Some(12) => Ok(()),
                seen => Err(format!("{seen:?}")),
            }
        });
    }

    // What is outside of the smaller range has no place any more.
    scene.reload("172.16.0.0/29", "172.16.0.2/31");
    scene.wait_for_peers(&["172.16.0.2", "172.16.0.3"]);
    let range = scene.margay.configuration().unwrap();
    let range = &range[range.find("[[dynamic_peers]]").unwrap()..];
    scene.reload(range, "");
    scene.wait_for_peers(&[]);
}

#[test]
fn a_range_may_have_a_password() {
    let lab = Lab::new().unwrap();
    let key = lab.directory().join("range.key");
    std::fs::write(&key, "catnip\n").unwrap();
    let extra = format!("password_file = \"{}\"\nhold_time = \"9s\"", key.display());
    let mut scene = Scene::in_lab(lab, [2, 3], &extra);
    scene.bird(2).settings().peers[0].extra = "password \"catnip\";".to_owned();
    scene.bird(3).settings().peers[0].extra = "password \"dognip\";".to_owned();
    for number in [3, 2] {
        scene.start(number);
    }
    scene.wait_for_networks(2, &["10.65.1.0/26"]);
    scene.wait_for_peers(&["172.16.0.2"]);

    // The new password holds for the peers that are there, whose sessions end unless they have it, too, and for the one that had it
    // all along.
    std::fs::write(&key, "dognip\n").unwrap();
    scene.reload("", "");
    scene.wait_for_networks(3, &["10.65.1.0/26"]);
    scene.wait_for_peers(&["172.16.0.3"]);
}

#[test]
fn a_reload_reports_the_session_of_a_dynamic_peer_that_becomes_a_configured_one() {
    let mut scene = Scene::new([2], "");
    scene.start(2);
    scene.wait_for_peers(&["172.16.0.2"]);
    let configured =
        format!("[[peer]]\nname = \"two\"\naddress = \"172.16.0.2\"\nremote_asn = {MARGAY_ASN}\n");
    let report = scene.reload("[[dynamic_peers]]", &(configured + "[[dynamic_peers]]"));
    assert!(report.contains("peer two added: session of the dynamic peer closed"), "{report}");
    scene.wait_for_peers(&["two"]);
}

#[test]
fn silent_connections_take_no_place_in_a_range() {
    let mut scene = Scene::new([2, 3, 4], "");
    let elsewhere = scene.birds.last().unwrap().1.namespace();
    let dial = |number| {
        let source = host(Family::Ipv4, number);
        RawSpeaker::dial(elsewhere, source, host(Family::Ipv4, 1)).unwrap()
    };
    for number in [5, 6] {
        elsewhere.ip(&format!("addr add {}/24 dev eth0", host(Family::Ipv4, number))).unwrap();
    }
    let silent: Vec<RawSpeaker> = [4, 4, 5, 5, 6, 6].map(dial).into();
    let mut garbage = dial(5);
    garbage.send(&[0; 36]).unwrap();
    assert_eq!(garbage.read().unwrap().map(|message| message.kind), Some(3), "a NOTIFICATION");
    let mut wrong_asn = dial(6);
    wrong_asn.send(&message(OPEN, &open_body(4, 65_099, 90, [172, 16, 0, 6], &[]))).unwrap();
    let notification = wrong_asn.read().unwrap().unwrap();
    assert_eq!((notification.kind, notification.body), (3, vec![2, 2]), "OPEN Message Error, Bad Peer AS");
    for number in [2, 3] {
        scene.start(number);
    }
    scene.wait_for_peers(&["172.16.0.2", "172.16.0.3"]);
    drop(silent);
}

/// margay with a range that lets two peers in, and some BIRDs that are not started.
struct Scene {
    margay: Margay,
    birds: Vec<(u8, Bird)>,
    _segment: Segment,
    _lab: Lab,
}

impl Scene {
    fn new<const N: usize>(numbers: [u8; N], group: &str) -> Self {
        Self::in_lab(Lab::new().unwrap(), numbers, group)
    }

    fn in_lab<const N: usize>(lab: Lab, numbers: [u8; N], group: &str) -> Self {
        let segment = lab.segment("wire").unwrap();
        let place = |label: &str, number| {
            let namespace = lab.namespace(label).unwrap();
            segment.attach(&namespace, "eth0", &[&with_length(host(Family::Ipv4, number))]).unwrap();
            namespace
        };
        let mut settings = RouterSettings::new(MARGAY_ASN, Ipv4Addr::new(172, 16, 0, 1));
        settings.networks = vec!["10.65.1.0/26".to_owned()];
        settings.extra = format!(
            "[peer_group.nodes]\nremote_asn = {MARGAY_ASN}\nrr_client = true\n{group}\n\
             [[dynamic_peers]]\nrange = \"172.16.0.0/29\"\ngroup = \"nodes\"\nlimit = 2\n"
        );
        let mut margay = Margay::new(&place("margay", 1), settings, &binaries());
        let birds = numbers.map(|number| {
            let mut settings = RouterSettings::new(MARGAY_ASN, Ipv4Addr::new(172, 16, 0, number));
            settings.networks = vec![format!("10.65.{number}.0/26")];
            settings.peers = vec![PeerSettings::new("margay", host(Family::Ipv4, 1), MARGAY_ASN)];
            (number, Bird::new(&place(&format!("bird{number}"), number), settings))
        });
        margay.start().unwrap();
        Self { margay, birds: birds.into(), _segment: segment, _lab: lab }
    }

    fn bird(&mut self, number: u8) -> &mut Bird {
        let bird = self.birds.iter_mut().find(|(of_number, _)| *of_number == number);
        bird.map(|(_, bird)| bird).unwrap()
    }

    fn start(&mut self, number: u8) {
        self.bird(number).start().unwrap();
    }

    /// Has the configuration read again with one part of it replaced; returns what the reload said.
    fn reload(&mut self, what: &str, by_what: &str) -> String {
        let extra = &mut self.margay.settings().extra;
        assert!(extra.contains(what), "{what} is not in {extra}");
        *extra = extra.replacen(what, by_what, 1);
        self.margay.reload().unwrap();
        self.margay.log().unwrap()
    }

    #[track_caller]
    fn wait_for_peers(&self, expected: &[&str]) {
        wait_until(PATIENCE, "the peers", || {
            let peers = self.margay.json("show peers").map_err(|error| format!("{error:#}"))?;
            let peers: Vec<&str> = peers["peers"]
                .as_array()
                .unwrap()
                .iter()
                .map(|peer| peer["name"].as_str().unwrap())
                .collect();
            if peers == expected { Ok(()) } else { Err(format!("{peers:?}, expected {expected:?}")) }
        });
    }

    /// All peers are clients, and in one export group.
    #[track_caller]
    fn assert_one_group_of(&self, members: usize) {
        let peers = wait_until(PATIENCE, "established sessions", || {
            let peers = self.margay.json("show peers").map_err(|error| format!("{error:#}"))?["peers"].take();
            let peers = peers.as_array().cloned().unwrap_or_default();
            if peers.iter().all(|peer| peer["state"] == "established") {
                Ok(peers)
            } else {
                Err(format!("{peers:?}"))
            }
        });
        assert_eq!(peers.len(), members);
        for peer in &peers {
            let group = &peer["export_groups"][0];
            assert_eq!(group["group"], peers[0]["export_groups"][0]["group"], "{peers:?}");
            assert_eq!((&group["members"], &peer["role"]), (&members.into(), &"client".into()), "{peer:?}");
            let detail = self.margay.json(&format!("show peer {}", peer["name"].as_str().unwrap())).unwrap();
            assert_eq!(detail["cluster_id"], "172.16.0.1", "{detail}");
        }
    }

    #[track_caller]
    fn wait_for_networks(&mut self, number: u8, expected: &[&str]) {
        let bird = self.bird(number);
        wait_until(PATIENCE, &format!("the routes of {bird:?}"), || {
            let routes = bird.routes().map_err(|error| format!("{error:#}"))?;
            let has_all = expected.iter().all(|prefix| routes.contains_key(*prefix));
            if has_all { Ok(()) } else { Err(format!("{routes:?}, expected {expected:?}")) }
        });
    }

    #[track_caller]
    fn wait_for_log(&self, text: &str) {
        wait_until(PATIENCE, &format!("{text:?} in the log"), || {
            let log = self.margay.log().unwrap();
            if log.contains(text) { Ok(()) } else { Err(log) }
        });
    }

    /// Waits until a BIRD has read why it is not let in.
    #[track_caller]
    fn wait_for_rejection(&mut self, number: u8) {
        let bird = self.bird(number);
        wait_until(PATIENCE, "the rejection", || {
            let answer = bird.birdc("show protocols all peer_margay").unwrap();
            if answer.contains("Connection rejected") { Ok(()) } else { Err(answer) }
        });
    }
}
