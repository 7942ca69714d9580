//! BFD while the daemon and its kernel are busy with a table: no path that works is taken for one that failed.

use std::time::{Duration, Instant};

use margay_lab::{Margay, Router, wait_until};

use crate::bfd_sessions::{BIRD_BFD, FAST};
use crate::pair::PATIENCE;
use crate::raw_table::RawTable;
use crate::wire::{Wire, peer};

/// The table, how long it is loaded and flaps, and the terms of BFD.
struct Load {
    prefixes: u32,
    time: Duration,
    bfd: &'static str,
    /// BIRD's, by which margay finds a failure.
    multiplier: u8,
}

impl Load {
    /// From `MARGAY_BFD_LOAD`, prefixes and seconds, on a machine without other work: then with intervals of 50 ms. Otherwise small,
    /// with intervals that tests at the same time do not disturb.
    fn chosen() -> Self {
        let Ok(chosen) = std::env::var("MARGAY_BFD_LOAD") else {
            let bfd = "bfd = { transmit = \"300ms\", receive = \"300ms\", multiplier = 10 }";
            return Self { prefixes: 50_000, time: Duration::from_secs(60), bfd, multiplier: 10 };
        };
        let (prefixes, seconds) = chosen.split_once(' ').expect("prefixes and seconds");
        Self {
            prefixes: prefixes.parse().unwrap(),
            time: Duration::from_secs(seconds.parse().unwrap()),
            bfd: FAST,
            multiplier: 3,
        }
    }
}

#[test]
fn no_path_is_taken_for_failed_while_a_table_loads_and_flaps_and_enters_the_kernel() {
    let Load { prefixes, time, bfd, multiplier } = Load::chosen();
    let wire = Wire::new();
    let mut margay = wire.margay("margay", 1, |settings| {
        settings.kernel = true;
        settings.peers = vec![peer(2), peer(3)];
        settings.peers[0].extra = bfd.to_owned();
        settings.peers[1].passive = true;
    });
    let mut bird = wire.bird("bird", 2, |settings| {
        settings.peers = vec![peer(1)];
        settings.peers[0].extra = "bfd on;".to_owned();
        // An internal session may take several hops, and so may BIRD's BFD session with it.
        let several_hops = BIRD_BFD.replace("interface \"*\" {", "multihop {");
        settings.extra = several_hops.replace("multiplier 3", &format!("multiplier {multiplier}"));
    });
    bird.start().unwrap();
    margay.start().unwrap();
    wait_until(PATIENCE, "the path is monitored", || {
        let peer = margay.json("show peer peer2").unwrap();
        if peer["path"]["session"]["state"] == "up" { Ok(()) } else { Err(peer.to_string()) }
    });
    let (since, started) = (margay.uptime_seconds("peer2").unwrap(), Instant::now());
    let before = margay.json("show bfd").unwrap();
    let mut table = RawTable::establish(&wire, 3);
    let mut rounds = 0;
    while started.elapsed() < time {
        table.announce(0..prefixes).unwrap();
        wait_for_kernel(&margay, prefixes);
        table.withdraw(0..prefixes / 2).unwrap();
        wait_for_kernel(&margay, prefixes - prefixes / 2);
        rounds += 1;
    }
    let sessions = margay.json("show bfd").unwrap();
    eprintln!("{rounds} rounds of {prefixes} prefixes in {:?}: {sessions}", started.elapsed());
    let failures = |sessions: &serde_json::Value| sessions["sessions"][0]["failures"].as_u64().unwrap();
    assert_eq!(failures(&sessions), failures(&before), "{sessions}");
    let passed = started.elapsed().as_secs();
    assert!(margay.uptime_seconds("peer2").unwrap() >= since + passed, "the session stays");
}

/// Waits until the kernel has exactly this many routes.
#[track_caller]
fn wait_for_kernel(margay: &Margay, count: u32) {
    wait_until(PATIENCE * 10, &format!("{count} routes in the kernel"), || {
        let kernel = margay.json("show kernel").unwrap();
        if kernel["installed"] == count && kernel["pending"] == 0 { Ok(()) } else { Err(kernel.to_string()) }
    });
}
