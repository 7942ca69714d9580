//! ADD-PATH with real peers: several paths to a prefix, there and back.

use margay_lab::{Gobgp, Margay, Router, RouterSettings, wait_until};

use crate::pair::{MARGAY_ASN, PATIENCE};
use crate::route_client::attribute;
use crate::wire::{Wire, WireClient, client, identifier, peer, plain};

/// Two clients announce a prefix to one margay; a router in between takes both paths and passes both on to another.
#[test]
fn bird_takes_several_paths_and_sends_them_on() {
    let wire = Wire::new();
    let bird = wire.bird("bird", 2, |settings| {
        settings.peers = vec![peer(1), client(3, identifier(2))];
        settings.peers.iter_mut().for_each(|peer| peer.add_path = true);
    });
    check(&wire, bird);
}

#[test]
fn gobgp_takes_several_paths_and_sends_them_on() {
    let wire = Wire::new();
    let mut settings = RouterSettings::new(MARGAY_ASN, identifier(2).into());
    settings.peers = vec![client(1, identifier(2)), client(3, identifier(2))];
    settings.peers.iter_mut().for_each(|peer| peer.add_path = true);
    let gobgp = Gobgp::new(&wire.place("gobgp", &[2]), settings);
    check(&wire, gobgp);
}

fn check(wire: &Wire, mut between: impl Router) {
    let mut near = wire.margay("near", 1, |settings| {
        settings.peers = [2, 11, 12].map(|number| client(number, identifier(1))).into();
        settings.peers[0].add_path = true;
    });
    let mut far = wire.margay("far", 3, |settings| {
        settings.peers = vec![peer(2), client(13, identifier(3))];
        settings.peers.iter_mut().for_each(|peer| peer.add_path = true);
    });
    near.start().unwrap();
    between.start().unwrap();
    far.start().unwrap();
    let raw = wire.place("raw", &[11, 12, 13]);
    let mut sources = [11, 12].map(|number| wire.dial(&raw, number, 1, false));
    let end = wire.dial(&raw, 13, 3, true);
    for (source, med) in sources.iter_mut().zip([7, 8]) {
        source.announce_with(50, &with_med(med));
    }
    wait_for_paths(&far, &end, &[7, 8]);
    let ids = ids(&end);
    // The worse path becomes the better one, and both keep their ids.
    sources[1].announce_with(50, &with_med(1));
    wait_for_paths(&far, &end, &[1, 7]);
    assert_eq!(self::ids(&end), ids, "path ids changed with the rank");
    sources[1].withdraw_network(50);
    wait_for_paths(&far, &end, &[7]);
    sources[0].withdraw_network(50);
    wait_for_paths(&far, &end, &[]);
    let detail = near.json("show peer peer2").unwrap();
    assert_eq!(detail["negotiated"]["path_ids_sent"][0], "ipv4-unicast", "{detail}");
    assert_eq!(detail["negotiated"]["path_ids_received"][0], "ipv4-unicast", "{detail}");
}

/// Waits until the far margay, and the raw client behind it, have exactly the paths with these MEDs.
#[track_caller]
fn wait_for_paths(far: &Margay, end: &WireClient, meds: &[u8]) {
    wait_until(PATIENCE, &format!("the paths {meds:?} at the far end"), || {
        let answer = far.json("show routes --received --peer peer2").map_err(|error| format!("{error:#}"))?;
        let routes = answer["routes"].as_array().ok_or("no list of routes")?;
        let mut received: Vec<u64> = routes.iter().filter_map(|route| route["med"].as_u64()).collect();
        received.sort_unstable();
        let mut advertised: Vec<u64> = end.table().values().map(|route| route[&4].1[3].into()).collect();
        advertised.sort_unstable();
        let expected: Vec<u64> = meds.iter().map(|&med| med.into()).collect();
        if received == expected && advertised == expected {
            Ok(())
        } else {
            Err(format!("received {received:?}, advertised {advertised:?}"))
        }
    });
}

/// The ids of the paths, by next hop.
fn ids(end: &WireClient) -> Vec<(Vec<u8>, Option<u32>)> {
    let mut ids: Vec<_> =
        end.table().into_iter().map(|(key, route)| (route[&3].1.clone(), key.path_id)).collect();
    ids.sort();
    ids
}

fn with_med(med: u8) -> Vec<u8> {
    [plain(), attribute(0x80, 4, &[0, 0, 0, med])].concat()
}
