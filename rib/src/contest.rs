//! The paths of an entry that may be chosen, and the decision between them.

use crate::decision::{Candidate, CandidateOrigin, Decision, decide};
use crate::family::RibFamily;
use crate::family_rib::Shared;
use crate::path::{ImportRefusal, Path};
use crate::peer::PeerIndex;
use crate::table::Entry;

/// What the decision process chose for an entry, as positions in its paths.
pub(crate) struct Choice {
    pub(crate) best: Option<usize>,
    pub(crate) multipath: Vec<usize>,
}

impl Choice {
    pub(crate) fn of<P: RibFamily>(shared: &Shared, entry: &Entry<P>) -> Self {
        match entry.paths.as_slice() {
            [] => Self { best: None, multipath: Vec::new() },
            [path] => {
                let best = candidate(shared, path).ok().map(|_| 0);
                Self { best, multipath: best.into_iter().collect() }
            }
            paths => {
                let Some((positions, decision)) = contest(shared, paths) else {
                    return Self { best: None, multipath: Vec::new() };
                };
                let multipath = decision.multipath().map(|position| positions[position]).collect();
                Self { best: Some(positions[decision.best]), multipath }
            }
        }
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
pub(crate) fn contest(shared: &Shared, paths: &[Path]) -> Option<(Vec<usize>, Decision)> {
    let usable =
        (0..).zip(paths).filter_map(|(position, path)| Some((position, candidate(shared, path).ok()?)));
    let (positions, candidates): (Vec<usize>, Vec<Candidate<'_>>) = usable.unzip();
    let decision = decide(&candidates)?;
    Some((positions, decision))
}

/// What the decision process has to know of a path, if the path takes part.
pub(crate) fn candidate<'s>(shared: &'s Shared, path: &Path) -> Result<Candidate<'s>, Unusable> {
    let handle = path.import.result().map_err(Unusable::Refused)?;
    let set = shared.store.get(handle);
    let interior_cost = shared.store.next_hops.cost(set.next_hop).ok_or(Unusable::NextHopUnreachable)?;
    let origin = if path.source == PeerIndex::LOCAL {
        CandidateOrigin::Local
    } else {
        let options = shared.peers.up(path.source).ok_or(Unusable::PeerGone)?;
        CandidateOrigin::Peer { kind: options.kind, identifier: options.identifier, address: options.address }
    };
    Ok(Candidate { origin, attributes: &set.attributes, interior_cost })
}
