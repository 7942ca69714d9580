//! Adding, removing and replacing communities of all kinds.

use bgp_codec::{Community, ExtendedCommunity, LargeCommunity};

use crate::community_pattern::AnyCommunity;
use crate::community_set::CommunitySet;
use crate::route::RoutePath;
use crate::route_edits::{ListEdits, RouteEdits};
use crate::view::View;

/// Adds communities at the end of their lists, each once.
pub(super) fn add(added: &[AnyCommunity], path: &RoutePath<'_>, edits: &mut RouteEdits) {
    for community in added {
        match community {
            AnyCommunity::Standard(community) => push_once(standard(path, edits), *community),
            AnyCommunity::Large(community) => push_once(large(path, edits), *community),
            AnyCommunity::Extended(community) => push_once(extended(path, edits), *community),
        }
    }
}

/// Removes the communities of a set. Lists of which none is in it are left alone.
pub(super) fn remove(set: &CommunitySet, path: &RoutePath<'_>, edits: &mut RouteEdits) {
    let view = View { path, edits };
    let has_standard = view.communities().any(|community| set.has_standard(community));
    let has_large = view.large_communities().any(|community| set.has_large(community));
    let has_extended = view.extended_communities().any(|community| set.has_extended(community));
    if has_standard {
        standard(path, edits).retain(|community| !set.has_standard(*community));
    }
    if has_large {
        large(path, edits).retain(|community| !set.has_large(*community));
    }
    if has_extended {
        extended(path, edits).retain(|community| !set.has_extended(*community));
    }
}

/// Puts these in the place of all communities.
pub(super) fn replace(given: &[AnyCommunity], edits: &mut RouteEdits) {
    let lists: &mut ListEdits = edits.lists_mut();
    let communities = lists.communities.insert(Vec::new());
    let large_communities = lists.large_communities.insert(Vec::new());
    let extended_communities = lists.extended_communities.insert(Vec::new());
    for community in given {
        match community {
            AnyCommunity::Standard(community) => push_once(communities, *community),
            AnyCommunity::Large(community) => push_once(large_communities, *community),
            AnyCommunity::Extended(community) => push_once(extended_communities, *community),
        }
    }
}

fn push_once<C: PartialEq>(list: &mut Vec<C>, community: C) {
    if !list.contains(&community) {
        list.push(community);
    }
}

/// The route's list, to be changed.
fn standard<'e>(path: &RoutePath<'_>, edits: &'e mut RouteEdits) -> &'e mut Vec<Community> {
    edits.lists_mut().communities.get_or_insert_with(|| path.attributes.communities().collect())
}

fn large<'e>(path: &RoutePath<'_>, edits: &'e mut RouteEdits) -> &'e mut Vec<LargeCommunity> {
    edits.lists_mut().large_communities.get_or_insert_with(|| path.attributes.large_communities().collect())
}

fn extended<'e>(path: &RoutePath<'_>, edits: &'e mut RouteEdits) -> &'e mut Vec<ExtendedCommunity> {
    let own = || path.attributes.extended_communities().collect();
    edits.lists_mut().extended_communities.get_or_insert_with(own)
}
