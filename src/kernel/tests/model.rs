//! The model of the kernel against the kernel itself: the same histories end in the same table.
//!
//! Both have a daemon's side of their own, so that what is compared is also what each of them made of its kernel's messages,
//! refusals and silent losses.

use std::time::{Duration, Instant};

use margay_fib::{Fib, KernelHop, RouteKind, RouteShape, RouteTarget};
use margay_forwarding::{Discard, Forwarding, ForwardingChange};
use margay_kernel_model::{Exchange, KernelModel};
use margay_timestamp::Timestamp;

use super::{
    PATIENCE,
    histories::{HOPS, LINKS, PREFIXES, Random, family},
    namespace::{in_namespace, ip, routes, run_ip},
    next_hop, options, prefix,
    stepwise::Stepwise,
};

const HISTORIES: u64 = 12;
const STEPS: usize = 40;

#[test]
fn the_same_histories_end_in_the_same_table() {
    for seed in 1..=HISTORIES {
        in_namespace(async move || Pair::new(seed).play());
    }
}

/// The kernel and its model.
struct Pair {
    seed: u64,
    random: Random,
    daemon: Stepwise,
    model: KernelModel,
    fib: Fib,
    exchange: Exchange,
    now: Timestamp,
    story: Vec<String>,
}

impl Pair {
    fn new(seed: u64) -> Self {
        let mut model = KernelModel::new();
        for number in 0..LINKS.len() {
            bring_up(&mut model, number);
        }
        let mut daemon = Stepwise::start(options());
        daemon.remove_stale();
        let mut fib = Fib::new(options());
        fib.sweep();
        let mut pair = Self {
            seed,
            random: Random::new(seed),
            daemon,
            model,
            fib,
            exchange: Exchange::default(),
            now: Timestamp::START,
            story: Vec::new(),
        };
        // Both daemons have read their kernel before anything is wanted.
        pair.settle();
        pair
    }

    fn play(mut self) {
        for _ in 0..STEPS {
            self.step();
            // What happens at once is reported at once.
            if self.random.below(3) > 0 {
                self.settle();
            }
        }
        self.settle();
    }

    fn step(&mut self) {
        match self.random.below(12) {
            0..=3 => self.wish(),
            4 => self.set_down(),
            5 | 6 => {
                let number = self.random.below(2);
                self.bring_up(number);
            }
            7 => self.turn_address(),
            8 | 9 => self.foreign(),
            10 => self.remove_ours(),
            _ => self.flush(),
        }
    }

    fn wish(&mut self) {
        let text = PREFIXES[self.random.below(PREFIXES.len())];
        let chosen = self.random.below(18);
        let forwarding = match chosen {
            0 => None,
            1 => Some(Forwarding::discard(Discard::Blackhole)),
            _ => {
                let hops = (0..4).filter(|number| (chosen - 2) & (1 << number) != 0);
                let hops: Vec<_> = hops.map(|number| next_hop(HOPS[family(text)][number].0)).collect();
                (!hops.is_empty()).then(|| Forwarding::via(hops))
            }
        };
        self.story.push(format!("want {text} {forwarding:?}"));
        let changes = vec![ForwardingChange { prefix: prefix(text), forwarding }];
        self.fib.want(&changes);
        self.daemon.want(changes);
    }

    fn set_down(&mut self) {
        let link = LINKS[self.random.below(2)];
        self.run(&format!("link set {} down", link.name));
        let interface = interface(&self.model, link.name);
        self.model.set_down(interface);
    }

    fn bring_up(&mut self, number: usize) {
        let link = LINKS[number];
        self.run(&format!("link set {} up", link.name));
        self.run(&format!("addr replace {} dev {}", link.addresses[0], link.name));
        self.run(&format!("addr replace {} dev {} nodad", link.addresses[1], link.name));
        bring_up(&mut self.model, number);
    }

    /// A link loses an address.
    fn turn_address(&mut self) {
        let (link, family) = (LINKS[self.random.below(2)], self.random.below(2));
        self.run(&format!("addr del {} dev {}", link.addresses[family], link.name));
        let interface = interface(&self.model, link.name);
        let (address, _) = link.addresses[family].split_once('/').expect("with a length");
        self.model.remove_address(interface, address.parse().expect("an address"));
    }

    /// Others come and go at our prefixes.
    fn foreign(&mut self) {
        let text = PREFIXES[self.random.below(PREFIXES.len())];
        let family = family(text);
        let (hop, link) = HOPS[family][self.random.below(4)];
        let metric: u32 = [7, 2000][self.random.below(2)];
        let (flag, prefix) = (["-4", "-6"][family], prefix(text));
        if self.random.below(2) == 0 {
            self.run(&format!("{flag} route del {text} proto 4 metric {metric}"));
            self.model.remove_route(254, prefix, 4, Some(metric));
            return;
        }
        let dev = LINKS[link].name;
        self.run(&format!("{flag} route add {text} via {hop} dev {dev} proto 4 metric {metric}"));
        let interface = interface(&self.model, dev);
        let gateway = Some(hop.parse().expect("an address"));
        let hop = KernelHop { gateway, interface, onlink: false, weight: 1 };
        let shape = RouteShape {
            protocol: 4,
            kind: RouteKind::UNICAST,
            metric,
            target: RouteTarget::Hops(vec![hop]),
            source: None,
            decorated: false,
        };
        let is_there = self.model.routes(254, prefix).iter().any(|(held, _)| held.metric == shape.metric);
        if !is_there {
            // What the kernel refuses, the model has to refuse, too: the tables are compared.
            self.model.add_route(254, prefix, shape).unwrap_or_default();
        }
    }

    /// Others remove a route of ours.
    fn remove_ours(&mut self) {
        let text = PREFIXES[self.random.below(PREFIXES.len())];
        self.run(&format!("{} route del {text} proto 186", ["-4", "-6"][family(text)]));
        self.model.remove_route(254, prefix(text), 186, None);
    }

    /// Others remove all routes of ours, or all objects.
    fn flush(&mut self) {
        if self.random.below(2) == 0 {
            self.run("-4 route flush proto 186");
            self.run("-6 route flush proto 186");
            self.model.flush_routes(186);
        } else {
            self.run("nexthop flush proto 186");
            for number in self.model.objects(186) {
                self.model.remove_object(number);
            }
        }
    }

    fn run(&mut self, words: &str) {
        self.story.push(words.to_owned());
        // Where the kernel refuses it, so does the model.
        drop(run_ip(words));
    }

    /// Lets both come to rest, and compares them. The kernel takes its time for some events.
    fn settle(&mut self) {
        self.settle_model();
        let modelled = [self.modelled(4), self.modelled(186)];
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.daemon.catch_up();
            let held = [routes("proto 4"), routes("proto 186")].map(sorted);
            let objects = [ip("nexthop show proto 186").lines().count(), self.model.objects(186).len()];
            if held == modelled && objects[0] == objects[1] {
                return;
            }
            let story = || format!("seed {}, objects {objects:?}: {:#?}", self.seed, self.story);
            assert!(Instant::now() < deadline, "held {held:#?}, in the model {modelled:#?}; {}", story());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn settle_model(&mut self) {
        loop {
            self.exchange.settle(&mut self.fib, &mut self.model, self.now, &mut ());
            let soon = self.now + Duration::from_secs(1);
            match self.fib.next_timeout().filter(|at| *at <= soon) {
                Some(at) => self.now = self.now.max(at),
                None => return,
            }
        }
    }

    /// The routes of a protocol number in the model, in the words of [`routes`].
    fn modelled(&self, protocol: u8) -> Vec<String> {
        let mut lines = Vec::new();
        for text in PREFIXES {
            for (shape, used) in self.model.routes(254, prefix(text)) {
                if shape.protocol != protocol {
                    continue;
                }
                let shown = text.strip_suffix("/32").filter(|shown| shown.contains('.')).unwrap_or(text);
                let mut words = vec![shown.strip_suffix("/128").unwrap_or(shown).to_owned()];
                words.extend((shape.kind == RouteKind::BLACKHOLE).then(|| "blackhole".to_owned()));
                let gateways = match &shape.target {
                    RouteTarget::Hops(hops) => hops.iter().filter_map(|hop| hop.gateway).collect(),
                    RouteTarget::Object(_) => used.iter().filter_map(|(gateway, _)| *gateway).collect(),
                };
                let mut gateways: Vec<std::net::IpAddr> = gateways;
                gateways.sort_by_key(ToString::to_string);
                words.extend(gateways.iter().map(|gateway| format!("via {gateway}")));
                words.push(format!("metric {}", shape.metric));
                lines.push(words.join(" "));
            }
        }
        sorted(lines)
    }
}

/// Has a link as it was in the beginning.
fn bring_up(model: &mut KernelModel, number: usize) {
    let link = LINKS[number];
    let interface = model.interface(link.name).unwrap_or_else(|| model.add_link(link.name));
    model.set_up(interface);
    for address in link.addresses {
        let (address, length) = address.split_once('/').expect("with a length");
        let length = length.parse().expect("a length");
        model.add_address(interface, address.parse().expect("an address"), length);
    }
}

fn interface(model: &KernelModel, name: &str) -> u32 {
    model.interface(name).expect("links stay")
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}
