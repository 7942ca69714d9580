//! Which peer to write to next: rounds among all peers, and turns out of order for those that are behind.

mod pace;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use self::pace::Pace;
use super::PeerKey;

/// The peers with a session, in the order in which they are fed. What is needed to feed one is an `R`.
///
/// Every peer has one turn in a round. A peer that needs more than that, or has no room, has further turns out of order: what
/// it reads then is not shared with others.
#[derive(Debug)]
pub(super) struct Rounds<R> {
    /// All peers, the next one to be fed first.
    members: VecDeque<(PeerKey, R)>,
    pace: Pace,
    /// The peers that are behind: they wait for room in their queues or for another turn.
    behind: BTreeMap<PeerKey, R>,
    /// Round-robin position in `behind`.
    next_behind: PeerKey,
    /// There may be changes that the last round did not cover.
    has_news: bool,
}

/// How far a peer was fed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fed {
    /// It is up to date.
    UpToDate,
    /// It has used its share of the turn, and there may be more.
    More,
    /// Its queue is full. The speaker is woken when there is room, unless the connection is gone.
    NoRoom,
}

impl<R: Clone> Rounds<R> {
    /// Without peers.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            members: VecDeque::new(),
            pace: Pace::new(now),
            behind: BTreeMap::new(),
            next_behind: PeerKey(0),
            has_news: false,
        }
    }

    /// A peer has a session from now on. It is the last of the round.
    pub(super) fn join(&mut self, peer: PeerKey, recipient: R) {
        self.members.push_back((peer, recipient));
    }

    /// A peer's session is over.
    pub(super) fn leave(&mut self, peer: PeerKey) {
        self.members.retain(|&(member, _)| member != peer);
        self.behind.remove(&peer);
    }

    /// There may be changes for any peer, even for one that has had its turn in this round.
    pub(super) fn on_news(&mut self) {
        self.has_news = true;
    }

    /// Whether another round is needed.
    pub(super) fn has_news(&self) -> bool {
        self.has_news
    }

    /// Whether a round is under way.
    pub(super) fn is_in_round(&self) -> bool {
        self.pace.is_in_round()
    }

    /// Time until the next round may begin.
    pub(super) fn pause(&self, now: Instant) -> Duration {
        self.pace.pause(now)
    }

    /// Begins a round if one is needed and due.
    pub(super) fn begin_if_due(&mut self, now: Instant) {
        if self.has_news && self.pace.begin_if_due(now, self.members.len()) {
            self.has_news = false;
        }
    }

    /// Feeds the next peers of the round until it or the slice is over. Returns the number of turns, which are to be reported
    /// to [`on_fed`](Self::on_fed).
    pub(super) fn feed(
        &mut self,
        mut is_slice_over: impl FnMut() -> bool,
        mut feed: impl FnMut(&R) -> Fed,
    ) -> usize {
        let peers_left = self.pace.peers_left();
        let mut turns = 0;
        while turns < peers_left && !is_slice_over() {
            turns += 1;
            // A peer that has left during the round leaves its turn to another.
            let Some((peer, recipient)) = self.members.pop_front() else { continue };
            self.feed_one(peer, &recipient, &mut feed);
            self.members.push_back((peer, recipient));
        }
        turns
    }

    /// Notes how long turns of the round took, until `now`. After the last one the round is over.
    pub(super) fn on_fed(&mut self, turns: usize, took: Duration, now: Instant) {
        self.pace.on_fed(turns, took, now);
    }

    /// Feeds the peers that are behind until the slice is over. Those that it did not reach come first in the next; returns
    /// whether there are any.
    pub(super) fn catch_up(
        &mut self,
        mut is_slice_over: impl FnMut() -> bool,
        mut feed: impl FnMut(&R) -> Fed,
    ) -> bool {
        let mut others = std::mem::take(&mut self.behind);
        let first = others.split_off(&self.next_behind);
        let mut waiting = first.into_iter().chain(others);
        let mut is_cut = false;
        for (peer, recipient) in waiting.by_ref() {
            // A peer without room takes next to no time; if such peers counted, they could use up the slice.
            if self.feed_one(peer, &recipient, &mut feed) != Fed::NoRoom && is_slice_over() {
                is_cut = true;
                break;
            }
        }
        let mut waiting = waiting.peekable();
        if let Some(&(next, _)) = waiting.peek() {
            self.next_behind = next;
        }
        self.behind.extend(waiting);
        is_cut
    }

    fn feed_one(&mut self, peer: PeerKey, recipient: &R, feed: &mut impl FnMut(&R) -> Fed) -> Fed {
        let fed = feed(recipient);
        if fed != Fed::UpToDate {
            self.behind.insert(peer, recipient.clone());
        }
        fed
    }

    /// How many peers take part in a round.
    pub(super) fn members(&self) -> usize {
        self.members.len()
    }

    /// All peers that will be fed; one that is behind twice.
    pub(super) fn peers(&self) -> impl Iterator<Item = PeerKey> + '_ {
        self.members.iter().map(|&(peer, _)| peer).chain(self.behind.keys().copied())
    }

    /// What is needed to feed a peer.
    #[cfg(test)]
    pub(super) fn recipient(&self, peer: PeerKey) -> Option<&R> {
        self.members.iter().find(|&&(member, _)| member == peer).map(|(_, recipient)| recipient)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn rounds(peers: u32) -> (Rounds<u32>, Instant) {
        let now = Instant::now();
        let mut rounds = Rounds::new(now);
        (0..peers).for_each(|peer| rounds.join(PeerKey(peer.into()), peer));
        (rounds, now)
    }

    /// Becomes true at the `steps`th question: a slice that is over after so many steps.
    fn slice(steps: usize) -> impl FnMut() -> bool {
        let mut asked = 0;
        move || {
            asked += 1;
            asked > steps
        }
    }

    /// Feeds the round for a slice of so many turns that take a millisecond in all; returns who was fed.
    fn feed(
        rounds: &mut Rounds<u32>,
        steps: usize,
        now: Instant,
        mut fed: impl FnMut(u32) -> Fed,
    ) -> Vec<u32> {
        let mut peers = Vec::new();
        let turns = rounds.feed(slice(steps), |&peer| {
            peers.push(peer);
            fed(peer)
        });
        rounds.on_fed(turns, MS, now);
        peers
    }

    /// Feeds those that are behind for a slice of so many turns; returns who was fed, and whether some were not reached.
    fn catch_up(rounds: &mut Rounds<u32>, steps: usize, mut fed: impl FnMut(u32) -> Fed) -> (Vec<u32>, bool) {
        let mut peers = Vec::new();
        let mut is_over = slice(steps.saturating_sub(1));
        let is_cut = rounds.catch_up(&mut is_over, |&peer| {
            peers.push(peer);
            fed(peer)
        });
        (peers, is_cut)
    }

    #[test]
    fn every_peer_has_one_turn_in_a_round_over_however_many_slices() {
        let (mut rounds, now) = rounds(5);
        rounds.on_news();
        rounds.begin_if_due(now);
        assert_eq!(feed(&mut rounds, 2, now, |_| Fed::UpToDate), [0, 1]);
        assert_eq!(feed(&mut rounds, 2, now, |_| Fed::UpToDate), [2, 3]);
        assert!(rounds.is_in_round());
        assert_eq!(feed(&mut rounds, 2, now, |_| Fed::UpToDate), [4]);
        assert!(!rounds.is_in_round());
        assert_eq!(feed(&mut rounds, 9, now, |_| Fed::UpToDate), [0; 0], "no round, no turns");
    }

    #[test]
    fn a_round_begins_where_the_last_one_ended_and_only_for_news() {
        let (mut rounds, now) = rounds(3);
        rounds.begin_if_due(now);
        assert!(!rounds.is_in_round(), "nothing has changed");
        rounds.on_news();
        rounds.begin_if_due(now);
        assert!(!rounds.has_news());
        feed(&mut rounds, 2, now, |_| Fed::UpToDate);
        rounds.on_news();
        rounds.begin_if_due(now);
        assert!(rounds.has_news(), "a change during a round needs another");
        assert_eq!(feed(&mut rounds, 9, now, |_| Fed::UpToDate), [2]);
        rounds.begin_if_due(now + rounds.pause(now));
        assert!(!rounds.has_news());
        assert_eq!(feed(&mut rounds, 2, now, |_| Fed::UpToDate), [0, 1]);
    }

    #[test]
    fn a_round_outlives_the_peers_that_leave_in_it() {
        let (mut rounds, now) = rounds(2);
        rounds.on_news();
        rounds.begin_if_due(now);
        rounds.leave(PeerKey(0));
        rounds.leave(PeerKey(1));
        feed(&mut rounds, 9, now, |_| Fed::UpToDate);
        assert!(!rounds.is_in_round(), "no turn is waited for");
    }

    #[test]
    fn a_peer_that_joins_in_a_round_is_not_fed_in_place_of_another() {
        let (mut rounds, now) = rounds(3);
        rounds.on_news();
        rounds.begin_if_due(now);
        assert_eq!(feed(&mut rounds, 1, now, |_| Fed::UpToDate), [0]);
        rounds.join(PeerKey(7), 7);
        assert_eq!(feed(&mut rounds, 9, now, |_| Fed::UpToDate), [1, 2]);
    }

    #[test]
    fn only_peers_that_are_behind_have_turns_out_of_order() {
        let (mut rounds, now) = rounds(4);
        rounds.on_news();
        rounds.begin_if_due(now);
        feed(&mut rounds, 9, now, |peer| match peer {
            1 => Fed::More,
            2 => Fed::NoRoom,
            _ => Fed::UpToDate,
        });
        let first = catch_up(&mut rounds, 9, |peer| if peer == 1 { Fed::UpToDate } else { Fed::NoRoom });
        assert_eq!(first, (vec![1, 2], false));
        assert_eq!(catch_up(&mut rounds, 9, |_| Fed::UpToDate), (vec![2], false), "1 is up to date");
        assert_eq!(catch_up(&mut rounds, 9, |_| Fed::UpToDate), (vec![], false));
    }

    #[test]
    fn no_peer_has_two_turns_out_of_order_before_another_has_one() {
        let (mut rounds, now) = rounds(5);
        rounds.on_news();
        rounds.begin_if_due(now);
        feed(&mut rounds, 9, now, |_| Fed::More);
        let mut turns = Vec::new();
        for _ in 0..20 {
            let (peers, is_cut) = catch_up(&mut rounds, 2, |_| Fed::More);
            assert!(is_cut, "some are left");
            turns.extend(peers);
            let count = |peer| turns.iter().filter(|&&turn| turn == peer).count();
            let counts: Vec<usize> = (0..5).map(count).collect();
            let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
            assert!(most - least <= 1, "{turns:?}");
        }
        assert_eq!(turns.len(), 40);
    }

    #[test]
    fn peers_without_room_use_up_no_slice() {
        let (mut rounds, now) = rounds(6);
        rounds.on_news();
        rounds.begin_if_due(now);
        feed(&mut rounds, 9, now, |_| Fed::NoRoom);
        let (peers, is_cut) =
            catch_up(&mut rounds, 1, |peer| if peer == 4 { Fed::More } else { Fed::NoRoom });
        assert_eq!((peers, is_cut), (vec![0, 1, 2, 3, 4], true));
        let (peers, _) = catch_up(&mut rounds, 1, |_| Fed::UpToDate);
        assert_eq!(peers, [5], "the one that was not reached comes first");
    }

    #[test]
    fn a_peer_that_leaves_is_not_waited_for() {
        let (mut rounds, now) = rounds(2);
        rounds.on_news();
        rounds.begin_if_due(now);
        feed(&mut rounds, 9, now, |_| Fed::NoRoom);
        rounds.leave(PeerKey(0));
        assert_eq!(rounds.peers().collect::<Vec<_>>(), [PeerKey(1), PeerKey(1)]);
        assert_eq!(catch_up(&mut rounds, 9, |_| Fed::UpToDate).0, [1]);
    }

    #[test]
    fn the_next_round_waits_for_its_part_of_the_time() {
        let (mut rounds, now) = rounds(1);
        let now = now + 10 * MS;
        rounds.on_news();
        rounds.begin_if_due(now);
        let turns = rounds.feed(slice(9), |_| Fed::UpToDate);
        let end = now + 4 * MS;
        rounds.on_fed(turns, 4 * MS, end);
        rounds.on_news();
        rounds.begin_if_due(end);
        assert!(!rounds.is_in_round());
        let pause = rounds.pause(end);
        assert!(pause >= 3 * MS, "{pause:?}");
        rounds.begin_if_due(end + pause);
        assert!(rounds.is_in_round());
    }
}
