//! What a rule asks of a route: a tree of conditions, one file a kind.

mod as_path;
mod contradiction;
mod covering;
mod implication;
mod members;
mod next_hop;
mod number;
mod origin;
mod peer;
mod prefix;

use bgp_codec::Family;

pub use self::as_path::AsPathCondition;
pub use self::covering::Covering;
pub use self::members::Members;
pub use self::next_hop::NextHopCondition;
pub use self::number::NumberCondition;
pub use self::origin::OriginSet;
pub use self::peer::{PeerCondition, PeerRelation};
pub use self::prefix::PrefixCondition;
use crate::as_text;
use crate::community_set::CommunitySet;
use crate::glob::Glob;
use crate::prefix_set::PrefixSet;
use crate::route::{Destination, RouteSource, RpkiState, SourceKind};
use crate::session::Session;
use crate::view::View;

/// A condition on a route. Absent attributes meet no condition but a negation.
#[derive(Clone, Debug, Eq, Hash, PartialEq, serde::Deserialize, serde::Serialize)]
pub enum Condition {
    /// All members hold; without members, every route does.
    All(Members),
    /// At least one member holds; without members, no route does.
    Any(Members),
    /// The inner condition does not hold.
    Not(Box<Self>),
    /// The prefix lies inside another, has a length, or both.
    Prefix(PrefixCondition),
    /// The prefix is in a set.
    PrefixSet(PrefixSet),
    /// The prefix lies around another.
    Covering(Covering),
    /// The state of origin validation is one of these.
    Rpki(Vec<RpkiState>),
    /// The route is of this family.
    Family(#[serde(with = "as_text")] Family),
    /// The route comes from one of these kinds of sources.
    Source(Vec<SourceKind>),
    /// A peer advertised the route, and is as described.
    SourcePeer(PeerCondition),
    /// The peer that the filter works for is as described.
    Session(PeerCondition),
    /// The route of the kernel leads over an interface with such a name.
    Interface(Vec<Glob>),
    /// The next hop lies in a prefix or set.
    NextHop(NextHopCondition),
    /// The route carries a community of the set.
    Community(CommunitySet),
    /// The AS path is as described.
    AsPath(AsPathCondition),
    /// A number of the route lies in a range.
    Number(NumberCondition),
    /// ORIGIN is one of these.
    Origin(OriginSet),
    /// Whether the route is kept from a session that ended.
    Stale(bool),
}

impl Condition {
    /// Holds for every route.
    pub fn always() -> Self {
        Self::All(Members::default())
    }

    /// Holds for no route.
    pub fn never() -> Self {
        Self::Any(Members::default())
    }

    /// All of these.
    pub fn all(members: impl IntoIterator<Item = Self>) -> Self {
        let (is_never, members) = split(members, Self::is_never, Self::is_always);
        if is_never {
            return Self::never();
        }
        single(members).unwrap_or_else(|members| Self::All(Members::new(members)))
    }

    /// At least one of these.
    pub fn any(members: impl IntoIterator<Item = Self>) -> Self {
        let (is_always, members) = split(members, Self::is_always, Self::is_never);
        if is_always {
            return Self::always();
        }
        single(members).unwrap_or_else(|members| Self::Any(Members::new(members)))
    }

    /// The opposite.
    #[expect(clippy::should_implement_trait, reason = "a constructor beside all and any, not an operator")]
    pub fn not(inner: Self) -> Self {
        match inner {
            Self::Not(inner) => *inner,
            inner if inner.is_always() => Self::never(),
            inner if inner.is_never() => Self::always(),
            inner => Self::Not(Box::new(inner)),
        }
    }

    /// Whether it is known to hold for every route.
    pub fn is_always(&self) -> bool {
        matches!(self, Self::All(members) if members.is_empty())
    }

    /// Whether it is known to hold for no route.
    pub fn is_never(&self) -> bool {
        matches!(self, Self::Any(members) if members.is_empty())
    }

    /// Whether a route meets the condition.
    #[inline]
    pub(crate) fn holds(&self, view: View<'_>, destination: &Destination) -> bool {
        match self {
            Self::All(members) => members.iter().all(|member| member.holds(view, destination)),
            Self::Any(members) => members.iter().any(|member| member.holds(view, destination)),
            Self::Not(inner) => !inner.holds(view, destination),
            Self::Prefix(condition) => condition.holds_for(destination.prefix),
            Self::PrefixSet(set) => set.contains(destination.prefix),
            Self::Covering(condition) => condition.holds_for(destination.prefix),
            Self::Rpki(states) => states.contains(&destination.rpki),
            _ => self.holds_for_path(view),
        }
    }

    /// The outcome for all routes of a path; `None` where it depends on the prefix.
    pub(crate) fn settled(&self, view: View<'_>) -> Option<bool> {
        match self {
            Self::All(members) => {
                if !members.by_path().iter().all(|member| member.holds_for_path(view)) {
                    return Some(false);
                }
                let mut is_open = false;
                for member in members.by_prefix() {
                    match member.settled(view) {
                        Some(false) => return Some(false),
                        Some(true) => {}
                        None => is_open = true,
                    }
                }
                (!is_open).then_some(true)
            }
            Self::Any(members) => {
                if members.by_path().iter().any(|member| member.holds_for_path(view)) {
                    return Some(true);
                }
                let mut is_open = false;
                for member in members.by_prefix() {
                    match member.settled(view) {
                        Some(true) => return Some(true),
                        Some(false) => {}
                        None => is_open = true,
                    }
                }
                (!is_open).then_some(false)
            }
            Self::Not(inner) => inner.settled(view).map(|holds| !holds),
            Self::Prefix(_) | Self::PrefixSet(_) | Self::Covering(_) | Self::Rpki(_) => None,
            _ => Some(self.holds_for_path(view)),
        }
    }

    /// The outcome for one route of a path for which [`settled`](Self::settled) found none: its attributes are not looked
    /// at again.
    #[inline]
    pub(crate) fn holds_for_destination(&self, view: View<'_>, destination: &Destination) -> bool {
        match self {
            Self::All(members) => members.by_prefix().iter().all(|member| member.holds(view, destination)),
            Self::Any(members) => members.by_prefix().iter().any(|member| member.holds(view, destination)),
            Self::Not(inner) => !inner.holds_for_destination(view, destination),
            _ => self.holds(view, destination),
        }
    }

    /// The outcome of a condition that does not look at the prefix.
    fn holds_for_path(&self, view: View<'_>) -> bool {
        let path = view.path;
        match self {
            Self::All(members) => members.iter().all(|member| member.holds_for_path(view)),
            Self::Any(members) => members.iter().any(|member| member.holds_for_path(view)),
            Self::Not(inner) => !inner.holds_for_path(view),
            Self::Family(family) => path.family == *family,
            Self::Source(kinds) => kinds.contains(&path.source.kind()),
            Self::SourcePeer(condition) => {
                matches!(path.source, RouteSource::Peer(session) if condition.holds_for(session))
            }
            // The chain of a session has the answer in its place.
            Self::Session(_) => false,
            Self::Interface(globs) => {
                path.interface.is_some_and(|name| globs.iter().any(|glob| glob.matches(name)))
            }
            Self::NextHop(condition) => view.next_hop().is_some_and(|next_hop| condition.holds_for(next_hop)),
            Self::Community(set) => set.matches(view),
            Self::AsPath(condition) => condition.holds_for(view.as_path()),
            Self::Number(condition) => condition.holds_for(view),
            Self::Origin(origins) => origins.contains(view.origin()),
            Self::Stale(is_stale) => path.is_stale == *is_stale,
            Self::Prefix(_) | Self::PrefixSet(_) | Self::Covering(_) | Self::Rpki(_) => false,
        }
    }

    /// Whether the outcome depends on the prefix.
    pub fn looks_at_prefix(&self) -> bool {
        self.any_leaf(&mut |leaf| {
            matches!(leaf, Self::Prefix(_) | Self::PrefixSet(_) | Self::Covering(_) | Self::Rpki(_))
        })
    }

    /// Whether the outcome depends on where the route comes from.
    pub fn looks_at_source(&self) -> bool {
        self.any_leaf(&mut |leaf| matches!(leaf, Self::Source(_) | Self::SourcePeer(_)))
    }

    /// Whether the outcome depends on whether the route is kept from a session that ended.
    pub fn looks_at_staleness(&self) -> bool {
        self.any_leaf(&mut |leaf| matches!(leaf, Self::Stale(_)))
    }

    /// Whether the outcome depends on the result of origin validation.
    pub fn looks_at_rpki(&self) -> bool {
        self.any_leaf(&mut |leaf| matches!(leaf, Self::Rpki(_)))
    }

    /// Whether the outcome depends on the peer that the filter works for.
    pub fn looks_at_session(&self) -> bool {
        self.any_leaf(&mut |leaf| matches!(leaf, Self::Session(_)))
    }

    /// The condition as it is for one session: what it asks of the session is answered.
    pub(crate) fn for_session(&self, session: &Session) -> Self {
        match self {
            Self::All(members) => Self::all(members.iter().map(|member| member.for_session(session))),
            Self::Any(members) => Self::any(members.iter().map(|member| member.for_session(session))),
            Self::Not(inner) => Self::not(inner.for_session(session)),
            Self::Session(condition) if condition.holds_for(session) => Self::always(),
            Self::Session(_) => Self::never(),
            _ => self.clone(),
        }
    }

    fn any_leaf(&self, is_meant: &mut impl FnMut(&Self) -> bool) -> bool {
        match self {
            Self::All(members) | Self::Any(members) => members.iter().any(|member| member.any_leaf(is_meant)),
            Self::Not(inner) => inner.any_leaf(is_meant),
            leaf => is_meant(leaf),
        }
    }
}

/// Whether one of the members decides for all, and those that say something at all.
fn split(
    members: impl IntoIterator<Item = Condition>,
    decides: fn(&Condition) -> bool,
    says_nothing: fn(&Condition) -> bool,
) -> (bool, Vec<Condition>) {
    let members: Vec<Condition> = members.into_iter().filter(|member| !says_nothing(member)).collect();
    (members.iter().any(decides), members)
}

/// The only member, which needs no list around it.
fn single(members: Vec<Condition>) -> Result<Condition, Vec<Condition>> {
    <[Condition; 1]>::try_from(members).map(|[member]| member)
}
