//! A filter language interpreter that takes every shortcut away: sets are lists, edits are made at once.

use bgp_codec::{
    AsPath, AsPathBuf, Community, ExtendedCommunity, Family, LargeCommunity, NextHop, PathAttributes,
    PathAttributesBuilder, PeerKind, Prefix, SegmentKind,
};
use margay_filter::{
    Action, AnyCommunity, AsPathCondition, AsnSet, CommunityPattern, CommunitySet, Condition, Destination,
    Edit, Expression, ExtendedPattern, Filter, Glob, LocalValues, NextHopChoice, NextHopCondition, Number,
    Operator, PeerCondition, PeerRelation, RoutePath, RouteSource, RpkiState, Session, SourceKind,
    ValueRange,
};

use crate::regular_expression;

/// A whole route.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) prefix: Prefix,
    pub(crate) rpki: RpkiState,
    pub(crate) attributes: PathAttributesBuilder,
    pub(crate) built: PathAttributes,
    pub(crate) next_hop: Option<NextHop>,
    /// As it was before any edit.
    pub(crate) received_next_hop: Option<NextHop>,
    pub(crate) local: LocalValues,
    pub(crate) source: Source,
    pub(crate) interface: Option<String>,
    pub(crate) is_stale: bool,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Source {
    Peer(Session),
    Other(SourceKind),
}

impl PartialEq for Route {
    fn eq(&self, other: &Self) -> bool {
        self.attributes.build().octets() == other.attributes.build().octets()
            && (self.prefix, self.next_hop, self.local) == (other.prefix, other.next_hop, other.local)
    }
}

impl Route {
    pub(crate) fn path(&self) -> RoutePath<'_> {
        RoutePath {
            family: self.prefix.family(),
            attributes: &self.built,
            next_hop: self.next_hop,
            local: self.local,
            source: match &self.source {
                Source::Peer(session) => RouteSource::Peer(session),
                Source::Other(SourceKind::Kernel) => RouteSource::Kernel,
                Source::Other(SourceKind::Static) => RouteSource::Static,
                Source::Other(SourceKind::Local | SourceKind::Peer) => RouteSource::Local,
            },
            interface: self.interface.as_deref(),
            is_stale: self.is_stale,
        }
    }

    pub(crate) fn destination(&self) -> Destination {
        Destination { prefix: self.prefix, rpki: self.rpki }
    }
}

pub(crate) struct Outcome {
    /// The route as it passes; `None` when it is rejected.
    pub(crate) route: Option<Route>,
    pub(crate) reason: String,
    /// The last rule it met that has its routes logged.
    pub(crate) logged_by: Option<String>,
}

pub(crate) fn run(filters: &[Filter], session: &Session, mut route: Route) -> Outcome {
    let mut reason = "accepted: no filter".to_owned();
    let mut logged_by = None;
    for filter in filters {
        match run_filter(filter, session, &mut route, &mut logged_by) {
            Some((true, by)) => reason = format!("accepted by {by}"),
            Some((false, by)) => {
                return Outcome { route: None, reason: format!("rejected by {by}"), logged_by };
            }
            None => {
                let reason = format!("rejected by filter {}: no rule matches", filter.name());
                return Outcome { route: None, reason, logged_by };
            }
        }
    }
    Outcome { route: Some(route), reason, logged_by }
}

/// Whether the filter accepts, and the rule; `None` where no rule decides.
fn run_filter(
    filter: &Filter,
    session: &Session,
    route: &mut Route,
    logged_by: &mut Option<String>,
) -> Option<(bool, String)> {
    for (index, rule) in filter.rules().iter().enumerate() {
        if !holds(&rule.condition, session, route) {
            continue;
        }
        let by = format!("filter {}, rule {}", filter.name(), index + 1);
        if rule.logs {
            *logged_by = Some(by.clone());
        }
        if rule.action == Action::Reject {
            return Some((false, by));
        }
        rule.edits.iter().for_each(|edit| apply(edit, route));
        match &rule.action {
            Action::Accept => return Some((true, by)),
            Action::Call(called) => {
                if let Some(decided) = run_filter(called, session, route, logged_by) {
                    return Some(decided);
                }
            }
            Action::Continue | Action::Reject => {}
        }
    }
    None
}

fn holds(condition: &Condition, session: &Session, route: &Route) -> bool {
    match condition {
        Condition::All(members) => members.iter().all(|member| holds(member, session, route)),
        Condition::Any(members) => members.iter().any(|member| holds(member, session, route)),
        Condition::Not(inner) => !holds(inner, session, route),
        Condition::Prefix(condition) => {
            condition.prefix().is_none_or(|prefix| is_inside(route.prefix, prefix))
                && condition.lengths().is_none_or(|lengths| {
                    (lengths.shortest()..=lengths.longest()).contains(&route.prefix.length())
                })
        }
        Condition::PrefixSet(set) => in_set(route.prefix, set.members()),
        Condition::Covering(covering) => is_inside(covering.0, route.prefix),
        Condition::Rpki(states) => states.contains(&route.rpki),
        Condition::Family(family) => {
            (*family == Family::IPV4_UNICAST) == matches!(route.prefix, Prefix::Ipv4(_))
        }
        Condition::Source(kinds) => kinds.contains(&match &route.source {
            Source::Peer(_) => SourceKind::Peer,
            Source::Other(kind) => *kind,
        }),
        Condition::SourcePeer(condition) => match &route.source {
            Source::Peer(session) => is_peer(condition, session),
            Source::Other(_) => false,
        },
        Condition::Session(condition) => is_peer(condition, session),
        Condition::Interface(globs) => route.interface.as_ref().is_some_and(|name| any_glob(globs, name)),
        Condition::NextHop(condition) => route.next_hop.is_some_and(|next_hop| {
            let host = Prefix::host(next_hop.address());
            match condition {
                NextHopCondition::In(prefix) => is_inside(host, *prefix),
                NextHopCondition::InSet(set) => in_set(host, set.members()),
            }
        }),
        Condition::Community(set) => any_community(set, route),
        Condition::AsPath(condition) => as_path_holds(condition, route.attributes.as_path.as_path()),
        Condition::Number(condition) => {
            number(condition.number, route).is_some_and(|value| in_range(condition.range, value))
        }
        Condition::Origin(origins) => origins.contains(route.attributes.origin),
        Condition::Stale(is_stale) => *is_stale == route.is_stale,
    }
}

/// An IPv6 route has no IPv4 next hop.
fn set_next_hop(next_hop: NextHop, route: &mut Route) {
    if route.prefix.family() == Family::IPV4_UNICAST || matches!(next_hop, NextHop::Ipv6(_)) {
        route.next_hop = Some(next_hop);
    }
}

fn in_range(range: ValueRange, value: u32) -> bool {
    range.lowest() <= value && value <= range.highest()
}

fn in_set(prefix: Prefix, members: &[margay_filter::PrefixRange]) -> bool {
    members.iter().any(|member| {
        let lengths = member.lengths();
        is_inside(prefix, member.prefix())
            && lengths.shortest() <= prefix.length()
            && prefix.length() <= lengths.longest()
    })
}

fn bits(prefix: Prefix) -> (bool, String) {
    let (is_ipv4, bits) = match prefix.network() {
        std::net::IpAddr::V4(address) => (true, format!("{:032b}", address.to_bits())),
        std::net::IpAddr::V6(address) => (false, format!("{:0128b}", address.to_bits())),
    };
    (is_ipv4, bits[..prefix.length().into()].to_owned())
}

fn is_inside(inner: Prefix, outer: Prefix) -> bool {
    let ((inner_family, inner), (outer_family, outer)) = (bits(inner), bits(outer));
    inner_family == outer_family && inner.starts_with(&outer)
}

fn any_glob(globs: &[Glob], name: &str) -> bool {
    globs.iter().any(|glob| {
        let pattern = glob.to_string().replace('.', "[.]").replace('*', ".*").replace('?', ".");
        regular_expression::is_match(&format!("^{pattern}$"), name)
    })
}

fn is_peer(condition: &PeerCondition, session: &Session) -> bool {
    match condition {
        PeerCondition::Name(globs) => any_glob(globs, &session.name),
        PeerCondition::Group(globs) => session.group.as_ref().is_some_and(|group| any_glob(globs, group)),
        PeerCondition::Address(prefix) => is_inside(Prefix::host(session.address), *prefix),
        PeerCondition::Relation(relations) => {
            relations.contains(&PeerRelation::Client) && session.is_client
                || relations.contains(&match session.kind {
                    PeerKind::Ebgp => PeerRelation::External,
                    PeerKind::Ibgp => PeerRelation::Internal,
                    PeerKind::Confederation => PeerRelation::Confederation,
                })
        }
    }
}

fn as_path_holds(condition: &AsPathCondition, path: AsPath<'_>) -> bool {
    let asns: Vec<u32> = path.asns().map(|asn| asn.0).collect();
    let has = |set: &AsnSet, asn: u32| {
        Vec::<ValueRange>::from(set.clone()).iter().any(|range| in_range(*range, asn))
    };
    match condition {
        AsPathCondition::Matches(pattern) => regular_expression::is_match(pattern.text(), &path.to_string()),
        AsPathCondition::Contains(set) => asns.iter().any(|&asn| has(set, asn)),
        AsPathCondition::StartsWith(expected) => {
            expected.len() <= asns.len() && expected.iter().zip(&asns).all(|(one, &other)| one.0 == other)
        }
        AsPathCondition::OriginatedBy(set) => {
            let text = path.to_string();
            if text.ends_with('}') {
                let (_, last) = text.rsplit_once('{').unwrap();
                last.trim_end_matches('}').split(' ').any(|asn| has(set, asn.parse().unwrap()))
            } else {
                asns.last().is_some_and(|&asn| has(set, asn))
            }
        }
        AsPathCondition::ReceivedFrom(set) => {
            let first = path.segments().next().filter(|segment| segment.kind() == SegmentKind::Sequence);
            first.is_some_and(|segment| has(set, segment.asns().next().unwrap().0))
        }
        AsPathCondition::Only(set) => asns.iter().all(|&asn| has(set, asn)),
    }
}

fn any_community(set: &CommunitySet, route: &Route) -> bool {
    let attributes = &route.attributes;
    set.patterns().any(|pattern| {
        attributes.communities.iter().any(|community| is_standard(pattern, *community))
            || attributes.large_communities.iter().any(|community| is_large(pattern, *community))
            || attributes.extended_communities.iter().any(|community| is_extended(pattern, *community))
    })
}

fn is_standard(pattern: CommunityPattern, community: Community) -> bool {
    match pattern {
        CommunityPattern::Standard([high, low]) => {
            in_range(high, community.0 / 65536) && in_range(low, community.0 % 65536)
        }
        CommunityPattern::Large(_) | CommunityPattern::Extended(_) => false,
    }
}

fn is_large(pattern: CommunityPattern, community: LargeCommunity) -> bool {
    match pattern {
        CommunityPattern::Large([administrator, one, two]) => {
            in_range(administrator, community.global_administrator)
                && in_range(one, community.local_data_1)
                && in_range(two, community.local_data_2)
        }
        CommunityPattern::Standard(_) | CommunityPattern::Extended(_) => false,
    }
}

/// By the text that the codec has for it.
fn is_extended(pattern: CommunityPattern, community: ExtendedCommunity) -> bool {
    let CommunityPattern::Extended(pattern) = pattern else { return false };
    let text = community.to_string();
    let parts: Vec<&str> = text.split(':').collect();
    let name = |subtype| if subtype == 2 { "rt" } else { "soo" };
    match pattern {
        ExtendedPattern::Exactly(expected) => expected == community,
        ExtendedPattern::OfAs { subtype, administrator, number } => match parts.as_slice() {
            [found, asn, value] => {
                let asn = asn.trim_end_matches('L').parse();
                *found == name(subtype)
                    && asn.is_ok_and(|asn| in_range(administrator, asn))
                    && in_range(number, value.parse().unwrap())
            }
            _ => false,
        },
        ExtendedPattern::OfAddress { subtype, administrator, number } => match parts.as_slice() {
            [found, address, value] => {
                *found == name(subtype)
                    && *address == administrator.to_string()
                    && in_range(number, value.parse().unwrap())
            }
            _ => false,
        },
    }
}

fn number(number: Number, route: &Route) -> Option<u32> {
    match number {
        Number::LocalPref => route.attributes.local_pref,
        Number::Med => route.attributes.med,
        Number::Metric => route.local.metric,
        Number::Preference => Some(route.local.preference),
        Number::Weight => Some(route.local.weight),
        Number::Tag => route.local.tag,
        Number::AsPathLength => Some(route.attributes.as_path.as_path().length()),
    }
}

fn value(expression: &Expression, route: &Route) -> Option<i128> {
    Some(match expression {
        Expression::Fixed(value) => i128::from(*value),
        Expression::Of(wanted) => i128::from(number(*wanted, route)?),
        Expression::Or(both) => match value(&both[0], route) {
            Some(value) => value,
            None => value(&both[1], route)?,
        },
        Expression::Joined(operator, both) => {
            let (left, right) = (value(&both[0], route)?, value(&both[1], route)?);
            match operator {
                Operator::Plus => left + right,
                Operator::Minus => left - right,
                Operator::Times => left * right,
                Operator::Min => left.min(right),
                Operator::Max => left.max(right),
            }
        }
    })
}

fn apply(edit: &Edit, route: &mut Route) {
    match edit {
        Edit::Numbers(numbers) => {
            let before = route.clone();
            for (number, expression) in numbers {
                let Some(value) = value(expression, &before) else { continue };
                set(*number, u32::try_from(value.max(0)).unwrap_or(u32::MAX), route);
            }
        }
        Edit::RemoveMed => route.attributes.med = None,
        Edit::Origin(origin) => route.attributes.origin = *origin,
        Edit::NextHop(choice) => match (choice, &route.source) {
            (NextHopChoice::Address(next_hop), _) => set_next_hop(*next_hop, route),
            (NextHopChoice::OwnAddress, _) => route.next_hop = None,
            (NextHopChoice::Peer, Source::Peer(session)) => {
                set_next_hop(session.address.to_string().parse().unwrap(), route);
            }
            (NextHopChoice::Keep, _) => route.next_hop = route.received_next_hop,
            (NextHopChoice::Peer, Source::Other(_)) => {}
        },
        Edit::AddCommunities(added) => added.iter().for_each(|community| add(*community, route)),
        Edit::RemoveCommunities(set) => {
            let patterns: Vec<CommunityPattern> = set.patterns().collect();
            let any = |is: &dyn Fn(CommunityPattern) -> bool| patterns.iter().any(|pattern| is(*pattern));
            let attributes = &mut route.attributes;
            attributes.communities.retain(|one| !any(&|pattern| is_standard(pattern, *one)));
            attributes.large_communities.retain(|one| !any(&|pattern| is_large(pattern, *one)));
            attributes.extended_communities.retain(|one| !any(&|pattern| is_extended(pattern, *one)));
        }
        Edit::ReplaceCommunities(given) => {
            route.attributes.communities.clear();
            route.attributes.large_communities.clear();
            route.attributes.extended_communities.clear();
            given.iter().for_each(|community| add(*community, route));
        }
        Edit::Prepend(asns) => {
            let before: Vec<String> = asns.iter().map(ToString::to_string).collect();
            let text = format!("{} {}", before.join(" "), route.attributes.as_path);
            route.attributes.as_path = text.trim().parse::<AsPathBuf>().unwrap();
        }
        Edit::Link(_) | Edit::Blackhole => {}
    }
}

fn add(community: AnyCommunity, route: &mut Route) {
    fn push<C: PartialEq>(list: &mut Vec<C>, community: C) {
        if list.iter().all(|known| *known != community) {
            list.push(community);
        }
    }
    match community {
        AnyCommunity::Standard(community) => push(&mut route.attributes.communities, community),
        AnyCommunity::Large(community) => push(&mut route.attributes.large_communities, community),
        AnyCommunity::Extended(community) => push(&mut route.attributes.extended_communities, community),
    }
}

fn set(number: Number, value: u32, route: &mut Route) {
    match number {
        Number::LocalPref => route.attributes.local_pref = Some(value),
        Number::Med => route.attributes.med = Some(value),
        Number::Metric => route.local.metric = Some(value),
        Number::Preference => route.local.preference = value,
        Number::Weight => route.local.weight = value,
        Number::Tag => route.local.tag = Some(value),
        Number::AsPathLength => {}
    }
}
