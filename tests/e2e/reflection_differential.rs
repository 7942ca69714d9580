//! margay and BIRD, and margay and FRR, as reflectors of the same speakers: both advertise the same to each of them.
//!
//! What is announced is random and follows from a seed. A speaker has one session with each reflector and says the same
//! on both; what it receives is compared route by route and attribute by attribute.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use margay_lab::{
    Bird, Family, Frr, Lab, Margay, Namespace, PeerSettings, Router, RouterSettings, Segment, wait_until,
};

use crate::pair::{MARGAY_ASN, PATIENCE, binaries, host, with_length};
use crate::route_client::{Attributes, Identity, RouteClient, Table, attribute};

#[test]
fn tells_clients_non_clients_and_external_peers_what_bird_tells_them() {
    check(Paths::Best, Other::bird);
}

#[test]
fn tells_all_paths_that_bird_tells() {
    check(Paths::All, Other::bird);
}

#[test]
fn tells_clients_non_clients_and_external_peers_what_frr_tells_them() {
    check(Paths::Best, Other::frr);
}

fn check(paths: Paths, other: impl Fn(&Namespace, RouterSettings) -> Other) {
    for seed in 1..=12 {
        let mut scene = Scene::new(seed, paths, &other);
        for phase in 1..=3 {
            scene.announce_at_random(phase);
            scene.compare(phase);
        }
    }
}

/// The paths to a prefix that each speaker announces and receives.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Paths {
    Best,
    /// All of them (RFC 7911).
    All,
}

/// The reflector that margay is compared with.
#[derive(Debug)]
enum Other {
    Bird(Bird),
    Frr(Frr),
}

impl Other {
    fn bird(place: &Namespace, mut settings: RouterSettings) -> Self {
        settings.peers.iter_mut().for_each(|peer| peer.extra = "deterministic med on;".to_owned());
        Self::Bird(Bird::new(place, settings))
    }

    fn frr(place: &Namespace, settings: RouterSettings) -> Self {
        Self::Frr(Frr::new(place, settings))
    }

    fn start(&mut self) {
        match self {
            Self::Bird(bird) => bird.start().unwrap(),
            Self::Frr(frr) => frr.start().unwrap(),
        }
    }

    /// Whether it chooses right when the best path is replaced by one of another neighbouring AS.
    ///
    /// With `deterministic med` BIRD 2.0.12 takes the new path for the best, whatever the others are, if none of them is
    /// of the former neighbouring AS. A withdrawal in between has it choose.
    fn takes_other_neighbors(&self) -> bool {
        match self {
            Self::Bird(_) => false,
            Self::Frr(_) => true,
        }
    }

    /// What it has to choose from.
    fn paths(&self, prefix: &str) -> String {
        let paths = match self {
            Self::Bird(bird) => bird.birdc(&format!("show route {prefix} all")),
            Self::Frr(frr) if prefix.contains(':') => frr.vtysh(&format!("show bgp ipv6 unicast {prefix}")),
            Self::Frr(frr) => frr.vtysh(&format!("show bgp ipv4 unicast {prefix}")),
        };
        paths.unwrap_or_else(|error| format!("{error:#}"))
    }
}

/// What a speaker is to the reflectors.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Client,
    NonClient,
    External,
}

const KINDS: [Kind; 7] = [
    Kind::Client,
    Kind::Client,
    Kind::Client,
    Kind::NonClient,
    Kind::NonClient,
    Kind::External,
    Kind::External,
];

struct Scene {
    seed: u64,
    paths: Paths,
    random: Random,
    speakers: Vec<Speaker>,
    margay: Margay,
    other: Other,
    _segment: Segment,
    _lab: Lab,
}

struct Speaker {
    kind: Kind,
    number: u8,
    /// The neighbouring AS of each path that is announced, if it has any; by prefix and path id.
    neighbors: BTreeMap<((IpAddr, u8), u32), Option<u16>>,
    /// With margay and with the other one.
    sessions: [RouteClient; 2],
}

impl Scene {
    fn new(seed: u64, paths: Paths, other: impl Fn(&Namespace, RouterSettings) -> Other) -> Self {
        let lab = Lab::new().unwrap();
        let segment = lab.segment("wire").unwrap();
        let places = ["margay", "other", "speakers"].map(|label| lab.namespace(label).unwrap());
        for (number, place) in [1, 2].into_iter().zip(&places) {
            let addresses = [Family::Ipv4, Family::Ipv6].map(|family| with_length(host(family, number)));
            segment.attach(place, "eth0", &[&addresses[0], &addresses[1]]).unwrap();
        }
        let addresses: Vec<String> =
            (0..KINDS.len()).map(|index| with_length(address(number(index)))).collect();
        let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
        segment.attach(&places[2], "eth0", &addresses).unwrap();
        let mut margay = Margay::new(&places[0], settings(1, paths), &binaries());
        let mut other = other(&places[1], settings(2, paths));
        margay.start().unwrap();
        other.start();
        let speakers = KINDS.iter().enumerate().map(|(index, &kind)| {
            let number = number(index);
            let identity = Identity {
                asn: asn(kind, number),
                identifier: identifier(number),
                add_path: paths == Paths::All,
                refreshes: false,
            };
            let dial = |reflector| {
                let to = address(reflector);
                wait_until(PATIENCE, &format!("the session of {number} with {reflector}"), || {
                    RouteClient::establish(&places[2], address(number), to, identity)
                        .map_err(|error| error.to_string())
                })
            };
            Speaker { kind, number, neighbors: BTreeMap::new(), sessions: [dial(1), dial(2)] }
        });
        let speakers = speakers.collect();
        Self { seed, paths, random: Random(seed), speakers, margay, other, _segment: segment, _lab: lab }
    }

    /// Each speaker announces and withdraws some prefixes, and at last says that it is done.
    fn announce_at_random(&mut self, phase: u8) {
        let Self { paths, random, speakers, other, .. } = self;
        for speaker in speakers {
            for prefix in prefixes() {
                if speaker.kind == Kind::External && prefix.0.is_ipv6() {
                    continue;
                }
                let path_id = if *paths == Paths::All { 1 + u32::from(random.octet(2)) } else { 0 };
                match random.below(4) {
                    0 => speaker.withdraw(prefix, path_id),
                    1 | 2 => {
                        let path = path(random, speaker);
                        let neighbor = path.first().copied();
                        let attributes = attributes(random, speaker, &path);
                        let next_hop = next_hop(random, speaker, prefix.0);
                        let replaced = speaker.neighbors.get(&(prefix, path_id));
                        if !other.takes_other_neighbors() && replaced.is_some_and(|old| *old != neighbor) {
                            speaker.withdraw(prefix, path_id);
                        }
                        speaker.announce(prefix, path_id, next_hop, &attributes);
                        speaker.neighbors.insert((prefix, path_id), neighbor);
                    }
                    _ => {}
                }
            }
            let mut done = plain_attributes(speaker);
            done.extend(attribute(0xc0, 8, &[0xfc, 0, 0, phase]));
            let (sentinel, next_hop) = (sentinel(speaker.number), address(speaker.number));
            speaker.announce(sentinel, 0, next_hop, &done);
        }
    }

    /// Waits until each speaker knows that the others are done, and has received the same from both.
    fn compare(&self, phase: u8) {
        for speaker in &self.speakers {
            let others = self.speakers.iter().filter(|other| receives_from(other, speaker));
            let sentinels: Vec<String> = others.map(|other| text(sentinel(other.number))).collect();
            let what = format!(
                "seed {}, phase {phase}: what {:?} {} receives",
                self.seed, speaker.kind, speaker.number
            );
            let received = wait_until(PATIENCE, &what, || {
                let [margay, other] =
                    speaker.sessions.each_ref().map(|session| comparable(session.table(), speaker));
                for (who, received) in [("margay", &margay), ("the other", &other)] {
                    let is_done = |prefix: &&String| {
                        let communities = received.get(*prefix).and_then(|paths| paths[0].get(&8));
                        communities.is_some_and(|(_, value)| value.ends_with(&[phase]))
                    };
                    if let Some(missing) = sentinels.iter().find(|prefix| !is_done(prefix)) {
                        return Err(format!(
                            "{missing} has not come from {who}: {:?}",
                            received.get(missing)
                        ));
                    }
                }
                match first_difference(&margay, &other) {
                    None => Ok(margay),
                    Some((prefix, text)) => Err(text + &self.reasons(&prefix)),
                }
            });
            let is_several = received.values().any(|paths| paths.len() > 1);
            assert_eq!(is_several, self.paths == Paths::All, "{what}: several paths to a prefix");
        }
    }

    /// What both have to choose from.
    fn reasons(&self, prefix: &str) -> String {
        let margay =
            self.margay.cli(&format!("explain {prefix}")).unwrap_or_else(|error| format!("{error:#}"));
        format!("{margay}{}", self.other.paths(prefix))
    }
}

impl Speaker {
    fn announce(&mut self, prefix: (IpAddr, u8), path_id: u32, next_hop: IpAddr, attributes: &[u8]) {
        for session in &mut self.sessions {
            session.announce(&[prefix], path_id, next_hop, attributes).unwrap();
        }
    }

    fn withdraw(&mut self, prefix: (IpAddr, u8), path_id: u32) {
        self.neighbors.remove(&(prefix, path_id));
        for session in &mut self.sessions {
            session.withdraw(&[prefix], path_id).unwrap();
        }
    }
}

/// The paths to each prefix, without their ids, which are each reflector's own.
type Received = BTreeMap<String, Vec<Attributes>>;

/// Leaves out what is a matter of taste.
///
/// All may advertise to an external peer a next hop that it can reach by itself (RFC 4271 §5.1.3): the others do so for every
/// route from inside the AS, margay for routes that began there. FRR adds a MED of zero where there is none, and sends speakers
/// of their own routes.
fn comparable(table: Table, speaker: &Speaker) -> Received {
    const NEXT_HOP: u8 = 3;
    const MED: u8 = 4;
    let mut received = Received::new();
    for (key, mut route) in table {
        if is_own(&route, speaker) {
            continue;
        }
        if speaker.kind == Kind::External {
            route.remove(&NEXT_HOP);
        }
        if route.get(&MED).is_some_and(|(_, value)| *value == [0; 4]) {
            route.remove(&MED);
        }
        received.entry(key.prefix).or_default().push(route);
    }
    received.values_mut().for_each(|paths| paths.sort());
    received
}

/// By AS_PATH or ORIGINATOR_ID.
fn is_own(route: &Attributes, speaker: &Speaker) -> bool {
    let own_asn = u32::from(asn(speaker.kind, speaker.number)).to_be_bytes();
    let in_path = route[&2].1.windows(4).skip(2).step_by(4).any(|asn| asn == own_asn);
    let own = [speaker.number, originator(speaker.number)].map(identifier);
    in_path || route.get(&9).is_some_and(|(_, value)| own.iter().any(|own| value == own))
}

fn first_difference(margay: &Received, other: &Received) -> Option<(String, String)> {
    let differs =
        margay.keys().chain(other.keys()).find(|&prefix| margay.get(prefix) != other.get(prefix))?;
    let text = format!("{differs}:\n  margay {:?}\n  other  {:?}\n", margay.get(differs), other.get(differs));
    Some((differs.clone(), text))
}

/// RFC 4456 §6.
fn receives_from(from: &Speaker, to: &Speaker) -> bool {
    from.number != to.number && (from.kind, to.kind) != (Kind::NonClient, Kind::NonClient)
}

fn settings(own: u8, paths: Paths) -> RouterSettings {
    let mut settings = RouterSettings::new(MARGAY_ASN, REFLECTOR_ID);
    settings.global = format!("cluster_id = \"{CLUSTER}\"");
    for (index, &kind) in KINDS.iter().enumerate() {
        let number = number(index);
        let mut peer =
            PeerSettings::new(&format!("speaker{number}"), address(number), asn(kind, number).into());
        peer.local_address = Some(address(own));
        peer.passive = true;
        peer.add_path = paths == Paths::All;
        peer.client_of = (kind == Kind::Client).then_some(CLUSTER);
        if kind != Kind::External {
            peer.families.insert(Family::Ipv6);
        }
        settings.peers.push(peer);
    }
    settings
}

/// An AS_PATH.
fn path(random: &mut Random, speaker: &Speaker) -> Vec<u16> {
    let own = (speaker.kind == Kind::External).then(|| asn(speaker.kind, speaker.number));
    let others = (0..random.below(4)).map(|_| 65_100 + u16::from(random.octet(3)));
    own.into_iter().chain(others).collect()
}

/// Whole attributes but for the next hop.
fn attributes(random: &mut Random, speaker: &Speaker, path: &[u16]) -> Vec<u8> {
    let internal = speaker.kind != Kind::External;
    let mut octets = attribute(0x40, 1, &[random.octet(3)]);
    octets.extend(attribute(0x40, 2, &as_path(path)));
    if random.below(3) > 0 {
        octets.extend(attribute(0x80, 4, &[0, 0, 0, 1 + random.octet(3)]));
    }
    if internal {
        octets.extend(attribute(0x40, 5, &[0, 0, 0, 99 + random.octet(3)]));
    }
    if random.below(4) == 0 {
        octets.extend(attribute(0x40, 6, &[]));
        octets.extend(attribute(0xc0, 7, &[0, 0, 0xfe, 0x4c, 192, 0, 2, random.octet(9)]));
    }
    if random.below(2) == 0 {
        let community = match random.below(8) {
            0 => [0xff, 0xff, 0xff, 0x01],
            1 => [0xff, 0xff, 0xff, 0x02],
            _ => [0xfe, 0x4c, 0, random.octet(9)],
        };
        octets.extend(attribute(0xc0, 8, &[&[0xfd, 0xe8, 0, 1][..], &community].concat()));
    }
    if internal && random.below(3) == 0 {
        octets.extend(attribute(0x80, 9, &[192, 0, 2, *random.choose(&[1, originator(speaker.number)])]));
        // BIRD looks for its own cluster in what clients announce, and nowhere else.
        let known: &[u8] = if speaker.kind == Kind::Client { &[9, 80, 81, 82] } else { &[80, 81, 82] };
        let clusters: Vec<u8> =
            (0..=random.below(2)).flat_map(|_| [192, 0, 2, *random.choose(known)]).collect();
        octets.extend(attribute(0x80, 10, &clusters));
    }
    if random.below(4) == 0 {
        octets.extend(attribute(0xc0, 16, &[0, 2, 0xfe, 0x4c, 0, 0, 0, random.octet(9)]));
    }
    if random.below(4) == 0 {
        octets.extend(attribute(0xc0, 32, &[0, 0, 0xfe, 0x4c, 0, 0, 0, 7, 0, 0, 0, random.octet(9)]));
    }
    if random.below(6) == 0 {
        octets.extend(attribute(0xc0, 200, &[random.octet(9); 5]));
    }
    octets
}

/// ORIGIN, AS_PATH and, where it is due, LOCAL_PREF.
fn plain_attributes(speaker: &Speaker) -> Vec<u8> {
    let internal = speaker.kind != Kind::External;
    let path = if internal { Vec::new() } else { as_path(&[asn(speaker.kind, speaker.number)]) };
    let local_pref = if internal { attribute(0x40, 5, &[0, 0, 0, 100]) } else { Vec::new() };
    [attribute(0x40, 1, &[0]), attribute(0x40, 2, &path), local_pref].concat()
}

/// One AS_SEQUENCE of 4-octet numbers, or nothing.
fn as_path(asns: &[u16]) -> Vec<u8> {
    if asns.is_empty() {
        return Vec::new();
    }
    let numbers = asns.iter().flat_map(|&asn| u32::from(asn).to_be_bytes());
    [2, u8::try_from(asns.len()).unwrap()].into_iter().chain(numbers).collect()
}

/// The speaker itself, or another one on the segment.
fn next_hop(random: &mut Random, speaker: &Speaker, prefix: IpAddr) -> IpAddr {
    let number = if random.below(2) == 0 { speaker.number } else { 200 + random.octet(3) };
    host(if prefix.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 }, number)
}

fn prefixes() -> impl Iterator<Item = (IpAddr, u8)> {
    (0..24u8).flat_map(|index| {
        let v6 = Ipv6Addr::new(0x2001, 0xdb8, 0x100, index.into(), 0, 0, 0, 0);
        [(Ipv4Addr::new(10, 65, index, 0).into(), 24), (v6.into(), 64)]
    })
}

fn sentinel(number: u8) -> (IpAddr, u8) {
    (Ipv4Addr::new(198, 18, number, 0).into(), 24)
}

fn text((address, length): (IpAddr, u8)) -> String {
    format!("{address}/{length}")
}

fn number(index: usize) -> u8 {
    16 + u8::try_from(index).unwrap()
}

fn address(number: u8) -> IpAddr {
    host(Family::Ipv4, number)
}

fn identifier(number: u8) -> [u8; 4] {
    [192, 0, 2, number]
}

/// The one speaker from whom another has its reflected routes.
fn originator(number: u8) -> u8 {
    100 + number
}

fn asn(kind: Kind, number: u8) -> u16 {
    match kind {
        Kind::Client | Kind::NonClient => 64_512,
        Kind::External => 65_000 + u16::from(number),
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }

    fn octet(&mut self, limit: u8) -> u8 {
        u8::try_from(self.below(limit.into())).unwrap()
    }

    fn choose<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[usize::try_from(self.below(all.len() as u64)).unwrap()]
    }
}

const REFLECTOR_ID: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const CLUSTER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 9);
