//! A reflector restarts while its clients hold its routes: they may keep them until the End-of-RIB and then drop those that
//! were not advertised again (RFC 4724 §4.2), or come back with empty tables.
//!
//! For both, what counts is the table at the End-of-RIB. Nothing is missing in it, and no route was advertised twice.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::slice;
use std::time::{Duration, Instant};

use margay_lab::{Margay, Namespace, Router, wait_until};

use crate::pair::PATIENCE;
use crate::route_client::{Attributes, ReceivedCounts, RouteKey, Table, attribute};
use crate::wire::{Wire, WireClient, address, identifier, network};

#[test]
fn clients_of_a_reflector_that_is_killed_receive_each_remaining_route_once() {
    check(|reflector| reflector.kill().unwrap());
}

#[test]
fn clients_of_a_reflector_that_is_stopped_receive_each_remaining_route_once() {
    check(|reflector| reflector.stop().unwrap());
}

fn check(end: impl Fn(&mut Margay)) {
    let wire = Wire::new();
    let mut reflector = wire.margay("reflector", 1, |settings| {
        settings.networks = vec![network(OWN)];
        settings.global = "update_delay = \"30s\"".to_owned();
        settings.extra = "[peer_group.clients]\nremote_asn = 64512\nrr_client = true\n\
                          [[dynamic_peers]]\nrange = \"172.16.0.0/24\"\ngroup = \"clients\"\n"
            .to_owned();
    });
    let raw = wire.place("raw", &CLIENTS.collect::<Vec<_>>());

    let mut announced = Announced::default();
    for number in CLIENTS {
        announced.set(number, number, Path { preference: 100, community: 1 });
        announced.set(number, CONTESTED, Path { preference: 100 + u32::from(number), community: 1 });
    }
    let before = come_back(&wire, &raw, &mut reflector, &announced);
    end(&mut reflector);
    for client in before {
        wait_until(PATIENCE, "the end of the session", || client.is_closed().then_some(()).ok_or("not yet"));
    }

    // A route is gone, another one comes from another client, one has changed, one is new, and the client with the best path
    // to the contested network does not come back.
    announced.forget(11, 11);
    announced.forget(12, 12);
    announced.set(13, 12, Path { preference: 100, community: 1 });
    announced.set(14, 14, Path { preference: 100, community: 2 });
    announced.set(14, ADDED, Path { preference: 100, community: 1 });
    announced.forget_client(34);
    come_back(&wire, &raw, &mut reflector, &announced);
    assert!(!reflector.log().unwrap().contains("bug:"));
}

/// The reflector starts, and all clients dial it, announce and receive their whole table, once.
fn come_back(wire: &Wire, raw: &Namespace, reflector: &mut Margay, announced: &Announced) -> Vec<WireClient> {
    // With a pause among the sessions the last ones are latecomers, and this is another story.
    let arrivals = (0..ATTEMPTS).find_map(|_| {
        reflector.start().unwrap();
        let (clients, longest_pause) = arrive(wire, raw, announced);
        if longest_pause < PAUSE { Some(clients) } else { reflector.stop().map(|()| None).unwrap() }
    });
    let clients = arrivals.expect("this machine is too slow for this many clients");
    for (client, number) in clients.iter().zip(announced.clients()) {
        let expected = announced.expected_at(number);
        let tables = wait_until(PATIENCE, &format!("the End-of-RIB at {number}"), || {
            let tables = client.tables_at_end();
            if tables.is_empty() { Err(format!("{} routes", client.table().len())) } else { Ok(tables) }
        });
        assert_eq!(tables, slice::from_ref(&expected), "what {number} holds at the End-of-RIB");
        assert_eq!(client.table(), expected, "what {number} holds");
        assert_eq!(client.counts(), ReceivedCounts { reached: expected.len(), withdrawn: 0 }, "at {number}");
    }
    clients
}

/// Returns the clients, and the longest time without a message from any of them.
fn arrive(wire: &Wire, raw: &Namespace, announced: &Announced) -> (Vec<WireClient>, Duration) {
    let (mut clients, mut longest_pause, mut last) = (Vec::new(), Duration::ZERO, None);
    for number in announced.clients() {
        let mut client = wire.dial(raw, number, 1, false);
        for (network, path) in announced.of(number) {
            client.announce_with(network, &path.attributes());
        }
        client.end_of_rib().unwrap();
        let now = Instant::now();
        longest_pause = longest_pause.max(last.map_or(Duration::ZERO, |last| now - last));
        last = Some(now);
        clients.push(client);
    }
    (clients, longest_pause)
}

/// What the clients announce: by client and network.
#[derive(Debug, Default)]
struct Announced(BTreeMap<(u8, u8), Path>);

#[derive(Clone, Copy, Debug)]
struct Path {
    preference: u32,
    community: u8,
}

impl Announced {
    fn set(&mut self, client: u8, network: u8, path: Path) {
        self.0.insert((client, network), path);
    }

    fn forget(&mut self, client: u8, network: u8) {
        self.0.remove(&(client, network));
    }

    fn forget_client(&mut self, client: u8) {
        self.0.retain(|&(of, _), _| of != client);
    }

    fn clients(&self) -> impl Iterator<Item = u8> {
        CLIENTS.filter(|&number| self.of(number).next().is_some())
    }

    fn of(&self, client: u8) -> impl Iterator<Item = (u8, Path)> {
        self.0.iter().filter(move |((of, _), _)| *of == client).map(|(&(_, network), &path)| (network, path))
    }

    /// What a client must hold: the reflector's network, and the best path to each other one that is not its own.
    fn expected_at(&self, reader: u8) -> Table {
        let mut best: BTreeMap<u8, (u8, Path)> = BTreeMap::new();
        for (&(client, network), &path) in &self.0 {
            let better = |&(of, other): &(u8, Path)| {
                (Reverse(path.preference), client) < (Reverse(other.preference), of)
            };
            if best.get(&network).is_none_or(better) {
                best.insert(network, (client, path));
            }
        }
        let reflected = best.into_iter().filter(|(_, (client, _))| *client != reader);
        let reflected = reflected.map(|(network, (client, path))| (key(network), path.reflected(client)));
        reflected.chain([(key(OWN), own_route())]).collect()
    }
}

impl Path {
    fn attributes(self) -> Vec<u8> {
        let plain = [attribute(0x40, 1, &[0]), attribute(0x40, 2, &[])].concat();
        let preference = attribute(0x40, 5, &self.preference.to_be_bytes());
        [plain, preference, attribute(0xc0, 8, &self.community())].concat()
    }

    fn community(self) -> [u8; 4] {
        [0xfc, 0, 0, self.community]
    }

    /// What others hold of it.
    fn reflected(self, client: u8) -> Attributes {
        let mut route = reflected(address(client), self.preference);
        route.insert(8, (0xc0, self.community().into()));
        route.insert(9, (0x80, identifier(client).into()));
        route.insert(10, (0x80, identifier(1).into()));
        route
    }
}

fn own_route() -> Attributes {
    reflected(address(1), 100)
}

fn reflected(next_hop: IpAddr, preference: u32) -> Attributes {
    let IpAddr::V4(next_hop) = next_hop else { unreachable!("the segment's IPv4 addresses") };
    Attributes::from([
        (1, (0x40, vec![0])),
        (2, (0x40, Vec::new())),
        (3, (0x40, next_hop.octets().into())),
        (5, (0x40, preference.to_be_bytes().into())),
    ])
}

fn key(number: u8) -> RouteKey {
    RouteKey { prefix: network(number), path_id: None }
}

const CLIENTS: RangeInclusive<u8> = 11..=34;
const OWN: u8 = 1;
const CONTESTED: u8 = 250;
const ADDED: u8 = 251;
const ATTEMPTS: usize = 3;

/// Less than margay waits for further peers.
const PAUSE: Duration = Duration::from_millis(150);
