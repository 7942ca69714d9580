//! Random histories: after any events, the kernel's table is as wanted, and foreign routes are as without the
//! daemon.
//!
//! A second namespace goes through the same history without the daemon: its foreign routes must be the same
//! as next to the daemon.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use bgp_codec::NextHop;
use margay_forwarding::{Discard, Forwarding, ForwardingChange, NextHopLoss};

use super::{
    Daemon, FibOptions, KernelOptions, PATIENCE,
    namespace::{eventually, in_namespace, ip, ip_batch, our_routes, routes, run_ip, unshared},
    next_hop, options, prefix, via, wanted,
};
use crate::kernel::KernelRequest;

const HISTORIES: u64 = 16;
const STEPS: usize = 60;

#[test]
fn any_history_ends_with_the_kernel_as_wanted_and_others_untouched() {
    for seed in 1..=HISTORIES {
        let nexthop_objects = seed % 3 != 0;
        // So small that a burst of events overruns it.
        let multicast_buffer_octets =
            if seed % 2 == 0 { 4096 } else { KernelOptions::MULTICAST_BUFFER_OCTETS };
        let options =
            KernelOptions { fib: FibOptions { nexthop_objects, ..options() }, multicast_buffer_octets };
        in_namespace(move || History::new(seed).play(options));
    }
}

struct History {
    seed: u64,
    random: Random,
    wishes: BTreeMap<&'static str, Forwarding>,
    links: [Link; 2],
    twin: Twin,
    reported: Vec<String>,
    /// The next hops that the Rib has reported as lost.
    lost: BTreeSet<NextHop>,
}

#[derive(Clone, Copy)]
pub(super) struct Link {
    pub(super) name: &'static str,
    far: &'static str,
    pub(super) addresses: [&'static str; 2],
    up: bool,
    carrier: bool,
    /// Whether the IPv4 and the IPv6 address are there.
    addressed: [bool; 2],
}

pub(super) const LINKS: [Link; 2] = [
    Link {
        name: "one",
        far: "far1",
        addresses: ["10.0.0.1/24", "fd00::1/64"],
        up: true,
        carrier: true,
        addressed: [true; 2],
    },
    Link {
        name: "two",
        far: "far2",
        addresses: ["10.0.1.1/24", "fd00:1::1/64"],
        up: true,
        carrier: true,
        addressed: [true; 2],
    },
];

pub(super) const PREFIXES: [&str; 8] = [
    "10.9.0.0/16",
    "10.10.0.0/16",
    "10.11.1.0/24",
    "10.12.0.1/32",
    "fd09::/32",
    "fd0a::/32",
    "fd0b:1::/64",
    "fd0c::1/128",
];
/// The next hops of a family, with the link of each.
pub(super) const HOPS: [[(&str, usize); 4]; 2] = [
    [("10.0.0.2", 0), ("10.0.0.3", 0), ("10.0.1.2", 1), ("10.0.1.3", 1)],
    [("fd00::2", 0), ("fd00::3", 0), ("fd00:1::2", 1), ("fd00:1::3", 1)],
];

impl History {
    fn new(seed: u64) -> Self {
        Self {
            seed,
            random: Random::new(seed),
            wishes: BTreeMap::new(),
            links: LINKS,
            twin: Twin::start(),
            reported: Vec::new(),
            lost: BTreeSet::new(),
        }
    }

    async fn play(mut self, options: KernelOptions) {
        let daemon = Daemon::start(options).await;
        daemon.request(KernelRequest::RemoveStale).await;
        for step in 0..STEPS {
            self.step(&daemon).await;
            if step % 20 == 19 {
                self.check(&daemon).await;
            }
        }
        for number in 0..2 {
            self.set_up(number);
        }
        self.check(&daemon).await;
        daemon.finish().await;
    }

    async fn step(&mut self, daemon: &Daemon) {
        match self.random.below(24) {
            0..=7 => self.wish(daemon).await,
            8 => self.set_down(),
            9 => {
                let number = self.random.below(2);
                self.set_up(number);
            }
            10 => self.turn_carrier(),
            11 | 12 => self.turn_address(),
            13 | 14 => self.foreign(),
            15..=17 => self.damage(),
            18 => self.burst(),
            19 => self.turn_loss(daemon).await,
            20 | 21 => self.bounce(),
            22 => self.bounce_addresses(),
            // Now and then earlier events take effect before the next ones follow.
            _ => tokio::time::sleep(Duration::from_millis(60)).await,
        }
    }

    /// The Rib reports the loss of a next hop, or its end.
    async fn turn_loss(&mut self, daemon: &Daemon) {
        let hops = HOPS.as_flattened();
        let next_hop = next_hop(hops[self.random.below(hops.len())].0);
        let lost = self.lost.insert(next_hop) || !self.lost.remove(&next_hop);
        self.reported.push(format!("{next_hop} lost: {lost}"));
        daemon.request(KernelRequest::NextHops(vec![NextHopLoss { next_hop, lost }])).await;
    }

    /// As the Rib does once every changed route has been read.
    async fn end_losses(&mut self, daemon: &Daemon) {
        let lost = std::mem::take(&mut self.lost).into_iter();
        let losses = lost.map(|next_hop| NextHopLoss { next_hop, lost: false }).collect();
        daemon.request(KernelRequest::NextHops(losses)).await;
    }

    async fn wish(&mut self, daemon: &Daemon) {
        let mut changes = Vec::new();
        for _ in 0..=self.random.below(4) {
            let text = PREFIXES[self.random.below(PREFIXES.len())];
            let forwarding = self.forwarding(family(text));
            self.reported.push(format!("want {text} {forwarding:?}"));
            match &forwarding {
                Some(forwarding) => self.wishes.insert(text, forwarding.clone()),
                None => self.wishes.remove(text),
            };
            changes.push(ForwardingChange { prefix: prefix(text), forwarding });
        }
        daemon.apply(changes).await;
    }

    fn forwarding(&mut self, family: usize) -> Option<Forwarding> {
        let metric = (self.random.below(4) == 0).then_some(50);
        let forwarding = match self.random.below(8) {
            0 => return None,
            1 => Forwarding::discard(Discard::Blackhole),
            2 => Forwarding::discard(Discard::Unreachable),
            _ => {
                let chosen: BTreeSet<usize> =
                    (0..=self.random.below(3)).map(|_| self.random.below(4)).collect();
                Forwarding::via(chosen.into_iter().map(|number| next_hop(HOPS[family][number].0)))
            }
        };
        Some(Forwarding { metric, ..forwarding })
    }

    fn set_down(&mut self) {
        let number = self.random.below(2);
        let link = &mut self.links[number];
        // IPv6 addresses go with the link, IPv4 ones stay.
        (link.up, link.addressed[1]) = (false, false);
        let name = link.name;
        self.everywhere(&format!("link set {name} down"));
    }

    fn set_up(&mut self, number: usize) {
        let Link { name, far, addresses, .. } = self.links[number];
        self.everywhere(&format!("link set {far} up"));
        self.everywhere(&format!("link set {name} up"));
        self.everywhere(&format!("addr replace {} dev {name}", addresses[0]));
        self.everywhere(&format!("addr replace {} dev {name} nodad", addresses[1]));
        self.links[number] = LINKS[number];
    }

    /// Both links go down and come back, in any order, as fast as possible.
    fn bounce(&mut self) {
        let mut lines = Vec::new();
        let mut order = [0, 1];
        for state in ["down", "up"] {
            if self.random.below(2) == 0 {
                order.reverse();
            }
            lines.extend(order.map(|number| format!("link set {} {state}", LINKS[number].name)));
        }
        self.at_once(&lines);
        for number in 0..2 {
            self.set_up(number);
        }
    }

    /// Both links lose their IPv4 address and get it back, as fast as possible.
    fn bounce_addresses(&mut self) {
        let lines = ["del", "replace"].into_iter().flat_map(|verb| {
            LINKS.map(|link| format!("addr {verb} {} dev {}", link.addresses[0], link.name))
        });
        let lines: Vec<String> = lines.collect();
        for number in 0..2 {
            self.set_up(number);
        }
        self.at_once(&lines);
    }

    fn at_once(&mut self, lines: &[String]) {
        self.reported.extend_from_slice(lines);
        ip_batch(lines.to_vec());
        lines.iter().for_each(|words| self.twin.run(words));
    }

    fn turn_carrier(&mut self) {
        let number = self.random.below(2);
        let link = &mut self.links[number];
        link.carrier = !link.carrier;
        let (far, state) = (link.far, if link.carrier { "up" } else { "down" });
        self.everywhere(&format!("link set {far} {state}"));
    }

    fn turn_address(&mut self) {
        let (number, family) = (self.random.below(2), self.random.below(2));
        let link = &mut self.links[number];
        if !link.up {
            return;
        }
        let there = &mut link.addressed[family];
        *there = !*there;
        let (name, address, verb) =
            (link.name, link.addresses[family], if *there { "replace" } else { "del" });
        let nodad = if family == 1 && *there { "nodad" } else { "" };
        self.everywhere(&format!("addr {verb} {address} dev {name} {nodad}"));
    }

    /// Foreign routes are added and removed at our prefixes.
    fn foreign(&mut self) {
        let text = PREFIXES[self.random.below(PREFIXES.len())];
        let family = family(text);
        let (hop, _) = HOPS[family][self.random.below(4)];
        let metric = [7, 50, 1024, 2000][self.random.below(4)];
        let flag = FLAGS[family];
        // In IPv6, no other route can get in behind ours, and in IPv4 only before ours.
        let words = match self.random.below(3) {
            0 => format!("{flag} route del {text} proto 4"),
            _ if family == 0 => format!("{flag} route prepend {text} via {hop} proto 4 metric {metric}"),
            _ => format!("{flag} route add {text} via {hop} proto 4 metric 7"),
        };
        self.everywhere(&words);
    }

    /// Others remove or change what is ours.
    fn damage(&mut self) {
        let text = PREFIXES[self.random.below(PREFIXES.len())];
        let family = family(text);
        let flag = FLAGS[family];
        let (hop, _) = HOPS[family][self.random.below(4)];
        let words = match self.random.below(6) {
            0 => "nexthop flush proto 186".to_owned(),
            1 => format!("{flag} route flush proto 186"),
            2 => format!("{flag} route append {text} via {hop} proto 186 metric 1024"),
            3 => format!("{flag} route add {text} via {hop} proto 186 metric 77"),
            4 => format!("{flag} route add blackhole {text} proto 186 metric 1024"),
            _ => format!("{flag} route del {text} proto 186"),
        };
        self.reported.push(words.clone());
        // A missing route cannot be damaged.
        drop(run_ip(&words));
    }

    /// Many events that do not concern us.
    fn burst(&mut self) {
        self.reported.push("burst".to_owned());
        burst();
    }

    fn everywhere(&mut self, words: &str) {
        self.reported.push(words.to_owned());
        // Both fail alike, and the results are compared.
        drop(run_ip(words));
        self.twin.run(words);
    }

    async fn check(&mut self, daemon: &Daemon) {
        self.end_losses(daemon).await;
        let story = || format!("seed {}: {:#?}", self.seed, self.reported);
        let mut foreign = routes("proto 4");
        foreign.sort();
        assert_eq!(foreign, self.twin.foreign(), "{}", story());
        let expected = self.expected(&foreign);
        let deadline = Instant::now() + PATIENCE;
        // If a foreign route has our prefix and metric, ours may have been there first.
        let contested = |line: &String| foreign.iter().any(|other| same_place(other, line));
        let ours = || our_routes().into_iter().filter(|line| !contested(line)).collect::<Vec<_>>();
        while ours() != expected {
            if Instant::now() > deadline {
                assert_eq!(ours(), expected, "{} {:?}", story(), daemon.status().await);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // While ours is contested, messages may still be on their way, an overrun included.
        loop {
            let status = daemon.settled().await;
            let counts = (status.installed + status.failed, status.installed);
            if counts == (self.wishes.len(), our_routes().len()) && ours() == expected {
                return;
            }
            assert!(Instant::now() < deadline, "{counts:?} {} {status:?}", story());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn expected(&self, foreign: &[String]) -> Vec<String> {
        let lines = |family: usize| {
            let wishes = self.wishes.iter().filter(move |(text, _)| super::histories::family(text) == family);
            let mut lines: Vec<String> =
                wishes.filter_map(|(text, wish)| self.expected_line(text, wish, foreign)).collect();
            lines.sort();
            lines
        };
        [lines(0), lines(1)].concat()
    }

    fn expected_line(&self, text: &str, wish: &Forwarding, foreign: &[String]) -> Option<String> {
        let metric = wish.metric.unwrap_or(1024);
        let shown = text.strip_suffix("/32").filter(|shown| shown.contains('.')).unwrap_or(text);
        let shown = shown.strip_suffix("/128").unwrap_or(shown);
        if foreign.iter().any(|other| same_place(other, &format!("{shown} metric {metric}"))) {
            return None;
        }
        let target = match &wish.target {
            margay_forwarding::Target::Discard(discard) => discard.to_string(),
            margay_forwarding::Target::Via(hops) => {
                let alive = |(text, link): &&(&str, usize)| {
                    let link = self.links[*link];
                    link.up && link.carrier && link.addressed[family(text)]
                };
                let known = HOPS.concat();
                let mut words: Vec<String> = hops
                    .iter()
                    .filter_map(|hop| {
                        let address = hop.hop.gateway().expect("a gateway").address().to_string();
                        let hop = known.iter().find(|(text, _)| *text == address)?;
                        Some(hop).filter(alive).map(|(text, _)| format!("via {text}"))
                    })
                    .collect();
                words.sort();
                words.join(" ")
            }
        };
        (!target.is_empty()).then(|| format!("{shown} {target} metric {metric}"))
    }
}

/// Hundreds of irrelevant events, as fast as possible.
fn burst() {
    let routes = |verb: &'static str| {
        (0..200).map(move |number| format!("route {verb} unreachable 10.200.{number}.0/24 table 77"))
    };
    ip_batch(routes("add").chain(routes("del")));
}

/// Whether two lines about routes name the same prefix and metric.
fn same_place(one: &str, other: &str) -> bool {
    let place = |line: &str| {
        let metric = line.rsplit_once(" metric ").map(|(_, metric)| metric.to_owned());
        (line.split(' ').next().map(str::to_owned), metric)
    };
    place(one) == place(other)
}

const FLAGS: [&str; 2] = ["-4", "-6"];

pub(super) fn family(text: &str) -> usize {
    usize::from(text.contains(':'))
}

/// The namespace without a daemon.
struct Twin {
    commands: mpsc::Sender<String>,
    answers: mpsc::Receiver<Vec<String>>,
}

impl Twin {
    fn start() -> Self {
        let (commands, todo) = mpsc::channel::<String>();
        let (answer, answers) = mpsc::channel();
        unshared(move || {
            for words in todo {
                if words.is_empty() {
                    let mut foreign = routes("proto 4");
                    foreign.sort();
                    answer.send(foreign).expect("the test waits");
                } else {
                    drop(run_ip(&words));
                }
            }
        });
        Self { commands, answers }
    }

    fn run(&self, words: &str) {
        self.commands.send(words.to_owned()).expect("the twin lives");
    }

    fn foreign(&self) -> Vec<String> {
        self.run("");
        self.answers.recv_timeout(PATIENCE).expect("the twin answers")
    }
}

/// A xorshift generator.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 16) % u64::try_from(end).expect("small")).expect("small")
    }
}

#[test]
fn everything_is_read_anew_after_an_overrun() {
    in_namespace(async || {
        let options = KernelOptions { fib: options(), multicast_buffer_octets: 4096 };
        let daemon = Daemon::start(options).await;
        daemon.apply(vec![wanted("10.9.0.0/16", via(&["10.0.0.2"]))]).await;
        let deadline = Instant::now() + PATIENCE;
        while daemon.status().await.readings == 1 {
            assert!(Instant::now() < deadline, "no burst overran the socket");
            burst();
        }
        ip("route del 10.9.0.0/16 proto 186");
        eventually(our_routes, vec!["10.9.0.0/16 via 10.0.0.2 metric 1024".to_owned()]).await;
    });
}

#[test]
fn the_layout_is_what_the_histories_take_it_for() {
    in_namespace(async || {
        for link in LINKS {
            let shown = ip(&format!("addr show dev {}", link.name));
            assert!(link.addresses.iter().all(|address| shown.contains(address)), "{shown}");
        }
    });
}
