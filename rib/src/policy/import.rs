//! Import of a path that a peer announces, before it may be chosen (RFC 4271 §9.1.1, RFC 4456 §8).

use std::sync::Arc;

use bgp_codec::{AsPath, Asn, Community, Family, NextHop, PathAttributes, PeerKind, Prefix, SegmentKind};
use margay_filter::{NextHopEdit, RouteEdits, RoutePath, RouteSource, Verdict};
use margay_forwarding::LinkName;

use super::martian::{is_host, is_martian, is_martian_next_hop};
use super::only_to_customer;
use crate::attributes::{AttributeHandle, AttributeSet, AttributeStore};
use crate::options::{AsPathRules, PeerOptions, RibOptions, SessionTerms};
use crate::paths::ImportRefusal;
use crate::validation::OriginValidation;

/// The import rules of one peer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ImportPolicy<'a> {
    pub(crate) speaker: &'a RibOptions,
    pub(crate) peer: &'a PeerOptions,
}

impl ImportPolicy<'_> {
    /// Checks the rules that depend on attributes only, once for all prefixes of an UPDATE.
    pub(crate) fn check(&self, set: &AttributeSet, next_hop: Option<NextHop>) -> Result<(), ImportRefusal> {
        if self.peer.rules.denied.import {
            return Err(ImportRefusal::NoFilters);
        }
        let attributes = &set.attributes;
        self.check_as_path(attributes)?;
        self.check_leak(attributes)?;
        if attributes.originator_id() == Some(self.speaker.identifier) {
            return Err(ImportRefusal::OriginatorLoop);
        }
        if attributes.cluster_list().any(|cluster| self.speaker.reflector.clusters.contains(&cluster)) {
            return Err(ImportRefusal::ClusterListLoop);
        }
        let own = &self.peer.own;
        if next_hop.is_some() && (next_hop == own.ipv4 || next_hop == own.ipv6) {
            return Err(ImportRefusal::NextHopIsOwn);
        }
        // A session over the loopback interface has such next hops.
        if next_hop.is_some_and(is_martian_next_hop) && !self.peer.session.address.is_loopback() {
            return Err(ImportRefusal::MartianNextHop);
        }
        Ok(())
    }

    fn check_leak(&self, attributes: &PathAttributes) -> Result<(), ImportRefusal> {
        let SessionTerms { role, asn, .. } = self.peer.session;
        let has_leaked = |role| only_to_customer::has_leaked(role, attributes.only_to_customer(), asn);
        if role.is_some_and(has_leaked) { Err(ImportRefusal::RouteLeak) } else { Ok(()) }
    }

    fn check_as_path(&self, attributes: &PathAttributes) -> Result<(), ImportRefusal> {
        let path = attributes.as_path();
        let AsPathRules { local_asn, checks, .. } = self.peer.rules.as_path;
        let allowed = usize::from(checks.own_as_allowed);
        let is_loop = |own: Asn| path.count(own) > allowed;
        let is_own_loop = match self.speaker.confederation {
            Some(identifier) => path.is_loop_in_confederation(self.speaker.asn, identifier, allowed),
            None => is_loop(self.speaker.asn),
        };
        if is_own_loop || local_asn.is_some_and(|local| is_loop(local.asn)) {
            return Err(ImportRefusal::AsPathLoop);
        }
        let SessionTerms { kind, asn, .. } = self.peer.session;
        let first = match kind {
            PeerKind::Ebgp => attributes.neighbor_as(),
            PeerKind::Confederation => path.neighbor_member(),
            PeerKind::Ibgp => Some(asn),
        };
        if checks.requires_peer_first && first != Some(asn) {
            return Err(ImportRefusal::ForeignFirstAs);
        }
        let is_set = |kind: SegmentKind| matches!(kind, SegmentKind::Set | SegmentKind::ConfederationSet);
        if checks.refuses_sets && path.segments().any(|segment| is_set(segment.kind())) {
            return Err(ImportRefusal::AsSet);
        }
        Ok(())
    }

    /// Checks the rules that depend on the destination.
    pub(crate) fn check_destination(&self, prefix: Prefix) -> Result<(), ImportRefusal> {
        if is_martian(prefix) {
            return Err(ImportRefusal::MartianDestination);
        }
        // Other addresses of this node may belong to other nodes, too: anycast and service addresses do.
        let own = [self.peer.own.ipv4, self.peer.own.ipv6];
        if own.into_iter().flatten().any(|own| is_host(prefix, own)) {
            return Err(ImportRefusal::DestinationIsOwn);
        }
        Ok(())
    }

    /// Verdicts of the peer's import filters on routes to these prefixes that share their attributes, which
    /// are evaluated once. `is_stale` says whether they are kept from a session that ended. `on_logged` is called with each
    /// route that a rule logs.
    pub(crate) fn filter(
        &self,
        (store, validation): (&AttributeStore, &OriginValidation),
        family: Family,
        (received, is_stale): (AttributeHandle, bool),
        prefixes: impl Iterator<Item = Prefix>,
        mut on_logged: impl FnMut(Prefix, &Verdict),
    ) -> Filtered {
        let chain = &self.peer.rules.import;
        let own = OwnEdits {
            next_hop: self.usable_next_hop(store.next_hop(received)),
            link: self.link_of(store.next_hop(received)),
            is_least_preferred: self.is_about_to_go(store.get(received)),
            only_to_customer: self.only_to_customer(&store.get(received).attributes),
            prepended: self.prepended().map(|asn| (store.get(received).attributes.as_path(), asn)),
        };
        if chain.is_empty() {
            return Filtered::Alike(Ok(own.added_to(RouteEdits::default())));
        }
        let session = self.peer.filter_session();
        let path = store.route_path(received, family, RouteSource::Peer(&session));
        let path = RoutePath { is_stale, ..path };
        let mut halfway = chain.by_path(&path);
        match halfway.settled() {
            Some(verdict) => {
                if verdict.logged_by.is_some() {
                    prefixes.for_each(|prefix| on_logged(prefix, verdict));
                }
                Filtered::Alike(outcome(verdict, &own))
            }
            None => {
                let each = prefixes.map(|prefix| {
                    let destination = validation.destination(chain, prefix, path.attributes);
                    let verdict = halfway.verdict(chain, &path, &destination);
                    if verdict.logged_by.is_some() {
                        on_logged(prefix, verdict);
                    }
                    outcome(verdict, &own)
                });
                Filtered::Each(each.collect())
            }
        }
    }

    /// The number that is prepended to the path, if this speaker has another one towards the peer.
    fn prepended(&self) -> Option<Asn> {
        let local = self.peer.rules.as_path.local_asn?;
        (local.prepends && self.peer.session.kind == PeerKind::Ebgp).then_some(local.asn)
    }

    /// The value of ONLY_TO_CUSTOMER that the path gets, if it has none and comes from a peer whose routes are for customers only.
    fn only_to_customer(&self, attributes: &PathAttributes) -> Option<Asn> {
        let SessionTerms { role, asn, .. } = self.peer.session;
        let is_marked = role.is_some_and(only_to_customer::marks_received);
        (is_marked && attributes.only_to_customer().is_none()).then_some(asn)
    }

    /// Whether the neighbouring AS announces that the path is about to go (RFC 8326 §4.1). Inside the AS, the
    /// preference says so.
    fn is_about_to_go(&self, set: &AttributeSet) -> bool {
        self.peer.session.kind == PeerKind::Ebgp
            && set.attributes.communities().any(|community| community == Community::GRACEFUL_SHUTDOWN)
    }

    /// The link of a link-local next hop: that of the session, if it is between link-local addresses.
    fn link_of(&self, received: Option<NextHop>) -> Option<LinkName> {
        let link = self.peer.session.link?;
        let is_link_local =
            received?.is_only_link_local() || matches!(received?, NextHop::Ipv6LinkLocal { .. });
        is_link_local.then_some(link)
    }

    /// The next hop without its link-local address, unless the peer is attached to the subnet of the next hop: the
    /// address of another link is not to be used on this one (RFC 2545 §3). `None` if nothing has to change.
    fn usable_next_hop(&self, received: Option<NextHop>) -> Option<NextHopEdit> {
        let received = received?;
        let is_on_link = self.peer.session.link.is_some()
            || self.peer.own.shared_subnet.is_some_and(|subnet| received.is_in(subnet));
        let usable = received.without_link_local();
        (!is_on_link && usable != received).then_some(NextHopEdit::Address(usable))
    }
}

/// Verdicts of import filters on routes that share their attributes.
pub(crate) enum Filtered {
    /// The same verdict for all.
    Alike(Result<RouteEdits, ImportRefusal>),
    /// A verdict for each, in order.
    Each(Vec<Result<RouteEdits, ImportRefusal>>),
}

impl Filtered {
    /// The verdict on the route at a position.
    pub(crate) fn of(&self, position: usize) -> Result<&RouteEdits, ImportRefusal> {
        let outcome = match self {
            Self::Alike(outcome) => outcome,
            Self::Each(outcomes) => &outcomes[position],
        };
        outcome.as_ref().map_err(|&refusal| refusal)
    }
}

/// What import itself changes in a path, whatever the filters say.
#[derive(Debug)]
struct OwnEdits<'s> {
    /// A next hop in place of the received one, unless a filter sets one.
    next_hop: Option<NextHopEdit>,
    /// The link that the next hop is on, unless a filter sets another next hop.
    link: Option<LinkName>,
    /// The path gets the lowest LOCAL_PREF.
    is_least_preferred: bool,
    /// ONLY_TO_CUSTOMER, to be added.
    only_to_customer: Option<Asn>,
    /// The received path, and an AS number to prepend to it.
    prepended: Option<(AsPath<'s>, Asn)>,
}

impl OwnEdits<'_> {
    fn added_to(&self, mut edits: RouteEdits) -> RouteEdits {
        match edits.next_hop {
            Some(NextHopEdit::Address(_)) => {}
            // Both only concern what is advertised to peers.
            Some(NextHopEdit::OwnAddress | NextHopEdit::Keep) | None => {
                edits.next_hop = self.next_hop.or(edits.next_hop);
                edits.link = edits.link.or_else(|| self.link.map(|link| Arc::from(link.as_str())));
            }
        }
        if self.is_least_preferred {
            edits.local_pref = Some(0);
        }
        edits.only_to_customer = self.only_to_customer;
        if let Some((received, asn)) = self.prepended {
            edits.prepend(received, asn);
        }
        edits
    }
}

fn outcome(verdict: &Verdict, own: &OwnEdits<'_>) -> Result<RouteEdits, ImportRefusal> {
    if verdict.is_accepted() { Ok(own.added_to(verdict.edits.clone())) } else { Err(ImportRefusal::Filter) }
}
