//! The configured peers: their sessions, the absence of those that restart, and what is awaited of them.

mod absence;
mod convergence;
mod hold_back;
mod memory_guard;
mod memory_shortage;
mod prefix_limit;
mod refusals;
mod session;

use std::collections::BTreeMap;

use bgp_codec::{Family, Update};
use margay_rib::{Departure, Notice, NoticeKind, PeerIndex, SpeakerRules};
use margay_session::{self as session_machine, StopReason};
use tokio::time::Instant;
use tracing::{debug, info, warn};

use self::absence::Absence;
pub use self::absence::AbsenceView;
use self::convergence::Convergence;
pub use self::convergence::ConvergenceOptions;
pub use self::memory_guard::MemoryGuardView;
use self::memory_guard::MemoryLimit;
pub use self::prefix_limit::{LimitAction, PrefixLimit};
use self::session::SpeakerSession;
use super::{FamilyCounts, PeerKey, PeerSettings, PeerUp, RefreshMark, SessionEpoch};
use crate::machine::AddressBook;
use crate::recording::RecordedRib;

/// See the [module](self).
///
/// Its methods pass on to the Rib what follows for it. They return whether routes may have changed, where that is not certain.
#[derive(Debug)]
pub(super) struct Sessions {
    peers: BTreeMap<PeerKey, SpeakerPeer>,
    convergence: Convergence,
    /// When the earliest route refresh times out.
    refresh_ends: Option<Instant>,
    /// The earliest end of the absence of a peer that restarts.
    absence_ends: Option<Instant>,
    /// Limits or filters have changed, or refreshes have ended: routes that were received before have to be compared with the limits once the filters have
    /// been applied to them. Until then, the numbers of accepted prefixes are mixed ones.
    are_limits_due: bool,
    /// When limits are to be checked again, even if nothing arrives.
    limit_check: Option<Instant>,
    pub(super) memory: MemoryLimit,
}

/// A configured peer.
#[derive(Debug)]
struct SpeakerPeer {
    settings: PeerSettings,
    session: Option<SpeakerSession>,
    /// It restarts, and has no session meanwhile.
    absence: Option<Absence>,
}

/// Which session of a peer is meant.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Which {
    Present,
    Epoch(SessionEpoch),
}

impl Sessions {
    /// Without peers. The Rib holds back routes from now on if the options say so.
    pub(super) fn new(rib: &mut RecordedRib, options: ConvergenceOptions) -> Self {
        let convergence = Convergence::new(options);
        if convergence.holds_back() {
            rib.hold_back();
        }
        Self {
            peers: BTreeMap::new(),
            convergence,
            refresh_ends: None,
            absence_ends: None,
            are_limits_due: false,
            limit_check: None,
            memory: MemoryLimit::default(),
        }
    }

    /// A peer is configured.
    pub(super) fn add_peer(&mut self, key: PeerKey, settings: PeerSettings) {
        self.peers.insert(key, SpeakerPeer { settings, session: None, absence: None });
        self.convergence.on_peer_added(key);
    }

    /// A peer is not configured any more: its session or absence is over.
    pub(super) fn remove_peer(&mut self, rib: &mut RecordedRib, key: PeerKey, now: Instant) {
        self.end_session(rib, key, Which::Present, &session_machine::Departure::Final, now);
        if let Some(absence) = self.peers.remove(&key).and_then(|peer| peer.absence) {
            rib.peer_down(absence.index, Departure::Final);
        }
        self.convergence.on_peer_removed(key);
    }

    /// Peers have other settings, and this speaker other rules. Sessions stay.
    pub(super) fn reconfigure(
        &mut self,
        rib: &mut RecordedRib,
        speaker: SpeakerRules,
        peers: Vec<(PeerKey, PeerSettings)>,
    ) {
        let mut rules = Vec::new();
        for (key, settings) in peers {
            let Some(peer) = self.peers.get_mut(&key) else { continue };
            // The routes of a peer that restarts are in use meanwhile.
            let session = peer.session.as_ref().map(|session| session.index);
            let index = session.or_else(|| Some(peer.absence.as_ref()?.index));
            let of_kind = |index| Some((index, settings.rules_for(rib.view().peer_kind(index)?).clone()));
            rules.extend(index.and_then(of_kind));
            peer.settings = settings;
        }
        rib.reconfigure(speaker, rules);
        self.are_limits_due = true;
    }

    /// The Rib has done all its work. If limits or filters have changed, the routes of all sessions are compared with the limits.
    pub(super) fn on_work_done(&mut self, rib: &RecordedRib, now: Instant) {
        if std::mem::take(&mut self.are_limits_due) {
            self.check_limits(rib, now);
        }
    }

    fn check_limits(&mut self, rib: &RecordedRib, now: Instant) {
        self.limit_check = None;
        for peer in self.peers.values_mut() {
            if let SpeakerPeer { settings, session: Some(session), .. } = peer {
                session.check_limit(rib, settings.prefix_limit.as_ref(), settings.name(), now);
                self.limit_check = earlier(self.limit_check, session.next_limit_check());
            }
        }
    }

    /// A session is established, and a former one of the peer is over. Returns where the peer is in the Rib; `None` if the peer
    /// is not configured any more.
    pub(super) fn peer_up(
        &mut self,
        rib: &mut RecordedRib,
        addresses: &AddressBook,
        up: PeerUp,
        now: Instant,
    ) -> Option<PeerIndex> {
        let (key, epoch) = (up.peer, up.epoch);
        self.end_session(rib, key, Which::Present, &session_machine::Departure::Final, now);
        let Some(peer) = self.peers.get_mut(&key) else {
            warn!(peer = key.0, "a session came up for a peer that is not configured any more");
            return None;
        };
        let resumes = peer.absence.take();
        // A peer that has restarted, too, announces others' routes once it has ours.
        let terms = up.negotiated.restart.as_ref().filter(|terms| !terms.peer_has_restarted);
        let wait = terms.and(peer.settings.end_of_rib_wait);
        let session = SpeakerSession::new(rib, &peer.settings, addresses, up, resumes.as_ref(), now);
        self.convergence.on_established(key, &session.families, wait, now);
        self.refresh_ends = earlier(self.refresh_ends, session.refresh_ends_at());
        debug!(peer = peer.settings.name(), session = epoch.0, "joined");
        Some(peer.session.insert(session).index)
    }

    /// A session is over. Returns whether it was the present one.
    pub(super) fn peer_down(
        &mut self,
        rib: &mut RecordedRib,
        key: PeerKey,
        epoch: SessionEpoch,
        departure: &session_machine::Departure,
        now: Instant,
    ) -> bool {
        let is_over = self.end_session(rib, key, Which::Epoch(epoch), departure, now);
        if let Some(peer) = self.peers.get(&key).filter(|_| is_over) {
            debug!(peer = peer.settings.name(), session = epoch.0, "left");
        }
        is_over
    }

    /// Ends a peer's session, if there is one and it is the one that is meant. Returns whether it was. The peer's routes stay
    /// where the departure says so.
    fn end_session(
        &mut self,
        rib: &mut RecordedRib,
        key: PeerKey,
        which: Which,
        departure: &session_machine::Departure,
        now: Instant,
    ) -> bool {
        let Some(peer) = self.peers.get_mut(&key) else { return false };
        let is_meant = |session: &mut SpeakerSession| match which {
            Which::Present => true,
            Which::Epoch(epoch) => session.epoch == epoch,
        };
        let Some(session) = peer.session.take_if(is_meant) else { return false };
        self.convergence.on_session_ended(key);
        peer.absence = Absence::after(session.index, departure, |family| session.stale_until(family), now);
        if let Some(absence) = &peer.absence {
            let seconds = absence.view(now).left.as_secs();
            info!(peer = peer.settings.name(), seconds, "restarts: its routes are kept meanwhile");
            self.absence_ends = earlier(self.absence_ends, absence.next_timeout());
        }
        let departure = if peer.absence.is_some() { Departure::Restarting } else { Departure::Final };
        rib.peer_down(session.index, departure);
        if let Some(absence) = &peer.absence {
            absence.begin(rib, &session.families);
        }
        true
    }

    /// A peer has sent these UPDATEs. Returns whether they completed the tables of all peers.
    pub(super) fn apply_updates(
        &mut self,
        rib: &mut RecordedRib,
        key: PeerKey,
        epoch: SessionEpoch,
        updates: Vec<Update>,
        now: Instant,
    ) -> bool {
        let Some(SpeakerPeer { settings, session, .. }) = self.peers.get_mut(&key) else { return false };
        let session = session.as_mut().filter(|session| session.epoch == epoch);
        // What a peer still sends whose session ends is not worth the work.
        let Some(session) = session.filter(|session| !session.is_interrupted()) else { return false };
        self.convergence.on_update(now);
        let mut is_news = false;
        rib.view().read_ahead(&updates);
        for update in updates {
            let end_of_rib = update.end_of_rib();
            session.note_defects(settings.name(), update.defects());
            rib.apply_update(session.index, update);
            if let Some(family) = end_of_rib
                && self.convergence.on_end_of_rib(key, family)
            {
                session.on_end_of_rib(rib, family);
                self.are_limits_due = true;
                is_news = true;
            }
        }
        if let Some(limit) = settings.prefix_limit {
            let accepted = limit.accepted.filter(|_| !self.are_limits_due);
            session.check_limit(rib, Some(&PrefixLimit { accepted, ..limit }), settings.name(), now);
            self.limit_check = earlier(self.limit_check, session.next_limit_check());
        }
        is_news && self.convergence.is_complete()
    }

    /// A peer begins or ends to announce a table again (RFC 7313 §4.2).
    pub(super) fn on_refresh_mark(
        &mut self,
        rib: &mut RecordedRib,
        key: PeerKey,
        epoch: SessionEpoch,
        (family, mark): (Family, RefreshMark),
        now: Instant,
    ) {
        let is_table_awaited = self.convergence.is_awaited(key, family);
        if let Some(session) = self.current(key, epoch) {
            session.on_refresh_mark(rib, family, mark, is_table_awaited, now);
            let ends = session.refresh_ends_at();
            self.refresh_ends = earlier(self.refresh_ends, ends);
            self.are_limits_due |= mark == RefreshMark::End;
        }
    }

    /// A peer requests all routes of a family again (RFC 2918).
    pub(super) fn on_route_refresh(
        &mut self,
        rib: &mut RecordedRib,
        key: PeerKey,
        epoch: SessionEpoch,
        family: Family,
    ) {
        if let Some(session) = self.current(key, epoch) {
            rib.refresh(session.index, family);
        }
    }

    /// Advertises all routes to a peer again, as if it had requested them. Returns whether it has a session.
    pub(super) fn advertise_again(&self, rib: &mut RecordedRib, key: PeerKey) -> bool {
        let Some(session) = self.session(key) else { return false };
        session.families.iter().for_each(|&family| rib.refresh(session.index, family));
        true
    }

    /// The node's addresses or links have changed: what was advertised with another own address is advertised again, and
    /// sessions over a link that is down end. Returns whether addresses of any peer's session have changed.
    pub(super) fn on_addresses(&mut self, rib: &mut RecordedRib, addresses: &AddressBook) -> bool {
        let mut changed = Vec::new();
        for peer in self.peers.values_mut() {
            let Some(session) = &mut peer.session else { continue };
            session.check_link(peer.settings.name(), addresses);
            if let Some(own) = session.on_addresses(peer.settings.name(), addresses) {
                changed.push((session.index, own));
            }
        }
        let is_any = !changed.is_empty();
        if is_any {
            rib.set_own_next_hops(changed);
        }
        is_any
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        let timeouts = [self.convergence.hold_back_ends_at(), self.absence_ends, self.limit_check];
        let memory = self.memory.next_timeout();
        timeouts.into_iter().fold(earlier(self.refresh_ends, memory), earlier)
    }

    /// Ends whatever has lasted long enough: hold-back, refreshes and absences. Returns whether anything has.
    pub(super) fn handle_timeout(&mut self, rib: &mut RecordedRib, now: Instant) -> bool {
        let mut has_ended = self.convergence.end_hold_back_in_time(now);
        if has_ended {
            rib.end_hold_back();
            info!("initial hold-back is over: advertising all routes");
        }
        if self.refresh_ends.is_some_and(|end| end <= now) {
            has_ended |= self.end_late_refreshes(rib, now);
        }
        if self.absence_ends.is_some_and(|end| end <= now) {
            has_ended |= self.end_absences(rib, now);
        }
        if self.limit_check.is_some_and(|due| due <= now) {
            self.check_limits(rib, now);
        }
        has_ended
    }

    fn end_late_refreshes(&mut self, rib: &mut RecordedRib, now: Instant) -> bool {
        self.refresh_ends = None;
        let mut are_any_late = false;
        for peer in self.peers.values_mut() {
            let Some(session) = &mut peer.session else { continue };
            if session.end_late_refreshes(rib, now) {
                self.are_limits_due = true;
                warn!(peer = peer.settings.name(), "route refresh timed out: stale routes withdrawn");
                are_any_late = true;
            }
            self.refresh_ends = earlier(self.refresh_ends, session.refresh_ends_at());
        }
        are_any_late
    }

    fn end_absences(&mut self, rib: &mut RecordedRib, now: Instant) -> bool {
        self.absence_ends = None;
        let mut are_any_over = false;
        for peer in self.peers.values_mut() {
            let name = peer.settings.name();
            let is_due = |absence: &mut Absence| absence.next_timeout().is_some_and(|timeout| timeout <= now);
            let Some(mut absence) = peer.absence.take_if(is_due) else {
                let ends = peer.absence.as_ref().and_then(Absence::next_timeout);
                self.absence_ends = earlier(self.absence_ends, ends);
                continue;
            };
            are_any_over = true;
            if absence.handle_timeout(rib, name, now) {
                warn!(peer = name, "did not come back from its restart in time: its routes are withdrawn");
                rib.peer_down(absence.index, Departure::Final);
            } else {
                self.absence_ends = earlier(self.absence_ends, absence.next_timeout());
                peer.absence = Some(absence);
            }
        }
        are_any_over
    }

    /// Ends the sessions of peers that do not read while ever more withdrawals have to be kept for them.
    pub(super) fn interrupt_overdue(&mut self, rib: &RecordedRib) {
        for index in rib.view().overdue() {
            if let Some((peer, session)) = self.of_index(index)
                && session.interrupt(StopReason::OutOfResources)
            {
                warn!(peer, "the peer does not read, and too many withdrawals wait for it: its session ends");
            }
        }
    }

    /// Logs which routes are refused or withheld, each to the account of the peer that announced it, and the routes that
    /// filters log.
    pub(super) fn log_notices(&mut self, rib: &mut RecordedRib) {
        let (notices, dropped) = rib.poll_notices();
        for Notice { peer, prefix, kind } in notices {
            let is_from_filter =
                matches!(kind, NoticeKind::LoggedOnImport(_) | NoticeKind::LoggedOnExport { .. });
            let line = match kind {
                NoticeKind::LoggedOnImport(verdict) => format!("import of {prefix}: {verdict}"),
                NoticeKind::LoggedOnExport { verdict, others: 0 } => format!("export of {prefix}: {verdict}"),
                NoticeKind::LoggedOnExport { verdict, others } => {
                    format!("export of {prefix}, to {others} more peers as well: {verdict}")
                }
                NoticeKind::Refused(refusal) => format!("{prefix} is not accepted: {refusal}"),
                NoticeKind::TooLong { peer, others } => {
                    let name = self.of_index(peer).map_or("a peer", |(name, _)| name);
                    let others =
                        if others == 0 { String::new() } else { format!(" and {others} more peers") };
                    format!("{prefix} is withheld from {name}{others}: too long for their messages")
                }
            };
            match self.of_index(peer) {
                Some((peer, _)) if is_from_filter => info!(peer, "{line}"),
                Some((name, session)) => session.log(name, format_args!("{line}")),
                None => {}
            }
        }
        if dropped > 0 {
            debug!(dropped, "more routes are refused, withheld or logged by filters than are shown");
        }
    }

    /// Where a peer is in the Rib that has a session, or restarts.
    pub(super) fn index(&self, key: PeerKey) -> Option<PeerIndex> {
        let SpeakerPeer { session, absence, .. } = self.peers.get(&key)?;
        let index = session.as_ref().map(|session| session.index);
        index.or_else(|| absence.as_ref().map(|absence| absence.index))
    }

    /// The peers that restart.
    pub(super) fn absences(&self, now: Instant) -> Vec<(PeerKey, AbsenceView)> {
        let absent = self.peers.iter().filter_map(|(&key, peer)| Some((key, peer.absence.as_ref()?)));
        absent.map(|(key, absence)| (key, absence.view(now))).collect()
    }

    /// The peers with a session.
    pub(super) fn established(&self) -> impl Iterator<Item = PeerKey> + '_ {
        self.peers.iter().filter(|(_, peer)| peer.session.is_some()).map(|(&key, _)| key)
    }

    /// What each session carries.
    pub(super) fn counts(&self, rib: &RecordedRib) -> Vec<(PeerKey, Vec<FamilyCounts>)> {
        let sessions = self.peers.iter().filter_map(|(&key, peer)| Some((key, peer.session.as_ref()?)));
        let counts = sessions.map(|(key, session)| {
            let of_family = |&family| FamilyCounts {
                family,
                routes: rib.view().peer_counts(session.index, family),
                end_of_rib_received: !self.convergence.is_awaited(key, family),
            };
            (key, session.families.iter().map(of_family).collect())
        });
        counts.collect()
    }

    /// Whether routes of peers are held back after the start.
    pub(super) fn holds_back(&self) -> bool {
        self.convergence.holds_back()
    }

    fn session(&self, key: PeerKey) -> Option<&SpeakerSession> {
        self.peers.get(&key)?.session.as_ref()
    }

    /// The session that `epoch` names, if it is the present one.
    fn current(&mut self, key: PeerKey, epoch: SessionEpoch) -> Option<&mut SpeakerSession> {
        self.peers.get_mut(&key)?.session.as_mut().filter(|session| session.epoch == epoch)
    }

    /// The session with this index in the Rib, and the name of its peer.
    fn of_index(&mut self, index: PeerIndex) -> Option<(&str, &mut SpeakerSession)> {
        self.peers.values_mut().find_map(|peer| {
            let session = peer.session.as_mut().filter(|session| session.index == index)?;
            Some((peer.settings.name(), session))
        })
    }
}

fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    one.into_iter().chain(other).min()
}

#[cfg(test)]
mod tests;
