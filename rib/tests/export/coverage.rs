//! Contents of random histories: a history that finds nothing proves little unless it contains the hard
//! cases.

use std::collections::{BTreeMap, BTreeSet};

use bgp_codec::{Family, PathId, Prefix};
use margay_rib::PeerCounts;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use super::cast::{LOCAL_ASN, prefix};
use super::history::event;
use super::world::{Event, Session, World};

/// The cases that histories have to contain.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Case {
    /// A peer holds a route that was reflected to it.
    Reflected,
    /// A peer holds several paths to a prefix.
    SeveralPaths,
    /// Another member of the confederation holds a route.
    ToMember,
    /// The best path becomes one of another peer, while the former one's session is still up.
    SourceMoves,
    /// The best path becomes one of a peer that reads the group's log and was sent another path before.
    SourceMovesToReader,
    /// A peer reads a part of what waits for it.
    SlowMember,
    /// Routes change while a peer is behind.
    ChangeBehindSlowMember,
    /// A peer comes up when there are routes.
    LateJoiner,
    /// A peer leaves when it has routes and others are behind.
    SourceLeaves,
    Refresh,
    EnhancedRefresh,
    /// A peer announces everything again, and leaves something out.
    RefreshLeavesOut,
    /// Some members of a group get new rules.
    RulesOfSome,
    /// A whole group of several members gets new rules.
    RulesOfAll,
    /// Rules change while a group is being split.
    RulesAgain,
    /// Rules change while a member is behind.
    RulesBehind,
    /// A peer leaves or comes up while a group is being split.
    PeersWhileRegrouping,
    Clusters,
    NextHopLost,
    OwnNextHopChanges,
    HoldBackEnds,
    /// A route is too long for the messages of a peer.
    TooLong,
    /// A prefix has so many paths that they are indexed, and their decision is postponed.
    ManyPaths,
    /// A prefix with many paths loses most of them.
    ManyPathsGo,
    /// A path is refused for a limit.
    OverLimit,
    /// An announcement beyond a limit is not entered.
    Dropped,
}

const CASES: [Case; 26] = [
    Case::Reflected,
    Case::SeveralPaths,
    Case::ToMember,
    Case::SourceMoves,
    Case::SourceMovesToReader,
    Case::SlowMember,
    Case::ChangeBehindSlowMember,
    Case::LateJoiner,
    Case::SourceLeaves,
    Case::Refresh,
    Case::EnhancedRefresh,
    Case::RefreshLeavesOut,
    Case::RulesOfSome,
    Case::RulesOfAll,
    Case::RulesAgain,
    Case::RulesBehind,
    Case::PeersWhileRegrouping,
    Case::Clusters,
    Case::NextHopLost,
    Case::OwnNextHopChanges,
    Case::HoldBackEnds,
    Case::TooLong,
    Case::ManyPaths,
    Case::ManyPathsGo,
    Case::OverLimit,
    Case::Dropped,
];

/// Number of histories examined, a sample of the ten thousand that the other tests draw.
const HISTORIES: usize = 200;

#[test]
fn every_hard_case_occurs_in_a_tenth_of_the_histories() {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(ProptestConfig::default(), rng);
    let histories = (any::<[bool; 3]>(), vec(event(), 1..160));
    let mut found: BTreeMap<Case, usize> = BTreeMap::new();
    for _ in 0..HISTORIES {
        let history = histories.new_tree(&mut runner).expect("nothing is filtered");
        let (start, events) = history.current();
        for case in cases(start, events) {
            *found.entry(case).or_default() += 1;
        }
    }
    let counts: Vec<(Case, usize)> =
        CASES.into_iter().map(|case| (case, found.get(&case).copied().unwrap_or(0))).collect();
    eprintln!("of {HISTORIES} histories: {counts:?}");
    let rare: Vec<_> = counts.iter().filter(|&&(_, count)| count * 10 < HISTORIES).collect();
    assert!(rare.is_empty(), "in less than a tenth: {rare:?}");
}

/// The cases that a history contains.
fn cases([forwards, holds_back, is_member]: [bool; 3], events: Vec<Event>) -> BTreeSet<Case> {
    let mut world = World::starting(forwards, holds_back, is_member);
    let mut seen = BTreeSet::new();
    for event in events {
        let event = world.aimed(event);
        seen.extend(before(&world, &event));
        let sources = sources(&world);
        let crowds = crowds(&world);
        let is_read = matches!(event, Event::Read { .. });
        world.happen(event);
        let moves = sources.into_iter().filter(|&(prefix, from)| {
            let to = world.naive.best_source(prefix);
            to.is_some_and(|to| to != from) && world.sessions.contains_key(&from)
        });
        for (prefix, _) in moves {
            seen.insert(Case::SourceMoves);
            let to = world.naive.best_source(prefix).and_then(|to| world.sessions.get(&to));
            if to.is_some_and(|to| paths_to(to, prefix) > 0) {
                seen.insert(Case::SourceMovesToReader);
            }
        }
        if is_read && is_somebody_behind(&world) {
            seen.insert(Case::SlowMember);
        }
        seen.extend(world.sessions.values().flat_map(held));
        let crowds_now = self::crowds(&world);
        seen.extend((!crowds_now.is_empty()).then_some(Case::ManyPaths));
        seen.extend((!crowds.is_subset(&crowds_now)).then_some(Case::ManyPathsGo));
        seen.extend(is_any(&world, |counts| counts.too_long > 0).then_some(Case::TooLong));
        seen.extend(is_any(&world, |counts| counts.over_limit > 0).then_some(Case::OverLimit));
        seen.extend(is_any(&world, |counts| counts.dropped > 0).then_some(Case::Dropped));
    }
    world.settle();
    seen.extend(world.sessions.values().flat_map(held));
    seen
}

/// The cases that an event is, judged by the state before it.
fn before(world: &World, event: &Event) -> Vec<Case> {
    let is_up = |peer: &usize| world.sessions.contains_key(peer);
    let has_routes = world.rib.view().counts().paths > 0;
    let is_behind = is_somebody_behind(world);
    let mut seen = Vec::new();
    let mut note = |case, holds: bool| seen.extend(holds.then_some(case));
    match event {
        Event::Up(peer) => {
            note(Case::LateJoiner, !is_up(peer) && has_routes);
            note(Case::PeersWhileRegrouping, !is_up(peer) && world.rib.view().is_regrouping());
        }
        Event::Down(peer) if is_up(peer) => {
            let had_routes = !world.naive.peers[peer].1.is_empty();
            note(Case::SourceLeaves, had_routes && is_behind);
            note(Case::PeersWhileRegrouping, world.rib.view().is_regrouping());
        }
        Event::Announce { peer, .. } | Event::Withdraw { peer, .. } => {
            note(Case::ChangeBehindSlowMember, is_up(peer) && is_behind);
        }
        Event::Refresh(peer) if is_up(peer) => {
            let is_enhanced = world.naive.peers[peer].0.session.enhanced_refresh;
            note(if is_enhanced { Case::EnhancedRefresh } else { Case::Refresh }, has_routes);
        }
        Event::End(peer) => {
            let left_out = world.naive.refreshing.get(peer).is_some_and(|stale| !stale.is_empty());
            note(Case::RefreshLeavesOut, left_out);
        }
        Event::Reconfigure { peers, reflector, .. } => {
            note(Case::Clusters, reflector.other_clusters && has_routes);
            note(Case::RulesBehind, is_behind && peers.iter().any(is_up));
            note(Case::RulesAgain, world.rib.view().is_regrouping());
            for (members, changing) in groups(world, peers) {
                note(Case::RulesOfSome, changing > 0 && changing < members);
                note(Case::RulesOfAll, members > 1 && changing == members);
            }
        }
        Event::OwnNextHops { peers, .. } => {
            note(Case::OwnNextHopChanges, has_routes && peers.iter().any(is_up));
        }
        Event::Connected(subnets) => note(Case::NextHopLost, *subnets != 0b111 && has_routes),
        Event::EndHoldBack => note(Case::HoldBackEnds, world.naive.holds_back && has_routes),
        _ => {}
    }
    seen
}

/// The cases that a peer's routes are.
fn held(session: &Session) -> Vec<Case> {
    let is_reflected = session.received.values().any(|(attributes, _)| attributes.originator_id().is_some());
    let mut prefixes = session.received.keys().map(|(prefix, _)| *prefix);
    let mut last = None;
    let is_several = prefixes.any(|prefix| last.replace(prefix) == Some(prefix));
    // Only members see our number like this.
    let is_to_member = session
        .received
        .values()
        .any(|(attributes, _)| attributes.as_path().to_string().starts_with(&format!("({LOCAL_ASN}")));
    let seen =
        [(Case::Reflected, is_reflected), (Case::SeveralPaths, is_several), (Case::ToMember, is_to_member)];
    seen.into_iter().filter(|&(_, holds)| holds).map(|(case, _)| case).collect()
}

/// The prefixes with many paths.
fn crowds(world: &World) -> BTreeSet<Prefix> {
    let mut paths = BTreeMap::<Prefix, usize>::new();
    let routes = world.naive.peers.values().flat_map(|(_, routes)| routes.keys());
    routes.for_each(|&(prefix, _)| *paths.entry(prefix).or_default() += 1);
    paths.into_iter().filter(|&(_, paths)| paths > 32).map(|(prefix, _)| prefix).collect()
}

/// Whether this holds for the counts of any session.
fn is_any(world: &World, holds: impl Fn(&PeerCounts) -> bool) -> bool {
    let families = [Family::IPV4_UNICAST, Family::IPV6_UNICAST];
    let counts =
        |session: &Session| families.map(|family| world.rib.view().peer_counts(session.index, family));
    world.sessions.values().flat_map(counts).any(|counts| holds(&counts))
}

fn paths_to(session: &Session, prefix: Prefix) -> usize {
    session.received.range((prefix, PathId(0))..=(prefix, PathId(u32::MAX))).count()
}

/// The peers with the best paths.
fn sources(world: &World) -> Vec<(Prefix, usize)> {
    (0..24).map(prefix).filter_map(|prefix| Some((prefix, world.naive.best_source(prefix)?))).collect()
}

fn is_somebody_behind(world: &World) -> bool {
    world.sessions.values().any(|session| world.rib.view().has_export(session.index))
}

/// For each group, its number of members, and how many of them are among `peers`.
fn groups(world: &World, peers: &[usize]) -> Vec<(usize, usize)> {
    let mut groups: BTreeMap<Option<u64>, (usize, usize)> = BTreeMap::new();
    for (peer, session) in &world.sessions {
        let group = world.rib.view().peer_counts(session.index, Family::IPV4_UNICAST).group;
        let (members, changing) = groups.entry(group).or_default();
        *members += 1;
        *changing += usize::from(peers.contains(peer));
    }
    groups.into_values().collect()
}
