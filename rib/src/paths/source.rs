//! Sources of paths: a peer's session together with the path identifier that the peer assigned (RFC 7911 §3).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use bgp_codec::{BgpIdentifier, PathId, PeerKind};

use crate::index::{PeerIndex, SourceIndex};
use crate::options::{DecisionRules, PeerOptions, Reflection};

/// What the decision process has to know of a source.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    pub(crate) peer: PeerIndex,
    /// The path identifier that the peer assigned; zero if the session has none.
    pub(crate) path_id: PathId,
    pub(crate) origin: CandidateOrigin,
    pub(crate) learned_from: LearnedFrom,
    /// Whether the session is up; if not, the paths are out of use and wait to be swept.
    pub(crate) is_up: bool,
    paths: u32,
}

impl Source {
    /// Number of its paths; the speaker's own two sources count one more.
    pub(crate) fn paths(&self) -> u32 {
        self.paths
    }
}

/// All sources that have paths, and the sources of the known peers.
#[derive(Debug)]
pub(crate) struct Sources {
    slots: Vec<Source>,
    free: Vec<SourceIndex>,
    by_id: BTreeMap<(PeerIndex, PathId), SourceIndex>,
    /// How the paths of all sources are compared.
    decision: DecisionRules,
}

impl Sources {
    pub(crate) fn new(decision: DecisionRules) -> Self {
        let local = Source {
            peer: PeerIndex::LOCAL,
            path_id: PathId(0),
            origin: CandidateOrigin::Local,
            learned_from: LearnedFrom::Local,
            is_up: true,
            // The speaker's own reference, so that neither source is ever freed.
            paths: 1,
        };
        Self { slots: vec![local, local], free: Vec::new(), by_id: BTreeMap::new(), decision }
    }

    /// How the paths of all sources are compared.
    pub(crate) fn decision(&self) -> DecisionRules {
        self.decision
    }

    /// Changes how the paths of all sources are compared. The caller has all entries decided again.
    pub(crate) fn set_decision(&mut self, decision: DecisionRules) {
        self.decision = decision;
    }

    /// The source of the paths to which `peer` assigns this identifier. Without paths it exists only until
    /// the next [`release`](Self::release) of any source, so the caller has to enter a path at once.
    pub(crate) fn intern(&mut self, peer: PeerIndex, path_id: PathId, options: &PeerOptions) -> SourceIndex {
        self.intern_with(peer, path_id, || {
            let origin = CandidateOrigin::Peer {
                kind: options.session.kind,
                identifier: options.session.identifier,
                address: options.session.address,
                number: options.session.number,
            };
            let learned_from = LearnedFrom::of(options);
            Source { peer, path_id, origin, learned_from, is_up: true, paths: 0 }
        })
    }

    /// The source of static routes with this number: the next hops of one route have different numbers. As
    /// [`intern`](Self::intern).
    pub(crate) fn intern_static(&mut self, number: u32) -> SourceIndex {
        let (peer, path_id) = (PeerIndex::LOCAL, static_path_id(number));
        self.intern_with(peer, path_id, || Source {
            peer,
            path_id,
            origin: CandidateOrigin::Local,
            learned_from: LearnedFrom::Local,
            is_up: true,
            paths: 0,
        })
    }

    /// The source of static routes with this number, if it has paths.
    pub(crate) fn find_static(&self, number: u32) -> Option<SourceIndex> {
        self.by_id.get(&(PeerIndex::LOCAL, static_path_id(number))).copied()
    }

    fn intern_with(
        &mut self,
        peer: PeerIndex,
        path_id: PathId,
        source: impl FnOnce() -> Source,
    ) -> SourceIndex {
        let Self { slots, free, by_id, .. } = self;
        *by_id.entry((peer, path_id)).or_insert_with(|| {
            let source = source();
            match free.pop() {
                Some(index) => {
                    slots[index.index()] = source;
                    index
                }
                None => {
                    slots.push(source);
                    SourceIndex(u32::try_from(slots.len() - 1).expect("a source takes memory for a path"))
                }
            }
        })
    }

    /// The source with this peer and identifier, if it has paths.
    pub(crate) fn find(&self, peer: PeerIndex, path_id: PathId) -> Option<SourceIndex> {
        match peer {
            PeerIndex::LOCAL => Some(SourceIndex::LOCAL),
            _ => self.by_id.get(&(peer, path_id)).copied(),
        }
    }

    /// Adds a path of this source.
    pub(crate) fn retain(&mut self, index: SourceIndex) {
        self.slots[index.index()].paths += 1;
    }

    /// Removes a path of this source.
    pub(crate) fn release(&mut self, index: SourceIndex) {
        let source = &mut self.slots[index.index()];
        source.paths -= 1;
        if source.paths == 0 {
            self.by_id.remove(&(source.peer, source.path_id));
            self.free.push(index);
        }
    }

    /// Changes how the paths of these peers were learned.
    pub(crate) fn set_learned_from(&mut self, peers: &BTreeMap<PeerIndex, LearnedFrom>) {
        for source in &mut self.slots {
            if let Some(&learned_from) = peers.get(&source.peer) {
                source.learned_from = learned_from;
            }
        }
    }

    pub(crate) fn get(&self, index: SourceIndex) -> &Source {
        &self.slots[index.index()]
    }

    /// The sources with paths, and the speaker's own two.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (SourceIndex, &Source)> {
        let slots = (0..).map(SourceIndex).zip(&self.slots);
        slots.filter(|(_, source)| source.paths > 0)
    }

    /// Number of sources of peers.
    pub(crate) fn known(&self) -> usize {
        self.by_id.len()
    }

    /// Number of all slots, including free ones and the speaker's own two.
    pub(crate) fn numbers(&self) -> usize {
        self.slots.len()
    }

    /// Free slot numbers, the next one to be used last.
    pub(crate) fn free(&self) -> &[SourceIndex] {
        &self.free
    }

    /// Takes the paths of `peer` out of use: its session is over.
    pub(crate) fn set_down(&mut self, peer: PeerIndex) {
        for &index in self.by_id.range(of_peer(peer)).map(|(_, index)| index) {
            self.slots[index.index()].is_up = false;
        }
    }

    /// The sources of a peer.
    pub(crate) fn of_peer(&self, peer: PeerIndex) -> impl Iterator<Item = SourceIndex> {
        self.by_id.range(of_peer(peer)).map(|(_, &index)| index)
    }
}

/// Origin of a candidate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CandidateOrigin {
    /// This speaker originates the route.
    Local,
    /// A peer announced it.
    Peer {
        /// Whether the peer is external or internal.
        kind: PeerKind,
        /// The peer's BGP Identifier.
        identifier: BgpIdentifier,
        /// The peer's address.
        address: IpAddr,
        /// The peer's number, which no other peer has.
        number: u64,
    },
}

/// How a path was learned, as far as the export rules depend on it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum LearnedFrom {
    Local,
    External,
    /// From another member system of the confederation.
    Confederation,
    Internal(InternalSource),
}

impl LearnedFrom {
    /// How paths of a peer are learned.
    pub(crate) fn of(peer: &PeerOptions) -> Self {
        match peer.session.kind {
            PeerKind::Ebgp => Self::External,
            PeerKind::Confederation => Self::Confederation,
            PeerKind::Ibgp => Self::Internal(InternalSource {
                identifier: peer.session.identifier,
                reflection: peer.rules.reflection,
            }),
        }
    }
}

/// The internal peer that announced a path.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct InternalSource {
    pub(crate) identifier: BgpIdentifier,
    pub(crate) reflection: Reflection,
}

/// The identifier of a static source: that of the networks is 0.
fn static_path_id(number: u32) -> PathId {
    PathId(number + 1)
}

/// The names of a peer's sources.
fn of_peer(peer: PeerIndex) -> RangeInclusive<(PeerIndex, PathId)> {
    (peer, PathId(0))..=(peer, PathId(u32::MAX))
}
