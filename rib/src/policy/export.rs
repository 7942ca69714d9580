//! Export rules: whether a path is advertised to a group of peers, and with which attributes (RFC 4271 §5.1, §9.2).

use bgp_codec::{
    AsPathBuf, Asn, AttributeType, Community, Family, NextHop, PathAttributes, PeerKind, Prefix, Role,
};
use margay_filter::{NextHopEdit, RouteEdits};

use super::only_to_customer;
use super::reflection;
use super::refusal::ExportRefusal;

use crate::decision::DEFAULT_LOCAL_PREF;
use crate::options::{
    ClientToClient, LocalAsn, NextHopMode, PeerOptions, PrivateAsns, Reflection, RibOptions,
};
use crate::paths::LearnedFrom;

/// The export rules of a group without its filter. Peers with equal policies and filters are sent the same
/// routes.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct ExportPolicy {
    kind: PeerKind,
    asn: Asn,
    /// The number in place of `asn`, or in front of it, for external peers.
    local_asn: Option<LocalAsn>,
    private_asns: PrivateAsns,
    /// The peers' private number, which is kept in AS paths; `None` if it is not private, or all are kept.
    kept_private_asn: Option<Asn>,
    is_route_server_client: bool,
    /// The role of internal peers in reflection.
    reflection: Reflection,
    client_to_client: ClientToClient,
    next_hop: NextHopMode,
    /// Whether the next hops of this family may be IPv6 addresses.
    takes_ipv6_next_hops: bool,
    /// Own address of this family towards the peers.
    own_next_hop: Option<NextHop>,
    /// The subnet shared with the peers, if their next hops depend on it: for external peers, and in IPv6.
    shared_subnet: Option<Prefix>,
    /// Whether the peers are sent long-lived stale routes.
    long_lived: bool,
    /// Whether the peers are sent a default route by this speaker.
    default_originate: bool,
    /// The peers are asked to prefer other paths (RFC 8326).
    is_draining: bool,
    /// This speaker's role towards external peers (RFC 9234).
    role: Option<Role>,
    /// The peers are external without export filters, and are sent nothing but that default route (RFC 8212).
    is_denied: bool,
}

impl ExportPolicy {
    pub(crate) fn new(options: &PeerOptions, family: Family, speaker: &RibOptions) -> Self {
        let own_next_hop = if family == Family::IPV4_UNICAST { options.own.ipv4 } else { options.own.ipv6 };
        let matters = |subnet: &Prefix| match subnet {
            Prefix::Ipv4(_) => !options.session.kind.is_inside(),
            Prefix::Ipv6(_) => !options.session.kind.is_inside() || family == Family::IPV6_UNICAST,
        };
        let shared_subnet = options.own.shared_subnet.filter(matters);
        let is_external = options.session.kind == PeerKind::Ebgp;
        let as_path = &options.rules.as_path;
        let private_asns = if is_external { as_path.private_asns } else { PrivateAsns::Kept };
        let removes_any = private_asns != PrivateAsns::Kept;
        Self {
            kind: options.session.kind,
            asn: if is_external { speaker.external_asn() } else { speaker.asn },
            local_asn: as_path.local_asn.filter(|_| is_external),
            private_asns,
            kept_private_asn: Some(options.session.asn).filter(|asn| removes_any && asn.is_private()),
            is_route_server_client: is_external && as_path.is_route_server_client,
            reflection: match options.session.kind {
                PeerKind::Ibgp => options.rules.reflection,
                PeerKind::Ebgp | PeerKind::Confederation => Reflection::NonClient,
            },
            client_to_client: speaker.reflector.client_to_client,
            next_hop: of_family(options.rules.next_hop, family),
            takes_ipv6_next_hops: family != Family::IPV4_UNICAST || options.session.ipv6_next_hops,
            own_next_hop,
            shared_subnet,
            long_lived: options.session.long_lived,
            default_originate: options.rules.default_originate,
            is_draining: options.rules.is_draining,
            role: options.session.role,
            is_denied: options.rules.denied.export,
        }
    }

    /// Whether the peers are sent a default route by this speaker, instead of the one in use.
    pub(crate) fn sends_default_route(&self) -> bool {
        self.default_originate
    }

    /// Whether the peers are sent nothing but such a default route.
    pub(crate) fn is_denied(&self) -> bool {
        self.is_denied
    }

    /// The attributes and next hop with which a path is advertised. A pure function of its arguments, so the
    /// result can be cached.
    pub(crate) fn transform(
        &self,
        attributes: &PathAttributes,
        next_hop: Option<NextHop>,
        learned_from: LearnedFrom,
        edits: &RouteEdits,
    ) -> Result<(PathAttributes, NextHop), ExportRefusal> {
        if let (PeerKind::Ibgp, LearnedFrom::Internal(source)) = (self.kind, learned_from) {
            reflection::check(source, self.reflection, self.client_to_client)?;
        }
        self.check_communities(attributes)?;
        if self.role.is_some_and(only_to_customer::forbids) && attributes.only_to_customer().is_some() {
            return Err(ExportRefusal::OnlyToCustomer);
        }
        let is_transparent = self.is_route_server_client && learned_from == LearnedFrom::External;
        let mode = if is_transparent && self.next_hop == NextHopMode::Auto {
            NextHopMode::Keep
        } else {
            self.next_hop
        };
        let next_hop =
            self.next_hop(mode, attributes, next_hop, edits.next_hop).ok_or(ExportRefusal::NoOwnNextHop)?;
        if !self.takes(next_hop) {
            return Err(ExportRefusal::Ipv6NextHop);
        }
        let attributes = match self.kind {
            PeerKind::Ibgp => self.to_internal(attributes, learned_from),
            PeerKind::Confederation => self.to_confederation(attributes),
            PeerKind::Ebgp if is_transparent => attributes.without(INSIDE_THE_AS),
            PeerKind::Ebgp => self.to_external(attributes, learned_from, edits),
        };
        let attributes = if self.is_draining { self.drained(&attributes) } else { attributes };
        Ok((self.marked_only_to_customer(attributes), next_hop))
    }

    /// RFC 9234 §5: towards customers, peers and clients of a route server, routes are for customers only.
    fn marked_only_to_customer(&self, attributes: PathAttributes) -> PathAttributes {
        let is_marked = self.role.is_some_and(only_to_customer::marks_sent);
        if !is_marked || attributes.only_to_customer().is_some() {
            return attributes;
        }
        let mut builder = attributes.to_builder();
        builder.add_only_to_customer(self.seen_asn());
        builder.build()
    }

    /// This speaker's AS number as external peers see it.
    fn seen_asn(&self) -> Asn {
        self.local_asn.map_or(self.asn, |local| local.asn)
    }

    /// RFC 8326 §4: external peers lower the preference when they see the community. Internal ones get the
    /// lowest preference, as not all of them know the community.
    fn drained(&self, attributes: &PathAttributes) -> PathAttributes {
        let mut builder = attributes.to_builder();
        if !builder.communities.contains(&Community::GRACEFUL_SHUTDOWN) {
            builder.communities.push(Community::GRACEFUL_SHUTDOWN);
        }
        if self.kind.is_inside() {
            builder.local_pref = Some(0);
        }
        builder.build()
    }

    /// RFC 1997: NO_EXPORT stays inside the AS or confederation, NO_EXPORT_SUBCONFED inside the AS, NO_ADVERTISE inside the
    /// speaker. RFC 9494 §4.3: LLGR_STALE stays among speakers that know what it means.
    fn check_communities(&self, attributes: &PathAttributes) -> Result<(), ExportRefusal> {
        let forbids = |community: &Community| {
            *community == Community::NO_ADVERTISE
                || *community == Community::LLGR_STALE && !self.long_lived
                || *community == Community::NO_EXPORT && !self.kind.is_inside()
                || *community == Community::NO_EXPORT_SUBCONFED && self.kind != PeerKind::Ibgp
        };
        match attributes.communities().find(forbids) {
            Some(community) => Err(ExportRefusal::Community(community)),
            None => Ok(()),
        }
    }

    /// Next hop as in RFC 4271 §5.1.3. Own routes have no next hop to keep, and a link-local address has no
    /// meaning beyond the link that it was received on. A filter's setting has precedence over the mode of
    /// the session.
    fn next_hop(
        &self,
        mode: NextHopMode,
        attributes: &PathAttributes,
        received: Option<NextHop>,
        edit: Option<NextHopEdit>,
    ) -> Option<NextHop> {
        let mode = match edit {
            Some(NextHopEdit::Address(next_hop)) => return Some(next_hop),
            Some(NextHopEdit::OwnAddress) => NextHopMode::OwnAddress,
            Some(NextHopEdit::Keep) => NextHopMode::Keep,
            None => mode,
        };
        if let NextHopMode::Addresses { ipv4, ipv6 } = mode {
            return ipv4.map(NextHop::Ipv4).or_else(|| ipv6.map(NextHop::Ipv6));
        }
        let keeps = |next_hop: &NextHop| match mode {
            NextHopMode::Auto => self.kind.is_inside() || self.is_third_party(attributes, *next_hop),
            NextHopMode::OwnAddress => false,
            NextHopMode::Keep => true,
            NextHopMode::Addresses { .. } => false,
        };
        let received = received.map(|next_hop| self.without_foreign_link_local(next_hop));
        // An external peer can be given our address instead; inside the AS, packets need not pass through this speaker.
        let is_meaningful = |next_hop: &NextHop| {
            !next_hop.is_only_link_local() && (self.kind.is_inside() || self.takes(*next_hop))
        };
        received.filter(is_meaningful).filter(keeps).or(self.own_next_hop)
    }

    /// Whether the peers accept such a next hop.
    fn takes(&self, next_hop: NextHop) -> bool {
        self.takes_ipv6_next_hops || matches!(next_hop, NextHop::Ipv4(_))
    }

    /// The link-local address accompanies the global one if and only if this speaker, the next hop and the
    /// peer share a subnet (RFC 2545 §3).
    fn without_foreign_link_local(&self, next_hop: NextHop) -> NextHop {
        if self.shared_subnet.is_some_and(|subnet| next_hop.is_in(subnet)) {
            next_hop
        } else {
            next_hop.without_link_local()
        }
    }

    /// Whether the peer can reach a next hop without this speaker. The next hop of a route from inside this
    /// AS is never the peer itself.
    fn is_third_party(&self, attributes: &PathAttributes, next_hop: NextHop) -> bool {
        attributes.as_path_length() == 0 && self.shared_subnet.is_some_and(|subnet| next_hop.is_in(subnet))
    }

    /// RFC 4271 §5.1.2, §5.1.4, §5.1.5 and RFC 4456 §8: prepends our AS, and removes attributes that belong
    /// inside the AS and a MULTI_EXIT_DISC of another AS. One set by a filter counts as our own.
    fn to_external(
        &self,
        attributes: &PathAttributes,
        learned_from: LearnedFrom,
        edits: &RouteEdits,
    ) -> PathAttributes {
        let left_out = match learned_from {
            _ if matches!(edits.med, Some(Some(_))) => INSIDE_THE_AS,
            LearnedFrom::Local => INSIDE_THE_AS,
            LearnedFrom::External | LearnedFrom::Confederation | LearnedFrom::Internal(_) => {
                INSIDE_THE_AS_OR_OF_ANOTHER
            }
        };
        attributes.passed_on(&self.external_path(attributes), left_out)
    }

    /// The AS path that an external peer is sent: what is inside the confederation is not shown (RFC 5065 §4.1 c).
    fn external_path(&self, attributes: &PathAttributes) -> AsPathBuf {
        let seen_asn = self.seen_asn();
        let mut path = attributes.as_path().without_confederation();
        match self.private_asns {
            PrivateAsns::Kept => {}
            PrivateAsns::Removed => {
                path = path.as_path().map_asns(|asn| (!self.is_hidden(asn)).then_some(asn));
            }
            PrivateAsns::Replaced => {
                path = path.as_path().map_asns(|asn| Some(if self.is_hidden(asn) { seen_asn } else { asn }));
            }
        }
        if self.local_asn.is_none_or(|local| !local.replaces) {
            path.prepend(self.asn, 1);
        }
        if let Some(local) = self.local_asn {
            path.prepend(local.asn, 1);
        }
        path
    }

    /// RFC 5065 §4.1 b, §5.2: our number is prepended to the members that were passed, and LOCAL_PREF and MULTI_EXIT_DISC are
    /// kept. The attributes of reflection stay inside the AS.
    fn to_confederation(&self, attributes: &PathAttributes) -> PathAttributes {
        let mut builder = attributes.to_builder();
        builder.as_path.prepend_member(self.asn);
        builder.local_pref.get_or_insert(DEFAULT_LOCAL_PREF);
        builder.originator_id = None;
        builder.cluster_list.clear();
        builder.build()
    }

    fn is_hidden(&self, asn: Asn) -> bool {
        asn.is_private() && Some(asn) != self.kept_private_asn
    }

    /// RFC 4271 §5.1.5: LOCAL_PREF is always sent to internal peers. A path from another internal peer is
    /// reflected, and otherwise left unchanged (RFC 4456 §10).
    fn to_internal(&self, attributes: &PathAttributes, learned_from: LearnedFrom) -> PathAttributes {
        let is_reflected = matches!(learned_from, LearnedFrom::Internal(_));
        if attributes.local_pref().is_some() && !is_reflected {
            return attributes.clone();
        }
        let mut builder = attributes.to_builder();
        builder.local_pref.get_or_insert(DEFAULT_LOCAL_PREF);
        if let LearnedFrom::Internal(source) = learned_from {
            reflection::mark(&mut builder, source, self.reflection);
        }
        builder.build()
    }
}

/// The mode for routes of a family, with an address of that family alone.
fn of_family(mode: NextHopMode, family: Family) -> NextHopMode {
    let NextHopMode::Addresses { ipv4, ipv6 } = mode else { return mode };
    match (family == Family::IPV4_UNICAST, ipv4, ipv6) {
        (true, Some(_), _) => NextHopMode::Addresses { ipv4, ipv6: None },
        (false, _, Some(_)) => NextHopMode::Addresses { ipv4: None, ipv6 },
        (true, None, _) | (false, _, None) => NextHopMode::Auto,
    }
}

/// Attributes that are never sent to external peers.
const INSIDE_THE_AS: &[AttributeType] =
    &[AttributeType::LOCAL_PREF, AttributeType::ORIGINATOR_ID, AttributeType::CLUSTER_LIST];

/// Attributes of learned routes that are never sent to external peers.
const INSIDE_THE_AS_OR_OF_ANOTHER: &[AttributeType] = &[
    AttributeType::MULTI_EXIT_DISC,
    AttributeType::LOCAL_PREF,
    AttributeType::ORIGINATOR_ID,
    AttributeType::CLUSTER_LIST,
];
