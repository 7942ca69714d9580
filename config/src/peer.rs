//! `[[peer]]`: a peer of this speaker.

use std::fmt::Display;
use std::net::IpAddr;
use std::num::{NonZeroU8, NonZeroU16};
use std::path::PathBuf;
use std::time::Duration;

use bgp_codec::{AddPathMode, Asn, ClusterId, Family, HoldTime, PeerKind, Prefix, Role};
use margay_filter::FilterChain;
use margay_forwarding::LinkName;

use crate::bfd::Bfd;
use crate::ebgp_without_filters::EbgpWithoutFilters;
use crate::filters::Filters;
use crate::global::Global;
use crate::graceful_restart::GracefulRestart;
use crate::local_asn::LocalAsn;
use crate::next_hop_mode::NextHopMode;
use crate::peer_group::PeerGroups;
use crate::peer_identity::{IdentityValues, PeerIdentity, SeenNames};
use crate::peer_place::{DEFAULT_PORT, PeerPlace};
use crate::peer_settings::{Given, PeerSettings};
use crate::prefix_limit::PrefixLimit;
use crate::private_asns::PrivateAsns;
use crate::remote_asn::RemoteAsn;
use crate::report::Report;
use crate::section::{Section, Value};

/// A peer with the settings of its group merged in and every default applied.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Peer {
    /// Its name, unique among the peers; its address by default.
    pub name: String,
    /// Its address. Several peers may have the same one; see [`place`](Self::place).
    pub address: IpAddr,
    /// The link of a link-local address; `None` for others.
    pub link: Option<LinkName>,
    /// The operator's words about it.
    pub description: Option<String>,
    /// The group it takes settings from. They are merged already; this is for display.
    pub group: Option<String>,
    /// The AS it belongs to.
    pub remote_asn: RemoteAsn,
    /// This speaker's AS number towards the peer; `None`, the default, is that of `[global]`.
    pub local_asn: Option<LocalAsn>,
    /// Whether it is left to the peer to dial. No by default.
    pub passive: bool,
    /// Filters for what it announces; none by default, which accepts everything.
    pub import: FilterChain,
    /// Filters for what is announced to it; none by default, which accepts everything.
    pub export: FilterChain,
    /// The families to exchange routes of, at least one; by default that of the peer's address.
    pub families: Vec<Family>,
    /// The hold time to propose; 90 seconds by default.
    pub hold_time: HoldTime,
    /// The least hold time that is accepted from the peer, apart from zero; `None`, the default, accepts any.
    pub min_hold_time: Option<HoldTime>,
    /// The longest time between two KEEPALIVEs; `None`, the default, is a third of the hold time, which is never exceeded.
    pub keepalive: Option<Duration>,
    /// The time between attempts to connect; 10 seconds by default.
    pub connect_retry: Duration,
    /// The file that holds the TCP-MD5 password. The daemon reads it.
    pub password_file: Option<PathBuf>,
    /// The port to dial; 179 by default.
    pub port: u16,
    /// The own address to dial from, of the peer's family; by default the system chooses.
    pub source_address: Option<IpAddr>,
    /// How many hops away the peer may be; `None` leaves it to the kind of session (one hop for eBGP).
    pub multihop: Option<NonZeroU8>,
    /// Whether packets are refused that come from farther away than `multihop` hops, or one (RFC 5082). No by default.
    pub ttl_security: bool,
    /// The next hop of what is announced to it.
    pub next_hop: NextHopMode,
    /// Whether IPv4 routes may have IPv6 next hops, both ways, if the peer agrees (RFC 8950). No by default.
    pub extended_next_hop: bool,
    /// What becomes of private AS numbers in routes to it, if it is external; `None`, the default, keeps them.
    pub remove_private_asns: Option<PrivateAsns>,
    /// Whether it is a client of this route server (RFC 7947). No by default; never for an internal peer.
    pub route_server_client: bool,
    /// Whether it is a client of this reflector (RFC 4456). No by default; never for an external peer.
    pub rr_client: bool,
    /// The cluster of a client, where it is not that of `[global]`.
    pub cluster_id: Option<ClusterId>,
    /// The families in which several paths to a prefix are received, sent, or both (RFC 7911); none by default.
    pub add_path: Vec<(Family, AddPathMode)>,
    /// The most paths to a prefix that are sent where several are, the best ones; `None`, the default, is all of them.
    pub add_path_send: Option<NonZeroU16>,
    /// Whether the peer is sent a default route by this node. No by default.
    pub default_originate: bool,
    /// How long the peer may take nothing of what is sent before it is given up (RFC 9687); `None`, the default, is
    /// twice the hold time, and at least 8 minutes.
    pub send_hold_time: Option<Duration>,
    /// How many prefixes the peer may announce; `None` for any number.
    pub prefix_limit: Option<PrefixLimit>,
    /// Graceful restart, by default with the default times; `None` does without.
    pub graceful_restart: Option<GracefulRestart>,
    /// How the path to the peer is monitored; `None`, the default, leaves it to the session.
    pub bfd: Option<Bfd>,
    /// Whether the peer is sent the name of this host. No by default.
    pub advertise_hostname: bool,
    /// Whether the peer is sent the name and version of this software. No by default.
    pub advertise_software_version: bool,
    /// How often our own AS may be in an accepted AS path; 0 by default.
    pub allow_local_as: u8,
    /// Whether the first AS of an external peer's routes must be its own. No by default.
    pub enforce_first_as: bool,
    /// Whether routes with an AS_SET are refused (RFC 9774). No by default.
    pub refuse_as_sets: bool,
    /// This speaker's role towards an external peer (RFC 9234); `None` by default.
    pub role: Option<Role>,
    /// Whether a peer that advertises no role is refused, the strict mode of RFC 9234 §4.2. No by default.
    pub require_role: bool,
}

impl Peer {
    /// The directions in which nothing is exchanged with the peer if it is of this kind, for want of filters: import and export.
    #[must_use]
    pub fn denied(&self, global: &Global, kind: PeerKind) -> [bool; 2] {
        let is_denied = kind == PeerKind::Ebgp && global.ebgp_without_filters == EbgpWithoutFilters::Deny;
        [&self.import, &self.export].map(|filters| is_denied && filters.is_empty())
    }

    /// Reads a `[[peer]]` table, and returns where its name and address stand as well.
    pub(crate) fn read<'t>(
        mut section: Section<'t>,
        groups: &PeerGroups,
        filters: &Filters,
        names: &mut SeenNames,
        report: &mut Report<'_>,
    ) -> Option<(Self, IdentityValues<'t>)> {
        let identity = PeerIdentity::read(&mut section, names, report);
        let group =
            section.get("group").and_then(|value| value.string("mesh", report).map(|name| (name, value)));
        let own = PeerSettings::read(&mut section, filters, report);
        let settings = match group {
            Some((name, value)) => own.or(groups.settings(name, value, report)),
            None => own,
        };
        let offset = section.offset();
        section.finish(report);
        let remote_asn = check_remote_asn(
            settings.remote_asn,
            "[[peer]] has no remote_asn, nor a group that gives it",
            offset,
            report,
        );
        let (identity, values) = identity?;
        check_source_address(&settings, identity.address, offset, report);
        if identity.link.is_some() {
            check_link_local(&settings, offset, report);
        }
        check_hold_times(&settings, offset, report);
        let group = group.map(|(name, _)| name.to_owned());
        Some((Self::assemble(identity, group, remote_asn?, settings), values))
    }

    /// What those have in common who dial in from `range`: all settings of a group. Passive, since nobody knows of them
    /// before; named by the range, and of its lowest address.
    pub(crate) fn of_range(
        range: Prefix,
        (group, value): (&str, Value<'_>),
        groups: &PeerGroups,
        offset: usize,
        report: &mut Report<'_>,
    ) -> Option<Self> {
        let mut settings = groups.settings(group, value, report);
        settings.passive = Some(true);
        let absence = format_args!("group: {group} gives no remote_asn");
        let remote_asn = check_remote_asn(settings.remote_asn, absence, offset, report)?;
        check_source_address(&settings, range.network(), offset, report);
        check_hold_times(&settings, offset, report);
        let identity =
            PeerIdentity { name: range.to_string(), address: range.network(), link: None, description: None };
        Some(Self::assemble(identity, Some(group.to_owned()), remote_asn, settings))
    }

    /// Where it is reached, which no other peer shares.
    #[must_use]
    pub fn place(&self) -> PeerPlace {
        PeerPlace { address: self.address, link: self.link, source: self.source_address, port: self.port }
    }

    /// Whether the peer is external, internal or in the same confederation; `None` if that depends on the peer.
    #[must_use]
    pub fn kind(&self, global: &Global) -> Option<PeerKind> {
        let own = self.local_asn.map_or(global.asn, |local| local.asn);
        match self.remote_asn {
            RemoteAsn::Number(asn) if asn == own => Some(PeerKind::Ibgp),
            RemoteAsn::Number(asn) if global.is_other_member(asn) => Some(PeerKind::Confederation),
            RemoteAsn::Number(_) | RemoteAsn::External => Some(PeerKind::Ebgp),
            RemoteAsn::Internal => Some(PeerKind::Ibgp),
            RemoteAsn::Any => None,
        }
    }

    /// This speaker's AS number towards the peer: members of a confederation see that of its member, others that of the
    /// confederation.
    #[must_use]
    pub fn own_asn(&self, global: &Global) -> Asn {
        let is_inside = self.kind(global).is_some_and(PeerKind::is_inside);
        let usual = if is_inside { global.asn } else { global.external_asn() };
        self.local_asn.map_or(usual, |local| local.asn)
    }

    /// Only internal peers are clients of a reflector, only clients have a cluster, and only external peers are clients of a
    /// route server.
    pub(crate) fn check_relation(&self, global: Option<&Global>, offset: usize, report: &mut Report<'_>) {
        let Self { name, remote_asn, .. } = self;
        if let Some(problem) = global.and_then(|global| self.problem_in_confederation(global)) {
            report.add(offset, problem);
            return;
        }
        let kind = global.and_then(|global| self.kind(global));
        match kind.zip(global) {
            Some((PeerKind::Ebgp | PeerKind::Confederation, global)) if self.rr_client => {
                let own = self.local_asn.map_or(global.asn, |local| local.asn);
                let belongs = match remote_asn {
                    RemoteAsn::Number(asn) => format!("in AS {asn}"),
                    RemoteAsn::External | RemoteAsn::Internal | RemoteAsn::Any => remote_asn.to_string(),
                };
                report.add(
                    offset,
                    format_args!(
                        "rr_client: peer {name} is {belongs}, and only peers in our own AS {own} are clients"
                    ),
                );
            }
            _ if self.cluster_id.is_some() && !self.rr_client => {
                report.add(
                    offset,
                    format_args!("cluster_id: peer {name} is not a client: write rr_client = true as well"),
                );
            }
            Some((kind, _)) if kind.is_inside() && self.route_server_client => report.add(
                offset,
                format_args!(
                    "route_server_client: peer {name} is {}: a route server serves other ASes",
                    inside(kind)
                ),
            ),
            Some((kind, _)) if kind.is_inside() && self.role.is_some() => report.add(
                offset,
                format_args!(
                    "role: peer {name} is {}: roles are relations between ASes (RFC 9234)",
                    inside(kind)
                ),
            ),
            _ if self.require_role && self.role.is_none() => report.add(
                offset,
                format_args!("require_role: peer {name} has no role: write this speaker's role, such as role = \"provider\""),
            ),
            _ => {}
        }
    }

    /// What cannot be in a confederation: the number in our OPEN, and the kind of the peer, must follow from the file.
    fn problem_in_confederation(&self, global: &Global) -> Option<String> {
        let confederation = global.confederation.as_ref()?;
        let Self { name, remote_asn, .. } = self;
        match (remote_asn, self.kind(global)) {
            (RemoteAsn::Any, _) => Some(format!(
                "remote_asn: peer {name} may be of any AS, and our AS number in a confederation depends on it: write its \
                 number, \"external\" or \"internal\""
            )),
            (RemoteAsn::Number(asn), _) if *asn == confederation.identifier => Some(format!(
                "remote_asn: {asn} is the number of our confederation: write the number of the member that peer {name} is in"
            )),
            (_, Some(PeerKind::Confederation)) if self.local_asn.is_some() => Some(format!(
                "local_asn: peer {name} is in our confederation, whose members know this speaker by its own number"
            )),
            _ => None,
        }
    }

    fn assemble(
        identity: PeerIdentity,
        group: Option<String>,
        remote_asn: RemoteAsn,
        settings: PeerSettings,
    ) -> Self {
        let own_family = if identity.address.is_ipv4() { Family::IPV4_UNICAST } else { Family::IPV6_UNICAST };
        let families = settings.families.unwrap_or_else(|| vec![own_family]);
        Self {
            name: identity.name,
            address: identity.address,
            link: identity.link,
            description: identity.description,
            group,
            remote_asn,
            local_asn: settings.local_asn,
            passive: settings.passive.unwrap_or(false),
            import: settings.import.unwrap_or_default(),
            export: settings.export.unwrap_or_default(),
            add_path: settings.add_path.map(|add_path| add_path.of(&families)).unwrap_or_default(),
            families,
            hold_time: settings.hold_time.unwrap_or_else(default_hold_time),
            min_hold_time: settings.min_hold_time,
            keepalive: settings.keepalive,
            connect_retry: settings.connect_retry.unwrap_or(DEFAULT_CONNECT_RETRY),
            password_file: settings.password_file,
            port: settings.port.unwrap_or(DEFAULT_PORT),
            source_address: settings.source_address,
            multihop: settings.multihop,
            ttl_security: settings.ttl_security.unwrap_or(false),
            next_hop: settings.next_hop.unwrap_or_default(),
            extended_next_hop: settings.extended_next_hop.unwrap_or(false),
            remove_private_asns: settings.remove_private_asns.flatten(),
            route_server_client: settings.route_server_client.unwrap_or(false),
            rr_client: settings.rr_client.unwrap_or(false),
            cluster_id: settings.cluster_id,
            add_path_send: settings.add_path_send.flatten(),
            default_originate: settings.default_originate.unwrap_or(false),
            send_hold_time: settings.send_hold_time,
            prefix_limit: settings.prefix_limit,
            graceful_restart: settings.graceful_restart.unwrap_or_else(|| Some(GracefulRestart::default())),
            bfd: settings.bfd.flatten(),
            advertise_hostname: settings.advertise_hostname.unwrap_or(false),
            advertise_software_version: settings.advertise_software_version.unwrap_or(false),
            allow_local_as: settings.allow_local_as.unwrap_or(0),
            enforce_first_as: settings.enforce_first_as.unwrap_or(false),
            refuse_as_sets: settings.refuse_as_sets.unwrap_or(false),
            role: settings.role,
            require_role: settings.require_role.unwrap_or(false),
        }
    }
}

/// What a peer is that is not external.
fn inside(kind: PeerKind) -> &'static str {
    if kind == PeerKind::Confederation { "in our confederation" } else { "internal" }
}

fn check_remote_asn(
    remote_asn: Given<RemoteAsn>,
    absence: impl Display,
    offset: usize,
    report: &mut Report<'_>,
) -> Option<RemoteAsn> {
    match remote_asn {
        Given::Right(asn) => Some(asn),
        Given::Wrong => None,
        Given::Absent => {
            report.add(offset, absence);
            None
        }
    }
}

fn check_source_address(settings: &PeerSettings, peer: IpAddr, peer_offset: usize, report: &mut Report<'_>) {
    if let Some(source) = settings.source_address
        && source.is_ipv4() != peer.is_ipv4()
    {
        report.add(
            peer_offset,
            format_args!("source_address: {source} cannot reach {peer}: write an address of the same family"),
        );
    }
}

/// A link-local peer is one hop away, and the own address is that of the link.
fn check_link_local(settings: &PeerSettings, peer_offset: usize, report: &mut Report<'_>) {
    if settings.source_address.is_some() {
        report.add(
            peer_offset,
            "source_address: towards a link-local address, the own one is that of the link",
        );
    }
    if settings.multihop.is_some_and(|hops| hops > NonZeroU8::MIN) {
        report.add(peer_offset, "multihop: a link-local address is not reached over routers");
    }
}

/// A peer that takes our own hold time must not be refused for it.
fn check_hold_times(settings: &PeerSettings, peer_offset: usize, report: &mut Report<'_>) {
    let hold_time = settings.hold_time.unwrap_or_else(default_hold_time);
    if let Some(least) = settings.min_hold_time
        && !hold_time.is_zero()
        && hold_time < least
    {
        let (own, least) = (hold_time.duration().as_secs(), least.duration().as_secs());
        report.add(
            peer_offset,
            format_args!(
                "min_hold_time: {least}s is more than the hold_time of {own}s: no peer would be accepted"
            ),
        );
    }
}

fn default_hold_time() -> HoldTime {
    HoldTime::from_seconds(90).expect("90 seconds are at least 3")
}

const DEFAULT_CONNECT_RETRY: Duration = Duration::from_secs(10);
