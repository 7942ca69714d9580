//! The memory guard: the session of the peer that grows ends, the daemon and the other sessions stay.

use std::time::Instant;

use margay_lab::{Router, wait_until};

use crate::pair::{PATIENCE, wait_for_state};
use crate::raw_table::RawTable;
use crate::wire::{Wire, network, peer, wait_for_networks};

/// Far more than fits into the room, as each takes some 100 octets.
const PREFIXES: u32 = 1_000_000;

/// By how much memory may grow beyond what the daemon has with the good peer, in MiB.
const ROOM_MIB: u64 = 12;

#[test]
fn the_session_of_the_peer_that_grows_ends_and_the_others_stay() {
    let wire = Wire::new();
    let mut margay = wire.margay("margay", 1, |settings| {
        settings.peers = vec![peer(2), peer(3)];
        settings.peers[0].passive = true;
    });
    margay.start().unwrap();
    let mut good = wire.bird("good", 3, |settings| {
        settings.peers = vec![peer(1)];
        settings.networks = vec![network(3)];
    });
    good.start().unwrap();
    wait_for_networks(&margay, &[3]);
    let limit = (margay.resident_octets().unwrap() >> 20) + ROOM_MIB;
    margay.settings().global = format!("memory_guard = \"{limit}MiB\"");
    margay.reload().unwrap();
    let (since, begin) = (margay.uptime_seconds("peer3").unwrap(), Instant::now());

    let mut bad = RawTable::establish(&wire, 2);
    // It may fail: the session ends meanwhile.
    let sent = bad.announce(0..PREFIXES);
    let notification = bad.read_notification().unwrap_or_else(|error| panic!("{error}, and {sent:?}"));
    assert_eq!(notification[..2], [6, 8], "Out of Resources");
    wait_for_state(&margay, "peer2", |state| state == "idle", "idle");
    let detail = margay.json("show peer peer2").unwrap();
    assert_eq!(detail["last_error"], "memory guard reached", "{detail}");

    let guard = margay.json("show status").unwrap()["memory_guard"].clone();
    assert_eq!((&guard["sessions_ended"], &guard["last_peer"]), (&1.into(), &"peer2".into()), "{guard}");
    let shown = margay.cli("show status").unwrap();
    assert!(shown.contains("session of peer2 ended"), "{shown}");
    wait_until(PATIENCE, "its line in the log", || {
        let log = margay.log().unwrap();
        let line = "memory guard: ending the session of the peer that has announced most";
        if log.lines().any(|it| it.contains(line) && it.contains("peer2")) { Ok(()) } else { Err(log) }
    });
    wait_until(PATIENCE, "the routes go", || {
        match margay.json("show status").unwrap()["rib"]["prefixes"].as_u64() {
            Some(1) => Ok(()),
            prefixes => Err(format!("{prefixes:?}")),
        }
    });
    // What the routes took goes back to the system.
    wait_until(PATIENCE, "the memory", || {
        let resident_mib = margay.resident_octets().unwrap() >> 20;
        if resident_mib < limit - ROOM_MIB / 2 {
            Ok(())
        } else {
            Err(format!("{resident_mib} of {limit} MiB"))
        }
    });
    wait_for_networks(&margay, &[3]);
    let passed = begin.elapsed().as_secs();
    assert!(margay.uptime_seconds("peer3").unwrap() >= since + passed, "the good peer's session stays");
    assert!(margay.is_running());
}
