//! Malformed messages: each class ends its session with the right NOTIFICATION, and the others live on.

use std::net::{IpAddr, Ipv4Addr};
use std::{io, thread};

use margay_lab::{
    Bird, Family, Lab, Margay, Namespace, PeerSettings, Router, RouterSettings, Segment, wait_until,
};

use crate::pair::{MARGAY_ASN, PATIENCE, PEER_ASN, binaries, host, with_length};
use crate::raw_speaker::{
    KEEPALIVE, NOTIFICATION, OPEN, RawSpeaker, UPDATE, message, open_body, update_body,
};

#[test]
fn each_class_closes_its_session_with_its_notification_and_no_other() {
    let scene = Scene::new(CASES.len());
    let uptime = wait_until(PATIENCE, "an uptime of two seconds", || {
        let uptime = scene.margay.uptime_seconds("bystander").map_err(|error| format!("{error:#}"))?;
        if uptime >= 2 { Ok(uptime) } else { Err(format!("{uptime} s")) }
    });
    // All at once, since a refused peer has to wait before it may try again and each case is a peer of its own.
    let outcomes: Vec<Result<(), String>> = thread::scope(|scope| {
        let start = |(index, case)| {
            let scene = &scene;
            scope.spawn(move || check(scene, raw_address(index), case))
        };
        let checks: Vec<_> = CASES.iter().enumerate().map(start).collect();
        checks.into_iter().map(|check| check.join().unwrap()).collect()
    });
    let failures: Vec<String> = outcomes.into_iter().filter_map(Result::err).collect();
    assert!(failures.is_empty(), "{} of {} cases:\n{}", failures.len(), CASES.len(), failures.join("\n"));
    let now = scene.margay.uptime_seconds("bystander").unwrap();
    assert!(now >= uptime, "the bystander's session started again: up {now} s, before {uptime} s");
}

/// RFC 7606: an error in an attribute takes the routes, not the session.
#[test]
fn a_malformed_attribute_withdraws_its_routes_and_keeps_the_session() {
    let scene = Scene::new(1);
    let from = raw_address(0);
    let mut speaker = scene.reach(from, Stage::Established).unwrap();
    let nlri = [24, 198, 51, 100];
    speaker.send(&message(UPDATE, &update_body(&[], &attributes(0), &nlri))).unwrap();
    scene.wait_for_route("198.51.100.0/24", true);
    const UNKNOWN_ORIGIN: u8 = 9;
    speaker.send(&message(UPDATE, &update_body(&[], &attributes(UNKNOWN_ORIGIN), &nlri))).unwrap();
    scene.wait_for_route("198.51.100.0/24", false);
    speaker.send(&message(UPDATE, &update_body(&[], &attributes(0), &nlri))).unwrap();
    scene.wait_for_route("198.51.100.0/24", true);
}

#[test]
fn a_stranger_is_not_answered() {
    let scene = Scene::new(0);
    let mut speaker = RawSpeaker::dial(&scene.raw, raw_address(0), host(Family::Ipv4, 1)).unwrap();
    let seen = speaker.read();
    assert!(
        matches!(seen, Ok(None)) || seen.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionReset)
    );
}

/// The message, the stage at which it is sent, and the NOTIFICATION in reply.
struct Case {
    name: &'static str,
    stage: Stage,
    octets: fn() -> Vec<u8>,
    code: u8,
    subcode: u8,
    /// `None` where the RFC leaves it open.
    data: Option<&'static [u8]>,
}

/// How far the speaker goes before it errs.
#[derive(Clone, Copy, Debug)]
enum Stage {
    /// The connection is there and margay's OPEN was read.
    Connected,
    /// OPENs are exchanged, and margay's KEEPALIVE was read.
    OpenConfirm,
    Established,
}

const fn case(
    name: &'static str,
    stage: Stage,
    octets: fn() -> Vec<u8>,
    (code, subcode): (u8, u8),
    data: Option<&'static [u8]>,
) -> Case {
    Case { name, stage, octets, code, subcode, data }
}

#[rustfmt::skip]
const CASES: &[Case] = {
    use Stage::{Connected, Established, OpenConfirm};
    &[
        // RFC 4271 §6.1
        case("marker", Connected, || patched(&message(KEEPALIVE, &[]), 3, &[0]), (1, 1), Some(&[])),
        case("length 18", Connected, || patched(&message(KEEPALIVE, &[]), 16, &[0, 18]), (1, 2), Some(&[0, 18])),
        case("length 4097", Connected, || patched(&message(UPDATE, &[0; 64]), 16, &[16, 1]), (1, 2), Some(&[16, 1])),
        case("OPEN of 28", Connected, || message(OPEN, &[4; 9]), (1, 2), Some(&[0, 28])),
        case("KEEPALIVE of 20", Established, || message(KEEPALIVE, &[0]), (1, 2), Some(&[0, 20])),
        case("UPDATE of 22", Established, || message(UPDATE, &[0; 3]), (1, 2), Some(&[0, 22])),
        case("type 9", Connected, || message(9, &[]), (1, 3), Some(&[9])),
        // RFC 4271 §6.2, RFC 6286
        case("version 3", Connected, || message(OPEN, &open_body(3, ASN, 90, ID, &[])), (2, 1), Some(&[0, 4])),
        case("AS", Connected, || message(OPEN, &open_body(4, ASN + 1, 90, ID, &[])), (2, 2), None),
        case("identifier 0", Connected, || message(OPEN, &open_body(4, ASN, 90, [0; 4], &[])), (2, 3), None),
        case("parameter 77", Connected, || message(OPEN, &open_body(4, ASN, 90, ID, &[77, 1, 0])), (2, 4), None),
        case("parameters cut", Connected, || message(OPEN, &open_body(4, ASN, 90, ID, &[2, 9, 1])), (2, 0), None),
        case("hold time 1", Connected, || message(OPEN, &open_body(4, ASN, 1, ID, &[])), (2, 6), None),
        // RFC 4271 §6.3 as far as RFC 7606 leaves it
        case("withdrawn length", Established, || message(UPDATE, &[0xff, 0xff, 0, 0]), (3, 1), None),
        case("attribute length", Established, || message(UPDATE, &[0, 0, 0xff, 0xff, 0, 0, 0, 0]), (3, 1), None),
        case("prefix length 33", Established,
            || message(UPDATE, &update_body(&[], &attributes(0), &[33, 10, 0, 0, 0, 0])), (3, 10), None),
        case("prefix cut", Established, || message(UPDATE, &update_body(&[24, 10], &[], &[])), (3, 10), None),
        case("well-known attribute 99", Established,
            || message(UPDATE, &update_body(&[], &[&attributes(0)[..], &[0x40, 99, 1, 0]].concat(), &[8, 10])),
            (3, 2), None),
        // RFC 6608
        case("KEEPALIVE first", Connected, || message(KEEPALIVE, &[]), (5, 1), None),
        case("UPDATE early", OpenConfirm, || message(UPDATE, &update_body(&[], &[], &[])), (5, 2), None),
        case("OPEN twice", Established, || message(OPEN, &open_body(4, ASN, 90, ID, &[])), (5, 3), None),
        // RFC 4271 §6.5: the speaker says nothing for its hold time of three seconds
        case("silence", Established, Vec::new, (4, 0), None),
    ]
};

fn check(scene: &Scene, from: IpAddr, case: &Case) -> Result<(), String> {
    let fail = |what: String| format!("{}: {what}", case.name);
    let mut speaker =
        scene.reach(from, case.stage).map_err(|error| fail(format!("{:?}: {error}", case.stage)))?;
    speaker.send(&(case.octets)()).map_err(|error| fail(error.to_string()))?;
    let answer = speaker.read_kind(NOTIFICATION).map_err(|error| fail(error.to_string()))?;
    let [code, subcode, data @ ..] = answer.body.as_slice() else { return Err(fail(format!("{answer:?}"))) };
    if (*code, *subcode) != (case.code, case.subcode) || case.data.is_some_and(|expected| expected != data) {
        return Err(fail(format!(
            "NOTIFICATION {code}/{subcode} {data:?}, expected {}/{} {:?}",
            case.code, case.subcode, case.data
        )));
    }
    match speaker.read() {
        Ok(None) => Ok(()),
        // Octets that margay did not read make its kernel close with a reset.
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(()),
        seen => Err(fail(format!("the connection is still open: {seen:?}"))),
    }
}

/// margay with a BIRD that behaves and raw peers that do not, each at its own address.
struct Scene {
    margay: Margay,
    raw: Namespace,
    _bystander: Bird,
    _segment: Segment,
    _lab: Lab,
}

impl Scene {
    fn new(raw_peers: usize) -> Self {
        let lab = Lab::new().unwrap();
        let segment = lab.segment("wire").unwrap();
        let [here, there, raw] = ["margay", "bird", "raw"].map(|label| lab.namespace(label).unwrap());
        segment.attach(&here, "eth0", &[&with_length(host(Family::Ipv4, 1))]).unwrap();
        segment.attach(&there, "eth0", &[&with_length(host(Family::Ipv4, 2))]).unwrap();
        let addresses: Vec<String> =
            (0..raw_peers.max(1)).map(|index| with_length(raw_address(index))).collect();
        segment.attach(&raw, "eth0", &addresses.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();

        let mut settings = RouterSettings::new(MARGAY_ASN, Ipv4Addr::new(172, 16, 0, 1));
        settings.peers.push(PeerSettings::new("bystander", host(Family::Ipv4, 2), PEER_ASN));
        for index in 0..raw_peers {
            let mut peer = PeerSettings::new(&format!("raw{index}"), raw_address(index), u32::from(ASN));
            peer.passive = true;
            settings.peers.push(peer);
        }
        let mut margay = Margay::new(&here, settings, &binaries());
        let mut settings = RouterSettings::new(PEER_ASN, Ipv4Addr::new(172, 16, 0, 2));
        settings.peers.push(PeerSettings::new("margay", host(Family::Ipv4, 1), MARGAY_ASN));
        let mut bystander = Bird::new(&there, settings);
        bystander.start().unwrap();
        margay.start().unwrap();
        Self { margay, raw, _bystander: bystander, _segment: segment, _lab: lab }
    }

    /// Dials from an address and speaks properly up to a stage.
    fn reach(&self, from: IpAddr, stage: Stage) -> io::Result<RawSpeaker> {
        let mut speaker = RawSpeaker::dial(&self.raw, from, host(Family::Ipv4, 1))?;
        speaker.read_kind(OPEN)?;
        if let Stage::Connected = stage {
            return Ok(speaker);
        }
        speaker.send(&message(OPEN, &open_body(4, ASN, 3, ID, &[])))?;
        speaker.read_kind(KEEPALIVE)?;
        if let Stage::Established = stage {
            speaker.send(&message(KEEPALIVE, &[]))?;
        }
        Ok(speaker)
    }

    #[track_caller]
    fn wait_for_route(&self, prefix: &str, expected: bool) {
        wait_until(PATIENCE, &format!("{prefix} is there: {expected}"), || {
            let routes = self.margay.routes().map_err(|error| format!("{error:#}"))?;
            if routes.contains_key(prefix) == expected { Ok(()) } else { Err(format!("{routes:?}")) }
        });
    }
}

/// ORIGIN, AS_PATH with one 2-octet AS (no capability was sent), NEXT_HOP.
fn attributes(origin: u8) -> Vec<u8> {
    let [high, low] = ASN.to_be_bytes();
    let IpAddr::V4(next_hop) = raw_address(0) else { return Vec::new() };
    let mut attributes = vec![0x40, 1, 1, origin, 0x40, 2, 4, 2, 1, high, low, 0x40, 3, 4];
    attributes.extend(next_hop.octets());
    attributes
}

fn patched(octets: &[u8], at: usize, with: &[u8]) -> Vec<u8> {
    let mut octets = octets.to_vec();
    octets[at..at + with.len()].copy_from_slice(with);
    octets
}

fn raw_address(index: usize) -> IpAddr {
    host(Family::Ipv4, 100 + u8::try_from(index).expect("fewer than a hundred cases"))
}

/// The AS of every raw speaker.
const ASN: u16 = 65100;
/// The identifier of every raw speaker.
const ID: [u8; 4] = [192, 0, 2, 100];
