//! The eligible paths of an entry, and the decision between them.

use std::cmp::Ordering;
use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::effect::Effect;
use super::{BestFew, Candidate, Decision, decide};
use crate::attributes::{AttributeHandle, AttributeStore};
use crate::family::RibFamily;
use crate::index::SourceIndex;
use crate::paths::{CandidateOrigin, Entry, ImportRefusal, LONG, Path, Sources};

/// The choice of the decision process for an entry, as positions in its list of paths.
#[derive(Default)]
pub(crate) struct Choice {
    pub(crate) best: Option<usize>,
    /// The other paths that share the traffic with the best one.
    pub(crate) others: Vec<usize>,
}

impl Choice {
    /// `with_others` says whether it matters which paths share the traffic.
    pub(crate) fn of<P: RibFamily>(
        store: &AttributeStore,
        sources: &Sources,
        entry: &Entry<P>,
        with_others: bool,
    ) -> Self {
        match entry.paths.as_slice() {
            [] => Self::default(),
            [path] => candidate(store, sources, path).map_or_else(|_| Self::default(), |_| Self::only(0)),
            paths if paths.len() > LONG => {
                Self::among_many(store, sources, paths, entry.best_source(), with_others)
            }
            paths => {
                let (positions, candidates) = rivals(store, sources, paths, entry.best_source());
                let Some(decision) = decide(&candidates) else { return Self::default() };
                let others = decision.multipath().filter(|&position| position != decision.best);
                Self {
                    best: Some(positions[decision.best]),
                    others: others.map(|position| positions[position]).collect(),
                }
            }
        }
    }

    /// The same choice, in one pass for the best path and one for the others.
    fn among_many(
        store: &AttributeStore,
        sources: &Sources,
        paths: &[Path],
        present_best: Option<SourceIndex>,
        with_others: bool,
    ) -> Self {
        let candidate_of = |position: usize| rival(store, sources, &paths[position], present_best).ok();
        let mut heads = BestFew::new(1);
        for position in 0..paths.len() {
            if let Some(path) = candidate_of(position).filter(|path| heads.admits(path, candidate_of)) {
                heads.add(&path, position, (), candidate_of);
            }
        }
        // The best path is the head of its neighbouring AS.
        let lowest_med = |best: &Candidate<'_>, path: &Candidate<'_>| {
            if path.neighbor() == best.neighbor() {
                return Some(best.med());
            }
            heads.head(path.neighbor()).and_then(candidate_of).map(|head| head.med())
        };
        let shares = |best: &Candidate<'_>, path: &Candidate<'_>| {
            path.compare_before_med(best).is_eq()
                && path.shares_traffic_with(best)
                && lowest_med(best, path) == Some(path.med())
        };
        let others = |best: usize| -> Vec<usize> {
            let Some(winner) = candidate_of(best).filter(|_| with_others) else { return Vec::new() };
            let sharing = |&at: &usize| candidate_of(at).is_some_and(|path| shares(&winner, &path));
            (0..paths.len()).filter(|&at| at != best).filter(sharing).collect()
        };
        match heads.best(candidate_of) {
            Some(best) => Self { best: Some(best), others: others(best) },
            None => Self::default(),
        }
    }

    /// A choice of one path that shares the traffic with no other.
    pub(crate) fn only(best: usize) -> Self {
        Self { best: Some(best), others: Vec::new() }
    }
}

/// Positions of the usable `paths` that can still win. Of paths with the same attributes, and so the same
/// next hop, only the one that the tie-breaks prefer is kept, and a path that loses before MULTI_EXIT_DISC to
/// an earlier one is left out.
fn rivals<'s>(
    store: &'s AttributeStore,
    sources: &'s Sources,
    paths: &[Path],
    present_best: Option<SourceIndex>,
) -> (Vec<usize>, Vec<Candidate<'s>>) {
    let mut by_handle: HashMap<AttributeHandle, usize, FixedState> = HashMap::default();
    let mut rivals: Vec<(usize, Candidate<'s>)> = Vec::new();
    let mut leader: Option<Candidate<'s>> = None;
    for (position, path) in paths.iter().enumerate() {
        let Ok(candidate) = rival(store, sources, path, present_best) else { continue };
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

/// A change of one path of an entry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PathChange {
    /// The former path from this source.
    pub(crate) old: Option<Path>,
    /// The present path from this source.
    pub(crate) new: Option<Path>,
    /// The path that was best before.
    pub(crate) former_best: Option<Path>,
}

impl PathChange {
    /// Effect on the former best path, as far as it follows from these paths alone.
    pub(crate) fn effect(&self, store: &AttributeStore, sources: &Sources) -> Effect {
        let Some(best) = self.former_best.filter(|best| self.old.is_none_or(|old| old.source != best.source))
        else {
            return Effect::Open;
        };
        let Ok(best) = rival(store, sources, &best, Some(best.source)) else { return Effect::Open };
        let old = self.old.as_ref().and_then(|old| former_candidate(store, sources, old));
        let new = self.new.as_ref().and_then(|new| candidate(store, sources, new).ok());
        Effect::on(&best, old.as_ref(), new.as_ref())
    }
}

/// Why a path is excluded from the decision process.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Unusable {
    Refused(ImportRefusal),
    NextHopUnreachable,
    PeerGone,
}

/// Positions of the usable `paths`, and the decision between them. `present_best` is the source of the best path.
pub(crate) fn contest(
    store: &AttributeStore,
    sources: &Sources,
    paths: &[Path],
    present_best: Option<SourceIndex>,
) -> Option<(Vec<usize>, Decision)> {
    let usable = (0..)
        .zip(paths)
        .filter_map(|(position, path)| Some((position, rival(store, sources, path, present_best).ok()?)));
    let (positions, candidates): (Vec<usize>, Vec<Candidate<'_>>) = usable.unzip();
    let decision = decide(&candidates)?;
    Some((positions, decision))
}

/// The best `most` of the usable paths of an entry, best first.
pub(crate) fn best_of<P: RibFamily>(
    store: &AttributeStore,
    sources: &Sources,
    entry: &Entry<P>,
    most: usize,
) -> Vec<Path> {
    let (paths, present_best) = (entry.paths.as_slice(), entry.best_source());
    let candidate_of = |path: Path| rival(store, sources, &path, present_best).ok();
    let mut few = BestFew::new(most);
    for &path in paths {
        if let Some(candidate) = candidate_of(path).filter(|path| few.admits(path, candidate_of)) {
            few.add(&candidate, path, (), candidate_of);
        }
    }
    let (best, _) = few.finish(candidate_of);
    best.into_iter().map(|(path, ())| path).collect()
}

/// The path as a candidate among those of its entry, of which `present_best` names the best one; or why it is excluded.
pub(crate) fn rival<'s>(
    store: &'s AttributeStore,
    sources: &'s Sources,
    path: &Path,
    present_best: Option<SourceIndex>,
) -> Result<Candidate<'s>, Unusable> {
    let candidate = candidate(store, sources, path)?;
    Ok(Candidate { is_present_best: Some(path.source) == present_best, ..candidate })
}

/// The path as a candidate by itself, or why it is excluded.
pub(crate) fn candidate<'s>(
    store: &'s AttributeStore,
    sources: &'s Sources,
    path: &Path,
) -> Result<Candidate<'s>, Unusable> {
    let handle = path.import.result().map_err(Unusable::Refused)?;
    let set = store.get(handle);
    let source = sources.get(path.source);
    let interior_cost = match store.next_hops.cost(set.next_hop) {
        // The next hops of a static route share the traffic whatever it costs to reach each of them.
        Some(_) if source.origin == CandidateOrigin::Local => 0,
        // It is on a named link: no way to its address matters, and the path exists while the link is usable.
        _ if set.values.link().is_some() => 0,
        Some(cost) => cost,
        None => return Err(Unusable::NextHopUnreachable),
    };
    if !source.is_up {
        return Err(Unusable::PeerGone);
    }
    Ok(Candidate {
        origin: source.origin,
        path_id: source.path_id,
        attributes: &set.attributes,
        interior_cost,
        is_long_lived_stale: set.is_long_lived_stale,
        preference: set.values.preference,
        weight: set.values.weight(),
        is_present_best: false,
        rules: sources.decision(),
    })
}

/// A path that may have been a candidate before, whether or not it is one now.
fn former_candidate<'s>(
    store: &'s AttributeStore,
    sources: &'s Sources,
    path: &Path,
) -> Option<Candidate<'s>> {
    let set = store.get(path.import.handle()?);
    let source = sources.get(path.source);
    // No step before MULTI_EXIT_DISC compares the cost.
    Some(Candidate {
        origin: source.origin,
        path_id: source.path_id,
        attributes: &set.attributes,
        interior_cost: 0,
        is_long_lived_stale: set.is_long_lived_stale,
        preference: set.values.preference,
        weight: set.values.weight(),
        is_present_best: false,
        rules: sources.decision(),
    })
}
