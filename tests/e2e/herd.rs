//! All clients connect at once after the start: no short-lived route is advertised, and no client waits long.

use std::net::IpAddr;
use std::thread;
use std::time::{Duration, Instant};

use margay_lab::{Margay, Namespace, Router, wait_until};

use crate::pair::PATIENCE;
use crate::route_client::{ReceivedCounts, RouteClient, attribute};
use crate::wire::{Wire, address, network, plain, plain_identity};

#[test]
fn two_hundred_clients_that_come_at_once_receive_each_prefix_once() {
    let wire = Wire::new();
    let mut reflector = reflector(&wire, "30s");
    let numbers: Vec<u8> = (FIRST..FIRST + CLIENTS).collect();
    let raw = wire.place("raw", &numbers);
    // With a pause among the sessions the last ones are latecomers, and this is another story.
    let clients = (0..ATTEMPTS).find_map(|_| {
        reflector.start().unwrap();
        let herd = Herd::come(&raw, &numbers);
        let arrived = herd.longest_pause < PAUSE;
        if arrived { Some(herd.clients) } else { reflector.stop().map(|()| None).unwrap() }
    });
    let clients = clients.expect("this machine is too slow for a herd");
    for (client, number) in clients.iter().zip(&numbers) {
        let own = usize::from(number + 1 == FIRST + CLIENTS);
        // The networks of all others, the reflector's, and the contested one, which the last client has the best path to.
        let expected = usize::from(CLIENTS) + 1 - own;
        wait_until(PATIENCE, &format!("all routes at {number}"), || {
            let table = client.table();
            let contested = table.iter().find(|(key, _)| key.prefix == network(CONTESTED));
            let best = contested.is_none_or(|(_, route)| route[&5].1 == preference(FIRST + CLIENTS - 1));
            if table.len() == expected && best { Ok(()) } else { Err(format!("{} routes", table.len())) }
        });
        assert_eq!(client.counts(), ReceivedCounts { reached: expected, withdrawn: 0 }, "at {number}");
    }
    assert!(!reflector.log().unwrap().contains("bug:"));
}

#[test]
fn a_peer_that_never_ends_its_table_delays_others_no_longer_than_allowed_and_own_routes_not_at_all() {
    let wire = Wire::new();
    let mut reflector = reflector(&wire, "3s");
    reflector.start().unwrap();
    let raw = wire.place("raw", &[11, 12]);
    let start = Instant::now();
    let mut talker = wire.dial(&raw, 11, 1, false);
    let reader = wire.dial(&raw, 12, 1, false);
    reader.wait_for(&[OWN]);
    let own_after = start.elapsed();
    let mut all_after = None;
    while all_after.is_none() {
        assert!(start.elapsed() < PATIENCE, "the routes of others are held back for ever");
        talker.announce_network(50);
        thread::sleep(Duration::from_millis(20));
        all_after = (reader.table().len() == 2).then(|| start.elapsed());
    }
    assert!(own_after < Duration::from_secs(2), "own routes came after {own_after:?}");
    assert!(all_after.is_some_and(|after| after > Duration::from_secs(2)), "not held back: {all_after:?}");
}

/// A reflector for dynamic peers, with a network of its own.
fn reflector(wire: &Wire, update_delay: &str) -> Margay {
    wire.margay("reflector", 1, |settings| {
        settings.networks = vec![network(OWN)];
        settings.global = format!("update_delay = \"{update_delay}\"");
        settings.extra = "[peer_group.clients]\nremote_asn = 64512\nrr_client = true\n\
                          [[dynamic_peers]]\nrange = \"172.16.0.0/24\"\ngroup = \"clients\"\n"
            .to_owned();
    })
}

struct Herd {
    /// In the order of their numbers.
    clients: Vec<RouteClient>,
    /// The longest time between a session and the next one.
    longest_pause: Duration,
}

impl Herd {
    /// Each client announces its network and a path to the contested one, better than those of lower numbers.
    fn come(raw: &Namespace, numbers: &[u8]) -> Self {
        let arrive = |&number: &u8| {
            let identity = plain_identity(number);
            let mut client = RouteClient::establish(raw, address(number), address(1), identity).unwrap();
            let arrived = Instant::now();
            client.announce(&prefix(number), 0, address(number), &plain()).unwrap();
            let preferred = attribute(0x40, 5, &preference(number));
            let attributes = [attribute(0x40, 1, &[0]), attribute(0x40, 2, &[]), preferred].concat();
            client.announce(&prefix(CONTESTED), 0, address(number), &attributes).unwrap();
            client.end_of_rib().unwrap();
            (arrived, client)
        };
        let arrivals: Vec<(Instant, RouteClient)> = thread::scope(|scope| {
            let parts = numbers.chunks(numbers.len().div_ceil(DIALERS));
            #[expect(clippy::needless_collect, reason = "all dial before the first is waited for")]
            let dialers: Vec<_> =
                parts.map(|part| scope.spawn(move || part.iter().map(arrive).collect::<Vec<_>>())).collect();
            dialers.into_iter().flat_map(|dialer| dialer.join().unwrap()).collect()
        });
        let mut times: Vec<Instant> = arrivals.iter().map(|&(arrived, _)| arrived).collect();
        times.sort_unstable();
        let pauses = times.windows(2).map(|pair| pair[1].duration_since(pair[0]));
        let longest_pause = pauses.max().unwrap_or_default();
        Self { clients: arrivals.into_iter().map(|(_, client)| client).collect(), longest_pause }
    }
}

fn prefix(number: u8) -> [(IpAddr, u8); 1] {
    let (address, length) = network(number).split_once('/').map(|(a, l)| (a.parse(), l.parse())).unwrap();
    [(address.unwrap(), length.unwrap())]
}

/// LOCAL_PREF: later numbers are preferred.
fn preference(number: u8) -> Vec<u8> {
    vec![0, 0, 1, number]
}

const FIRST: u8 = 11;
const CLIENTS: u8 = 200;
const OWN: u8 = 1;
const CONTESTED: u8 = 250;
const DIALERS: usize = 4;
const ATTEMPTS: usize = 3;

/// Less than margay waits for further peers.
const PAUSE: Duration = Duration::from_millis(150);
