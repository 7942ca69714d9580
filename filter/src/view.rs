//! A route as the next rule sees it: with what earlier rules have set.

use bgp_codec::{AsPath, Community, ExtendedCommunity, LargeCommunity, NextHop, Origin};

use crate::route::RoutePath;
use crate::route_edits::{NextHopEdit, RouteEdits};

/// A route with the edits made so far. Reads attributes only when a rule asks.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) path: &'a RoutePath<'a>,
    pub(crate) edits: &'a RouteEdits,
}

impl<'a> View<'a> {
    pub(crate) fn local_pref(self) -> Option<u32> {
        self.edits.local_pref.or_else(|| self.path.attributes.local_pref())
    }

    pub(crate) fn med(self) -> Option<u32> {
        self.edits.med.unwrap_or_else(|| self.path.attributes.med())
    }

    pub(crate) fn origin(self) -> Origin {
        self.edits.origin.unwrap_or_else(|| self.path.attributes.origin())
    }

    pub(crate) fn metric(self) -> Option<u32> {
        self.edits.metric.or(self.path.local.metric)
    }

    pub(crate) fn preference(self) -> u32 {
        self.edits.preference.unwrap_or(self.path.local.preference)
    }

    pub(crate) fn weight(self) -> u32 {
        self.edits.weight.unwrap_or(self.path.local.weight)
    }

    pub(crate) fn tag(self) -> Option<u32> {
        self.edits.tag.or(self.path.local.tag)
    }

    /// The next hop; `None` is this speaker.
    pub(crate) fn next_hop(self) -> Option<NextHop> {
        match self.edits.next_hop {
            Some(NextHopEdit::Address(next_hop)) => Some(next_hop),
            Some(NextHopEdit::OwnAddress) => None,
            Some(NextHopEdit::Keep) | None => self.path.next_hop,
        }
    }

    pub(crate) fn as_path(self) -> AsPath<'a> {
        match self.edits.lists().and_then(|lists| lists.as_path.as_ref()) {
            Some(as_path) => as_path.as_path(),
            None => self.path.attributes.as_path(),
        }
    }

    pub(crate) fn as_path_length(self) -> u32 {
        match self.edits.lists().and_then(|lists| lists.as_path.as_ref()) {
            Some(as_path) => as_path.as_path().length(),
            None => self.path.attributes.as_path_length(),
        }
    }

    pub(crate) fn communities(self) -> impl Iterator<Item = Community> + 'a {
        let edited = self.edits.lists().and_then(|lists| lists.communities.as_deref());
        let own = edited.is_none().then(|| self.path.attributes.communities());
        edited.unwrap_or_default().iter().copied().chain(own.into_iter().flatten())
    }

    pub(crate) fn large_communities(self) -> impl Iterator<Item = LargeCommunity> + 'a {
        let edited = self.edits.lists().and_then(|lists| lists.large_communities.as_deref());
        let own = edited.is_none().then(|| self.path.attributes.large_communities());
        edited.unwrap_or_default().iter().copied().chain(own.into_iter().flatten())
    }

    pub(crate) fn extended_communities(self) -> impl Iterator<Item = ExtendedCommunity> + 'a {
        let edited = self.edits.lists().and_then(|lists| lists.extended_communities.as_deref());
        let own = edited.is_none().then(|| self.path.attributes.extended_communities());
        edited.unwrap_or_default().iter().copied().chain(own.into_iter().flatten())
    }
}
