//! What a rule sets in a route: edits, one file a kind.

mod communities;
mod next_hop;
mod origin;
mod prepend;

use std::sync::Arc;

use bgp_codec::{Asn, Origin};

pub use self::next_hop::NextHopChoice;
use crate::as_text;
use crate::community_pattern::AnyCommunity;
use crate::community_set::CommunitySet;
use crate::expression::Expression;
use crate::number::Number;
use crate::route::RoutePath;
use crate::route_edits::RouteEdits;
use crate::view::View;

/// One thing that a rule sets. Sees what was set before, by this rule and those before it.
#[derive(Clone, Debug, Eq, Hash, PartialEq, serde::Deserialize, serde::Serialize)]
pub enum Edit {
    /// Numbers become the results of expressions, all at once: each expression sees the route as it was before. A number
    /// stays where there is no result, and the length of the AS path always does.
    Numbers(Vec<(Number, Expression)>),
    /// MULTI_EXIT_DISC is removed.
    RemoveMed,
    /// ORIGIN.
    Origin(#[serde(with = "origin::OriginName")] Origin),
    /// The next hop.
    NextHop(NextHopChoice),
    /// Communities are added that are not there yet.
    AddCommunities(Vec<AnyCommunity>),
    /// Communities of the set are removed.
    RemoveCommunities(CommunitySet),
    /// All communities of all kinds give way to these.
    ReplaceCommunities(Vec<AnyCommunity>),
    /// These systems are put before the AS path, in this order.
    Prepend(#[serde(with = "as_text::list")] Vec<Asn>),
    /// The link that packets leave over, on which the next hop is whatever the routes say. For what is installed.
    Link(Arc<str>),
    /// Packets to the route are dropped (RFC 7999). On export, the community BLACKHOLE asks the peer to do so.
    Blackhole,
}

impl Edit {
    /// Sets one number.
    pub fn number(number: Number, expression: Expression) -> Self {
        Self::Numbers(vec![(number, expression)])
    }

    /// Adds the edit to those made so far.
    pub(crate) fn apply(&self, path: &RoutePath<'_>, edits: &mut RouteEdits) {
        match self {
            Self::Numbers(numbers) => set_numbers(numbers, path, edits),
            Self::RemoveMed => edits.med = Some(None),
            Self::Origin(origin) => edits.origin = Some(*origin),
            Self::NextHop(choice) => next_hop::apply(*choice, path, edits),
            Self::AddCommunities(added) => communities::add(added, path, edits),
            Self::RemoveCommunities(set) => communities::remove(set, path, edits),
            Self::ReplaceCommunities(given) => communities::replace(given, edits),
            Self::Prepend(asns) => prepend::apply(asns, path, edits),
            Self::Link(link) => edits.link = Some(Arc::clone(link)),
            Self::Blackhole => edits.blackhole = true,
        }
    }
}

fn set_numbers(numbers: &[(Number, Expression)], path: &RoutePath<'_>, edits: &mut RouteEdits) {
    if let [(number, expression)] = numbers {
        if let Some(value) = expression.value(View { path, edits }) {
            set_number(*number, value, edits);
        }
        return;
    }
    let before = edits.clone();
    for (number, expression) in numbers {
        if let Some(value) = expression.value(View { path, edits: &before }) {
            set_number(*number, value, edits);
        }
    }
}

fn set_number(number: Number, value: u32, edits: &mut RouteEdits) {
    match number {
        Number::LocalPref => edits.local_pref = Some(value),
        Number::Med => edits.med = Some(Some(value)),
        Number::Metric => edits.metric = Some(value),
        Number::Preference => edits.preference = Some(value),
        Number::Weight => edits.weight = Some(value),
        Number::Tag => edits.tag = Some(value),
        Number::AsPathLength => {}
    }
}
