//! Random histories against a model of the kernel: after any events, its table holds what is wanted as far as
//! possible, and equals the result of requesting everything at once.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use bgp_codec::{NextHop, Prefix};
use margay_fib::{Fib, FibOptions, FibStatus, KernelHop, ObjectContent, RouteKind, RouteShape, RouteTarget};
use margay_forwarding::{Discard, Forwarding, ForwardingChange, NextHopLoss, Target};
use margay_kernel_model::{Exchange, KernelModel, Mishaps, UsedHops};
use margay_timestamp::Timestamp;
use proptest::prelude::*;

proptest! {
    #![proptest_config(histories())]

    #[test]
    fn any_history_ends_with_the_kernel_as_wanted(setting in settings(), events in events()) {
        History::new(setting).play(&events);
    }
}

/// 5,000 histories, or as many as `PROPTEST_CASES` says if these are more.
fn histories() -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig { cases: default.cases.max(5000), failure_persistence: None, ..default }
}

/// The message that the link went down is handled after the objects over it have been created: the mirror
/// believes them gone, while the kernel accepts a route over one of them.
#[test]
fn the_removal_of_an_object_that_was_believed_gone_removes_its_routes() {
    let setting = Setting { nexthop_objects: true, silent_ipv6: false, tables: 1, sweeps_at_once: false };
    History::new(setting).play(&[
        Event::Down { link: 1 },
        Event::Want { prefix: 0, hops: 0b1111, metric: false },
        Event::Up { link: 1 },
        Event::Ask,
        Event::Want { prefix: 0, hops: 0b0100, metric: false },
        Event::Ask,
        Event::RemoveObject { number: 2 },
    ]);
}

/// Properties of a kernel and a configuration.
#[derive(Clone, Copy, Debug)]
struct Setting {
    nexthop_objects: bool,
    silent_ipv6: bool,
    tables: usize,
    /// The restart window is over before the first event, and not after the last.
    sweeps_at_once: bool,
}

fn settings() -> impl Strategy<Value = Setting> {
    let setting = (any::<bool>(), any::<bool>(), 1..=2usize, any::<bool>());
    setting.prop_map(|(nexthop_objects, silent_ipv6, tables, sweeps_at_once)| Setting {
        nexthop_objects,
        silent_ipv6,
        tables,
        sweeps_at_once,
    })
}

#[derive(Clone, Debug)]
enum Event {
    Want {
        prefix: usize,
        hops: u8,
        metric: bool,
    },
    Discard {
        prefix: usize,
    },
    Unwant {
        prefix: usize,
    },
    Lost {
        hop: usize,
        lost: bool,
    },
    Down {
        link: usize,
    },
    Up {
        link: usize,
    },
    /// Both links go down and come back.
    Bounce {
        order: usize,
    },
    Carrier {
        link: usize,
        carrier: bool,
    },
    Delete {
        link: usize,
    },
    Address {
        link: usize,
        family: usize,
        there: bool,
    },
    Refuse {
        hop: usize,
        refused: bool,
    },
    Foreign {
        prefix: usize,
        hop: usize,
        metric: u32,
    },
    ForeignGone {
        prefix: usize,
    },
    /// Other programs remove or change what is ours.
    Remove {
        prefix: usize,
    },
    Replace {
        prefix: usize,
        hop: usize,
    },
    FlushRoutes,
    RemoveObject {
        number: usize,
    },
    FlushObjects,
    /// Another program takes a number that the daemon would use next.
    TakeNumber {
        number: u32,
    },
    Deliver,
    Ask,
    Settle,
    Pass {
        milliseconds: u64,
    },
    LoseNotices,
    LoseAnswers,
    InterruptDumps,
    /// The daemon ends, and another one starts above what is in the kernel.
    Restart,
    /// The following events happen during the next requests.
    Meanwhile,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let (prefix, hop, link) = (0..PREFIXES.len(), 0..HOPS.len(), 0..LINKS.len());
    let wishes = prop_oneof![
        4 => (prefix.clone(), 1..16u8, any::<bool>())
            .prop_map(|(prefix, hops, metric)| Event::Want { prefix, hops, metric }),
        1 => prefix.clone().prop_map(|prefix| Event::Discard { prefix }),
        1 => prefix.clone().prop_map(|prefix| Event::Unwant { prefix }),
        1 => (hop.clone(), any::<bool>()).prop_map(|(hop, lost)| Event::Lost { hop, lost }),
    ];
    let links = prop_oneof![
        3 => link.clone().prop_map(|link| Event::Down { link }),
        3 => link.clone().prop_map(|link| Event::Up { link }),
        2 => (0..BOUNCES.len()).prop_map(|order| Event::Bounce { order }),
        2 => (link.clone(), any::<bool>()).prop_map(|(link, carrier)| Event::Carrier { link, carrier }),
        1 => link.clone().prop_map(|link| Event::Delete { link }),
        3 => (link, 0..2usize, any::<bool>())
            .prop_map(|(link, family, there)| Event::Address { link, family, there }),
        2 => (hop.clone(), any::<bool>()).prop_map(|(hop, refused)| Event::Refuse { hop, refused }),
    ];
    let others = prop_oneof![
        2 => (prefix.clone(), hop.clone(), prop::sample::select(vec![7, 50, 1024, 2000]))
            .prop_map(|(prefix, hop, metric)| Event::Foreign { prefix, hop, metric }),
        2 => prefix.clone().prop_map(|prefix| Event::ForeignGone { prefix }),
        2 => prefix.clone().prop_map(|prefix| Event::Remove { prefix }),
        2 => (prefix, hop).prop_map(|(prefix, hop)| Event::Replace { prefix, hop }),
        1 => Just(Event::FlushRoutes),
        3 => (0..8usize).prop_map(|number| Event::RemoveObject { number }),
        1 => Just(Event::FlushObjects),
        1 => (0..6u32).prop_map(|number| Event::TakeNumber { number }),
    ];
    let course = prop_oneof![
        3 => Just(Event::Deliver),
        4 => Just(Event::Ask),
        4 => Just(Event::Settle),
        2 => (1..3000u64).prop_map(|milliseconds| Event::Pass { milliseconds }),
        1 => Just(Event::LoseNotices),
        1 => Just(Event::LoseAnswers),
        1 => Just(Event::InterruptDumps),
        1 => Just(Event::Restart),
        2 => Just(Event::Meanwhile),
    ];
    prop::collection::vec(prop_oneof![3 => wishes, 3 => links, 2 => others, 3 => course], 1..40)
}

/// The prefixes of each family. The last one is the host route of a node that is a next hop.
const PREFIXES: [&str; 8] = [
    "10.9.0.0/16",
    "10.10.0.0/16",
    "10.11.1.0/24",
    "10.0.0.2/32",
    "fd09::/32",
    "fd0a::/32",
    "fd0b:1::/64",
    "fd00::2/128",
];

/// The next hops of each family, and the link of each.
const HOPS: [(&str, usize); 8] = [
    ("10.0.0.2", 0),
    ("10.0.0.3", 0),
    ("10.0.1.2", 1),
    ("10.0.1.3", 1),
    ("fd00::2", 0),
    ("fd00::3", 0),
    ("fd00:1::2", 1),
    ("fd00:1::3", 1),
];

/// The links with their addresses.
const LINKS: [(&str, [(&str, u8); 2]); 2] =
    [("one", [("10.0.0.1", 24), ("fd00::1", 64)]), ("two", [("10.0.1.1", 24), ("fd00:1::1", 64)])];

/// The orders in which both links go down and come back, if neither comes back first.
const BOUNCES: [[(usize, bool); 4]; 4] = [
    [(0, false), (1, false), (0, true), (1, true)],
    [(0, false), (1, false), (1, true), (0, true)],
    [(1, false), (0, false), (0, true), (1, true)],
    [(1, false), (0, false), (1, true), (0, true)],
];

const TABLES: [u32; 2] = [254, 1000];

struct History {
    setting: Setting,
    kernel: KernelModel,
    fib: Fib,
    exchange: Exchange,
    now: Timestamp,
    wishes: BTreeMap<Prefix, Forwarding>,
    lost: BTreeSet<NextHop>,
    course: Course,
}

/// Mishaps during the next requests.
#[derive(Default)]
struct Course {
    loses_answers: bool,
    interrupts_dump: bool,
    /// Events before the next request.
    meanwhile: Vec<Event>,
}

impl Mishaps for Course {
    fn loses_answers(&mut self) -> bool {
        std::mem::take(&mut self.loses_answers)
    }

    fn interrupts_dump(&mut self) -> bool {
        std::mem::take(&mut self.interrupts_dump)
    }

    fn before_asking(&mut self, kernel: &mut KernelModel) {
        self.meanwhile.drain(..).for_each(|event| happen(kernel, &event));
    }
}

impl History {
    fn new(setting: Setting) -> Self {
        let mut kernel = KernelModel::new();
        kernel.set_silent_ipv6(setting.silent_ipv6);
        for link in 0..LINKS.len() {
            bring_up(&mut kernel, link);
        }
        Self {
            setting,
            kernel,
            fib: new_fib(setting),
            exchange: Exchange::default(),
            now: Timestamp::START,
            wishes: BTreeMap::new(),
            lost: BTreeSet::new(),
            course: Course::default(),
        }
    }

    fn play(mut self, events: &[Event]) {
        self.settle();
        let mut meanwhile = false;
        for event in events {
            let is_kernels = !self.handle(event);
            if is_kernels && std::mem::take(&mut meanwhile) {
                self.course.meanwhile.push(event.clone());
            } else if is_kernels {
                happen(&mut self.kernel, event);
            }
            meanwhile |= matches!(event, Event::Meanwhile);
            self.check_counts();
        }
        self.fib.sweep();
        self.end_losses();
        self.wait();
        // Events that were to happen during requests, if there were none.
        self.course.before_asking(&mut self.kernel);
        self.wait();
        self.check(false);
        for hop in 0..HOPS.len() {
            self.kernel.set_refused(address(hop), false);
        }
        for link in 0..LINKS.len() {
            bring_up(&mut self.kernel, link);
        }
        // The owner of a contested prefix depends on the order of events.
        self.kernel.flush_routes(4);
        self.wait();
        self.check(true);
        self.check_against_scratch();
        self.check_empty();
    }

    /// Handles an event that does not concern the kernel. Returns `false` for all others.
    fn handle(&mut self, event: &Event) -> bool {
        match *event {
            Event::Want { prefix, hops, metric } => {
                let family = family(prefix);
                let chosen = (0..4).filter(|number| hops & 1 << number != 0);
                let via = Forwarding::via(chosen.map(|number| next_hop(family * 4 + number)));
                self.want(prefix, Some(Forwarding { metric: metric.then_some(50), ..via }));
            }
            Event::Discard { prefix } => self.want(prefix, Some(Forwarding::discard(Discard::Blackhole))),
            Event::Unwant { prefix } => self.want(prefix, None),
            Event::Lost { hop, lost } => {
                let next_hop = next_hop(hop);
                if lost {
                    self.lost.insert(next_hop);
                } else {
                    self.lost.remove(&next_hop);
                }
                self.fib.on_next_hop_losses(&[NextHopLoss { next_hop, lost }]);
            }
            Event::Deliver => Exchange::deliver(&mut self.fib, &mut self.kernel, self.now),
            Event::Ask => {
                let Self { exchange, fib, kernel, now, course, .. } = self;
                exchange.ask(fib, kernel, *now, course);
            }
            Event::Settle => self.settle(),
            Event::Pass { milliseconds } => {
                self.now = self.now + Duration::from_millis(milliseconds);
                self.fib.handle_timeout(self.now);
            }
            Event::LoseNotices => self.kernel.lose_notices(),
            Event::LoseAnswers => self.course.loses_answers = true,
            Event::InterruptDumps => self.course.interrupts_dump = true,
            Event::Restart => self.restart(),
            Event::Meanwhile => {}
            _ => return false,
        }
        true
    }

    /// Peers have not announced anything to the new daemon so far. Messages to the former one are lost with it.
    fn restart(&mut self) {
        drop(self.kernel.take_notices());
        self.fib = new_fib(self.setting);
        self.exchange = Exchange::default();
        self.wishes.clear();
        self.lost.clear();
        // As at any start, the kernel is read before anything is wanted.
        self.settle();
    }

    fn want(&mut self, number: usize, forwarding: Option<Forwarding>) {
        let prefix = prefix(number);
        match &forwarding {
            Some(forwarding) => self.wishes.insert(prefix, forwarding.clone()),
            None => self.wishes.remove(&prefix),
        };
        self.fib.want(&[ForwardingChange { prefix, forwarding }]);
    }

    fn settle(&mut self) {
        let Self { exchange, fib, kernel, now, course, .. } = self;
        exchange.settle(fib, kernel, *now, course);
    }

    /// Lets enough time pass for everything to be retried.
    fn wait(&mut self) {
        let end = self.now + Duration::from_secs(150);
        loop {
            self.settle();
            match self.fib.next_timeout().filter(|at| *at < end) {
                Some(at) => self.now = self.now.max(at),
                None => break,
            }
        }
        self.now = end;
        self.settle();
    }

    /// As the Rib does once every changed route has been read.
    fn end_losses(&mut self) {
        let lost = std::mem::take(&mut self.lost).into_iter();
        let losses: Vec<_> = lost.map(|next_hop| NextHopLoss { next_hop, lost: false }).collect();
        self.fib.on_next_hop_losses(&losses);
    }

    /// Whatever has happened, what is counted as it changes is what a look at every prefix finds.
    fn check_counts(&self) {
        let counts = |status: FibStatus| {
            let FibStatus { wanted, installed, pending, failed, stale, foreign, objects, .. } = status;
            (wanted, installed, pending, failed, stale, foreign, objects)
        };
        assert_eq!(counts(self.fib.view().status()), counts(self.fib.view().recount()));
    }

    /// Compares the kernel's tables with what is wanted. `exactly`: no next hop is refused.
    fn check(&self, exactly: bool) {
        for table in &TABLES[..self.setting.tables] {
            for number in 0..PREFIXES.len() {
                self.check_prefix(*table, prefix(number), exactly);
            }
        }
        self.check_counts();
        let status = self.fib.view().status();
        let wanted = self.wishes.len() * self.setting.tables;
        assert_eq!((status.wanted, status.pending), (wanted, 0), "{status:?}");
        assert_eq!(status.installed + status.failed, wanted, "{status:?}");
    }

    fn check_prefix(&self, table: u32, prefix: Prefix, exactly: bool) {
        let held = self.kernel.routes(table, prefix);
        let ours: Vec<_> = held.iter().filter(|(shape, _)| shape.protocol == 186).collect();
        let Some(wish) = self.wishes.get(&prefix) else {
            return assert!(ours.is_empty(), "{prefix}: unwanted {ours:?}");
        };
        let metric = wish.metric.unwrap_or(1024);
        if held.iter().any(|(shape, _)| shape.protocol != 186 && shape.metric == metric) {
            return assert!(ours.iter().all(|(shape, _)| shape.metric == metric), "{prefix}: {ours:?}");
        }
        match &wish.target {
            Target::Discard(_) => {
                let [(shape, _)] = ours.as_slice() else { panic!("{prefix}: one of {ours:?}") };
                assert_eq!((shape.kind, shape.metric), (RouteKind::BLACKHOLE, metric), "{prefix}");
            }
            Target::Via(hops) => {
                let hops: Vec<NextHop> = hops.iter().filter_map(|hop| hop.hop.gateway()).collect();
                let (least, most) = (self.alive(&hops, false), self.alive(&hops, true));
                match ours.as_slice() {
                    [] => assert!(least.is_empty(), "{table} {prefix}: no route, {least:?} wanted"),
                    [(shape, used)] => {
                        let fits = least.is_subset(used) && used.is_subset(&most) && !used.is_empty();
                        assert!(fits, "{table} {prefix}: {used:?} instead of {least:?} to {most:?}");
                        // If all next hops are refused, a former route over some of them stays, whatever its
                        // metric.
                        assert!(least.is_empty() || shape.metric == metric, "{prefix}: {shape:?}");
                        assert!(!exactly || *used == most, "{table} {prefix}: {used:?} instead of {most:?}");
                    }
                    several => panic!("{prefix}: {several:?}"),
                }
            }
        }
    }

    /// The next hops that packets can be sent to; refused ones count if `with_refused` is set.
    fn alive(&self, hops: &[NextHop], with_refused: bool) -> UsedHops {
        let numbers = (0..HOPS.len()).filter(|&number| hops.contains(&next_hop(number)));
        let alive = numbers.filter_map(|number| {
            let (name, addresses) = LINKS[HOPS[number].1];
            let interface = self.kernel.interface(name)?;
            let own = addresses[usize::from(address(number).is_ipv6())].0;
            let is_alive = self.kernel.is_usable(interface)
                && self.kernel.has_address(own.parse().expect("an address or prefix"))
                && (with_refused || !self.kernel.is_refused(address(number)));
            is_alive.then_some((Some(address(number)), interface))
        });
        alive.collect()
    }

    /// Another daemon that requests the same from a kernel without our routes has the same result.
    fn check_against_scratch(&self) {
        let mut kernel = self.kernel.clone();
        kernel.flush_routes(186);
        for number in kernel.objects(186) {
            kernel.remove_object(number);
        }
        let mut fib = Fib::new(options(self.setting));
        fib.sweep();
        let wish = |(&prefix, forwarding): (&Prefix, &Forwarding)| ForwardingChange {
            prefix,
            forwarding: Some(forwarding.clone()),
        };
        fib.want(&self.wishes.iter().map(wish).collect::<Vec<_>>());
        let mut scratch = Self {
            setting: self.setting,
            kernel,
            fib,
            exchange: Exchange::default(),
            now: Timestamp::START,
            wishes: self.wishes.clone(),
            lost: BTreeSet::new(),
            course: Course::default(),
        };
        scratch.wait();
        scratch.check(true);
        let seen = |history: &Self| {
            let tables = TABLES[..history.setting.tables].iter();
            let prefixes =
                tables.flat_map(|&table| (0..PREFIXES.len()).map(move |number| (table, prefix(number))));
            let by_object = |shape: &RouteShape| matches!(shape.target, RouteTarget::Object(_));
            prefixes
                .flat_map(|(table, prefix)| history.kernel.routes(table, prefix))
                .filter(|(shape, _)| shape.protocol == 186)
                .map(|(shape, used)| (shape.metric, by_object(&shape), used))
                .collect::<Vec<_>>()
        };
        assert_eq!(seen(self), seen(&scratch), "as from scratch");
        assert_eq!(self.kernel.objects(186).len(), scratch.kernel.objects(186).len(), "objects");
        let counts = |fib: &Fib| {
            let status = fib.view().status();
            (status.wanted, status.installed, status.failed, status.stale, status.foreign, status.objects)
        };
        assert_eq!(counts(&self.fib), counts(&scratch.fib));
    }

    /// When nothing is wanted any more, nothing of ours remains.
    fn check_empty(mut self) {
        let changes: Vec<ForwardingChange> =
            self.wishes.keys().map(|&prefix| ForwardingChange { prefix, forwarding: None }).collect();
        self.wishes.clear();
        self.fib.want(&changes);
        self.wait();
        self.check(true);
        assert_eq!(self.kernel.objects(186), Vec::<u32>::new(), "objects remain");
    }
}

/// Changes that other programs make to the kernel.
fn happen(kernel: &mut KernelModel, event: &Event) {
    let interface = |kernel: &KernelModel, link: usize| kernel.interface(LINKS[link].0).unwrap_or(u32::MAX);
    match *event {
        Event::Down { link } => kernel.set_down(interface(kernel, link)),
        Event::Up { link } => kernel.set_up(interface(kernel, link)),
        Event::Bounce { order } => {
            for (link, is_up) in BOUNCES[order] {
                let interface = interface(kernel, link);
                if is_up { kernel.set_up(interface) } else { kernel.set_down(interface) }
            }
        }
        Event::Carrier { link, carrier } => kernel.set_carrier(interface(kernel, link), carrier),
        Event::Delete { link } => kernel.delete_link(interface(kernel, link)),
        Event::Address { link, family, there } => {
            let (address, length) = LINKS[link].1[family];
            let (interface, address) =
                (interface(kernel, link), address.parse().expect("an address or prefix"));
            if there {
                kernel.add_address(interface, address, length);
            } else {
                kernel.remove_address(interface, address);
            }
        }
        Event::Refuse { hop, refused } => kernel.set_refused(address(hop), refused),
        Event::Foreign { prefix: number, hop, metric } if !is_host_route(number) => {
            // A request that the kernel refuses has no effect.
            let shape = shape(kernel, number, hop, (4, metric));
            kernel.add_route(254, prefix(number), shape).unwrap_or_default();
        }
        Event::ForeignGone { prefix: number } => {
            kernel.remove_route(254, prefix(number), 4, None);
        }
        Event::Remove { prefix: number } => {
            kernel.remove_route(254, prefix(number), 186, None);
        }
        Event::Replace { prefix: number, hop } if !is_host_route(number) => {
            // Own routes only: foreign ones stay.
            let held = kernel.routes(254, prefix(number));
            if held.iter().all(|(shape, _)| shape.protocol == 186) {
                let shape = shape(kernel, number, hop, (186, 1024));
                kernel.replace_route(254, prefix(number), shape).unwrap_or_default();
            }
        }
        Event::FlushRoutes => kernel.flush_routes(186),
        Event::RemoveObject { number } => {
            let numbers = kernel.objects(186);
            if let Some(&number) = numbers.get(number) {
                kernel.remove_object(number);
            }
        }
        Event::FlushObjects => {
            for number in kernel.objects(186) {
                kernel.remove_object(number);
            }
        }
        Event::TakeNumber { number } => {
            let gateway = address(0);
            let interface = interface(kernel, 0);
            let number = 0x6d61_0000 + number;
            if !kernel.objects(186).contains(&number) {
                let content = ObjectContent::Hop { gateway, interface, onlink: true };
                kernel.put_object(number, 12, content).unwrap_or_default();
            }
        }
        _ => {}
    }
}

/// Restores the initial state of a link.
fn bring_up(kernel: &mut KernelModel, link: usize) {
    let (name, addresses) = LINKS[link];
    let interface = kernel.interface(name).unwrap_or_else(|| kernel.add_link(name));
    kernel.set_up(interface);
    kernel.set_carrier(interface, true);
    for (address, length) in addresses {
        kernel.add_address(interface, address.parse().expect("an address or prefix"), length);
    }
}

fn new_fib(setting: Setting) -> Fib {
    let mut fib = Fib::new(options(setting));
    if setting.sweeps_at_once {
        fib.sweep();
    }
    fib
}

fn options(setting: Setting) -> FibOptions {
    FibOptions {
        tables: TABLES[..setting.tables].to_vec(),
        protocol: 186,
        metric: 1024,
        sources: [None, None],
        onlink: Vec::new(),
        imports: Vec::new(),
        nexthop_objects: setting.nexthop_objects,
        resolve_via_default: false,
    }
}

fn shape(kernel: &KernelModel, number: usize, hop: usize, (protocol, metric): (u8, u32)) -> RouteShape {
    let hop = family(number) * 4 + hop % 4;
    let interface = kernel.interface(LINKS[HOPS[hop].1].0).unwrap_or(u32::MAX);
    let hop = KernelHop { gateway: Some(address(hop)), interface, onlink: false, weight: 1 };
    RouteShape {
        protocol,
        kind: RouteKind::UNICAST,
        metric,
        target: RouteTarget::Hops(vec![hop]),
        source: None,
        decorated: false,
    }
}

fn prefix(number: usize) -> Prefix {
    PREFIXES[number].parse().expect("an address or prefix")
}

fn family(prefix: usize) -> usize {
    prefix / 4
}

fn is_host_route(prefix: usize) -> bool {
    prefix % 4 == 3
}

fn address(hop: usize) -> IpAddr {
    HOPS[hop].0.parse().expect("an address or prefix")
}

fn next_hop(hop: usize) -> NextHop {
    match address(hop) {
        IpAddr::V4(address) => NextHop::Ipv4(address),
        IpAddr::V6(address) => NextHop::Ipv6(address),
    }
}
