//! A session as the speaker sees it: where it is in the Rib, its route refreshes, and its limits.

use std::fmt;
use std::net::IpAddr;

use bgp_codec::{AttributeError, Capability, Family, NextHop};
use margay_rib::{OwnNextHops, PeerCounts, PeerIndex, PeerOptions, SessionTerms};
use margay_session::StopReason;
use tokio::time::Instant;
use tracing::{debug, error, info, warn};

use super::absence::{Absence, LONGEST_REFRESH};
use super::prefix_limit::{Count, LimitAction, PrefixLimit, Verdict};
use super::refusals::{Consequence, Refusals};
use crate::machine::AddressBook;
use crate::recording::RecordedRib;
use crate::speaker::{PeerSettings, PeerUp, RefreshMark, SessionEpoch};
use crate::speaker::{SessionDoor, SessionLink};

/// A session that is established.
#[derive(Debug)]
pub(super) struct SpeakerSession {
    pub(super) epoch: SessionEpoch,
    pub(super) index: PeerIndex,
    pub(super) families: Vec<Family>,
    door: SessionDoor,
    /// The end of the session has been asked for.
    is_interrupted: bool,
    /// The families in which the peer's prefixes are near to their limit, and that was logged.
    near_limit: Vec<Family>,
    /// Prefixes that are refused for a limit.
    refusals: Vec<(Family, Refusals)>,
    /// Whether the peer can be asked for all its routes (RFC 2918).
    takes_route_refresh: bool,
    /// Our end of the connection, and the peer's.
    ends: [IpAddr; 2],
    /// The link of a session between link-local addresses.
    link: Option<SessionLink>,
    /// Whether the own IPv6 address is the next hop of IPv4 routes, too (RFC 8950).
    has_ipv6_next_hops: bool,
    /// What the node's addresses mean for the session, as the Rib knows it.
    own: OwnNextHops,
    /// The peer restarts gracefully: before the end of its table it has nothing to announce again.
    is_graceful: bool,
    /// The families that the peer announces again (RFC 7313), and when that times out.
    refreshes: Vec<(Family, Instant)>,
    /// The families with stale routes of former sessions, and when these go at the latest, however often the peer restarts.
    stale_until: Vec<(Family, Instant)>,
    defects: u64,
}

/// How many defects of a session's routes are logged for operators; further ones are for debugging.
const LOGGED_DEFECTS: u64 = 10;

impl SpeakerSession {
    /// Enters the peer into the Rib.
    pub(super) fn new(
        rib: &mut RecordedRib,
        settings: &PeerSettings,
        addresses: &AddressBook,
        up: PeerUp,
        resumes: Option<&Absence>,
        now: Instant,
    ) -> Self {
        let families = up.negotiated.families.clone();
        let ends = [up.local_address, up.peer_address];
        let has_ipv6_next_hops = up.negotiated.sends_ipv6_next_hops() && ends[0].is_ipv6();
        let link = up.link;
        let own = own_next_hops(addresses, (ends, link), has_ipv6_next_hops, OwnNextHops::default());
        let rules = settings.rules_for(up.negotiated.kind).clone();
        let options = PeerOptions { session: session_terms(&up), rules, own };
        let former = resumes.map(|absence| absence.index);
        let index = rib.peer_up(options, former, || up.negotiated.decode_context());
        let refusals = families
            .iter()
            .map(|&family| (family, Refusals::new(&rib.view().peer_counts(index, family))))
            .collect();
        let is_long_lived = resumes.is_some_and(Absence::is_long_lived);
        let preserved = up.negotiated.restart.as_ref().map(|terms| match is_long_lived {
            false => terms.forwarding_preserved.clone(),
            true => terms.long_lived_preserved.clone(),
        });
        let mut session = Self {
            epoch: up.epoch,
            index,
            families,
            door: up.door,
            is_interrupted: false,
            near_limit: Vec::new(),
            refusals,
            takes_route_refresh: up.negotiated.route_refresh.to_peer,
            ends,
            link,
            has_ipv6_next_hops,
            own,
            is_graceful: up.negotiated.peer_capabilities.graceful_restart().is_some(),
            refreshes: Vec::new(),
            stale_until: Vec::new(),
            defects: 0,
        };
        if let Some(absence) = resumes.filter(|absence| absence.index == index) {
            session.resume(rib, absence, &preserved.unwrap_or_default(), now);
        }
        session
    }

    /// The peer is back from a restart. What it does not announce again before its End-of-RIB goes; in families for which it
    /// did not preserve forwarding, everything goes at once (RFC 4724 §4.2).
    fn resume(&mut self, rib: &mut RecordedRib, absence: &Absence, preserved: &[Family], now: Instant) {
        for &family in &self.families {
            match absence.stale_until(family).filter(|_| preserved.contains(&family)) {
                Some(stale_until) => {
                    self.refreshes.push((family, stale_until.min(now + LONGEST_REFRESH)));
                    self.stale_until.push((family, stale_until));
                }
                None => rib.end_refresh(self.index, family),
            }
        }
    }

    /// When stale routes of former sessions go at the latest; `None` if there are none.
    pub(super) fn stale_until(&self, family: Family) -> Option<Instant> {
        self.stale_until.iter().find(|(other, _)| *other == family).map(|(_, until)| *until)
    }

    /// The peer has announced its whole table of a family: a restart is over in it.
    pub(super) fn on_end_of_rib(&mut self, rib: &mut RecordedRib, family: Family) {
        if self.refreshes.iter().any(|&(other, _)| other == family) {
            self.end_refresh(rib, family);
        }
    }

    /// Asks for the end of the session, once. Returns whether it was asked for just now.
    pub(super) fn interrupt(&mut self, reason: StopReason) -> bool {
        let is_asked = !self.is_interrupted && self.door.interrupt(reason);
        self.is_interrupted |= is_asked;
        is_asked
    }

    /// Number of the peer's paths in all families.
    pub(super) fn paths(&self, rib: &RecordedRib) -> usize {
        self.families.iter().map(|&family| rib.view().peer_counts(self.index, family).received).sum()
    }

    /// Whether the end of the session was asked for.
    pub(super) fn is_interrupted(&self) -> bool {
        self.is_interrupted
    }

    /// Ends the session if the peer has announced more prefixes than it may and that is to end it, and logs when it comes near to
    /// that. Asks the peer for prefixes that were dropped for a limit once there is room for them.
    pub(super) fn check_limit(
        &mut self,
        rib: &RecordedRib,
        limit: Option<&PrefixLimit>,
        peer: &str,
        now: Instant,
    ) {
        for family in self.families.clone() {
            let counts = rib.view().peer_counts(self.index, family);
            self.check_refusals(&counts, limit, (peer, family), now);
            let Some(limit) = limit else { continue };
            match (limit.judge(&counts), limit.action) {
                (Verdict::Within, _) => self.near_limit.retain(|&near| near != family),
                (Verdict::Near(count), _) | (Verdict::Exceeded(count), LimitAction::Refuse) => {
                    if !self.near_limit.contains(&family) {
                        self.near_limit.push(family);
                        let Count { kind, prefixes, limit } = count;
                        warn!(peer, %family, prefixes, limit, "{kind} prefixes are near to their limit");
                    }
                }
                (Verdict::Exceeded(count), LimitAction::Cease { restart }) => {
                    if self.interrupt(StopReason::MaximumPrefixes { restart }) {
                        let Count { kind, prefixes, limit } = count;
                        error!(peer, %family, prefixes, limit, "{kind} prefixes exceed their limit: the session ends");
                    }
                }
            }
        }
    }

    fn check_refusals(
        &mut self,
        counts: &PeerCounts,
        limit: Option<&PrefixLimit>,
        (peer, family): (&str, Family),
        now: Instant,
    ) {
        let most_received = limit.and_then(|limit| limit.kept_by_rib().received);
        let Some((_, refusals)) = self.refusals.iter_mut().find(|(other, _)| *other == family) else {
            return;
        };
        match refusals.judge(counts, most_received, now) {
            Consequence::Nothing => {}
            Consequence::Begins => {
                let PeerCounts { received, accepted, .. } = *counts;
                error!(peer, %family, received, accepted, "prefixes reach their limit: further ones are refused");
            }
            Consequence::Ask if self.takes_route_refresh => {
                info!(peer, %family, "there is room for refused prefixes: asking for all routes again");
                self.door.request_routes(family);
            }
            Consequence::Ask => {
                warn!(peer, %family, "there is room for refused prefixes, but the peer takes no ROUTE-REFRESH: reset the session to have them");
            }
        }
    }

    /// When limits are to be checked again, even if nothing arrives.
    pub(super) fn next_limit_check(&self) -> Option<Instant> {
        self.refusals.iter().filter_map(|(_, refusals)| refusals.next_timeout()).min()
    }

    /// Ends the session if its link is down: its routes lead nowhere, and the hold timer would notice that late.
    pub(super) fn check_link(&mut self, peer: &str, addresses: &AddressBook) {
        let Some(link) = self.link.filter(|link| addresses.is_link_down(link.index)) else { return };
        if self.interrupt(StopReason::LinkDown) {
            info!(peer, link = %link.name, "the link is down");
        }
    }

    /// The node's addresses have changed. Returns what they mean for the session now, if that is something else.
    pub(super) fn on_addresses(&mut self, peer: &str, addresses: &AddressBook) -> Option<OwnNextHops> {
        let own = own_next_hops(addresses, (self.ends, self.link), self.has_ipv6_next_hops, self.own);
        if own == self.own {
            return None;
        }
        self.own = own;
        let text = |own: Option<NextHop>| own.map_or_else(|| "none".to_owned(), |own| own.to_string());
        info!(peer, ipv4 = text(own.ipv4), ipv6 = text(own.ipv6), "own next hops have changed");
        Some(own)
    }

    /// The peer begins or ends to announce a table again (RFC 7313 §4.2), which it may not have announced once yet.
    pub(super) fn on_refresh_mark(
        &mut self,
        rib: &mut RecordedRib,
        family: Family,
        mark: RefreshMark,
        is_table_awaited: bool,
        now: Instant,
    ) {
        match mark {
            RefreshMark::Begin if self.is_graceful && is_table_awaited => {}
            RefreshMark::Begin => {
                rib.begin_refresh(self.index, family);
                self.refreshes.retain(|&(other, _)| other != family);
                self.refreshes.push((family, now + LONGEST_REFRESH));
            }
            RefreshMark::End => self.end_refresh(rib, family),
        }
    }

    fn end_refresh(&mut self, rib: &mut RecordedRib, family: Family) {
        rib.end_refresh(self.index, family);
        self.refreshes.retain(|&(other, _)| other != family);
        self.stale_until.retain(|&(other, _)| other != family);
    }

    /// When the next refresh times out.
    pub(super) fn refresh_ends_at(&self) -> Option<Instant> {
        self.refreshes.iter().map(|&(_, end)| end).min()
    }

    /// Ends refreshes that have timed out. Returns whether there were any.
    pub(super) fn end_late_refreshes(&mut self, rib: &mut RecordedRib, now: Instant) -> bool {
        let late: Vec<Family> =
            self.refreshes.iter().filter(|&&(_, end)| end <= now).map(|&(family, _)| family).collect();
        late.iter().for_each(|&family| self.end_refresh(rib, family));
        !late.is_empty()
    }

    /// Logs what was wrong with an UPDATE and yet did not end the session (RFC 7606).
    pub(super) fn note_defects(&mut self, peer: &str, defects: &[AttributeError]) {
        for defect in defects {
            self.log(peer, format_args!("bad UPDATE: {defect}"));
        }
    }

    /// Logs what is wrong with what the peer announces, for as long as there is little of it.
    pub(super) fn log(&mut self, peer: &str, what: fmt::Arguments<'_>) {
        self.defects += 1;
        match self.defects {
            ..LOGGED_DEFECTS => warn!(peer, "{what}"),
            LOGGED_DEFECTS => warn!(peer, "{what}; further lines of this kind are logged at level debug"),
            _ => debug!(peer, "{what}"),
        }
    }
}

/// What the node's addresses mean for a session between two addresses.
fn own_next_hops(
    addresses: &AddressBook,
    ([local, peer], link): ([IpAddr; 2], Option<SessionLink>),
    has_ipv6_next_hops: bool,
    former: OwnNextHops,
) -> OwnNextHops {
    let own = addresses.own_next_hops((local, link.map(|link| link.index)), peer, former);
    if has_ipv6_next_hops { OwnNextHops { ipv4: own.ipv6, ..own } } else { own }
}

fn session_terms(up: &PeerUp) -> SessionTerms {
    let PeerUp { negotiated, .. } = up;
    SessionTerms {
        kind: negotiated.kind,
        asn: negotiated.peer_asn,
        role: negotiated.role,
        identifier: negotiated.peer_identifier,
        address: up.peer_address,
        number: up.peer.0,
        link: up.link.map(|link| link.name),
        families: negotiated.families.clone(),
        path_ids_sent: negotiated.path_ids_sent.clone(),
        as_width: negotiated.as_width,
        max_message_octets: negotiated.max_octets_sent(),
        ipv6_next_hops: negotiated.sends_ipv6_next_hops(),
        enhanced_refresh: negotiated.enhanced_route_refresh.to_peer,
        long_lived: negotiated
            .peer_capabilities
            .iter()
            .any(|capability| matches!(capability, Capability::LongLivedGracefulRestart(_))),
    }
}
