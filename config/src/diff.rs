//! What changes from one configuration to the next.

use std::collections::{BTreeMap, BTreeSet};

use bgp_codec::Prefix;

use crate::aggregate::Aggregate;
use crate::config::Config;
use crate::dynamic_peers::DynamicPeers;
use crate::global::Global;
use crate::network::Network;
use crate::peer::Peer;
use crate::peer_place::PeerPlace;
use crate::static_route::StaticRoute;

/// What changes from one configuration to the next. What is not listed stays as it is.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ConfigDiff {
    /// Peers only in the new configuration, in the order of their places, as all peers below.
    pub peers_added: Vec<Peer>,
    /// Peers only in the old one.
    pub peers_removed: Vec<Peer>,
    /// The same peers with other settings, possibly at another port or from another own address.
    pub peers_changed: Vec<PeerChange>,
    /// Ranges of dynamic peers only in the new configuration, in their order, as all ranges below.
    pub dynamic_peers_added: Vec<DynamicPeers>,
    /// Ranges only in the old one.
    pub dynamic_peers_removed: Vec<DynamicPeers>,
    /// The same ranges with another limit, or other settings of their peers.
    pub dynamic_peers_changed: Vec<DynamicPeersChange>,
    /// Networks only in the new configuration, in the order of their prefixes, as all networks below.
    pub networks_added: Vec<Network>,
    /// Networks only in the old one.
    pub networks_removed: Vec<Network>,
    /// Networks with other settings, as they are now.
    pub networks_changed: Vec<Network>,
    /// Static routes only in the new configuration, in the order of their prefixes, as all static routes below.
    pub static_routes_added: Vec<StaticRoute>,
    /// Static routes only in the old one.
    pub static_routes_removed: Vec<StaticRoute>,
    /// Static routes with other settings, as they are now.
    pub static_routes_changed: Vec<StaticRoute>,
    /// Aggregates only in the new configuration, in the order of their prefixes, as all aggregates below.
    pub aggregates_added: Vec<Aggregate>,
    /// Aggregates only in the old one.
    pub aggregates_removed: Vec<Aggregate>,
    /// Aggregates with other settings, as they are now.
    pub aggregates_changed: Vec<Aggregate>,
    /// Whether other filters decide what is installed.
    pub kernel_export_changed: bool,
    /// Whether RPKI caches came, went or have other settings.
    pub rpki_caches_changed: bool,
    /// Changed settings of this speaker that take effect in running sessions, such as `global.cluster_id`.
    pub global_changed: Vec<&'static str>,
    /// Changed settings of the daemon itself, such as `global.asn`, which take effect when it is started again.
    pub needs_restart: Vec<&'static str>,
}

/// A peer with other settings than before.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PeerChange {
    /// How it was.
    pub old: Peer,
    /// How it is now.
    pub new: Peer,
    /// The keys whose values differ, groups and defaults applied. At least one.
    pub keys: Vec<&'static str>,
}

/// A range of dynamic peers with other settings than before.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DynamicPeersChange {
    /// How it is now.
    pub new: DynamicPeers,
    /// The keys whose values differ, groups and defaults applied. At least one.
    pub keys: Vec<&'static str>,
}

/// Tells two configurations apart.
///
/// A peer is the same while its place is the same, since the session is with the place; its name may change. Where port or own
/// address have changed, too, it is the one with the same address and name, or else the only one left at the address. A
/// filter that does something else shows as `import` or `export` of each peer that uses it.
pub fn diff(old: &Config, new: &Config) -> ConfigDiff {
    let mut diff = ConfigDiff {
        global_changed: live_global_keys(old.global(), new.global()),
        needs_restart: daemon_keys(old, new),
        ..ConfigDiff::default()
    };
    diff.compare_peers(by_place(old), by_place(new));
    diff.compare_dynamic_peers(by_range(old), by_range(new));
    diff.compare_networks(by_prefix(old), by_prefix(new));
    diff.compare_static_routes(static_by_prefix(old), static_by_prefix(new));
    diff.compare_aggregates(aggregates_by_prefix(old), aggregates_by_prefix(new));
    diff.rpki_caches_changed = old.rpki_caches() != new.rpki_caches();
    diff.kernel_export_changed = match (old.kernel(), new.kernel()) {
        (Some(old), Some(new)) => old.export != new.export,
        _ => false,
    };
    diff
}

impl ConfigDiff {
    /// Whether both configurations mean the same.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn compare_peers<'p>(
        &mut self,
        mut old: BTreeMap<PeerPlace, &'p Peer>,
        new: BTreeMap<PeerPlace, &'p Peer>,
    ) {
        let mut pairs = Vec::with_capacity(new.len());
        let mut unmatched = BTreeMap::new();
        for (place, new) in new {
            match old.remove(&place) {
                Some(old) => pairs.push((old, new)),
                None => drop(unmatched.insert(place, new)),
            }
        }
        pairs.extend(moved(&mut old, &mut unmatched));
        pairs.sort_by_key(|(_, new)| new.place());
        self.peers_changed.extend(pairs.into_iter().filter_map(|(old, new)| PeerChange::between(old, new)));
        self.peers_added.extend(unmatched.into_values().cloned());
        self.peers_removed.extend(old.into_values().cloned());
    }

    fn compare_dynamic_peers(
        &mut self,
        mut old: BTreeMap<Prefix, &DynamicPeers>,
        new: BTreeMap<Prefix, &DynamicPeers>,
    ) {
        for (range, new) in new {
            let Some(old) = old.remove(&range) else {
                self.dynamic_peers_added.push(new.clone());
                continue;
            };
            let mut keys = changed([("limit", old.limit != new.limit)]);
            keys.extend(peer_keys(old.template(), new.template()));
            if !keys.is_empty() {
                self.dynamic_peers_changed.push(DynamicPeersChange { new: new.clone(), keys });
            }
        }
        self.dynamic_peers_removed.extend(old.into_values().cloned());
    }

    fn compare_networks(&mut self, mut old: BTreeMap<Prefix, Network>, new: BTreeMap<Prefix, Network>) {
        for (prefix, new) in new {
            match old.remove(&prefix) {
                None => self.networks_added.push(new),
                Some(old) if old != new => self.networks_changed.push(new),
                Some(_) => {}
            }
        }
        self.networks_removed.extend(old.into_values());
    }

    fn compare_static_routes(
        &mut self,
        mut old: BTreeMap<Prefix, &StaticRoute>,
        new: BTreeMap<Prefix, &StaticRoute>,
    ) {
        for (prefix, new) in new {
            match old.remove(&prefix) {
                None => self.static_routes_added.push(new.clone()),
                Some(old) if old != new => self.static_routes_changed.push(new.clone()),
                Some(_) => {}
            }
        }
        self.static_routes_removed.extend(old.into_values().cloned());
    }

    fn compare_aggregates(
        &mut self,
        mut old: BTreeMap<Prefix, &Aggregate>,
        new: BTreeMap<Prefix, &Aggregate>,
    ) {
        for (prefix, new) in new {
            match old.remove(&prefix) {
                None => self.aggregates_added.push(new.clone()),
                Some(old) if old != new => self.aggregates_changed.push(new.clone()),
                Some(_) => {}
            }
        }
        self.aggregates_removed.extend(old.into_values().cloned());
    }
}

impl PeerChange {
    /// How the peer of an address changes between two configurations; `None` when it does not.
    pub fn between(old: &Peer, new: &Peer) -> Option<Self> {
        let keys = peer_keys(old, new);
        (!keys.is_empty()).then(|| Self { old: old.clone(), new: new.clone(), keys })
    }

    /// Whether the running session can go on: the change concerns what is used and advertised of routes, or how the peer is
    /// shown, and nothing that both sides agree on.
    pub fn keeps_session(&self) -> bool {
        !self.effects().contains(&PeerEffect::NewSession)
    }

    /// What happens to the peer, without what a new session includes. At least one.
    pub fn effects(&self) -> Vec<PeerEffect> {
        let changed = PEER_SETTINGS.iter().filter(|setting| self.keys.contains(&setting.key));
        let effects: BTreeSet<PeerEffect> = changed.map(|setting| setting.effect).collect();
        match effects.last() {
            Some(PeerEffect::NewSession) => vec![PeerEffect::NewSession],
            Some(PeerEffect::Shown) | None => vec![PeerEffect::Shown],
            Some(_) => effects.into_iter().filter(|effect| *effect != PeerEffect::Shown).collect(),
        }
    }
}

fn by_place(config: &Config) -> BTreeMap<PeerPlace, &Peer> {
    config.peers().iter().map(|peer| (peer.place(), peer)).collect()
}

/// Takes out the peers that are the same at another place: those with the same address and name, then those that are alone at
/// their address in both configurations.
fn moved<'p>(
    old: &mut BTreeMap<PeerPlace, &'p Peer>,
    new: &mut BTreeMap<PeerPlace, &'p Peer>,
) -> Vec<(&'p Peer, &'p Peer)> {
    let mut pairs = paired(old, new, |peer| (peer.address, peer.link, peer.name.as_str()));
    pairs.extend(paired(old, new, |peer| (peer.address, peer.link)));
    pairs
}

/// Takes out pairs of peers with equal keys, where the key belongs to one peer on each side.
fn paired<'p, K: Ord>(
    old: &mut BTreeMap<PeerPlace, &'p Peer>,
    new: &mut BTreeMap<PeerPlace, &'p Peer>,
    key: impl Fn(&'p Peer) -> K,
) -> Vec<(&'p Peer, &'p Peer)> {
    let by_key = |peers: &BTreeMap<PeerPlace, &'p Peer>| {
        let mut by_key: BTreeMap<K, Option<&'p Peer>> = BTreeMap::new();
        for &peer in peers.values() {
            by_key.entry(key(peer)).and_modify(|only| *only = None).or_insert(Some(peer));
        }
        by_key
    };
    let (mut former, present) = (by_key(old), by_key(new));
    let pairs = present.into_iter().filter_map(|(key, new)| former.remove(&key)?.zip(new));
    let pairs: Vec<(&Peer, &Peer)> = pairs.collect();
    for (former, present) in &pairs {
        old.remove(&former.place());
        new.remove(&present.place());
    }
    pairs
}

fn by_range(config: &Config) -> BTreeMap<Prefix, &DynamicPeers> {
    config.dynamic_peers().iter().map(|dynamic| (dynamic.range, dynamic)).collect()
}

fn static_by_prefix(config: &Config) -> BTreeMap<Prefix, &StaticRoute> {
    config.static_routes().iter().map(|route| (route.prefix, route)).collect()
}

fn aggregates_by_prefix(config: &Config) -> BTreeMap<Prefix, &Aggregate> {
    config.aggregates().iter().map(|aggregate| (aggregate.prefix, aggregate)).collect()
}

fn by_prefix(config: &Config) -> BTreeMap<Prefix, Network> {
    config.networks().iter().map(|&network| (network.prefix, network)).collect()
}

fn peer_keys(old: &Peer, new: &Peer) -> Vec<&'static str> {
    PEER_SETTINGS.iter().filter(|setting| (setting.differs)(old, new)).map(|setting| setting.key).collect()
}

/// A setting of a peer.
struct PeerSetting {
    key: &'static str,
    differs: fn(&Peer, &Peer) -> bool,
    /// What a change does.
    effect: PeerEffect,
}

/// What the change of a setting does to a peer.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum PeerEffect {
    /// Nothing: the peer is shown in another way.
    Shown,
    /// What it advertised goes through the import filters again.
    FiltersIn,
    /// What is advertised to it is computed again, and the difference is sent.
    FiltersOut,
    /// It takes effect in the running session.
    InSession,
    /// It takes effect in a new session, which is started for it.
    NewSession,
}

/// Makes the table of all settings. One that is added to [`Peer`] and not to the table does not compile.
macro_rules! peer_settings {
    ($($key:ident: $effect:ident),* $(,)?) => {
        /// All settings of a peer but its address and link: at another one, it is another peer.
        const PEER_SETTINGS: &[PeerSetting] = &[$(PeerSetting {
            key: stringify!($key),
            differs: |old, new| old.$key != new.$key,
            effect: PeerEffect::$effect,
        }),*];

        const _: fn(&Peer) = |Peer { address: _, link: _, $($key: _),* }| ();
    };
}

peer_settings! {
    name: Shown,
    description: Shown,
    group: Shown,
    remote_asn: NewSession,
    local_asn: NewSession,
    passive: NewSession,
    import: FiltersIn,
    export: FiltersOut,
    default_originate: FiltersOut,
    families: NewSession,
    hold_time: NewSession,
    min_hold_time: NewSession,
    keepalive: NewSession,
    connect_retry: NewSession,
    password_file: NewSession,
    port: NewSession,
    source_address: NewSession,
    multihop: NewSession,
    ttl_security: NewSession,
    next_hop: FiltersOut,
    extended_next_hop: NewSession,
    remove_private_asns: FiltersOut,
    route_server_client: FiltersOut,
    rr_client: FiltersOut,
    cluster_id: FiltersOut,
    add_path: NewSession,
    add_path_send: FiltersOut,
    send_hold_time: NewSession,
    prefix_limit: InSession,
    graceful_restart: NewSession,
    bfd: InSession,
    advertise_hostname: NewSession,
    advertise_software_version: NewSession,
    allow_local_as: FiltersIn,
    enforce_first_as: FiltersIn,
    refuse_as_sets: FiltersIn,
    role: NewSession,
    require_role: NewSession,
}

fn live_global_keys(old: &Global, new: &Global) -> Vec<&'static str> {
    changed([
        ("global.cluster_id", old.own_cluster_id() != new.own_cluster_id()),
        ("global.client_to_client", old.client_to_client != new.client_to_client),
        ("global.always_compare_med", old.decision.always_compare_med != new.decision.always_compare_med),
        ("global.prefer_older", old.decision.prefer_older != new.decision.prefer_older),
        ("global.compare_router_id", old.decision.compare_router_id != new.decision.compare_router_id),
        ("global.watch_file", old.watch_file != new.watch_file),
        ("global.memory_guard", old.memory_guard != new.memory_guard),
        ("global.ebgp_without_filters", old.ebgp_without_filters != new.ebgp_without_filters),
        ("global.log", old.log != new.log),
    ])
}

fn daemon_keys(old: &Config, new: &Config) -> Vec<&'static str> {
    let (global, kernel) = (new.global(), new.kernel());
    let mut keys = changed([
        ("global.asn", old.global().asn != global.asn),
        ("global.confederation", old.global().confederation != global.confederation),
        ("global.router_id", old.global().router_id != global.router_id),
        ("global.hostname", old.global().hostname != global.hostname),
        ("global.listen", old.global().listen != global.listen),
        ("global.update_delay", old.global().update_delay != global.update_delay),
        ("global.log_format", old.global().log_format != global.log_format),
        ("control.socket", old.control().socket != new.control().socket),
        ("control.http", old.control().http != new.control().http),
        ("control.bird_socket", old.control().bird_socket != new.control().bird_socket),
        ("control.bird6_socket", old.control().bird6_socket != new.control().bird6_socket),
        ("mrt.table_dump", old.mrt().table_dump != new.mrt().table_dump),
        ("mrt.updates", old.mrt().updates != new.mrt().updates),
        ("kernel", old.kernel().is_some() != kernel.is_some()),
    ]);
    if let (Some(old), Some(new)) = (old.kernel(), kernel) {
        keys.extend(changed([
            ("kernel.table", old.tables != new.tables),
            ("kernel.protocol", old.protocol != new.protocol),
            ("kernel.metric", old.metric != new.metric),
            ("kernel.multipath", old.multipath != new.multipath),
            (
                "kernel.preferred_source",
                (old.ipv4_source, old.ipv6_source) != (new.ipv4_source, new.ipv6_source),
            ),
            ("kernel.onlink", old.onlink != new.onlink),
            ("kernel.import", old.imports != new.imports),
            ("kernel.nexthop_objects", old.nexthop_objects != new.nexthop_objects),
            ("kernel.resolve_via_default", old.resolve_via_default != new.resolve_via_default),
            ("kernel.restart_window", old.restart_window != new.restart_window),
        ]));
    }
    keys
}

fn changed<const N: usize>(keys: [(&'static str, bool); N]) -> Vec<&'static str> {
    keys.into_iter().filter(|&(_, differs)| differs).map(|(key, _)| key).collect()
}
