//! Conditions that follow from others.

use super::{AsPathCondition, Condition, Covering, NextHopCondition, PeerCondition, PrefixCondition};

impl Condition {
    /// Whether every route that meets this condition is known to meet the other one, too. `false` also where that cannot be
    /// seen from the conditions alone.
    pub fn implies(&self, other: &Self) -> bool {
        self == other
            || self.is_never()
            || other.is_always()
            || self.members_imply(other)
            || self.implies_members_of(other)
            || leaf_implies(self, other)
    }

    fn members_imply(&self, other: &Self) -> bool {
        match self {
            Self::All(members) => members.iter().any(|member| member.implies(other)),
            Self::Any(members) => !members.is_empty() && members.iter().all(|member| member.implies(other)),
            _ => false,
        }
    }

    fn implies_members_of(&self, other: &Self) -> bool {
        match other {
            Self::All(members) => members.iter().all(|member| self.implies(member)),
            Self::Any(members) => members.iter().any(|member| self.implies(member)),
            _ => false,
        }
    }

    /// Whether no rule can change the outcome by what it sets.
    pub(crate) fn is_beyond_edits(&self) -> bool {
        !self.any_leaf(&mut |leaf| {
            matches!(
                leaf,
                Self::NextHop(_) | Self::Community(_) | Self::AsPath(_) | Self::Number(_) | Self::Origin(_)
            )
        })
    }
}

fn leaf_implies(one: &Condition, other: &Condition) -> bool {
    match (one, other) {
        (Condition::Not(one), Condition::Not(other)) => other.implies(one),
        (Condition::Prefix(one), Condition::Prefix(other)) => is_within(one, other),
        (Condition::Prefix(one), Condition::Family(family)) => {
            one.prefix().is_some_and(|prefix| prefix.family() == *family)
        }
        (Condition::PrefixSet(one), Condition::PrefixSet(other)) => {
            let is_inside = |member: PrefixCondition| {
                other.members().iter().any(|&outer| is_within(&member, &outer.into()))
            };
            one.members().len() * other.members().len() <= MOST_COMPARISONS
                && one.members().iter().all(|&member| is_inside(member.into()))
        }
        (Condition::PrefixSet(set), Condition::Prefix(other)) => {
            set.members().iter().all(|&member| is_within(&member.into(), other))
        }
        (Condition::Prefix(one), Condition::PrefixSet(set)) => {
            set.members().iter().any(|&member| is_within(one, &member.into()))
        }
        // What lies around the larger prefix lies around all inside it.
        (Condition::Covering(Covering(one)), Condition::Covering(Covering(other))) => one.contains(*other),
        (Condition::Rpki(one), Condition::Rpki(other)) => is_subset(one, other),
        (Condition::Source(one), Condition::Source(other)) => is_subset(one, other),
        (Condition::SourcePeer(one), Condition::SourcePeer(other))
        | (Condition::Session(one), Condition::Session(other)) => peer_implies(one, other),
        (Condition::Interface(one), Condition::Interface(other)) => is_subset(one, other),
        (Condition::NextHop(NextHopCondition::In(one)), Condition::NextHop(NextHopCondition::In(other))) => {
            other.contains(*one)
        }
        (Condition::Number(one), Condition::Number(other)) => {
            one.number == other.number
                && other.range.lowest() <= one.range.lowest()
                && one.range.highest() <= other.range.highest()
        }
        (
            Condition::AsPath(AsPathCondition::StartsWith(one)),
            Condition::AsPath(AsPathCondition::StartsWith(other)),
        ) => one.starts_with(other),
        _ => false,
    }
}

fn is_within(one: &PrefixCondition, other: &PrefixCondition) -> bool {
    let prefix = match (one.prefix(), other.prefix()) {
        (_, None) => true,
        (Some(inner), Some(outer)) => outer.contains(inner),
        (None, Some(_)) => false,
    };
    let lengths = match (one.lengths(), other.lengths()) {
        (_, None) => true,
        (Some(inner), Some(outer)) => {
            outer.shortest() <= inner.shortest() && inner.longest() <= outer.longest()
        }
        // Without a range, every length inside the prefix.
        (None, Some(outer)) => one.prefix().is_some_and(|prefix| {
            let longest = if matches!(prefix, bgp_codec::Prefix::Ipv4(_)) { 32 } else { 128 };
            outer.shortest() <= prefix.length() && longest <= outer.longest()
        }),
    };
    prefix && lengths
}

fn peer_implies(one: &PeerCondition, other: &PeerCondition) -> bool {
    match (one, other) {
        (PeerCondition::Name(one), PeerCondition::Name(other))
        | (PeerCondition::Group(one), PeerCondition::Group(other)) => is_subset(one, other),
        (PeerCondition::Address(one), PeerCondition::Address(other)) => other.contains(*one),
        (PeerCondition::Relation(one), PeerCondition::Relation(other)) => is_subset(one, other),
        _ => false,
    }
}

fn is_subset<T: PartialEq>(one: &[T], other: &[T]) -> bool {
    one.iter().all(|item| other.contains(item))
}

/// Sets of prefixes are compared member by member up to this many comparisons; larger ones only for equality.
const MOST_COMPARISONS: usize = 1_000_000;
