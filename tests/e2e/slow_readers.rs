//! Clients that read slowly, or not at all, do not delay the others.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use margay_lab::{Router, wait_until};

use crate::pair::PATIENCE;
use crate::raw_speaker::{KEEPALIVE, OPEN, RawSpeaker, message, open_body};
use crate::route_client::attribute;
use crate::wire::{Wire, WireClient, address, client, identifier, plain};

#[test]
fn a_client_that_stops_reading_delays_nobody_and_is_given_up_in_time() {
    let wire = Wire::new();
    let mut reflector = wire.margay("reflector", 1, |settings| {
        settings.peers = [11, 12, 13].map(|number| client(number, identifier(1))).into();
        settings.peers[2].extra = "send_hold_time = \"4s\"".to_owned();
    });
    reflector.start().unwrap();
    let raw = wire.place("raw", &[11, 12, 13]);
    let [mut source, reader] = [11, 12].map(|number| wire.dial(&raw, number, 1, false));
    let alone = converge(&mut source, &reader, 1);
    let at_ease = reflector.resident_octets().unwrap();

    let mut stuck = RawSpeaker::dial(&raw, address(13), address(1)).unwrap();
    stuck.send(&message(OPEN, &open_body(4, 64_512, 0, identifier(13), &CAPABILITIES))).unwrap();
    stuck.read_kind(OPEN).unwrap();
    stuck.send(&message(KEEPALIVE, &[])).unwrap();
    stuck.read_kind(KEEPALIVE).unwrap();
    stuck.set_receive_buffer(4096).unwrap();
    // Soon the sockets are full. From then on, what changes costs this client its cursor in the log and nothing else.
    let (start, mut rounds, mut with_stuck) = (Instant::now(), 1u8, Duration::ZERO);
    while reflector.session_state("peer13").unwrap() == "established" {
        rounds = rounds.wrapping_add(1);
        with_stuck = with_stuck.max(converge(&mut source, &reader, rounds));
    }
    assert!(start.elapsed() > SEND_HOLD_TIME, "given up after {:?}", start.elapsed());
    assert!(
        with_stuck < alone * 10 + Duration::from_secs(2),
        "{with_stuck:?} with a stuck client, {alone:?} alone"
    );
    let grown = reflector.resident_octets().unwrap().saturating_sub(at_ease);
    assert!(grown < 64 * MIB, "{} MiB more than before", grown / MIB);

    let detail = reflector.json("show peer peer13").unwrap();
    assert!(detail["last_error"].as_str().is_some_and(|error| error.contains("send hold")), "{detail}");
    converge(&mut source, &reader, rounds.wrapping_add(1));
    assert!(!reader.is_closed());
}

#[test]
fn a_client_that_reads_slowly_delays_nobody_and_learns_what_is_true_in_the_end() {
    let wire = Wire::new();
    let mut reflector = wire.margay("reflector", 1, |settings| {
        settings.peers = [11, 12, 13].map(|number| client(number, identifier(1))).into();
    });
    reflector.start().unwrap();
    let raw = wire.place("raw", &[11, 12, 13]);
    let [mut source, reader, slow] = [11, 12, 13].map(|number| wire.dial(&raw, number, 1, false));
    let alone = converge(&mut source, &reader, 0);
    let at_ease = reflector.resident_octets().unwrap();

    slow.read_slowly(Duration::from_millis(20)).unwrap();
    let with_stuck = (1..=LAST_ROUND).map(|round| converge(&mut source, &reader, round)).max().unwrap();
    assert!(
        with_stuck < alone * 10 + Duration::from_secs(2),
        "{with_stuck:?} with a slow client, {alone:?} alone"
    );
    let grown = reflector.resident_octets().unwrap().saturating_sub(at_ease);
    assert!(grown < 64 * MIB, "{} MiB more than before", grown / MIB);

    slow.read_slowly(Duration::ZERO).unwrap();
    wait_until(PATIENCE, "the slow client catches up", || {
        if slow.table() == reader.table() { Ok(()) } else { Err(format!("{:?}", slow.counts())) }
    });
    let all = usize::from(BLOCKS) * 256 * (usize::from(LAST_ROUND) + 1);
    let received = slow.counts().reached;
    assert!(
        received < all / 2,
        "routes that changed again while it was behind are sent once: {received} of {all}"
    );
    assert_eq!(slow.counts().withdrawn, 0);
    assert!(!slow.is_closed());
}

/// Announces everything with a new attribute; returns how long it took until the reader had it all.
fn converge(source: &mut WireClient, reader: &WireClient, round: u8) -> Duration {
    let start = Instant::now();
    for block in 0..BLOCKS {
        let prefixes: Vec<(IpAddr, u8)> =
            (0..=255).map(|third| (Ipv4Addr::new(20, block, third, 0).into(), 24)).collect();
        let attributes = [plain(), attribute(0x80, 4, &[0, 0, round, block])].concat();
        source.announce(&prefixes, 0, address(11), &attributes).unwrap();
    }
    wait_until(PATIENCE, &format!("round {round} at the reader"), || {
        let current = reader.count(|route| route.get(&4).is_some_and(|(_, med)| med[2] == round));
        if current == usize::from(BLOCKS) * 256 { Ok(()) } else { Err(format!("{current} routes")) }
    });
    start.elapsed()
}

/// IPv4 unicast and 4-octet AS numbers, as an optional parameter.
const CAPABILITIES: [u8; 14] = [2, 12, 1, 4, 0, 1, 0, 1, 65, 4, 0, 0, 0xfc, 0];

/// 25,600 prefixes, about 120 kB a round.
const BLOCKS: u8 = 100;

/// 12 MB from the first round on: more than sockets hold.
const LAST_ROUND: u8 = 100;

const SEND_HOLD_TIME: Duration = Duration::from_secs(4);

const MIB: u64 = 1024 * 1024;
