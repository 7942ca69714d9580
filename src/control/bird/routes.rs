//! The reply to `show route`, page by page.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};

use bgp_codec::{AttributeType, Family, NextHop, Origin, PathAttributes, Prefix, SegmentKind};
use margay_bird_ctl::{
    BgpAttributes, Network, Networks, NextHopCost, Reply, Route, RouteDetail, RouteDetails, RouteRank,
    RouteTarget, RoutesCommand, RoutesForm, UnixTime, WeightedGateway,
};
use margay_control::MAX_PAGE_ROUTES;
use margay_filter::{FilterChain, SourceKind};
use margay_forwarding::{Discard, Hop};
use margay_rib::{DEFAULT_LOCAL_PREF, PagePosition, RouteStatus, RouteView};

use super::shown::{BirdFamily, Clock, symbol};
use crate::control::api::Api;
use crate::control::error::ApiError;
use crate::daemon::{DaemonRequest, PeerEntry};
use crate::kernel::{
    ForeignRoute, KernelRequest, NamedHop, PageKnowledge, PageQuestion, PrefixKnowledge, RouteKind,
};
use crate::speaker::{Destination, PeerSelection, RoutesQuestion, SpeakerRequest};

/// A reply to `show route` that is being sent.
pub(super) struct RoutesReply {
    api: Api,
    names: Names,
    clock: Clock,
    question: RoutesQuestion,
    /// Whether only the longest network around the destination is meant, of at most this length.
    longest: Option<u8>,
    /// Only routes of this protocol.
    protocol: Option<String>,
    only_primary: bool,
    form: RoutesForm,
    reply: Reply,
    counts: Counts,
    /// Whether there is another page.
    has_next: bool,
}

/// Routes of the table, and those of them that are shown.
#[derive(Default)]
struct Counts {
    shown: usize,
    all: usize,
    networks: usize,
}

/// The peers by their names in the configuration, and the times of the daemon.
struct Names {
    peers: HashMap<String, PeerEntry>,
    started: UnixTime,
}

impl RoutesReply {
    /// Understands the command.
    ///
    /// # Errors
    ///
    /// The whole reply to a command that cannot be carried out.
    pub(super) async fn new(api: &Api, family: BirdFamily, command: RoutesCommand) -> Result<Self, String> {
        let failed = |error: ApiError| Reply::default().end(8000, error);
        let clock = Clock::now();
        let (names, filters) = async {
            let status = api.ask_daemon(DaemonRequest::Status).await?;
            let peers = api.ask_daemon(DaemonRequest::Peers).await?;
            let peers = peers.into_iter().map(|peer| (peer.config.name.clone(), peer)).collect();
            Ok((Names { peers, started: clock.before(status.uptime) }, api.filters().await?))
        }
        .await
        .map_err(failed)?;
        let filter = match &command.filter {
            Some(name) => {
                let filter = filters.iter().find(|filter| symbol(filter.name()) == symbol(name));
                let filter = filter
                    .ok_or_else(|| Reply::default().end(9002, format_args!("{name} is not a filter")))?;
                Some(FilterChain::new([filter.clone()]))
            }
            None => None,
        };
        let (destination, longest) = destination(&command.networks, family)?;
        let selection = match &command.export {
            Some(name) => PeerSelection::SourcesOfAdvertised(names.peer(name)?.key),
            None => PeerSelection::Accepted,
        };
        if let Some(name) = &command.protocol
            && !OWN_PROTOCOLS.contains(&name.as_str())
        {
            names.peer(name)?;
        }
        let family = match family {
            BirdFamily::Ipv4 => Family::IPV4_UNICAST,
            BirdFamily::Ipv6 => Family::IPV6_UNICAST,
        };
        let position = PagePosition::default();
        Ok(Self {
            api: api.clone(),
            names,
            clock,
            question: RoutesQuestion {
                destination,
                selection,
                family,
                position,
                limit: MAX_PAGE_ROUTES,
                filter,
            },
            longest,
            protocol: command.protocol,
            only_primary: command.only_primary,
            form: command.form,
            reply: Reply::default(),
            counts: Counts::default(),
            has_next: true,
        })
    }

    /// The next part of the reply; `None` after the last one.
    pub(super) async fn next_part(&mut self) -> Option<String> {
        if !self.has_next {
            return None;
        }
        Some(match self.add_page().await {
            Ok(()) if self.has_next => self.reply.take(),
            Ok(()) => self.end(),
            Err(error) => {
                self.has_next = false;
                std::mem::take(&mut self.reply).end(8000, error)
            }
        })
    }

    async fn add_page(&mut self) -> Result<(), ApiError> {
        let question = self.question.clone();
        let page = self.api.ask(|answer| SpeakerRequest::Routes(question, answer)).await?;
        // A peer without a session is sent nothing.
        let (mut routes, next) = page.map_or_else(Default::default, |page| (page.routes, page.next));
        self.has_next = next.is_some();
        self.question.position = next.unwrap_or_default();
        if let Some(longest) = self.longest {
            keep_longest(&mut routes, longest);
        }
        let is_best = |route: &RouteView| matches!(route.status, RouteStatus::Best(_));
        routes.sort_by_key(|route| (route.prefix, !is_best(route)));
        self.counts.all += routes.len();
        self.counts.networks += routes.chunk_by(|a, b| a.prefix == b.prefix).count();
        routes.retain(|route| {
            (!self.only_primary || is_best(route))
                && self.protocol.as_ref().is_none_or(|name| self.names.protocol(route) == *name)
        });
        self.counts.shown += routes.len();
        if self.form != RoutesForm::Count {
            self.write(&routes).await;
        }
        Ok(())
    }

    async fn write(&mut self, routes: &[RouteView]) {
        let (question, hops) = page_question(routes);
        let knowledge = self.api.ask_kernel(|answer| KernelRequest::Look(question, answer)).await;
        let detail = if self.form == RoutesForm::All { RouteDetail::All } else { RouteDetail::Line };
        let networks = routes.chunk_by(|a, b| a.prefix == b.prefix);
        for (position, routes) in networks.enumerate() {
            let ways = Ways { knowledge: knowledge.as_ref(), hops: &hops, position };
            let network = Network {
                prefix: routes[0].prefix.to_string(),
                routes: routes.iter().map(|route| self.names.route(route, ways, &self.clock)).collect(),
            };
            network.write(detail, self.clock.now, &mut self.reply);
        }
    }

    fn end(&mut self) -> String {
        let reply = std::mem::take(&mut self.reply);
        let Counts { shown, all, networks } = self.counts;
        match self.form {
            RoutesForm::Count => {
                reply.end(14, format_args!("{shown} of {all} routes for {networks} networks"))
            }
            _ if all == 0 && self.question.destination.is_some() => reply.end(8001, "Network not in table"),
            RoutesForm::Lines | RoutesForm::All => reply.end(0, ""),
        }
    }
}

/// The destination, and for the longest network around it the length that it has at most.
fn destination(networks: &Networks, family: BirdFamily) -> Result<(Option<Destination>, Option<u8>), String> {
    let syntax_error = || Reply::default().end(9001, "syntax error");
    let (text, is_longest) = match networks {
        Networks::All => return Ok((None, None)),
        Networks::Exactly(text) => (text, false),
        Networks::Longest(text) => (text, true),
    };
    let prefix = match text.parse::<IpAddr>() {
        Ok(address) => Prefix::host(address),
        Err(_) => text.parse().map_err(|_| syntax_error())?,
    };
    let address = prefix.network();
    if address.is_ipv4() != (family == BirdFamily::Ipv4) {
        return Err(syntax_error());
    }
    Ok(if is_longest {
        (Some(Destination::Address(address)), Some(prefix.length()))
    } else {
        (Some(Destination::Prefix(prefix)), None)
    })
}

/// Keeps the routes of the longest network of at most `length` that has a best route; where none has one, of the longest
/// network.
fn keep_longest(routes: &mut Vec<RouteView>, length: u8) {
    let within = || routes.iter().filter(|route| route.prefix.length() <= length);
    let best = within().filter(|route| matches!(route.status, RouteStatus::Best(_)));
    let longest = best.map(|route| route.prefix).max_by_key(|prefix| prefix.length());
    let longest = longest.or_else(|| within().map(|route| route.prefix).max_by_key(|prefix| prefix.length()));
    routes.retain(|route| Some(route.prefix) == longest);
}

/// What the kernel's side is asked about a page of sorted routes; and the number of each next hop in that question.
fn page_question(routes: &[RouteView]) -> (PageQuestion, HashMap<Hop, usize>) {
    let mut question = PageQuestion::default();
    let mut numbers = HashMap::new();
    for hop in routes.iter().filter_map(hop) {
        numbers.entry(hop).or_insert_with(|| {
            question.hops.push(hop);
            question.hops.len() - 1
        });
    }
    question.prefixes = routes.chunk_by(|a, b| a.prefix == b.prefix).map(|routes| routes[0].prefix).collect();
    (question, numbers)
}

/// The next hop of a route that has one.
fn hop(route: &RouteView) -> Option<Hop> {
    match (route.next_hop, route.local.link) {
        (Some(next_hop), Some(link)) => Some(Hop::OnLink(next_hop, link)),
        (Some(next_hop), None) => Some(Hop::Gateway(next_hop)),
        (None, Some(link)) => Some(Hop::Link(link)),
        (None, None) => None,
    }
}

/// What the kernel's side knows, for the network at a position of the page.
#[derive(Clone, Copy)]
struct Ways<'p> {
    /// `None` without a kernel: every next hop is taken to be reachable then.
    knowledge: Option<&'p PageKnowledge>,
    hops: &'p HashMap<Hop, usize>,
    position: usize,
}

impl Ways<'_> {
    fn prefix(&self) -> Option<&PrefixKnowledge> {
        self.knowledge?.prefixes.get(self.position)
    }

    fn hops(&self, hop: Hop) -> Option<&[NamedHop]> {
        let number = *self.hops.get(&hop)?;
        self.knowledge?.hops.get(number).map(Vec::as_slice)
    }

    fn target(&self, route: &RouteView) -> RouteTarget {
        match (route.local.discard, hop(route), route.local.source) {
            (Some(Discard::Blackhole), ..) => RouteTarget::Blackhole,
            (Some(Discard::Unreachable), ..) => RouteTarget::Unreachable,
            (Some(Discard::Prohibit), ..) => RouteTarget::Prohibited,
            (None, Some(hop), _) => match (self.hops(hop), hop.gateway()) {
                (Some(hops), _) => target(hops),
                (None, Some(gateway)) => {
                    RouteTarget::Via { gateway: gateway.address(), interface: NO_INTERFACE.to_owned() }
                }
                (None, None) => RouteTarget::Unreachable,
            },
            (None, None, SourceKind::Kernel) => {
                let foreign = self.prefix().and_then(|prefix| prefix.foreign.as_ref());
                foreign.map_or(RouteTarget::Unreachable, foreign_target)
            }
            // Own networks lead to more specific routes; packets for none of them are discarded.
            (None, None, SourceKind::Peer | SourceKind::Local | SourceKind::Static) => RouteTarget::Blackhole,
        }
    }
}

fn foreign_target(route: &ForeignRoute) -> RouteTarget {
    match route.kind {
        RouteKind::BLACKHOLE => RouteTarget::Blackhole,
        RouteKind::PROHIBIT => RouteTarget::Prohibited,
        RouteKind::UNREACHABLE => RouteTarget::Unreachable,
        _ => target(&route.hops),
    }
}

fn target(hops: &[NamedHop]) -> RouteTarget {
    match hops {
        [] => RouteTarget::Unreachable,
        [NamedHop { gateway: Some(gateway), link, .. }] => {
            RouteTarget::Via { gateway: *gateway, interface: link.clone() }
        }
        [NamedHop { gateway: None, link, .. }] => RouteTarget::Device(link.clone()),
        hops => RouteTarget::Multipath(hops.iter().filter_map(weighted_gateway).collect()),
    }
}

fn weighted_gateway(hop: &NamedHop) -> Option<WeightedGateway> {
    Some(WeightedGateway { gateway: hop.gateway?, interface: hop.link.clone(), weight: hop.weight.into() })
}

impl Names {
    /// The peer of this name in BIRD's form.
    fn peer(&self, name: &str) -> Result<&PeerEntry, String> {
        let is_meant = |peer: &&PeerEntry| symbol(&peer.config.name) == name;
        self.peers
            .values()
            .find(is_meant)
            .ok_or_else(|| Reply::default().end(9002, format_args!("{name} is not a protocol")))
    }

    /// The name of the protocol that a route comes from.
    fn protocol(&self, route: &RouteView) -> String {
        match (&route.peer, route.local.source) {
            (Some(peer), _) => symbol(peer),
            (None, SourceKind::Kernel) => KERNEL.to_owned(),
            (None, SourceKind::Peer | SourceKind::Local | SourceKind::Static) => STATIC.to_owned(),
        }
    }

    fn route(&self, route: &RouteView, ways: Ways<'_>, clock: &Clock) -> Route {
        let target = ways.target(route);
        let peer = route.peer.as_ref().and_then(|name| self.peers.get(&**name));
        let is_best = matches!(route.status, RouteStatus::Best(_));
        let has_failed = ways.prefix().is_some_and(|prefix| prefix.has_failed);
        Route {
            from: peer.map(|peer| peer.config.address).filter(|&address| !leads_to(&target, address)),
            target,
            protocol: self.protocol(route),
            since: peer.map_or(self.started, |peer| clock.before(peer.status.since.elapsed())),
            rank: match (is_best, has_failed) {
                (true, true) => RouteRank::NotInstalled,
                (true, false) => RouteRank::Primary,
                (false, _) => RouteRank::Other,
            },
            preference: route.local.preference,
            details: details(route, ways),
        }
    }
}

fn leads_to(target: &RouteTarget, address: IpAddr) -> bool {
    matches!(target, RouteTarget::Via { gateway, .. } if *gateway == address)
}

fn details(route: &RouteView, ways: Ways<'_>) -> RouteDetails {
    match route.local.source {
        SourceKind::Peer => RouteDetails::Bgp(Box::new(attributes(route))),
        SourceKind::Kernel => {
            let foreign = ways.prefix().and_then(|prefix| prefix.foreign.as_ref());
            RouteDetails::Kernel {
                source: foreign.map_or(0, |route| route.protocol),
                metric: foreign.map_or(0, |route| route.metric),
                scope: None,
            }
        }
        SourceKind::Local | SourceKind::Static => RouteDetails::Static,
    }
}

fn attributes(route: &RouteView) -> BgpAttributes {
    let attributes = &route.attributes;
    BgpAttributes {
        cost: route.local.cost.map_or(NextHopCost::Unreachable, NextHopCost::Known),
        origin: match attributes.origin() {
            Origin::Igp => margay_bird_ctl::Origin::Igp,
            Origin::Egp => margay_bird_ctl::Origin::Egp,
            Origin::Incomplete => margay_bird_ctl::Origin::Incomplete,
        },
        as_path: as_path(attributes),
        first_asn: first_asn(attributes),
        next_hop: match route.next_hop {
            Some(NextHop::Ipv6LinkLocal { global, link_local }) => format!("{global} {link_local}"),
            Some(next_hop) => next_hop.address().to_string(),
            None => String::new(),
        },
        med: attributes.med(),
        local_pref: attributes.local_pref().unwrap_or(DEFAULT_LOCAL_PREF),
        is_atomic_aggregate: attributes.atomic_aggregate(),
        aggregator: attributes.aggregator().map(|aggregator| (aggregator.address, aggregator.asn.0)),
        communities: attributes.communities().map(|community| halves(community.0)).collect(),
        originator_id: attributes.originator_id().map(|identifier| identifier.to_ipv4()),
        cluster_list: attributes.cluster_list().map(|cluster| Ipv4Addr::from(cluster.0)).collect(),
        extended_communities: attributes.extended_communities().map(|community| community.0).collect(),
        large_communities: attributes
            .large_communities()
            .map(|community| (community.global_administrator, community.local_data_1, community.local_data_2))
            .collect(),
        unknown: attributes
            .unknown()
            .map(|attribute| raw(attribute.attribute_type(), attribute.value()))
            .collect(),
    }
}

fn raw(attribute_type: AttributeType, value: &[u8]) -> (u8, Vec<u8>) {
    (attribute_type.0, value.to_vec())
}

fn halves(number: u32) -> (u16, u16) {
    let [a, b, c, d] = number.to_be_bytes();
    (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]))
}

/// The path in BIRD's words: sets in braces with spaces, those of confederations in parentheses.
fn as_path(attributes: &PathAttributes) -> String {
    let segments = attributes.as_path().segments().map(|segment| {
        let asns = segment.asns().map(|asn| asn.0.to_string()).collect::<Vec<_>>().join(" ");
        match segment.kind() {
            SegmentKind::Sequence => asns,
            SegmentKind::Set => format!("{{ {asns} }}"),
            SegmentKind::ConfederationSequence => format!("( {asns} )"),
            SegmentKind::ConfederationSet => format!("({{ {asns} }})"),
        }
    });
    segments.collect::<Vec<_>>().join(" ")
}

/// The AS that the route comes from; `None` where the path is empty or ends with a set.
fn first_asn(attributes: &PathAttributes) -> Option<u32> {
    let last = attributes.as_path().segments().last()?;
    (last.kind() == SegmentKind::Sequence).then(|| last.asns().last())?.map(|asn| asn.0)
}

/// The protocol of networks, static routes and aggregates.
pub(super) const STATIC: &str = "static1";

/// The protocol of the kernel's routes.
pub(super) const KERNEL: &str = "kernel1";

/// What routes come from or go to besides peers.
const OWN_PROTOCOLS: [&str; 2] = [STATIC, KERNEL];

/// The interface of a next hop that nobody looked for: a reflector without a kernel has none.
const NO_INTERFACE: &str = "?";

#[cfg(test)]
mod tests {
    use bgp_codec::PathAttributesBuilder;

    use super::*;

    #[test]
    fn paths_are_written_as_bird_writes_them() {
        for (path, expected, first) in [
            ("", "", None),
            ("64999 64998", "64999 64998", Some(64998)),
            ("65000 {65010 65011}", "65000 { 65010 65011 }", None),
            ("(65001 65002) 4200000001", "( 65001 65002 ) 4200000001", Some(4_200_000_001)),
        ] {
            let mut builder = PathAttributesBuilder::new(Origin::Igp);
            builder.as_path = path.parse().unwrap();
            let attributes = builder.build();
            assert_eq!((as_path(&attributes).as_str(), first_asn(&attributes)), (expected, first));
        }
    }

    #[test]
    fn a_network_is_of_the_sockets_family() {
        let parse = |text: &str, family| destination(&Networks::Longest(text.to_owned()), family);
        assert_eq!(
            parse("10.0.0.1", BirdFamily::Ipv4).unwrap(),
            (Some(Destination::Address("10.0.0.1".parse().unwrap())), Some(32))
        );
        assert_eq!(parse("2001:db8::/32", BirdFamily::Ipv6).unwrap().1, Some(32));
        for (text, family) in
            [("10.0.0.1", BirdFamily::Ipv6), ("::1", BirdFamily::Ipv4), ("10.0.0.0/33", BirdFamily::Ipv4)]
        {
            assert_eq!(parse(text, family).unwrap_err(), "9001 syntax error\n", "{text}");
        }
    }
}
