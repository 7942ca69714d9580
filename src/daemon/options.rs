//! Translation of the configuration into the options of each task.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU8;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use bgp_codec::{
    Afi, Capabilities, Capability, ExtendedNextHopFamily, Family, Fqdn, GracefulRestart,
    GracefulRestartFamily, LongLivedFamily, PeerKind, Prefix,
};
use margay_bfd::{Authentication, Hops};
use margay_config::{
    Aggregate, BfdAuthentication, Config, DynamicPeers, Global, Hold, Kernel, KernelImport, MemoryGuard,
    Network, NextHopMode, Peer, RemoteAsn, StaticHop, StaticRoute, StaticTarget,
};
use margay_filter::Session;
use margay_rib::{
    AggregateOptions, AsPathChecks, AsPathRules, ClientToClient, DecisionRules, DeniedDirections, Discard,
    ForwardingOptions, Hop, LinkName, LocalAsn, NetworkOptions, PathsSent, PeerRules, PrivateAsns,
    Reflection, ReflectorOptions, RibOptions, RoutePurpose, SpeakerRules, WeightedHop,
};
use margay_session::{DialMode, ExpectedAsn, SessionOptions};

use super::start::{Start, StartKind};
use crate::bfd::{PathMonitor, PathOptions};
use crate::kernel::{FibOptions, ImportRule, InterfacePatterns, KernelOptions, OnlinkRule, StaticWay};
use crate::machine::{Distance, Machine, TcpPassword, Transport};
use crate::peer::PeerOptions;
use crate::speaker::{ConvergenceOptions, LimitAction, PeerKey, PeerSettings, PrefixLimit, SpeakerRequest};

pub(super) fn rib_options(machine: &Machine, config: &Config) -> RibOptions {
    let global = config.global();
    RibOptions {
        asn: global.asn,
        confederation: global.confederation.as_ref().map(|confederation| confederation.identifier),
        identifier: global.router_id,
        reflector: reflector_options(global, config),
        decision: decision_rules(global),
        forwarding: config.kernel().map(|kernel| ForwardingOptions {
            multipath: kernel.multipath.into(),
            normal_metric: kernel.metric,
        }),
        hash_seed: machine.random(),
    }
}

/// Without a number of expected peers if dynamic ones may connect.
pub(super) fn convergence_options(config: &Config, start: StartKind) -> ConvergenceOptions {
    let longest = config.global().update_delay;
    let is_restart = start == StartKind::Restart;
    ConvergenceOptions {
        expected_peers: config.dynamic_peers().is_empty().then(|| config.peers().len()),
        hold_back: (is_restart || !longest.is_zero()).then_some(longest),
        is_restart,
    }
}

/// The `[global]` of the file, with the host's name if it has none.
pub(super) fn own_global(machine: &Machine, config: &Config) -> Global {
    let mut global = config.global().clone();
    global.hostname = global.hostname.or_else(|| {
        let octets = machine.read_file(Path::new("/proc/sys/kernel/hostname")).ok()?;
        String::from_utf8(octets).ok().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty())
    });
    global
}

/// The rules of the speaker that may change while it runs.
pub(super) fn speaker_rules(global: &Global, config: &Config) -> SpeakerRules {
    SpeakerRules { reflector: reflector_options(global, config), decision: decision_rules(global) }
}

fn decision_rules(global: &Global) -> DecisionRules {
    let margay_config::Decision { always_compare_med, prefer_older, compare_router_id } = global.decision;
    DecisionRules {
        always_compares_med: always_compare_med,
        prefers_present_best: prefer_older,
        compares_identifiers: compare_router_id,
    }
}

/// The speaker reflects for its own cluster, and for each that a client names.
fn reflector_options(global: &Global, config: &Config) -> ReflectorOptions {
    let mut clusters = vec![global.cluster_id, global.router_id.into()];
    let templates = config.dynamic_peers().iter().map(DynamicPeers::template);
    clusters.extend(config.peers().iter().chain(templates).filter_map(|peer| peer.cluster_id));
    clusters.sort_unstable();
    clusters.dedup();
    let client_to_client =
        if global.client_to_client { ClientToClient::Reflected } else { ClientToClient::Meshed };
    ReflectorOptions { clusters, client_to_client }
}

pub(super) fn kernel_options(kernel: &Kernel) -> KernelOptions {
    let onlink = kernel.onlink.iter();
    let fib = FibOptions {
        tables: kernel.tables.clone(),
        protocol: kernel.protocol,
        metric: kernel.metric,
        sources: [kernel.ipv4_source.map(IpAddr::V4), kernel.ipv6_source.map(IpAddr::V6)],
        onlink: onlink
            .map(|rule| OnlinkRule { next_hops: rule.next_hops, interface: rule.interface.clone() })
            .collect(),
        imports: kernel.imports.iter().map(import_rule).collect(),
        nexthop_objects: kernel.nexthop_objects,
        resolve_via_default: kernel.resolve_via_default,
    };
    fib.into()
}

fn import_rule(import: &KernelImport) -> ImportRule {
    ImportRule {
        table: import.table,
        protocols: import.protocols.clone(),
        interfaces: InterfacePatterns(import.interfaces.clone()),
        prefixes: import.prefixes,
        metric: import.metric,
    }
}

/// The prefixes of the networks that require a route of the kernel.
pub(super) fn required_routes(config: &Config) -> BTreeSet<Prefix> {
    config.networks().iter().filter(|network| network.require_route).map(|network| network.prefix).collect()
}

pub(super) fn originate(network: &Network) -> SpeakerRequest {
    let hold = network.hold.map(discard);
    let Network { prefix, suppress_more_specific, require_route, .. } = *network;
    SpeakerRequest::Originate(prefix, NetworkOptions { hold, suppress_more_specific, require_route })
}

fn discard(hold: Hold) -> Discard {
    match hold {
        Hold::Blackhole => Discard::Blackhole,
        Hold::Unreachable => Discard::Unreachable,
        Hold::Prohibit => Discard::Prohibit,
    }
}

/// The links that static routes lead over.
pub(super) fn links_of_static_routes(config: &Config) -> BTreeSet<LinkName> {
    let hops = config.static_routes().iter().flat_map(|route| match &route.target {
        StaticTarget::Via(hops) => hops.as_slice(),
        StaticTarget::Discard(_) => &[],
    });
    hops.filter_map(|hop| link_name(hop.interface.as_deref()?)).collect()
}

/// The static routes that are installed, by which next hops are resolved.
pub(super) fn static_ways(config: &Config) -> BTreeMap<Prefix, StaticWay> {
    let normal = config.kernel().map_or(0, |kernel| kernel.metric);
    let installed = config.static_routes().iter().filter(|route| route.install);
    let way = |route: &StaticRoute| {
        let hops = match &route.target {
            StaticTarget::Discard(_) => Vec::new(),
            StaticTarget::Via(hops) => hops.iter().filter_map(weighted_hop).map(|it| it.hop).collect(),
        };
        (route.prefix, StaticWay { hops, metric: route.metric.unwrap_or(normal) })
    };
    installed.map(way).collect()
}

pub(super) fn static_route(route: &StaticRoute) -> SpeakerRequest {
    let target = match &route.target {
        StaticTarget::Discard(hold) => margay_rib::StaticTarget::Discard(discard(*hold)),
        StaticTarget::Via(hops) => {
            margay_rib::StaticTarget::Via(hops.iter().filter_map(weighted_hop).collect())
        }
    };
    let purpose = match (route.advertise, route.install) {
        (_, false) => RoutePurpose::Advertise,
        (false, true) => RoutePurpose::Install,
        (true, true) => RoutePurpose::Both,
    };
    let StaticRoute { prefix, preference, metric, tag, .. } = *route;
    let route = margay_rib::StaticRoute { target, preference, metric, tag, purpose };
    SpeakerRequest::SetStatic(prefix, Some(route))
}

pub(super) fn aggregate(aggregate: &Aggregate) -> SpeakerRequest {
    let Aggregate { prefix, contributors, least, hold, tag } = aggregate.clone();
    let options = AggregateOptions { contributors, least, hold: hold.map(discard), tag };
    SpeakerRequest::SetAggregate(prefix, Some(options))
}

/// The bound on the daemon's memory: as configured, or a share of what the machine or its control group has.
pub(super) fn memory_limit(machine: &Machine, global: &Global) -> SpeakerRequest {
    SpeakerRequest::SetMemoryLimit(match global.memory_guard {
        MemoryGuard::Octets(octets) => Some(octets),
        MemoryGuard::Share => machine.memory_octets().map(|octets| octets / 100 * MEMORY_SHARE_PERCENT),
        MemoryGuard::Off => None,
    })
}

/// The share of the memory that the daemon may use unless the file says otherwise.
const MEMORY_SHARE_PERCENT: u64 = 80;

/// Whether any peer is sent a default route of each family.
pub(super) fn default_routes(config: &Config) -> impl Iterator<Item = SpeakerRequest> {
    let templates = config.dynamic_peers().iter().map(DynamicPeers::template);
    let receivers: Vec<&Peer> =
        config.peers().iter().chain(templates).filter(|peer| peer.default_originate).collect();
    [Family::IPV4_UNICAST, Family::IPV6_UNICAST].into_iter().map(move |family| {
        let is_originated = receivers.iter().any(|peer| peer.families.contains(&family));
        SpeakerRequest::SetDefaultRoute(family, is_originated)
    })
}

fn weighted_hop(hop: &StaticHop) -> Option<WeightedHop> {
    let link = hop.interface.as_deref().and_then(link_name);
    let place = match (hop.gateway(), link) {
        (Some(gateway), Some(link)) => Hop::OnLink(gateway, link),
        (Some(gateway), None) => Hop::Gateway(gateway),
        (None, link) => Hop::Link(link?),
    };
    Some(WeightedHop { hop: place, weight: hop.weight })
}

/// The configuration has only names that Linux takes.
fn link_name(name: &str) -> Option<LinkName> {
    name.parse().ok()
}

/// The filters on what is installed.
pub(super) fn forwarding_filter(config: &Config) -> SpeakerRequest {
    let filter = config.kernel().map(|kernel| kernel.export.clone()).unwrap_or_default();
    SpeakerRequest::SetForwardingFilter(filter)
}

/// A peer as the filters that work for it see it. One that may be of either kind counts as external.
pub(crate) fn filter_session(global: &Global, peer: &Peer) -> Session {
    filter_session_of(peer, peer.kind(global).unwrap_or(PeerKind::Ebgp))
}

fn filter_session_of(peer: &Peer, kind: PeerKind) -> Session {
    Session {
        name: Arc::from(peer.name.as_str()),
        group: peer.group.as_deref().map(Arc::from),
        address: peer.address,
        kind,
        is_client: peer.rr_client,
    }
}

pub(super) fn peer_settings(global: &Global, peer: &Peer, is_draining: bool) -> PeerSettings {
    let kind = peer.kind(global);
    let if_internal = || Box::new(peer_rules(global, peer, PeerKind::Ibgp, is_draining));
    PeerSettings {
        rules: peer_rules(global, peer, kind.unwrap_or(PeerKind::Ebgp), is_draining),
        rules_if_internal: kind.is_none().then(if_internal),
        prefix_limit: prefix_limit(peer),
        end_of_rib_wait: peer.graceful_restart.map(|restart| restart.end_of_rib_wait),
    }
}

fn prefix_limit(peer: &Peer) -> Option<PrefixLimit> {
    peer.prefix_limit.map(|limit| {
        let margay_config::PrefixLimit { received, accepted, warn_percent, action } = limit;
        let action = match action {
            margay_config::LimitAction::Cease { restart } => LimitAction::Cease { restart },
            margay_config::LimitAction::Refuse => LimitAction::Refuse,
        };
        PrefixLimit { received, accepted, warn_percent, action }
    })
}

fn peer_rules(global: &Global, peer: &Peer, kind: PeerKind, is_draining: bool) -> PeerRules {
    let session = filter_session_of(peer, kind);
    let [denied_import, denied_export] = peer.denied(global, kind);
    PeerRules {
        import: peer.import.for_session(&session),
        export: peer.export.for_session(&session),
        name: session.name,
        group: session.group,
        next_hop: match peer.next_hop {
            NextHopMode::Auto => margay_rib::NextHopMode::Auto,
            NextHopMode::Own => margay_rib::NextHopMode::OwnAddress,
            NextHopMode::Keep => margay_rib::NextHopMode::Keep,
            NextHopMode::Addresses { ipv4, ipv6 } => margay_rib::NextHopMode::Addresses { ipv4, ipv6 },
        },
        paths_sent: peer.add_path_send.map_or(PathsSent::All, PathsSent::Best),
        default_originate: peer.default_originate,
        denied: DeniedDirections { import: denied_import, export: denied_export },
        limits: prefix_limit(peer).map(|limit| limit.kept_by_rib()).unwrap_or_default(),
        as_path: as_path_rules(global, peer),
        is_draining,
        reflection: match peer.rr_client {
            true => Reflection::Client(peer.cluster_id.unwrap_or(global.cluster_id)),
            false => Reflection::NonClient,
        },
    }
}

fn as_path_rules(global: &Global, peer: &Peer) -> AsPathRules {
    let local_asn = peer.local_asn.filter(|local| local.asn != global.external_asn());
    AsPathRules {
        local_asn: local_asn.map(|local| LocalAsn {
            asn: local.asn,
            prepends: local.prepend,
            replaces: local.replace,
        }),
        private_asns: match peer.remove_private_asns {
            None => PrivateAsns::Kept,
            Some(margay_config::PrivateAsns::Removed) => PrivateAsns::Removed,
            Some(margay_config::PrivateAsns::Replaced) => PrivateAsns::Replaced,
        },
        is_route_server_client: peer.route_server_client,
        checks: AsPathChecks {
            own_as_allowed: peer.allow_local_as,
            requires_peer_first: peer.enforce_first_as,
            refuses_sets: peer.refuse_as_sets,
        },
    }
}

/// The options of a peer's task.
pub(super) fn peer_options(
    machine: &Machine,
    key: PeerKey,
    global: &Global,
    peer: &Peer,
    password: Option<TcpPassword>,
    path: Option<PathMonitor>,
    start: Start,
) -> PeerOptions {
    PeerOptions {
        key,
        name: peer.name.clone(),
        session: session_options(global, peer, start.kind),
        path,
        restart_ends: peer.graceful_restart.map(|restart| start.at + restart.restart_time),
        transport: Transport {
            peer: SocketAddr::new(peer.address, peer.port),
            link: peer.link,
            source: peer.source_address,
            distance: distance(global, peer),
            password,
        },
        machine: machine.clone(),
        update_log: None,
    }
}

/// How the path to the peer is monitored; `None` leaves it to the session.
///
/// # Errors
///
/// The secret cannot be read, or BFD cannot use it.
pub(super) fn path_options(
    machine: &Machine,
    global: &Global,
    peer: &Peer,
) -> anyhow::Result<Option<PathOptions>> {
    let Some(bfd) = &peer.bfd else { return Ok(None) };
    let is_internal = peer.kind(global) == Some(PeerKind::Ibgp);
    let is_distant = peer.multihop.map_or(is_internal, |hops| hops > NonZeroU8::MIN);
    let hops = if bfd.multihop.unwrap_or(is_distant) { Hops::Multiple } else { Hops::Single };
    let authentication =
        bfd.authentication.as_ref().map(|authentication| bfd_authentication(machine, authentication));
    let session =
        margay_bfd::SessionOptions { intervals: bfd.intervals, authentication: authentication.transpose()? };
    Ok(Some(PathOptions { hops, session }))
}

fn bfd_authentication(
    machine: &Machine,
    authentication: &BfdAuthentication,
) -> anyhow::Result<Authentication> {
    let BfdAuthentication { kind, password_file: file, .. } = authentication;
    let content = read_password_file(machine, file)?;
    let key = authentication.key(&content).map_err(anyhow::Error::msg).with_context(|| unusable(file))?;
    Ok(Authentication::new(*kind, key, Vec::new()))
}

/// What both sides of a session with the peer are to agree on.
pub(super) fn session_options(global: &Global, peer: &Peer, start: StartKind) -> SessionOptions {
    let local_asn = peer.own_asn(global);
    let families = peer.families.iter().copied().map(Capability::Multiprotocol);
    let others = [
        Capability::RouteRefresh,
        Capability::EnhancedRouteRefresh,
        Capability::ExtendedMessage,
        Capability::FourOctetAs(local_asn),
    ];
    let hostname = global.hostname.as_ref().filter(|_| peer.advertise_hostname);
    let fqdn = hostname.map(|name| Capability::Fqdn(Fqdn { host: name.clone(), domain: String::new() }));
    let version = concat!("margay/", env!("CARGO_PKG_VERSION"));
    let version = peer.advertise_software_version.then(|| Capability::SoftwareVersion(version.to_owned()));
    let add_path = (!peer.add_path.is_empty()).then(|| Capability::AddPath(peer.add_path.clone()));
    let extended_next_hop = peer.extended_next_hop.then(|| {
        let ipv4 = ExtendedNextHopFamily { family: Family::IPV4_UNICAST, next_hop: Afi::IPV6 };
        Capability::ExtendedNextHop(vec![ipv4])
    });
    let kind = peer.kind(global);
    let role = peer.role.filter(|_| kind != Some(PeerKind::Ibgp)).map(Capability::Role);
    let capabilities = families
        .chain(others)
        .chain(extended_next_hop)
        .chain(add_path)
        .chain(graceful_restart(peer, start))
        .chain(long_lived(peer, start))
        .chain(fqdn)
        .chain(version)
        .chain(role);
    let capabilities = Capabilities(capabilities.collect());
    SessionOptions {
        hold_time: peer.hold_time,
        is_in_confederation: kind == Some(PeerKind::Confederation),
        requires_role: peer.require_role,
        min_hold_time: peer.min_hold_time,
        keepalive: peer.keepalive,
        dial_mode: if peer.passive { DialMode::Passive } else { DialMode::Active },
        connect_retry: peer.connect_retry,
        send_hold: peer.send_hold_time,
        ..SessionOptions::new(local_asn, global.router_id, expected_asn(peer), capabilities)
    }
}

fn expected_asn(peer: &Peer) -> ExpectedAsn {
    match peer.remote_asn {
        RemoteAsn::Number(asn) => ExpectedAsn::One(asn),
        RemoteAsn::External => ExpectedAsn::External,
        RemoteAsn::Internal => ExpectedAsn::Internal,
        RemoteAsn::Any => ExpectedAsn::Any,
    }
}

/// The capability right after the start (RFC 4724 §3). Unless this is a restart, no forwarding state is
/// preserved. The peer's task changes both when the restart time is over.
fn graceful_restart(peer: &Peer, start: StartKind) -> Option<Capability> {
    let restart = peer.graceful_restart?;
    let is_restart = start == StartKind::Restart;
    let families = if restart.helper_only { &[][..] } else { &peer.families[..] };
    let entry = |&family| GracefulRestartFamily { family, forwarding_preserved: is_restart };
    Some(Capability::GracefulRestart(GracefulRestart {
        restarted: is_restart,
        survives_notification: true,
        restart_time_seconds: u16::try_from(restart.restart_time.as_secs()).unwrap_or(u16::MAX),
        families: families.iter().map(entry).collect(),
    }))
}

/// The capability of long-lived graceful restart (RFC 9494 §3.1). The stale time of zero asks the peer to keep nothing for long.
fn long_lived(peer: &Peer, start: StartKind) -> Option<Capability> {
    let restart = peer.graceful_restart?;
    let time = restart.long_lived?;
    let seconds = if restart.helper_only { 0 } else { u32::try_from(time.as_secs()).unwrap_or(u32::MAX) };
    let entry = |&family| LongLivedFamily {
        family,
        forwarding_preserved: start == StartKind::Restart,
        stale_time_seconds: seconds,
    };
    Some(Capability::LongLivedGracefulRestart(peer.families.iter().map(entry).collect()))
}

/// External peers are one hop away unless the operator says otherwise, and so are those that may be external; internal ones may be
/// anywhere.
fn distance(global: &Global, peer: &Peer) -> Distance {
    let hops = peer.multihop.unwrap_or(NonZeroU8::MIN);
    match (peer.ttl_security, peer.multihop) {
        (true, _) => Distance::Secured(hops),
        (false, None) if peer.kind(global) == Some(PeerKind::Ibgp) => Distance::Any,
        (false, _) => Distance::Hops(hops),
    }
}

/// The password in a peer's file; `None` if it has none.
///
/// # Errors
///
/// The file cannot be read, or its contents cannot be used for TCP.
pub(super) fn peer_password(machine: &Machine, peer: &Peer) -> anyhow::Result<Option<TcpPassword>> {
    peer.password_file.as_deref().map(|file| read_password(machine, file)).transpose()
}

/// The first line of the file.
fn read_password(machine: &Machine, file: &Path) -> anyhow::Result<TcpPassword> {
    let octets = read_password_file(machine, file)?;
    let line = margay_config::password_line(&octets).map_err(anyhow::Error::msg);
    TcpPassword::new(line.with_context(|| unusable(file))?).with_context(|| unusable(file))
}

fn read_password_file(machine: &Machine, file: &Path) -> anyhow::Result<Vec<u8>> {
    machine.read_file(file).with_context(|| format!("cannot read the password file {}", file.display()))
}

fn unusable(file: &Path) -> String {
    format!("the password file {} cannot be used", file.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4724 §3: R and F of a first run would ask peers to wait for routes, and to keep stale ones, in vain.
    #[test]
    fn only_a_restart_says_that_it_restarted_and_preserved_forwarding() {
        let text = "[global]\nasn = 64512\nrouter_id = \"10.0.0.1\"\n\
                    [[peer]]\naddress = \"10.0.0.2\"\nremote_asn = 64513\ngraceful_restart = true\n";
        let config = margay_config::parse("f", text).unwrap();
        for (start, is_restart) in [(StartKind::First, false), (StartKind::Restart, true)] {
            let options = session_options(config.global(), &config.peers()[0], start);
            let capability = options.capabilities.graceful_restart().unwrap();
            let preserved: Vec<bool> =
                capability.families.iter().map(|family| family.forwarding_preserved).collect();
            assert_eq!((capability.restarted, preserved), (is_restart, vec![is_restart]), "{start:?}");
        }
    }
}
