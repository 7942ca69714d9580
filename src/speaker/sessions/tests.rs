//! Sessions by themselves, with time as an argument: former sessions, refreshes, absences, limits and hold-back.

use std::time::Duration;

use bgp_codec::{BgpIdentifier, Capabilities, Capability, GracefulRestart, Ipv4Prefix, Nlri};
use margay_filter::{Action, Condition, Filter, FilterChain, Rule};
use margay_rib::{PagePosition, ReflectorOptions, RouteSelection};
use margay_session::RestartTerms;

use super::*;
use crate::speaker::fixtures::{announcement, rib, settings, up};
use crate::speaker::{DoorBell, DoorRequest, ExportQueue, Interruption};

const PEER: PeerKey = PeerKey(1);
const OTHER: PeerKey = PeerKey(2);
const FAMILY: Family = Family::IPV4_UNICAST;
const SECOND: Duration = Duration::from_secs(1);
const CEASE: LimitAction = LimitAction::Cease { restart: SECOND };
const RESTART_TIME: Duration = Duration::from_mins(2);
const LONGEST_REFRESH: Duration = Duration::from_mins(6);

/// Sessions with a Rib and a clock.
struct World {
    rib: RecordedRib,
    sessions: Sessions,
    now: Instant,
}

impl World {
    /// With these configured peers.
    fn new<const N: usize>(options: ConvergenceOptions, peers: [PeerKey; N]) -> Self {
        let mut rib = rib();
        let mut sessions = Sessions::new(&mut rib, options);
        peers.into_iter().for_each(|peer| sessions.add_peer(peer, settings()));
        Self { rib, sessions, now: Instant::now() }
    }

    /// With one peer, which has a session.
    fn with_session() -> Self {
        let mut world = Self::new(ConvergenceOptions::default(), [PEER]);
        world.up(session(PEER, 1));
        world
    }

    fn up(&mut self, up: PeerUp) -> Option<PeerIndex> {
        self.sessions.peer_up(&mut self.rib, &AddressBook::default(), up, self.now)
    }

    fn down(&mut self, epoch: u64, departure: &session_machine::Departure) -> bool {
        self.sessions.peer_down(&mut self.rib, PEER, SessionEpoch(epoch), departure, self.now)
    }

    fn update(&mut self, peer: PeerKey, epoch: u64, update: Update) -> bool {
        self.sessions.apply_updates(&mut self.rib, peer, SessionEpoch(epoch), vec![update], self.now)
    }

    fn mark(&mut self, epoch: u64, mark: RefreshMark) {
        let epoch = SessionEpoch(epoch);
        self.sessions.on_refresh_mark(&mut self.rib, PEER, epoch, (FAMILY, mark), self.now);
    }

    /// Lets time pass, and handles what is due then. Returns whether anything was.
    fn pass(&mut self, time: Duration) -> bool {
        self.now += time;
        self.sessions.handle_timeout(&mut self.rib, self.now)
    }

    /// The number of prefixes in the Rib once its work is done.
    fn prefixes(&mut self) -> usize {
        while self.rib.work(usize::MAX) {}
        self.rib.view().counts().ipv4_prefixes
    }
}

fn session(peer: PeerKey, epoch: u64) -> PeerUp {
    PeerUp { epoch: SessionEpoch(epoch), ..up(peer, ExportQueue::closed()) }
}

/// Two prefixes.
fn both() -> [Ipv4Prefix; 2] {
    [1, 2].map(|third| Ipv4Prefix::truncating([10, 65, third, 0].into(), 24))
}

fn first_only() -> Update {
    announcement(both().into_iter().take(1))
}

/// The end of the first session for its limit.
fn cease_for_limit() -> DoorRequest {
    let reason = StopReason::MaximumPrefixes { restart: SECOND };
    DoorRequest::End(Interruption { epoch: SessionEpoch(1), reason })
}

/// A graceful restart in which the peer preserves the forwarding state of these families.
fn restart(forwarding_preserved: &[Family]) -> RestartTerms {
    RestartTerms {
        families: vec![FAMILY],
        forwarding_preserved: forwarding_preserved.to_vec(),
        keeps_ours: false,
        restart_time: RESTART_TIME,
        peer_has_restarted: true,
        survives_notification: false,
        long_lived: Vec::new(),
        long_lived_preserved: Vec::new(),
    }
}

fn resumed(epoch: u64, forwarding_preserved: &[Family]) -> PeerUp {
    let mut up = session(PEER, epoch);
    up.negotiated.restart = Some(restart(forwarding_preserved));
    up
}

#[test]
fn messages_of_a_former_session_are_ignored() {
    let mut world = World::with_session();
    world.up(session(PEER, 2));
    world.update(PEER, 1, announcement(both()));
    assert_eq!(world.prefixes(), 0);
    world.update(PEER, 2, announcement(both()));
    world.mark(1, RefreshMark::Begin);
    world.mark(2, RefreshMark::End);
    assert!(!world.down(1, &session_machine::Departure::Final));
    assert_eq!(world.prefixes(), 2);
    assert!(world.down(2, &session_machine::Departure::Final));
    assert_eq!(world.prefixes(), 0);
}

#[test]
fn a_session_of_a_peer_that_is_not_configured_any_more_is_refused() {
    let mut world = World::with_session();
    world.update(PEER, 1, announcement(both()));
    world.sessions.remove_peer(&mut world.rib, PEER, world.now);
    assert_eq!(world.prefixes(), 0);
    assert_eq!(world.up(session(PEER, 2)), None);
    assert_eq!(world.sessions.established().count(), 0);
}

#[test]
fn a_refresh_without_end_ends_after_six_minutes() {
    let mut world = World::with_session();
    world.update(PEER, 1, announcement(both()));
    world.mark(1, RefreshMark::Begin);
    world.update(PEER, 1, first_only());
    assert_eq!(world.sessions.next_timeout(), Some(world.now + LONGEST_REFRESH));
    assert!(!world.pass(LONGEST_REFRESH - SECOND));
    assert_eq!(world.prefixes(), 2);
    assert!(world.pass(SECOND));
    assert_eq!(world.prefixes(), 1);
    assert_eq!(world.sessions.next_timeout(), None);
    // An end that comes all the same ends nothing.
    world.update(PEER, 1, announcement(both()));
    world.mark(1, RefreshMark::End);
    assert_eq!(world.prefixes(), 2);
}

/// RFC 7313 §4.2: it has nothing yet to announce again, and what it held before is marked anyway.
#[test]
fn a_peer_that_restarts_gracefully_begins_no_refresh_before_the_end_of_its_table() {
    let mut world = World::new(ConvergenceOptions::default(), [PEER]);
    let capability = GracefulRestart {
        restarted: true,
        survives_notification: false,
        restart_time_seconds: 120,
        families: Vec::new(),
    };
    let mut up = session(PEER, 1);
    up.negotiated.peer_capabilities = Capabilities::from_iter([Capability::GracefulRestart(capability)]);
    world.up(up);
    for (before, left) in [(announcement(both()), 2), (Update::ending(FAMILY), 1)] {
        world.update(PEER, 1, before);
        world.mark(1, RefreshMark::Begin);
        world.update(PEER, 1, first_only());
        world.mark(1, RefreshMark::End);
        assert_eq!(world.prefixes(), left);
    }
}

#[test]
fn routes_of_a_peer_that_restarts_stay_for_its_restart_time_and_no_longer() {
    let mut world = World::with_session();
    world.update(PEER, 1, announcement(both()));
    assert!(world.down(1, &session_machine::Departure::Restart(restart(&[FAMILY]))));
    assert_eq!(world.sessions.established().count(), 0);
    assert_eq!(world.sessions.next_timeout(), Some(world.now + RESTART_TIME));
    assert!(!world.pass(RESTART_TIME - SECOND));
    assert_eq!(world.prefixes(), 2);
    assert!(world.pass(SECOND));
    assert_eq!(world.prefixes(), 0);
    assert_eq!(world.sessions.next_timeout(), None);
}

/// A restart after which routes are kept for an hour, as a last resort.
fn long_lived(preserved: &[Family]) -> RestartTerms {
    RestartTerms {
        long_lived: vec![(FAMILY, Duration::from_hours(1))],
        long_lived_preserved: preserved.to_vec(),
        ..restart(&[FAMILY])
    }
}

#[test]
fn routes_of_a_peer_that_does_not_come_back_are_a_last_resort_for_their_stale_time() {
    let mut world = World::with_session();
    world.update(PEER, 1, announcement(both()));
    world.down(1, &session_machine::Departure::Restart(long_lived(&[])));
    assert!(world.pass(RESTART_TIME));
    assert_eq!(world.prefixes(), 2);
    let hour = Duration::from_hours(1);
    let view = AbsenceView { left: hour, is_long_lived: true };
    assert_eq!(world.sessions.absences(world.now), [(PEER, view)]);
    assert!(!world.pass(hour - SECOND));
    assert_eq!(world.prefixes(), 2);
    assert!(world.pass(SECOND));
    assert_eq!(world.prefixes(), 0);
    assert_eq!((world.sessions.next_timeout(), world.sessions.absences(world.now)), (None, vec![]));
}

/// RFC 9494 §4.2: the F bit of this capability counts then, and not that of graceful restart.
#[test]
fn a_peer_that_is_back_after_its_restart_time_keeps_its_routes_if_it_preserved_forwarding_so_long() {
    for (preserved, left) in [(&[FAMILY][..], 2), (&[], 0)] {
        let mut world = World::with_session();
        world.update(PEER, 1, announcement(both()));
        world.down(1, &session_machine::Departure::Restart(long_lived(&[])));
        world.pass(RESTART_TIME);
        let mut up = session(PEER, 2);
        up.negotiated.restart = Some(long_lived(preserved));
        world.up(up);
        assert_eq!(world.prefixes(), left, "{preserved:?}");
    }
}

#[test]
fn a_family_that_the_peer_does_not_keep_goes_at_once_and_others_stay() {
    let mut world = World::with_session();
    world.update(PEER, 1, announcement(both()));
    let other_family = RestartTerms { families: vec![Family::IPV6_UNICAST], ..restart(&[]) };
    world.down(1, &session_machine::Departure::Restart(other_family));
    assert_eq!(world.prefixes(), 0);
    assert_eq!(world.sessions.absences(world.now).len(), 1);
}

/// RFC 8538 §4: a second restart has its own time, and what the first left stale stays stale until then.
#[test]
fn a_second_restart_inside_the_first_begins_the_time_again() {
    let mut world = World::with_session();
    world.update(PEER, 1, announcement(both()));
    world.down(1, &session_machine::Departure::Restart(restart(&[FAMILY])));
    world.pass(RESTART_TIME - SECOND);
    world.up(resumed(2, &[FAMILY]));
    world.update(PEER, 2, first_only());
    assert!(world.down(2, &session_machine::Departure::Restart(restart(&[FAMILY]))));
    world.pass(RESTART_TIME - SECOND);
    assert_eq!(world.prefixes(), 2);
    world.up(resumed(3, &[FAMILY]));
    world.update(PEER, 3, Update::ending(FAMILY));
    assert_eq!(world.prefixes(), 0, "nothing was announced again in the third session");
}

/// RFC 8538 §4.1: the time that stale routes are kept has an upper bound.
#[test]
fn a_peer_that_restarts_again_and_again_does_not_keep_stale_routes_for_ever() {
    for stay in [SECOND, RESTART_TIME] {
        let mut world = World::with_session();
        world.update(PEER, 1, announcement(both()));
        let mut kept = Duration::ZERO;
        for epoch in 1.. {
            world.down(epoch, &session_machine::Departure::Restart(restart(&[FAMILY])));
            world.pass(RESTART_TIME - SECOND);
            if world.prefixes() == 0 {
                break;
            }
            world.up(resumed(epoch + 1, &[FAMILY]));
            world.pass(stay);
            kept += RESTART_TIME - SECOND + stay;
            assert!(kept <= RESTART_TIME + LONGEST_REFRESH, "kept for {kept:?}");
            if world.prefixes() == 0 {
                break;
            }
        }
        assert!(kept > LONGEST_REFRESH - RESTART_TIME, "{kept:?}");
    }
}

#[test]
fn a_peer_that_is_back_in_time_keeps_what_it_announces_again() {
    let mut world = World::with_session();
    world.update(PEER, 1, announcement(both()));
    let before = world.sessions.index(PEER);
    world.down(1, &session_machine::Departure::Restart(restart(&[FAMILY])));
    world.pass(RESTART_TIME - SECOND);
    assert_eq!(world.up(resumed(2, &[FAMILY])), before);
    world.pass(2 * SECOND);
    assert_eq!(world.prefixes(), 2, "the restart time is over, and the peer is back");
    world.update(PEER, 2, first_only());
    world.update(PEER, 2, Update::ending(FAMILY));
    assert_eq!(world.prefixes(), 1, "the other was not announced again");
    world.pass(LONGEST_REFRESH);
    assert_eq!(world.prefixes(), 1);
}

#[test]
fn a_peer_that_is_back_without_its_forwarding_state_keeps_nothing() {
    let mut world = World::with_session();
    world.update(PEER, 1, announcement(both()));
    world.down(1, &session_machine::Departure::Restart(restart(&[FAMILY])));
    world.up(resumed(2, &[]));
    assert_eq!(world.prefixes(), 0);
}

#[test]
fn a_peer_that_is_back_and_never_sends_end_of_rib_keeps_stale_routes_for_six_minutes() {
    let mut world = World::with_session();
    world.update(PEER, 1, announcement(both()));
    world.down(1, &session_machine::Departure::Restart(restart(&[FAMILY])));
    world.up(resumed(2, &[FAMILY]));
    world.update(PEER, 2, first_only());
    assert!(!world.pass(LONGEST_REFRESH - SECOND));
    assert_eq!(world.prefixes(), 2);
    assert!(world.pass(SECOND));
    assert_eq!(world.prefixes(), 1);
}

#[test]
fn a_peer_that_is_removed_while_it_restarts_leaves_no_routes() {
    let mut world = World::with_session();
    world.update(PEER, 1, announcement(both()));
    world.down(1, &session_machine::Departure::Restart(restart(&[FAMILY])));
    world.sessions.remove_peer(&mut world.rib, PEER, world.now);
    assert_eq!(world.prefixes(), 0);
}

#[test]
fn other_rules_hold_for_the_routes_of_a_peer_that_restarts() {
    let mut world = World::with_session();
    world.update(PEER, 1, announcement(both()));
    world.down(1, &session_machine::Departure::Restart(restart(&[FAMILY])));
    let used = |world: &mut World| {
        world.prefixes();
        let selection = RouteSelection::Best;
        world.rib.view().routes(FAMILY, selection, PagePosition::default(), usize::MAX).routes.len()
    };
    assert_eq!(used(&mut world), 2);
    let mut rejecting = settings();
    let reject = Filter::new("reject", [Rule::new(Condition::always(), Action::Reject)]);
    rejecting.rules.import = FilterChain::new([reject]);
    let reflector = ReflectorOptions::new(BgpIdentifier::new(1).unwrap());
    world.sessions.reconfigure(&mut world.rib, reflector.into(), vec![(PEER, rejecting)]);
    assert_eq!(used(&mut world), 0);
}

#[tokio::test]
async fn a_peer_above_its_limit_is_interrupted_once_and_ignored_from_then_on() {
    let mut world = World::new(ConvergenceOptions::default(), []);
    let limit = PrefixLimit { received: Some(1), accepted: None, warn_percent: 80, action: CEASE };
    world.sessions.add_peer(PEER, PeerSettings { prefix_limit: Some(limit), ..settings() });
    let mut bell = DoorBell::new();
    world.up(PeerUp { door: bell.door(SessionEpoch(1)), ..session(PEER, 1) });
    world.update(PEER, 1, announcement(both()));
    assert_eq!(bell.request().await, cease_for_limit());
    let third = Ipv4Prefix::truncating([10, 66, 0, 0].into(), 24);
    world.update(PEER, 1, announcement([third]));
    assert_eq!(world.prefixes(), 2);
    assert!(tokio::time::timeout(Duration::ZERO, bell.request()).await.is_err(), "asked once");
}

#[tokio::test]
async fn a_withdrawn_prefix_makes_room_under_the_limit() {
    let mut world = World::new(ConvergenceOptions::default(), []);
    let limit = PrefixLimit { received: Some(2), accepted: None, warn_percent: 80, action: CEASE };
    world.sessions.add_peer(PEER, PeerSettings { prefix_limit: Some(limit), ..settings() });
    let mut bell = DoorBell::new();
    world.up(PeerUp { door: bell.door(SessionEpoch(1)), ..session(PEER, 1) });
    world.update(PEER, 1, announcement(both()));
    world.update(PEER, 1, Update::withdrawing(false, both().into_iter().take(1).map(Nlri::new)));
    world.update(PEER, 1, announcement(both()));
    assert!(tokio::time::timeout(Duration::ZERO, bell.request()).await.is_err(), "two prefixes");
}

/// The session ends when the filters of a reload accept too much, and not before they have been applied to all routes.
#[tokio::test]
async fn limits_hold_for_what_was_received_before_a_reload() {
    let mut world = World::new(ConvergenceOptions::default(), []);
    let reject = Filter::new("reject", [Rule::new(Condition::always(), Action::Reject)]);
    let limit = PrefixLimit { received: None, accepted: Some(1), warn_percent: 80, action: CEASE };
    let mut rejecting = PeerSettings { prefix_limit: Some(limit), ..settings() };
    rejecting.rules.import = FilterChain::new([reject]);
    let accepting = PeerSettings { prefix_limit: Some(limit), ..settings() };
    world.sessions.add_peer(PEER, rejecting);
    let mut bell = DoorBell::new();
    world.up(PeerUp { door: bell.door(SessionEpoch(1)), ..session(PEER, 1) });
    world.update(PEER, 1, announcement(both()));
    let reflector = ReflectorOptions::new(BgpIdentifier::new(1).unwrap());
    world.sessions.reconfigure(&mut world.rib, reflector.into(), vec![(PEER, accepting)]);
    assert!(tokio::time::timeout(Duration::ZERO, bell.request()).await.is_err(), "nothing is accepted yet");
    assert_eq!(world.prefixes(), 2);
    world.sessions.on_work_done(&world.rib, world.now);
    let interruption = tokio::time::timeout(Duration::ZERO, bell.request()).await;
    assert_eq!(interruption.expect("asked"), cease_for_limit());
}

/// The Rib drops what is beyond the limit, so the peer is asked to repeat it once there is room.
#[tokio::test]
async fn a_peer_is_asked_for_dropped_prefixes_when_there_is_room_and_not_too_often() {
    let mut world = World::new(ConvergenceOptions::default(), []);
    let limit =
        PrefixLimit { received: Some(1), accepted: None, warn_percent: 80, action: LimitAction::Refuse };
    let mut limited = PeerSettings { prefix_limit: Some(limit), ..settings() };
    limited.rules.limits = limit.kept_by_rib();
    world.sessions.add_peer(PEER, limited);
    let mut bell = DoorBell::new();
    let mut up = PeerUp { door: bell.door(SessionEpoch(1)), ..session(PEER, 1) };
    up.negotiated.route_refresh.to_peer = true;
    world.up(up);
    let withdraw = || Update::withdrawing(false, both().into_iter().map(Nlri::new));
    let request = DoorRequest::Routes(SessionEpoch(1), FAMILY);
    macro_rules! is_asked {
        () => {
            tokio::time::timeout(Duration::ZERO, bell.request()).await.ok()
        };
    }
    world.update(PEER, 1, announcement(both()));
    assert_eq!((world.prefixes(), is_asked!()), (1, None), "there is no room");
    world.update(PEER, 1, withdraw());
    assert_eq!(is_asked!(), Some(request.clone()));
    world.update(PEER, 1, announcement(both()));
    world.update(PEER, 1, withdraw());
    assert_eq!(is_asked!(), None, "it was asked just now");
    world.pass(2 * SECOND);
    assert_eq!(is_asked!(), None);
    world.pass(Duration::from_mins(1));
    assert_eq!(is_asked!(), Some(request));
    assert!(!world.pass(Duration::from_mins(5)), "nothing is missing");
    assert_eq!(is_asked!(), None);
}

#[test]
fn the_last_end_of_rib_completes_the_tables_once() {
    let options = ConvergenceOptions { expected_peers: Some(2), hold_back: None, is_restart: false };
    let mut world = World::new(options, [PEER, OTHER]);
    world.up(session(PEER, 1));
    world.up(session(OTHER, 1));
    assert!(!world.update(PEER, 1, Update::ending(FAMILY)));
    assert!(!world.update(OTHER, 1, announcement(both())));
    assert!(world.update(OTHER, 1, Update::ending(FAMILY)));
    assert!(!world.update(OTHER, 1, Update::ending(FAMILY)), "it is no news");
    assert!(!world.update(OTHER, 1, first_only()));
}

#[test]
fn routes_are_held_back_until_the_tables_are_complete() {
    let options =
        ConvergenceOptions { expected_peers: Some(2), hold_back: Some(5 * SECOND), is_restart: false };
    let mut world = World::new(options, [PEER, OTHER]);
    world.up(session(PEER, 1));
    let reader = world.up(session(OTHER, 1)).expect("it is configured");
    world.update(OTHER, 1, Update::ending(FAMILY));
    world.update(PEER, 1, announcement(both()));
    let advertises = |world: &mut World| {
        while world.rib.work(usize::MAX) {}
        let mut updates = Vec::new();
        while world.rib.poll_export(reader, &mut updates) {}
        !updates.is_empty()
    };
    assert!(!world.pass(Duration::ZERO));
    assert!(!advertises(&mut world));
    world.update(PEER, 1, Update::ending(FAMILY));
    assert!(world.pass(Duration::ZERO));
    assert!(advertises(&mut world));
}

/// Two speakers that restart at the same time do not wait for each other (RFC 4724 §4.1), nor for a peer that may never send
/// End-of-RIB.
#[test]
fn a_restart_awaits_the_table_of_a_peer_that_has_not_restarted() {
    let terms = |peer_has_restarted| RestartTerms { peer_has_restarted, ..restart(&[FAMILY]) };
    for (restart, seconds) in [(Some(terms(false)), 30), (Some(terms(true)), 0), (None, 0)] {
        let options =
            ConvergenceOptions { expected_peers: Some(1), hold_back: Some(5 * SECOND), is_restart: true };
        let mut world = World::new(options, []);
        let settings = PeerSettings { end_of_rib_wait: Some(30 * SECOND), ..settings() };
        world.sessions.add_peer(PEER, settings);
        let mut up = session(PEER, 1);
        up.negotiated.restart.clone_from(&restart);
        world.up(up);
        let expected = (Duration::from_millis(200)).max(seconds * SECOND);
        assert_eq!(world.sessions.next_timeout(), Some(world.now + expected), "{restart:?}");
    }
}
