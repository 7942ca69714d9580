//! A Rib compared with a naive one, and a receiver for each peer that uses nothing but the codec.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::Arc;

use bgp_codec::{
    Asn, ClusterId, DecodeContext, Family, IpPrefix, Ipv4Prefix, Ipv6Prefix, Message, NextHop, Nlri,
    NlriBlock, PathId, PeerKind, Prefix, Role, RouteRefresh, Update, UpdateEncoder, decode_message,
    frame_length,
};
use bytes::{Buf, BytesMut};
use margay_filter::{Action, FilterChain};
use margay_rib::{
    AggregateOptions, AsPathRules, Audit, ClientToClient, ConnectedRoute, DecisionRules, DeniedDirections,
    Departure, Discard, Forwarding, ForwardingOptions, Hop, ImportRefusal, NetworkOptions, NextHopMode,
    PagePosition, PathLimits, PathsSent, PayloadUpdate, PeerIndex, PeerOptions, PeerRules, PrivateAsns,
    Reflection, ReflectorOptions, Rib, RibOptions, RoutePurpose, RouteSelection, RouteStatus, RouteView,
    SpeakerRules, StaticRoute, StaticTarget, Target, Way, WayChange, WeightedHop,
};
use margay_rpki::{PayloadChange, RoutePayload};

use super::by_hand::poll_export;
use super::cast::{
    CLUSTERS, CONFEDERATION, LOCAL_ASN, PEERS, Variant, announces_path_ids, attributes, connected,
    context_of, filter, has_ipv6_next_hops, identifier, is_member, lengthened, likeness, next_hop, nlri,
    options, own_next_hops, payload, prefix, setting_by_prefix, setting_by_rpki, setting_by_source,
    through_the_wire,
};
use super::naive::{NORMAL_METRIC, NaiveRib, NaiveRoute, Routes};

const MULTIPATH: usize = 2;

/// An event of a history.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Up(usize),
    Down(usize),
    /// A peer restarts: it resumes when it is next up.
    Away(usize),
    Announce {
        peer: usize,
        prefixes: Vec<u8>,
        path_id: u8,
        attributes: Variant,
    },
    /// A peer that announces path ids announces many paths to one prefix, or withdraws them.
    Crowd {
        peer: usize,
        prefix: u8,
        paths: u8,
        /// `None` for withdrawals.
        attributes: Option<Variant>,
    },
    Withdraw {
        peer: usize,
        prefixes: Vec<u8>,
        path_id: u8,
    },
    Originate {
        prefix: u8,
        blackhole: bool,
    },
    StopOriginating {
        prefix: u8,
    },
    /// A static route is set or removed.
    Static {
        prefix: u8,
        route: Option<StaticKind>,
    },
    /// An aggregate is set or removed.
    Aggregate {
        prefix: u8,
        options: Option<AggregateKind>,
    },
    DefaultRoute(bool),
    Connected(u8),
    EndHoldBack,
    /// Payloads come that were not there, and those go that were.
    Payloads {
        has_data: bool,
        toggled: Vec<(u8, u8, u8)>,
    },
    /// New rules for peers, and for the reflector.
    Reconfigure {
        peers: Vec<usize>,
        rules: Rules,
        reflector: Reflector,
    },
    /// New own addresses towards some peers, by number.
    OwnNextHops {
        peers: Vec<usize>,
        own: u8,
    },
    Refresh(usize),
    /// A peer begins or ends a refresh of its own routes.
    Begin(usize),
    End(usize),
    /// A part of the Rib's pending work.
    Work(usize),
    /// A peer reads some of what waits for it, or all.
    Read {
        peer: usize,
        chunks: usize,
    },
    ReadForwarding(usize),
    /// All work is done and read, and the results are compared.
    Settle,
}

/// Rules of a peer that may change during its session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// The filters, by number.
    pub(crate) import: u8,
    pub(crate) export: u8,
    pub(crate) next_hop: NextHopMode,
    /// The cluster that the peer is a client of, by number.
    pub(crate) cluster: Option<u8>,
    pub(crate) paths: PathsSent,
    pub(crate) default_originate: bool,
    pub(crate) as_path: AsPathRules,
    pub(crate) limits: PathLimits,
    pub(crate) denied: DeniedDirections,
    pub(crate) draining: bool,
}

/// A static route.
#[derive(Clone, Debug)]
pub(crate) struct StaticKind {
    /// The numbers of its next hops; none discards packets.
    pub(crate) next_hops: BTreeSet<u8>,
    /// Whether the routes of peers are preferred.
    pub(crate) is_fallback: bool,
    pub(crate) is_installed: bool,
}

/// An aggregate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AggregateKind {
    /// The number of the filter on what contributes.
    pub(crate) contributors: u8,
    pub(crate) least: u32,
    pub(crate) holds: bool,
}

/// How routes are reflected.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reflector {
    pub(crate) other_clusters: bool,
    pub(crate) meshed: bool,
    /// How paths are compared.
    pub(crate) decision: DecisionRules,
}

/// A Rib, the naive one for comparison, and a receiver for each peer.
pub(crate) struct World {
    pub(crate) rib: Rib,
    pub(crate) naive: NaiveRib,
    pub(crate) sessions: BTreeMap<usize, Session>,
    /// The peers that restart.
    pub(crate) away: BTreeMap<usize, PeerIndex>,
    forwarding: BTreeMap<Prefix, Forwarding>,
    /// The next hops reported as lost.
    lost: BTreeSet<NextHop>,
    /// The most accepted paths that a peer may have in each family: its limit, or as many as it had when the limit was
    /// lowered.
    most_accepted: BTreeMap<usize, [usize; 2]>,
    /// The best routes, as the watch on all prefixes reports them.
    watched: BTreeMap<Prefix, String>,
    /// Number of sessions that came up: the role of a peer changes with each.
    ups: usize,
}

/// The roles of this speaker (RFC 9234).
const ROLES: [Role; 5] =
    [Role::PROVIDER, Role::ROUTE_SERVER, Role::ROUTE_SERVER_CLIENT, Role::CUSTOMER, Role::PEER];

/// The families of all routes here.
const FAMILIES: [Family; 2] = [Family::IPV4_UNICAST, Family::IPV6_UNICAST];

pub(crate) struct Session {
    pub(crate) index: PeerIndex,
    pub(crate) received: Routes,
    /// The families whose End-of-RIB has come.
    ended: Vec<Family>,
    /// The routes received before the first mark of a refresh and not since, until the second mark.
    stale: Option<BTreeSet<(Prefix, PathId)>>,
    octets: BytesMut,
    context: DecodeContext,
}

impl World {
    /// A speaker that forwards itself, or a pure control plane, which assumes all next hops reachable.
    pub(crate) fn new(forwards: bool) -> Self {
        Self::starting(forwards, false, false)
    }

    /// A speaker that may start with a hold-back of what peers announce, and may be a member of a confederation.
    pub(crate) fn starting(forwards: bool, holds_back: bool, is_member: bool) -> Self {
        let confederation = is_member.then_some(CONFEDERATION);
        let identifier = identifier(100);
        let forwarding =
            forwards.then_some(ForwardingOptions { multipath: MULTIPATH, normal_metric: NORMAL_METRIC });
        let naive = NaiveRib {
            asn: LOCAL_ASN,
            confederation,
            identifier,
            clusters: CLUSTERS.to_vec(),
            meshed: false,
            multipath: forwards.then_some(MULTIPATH),
            peers: BTreeMap::new(),
            originated: BTreeMap::new(),
            statics: BTreeMap::new(),
            aggregates: BTreeMap::new(),
            default_route: false,
            connected: Vec::new(),
            holds_back,
            decision: DecisionRules::default(),
            present_best: BTreeMap::new(),
            refreshing: BTreeMap::new(),
            over_limit: BTreeSet::new(),
            validation: Default::default(),
        };
        let reflector = ReflectorOptions { clusters: CLUSTERS.to_vec(), ..ReflectorOptions::new(identifier) };
        let mut rib = Rib::new(RibOptions {
            asn: LOCAL_ASN,
            confederation,
            identifier,
            reflector,
            forwarding,
            decision: DecisionRules::default(),
            hash_seed: 7,
        });
        if holds_back {
            rib.hold_back();
        }
        let mut world = Self {
            rib,
            naive,
            sessions: BTreeMap::new(),
            away: BTreeMap::new(),
            forwarding: BTreeMap::new(),
            lost: BTreeSet::new(),
            most_accepted: BTreeMap::new(),
            watched: BTreeMap::new(),
            ups: 0,
        };
        world.rib.watch(&["0.0.0.0/0", "::/0"].map(|all| all.parse().expect("a prefix")).into());
        world.happen(Event::Connected(0b111));
        world
    }

    pub(crate) fn happen(&mut self, event: Event) {
        match event {
            Event::Up(peer) => self.up(peer),
            Event::Down(peer) => self.down(peer),
            Event::Away(peer) => self.go_away(peer),
            Event::Announce { peer, prefixes, path_id, attributes } => {
                self.announce(peer, &prefixes, path_id, &attributes);
            }
            Event::Crowd { peer, prefix, paths, attributes } => {
                for path_id in 0..paths {
                    match &attributes {
                        // Every other one ties with the first up to the tie-breaks.
                        Some(variant) => {
                            let med = Some(path_id % 2);
                            self.announce(peer, &[prefix], path_id, &Variant { med, ..variant.clone() });
                        }
                        None => self.withdraw(peer, &[prefix], path_id),
                    }
                }
            }
            Event::Withdraw { peer, prefixes, path_id } => self.withdraw(peer, &prefixes, path_id),
            Event::Originate { prefix: number, blackhole } => {
                self.naive.originated.insert(prefix(number), blackhole);
                let hold = blackhole.then_some(Discard::Blackhole);
                self.rib.originate(prefix(number), NetworkOptions { hold, ..NetworkOptions::default() });
            }
            Event::StopOriginating { prefix: number } => {
                self.naive.originated.remove(&prefix(number));
                self.rib.stop_originating(prefix(number));
            }
            Event::Static { prefix: number, route } => {
                let route = route.map(|kind| kind.as_route(matches!(prefix(number), Prefix::Ipv6(_))));
                match route.clone() {
                    Some(route) => self.naive.statics.insert(prefix(number), route),
                    None => self.naive.statics.remove(&prefix(number)),
                };
                self.rib.set_static(prefix(number), route);
            }
            Event::Aggregate { prefix: number, options } => {
                let options = options.map(AggregateKind::as_options);
                match options.clone() {
                    Some(options) => self.naive.aggregates.insert(prefix(number), options),
                    None => self.naive.aggregates.remove(&prefix(number)),
                };
                self.rib.set_aggregate(prefix(number), options);
            }
            Event::DefaultRoute(is_originated) => {
                self.naive.default_route = is_originated;
                for family in [Family::IPV4_UNICAST, Family::IPV6_UNICAST] {
                    self.rib.set_default_route(family, is_originated);
                }
            }
            Event::Connected(subnets) => {
                self.naive.connected = connected(subnets);
                let (all, up) = (connected(u8::MAX), connected(subnets));
                let way = |subnet: &ConnectedRoute| up.contains(subnet).then_some(Way::Through { cost: 0 });
                let changes: Vec<WayChange> =
                    all.iter().map(|subnet| WayChange { prefix: subnet.prefix, way: way(subnet) }).collect();
                self.rib.set_ways(&changes);
            }
            Event::Payloads { has_data, toggled } => self.update_payloads(has_data, toggled),
            Event::EndHoldBack => {
                self.naive.holds_back = false;
                self.rib.end_hold_back();
            }
            Event::Reconfigure { peers, rules, reflector } => self.reconfigure(&peers, rules, reflector),
            Event::OwnNextHops { peers, own } => self.set_own_next_hops(&peers, own),
            Event::Refresh(peer) => {
                if let Some(session) = self.sessions.get(&peer) {
                    self.rib.refresh(session.index, Family::IPV4_UNICAST);
                }
            }
            Event::Begin(peer) => {
                if let Some(session) = self.sessions.get(&peer) {
                    self.rib.begin_refresh(session.index, Family::IPV4_UNICAST);
                    self.naive.begin_refresh(peer);
                }
            }
            Event::End(peer) => {
                if let Some(session) = self.sessions.get(&peer) {
                    for family in [Family::IPV4_UNICAST, Family::IPV6_UNICAST] {
                        self.rib.end_refresh(session.index, family);
                    }
                    self.naive.end_refresh(peer);
                }
            }
            Event::Work(entries) => {
                self.rib.work(entries);
            }
            Event::Read { peer, chunks } => {
                for _ in 0..chunks {
                    self.read(peer);
                }
            }
            Event::ReadForwarding(limit) => {
                self.read_forwarding(limit);
            }
            Event::Settle => self.settle(),
        }
    }

    /// Applies an event of a random history.
    pub(crate) fn happen_somewhere(&mut self, event: Event) {
        let event = self.aimed(event);
        self.happen(event);
    }

    /// The same event for a peer to which it can happen, if there is one: otherwise most events of a random
    /// history would hit peers that are down.
    pub(crate) fn aimed(&self, mut event: Event) -> Event {
        let up = || self.naive.peers.keys().copied();
        match &mut event {
            Event::Down(peer)
            | Event::Away(peer)
            | Event::Announce { peer, .. }
            | Event::Withdraw { peer, .. }
            | Event::Refresh(peer)
            | Event::Read { peer, .. } => *peer = nth(up(), *peer),
            Event::Crowd { peer, .. } => *peer = nth(up().filter(|&up| announces_path_ids(up)), *peer),
            Event::Begin(peer) => *peer = nth(up().filter(|up| !self.naive.peers[up].1.is_empty()), *peer),
            Event::End(peer) => *peer = nth(self.naive.refreshing.keys().copied(), *peer),
            _ => {}
        }
        event
    }

    fn reconfigure(&mut self, peers: &[usize], rules: Rules, reflector: Reflector) {
        let clusters = if reflector.other_clusters { vec![ClusterId(60)] } else { CLUSTERS.to_vec() };
        self.naive.clusters.clone_from(&clusters);
        self.naive.meshed = reflector.meshed;
        let client_to_client =
            if reflector.meshed { ClientToClient::Meshed } else { ClientToClient::Reflected };
        let mut changes = Vec::new();
        for peer in peers {
            let (Some(session), Some((options, _))) =
                (self.sessions.get(peer), self.naive.peers.get_mut(peer))
            else {
                continue;
            };
            let rules = rules.as_rules();
            let rules = PeerRules { name: Arc::clone(&options.rules.name), ..rules };
            options.rules = rules.clone();
            let accepted = |family| self.rib.view().peer_counts(session.index, family).accepted;
            self.most_accepted.insert(*peer, FAMILIES.map(|family| accepted(family).max(most(rules.limits))));
            changes.push((session.index, rules));
        }
        self.naive.decision = reflector.decision;
        let reflector_options = ReflectorOptions { clusters, client_to_client };
        self.rib.reconfigure(
            SpeakerRules { reflector: reflector_options, decision: reflector.decision },
            changes,
        );
    }

    fn set_own_next_hops(&mut self, peers: &[usize], own: u8) {
        let mut changes = Vec::new();
        for &peer in peers {
            let (Some(session), Some((options, _))) =
                (self.sessions.get(&peer), self.naive.peers.get_mut(&peer))
            else {
                continue;
            };
            let own = own_next_hops(peer, own);
            options.own = own;
            changes.push((session.index, own));
        }
        self.rib.set_own_next_hops(changes);
    }

    fn update_payloads(&mut self, has_data: bool, toggled: Vec<(u8, u8, u8)>) {
        let mut change = PayloadChange::default();
        let (payloads, _) = &mut self.naive.validation;
        let toggled: BTreeSet<RoutePayload> = toggled.into_iter().map(payload).collect();
        for payload in toggled {
            if payloads.remove(&payload) {
                change.removed.push(payload);
            } else {
                payloads.insert(payload);
                change.added.push(payload);
            }
        }
        self.naive.validation.1 = has_data;
        self.rib.update_payloads(&PayloadUpdate { has_data, change });
    }

    fn up(&mut self, peer: usize) {
        if self.sessions.contains_key(&peer) {
            return;
        }
        self.ups += 1;
        let mut options = options(peer);
        if self.naive.confederation.is_some() && is_member(peer) {
            options.session.kind = PeerKind::Confederation;
        }
        let is_external = options.session.kind == PeerKind::Ebgp;
        // Most have none.
        options.session.role =
            ROLES.get((self.ups + peer) % (4 * ROLES.len())).copied().filter(|_| is_external);
        let path_exports = options.session.path_ids_sent.clone();
        let context =
            DecodeContext { add_path: path_exports, max_message_octets: 65535, ..context_of(&options) };
        let former = self.away.remove(&peer);
        let routes = self.naive.peers.remove(&peer).map_or_else(Routes::new, |(_, routes)| routes);
        self.naive.peers.insert(peer, (options.clone(), routes));
        self.most_accepted.remove(&peer);
        let index = self.rib.peer_up(options, former);
        if let Some(former) = former {
            assert_eq!(index, former, "peer {peer} resumes");
            self.naive.resume(peer);
        }
        let (received, ended, octets) = (Routes::new(), Vec::new(), BytesMut::new());
        self.sessions.insert(peer, Session { index, received, ended, stale: None, octets, context });
    }

    fn down(&mut self, peer: usize) {
        let session = self.sessions.remove(&peer).map(|session| session.index);
        if let Some(index) = session.or_else(|| self.away.remove(&peer)) {
            self.naive.peers.remove(&peer);
            self.naive.refreshing.remove(&peer);
            self.rib.peer_down(index, Departure::Final);
        }
    }

    fn go_away(&mut self, peer: usize) {
        if let Some(session) = self.sessions.remove(&peer) {
            self.rib.peer_down(session.index, Departure::Restarting);
            self.away.insert(peer, session.index);
        }
    }

    fn announce(&mut self, peer: usize, prefixes: &[u8], path_id: u8, variant: &Variant) {
        let Some(session) = self.sessions.get(&peer) else { return };
        let options = self.naive.peers[&peer].0.clone();
        let options = &options;
        if options.rules.limits.received.is_some() {
            // Paths that are about to be swept take room, which the naive Rib has at once.
            while self.rib.work(5) {}
        }
        let attributes = attributes(options, variant);
        let path_id = announces_path_ids(peer).then(|| PathId(path_id.into()));
        for v6 in [false, true] {
            let next_hop = next_hop(variant.next_hop, v6 || has_ipv6_next_hops(peer));
            let chosen: Vec<Prefix> = prefixes
                .iter()
                .map(|&number| prefix(number))
                .filter(|prefix| matches!(prefix, Prefix::Ipv6(_)) == v6)
                .collect();
            if chosen.is_empty() {
                continue;
            }
            let attributes = match variant.short_of_longest {
                Some(octets) => lengthened(&attributes, options, octets, v6),
                None => attributes.clone(),
            };
            let key = |&prefix: &Prefix| (prefix, path_id.unwrap_or(PathId(0)));
            if let Some(stale) = self.naive.refreshing.get_mut(&peer) {
                stale.retain(|old| !chosen.iter().any(|prefix| key(prefix) == *old));
            }
            for prefix in &chosen {
                self.naive.announce(peer, key(prefix), (attributes.clone(), next_hop));
            }
            let encode = |encoder: &UpdateEncoder, out: &mut BytesMut| match v6 {
                false => encoder.reach(out, &attributes, next_hop, nlri::<Ipv4Prefix>(&chosen, path_id)),
                true => encoder.reach(out, &attributes, next_hop, nlri::<Ipv6Prefix>(&chosen, path_id)),
            };
            let encode =
                |encoder: &UpdateEncoder, out: &mut BytesMut| encode(encoder, out).expect("short attributes");
            for update in through_the_wire(options, path_id.is_some(), encode) {
                self.rib.apply_update(session.index, update);
            }
        }
    }

    fn withdraw(&mut self, peer: usize, prefixes: &[u8], path_id: u8) {
        let Some(session) = self.sessions.get(&peer) else { return };
        let (options, routes) = self.naive.peers.get_mut(&peer).expect("a session is a naive peer");
        let chosen: Vec<Prefix> = prefixes.iter().map(|&number| prefix(number)).collect();
        let path_id = announces_path_ids(peer).then(|| PathId(path_id.into()));
        routes.retain(|(prefix, id), _| !chosen.contains(prefix) || *id != path_id.unwrap_or(PathId(0)));
        let updates = through_the_wire(options, path_id.is_some(), |encoder, out| {
            encoder.unreach(out, nlri::<Ipv4Prefix>(&chosen, path_id));
            encoder.unreach(out, nlri::<Ipv6Prefix>(&chosen, path_id));
        });
        for update in updates {
            self.rib.apply_update(session.index, update);
        }
    }

    /// Lets the peer read one batch of octets.
    pub(crate) fn read(&mut self, peer: usize) -> bool {
        let Some(session) = self.sessions.get_mut(&peer) else { return false };
        let Some(chunks) = poll_export(&mut self.rib, session.index) else { return false };
        for chunk in chunks {
            session.octets.extend_from_slice(&chunk.octets);
        }
        session.replay();
        true
    }

    fn read_forwarding(&mut self, limit: usize) -> bool {
        self.read_next_hop_losses();
        let changes = self.rib.poll_forwarding(limit);
        for change in &changes {
            match &change.forwarding {
                Some(forwarding) => self.forwarding.insert(change.prefix, forwarding.clone()),
                None => self.forwarding.remove(&change.prefix),
            };
        }
        !changes.is_empty()
    }

    /// At any time, no wanted forwarding leads over a lost next hop.
    fn read_next_hop_losses(&mut self) {
        for loss in self.rib.poll_next_hop_losses() {
            let is_news =
                if loss.lost { self.lost.insert(loss.next_hop) } else { self.lost.remove(&loss.next_hop) };
            assert!(is_news, "reported twice: {loss:?}");
        }
        if self.lost.is_empty() {
            return;
        }
        for (prefix, forwarding) in self.naive.forwarding() {
            let Target::Via(hops) = &forwarding.target else { continue };
            let over_lost =
                hops.iter().any(|hop| hop.hop.gateway().is_some_and(|gateway| self.lost.contains(&gateway)));
            assert!(!over_lost, "{prefix} {forwarding:?} leads over {:?}", self.lost);
        }
    }

    /// Looks up the watched prefixes that have changed since the last time, and compares the result with all best routes.
    fn the_watch_reports_all_changes(&mut self) {
        let shown = |view: RouteView| {
            let RouteView { peer, path_id, attributes, next_hop, .. } = view;
            format!("{peer:?} {path_id:?} {attributes:?} {next_hop:?}")
        };
        let mut changes = Vec::new();
        while self.rib.view().has_watched_changes() {
            let (changed, lost) = self.rib.poll_watched(3);
            assert_eq!(lost, 0);
            changes.extend(changed);
        }
        for prefix in changes {
            match self.rib.view().routes_to(prefix, RouteSelection::Best).pop() {
                Some(view) => drop(self.watched.insert(prefix, shown(view))),
                None => drop(self.watched.remove(&prefix)),
            }
        }
        let mut expected = BTreeMap::new();
        for family in [Family::IPV4_UNICAST, Family::IPV6_UNICAST] {
            let page = self.rib.view().routes(family, RouteSelection::Best, PagePosition::default(), 100_000);
            expected.extend(page.routes.into_iter().map(|view| (view.prefix, shown(view))));
        }
        assert_eq!(self.watched, expected, "the best routes of a follower");
    }

    pub(crate) fn settle(&mut self) {
        while self.rib.work(5) {}
        while self.read_forwarding(7) {}
        self.read_next_hop_losses();
        assert_eq!(self.lost, BTreeSet::new(), "every route has been read");
        for peer in 0..PEERS {
            while self.read(peer) {}
        }
        // Reading lets members move to other groups.
        while self.rib.work(5) {}
        self.the_limits_are_kept();
        self.the_best_paths_are_admissible();
        self.the_watch_reports_all_changes();
        assert_eq!(self.forwarding, self.naive.forwarding(), "the forwarding table");
        for (&peer, session) in &self.sessions {
            assert_eq!(
                without_ids(&session.received),
                self.naive.adj_rib_out(peer),
                "the routes that peer {peer} holds"
            );
            assert_eq!(self.advertised(session), session.received, "the routes shown for peer {peer}");
            let families: &[Family] =
                if self.naive.holds_back { &[] } else { &self.naive.peers[&peer].0.session.families };
            let ended = families.iter().filter(|family| session.ended.contains(family)).count();
            assert_eq!([ended, session.ended.len()], [families.len(); 2], "End-of-RIB to peer {peer}");
            assert!(session.stale.is_none(), "the refresh of peer {peer} has no end");
        }
        self.nothing_has_leaked();
        for (&peer, session) in self.sessions.iter().filter(|&(&peer, _)| peer != likeness(peer)) {
            let group_members =
                self.rib.view().peer_counts(session.index, Family::IPV4_UNICAST).group_members;
            assert_eq!(group_members, 1, "peer {peer} is alone but sent the same routes");
        }
        self.peers_with_equal_exports_share_a_group();
    }

    /// Which paths are refused for a limit follows from the order of events. The naive Rib takes them from here, if they would be
    /// accepted otherwise, and there is no room for any of them.
    fn the_limits_are_kept(&mut self) {
        self.naive.over_limit.clear();
        for (peer, index) in self.indexes() {
            for (number, family) in FAMILIES.into_iter().enumerate() {
                let refused = self.over_limit(peer, index, family);
                let acceptable = self.naive.acceptable(peer, family);
                assert!(refused.is_subset(&acceptable), "peer {peer}: {refused:?} in {acceptable:?}");
                let counts = self.rib.view().peer_counts(index, family);
                let accepted = acceptable.len() - refused.len();
                assert_eq!((counts.accepted, counts.over_limit), (accepted, refused.len()), "peer {peer}");
                let limits = self.naive.peers[&peer].0.rules.limits;
                assert!(
                    refused.is_empty() || accepted >= most(limits),
                    "room for {refused:?} of peer {peer}"
                );
                if let Some(most_accepted) = self.most_accepted.get_mut(&peer) {
                    assert!(
                        accepted <= most_accepted[number],
                        "peer {peer}: {accepted} of {most_accepted:?}"
                    );
                    most_accepted[number] = accepted.max(most(limits));
                }
                self.naive.over_limit.extend(refused);
            }
        }
    }

    /// The paths of a peer that are refused for its limit.
    fn over_limit(&self, peer: usize, index: PeerIndex, family: Family) -> BTreeSet<(usize, Prefix, PathId)> {
        let (selection, start) = (RouteSelection::ReceivedFrom(index), PagePosition::default());
        let routes = self.rib.view().routes(family, selection, start, usize::MAX).routes;
        let is_over = |view: &&RouteView| view.status == RouteStatus::Refused(ImportRefusal::OverLimit, None);
        routes.iter().filter(is_over).map(|view| (peer, view.prefix, view.path_id)).collect()
    }

    /// Where the peers are in the Rib, those that restart as well.
    fn indexes(&self) -> BTreeMap<usize, PeerIndex> {
        let up = self.sessions.iter().map(|(&peer, session)| (peer, session.index));
        up.chain(self.away.iter().map(|(&peer, &index)| (peer, index))).collect()
    }

    /// Where the present best path stays, the best path follows from the order of events. The naive Rib takes it from here, and
    /// finds the same only if the rules admit it.
    fn the_best_paths_are_admissible(&mut self) {
        self.naive.present_best.clear();
        let best = |view: &RouteView| matches!(view.status, RouteStatus::Best(_));
        let families = [Family::IPV4_UNICAST, Family::IPV6_UNICAST];
        let page = |family| {
            let (selection, start) = (RouteSelection::Best, PagePosition::default());
            self.rib.view().routes(family, selection, start, usize::MAX).routes
        };
        let routes: Vec<RouteView> = families.into_iter().flat_map(page).filter(best).collect();
        let learned = routes.iter().filter_map(|view| {
            let name = view.peer.as_ref()?;
            let (&peer, _) = self.naive.peers.iter().find(|(_, (options, _))| options.rules.name == *name)?;
            Some((view.prefix, (peer, view.path_id)))
        });
        let learned: BTreeMap<_, _> = learned.collect();
        self.naive.present_best.clone_from(&learned);
        for (prefix, best) in learned {
            assert_eq!(self.naive.best_path(prefix), Some(best), "the best path to {prefix}");
        }
    }

    /// The routes that operators are shown for a peer, as many as are counted.
    fn advertised(&self, session: &Session) -> Routes {
        let families = [Family::IPV4_UNICAST, Family::IPV6_UNICAST];
        let selection = RouteSelection::AdvertisedTo(session.index);
        let page =
            |family| self.rib.view().routes(family, selection, PagePosition::default(), usize::MAX).routes;
        let shown: Vec<RouteView> = families.into_iter().flat_map(page).collect();
        let counted = families.map(|family| self.rib.view().peer_counts(session.index, family).advertised);
        assert_eq!(counted.into_iter().sum::<usize>(), shown.len(), "routes counted");
        let route = |view: RouteView| {
            let next_hop = view.next_hop.expect("a peer is sent a next hop");
            ((view.prefix, view.path_id), (view.attributes, next_hop))
        };
        shown.into_iter().map(route).collect()
    }

    fn peers_with_equal_exports_share_a_group(&self) {
        // These peers differ in nothing but their rules and own addresses.
        for (one, other) in [(8, 9), (8, 10), (9, 10), (11, 12), (4, 11), (4, 12), (0, 8)] {
            let alike = |peer| {
                let options = &self.naive.peers.get(&peer).filter(|_| self.sessions.contains_key(&peer))?.0;
                let path_ids_sent = options.session.path_ids_sent.clone();
                Some((
                    options.rules.export.content(),
                    options.rules.next_hop,
                    options.rules.reflection,
                    options.own.shared_subnet,
                    options.own.ipv4,
                    (options.session.max_message_octets, options.session.ipv6_next_hops),
                    path_ids_sent,
                    (options.rules.paths_sent, options.rules.is_draining, options.rules.default_originate),
                    (options.rules.denied.export, options.session.role, options.session.kind.is_inside()),
                    export_asns(options),
                ))
            };
            let group = |peer: usize| {
                let session = self.sessions.get(&peer)?;
                self.rib.view().peer_counts(session.index, Family::IPV4_UNICAST).group
            };
            if alike(one).is_some_and(|options| alike(other) == Some(options)) {
                assert_eq!(group(one), group(other), "the groups of {one} and {other}");
            }
        }
    }

    /// No attribute set, path identifier, tombstone or entry outlives its last use.
    fn nothing_has_leaked(&self) {
        let audit = Audit::of(&self.rib);
        assert_eq!((audit.faults, audit.tombstones), (Vec::new(), 0));
        let counts = self.rib.view().counts();
        let announced = self.naive.peers.values().map(|(_, routes)| routes.len()).sum::<usize>();
        let own = self.naive.originated.len() + self.naive.statics.len() + self.naive.aggregates.len();
        let own = own + 2 * usize::from(self.naive.default_route);
        assert!(counts.ipv4_prefixes + counts.ipv6_prefixes <= announced + own);
        if announced + own == 0 {
            assert_eq!((counts.attribute_sets, audit.next_hops, audit.path_ids), (0, 0, 0));
        }
    }
}

impl Rules {
    pub(crate) fn as_rules(self) -> PeerRules {
        let filters = |number| match number {
            0 => FilterChain::accept_all(),
            1 => filter("10.1.0.0/16", Action::Reject),
            3 => setting_by_prefix(),
            4 => setting_by_source(),
            5 => setting_by_rpki(),
            _ => filter("10.2.0.0/16", Action::Accept),
        };
        PeerRules {
            name: Arc::from(""),
            group: None,
            import: filters(self.import),
            export: filters(self.export),
            next_hop: self.next_hop,
            reflection: match self.cluster {
                Some(number) => Reflection::Client(CLUSTERS[usize::from(number)]),
                None => Reflection::NonClient,
            },
            paths_sent: self.paths,
            default_originate: self.default_originate,
            as_path: self.as_path,
            limits: self.limits,
            denied: self.denied,
            is_draining: self.draining,
        }
    }
}

impl StaticKind {
    fn as_route(&self, v6: bool) -> StaticRoute {
        let hop = |&number: &u8| WeightedHop { hop: Hop::Gateway(next_hop(number, v6)), weight: 1 };
        StaticRoute {
            target: match self.next_hops.is_empty() {
                true => StaticTarget::Discard(Discard::Unreachable),
                false => StaticTarget::Via(self.next_hops.iter().map(hop).collect()),
            },
            preference: if self.is_fallback { 50 } else { 200 },
            metric: None,
            tag: None,
            purpose: if self.is_installed { RoutePurpose::Both } else { RoutePurpose::Advertise },
        }
    }
}

impl AggregateKind {
    fn as_options(self) -> AggregateOptions {
        AggregateOptions {
            contributors: match self.contributors {
                0 => FilterChain::accept_all(),
                1 => filter("10.1.0.0/16", Action::Reject),
                2 => setting_by_rpki(),
                _ => setting_by_source(),
            },
            least: NonZeroU32::new(self.least).expect("at least one"),
            hold: self.holds.then_some(Discard::Prohibit),
            tag: None,
        }
    }
}

impl Session {
    fn replay(&mut self) {
        while let Some(length) = frame_length(&self.octets, 65535).expect("well-formed headers") {
            let frame = self.octets.copy_to_bytes(length);
            let update = match decode_message(frame, &self.context).expect("well-formed messages") {
                Message::Update(update) => update,
                Message::RouteRefresh(mark) => {
                    self.on_mark(mark);
                    continue;
                }
                other => panic!("{other:?} is exported"),
            };
            assert!(update.defects().is_empty(), "{:?}", update.defects());
            self.apply(&update);
        }
    }

    fn on_mark(&mut self, mark: RouteRefresh) {
        assert!(self.ended.contains(&mark.family), "a refresh before the end of the table");
        if mark.subtype == RouteRefresh::BEGIN {
            let of_family = |(prefix, _): &&(Prefix, PathId)| {
                matches!(prefix, Prefix::Ipv6(_)) == (mark.family == Family::IPV6_UNICAST)
            };
            self.stale = Some(self.received.keys().filter(of_family).copied().collect());
        } else {
            let stale = self.stale.take().expect("a refresh that ends has begun");
            assert_eq!(stale, BTreeSet::new(), "not repeated");
        }
    }

    fn apply(&mut self, update: &Update) {
        self.ended.extend(update.end_of_rib());
        for block in update.unreach() {
            for key in keys(block) {
                self.stale.iter_mut().for_each(|stale| stale.retain(|known| *known != key));
                self.received.remove(&key);
            }
        }
        for reach in update.reach() {
            let attributes = update.attributes().expect("reach has attributes").to_path_attributes();
            for key in keys(reach.nlri) {
                self.stale.iter_mut().for_each(|stale| stale.retain(|known| *known != key));
                self.received.insert(key, (attributes.clone(), reach.next_hop));
            }
        }
    }
}

/// The routes of a block: each prefix with its path identifier, zero if there is none.
fn keys(block: NlriBlock<'_>) -> Vec<(Prefix, PathId)> {
    fn key<P: IpPrefix>(nlri: Nlri<P>) -> (Prefix, PathId) {
        (nlri.prefix.erase(), nlri.path_id.unwrap_or(PathId(0)))
    }
    block.iter::<Ipv4Prefix>().map(key).chain(block.iter::<Ipv6Prefix>().map(key)).collect()
}

/// What the AS paths that a peer is sent depend on.
fn export_asns(options: &PeerOptions) -> (AsPathRules, Option<Asn>) {
    let is_inside = options.session.kind != PeerKind::Ebgp;
    let as_path = if is_inside { AsPathRules::default() } else { options.rules.as_path };
    (as_path, (as_path.private_asns != PrivateAsns::Kept).then_some(options.session.asn))
}

/// The routes without their path identifiers, whose values are arbitrary.
fn without_ids(routes: &Routes) -> Vec<NaiveRoute> {
    let mut routes: Vec<NaiveRoute> = routes
        .iter()
        .map(|((prefix, _), (attributes, next_hop))| (*prefix, attributes.octets().to_vec(), *next_hop))
        .collect();
    routes.sort_unstable();
    routes
}

/// The most paths that may be accepted.
fn most(limits: PathLimits) -> usize {
    limits.accepted.map_or(usize::MAX, |most| most as usize)
}

/// One of these, counted round and round; the number itself if there are none.
fn nth(peers: impl Iterator<Item = usize> + Clone, number: usize) -> usize {
    peers.cycle().nth(number).unwrap_or(number)
}
