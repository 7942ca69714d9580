//! A daemon that was suspended hears what its peers sent meanwhile before it misses them.

use std::thread;
use std::time::Duration;

use margay_lab::Router;

use crate::raw_speaker::{KEEPALIVE, OPEN, RawSpeaker, message, open_body};
use crate::wire::{Wire, address, identifier, peer};

#[test]
fn what_waits_in_the_sockets_counts_before_the_hold_timers() {
    let wire = Wire::new();
    let mut margay = wire.margay("suspended", 1, |settings| settings.peers = PEERS.map(peer).into());
    margay.start().unwrap();
    let raw = wire.place("raw", &PEERS);
    let mut speakers = PEERS.map(|number| {
        let mut speaker = RawSpeaker::dial(&raw, address(number), address(1)).unwrap();
        let open = open_body(4, 64_512, HOLD_SECONDS, identifier(number), &CAPABILITIES);
        speaker.send(&message(OPEN, &open)).unwrap();
        speaker.send(&message(KEEPALIVE, &[])).unwrap();
        speaker.read_kind(KEEPALIVE).unwrap();
        speaker
    });
    let mut pass = |seconds: u16| {
        for _ in 0..seconds {
            thread::sleep(Duration::from_secs(1));
            for speaker in &mut speakers {
                speaker.send(&message(KEEPALIVE, &[])).unwrap();
            }
        }
    };
    pass(1);
    margay.freeze().unwrap();
    pass(HOLD_SECONDS + 1);
    margay.thaw().unwrap();
    pass(1);
    for number in PEERS {
        let name = format!("peer{number}");
        assert_eq!(margay.session_state(&name).unwrap(), "established", "{name}");
        let uptime = margay.uptime_seconds(&name).unwrap();
        assert!(uptime > u64::from(HOLD_SECONDS), "{name} has another session, of {uptime} s");
    }
}

const PEERS: [u8; 4] = [11, 12, 13, 14];

/// The least but zero (RFC 4271 §4.2).
const HOLD_SECONDS: u16 = 3;

/// IPv4 unicast and 4-octet AS numbers, as an optional parameter.
const CAPABILITIES: [u8; 14] = [2, 12, 1, 4, 0, 1, 0, 1, 65, 4, 0, 0, 0xfc, 0];
