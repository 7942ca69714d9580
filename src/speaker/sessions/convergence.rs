//! Convergence after the start: which peers have still to announce their tables, and what waits for them.

use std::collections::BTreeMap;
use std::time::Duration;

use bgp_codec::Family;
use tokio::time::Instant;

use super::hold_back::{HoldBack, SessionCounts};
use crate::speaker::PeerKey;

/// What is known at the start of the peers to come.
#[derive(Clone, Copy, Debug, Default)]
pub struct ConvergenceOptions {
    /// How many peers will be configured; `None` if peers may come that are not configured yet.
    pub expected_peers: Option<usize>,
    /// How long, from the first session on, routes of peers are held back at most; `None` to advertise them from the start.
    pub hold_back: Option<Duration>,
    /// Peers keep the routes that a former run advertised until they receive End-of-RIB: some tables are awaited for longer.
    pub is_restart: bool,
}

/// The End-of-RIB markers (RFC 4724 §2) that have been received and those that are awaited.
///
/// Two things wait for them: the advertisement of peers' routes, and the removal of kernel routes that an earlier run left.
#[derive(Debug)]
pub(super) struct Convergence {
    expected_peers: Option<usize>,
    /// Peers that have been added so far, removed ones included.
    added_peers: usize,
    /// The configured peers.
    peers: BTreeMap<PeerKey, Progress>,
    /// While it lasts, only own routes are advertised.
    hold_back: Option<HoldBack>,
}

/// How much of its table a peer has announced.
#[derive(Debug, Default)]
struct Progress {
    /// The families whose End-of-RIB is awaited in the present session; `None` without a session.
    awaited: Option<Vec<Family>>,
    /// The peer has announced its whole table once since the start.
    is_synchronised: bool,
    /// After a restart of this speaker, until when the end of the table is awaited at most. Counts from the peer's first session.
    awaited_until: Option<Instant>,
}

impl Convergence {
    pub(super) fn new(options: ConvergenceOptions) -> Self {
        let ConvergenceOptions { expected_peers, hold_back, is_restart } = options;
        Self {
            expected_peers,
            added_peers: 0,
            peers: BTreeMap::new(),
            hold_back: hold_back.map(|longest| HoldBack::new(longest, is_restart)),
        }
    }

    /// A peer is configured.
    pub(super) fn on_peer_added(&mut self, peer: PeerKey) {
        self.added_peers += 1;
        self.peers.insert(peer, Progress::default());
    }

    /// A peer is not configured any more.
    pub(super) fn on_peer_removed(&mut self, peer: PeerKey) {
        self.peers.remove(&peer);
    }

    /// A peer's session is established: the peer will announce its table of each of these families. `wait` is how long a
    /// restart of this speaker waits for the end of the table; `None` if the peer may not send End-of-RIB, or waits for ours.
    pub(super) fn on_established(
        &mut self,
        peer: PeerKey,
        families: &[Family],
        wait: Option<Duration>,
        now: Instant,
    ) {
        let is_awaited = self.hold_back.as_mut().is_some_and(|hold_back| hold_back.on_session(now));
        if let Some(progress) = self.peers.get_mut(&peer) {
            progress.awaited = Some(families.to_vec());
            let until = wait.filter(|_| is_awaited).map(|wait| now + wait);
            progress.awaited_until = progress.awaited_until.or(until);
        }
    }

    /// A peer's session is over.
    pub(super) fn on_session_ended(&mut self, peer: PeerKey) {
        if let Some(progress) = self.peers.get_mut(&peer) {
            progress.awaited = None;
        }
    }

    /// A peer has announced or withdrawn routes.
    pub(super) fn on_update(&mut self, now: Instant) {
        if let Some(hold_back) = &mut self.hold_back {
            hold_back.on_update(now);
        }
    }

    /// A peer has sent End-of-RIB. Returns whether it was the first of this family in the session.
    pub(super) fn on_end_of_rib(&mut self, peer: PeerKey, family: Family) -> bool {
        let Some(progress) = self.peers.get_mut(&peer) else { return false };
        let Some(awaited) = &mut progress.awaited else { return false };
        let before = awaited.len();
        awaited.retain(|&other| other != family);
        progress.is_synchronised |= awaited.is_empty();
        awaited.len() < before
    }

    /// Whether a peer's End-of-RIB of a family has not come yet in the present session.
    pub(super) fn is_awaited(&self, peer: PeerKey, family: Family) -> bool {
        let awaited = self.peers.get(&peer).and_then(|progress| progress.awaited.as_ref());
        awaited.is_some_and(|awaited| awaited.contains(&family))
    }

    /// Whether every peer that may come has announced its whole table once.
    pub(super) fn is_complete(&self) -> bool {
        self.are_all_added() && self.peers.values().all(|progress| progress.is_synchronised)
    }

    /// Whether routes of peers are held back.
    pub(super) fn holds_back(&self) -> bool {
        self.hold_back.is_some()
    }

    /// When the hold-back ends if nothing more arrives; `None` if there is none, or there has not been a session.
    pub(super) fn hold_back_ends_at(&self) -> Option<Instant> {
        self.hold_back.as_ref()?.ends_at(self.session_counts())
    }

    /// Ends the hold-back if it is time. Returns whether it was.
    pub(super) fn end_hold_back_in_time(&mut self, now: Instant) -> bool {
        let ends = self.hold_back_ends_at().is_some_and(|end| end <= now);
        self.hold_back.take_if(|_| ends).is_some()
    }

    fn session_counts(&self) -> SessionCounts {
        let mut counts = SessionCounts { is_everyone_here: self.are_all_added(), ..SessionCounts::default() };
        for progress in self.peers.values() {
            match &progress.awaited {
                None => counts.is_everyone_here = false,
                Some(awaited) if awaited.is_empty() => counts.complete += 1,
                Some(_) => {
                    counts.announcing += 1;
                    counts.awaited_until = counts.awaited_until.max(progress.awaited_until);
                }
            }
        }
        counts
    }

    fn are_all_added(&self) -> bool {
        self.expected_peers.is_some_and(|expected| self.added_peers >= expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V4: Family = Family::IPV4_UNICAST;
    const V6: Family = Family::IPV6_UNICAST;
    const SECOND: Duration = Duration::from_secs(1);
    const HOLD_BACK: Duration = Duration::from_secs(5);

    fn convergence(expected_peers: Option<usize>, peers: u64) -> Convergence {
        let mut convergence = Convergence::new(ConvergenceOptions {
            expected_peers,
            hold_back: Some(HOLD_BACK),
            is_restart: false,
        });
        (0..peers).for_each(|peer| convergence.on_peer_added(PeerKey(peer)));
        convergence
    }

    #[test]
    fn is_complete_with_the_last_family_of_the_last_peer() {
        let now = Instant::now();
        let mut convergence = convergence(Some(2), 2);
        convergence.on_established(PeerKey(0), &[V4, V6], None, now);
        convergence.on_established(PeerKey(1), &[V4], None, now);
        for (peer, family) in [(0, V6), (1, V4)] {
            assert!(convergence.on_end_of_rib(PeerKey(peer), family));
            assert!(!convergence.is_complete(), "after {family} of {peer}");
        }
        assert!(convergence.is_awaited(PeerKey(0), V4));
        assert!(convergence.on_end_of_rib(PeerKey(0), V4));
        assert!(!convergence.is_awaited(PeerKey(0), V4));
        assert!(convergence.is_complete());
    }

    #[test]
    fn is_not_complete_before_every_expected_peer_is_added() {
        let mut convergence = convergence(Some(2), 1);
        convergence.on_established(PeerKey(0), &[V4], None, Instant::now());
        convergence.on_end_of_rib(PeerKey(0), V4);
        assert!(!convergence.is_complete(), "the second peer is about to be added");
        convergence.on_peer_added(PeerKey(1));
        convergence.on_peer_removed(PeerKey(1));
        assert!(convergence.is_complete(), "a removed peer is not awaited");
    }

    #[test]
    fn is_never_complete_if_unknown_peers_may_come() {
        let mut convergence = convergence(None, 1);
        convergence.on_established(PeerKey(0), &[V4], None, Instant::now());
        convergence.on_end_of_rib(PeerKey(0), V4);
        assert!(!convergence.is_complete());
    }

    #[test]
    fn a_peer_that_was_synchronised_once_stays_so_and_is_awaited_again_in_its_next_session() {
        let now = Instant::now();
        let mut convergence = convergence(Some(1), 1);
        convergence.on_established(PeerKey(0), &[V4], None, now);
        convergence.on_end_of_rib(PeerKey(0), V4);
        convergence.on_session_ended(PeerKey(0));
        assert!(convergence.is_complete());
        assert!(!convergence.is_awaited(PeerKey(0), V4), "nothing is awaited without a session");
        assert!(!convergence.on_end_of_rib(PeerKey(0), V4), "nor counted");
        convergence.on_established(PeerKey(0), &[V4], None, now);
        assert!(convergence.is_awaited(PeerKey(0), V4));
        assert!(convergence.is_complete());
    }

    #[test]
    fn a_second_end_of_rib_is_not_the_first() {
        let mut convergence = convergence(Some(1), 1);
        convergence.on_established(PeerKey(0), &[V4, V6], None, Instant::now());
        assert!(convergence.on_end_of_rib(PeerKey(0), V4));
        assert!(!convergence.on_end_of_rib(PeerKey(0), V4));
        assert!(!convergence.on_end_of_rib(PeerKey(0), Family { afi: V4.afi, safi: bgp_codec::Safi(128) }));
        assert!(!convergence.is_complete());
    }

    #[test]
    fn the_hold_back_ends_at_once_with_the_table_of_the_last_of_all_peers_and_only_once() {
        let start = Instant::now();
        let mut convergence = convergence(Some(2), 2);
        assert_eq!(convergence.hold_back_ends_at(), None, "no session yet");
        convergence.on_established(PeerKey(0), &[V4], None, start);
        convergence.on_established(PeerKey(1), &[V4], None, start + SECOND);
        convergence.on_update(start + 2 * SECOND);
        convergence.on_end_of_rib(PeerKey(0), V4);
        assert!(!convergence.end_hold_back_in_time(start + 2 * SECOND), "a table is being announced");
        convergence.on_end_of_rib(PeerKey(1), V4);
        assert!(convergence.end_hold_back_in_time(start + 2 * SECOND));
        assert!(!convergence.holds_back());
        assert!(!convergence.end_hold_back_in_time(start + 10 * SECOND));
    }

    #[test]
    fn the_hold_back_ends_after_its_longest_time_whatever_is_awaited() {
        let start = Instant::now();
        let mut convergence = convergence(Some(1), 1);
        convergence.on_established(PeerKey(0), &[V4], None, start);
        for second in 0..5 {
            convergence.on_update(start + second * SECOND);
            assert!(!convergence.end_hold_back_in_time(start + second * SECOND), "after {second} s");
        }
        convergence.on_update(start + HOLD_BACK);
        assert!(convergence.end_hold_back_in_time(start + HOLD_BACK));
    }

    /// RFC 4724 §4.1: after a restart, the end of each table is awaited, for as long as its peer may take.
    #[test]
    fn a_restart_awaits_the_ends_of_tables_each_for_its_time_and_once() {
        let start = Instant::now();
        let options =
            ConvergenceOptions { expected_peers: Some(3), hold_back: Some(HOLD_BACK), is_restart: true };
        let mut convergence = Convergence::new(options);
        (0..3).for_each(|peer| convergence.on_peer_added(PeerKey(peer)));
        convergence.on_established(PeerKey(0), &[V4], Some(30 * SECOND), start);
        convergence.on_established(PeerKey(1), &[V4], Some(20 * SECOND), start + SECOND);
        assert_eq!(convergence.hold_back_ends_at(), Some(start + 30 * SECOND));
        convergence.on_end_of_rib(PeerKey(0), V4);
        assert_eq!(convergence.hold_back_ends_at(), Some(start + 21 * SECOND));
        convergence.on_session_ended(PeerKey(1));
        assert_eq!(
            convergence.hold_back_ends_at(),
            Some(start + HOLD_BACK),
            "nobody is awaited without a session"
        );
        convergence.on_established(PeerKey(1), &[V4], Some(20 * SECOND), start + 4 * SECOND);
        assert_eq!(
            convergence.hold_back_ends_at(),
            Some(start + 21 * SECOND),
            "as from its first session on"
        );
        convergence.on_established(PeerKey(2), &[V4], Some(30 * SECOND), start + 6 * SECOND);
        assert_eq!(
            convergence.hold_back_ends_at(),
            Some(start + 21 * SECOND),
            "the third one comes too late"
        );
        convergence.on_end_of_rib(PeerKey(2), V4);
        convergence.on_end_of_rib(PeerKey(1), V4);
        assert!(convergence.end_hold_back_in_time(start + 7 * SECOND));
    }
}
