//! The paths of an entry that may be chosen, and the decision between them.

use std::cmp::Ordering;
use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::effect::Effect;
use super::{Candidate, Decision, decide};
use crate::attributes::{AttributeHandle, AttributeStore};
use crate::family::RibFamily;
use crate::paths::{Entry, ImportRefusal, Path, Sources};

/// What the decision process chose for an entry, as positions in its paths.
#[derive(Default)]
pub(crate) struct Choice {
    pub(crate) best: Option<usize>,
    /// The other paths that share the traffic with it.
    pub(crate) others: Vec<usize>,
}

impl Choice {
    pub(crate) fn of<P: RibFamily>(store: &AttributeStore, sources: &Sources, entry: &Entry<P>) -> Self {
        match entry.paths.as_slice() {
            [] => Self::default(),
            [path] => candidate(store, sources, path).map_or_else(|_| Self::default(), |_| Self::only(0)),
            paths => {
                let (positions, candidates) = rivals(store, sources, paths);
                let Some(decision) = decide(&candidates) else { return Self::default() };
                let others = decision.multipath().filter(|&position| position != decision.best);
                Self {
                    best: Some(positions[decision.best]),
                    others: others.map(|position| positions[position]).collect(),
                }
            }
        }
    }

    /// One path that shares the traffic with no other.
    pub(crate) fn only(best: usize) -> Self {
        Self { best: Some(best), others: Vec::new() }
    }
}

/// The usable ones among `paths` that may be chosen, by position: of paths with the same attributes, and so with the same
/// next hop, only the one that tie-breaks prefer, and none that lose before MULTI_EXIT_DISC to one of those seen so far.
fn rivals<'s>(
    store: &'s AttributeStore,
    sources: &'s Sources,
    paths: &[Path],
) -> (Vec<usize>, Vec<Candidate<'s>>) {
    let mut by_handle: HashMap<AttributeHandle, usize, FixedState> = HashMap::default();
    let mut rivals: Vec<(usize, Candidate<'s>)> = Vec::new();
    let mut leader: Option<Candidate<'s>> = None;
    for (position, path) in paths.iter().enumerate() {
        let Ok(candidate) = candidate(store, sources, path) else { continue };
        if let Some(number) = path.import.handle().and_then(|handle| by_handle.get(&handle)) {
            if let Some(rival) = rivals.get_mut(*number)
                && candidate.is_preferred_to_equal(&rival.1)
            {
                *rival = (position, candidate);
            }
            continue;
        }
        match leader.map(|leader| candidate.compare_before_med(&leader)) {
            Some(Ordering::Greater) => continue,
            Some(Ordering::Less) => {
                rivals.clear();
                by_handle.clear();
                leader = Some(candidate);
            }
            Some(Ordering::Equal) => {}
            None => leader = Some(candidate),
        }
        by_handle.extend(path.import.handle().map(|handle| (handle, rivals.len())));
        rivals.push((position, candidate));
    }
    rivals.into_iter().unzip()
}

/// One path of an entry that changed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PathChange {
    /// What stood in its place before.
    pub(crate) old: Option<Path>,
    /// What stands there now.
    pub(crate) new: Option<Path>,
    /// The path that was best before.
    pub(crate) former_best: Option<Path>,
}

impl PathChange {
    /// What it does to the former best path, as far as that can be known from these paths alone.
    pub(crate) fn effect(&self, store: &AttributeStore, sources: &Sources) -> Effect {
        let Some(best) = self.former_best.filter(|best| self.old.is_none_or(|old| old.source != best.source))
        else {
            return Effect::Open;
        };
        let Ok(best) = candidate(store, sources, &best) else { return Effect::Open };
        let old = self.old.as_ref().and_then(|old| former_candidate(store, sources, old));
        let new = self.new.as_ref().and_then(|new| candidate(store, sources, new).ok());
        Effect::on(&best, old.as_ref(), new.as_ref())
    }
}

/// Why a path takes no part in the decision process.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Unusable {
    Refused(ImportRefusal),
    NextHopUnreachable,
    PeerGone,
}

/// The usable ones among `paths` by position, and the decision between them.
pub(crate) fn contest(
    store: &AttributeStore,
    sources: &Sources,
    paths: &[Path],
) -> Option<(Vec<usize>, Decision)> {
    let usable = (0..)
        .zip(paths)
        .filter_map(|(position, path)| Some((position, candidate(store, sources, path).ok()?)));
    let (positions, candidates): (Vec<usize>, Vec<Candidate<'_>>) = usable.unzip();
    let decision = decide(&candidates)?;
    Some((positions, decision))
}

/// The best `most` of these paths, all of them usable, best first.
pub(crate) fn best_of(
    store: &AttributeStore,
    sources: &Sources,
    mut paths: Vec<Path>,
    most: usize,
) -> Vec<Path> {
    let mut best = Vec::new();
    while best.len() < most
        && let Some((positions, decision)) = contest(store, sources, &paths)
    {
        best.push(paths.remove(positions[decision.best]));
    }
    best
}

/// What the decision process has to know of a path, if the path takes part.
pub(crate) fn candidate<'s>(
    store: &'s AttributeStore,
    sources: &'s Sources,
    path: &Path,
) -> Result<Candidate<'s>, Unusable> {
    let handle = path.import.result().map_err(Unusable::Refused)?;
    let set = store.get(handle);
    let interior_cost = store.next_hops.cost(set.next_hop).ok_or(Unusable::NextHopUnreachable)?;
    let source = sources.get(path.source);
    if !source.is_up {
        return Err(Unusable::PeerGone);
    }
    Ok(Candidate {
        origin: source.origin,
        path_id: source.path_id,
        attributes: &set.attributes,
        interior_cost,
        preference: set.values.preference,
        weight: set.values.weight(),
    })
}

/// A path that may have taken part before, whether or not it would now.
fn former_candidate<'s>(
    store: &'s AttributeStore,
    sources: &'s Sources,
    path: &Path,
) -> Option<Candidate<'s>> {
    let set = store.get(path.import.handle()?);
    let source = sources.get(path.source);
    // Nothing before MULTI_EXIT_DISC looks at the cost.
    Some(Candidate {
        origin: source.origin,
        path_id: source.path_id,
        attributes: &set.attributes,
        interior_cost: 0,
        preference: set.values.preference,
        weight: set.values.weight(),
    })
}
