//! Route refresh with marks (RFC 7313), asked for by either side.

use margay_lab::{PeerSettings, Router, wait_until};

use crate::pair::PATIENCE;
use crate::raw_speaker::{KEEPALIVE, OPEN, RawSpeaker, UPDATE, message, open_body};
use crate::wire::{Wire, address, client, identifier, network, peer, wait_for_networks};

const ROUTE_REFRESH: u8 = 5;
const BEGIN: [u8; 4] = [0, 1, 1, 1];
const END: [u8; 4] = [0, 1, 2, 1];

/// IPv4 unicast, 4-octet AS numbers, route refresh and enhanced route refresh.
const CAPABILITIES: [u8; 18] = [2, 16, 1, 4, 0, 1, 0, 1, 65, 4, 0, 0, 0xfc, 0, 2, 0, 70, 0];

#[test]
fn the_answer_to_a_request_stands_between_marks() {
    let wire = Wire::new();
    let mut margay = wire.margay("margay", 1, |settings| {
        settings.peers = vec![peer(11)];
        settings.networks = vec![network(50), network(51)];
    });
    margay.start().unwrap();
    let raw = wire.place("raw", &[11]);
    let mut speaker =
        wait_until(PATIENCE, "the connection", || RawSpeaker::dial(&raw, address(11), address(1)));
    speaker.send(&message(OPEN, &open_body(4, 64_512, 0, identifier(11), &CAPABILITIES))).unwrap();
    speaker.read_kind(OPEN).unwrap();
    speaker.send(&message(KEEPALIVE, &[])).unwrap();
    let end_of_rib = [0; 4];
    while speaker.read_kind(UPDATE).unwrap().body != end_of_rib {}
    speaker.send(&message(ROUTE_REFRESH, &[0, 1, 0, 1])).unwrap();
    let begin = speaker.read().unwrap().unwrap();
    assert_eq!((begin.kind, begin.body), (ROUTE_REFRESH, BEGIN.to_vec()));
    let mut prefixes = Vec::new();
    let end = loop {
        let next = speaker.read().unwrap().unwrap();
        if next.kind != UPDATE {
            break next;
        }
        // Both are 10.65.x.0/24: four octets each at the end of an UPDATE that withdraws nothing.
        let attributes = usize::from(u16::from_be_bytes([next.body[2], next.body[3]]));
        prefixes.extend(next.body[4 + attributes..].chunks(4).map(|nlri| nlri[3]));
    };
    prefixes.sort_unstable();
    assert_eq!(prefixes, [50, 51]);
    assert_eq!((end.kind, end.body), (ROUTE_REFRESH, END.to_vec()));
    let messages = &margay.json("show peer peer11").unwrap()["messages"];
    // OPEN, KEEPALIVE, the networks in one UPDATE, End-of-RIB, and the answer: a mark, the networks, a mark.
    assert_eq!((&messages["sent"], &messages["updates_sent"]), (&7.into(), &3.into()), "{messages}");
}

#[test]
fn what_a_peer_does_not_repeat_between_the_marks_is_withdrawn_from_others() {
    let wire = Wire::new();
    let mut reflector = wire.margay("reflector", 1, |settings| {
        settings.peers = [11, 12].map(|it| client(it, identifier(1))).into()
    });
    reflector.start().unwrap();
    let raw = wire.place("raw", &[11, 12]);
    let mut source = wire.dial_refreshing(&raw, 11, 1);
    let reader = wire.dial(&raw, 12, 1, false);
    [50, 51, 52].into_iter().for_each(|number| source.announce_network(number));
    reader.wait_for(&[50, 51, 52]);
    let received = reader.counts().reached;
    source.send(&message(ROUTE_REFRESH, &BEGIN)).unwrap();
    source.announce_network(51);
    source.announce_network(53);
    reader.wait_for(&[50, 51, 52, 53]);
    source.send(&message(ROUTE_REFRESH, &END)).unwrap();
    reader.wait_for(&[51, 53]);
    assert_eq!(reader.counts().reached, received + 1, "a repeated route is not advertised again");
    // An end without a beginning says nothing.
    source.send(&message(ROUTE_REFRESH, &END)).unwrap();
    source.announce_network(54);
    reader.wait_for(&[51, 53, 54]);
}

#[test]
fn bird_asks_and_is_asked_in_a_session_that_stays() {
    let wire = Wire::new();
    let mut margay = wire.margay("margay", 1, |settings| {
        settings.peers = vec![called_by(2)];
        settings.networks = vec![network(50), network(51)];
    });
    let mut bird = wire.bird("bird", 2, |settings| {
        settings.peers = vec![peer(1)];
        settings.networks = vec![network(60), network(61)];
    });
    margay.start().unwrap();
    bird.start().unwrap();
    let both_have_all = || {
        wait_for_networks(&margay, &[60, 61]);
        wait_for_networks(&bird, &[50, 51]);
    };
    both_have_all();
    let detail = margay.json("show peer peer2").unwrap();
    let capabilities = &detail["negotiated"]["capabilities"];
    assert!(capabilities.as_array().unwrap().contains(&"enhanced route refresh".into()), "{detail}");
    let received = |kind: &str| {
        let detail = margay.json("show peer peer2").unwrap();
        detail["messages"][kind].as_u64().unwrap()
    };
    for (command, counter) in [("reload in all", "sent"), ("reload out all", "received")] {
        let before = received(counter);
        bird.birdc(command).unwrap();
        wait_until(PATIENCE, command, || {
            let messages = received(counter) - before;
            // A mark, an UPDATE at least, and a mark.
            if messages >= 3 { Ok(()) } else { Err(messages) }
        });
        both_have_all();
    }
    assert_eq!(margay.log().unwrap().matches(": established peer=").count(), 1);
}

#[test]
fn frr_asks_with_marks_agreed_on_and_keeps_what_is_advertised_again() {
    let wire = Wire::new();
    let mut margay = wire.margay("margay", 1, |settings| {
        settings.peers = vec![called_by(2)];
        settings.networks = vec![network(50), network(51)];
    });
    let mut frr = wire.frr("frr", 2, |settings| settings.peers = vec![peer(1)]);
    margay.start().unwrap();
    frr.start().unwrap();
    let has_all = || {
        wait_until(PATIENCE, "the networks at FRR", || {
            let routes = frr.vtysh("show bgp ipv4 unicast json").map_err(|error| format!("{error:#}"))?;
            if [50, 51].iter().all(|&number| routes.contains(&network(number))) {
                Ok(())
            } else {
                Err(routes)
            }
        });
    };
    has_all();
    let neighbour = frr.vtysh("show bgp neighbors json").unwrap();
    assert!(neighbour.contains("\"enhancedRouteRefresh\":\"advertisedAndReceived\""), "{neighbour}");
    let counts = || margay.json("show peer peer2").unwrap()["messages"].clone();
    let number = |counts: &serde_json::Value, kind: &str| counts[kind].as_u64().unwrap();
    let before = counts();
    frr.vtysh("clear bgp * soft in").unwrap();
    wait_until(PATIENCE, "the answer", || {
        let now = counts();
        let marks = |counts| number(counts, "sent") - number(counts, "updates_sent");
        let has_advertised = number(&now, "updates_sent") > number(&before, "updates_sent");
        if has_advertised && marks(&now) >= marks(&before) + 2 { Ok(()) } else { Err(now) }
    });
    has_all();
    assert_eq!(margay.log().unwrap().matches(": established peer=").count(), 1);
}

/// A peer that connects by itself, so that no connections collide.
fn called_by(number: u8) -> PeerSettings {
    PeerSettings { passive: true, ..peer(number) }
}
