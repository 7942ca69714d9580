//! The oracle: a Rib that keeps nothing but the announcements, and computes everything from them, slowly.

use std::collections::{BTreeMap, BTreeSet};

use bgp_codec::{
    AsPathBuf, AsWidth, Asn, AttributeType, BgpIdentifier, ClusterId, Community, Family, NextHop,
    PathAttributes, PathAttributesBuilder, PathId, PeerKind, Prefix, UnknownAttributeBuf,
};
use margay_filter::{
    Destination, FilterChain, LocalValues, RouteEdits, RoutePath, RouteSource, RpkiState, Session,
};
use margay_rib::{
    AggregateOptions, AsPathRules, ConnectedRoute, DecisionRules, Discard, Forwarding, NextHopMode,
    PathsSent, PeerOptions, PrivateAsns, Reflection, RoutePurpose, StaticRoute, StaticTarget, Target,
    WeightedHop,
};
use margay_rpki::RoutePayload;

/// What one side holds of the other: an Adj-RIB-In or an Adj-RIB-Out. The path identifier is zero if there is
/// none.
pub(crate) type Routes = BTreeMap<(Prefix, PathId), (PathAttributes, NextHop)>;

/// A route in comparable form: prefix, canonical attributes, next hop.
pub(crate) type NaiveRoute = (Prefix, Vec<u8>, NextHop);

/// Everything that was announced and not withdrawn.
pub(crate) struct NaiveRib {
    pub(crate) asn: Asn,
    /// The number of the confederation that it is a member of.
    pub(crate) confederation: Option<Asn>,
    pub(crate) identifier: BgpIdentifier,
    pub(crate) clusters: Vec<ClusterId>,
    /// Clients of one cluster are not sent each other's routes.
    pub(crate) meshed: bool,
    /// Highest number of next hops of a forwarding; `None` for a pure control plane.
    pub(crate) multipath: Option<usize>,
    /// By peer number: the peers that are up, and what each announced.
    pub(crate) peers: BTreeMap<usize, (PeerOptions, Routes)>,
    pub(crate) originated: BTreeMap<Prefix, bool>,
    pub(crate) statics: BTreeMap<Prefix, StaticRoute>,
    pub(crate) aggregates: BTreeMap<Prefix, AggregateOptions>,
    /// Whether peers may be sent a default route by this speaker.
    pub(crate) default_route: bool,
    pub(crate) connected: Vec<ConnectedRoute>,
    /// Peers are sent own routes only.
    pub(crate) holds_back: bool,
    /// How paths are compared.
    pub(crate) decision: DecisionRules,
    /// The path to each prefix that is best at present, where that matters.
    pub(crate) present_best: BTreeMap<Prefix, (usize, PathId)>,
    /// The peers with a refresh in progress, and the routes that they have not repeated.
    pub(crate) refreshing: BTreeMap<usize, BTreeSet<(Prefix, PathId)>>,
    /// The paths that are refused because their peer has as many as it may have.
    pub(crate) over_limit: BTreeSet<(usize, Prefix, PathId)>,
    /// The payloads of the caches, and whether any cache has some.
    pub(crate) validation: (BTreeSet<RoutePayload>, bool),
}

#[derive(Clone)]
struct NaivePath {
    /// `None` for our own routes.
    peer: Option<usize>,
    own: Own,
    preference: u32,
    path_id: PathId,
    attributes: PathAttributes,
    next_hop: Option<NextHop>,
}

/// The kind of an own path.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Own {
    /// It is a peer's.
    No,
    Network,
    Static,
    Aggregate,
    DefaultRoute,
}

impl NaiveRib {
    /// The peer begins to announce its IPv4 routes again.
    pub(crate) fn begin_refresh(&mut self, peer: usize) {
        let keys = self.peers[&peer].1.keys();
        let ipv4 = keys.filter(|(prefix, _)| matches!(prefix, Prefix::Ipv4(_)));
        let stale: BTreeSet<_> = ipv4.copied().collect();
        self.refreshing.entry(peer).or_default().extend(stale);
    }

    /// The peer begins to announce all its routes again.
    pub(crate) fn resume(&mut self, peer: usize) {
        self.refreshing.insert(peer, self.peers[&peer].1.keys().copied().collect());
    }

    /// Removes the routes that the peer has not repeated.
    pub(crate) fn end_refresh(&mut self, peer: usize) {
        let stale = self.refreshing.remove(&peer).unwrap_or_default();
        if let Some((_, routes)) = self.peers.get_mut(&peer) {
            routes.retain(|key, _| !stale.contains(key));
        }
    }

    /// What the peer must hold of us, sorted.
    pub(crate) fn adj_rib_out(&self, peer: usize) -> Vec<NaiveRoute> {
        let options = &self.peers[&peer].0;
        let prefixes = self
            .prefixes()
            .into_iter()
            .filter(|prefix| options.session.families.contains(&family_of(*prefix)));
        let mut routes: Vec<NaiveRoute> =
            prefixes.flat_map(|prefix| self.exported(prefix, peer, options)).collect();
        routes.sort_unstable();
        routes
    }

    /// What the forwarding table must hold.
    pub(crate) fn forwarding(&self) -> BTreeMap<Prefix, Forwarding> {
        let Some(multipath) = self.multipath else { return BTreeMap::new() };
        let forwarding = |prefix| Some((prefix, self.forwarding_to(prefix, multipath)?));
        self.prefixes().into_iter().filter_map(forwarding).collect()
    }

    /// The peer whose path to `prefix` is best.
    pub(crate) fn best_source(&self, prefix: Prefix) -> Option<usize> {
        self.best(prefix, &self.usable(prefix))?.peer
    }

    /// The learned path to `prefix` that is best.
    pub(crate) fn best_path(&self, prefix: Prefix) -> Option<(usize, PathId)> {
        let best = self.best(prefix, &self.usable(prefix))?;
        Some((best.peer?, best.path_id))
    }

    fn prefixes(&self) -> BTreeSet<Prefix> {
        let announced = self.peers.values().flat_map(|(_, routes)| routes.keys().map(|(prefix, _)| *prefix));
        let own = self.originated.keys().chain(self.statics.keys()).chain(self.aggregates.keys());
        let default_routes = ["0.0.0.0/0", "::/0"].map(|text| text.parse().expect("a prefix"));
        announced.chain(own.copied()).chain(default_routes).collect()
    }

    /// The routes to `prefix` that the peer must hold. A peer's own paths count among the best, but are not
    /// sent to it: they are left out for it alone.
    fn exported(&self, prefix: Prefix, peer: usize, options: &PeerOptions) -> Vec<NaiveRoute> {
        let paths = self.usable(prefix);
        let several = sends_path_ids(prefix, options).then_some(options.rules.paths_sent);
        let exports: Vec<(NaivePath, (PathAttributes, NextHop))> = match several {
            None => {
                let own = paths.iter().find(|path| path.own == Own::DefaultRoute);
                let own = own.filter(|_| options.rules.default_originate).cloned();
                let best = own.or_else(|| self.best(prefix, &paths)).into_iter();
                best.filter_map(|path| Some((path.clone(), self.transformed(prefix, &path, options)?)))
                    .collect()
            }
            Some(sent) => {
                let mut left: Vec<NaivePath> = paths
                    .into_iter()
                    .filter(|path| self.transformed(prefix, path, options).is_some())
                    .collect();
                let most = if let PathsSent::Best(most) = sent { most.get().into() } else { usize::MAX };
                let mut exports = Vec::new();
                while exports.len() < most
                    && let Some(best) = self.best(prefix, &left)
                {
                    left.retain(|path| (path.peer, path.path_id) != (best.peer, best.path_id));
                    let route = self.transformed(prefix, &best, options).expect("asked before");
                    exports.push((best, route));
                }
                exports
            }
        };
        let others = exports.into_iter().filter(|(path, _)| path.peer != Some(peer));
        others.map(|(_, (attributes, next_hop))| (prefix, attributes.octets().to_vec(), next_hop)).collect()
    }

    /// What peers of this kind are sent for a path.
    fn transformed(
        &self,
        prefix: Prefix,
        best: &NaivePath,
        options: &PeerOptions,
    ) -> Option<(PathAttributes, NextHop)> {
        if self.holds_back && best.peer.is_some() {
            return None;
        }
        let source = best.peer.map(|source| &self.peers[&source].0);
        let internal = options.session.kind == PeerKind::Ibgp;
        let inside = options.session.kind != PeerKind::Ebgp;
        let internal_source = source.filter(|source| internal && source.session.kind == PeerKind::Ibgp);
        let clusters: Option<Vec<ClusterId>> = match internal_source {
            None => Some(Vec::new()),
            Some(source) if self.meshed && source.rules.reflection == options.rules.reflection => None,
            Some(source) => clusters_between(source.rules.reflection, options.rules.reflection),
        };
        let communities: Vec<_> = best.attributes.communities().collect();
        let forbidden = communities.contains(&Community::NO_ADVERTISE)
            || !inside && communities.contains(&Community::NO_EXPORT)
            || !internal && communities.contains(&Community::NO_EXPORT_SUBCONFED);
        if clusters.is_none() || forbidden {
            return None;
        }
        if best.own == Own::DefaultRoute && !options.rules.default_originate
            || best.own != Own::DefaultRoute && options.rules.denied.export
        {
            return None;
        }
        if is_for_customers(options) && has_otc(&best.attributes) {
            return None;
        }
        let edits = match best.own {
            Own::DefaultRoute => RouteEdits::default(),
            _ => self.filtered(&options.rules.export, prefix, best)?,
        };
        let filtered = NaivePath { attributes: edits.applied_to(&best.attributes), ..best.clone() };
        let best = &filtered;
        let own = match prefix {
            Prefix::Ipv4(_) => options.own.ipv4,
            Prefix::Ipv6(_) => options.own.ipv6,
        };
        let is_external = source.is_some_and(|source| source.session.kind == PeerKind::Ebgp);
        let is_transparent = !inside && options.rules.as_path.is_route_server_client && is_external;
        let kept = match options.rules.next_hop {
            NextHopMode::Addresses { ipv4: Some(address), .. } if matches!(prefix, Prefix::Ipv4(_)) => {
                Some(NextHop::Ipv4(address))
            }
            NextHopMode::Addresses { ipv6: Some(address), .. } if matches!(prefix, Prefix::Ipv6(_)) => {
                Some(NextHop::Ipv6(address))
            }
            NextHopMode::Auto | NextHopMode::Addresses { .. } if is_transparent => best.next_hop,
            NextHopMode::Auto | NextHopMode::Addresses { .. } => self.auto_next_hop(best, options),
            NextHopMode::Keep => best.next_hop,
            NextHopMode::OwnAddress => None,
        };
        let takes = |next_hop: &NextHop| {
            let is_ipv6 = !matches!(next_hop, NextHop::Ipv4(_));
            matches!(prefix, Prefix::Ipv6(_)) || options.session.ipv6_next_hops || !is_ipv6
        };
        let kept = kept.filter(|next_hop| inside || takes(next_hop));
        let next_hop = self.as_seen_by(options, kept.or(own).filter(takes)?);
        let mut builder: PathAttributesBuilder = best.attributes.to_builder();
        if internal {
            builder.local_pref = builder.local_pref.or(Some(100));
            if let Some(source) = internal_source {
                builder.originator_id = builder.originator_id.or(Some(source.session.identifier));
                builder.cluster_list = [clusters?, builder.cluster_list].concat();
            }
        } else if inside {
            builder.local_pref = builder.local_pref.or(Some(100));
            builder.originator_id = None;
            builder.cluster_list = Vec::new();
            let path = builder.as_path.to_string();
            let extended = match path.strip_prefix('(') {
                Some(members) => format!("({} {members}", self.asn),
                None => format!("({}) {path}", self.asn),
            };
            builder.as_path = extended.parse().expect("a path");
        } else {
            builder.local_pref = None;
            builder.originator_id = None;
            builder.cluster_list = Vec::new();
            if !is_transparent {
                builder.as_path = self.external_path(&builder.as_path, options);
                if best.peer.is_some() && edits.med.is_none() {
                    builder.med = None;
                }
            }
        }
        let role = options.session.role.map_or(String::new(), |role| role.to_string());
        if matches!(role.as_str(), "provider" | "rs-server" | "peer") && !has_otc(&best.attributes) {
            let local_asn = options.rules.as_path.local_asn.map(|local| local.asn);
            builder.unknown.push(otc(local_asn.unwrap_or_else(|| self.outside_asn())));
        }
        if options.rules.is_draining {
            if !builder.communities.contains(&Community::GRACEFUL_SHUTDOWN) {
                builder.communities.push(Community::GRACEFUL_SHUTDOWN);
            }
            builder.local_pref = inside.then_some(0);
        }
        let attributes = builder.build();
        fits(prefix, &attributes, next_hop, options).then_some((attributes, next_hop))
    }

    fn external_path(&self, path: &AsPathBuf, options: &PeerOptions) -> AsPathBuf {
        let rules = &options.rules.as_path;
        let mut own = Vec::new();
        own.extend(rules.local_asn.map(|local| local.asn));
        own.extend((!rules.local_asn.is_some_and(|local| local.replaces)).then_some(self.outside_asn()));
        let is_private = |asn: Asn| matches!(asn.0, 64512..=65534 | 4_200_000_000..=4_294_967_294);
        let change = |asn: Asn| match rules.private_asns {
            PrivateAsns::Removed if is_private(asn) && asn != options.session.asn => None,
            PrivateAsns::Replaced if is_private(asn) && asn != options.session.asn => Some(own[0]),
            _ => Some(asn),
        };
        let (_, outside) = members_and_others(path);
        AsPathBuf::from_sequence(own.iter().copied().chain(outside.into_iter().filter_map(change)))
    }

    /// The number as which external peers know this speaker.
    fn outside_asn(&self) -> Asn {
        self.confederation.unwrap_or(self.asn)
    }

    fn auto_next_hop(&self, best: &NaivePath, options: &PeerOptions) -> Option<NextHop> {
        best.next_hop.filter(|next_hop| {
            let from_inside = members_and_others(&best.attributes.as_path().to_buf()).1.is_empty();
            options.session.kind != PeerKind::Ebgp
                || from_inside && options.own.shared_subnet.is_some_and(|subnet| is_in(*next_hop, subnet))
        })
    }

    /// A link-local address is only for peers that share the subnet of the global one.
    fn as_seen_by(&self, options: &PeerOptions, next_hop: NextHop) -> NextHop {
        match next_hop {
            NextHop::Ipv6LinkLocal { global, .. }
                if !options.own.shared_subnet.is_some_and(|subnet| is_in(next_hop, subnet)) =>
            {
                NextHop::Ipv6(global)
            }
            _ => next_hop,
        }
    }

    /// The edits of filters in a path that they accept.
    fn filtered(&self, chain: &FilterChain, prefix: Prefix, path: &NaivePath) -> Option<RouteEdits> {
        let session = path.peer.map(|peer| {
            let options = &self.peers[&peer].0;
            Session {
                name: options.rules.name.clone(),
                group: options.rules.group.clone(),
                address: options.session.address,
                kind: options.session.kind,
                is_client: options.rules.reflection != Reflection::NonClient,
            }
        });
        let path = RoutePath {
            family: prefix.family(),
            attributes: &path.attributes,
            next_hop: path.next_hop,
            local: LocalValues::default(),
            source: match (&session, path.own) {
                (Some(session), _) => RouteSource::Peer(session),
                (None, Own::Network) => RouteSource::Local,
                (None, _) => RouteSource::Static,
            },
            interface: None,
            is_stale: false,
        };
        let destination = Destination { prefix, rpki: self.rpki_state(prefix, path.attributes) };
        let verdict = chain.evaluate(&path, &destination);
        verdict.is_accepted().then_some(verdict.edits)
    }

    /// RFC 6811 §2, from the text of the path.
    fn rpki_state(&self, prefix: Prefix, attributes: &PathAttributes) -> RpkiState {
        let (payloads, has_data) = &self.validation;
        let path = attributes.as_path().to_string();
        let origin = match path.rsplit(' ').next() {
            None | Some("") => Some(self.outside_asn()),
            Some(last) if last.ends_with(')') => Some(self.outside_asn()),
            Some(last) => last.parse().ok().map(Asn),
        };
        let covering: Vec<_> = payloads.iter().filter(|payload| payload.prefix.contains(prefix)).collect();
        let authorises =
            |payload: &&RoutePayload| Some(payload.asn) == origin && prefix.length() <= payload.max_length;
        match (has_data, covering.is_empty()) {
            (false, _) => RpkiState::Unknown,
            (true, true) => RpkiState::NotFound,
            (true, false) if covering.iter().any(authorises) => RpkiState::Valid,
            (true, false) => RpkiState::Invalid,
        }
    }

    fn forwarding_to(&self, prefix: Prefix, multipath: usize) -> Option<Forwarding> {
        let equal = self.equally_good(prefix, &self.usable(prefix));
        let best = equal.first()?;
        let metric = Some(NORMAL_METRIC);
        match best.own {
            Own::Network => return self.originated[&prefix].then(|| Forwarding::discard(Discard::Blackhole)),
            Own::DefaultRoute => return None,
            Own::Aggregate => {
                let discard = self.aggregates[&prefix].hold?;
                return Some(Forwarding { metric, ..Forwarding::discard(discard) });
            }
            Own::Static if self.statics[&prefix].purpose == RoutePurpose::Advertise => return None,
            Own::Static => {
                if let StaticTarget::Discard(discard) = self.statics[&prefix].target {
                    return Some(Forwarding { metric, ..Forwarding::discard(discard) });
                }
            }
            Own::No => {}
        }
        let next_hops: BTreeSet<NextHop> = equal.iter().filter_map(|path| path.next_hop).collect();
        let next_hops: Vec<NextHop> = next_hops.into_iter().take(multipath).collect();
        let forwarding = Forwarding::via(next_hops.clone());
        let forwarding = match shares(&equal, &next_hops) {
            Some(hops) => Forwarding { target: Target::Via(hops.into()), metric: None },
            None => forwarding,
        };
        Some(if best.own == Own::Static { Forwarding { metric, ..forwarding } } else { forwarding })
    }

    fn best(&self, prefix: Prefix, paths: &[NaivePath]) -> Option<NaivePath> {
        self.equally_good(prefix, paths).into_iter().next()
    }

    /// The paths that only a tie-break separates from the best one, which comes first.
    fn equally_good(&self, prefix: Prefix, paths: &[NaivePath]) -> Vec<NaivePath> {
        let mut paths = paths.to_vec();
        keep_least(&mut paths, |path| u32::MAX - path.preference);
        keep_least(&mut paths, |path| u32::from(path.peer.is_some()));
        keep_least(&mut paths, |path| u32::MAX - path.attributes.local_pref().unwrap_or(100));
        keep_least(&mut paths, |path| path.attributes.as_path().length());
        keep_least(&mut paths, |path| path.attributes.origin() as u32);
        // MED: a path is removed if another one of its neighbouring AS has a lower value.
        let all = paths.clone();
        paths.retain(|path| {
            let better = |other: &NaivePath| {
                let is_same_neighbor =
                    other.attributes.as_path().neighbor_as() == path.attributes.as_path().neighbor_as();
                (is_same_neighbor || self.decision.always_compares_med)
                    && other.attributes.med().unwrap_or(0) < path.attributes.med().unwrap_or(0)
            };
            !all.iter().any(better)
        });
        keep_least(&mut paths, |path| {
            u32::from(matches!(self.kind(path), Some(PeerKind::Ibgp | PeerKind::Confederation)))
        });
        paths.sort_by_key(|path| {
            let options = path.peer.map(|peer| &self.peers[&peer].0);
            let identifier =
                path.attributes.originator_id().or_else(|| options.map(|options| options.session.identifier));
            let is_external = self.kind(path) == Some(PeerKind::Ebgp);
            let identifier = identifier.filter(|_| !is_external || self.decision.compares_identifiers);
            let is_present =
                path.peer.map(|peer| (peer, path.path_id)) == self.present_best.get(&prefix).copied();
            let is_kept = self.decision.prefers_present_best && is_external && is_present;
            let address = options.map(|options| options.session.address);
            let number = options.map(|options| options.session.number);
            (!is_kept, identifier, path.attributes.cluster_list().count(), address, number, path.path_id)
        });
        paths
    }

    fn usable(&self, prefix: Prefix) -> Vec<NaivePath> {
        let own = self.own_paths(prefix);
        let learned = self.peers.iter().flat_map(|(&peer, (options, routes))| {
            let of_prefix = routes.iter().filter(move |((of, _), _)| *of == prefix);
            of_prefix.filter_map(move |((_, path_id), (attributes, next_hop))| {
                let is_over_limit = self.over_limit.contains(&(peer, prefix, *path_id));
                let path = learned(peer, *path_id, attributes, *next_hop);
                let edits = self.accepted(prefix, &path, options)?;
                if is_over_limit || !self.reachable(*next_hop) {
                    return None;
                }
                // The link-local address of another link has no meaning here.
                let is_on_link = options.own.shared_subnet.is_some_and(|subnet| is_in(*next_hop, subnet));
                let next_hop = if is_on_link { *next_hop } else { next_hop.without_link_local() };
                let mut builder = edits.applied_to(attributes).to_builder();
                let goes_soon = attributes.communities().any(|it| it == Community::GRACEFUL_SHUTDOWN);
                if options.session.kind == PeerKind::Ebgp && goes_soon {
                    builder.local_pref = Some(0);
                }
                if is_for_customers(options) && !has_otc(attributes) {
                    builder.unknown.push(otc(options.session.asn));
                }
                if let Some(local) = options.rules.as_path.local_asn
                    && local.prepends
                    && options.session.kind == PeerKind::Ebgp
                {
                    builder.as_path.prepend(local.asn, 1);
                }
                Some(NaivePath { attributes: builder.build(), next_hop: Some(next_hop), ..path })
            })
        });
        own.into_iter().chain(learned).collect()
    }

    /// The edits of import in a path that it accepts, whatever the peer's limits are.
    fn accepted(&self, prefix: Prefix, path: &NaivePath, options: &PeerOptions) -> Option<RouteEdits> {
        let next_hop = path.next_hop?;
        let passes_checks = options.session.families.contains(&family_of(prefix))
            && !options.rules.denied.import
            && !self.is_looped(&path.attributes, next_hop, options)
            && !fails_checks(&path.attributes, options)
            && !is_nonsense(prefix, next_hop, options)
            && !has_leaked(&path.attributes, options);
        self.filtered(&options.rules.import, prefix, path).filter(|_| passes_checks)
    }

    /// The paths of a peer in a family that import accepts, whatever the peer's limits are.
    pub(crate) fn acceptable(&self, peer: usize, family: Family) -> BTreeSet<(usize, Prefix, PathId)> {
        let (options, routes) = &self.peers[&peer];
        let of_family = routes.iter().filter(|((prefix, _), _)| family_of(*prefix) == family);
        let accepted = of_family.filter(|((prefix, path_id), (attributes, next_hop))| {
            let path = learned(peer, *path_id, attributes, *next_hop);
            self.accepted(*prefix, &path, options).is_some()
        });
        accepted.map(|(&(prefix, path_id), _)| (peer, prefix, path_id)).collect()
    }

    /// A peer announces a route, which is dropped if it has as many as it may have.
    pub(crate) fn announce(&mut self, peer: usize, key: (Prefix, PathId), route: (PathAttributes, NextHop)) {
        let (options, routes) = self.peers.get_mut(&peer).expect("a peer that is up");
        let received = routes.keys().filter(|(prefix, _)| family_of(*prefix) == family_of(key.0)).count();
        let is_full = options.rules.limits.received.is_some_and(|most| received >= most as usize);
        if !is_full || routes.contains_key(&key) {
            routes.insert(key, route);
        }
    }

    fn own_paths(&self, prefix: Prefix) -> Vec<NaivePath> {
        let path = |own: Own, number: u32, next_hop: Option<NextHop>| {
            let mut attributes = PathAttributesBuilder::new(bgp_codec::Origin::Igp);
            attributes.atomic_aggregate = own == Own::Aggregate;
            let (attributes, path_id) = (attributes.build(), PathId(number));
            NaivePath { peer: None, own, preference: 200, path_id, attributes, next_hop }
        };
        let mut paths = Vec::new();
        paths.extend(self.originated.get(&prefix).map(|_| path(Own::Network, 0, None)));
        if let Some(route) = self.statics.get(&prefix) {
            let hops = match &route.target {
                StaticTarget::Discard(_) => vec![None],
                StaticTarget::Via(hops) => hops.iter().map(|hop| hop.hop.gateway()).collect(),
            };
            let hops = (1..).zip(hops).filter(|(_, hop)| hop.is_none_or(|hop| self.reachable(hop)));
            let preference = route.preference;
            paths
                .extend(hops.map(|(number, hop)| NaivePath { preference, ..path(Own::Static, number, hop) }));
        }
        if self.is_aggregated(prefix) {
            paths.push(path(Own::Aggregate, u32::MAX, None));
        }
        if self.default_route && prefix.length() == 0 {
            paths.push(NaivePath { preference: 0, ..path(Own::DefaultRoute, u32::MAX - 1, None) });
        }
        paths
    }

    /// Whether enough routes inside a prefix contribute to an aggregate there.
    fn is_aggregated(&self, prefix: Prefix) -> bool {
        let Some(options) = self.aggregates.get(&prefix) else { return false };
        let inside =
            self.prefixes().into_iter().filter(|inside| prefix.contains(*inside) && *inside != prefix);
        let contributes = |inside: &Prefix| {
            let best = self.best(*inside, &self.usable(*inside));
            let best = best.filter(|best| !matches!(best.own, Own::Aggregate | Own::DefaultRoute));
            best.is_some_and(|best| self.filtered(&options.contributors, *inside, &best).is_some())
        };
        inside.filter(contributes).count() >= options.least.get() as usize
    }

    fn is_looped(&self, attributes: &PathAttributes, next_hop: NextHop, options: &PeerOptions) -> bool {
        let AsPathRules { local_asn, checks, .. } = options.rules.as_path;
        let (members, others) = members_and_others(&attributes.as_path().to_buf());
        let among = |asns: &[Asn], own: Asn| asns.iter().filter(|&&asn| asn == own).count();
        let anywhere = |own: Asn| among(&members, own) + among(&others, own);
        let as_itself = match self.confederation {
            Some(identifier) => among(&members, self.asn).max(among(&others, identifier)),
            None => anywhere(self.asn),
        };
        let most = as_itself.max(local_asn.map_or(0, |local| anywhere(local.asn)));
        most > checks.own_as_allowed.into()
            || attributes.originator_id() == Some(self.identifier)
            || attributes.cluster_list().any(|cluster| self.clusters.contains(&cluster))
            || [options.own.ipv4, options.own.ipv6].contains(&Some(next_hop))
    }

    fn reachable(&self, next_hop: NextHop) -> bool {
        self.multipath.is_none() || self.connected.iter().any(|route| is_in(next_hop, route.prefix))
    }

    fn kind(&self, path: &NaivePath) -> Option<PeerKind> {
        path.peer.map(|peer| self.peers[&peer].0.session.kind)
    }
}

/// Whether the peer is a provider, a peer or a route server: its routes are for customers, and it is sent no such ones.
fn is_for_customers(options: &PeerOptions) -> bool {
    let ours = options.session.role.map_or(String::new(), |role| role.to_string());
    matches!(ours.as_str(), "customer" | "peer" | "rs-client")
}

/// Whether a route came from a customer, or a client of this route server, that had it from elsewhere than its customers; or
/// from a peer that had it from another one.
fn has_leaked(attributes: &PathAttributes, options: &PeerOptions) -> bool {
    let ours = options.session.role.map_or(String::new(), |role| role.to_string());
    match ours.as_str() {
        "provider" | "rs-server" => has_otc(attributes),
        "peer" => attributes.only_to_customer().is_some_and(|asn| asn != options.session.asn),
        _ => false,
    }
}

fn has_otc(attributes: &PathAttributes) -> bool {
    attributes.contains(AttributeType(35))
}

fn otc(asn: Asn) -> UnknownAttributeBuf {
    UnknownAttributeBuf::new(AttributeType(35), asn.0.to_be_bytes().to_vec()).expect("four octets")
}

fn learned(peer: usize, path_id: PathId, attributes: &PathAttributes, next_hop: NextHop) -> NaivePath {
    NaivePath {
        peer: Some(peer),
        own: Own::No,
        preference: 100,
        path_id,
        attributes: attributes.clone(),
        next_hop: Some(next_hop),
    }
}

/// The numbers of a path in segments of the confederation, and the others.
fn members_and_others(path: &AsPathBuf) -> (Vec<Asn>, Vec<Asn>) {
    let text = path.to_string();
    let (mut members, mut others) = (Vec::new(), Vec::new());
    for (place, part) in text.split(['(', ')']).enumerate() {
        let words = part.split([' ', '{', '}']).filter(|word| !word.is_empty());
        let asns = words.map(|word| Asn(word.parse().expect("a number")));
        if place % 2 == 0 { others.extend(asns) } else { members.extend(asns) }
    }
    (members, others)
}

/// Whether the AS path of a route fails a check that was chosen for its peer.
fn fails_checks(attributes: &PathAttributes, options: &PeerOptions) -> bool {
    let checks = options.rules.as_path.checks;
    let text = attributes.as_path().to_string();
    let first = text.split(' ').next().unwrap_or_default();
    let (is_member, first) = match first.strip_prefix('(') {
        Some(member) => (true, member.trim_end_matches(')')),
        None => (false, first),
    };
    let is_first = first.parse().ok().map(Asn) == Some(options.session.asn);
    let is_foreign = match options.session.kind {
        PeerKind::Ebgp => !is_first,
        PeerKind::Confederation => !is_first || !is_member,
        PeerKind::Ibgp => false,
    };
    (checks.requires_peer_first && is_foreign) || (checks.refuses_sets && text.contains('{'))
}

/// The next hops with their shares, if each has a link bandwidth: here there is one, and another of four times as much.
fn shares(equal: &[NaivePath], next_hops: &[NextHop]) -> Option<Vec<WeightedHop>> {
    let bandwidth = |next_hop: &NextHop| {
        let over = equal.iter().filter(|path| path.next_hop == Some(*next_hop));
        let communities = over.flat_map(|path| path.attributes.extended_communities());
        let bandwidths = communities.filter_map(|community| community.link_bandwidth());
        bandwidths.map(|(_, octets_per_second)| octets_per_second).min_by(f32::total_cmp)
    };
    let bandwidths: Vec<f32> = next_hops.iter().map(bandwidth).collect::<Option<_>>()?;
    let lowest = bandwidths.iter().copied().min_by(f32::total_cmp)?;
    let hops = next_hops.iter().zip(bandwidths);
    let hops = hops.map(|(next_hop, bandwidth)| WeightedHop {
        hop: (*next_hop).into(),
        weight: if bandwidth > lowest { 4 } else { 1 },
    });
    Some(hops.collect())
}

/// The clusters that a route passes on its way through the reflector, the last one first; `None` if it is not
/// reflected.
fn clusters_between(from: Reflection, to: Reflection) -> Option<Vec<ClusterId>> {
    let mut clusters = Vec::new();
    clusters.extend(if let Reflection::Client(cluster) = to { Some(cluster) } else { None });
    clusters.extend(if let Reflection::Client(cluster) = from { Some(cluster) } else { None });
    clusters.dedup();
    (!clusters.is_empty()).then_some(clusters)
}

fn keep_least<K: Ord>(paths: &mut Vec<NaivePath>, key: impl Fn(&NaivePath) -> K) {
    let least = paths.iter().map(&key).min();
    paths.retain(|path| Some(key(path)) == least);
}

fn family_of(prefix: Prefix) -> Family {
    match prefix {
        Prefix::Ipv4(_) => Family::IPV4_UNICAST,
        Prefix::Ipv6(_) => Family::IPV6_UNICAST,
    }
}

fn is_in(next_hop: NextHop, subnet: Prefix) -> bool {
    match (subnet, next_hop) {
        (Prefix::Ipv4(_), NextHop::Ipv4(address)) => covers(subnet, address.into()),
        (Prefix::Ipv6(_), NextHop::Ipv6(address) | NextHop::Ipv6LinkLocal { global: address, .. }) => {
            covers(subnet, address.into())
        }
        _ => false,
    }
}

/// Whether no peer may announce such a route: to multicast addresses or our own, or over a loopback address.
fn sends_path_ids(prefix: Prefix, options: &PeerOptions) -> bool {
    options.session.path_ids_sent.contains(&family_of(prefix))
}

fn is_nonsense(prefix: Prefix, next_hop: NextHop, options: &PeerOptions) -> bool {
    let is_own = |own: Option<NextHop>| {
        own.is_some_and(|own| own.address() == prefix.network()) && matches!(prefix.length(), 32 | 128)
    };
    prefix.network().is_multicast()
        || is_own(options.own.ipv4)
        || is_own(options.own.ipv6)
        || next_hop.address().is_loopback()
}

/// Whether a message to a peer has room for a route after its attributes.
fn fits(prefix: Prefix, attributes: &PathAttributes, next_hop: NextHop, options: &PeerOptions) -> bool {
    let next_hop_octets = match (prefix, next_hop) {
        (Prefix::Ipv4(_), NextHop::Ipv4(_)) => 7,
        (_, NextHop::Ipv6LinkLocal { .. }) => 41,
        (Prefix::Ipv4(_), _) | (Prefix::Ipv6(_), _) => 25,
    };
    let path_id_octets = if sends_path_ids(prefix, options) { 4 } else { 0 };
    let asns: Vec<Asn> = attributes.as_path().asns().collect();
    // Two octets less for each AS number, and AS4_PATH with all of them if one needs more.
    let (saved, as4_path) = match options.session.as_width {
        AsWidth::Four => (0, 0),
        AsWidth::Two if asns.iter().any(|asn| asn.0 > 65535) => (2 * asns.len(), 5 + 4 * asns.len()),
        AsWidth::Two => (2 * asns.len(), 0),
    };
    let nlri_octets = path_id_octets + 1 + usize::from(prefix.length().div_ceil(8));
    let octets = 23 + attributes.octets().len() + as4_path + next_hop_octets + nlri_octets - saved;
    octets <= options.session.max_message_octets
}

fn covers(subnet: Prefix, address: std::net::IpAddr) -> bool {
    let bits = |address: std::net::IpAddr| match address {
        std::net::IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        std::net::IpAddr::V6(address) => address.to_bits(),
    };
    let length = u32::from(subnet.length());
    length == 0 || (bits(subnet.network()) ^ bits(address)) >> (128 - length) == 0
}

/// The metric of ordinary routes.
pub(crate) const NORMAL_METRIC: u32 = 1024;
