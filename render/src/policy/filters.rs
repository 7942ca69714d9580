//! Filters of `BGPFilter` objects.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use ipnet::IpNet;
use margay_cluster::object::{
    BgpFilter, BgpFilterAction, BgpFilterOperation, BgpFilterRuleV4, BgpFilterRuleV6, BgpPeer, MatchOperator,
    PeerType, RouteSourceMatch,
};
use margay_cluster::value::{Asn, Community};

use super::LOCAL_PREF_BASE;
use crate::context::Context;
use crate::{Family, Problem};

/// Which way routes go.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum FilterDirection {
    /// From a peer.
    Import,
    /// To a peer.
    Export,
}

/// A filter in the list of a peer.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum FilterUse {
    /// The filter of this name; a route that no rule of it matches goes on to the next filter.
    Named(String),
    /// The filter of this name cannot be used. Nothing passes, since what it would have rejected is not known.
    RejectAll(String),
}

/// A filter in one direction.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FilterPlan {
    /// The name of the object.
    pub name: String,
    /// Which way routes go.
    pub direction: FilterDirection,
    /// The rules, of which the first that matches decides.
    pub rules: Vec<RulePlan>,
}

/// A rule.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RulePlan {
    /// What a route must be; all of it.
    pub matches: RuleMatch,
    /// Whether a route that matches passes.
    pub accepts: bool,
    /// What is changed in it then, in order.
    pub edits: Vec<RuleEdit>,
}

/// What a route must be.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RuleMatch {
    /// Its prefix compared with a network, with the lengths that it may have. With lengths, `Equal` never holds and `NotEqual`
    /// always does, as in BIRD, which compares a prefix with a set of prefixes then.
    pub network: Option<(Operator, IpNet, Option<RangeInclusive<u8>>)>,
    /// Learned from a peer.
    pub from_peers: bool,
    /// The interface that it leads through, as a shell glob.
    pub interface: Option<String>,
    /// A community that it has.
    pub community: Option<Community>,
    /// What its AS path begins with.
    pub as_path_prefix: Vec<Asn>,
    /// Its LOCAL_PREF.
    pub local_pref: Option<u32>,
    /// Whether the peer is in the own AS.
    pub is_internal: Option<bool>,
}

/// How a prefix is compared with a network.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Operator {
    /// It is the network.
    Equal,
    /// It is not.
    NotEqual,
    /// It is the network or inside it.
    In,
    /// It is neither.
    NotIn,
}

/// A change of a route.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RuleEdit {
    /// Adds a community.
    AddCommunity(Community),
    /// Puts AS numbers before the path, so that they stand in this order.
    Prepend(Vec<Asn>),
    /// Sets LOCAL_PREF.
    SetLocalPref(u32),
}

/// The filters of a peer in one direction that have something to say in a family.
pub(crate) fn use_filters(
    context: &Context<'_>,
    peer: &BgpPeer,
    family: Family,
    direction: FilterDirection,
    problems: &mut Vec<Problem>,
) -> Vec<FilterUse> {
    let mut uses = Vec::new();
    for name in &peer.spec.filters {
        let Some(filter) = context.snapshot.filters.get(name) else {
            let what = format!("its filter {name} does not exist or is not valid: nothing passes");
            problems.push(Problem::new("BGPPeer", peer.metadata.name.as_str(), what));
            uses.push(FilterUse::RejectAll(name.clone()));
            continue;
        };
        match rules_of(filter, family, direction) {
            Ok(rules) if rules.is_empty() => (),
            Ok(_) => uses.push(FilterUse::Named(name.clone())),
            Err(why) => {
                let what = format!("{why}: nothing passes the filter");
                problems.push(Problem::new("BGPFilter", name, what));
                uses.push(FilterUse::RejectAll(name.clone()));
            }
        }
    }
    uses
}

/// The filters among those that peers use, in the order of their names, imports first.
pub(crate) fn plan_filters<'u>(
    context: &Context<'_>,
    family: Family,
    uses: impl Iterator<Item = (FilterDirection, &'u FilterUse)>,
) -> Vec<FilterPlan> {
    let named = uses.filter_map(|(direction, filter)| match filter {
        FilterUse::Named(name) => Some((name, direction)),
        FilterUse::RejectAll(_) => None,
    });
    let used: BTreeSet<(&String, FilterDirection)> = named.collect();
    let plan = |(name, direction): (&String, FilterDirection)| {
        let rules = rules_of(context.snapshot.filters.get(name)?, family, direction).ok()?;
        Some(FilterPlan { name: name.clone(), direction, rules })
    };
    used.into_iter().filter_map(plan).collect()
}

fn rules_of(filter: &BgpFilter, family: Family, direction: FilterDirection) -> Result<Vec<RulePlan>, String> {
    let spec = &filter.spec;
    let v4 = |rules: &[BgpFilterRuleV4]| {
        rules.iter().map(Source::from).map(rule_of).collect::<Result<Vec<_>, _>>()
    };
    let v6 = |rules: &[BgpFilterRuleV6]| {
        rules.iter().map(Source::from).map(rule_of).collect::<Result<Vec<_>, _>>()
    };
    match (family, direction) {
        (Family::V4, FilterDirection::Import) => v4(&spec.import_v4),
        (Family::V4, FilterDirection::Export) => v4(&spec.export_v4),
        (Family::V6, FilterDirection::Import) => v6(&spec.import_v6),
        (Family::V6, FilterDirection::Export) => v6(&spec.export_v6),
    }
}

/// A rule of either family.
struct Source<'a> {
    network: Option<IpNet>,
    operator: Option<MatchOperator>,
    lengths: Option<(Option<u8>, Option<u8>)>,
    source: Option<RouteSourceMatch>,
    interface: Option<&'a str>,
    peer_type: Option<PeerType>,
    community: Option<Community>,
    as_path_prefix: &'a [Asn],
    priority: Option<i64>,
    action: BgpFilterAction,
    operations: &'a [BgpFilterOperation],
}

/// Declares how a family's rule is read.
macro_rules! source_of {
    ($rule:ident) => {
        impl<'a> From<&'a $rule> for Source<'a> {
            fn from(rule: &'a $rule) -> Self {
                Self {
                    network: rule.cidr.map(|cidr| cidr.0.into()),
                    operator: rule.match_operator,
                    lengths: rule.prefix_length.as_ref().map(|lengths| (lengths.min, lengths.max)),
                    source: rule.source,
                    interface: rule.interface.as_ref().map(|glob| glob.as_str()),
                    peer_type: rule.peer_type,
                    community: rule.communities.as_ref().and_then(|list| list.values.first().copied()),
                    as_path_prefix: &rule.as_path_prefix,
                    priority: rule.priority,
                    action: rule.action,
                    operations: rule.operations.as_deref().unwrap_or_default(),
                }
            }
        }
    };
}

source_of!(BgpFilterRuleV4);
source_of!(BgpFilterRuleV6);

fn rule_of(source: Source<'_>) -> Result<RulePlan, String> {
    let network = match (source.network, source.operator) {
        (Some(network), Some(operator)) => {
            Some((operator_of(operator), network, lengths_of(&source, network)?))
        }
        (_, _) => None,
    };
    let matches = RuleMatch {
        network,
        from_peers: source.source == Some(RouteSourceMatch::RemotePeers),
        interface: source.interface.map(ToOwned::to_owned),
        community: source.community,
        as_path_prefix: source.as_path_prefix.to_vec(),
        local_pref: source.priority.map(local_pref_of).transpose()?,
        is_internal: source.peer_type.map(|kind| kind == PeerType::Ibgp),
    };
    let edits = source.operations.iter().map(edit_of).collect::<Result<_, _>>()?;
    Ok(RulePlan { matches, accepts: source.action == BgpFilterAction::Accept, edits })
}

fn operator_of(operator: MatchOperator) -> Operator {
    match operator {
        MatchOperator::Equal => Operator::Equal,
        MatchOperator::NotEqual => Operator::NotEqual,
        MatchOperator::In => Operator::In,
        MatchOperator::NotIn => Operator::NotIn,
    }
}

/// Lengths that the prefix may have; those that the network excludes are cut off.
fn lengths_of(source: &Source<'_>, network: IpNet) -> Result<Option<RangeInclusive<u8>>, String> {
    let Some((min, max)) = source.lengths else { return Ok(None) };
    let shortest = min.unwrap_or(0).max(network.prefix_len());
    let longest = max.unwrap_or(u8::MAX).min(network.max_prefix_len());
    if shortest > longest {
        return Err(format!("{network} has no prefixes of the lengths {shortest} to {longest}"));
    }
    Ok(Some(shortest..=longest))
}

/// The LOCAL_PREF that a metric is advertised with.
fn local_pref_of(priority: i64) -> Result<u32, String> {
    let priority = u32::try_from(priority).ok().and_then(|priority| LOCAL_PREF_BASE.checked_sub(priority));
    priority.ok_or_else(|| format!("a priority is not from 0 to {LOCAL_PREF_BASE}"))
}

fn edit_of(operation: &BgpFilterOperation) -> Result<RuleEdit, String> {
    if let Some(added) = &operation.add_community {
        return Ok(RuleEdit::AddCommunity(added.value));
    }
    if let Some(prepended) = &operation.prepend_as_path {
        return Ok(RuleEdit::Prepend(prepended.prefix.clone()));
    }
    match &operation.set_priority {
        Some(priority) => local_pref_of(priority.value).map(RuleEdit::SetLocalPref),
        None => Err("an operation changes nothing".to_owned()),
    }
}
