//! A Rib with its peers and readers, and a clock that measures its steps.

use std::fmt;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bgp_codec::{
    AsPathBuf, AsWidth, Asn, BgpIdentifier, Community, Family, Ipv4Prefix, NextHop, Nlri, Origin,
    PathAttributes, PathAttributesBuilder, PathId, PeerKind, Update,
};
use margay_filter::{Action, AnyCommunity, Condition, Edit, Filter, FilterChain, Rule};
use margay_rib::{
    AsPathRules, DecisionRules, DeniedDirections, Departure, ForwardingOptions, NextHopMode, OwnNextHops,
    PathLimits, PathsSent, PeerIndex, PeerOptions, PeerRules, Reflection, ReflectorOptions, Rib, RibOptions,
    SessionTerms, Way, WayChange,
};
use rustix::time::{ClockId, clock_gettime};

/// The readers of the Rib.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Readers {
    /// A peer that is sent the best path.
    Plain,
    /// The same, and a forwarding table with up to 16 next hops for a prefix.
    Forwarding,
    /// A peer that is sent several paths.
    AddPath(PathsSent),
}

/// Number of attribute sets of the paths to one prefix.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Sets {
    /// Seven.
    Few,
    /// Each path has its own.
    OneEach,
}

pub(crate) struct Scene {
    rib: Rib,
    nodes: Vec<PeerIndex>,
    reader: PeerIndex,
    sets: Sets,
    clock: Clock,
}

/// Durations of steps since the last phase.
#[derive(Default)]
struct Clock {
    total: Duration,
    longest: Duration,
    of_longest: &'static str,
}

/// As in the speaker.
const STEPS: usize = 4096;

/// Routes in an UPDATE.
const ROUTES_OF_UPDATE: u32 = 500;

/// Prefixes that all peers announce.
const SHARED: u32 = 100;

impl Scene {
    /// One peer that announces paths, and a reader.
    pub(crate) fn with_one_feed(sets: Sets, readers: Readers) -> Self {
        let forwarding = (readers == Readers::Forwarding)
            .then_some(ForwardingOptions { multipath: 16, normal_metric: 1024 });
        let mut reader = peer(0);
        if let Readers::AddPath(sent) = readers {
            reader.session.path_ids_sent = vec![Family::IPV4_UNICAST];
            reader.rules.paths_sent = sent;
        }
        Self::new(1, reader, forwarding, sets)
    }

    /// Peers that announce the same prefixes, and a reader.
    pub(crate) fn with_nodes(nodes: u32) -> Self {
        Self::new(nodes, peer(0), None, Sets::Few)
    }

    fn new(nodes: u32, reader: PeerOptions, forwarding: Option<ForwardingOptions>, sets: Sets) -> Self {
        let identifier = BgpIdentifier::new(1).unwrap();
        let reflector = ReflectorOptions::new(identifier);
        let options = RibOptions {
            asn: ASN,
            confederation: None,
            identifier,
            reflector,
            forwarding,
            decision: DecisionRules::default(),
            hash_seed: 1,
        };
        let mut rib = Rib::new(options);
        let nodes = (1..=nodes).map(|number| rib.peer_up(peer(number), None)).collect();
        let reader = rib.peer_up(reader, None);
        let mut scene = Self { rib, nodes, reader, sets, clock: Clock::default() };
        scene.change_next_hop_costs(0);
        scene.clock = Clock::default();
        scene
    }

    /// The first peer announces paths to one prefix.
    pub(crate) fn announce(&mut self, paths: u32) {
        for ids in parts(paths) {
            let updates: Vec<Update> = match self.sets {
                Sets::Few => vec![announcement(ids.start / ROUTES_OF_UPDATE % 7, ids)],
                Sets::OneEach => ids.map(|id| announcement(id, id..id + 1)).collect(),
            };
            let node = self.nodes[0];
            self.step("update", |rib| updates.into_iter().for_each(|update| rib.apply_update(node, update)));
            self.turn();
        }
        self.settle();
    }

    /// The first peer withdraws paths.
    pub(crate) fn withdraw(&mut self, paths: u32) {
        for ids in parts(paths) {
            let (update, node) = (Update::withdrawing(true, ids.map(path)), self.nodes[0]);
            self.step("update", |rib| rib.apply_update(node, update));
            self.turn();
        }
        self.settle();
    }

    /// Changes the cost of all next hops.
    pub(crate) fn change_next_hop_costs(&mut self, cost: u32) {
        self.set_way(Some(Way::Through { cost }));
    }

    /// Makes all next hops unreachable.
    pub(crate) fn lose_next_hops(&mut self) {
        self.set_way(None);
    }

    fn set_way(&mut self, way: Option<Way>) {
        let prefix = "10.128.0.0/9".parse().unwrap();
        self.step("ways", |rib| rib.set_ways(&[WayChange { prefix, way }]));
        self.settle();
    }

    /// Makes the filters of the first peer add a community.
    pub(crate) fn import_by_other_filters(&mut self) {
        let edits = vec![Edit::AddCommunities(vec![AnyCommunity::Standard(Community(7))])];
        let rule = Rule::new(Condition::always(), Action::Accept).with_edits(edits);
        let import = FilterChain::new([Filter::new("other", [rule])]);
        let rules = PeerRules { import, ..peer(1).rules };
        let (node, identifier) = (self.nodes[0], BgpIdentifier::new(1).unwrap());
        self.step("reconfigure", |rib| {
            rib.reconfigure(ReflectorOptions::new(identifier).into(), [(node, rules)])
        });
        self.settle();
    }

    pub(crate) fn lose_feed(&mut self) {
        let node = self.nodes[0];
        self.step("down", |rib| rib.peer_down(node, Departure::Final));
        self.settle();
    }

    /// All peers announce the prefixes that they have in common.
    pub(crate) fn announce_shared(&mut self) {
        for node in self.nodes.clone() {
            let routes = (0..SHARED)
                .map(|number| Nlri::new(Ipv4Prefix::truncating((0x1000_0000 + (number << 8)).into(), 24)));
            let update = Update::advertising(attributes(100), next_hop(0), false, routes);
            self.step("update", |rib| rib.apply_update(node, update));
            self.turn();
        }
        self.settle();
    }

    pub(crate) fn lose_nodes(&mut self) {
        for node in self.nodes.clone() {
            self.step("down", |rib| rib.peer_down(node, Departure::Final));
            self.turn();
        }
        self.settle();
    }

    pub(crate) fn paths(&self) -> usize {
        self.rib.view().counts().paths
    }

    /// Durations of the steps since the last phase, as a column.
    pub(crate) fn take_phase(&mut self, name: &str) -> String {
        let Clock { total, longest, of_longest } = std::mem::take(&mut self.clock);
        let milliseconds = |time: Duration| time.as_secs_f64() * 1000.0;
        format!(" | {name} {:.0}, {:.1} {of_longest}", milliseconds(total), milliseconds(longest))
    }

    /// Runs until no work is left.
    fn settle(&mut self) {
        while self.turn() {}
    }

    /// Does a part of all pending work. Returns whether there is more.
    fn turn(&mut self) -> bool {
        let mut more = self.step("work", |rib| rib.work(STEPS));
        let reader = self.reader;
        more |= self.step("export", |rib| rib.poll_export(reader, &mut Vec::new()));
        more |= self.step("forwarding", |rib| !rib.poll_forwarding(STEPS).is_empty());
        more
    }

    fn step<T>(&mut self, name: &'static str, step: impl FnOnce(&mut Rib) -> T) -> T {
        let began = processor_time();
        let result = step(&mut self.rib);
        let took = processor_time().saturating_sub(began);
        self.clock.total += took;
        if took > self.clock.longest {
            (self.clock.longest, self.clock.of_longest) = (took, name);
        }
        result
    }
}

impl fmt::Display for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&match self {
            Self::Plain => "best path".to_owned(),
            Self::Forwarding => "forwarding".to_owned(),
            Self::AddPath(PathsSent::All) => "all paths".to_owned(),
            Self::AddPath(PathsSent::Best(most)) => format!("best {most}"),
        })
    }
}

impl fmt::Display for Sets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Few => "seven sets",
            Self::OneEach => "a set each",
        })
    }
}

fn parts(paths: u32) -> impl Iterator<Item = Range<u32>> {
    (0..paths)
        .step_by(ROUTES_OF_UPDATE as usize)
        .map(move |first| first..(first + ROUTES_OF_UPDATE).min(paths))
}

/// Paths with the same attributes, over a next hop of that number.
fn announcement(set: u32, ids: Range<u32>) -> Update {
    Update::advertising(attributes(set), next_hop(set), true, ids.map(path))
}

fn attributes(set: u32) -> PathAttributes {
    let mut builder = PathAttributesBuilder::new(Origin::Igp);
    builder.as_path = AsPathBuf::from_sequence([Asn(65001)]);
    builder.local_pref = Some(100);
    // All paths tie up to the tie-breaks, so that none can be left out early.
    builder.communities = vec![Community(set)];
    builder.build()
}

fn next_hop(number: u32) -> NextHop {
    NextHop::Ipv4((0x0a80_0001 + number).into())
}

fn path(id: u32) -> Nlri<Ipv4Prefix> {
    Nlri { path_id: Some(PathId(id)), prefix: Ipv4Prefix::truncating([10, 65, 1, 0].into(), 24) }
}

/// A client of this reflector.
fn peer(number: u32) -> PeerOptions {
    let identifier = BgpIdentifier::new(100 + number).unwrap();
    PeerOptions {
        session: SessionTerms {
            kind: PeerKind::Ibgp,
            asn: ASN,
            role: None,
            identifier,
            address: IpAddr::V4((0x0a00_0000 + number).into()),
            number: number.into(),
            link: None,
            families: vec![Family::IPV4_UNICAST],
            path_ids_sent: Vec::new(),
            as_width: AsWidth::Four,
            max_message_octets: 4096,
            ipv6_next_hops: false,
            enhanced_refresh: false,
            long_lived: false,
        },
        rules: PeerRules {
            name: Arc::from(format!("peer {number}")),
            group: None,
            import: FilterChain::accept_all(),
            export: FilterChain::accept_all(),
            denied: DeniedDirections::default(),
            limits: PathLimits::default(),
            next_hop: NextHopMode::Auto,
            reflection: Reflection::Client(BgpIdentifier::new(1).unwrap().into()),
            paths_sent: PathsSent::All,
            default_originate: false,
            as_path: AsPathRules::default(),
            is_draining: false,
        },
        own: OwnNextHops {
            ipv4: Some(NextHop::Ipv4([10, 0, 0, 100].into())),
            ipv6: None,
            shared_subnet: None,
        },
    }
}

/// Processor time of this thread.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
}

const ASN: Asn = Asn(64512);
