//! Settings that a peer may have itself or take from its group.

use std::net::IpAddr;
use std::num::{NonZeroU8, NonZeroU16};
use std::path::PathBuf;
use std::time::Duration;

use bgp_codec::{ClusterId, Family, HoldTime, Role};
use margay_filter::FilterChain;

use crate::add_path::{self, AddPath};
use crate::bfd::Bfd;
use crate::filters::{Direction, Filters};
use crate::graceful_restart::GracefulRestart;
use crate::local_asn::LocalAsn;
use crate::next_hop_mode::NextHopMode;
use crate::password::password_line;
use crate::prefix_limit::PrefixLimit;
use crate::private_asns::{self, PrivateAsns};
use crate::remote_asn::RemoteAsn;
use crate::report::Report;
use crate::role;
use crate::section::{Section, Value};
use crate::{address, bfd, duration, family, graceful_restart, path};

/// The settings as far as a `[[peer]]` or a `[peer_group.NAME]` gives them.
#[derive(Clone, Default)]
pub(crate) struct PeerSettings {
    pub(crate) remote_asn: Given<RemoteAsn>,
    pub(crate) local_asn: Option<LocalAsn>,
    pub(crate) passive: Option<bool>,
    pub(crate) import: Option<FilterChain>,
    pub(crate) export: Option<FilterChain>,
    pub(crate) default_originate: Option<bool>,
    pub(crate) families: Option<Vec<Family>>,
    pub(crate) hold_time: Option<HoldTime>,
    pub(crate) min_hold_time: Option<HoldTime>,
    pub(crate) keepalive: Option<Duration>,
    pub(crate) connect_retry: Option<Duration>,
    pub(crate) password_file: Option<PathBuf>,
    pub(crate) port: Option<u16>,
    pub(crate) source_address: Option<IpAddr>,
    pub(crate) multihop: Option<NonZeroU8>,
    pub(crate) ttl_security: Option<bool>,
    pub(crate) next_hop: Option<NextHopMode>,
    pub(crate) extended_next_hop: Option<bool>,
    /// Within, `None` is `false`.
    pub(crate) remove_private_asns: Option<Option<PrivateAsns>>,
    pub(crate) route_server_client: Option<bool>,
    pub(crate) rr_client: Option<bool>,
    pub(crate) cluster_id: Option<ClusterId>,
    pub(crate) add_path: Option<AddPath>,
    /// The most paths to a prefix that are sent; within, `None` is all.
    pub(crate) add_path_send: Option<Option<NonZeroU16>>,
    pub(crate) send_hold_time: Option<Duration>,
    pub(crate) prefix_limit: Option<PrefixLimit>,
    /// Within, `None` is `false`.
    pub(crate) graceful_restart: Option<Option<GracefulRestart>>,
    /// Within, `None` is `false`.
    pub(crate) bfd: Option<Option<Bfd>>,
    pub(crate) advertise_hostname: Option<bool>,
    pub(crate) advertise_software_version: Option<bool>,
    pub(crate) allow_local_as: Option<u8>,
    pub(crate) enforce_first_as: Option<bool>,
    pub(crate) refuse_as_sets: Option<bool>,
    pub(crate) role: Option<Role>,
    pub(crate) require_role: Option<bool>,
}

/// A setting that some peer must have, so that absence and error must be told apart.
#[derive(Clone, Copy, Default)]
pub(crate) enum Given<T> {
    /// Nobody has given it.
    #[default]
    Absent,
    /// It was given with an error, which is reported.
    Wrong,
    /// It was given.
    Right(T),
}

impl PeerSettings {
    /// Takes the settings out of a section; the caller takes what else may stand there and finishes it.
    pub(crate) fn read(section: &mut Section<'_>, filters: &Filters, report: &mut Report<'_>) -> Self {
        let seconds_range = Duration::from_secs(1)..=Duration::from_secs(u64::from(u16::MAX));
        let remote_asn = match section.get("remote_asn") {
            None => Given::Absent,
            Some(value) => RemoteAsn::read(value, report).map_or(Given::Wrong, Given::Right),
        };
        let mut get = |key| section.get(key);
        Self {
            remote_asn,
            local_asn: get("local_asn").and_then(|value| LocalAsn::read(value, report)),
            passive: get("passive").and_then(|value| value.boolean(report)),
            import: get("import").and_then(|value| filters.chain(value, Direction::Import, report)),
            export: get("export").and_then(|value| filters.chain(value, Direction::Export, report)),
            default_originate: get("default_originate").and_then(|value| value.boolean(report)),
            families: get("families").and_then(|value| read_families(value, report)),
            hold_time: get("hold_time")
                .and_then(|value| value.parsed("90s", report, duration::parse_hold_time)),
            min_hold_time: get("min_hold_time")
                .and_then(|value| value.parsed("9s", report, duration::parse_hold_time)),
            keepalive: get("keepalive").and_then(|value| {
                value.parsed("20s", report, |text| duration::parse_within(text, seconds_range.clone()))
            }),
            connect_retry: get("connect_retry").and_then(|value| {
                value.parsed("10s", report, |text| duration::parse_within(text, seconds_range.clone()))
            }),
            password_file: get("password_file").and_then(|value| read_password_file(value, report)),
            port: get("port").and_then(|value| value.integer(1..=u16::MAX, report)),
            source_address: get("source_address")
                .and_then(|value| value.parsed("172.16.0.11", report, address::parse_host)),
            multihop: get("multihop")
                .and_then(|value| value.integer(1..=u8::MAX, report))
                .and_then(NonZeroU8::new),
            ttl_security: get("ttl_security").and_then(|value| value.boolean(report)),
            next_hop: get("next_hop").and_then(|value| NextHopMode::read(value, report)),
            extended_next_hop: get("extended_next_hop").and_then(|value| value.boolean(report)),
            remove_private_asns: get("remove_private_asns")
                .and_then(|value| private_asns::read(value, report)),
            route_server_client: get("route_server_client").and_then(|value| value.boolean(report)),
            rr_client: get("rr_client").and_then(|value| value.boolean(report)),
            cluster_id: get("cluster_id")
                .and_then(|value| value.parsed("10.0.0.11", report, address::parse_cluster_id)),
            add_path: get("add_path").and_then(|value| AddPath::read(value, report)),
            add_path_send: get("add_path_send").and_then(|value| add_path::read_limit(value, report)),
            send_hold_time: get("send_hold_time").and_then(|value| {
                value.parsed("8m", report, |text| duration::parse_within(text, seconds_range.clone()))
            }),
            prefix_limit: get("prefix_limit").and_then(|value| PrefixLimit::read(value, report)),
            graceful_restart: get("graceful_restart").and_then(|value| graceful_restart::read(value, report)),
            allow_local_as: get("allow_local_as").and_then(|value| value.integer(0..=MOST_OWN_AS, report)),
            enforce_first_as: get("enforce_first_as").and_then(|value| value.boolean(report)),
            refuse_as_sets: get("refuse_as_sets").and_then(|value| value.boolean(report)),
            role: get("role").and_then(|value| value.parsed("provider", report, role::parse)),
            require_role: get("require_role").and_then(|value| value.boolean(report)),
            bfd: get("bfd").and_then(|value| bfd::read(value, report)),
            advertise_hostname: get("advertise_hostname").and_then(|value| value.boolean(report)),
            advertise_software_version: get("advertise_software_version")
                .and_then(|value| value.boolean(report)),
        }
    }

    /// These settings, and those of the group where they say nothing.
    pub(crate) fn or(self, group: Self) -> Self {
        Self {
            remote_asn: match self.remote_asn {
                Given::Absent => group.remote_asn,
                Given::Wrong | Given::Right(_) => self.remote_asn,
            },
            local_asn: self.local_asn.or(group.local_asn),
            passive: self.passive.or(group.passive),
            import: self.import.or(group.import),
            export: self.export.or(group.export),
            default_originate: self.default_originate.or(group.default_originate),
            families: self.families.or(group.families),
            hold_time: self.hold_time.or(group.hold_time),
            min_hold_time: self.min_hold_time.or(group.min_hold_time),
            keepalive: self.keepalive.or(group.keepalive),
            connect_retry: self.connect_retry.or(group.connect_retry),
            password_file: self.password_file.or(group.password_file),
            port: self.port.or(group.port),
            source_address: self.source_address.or(group.source_address),
            multihop: self.multihop.or(group.multihop),
            ttl_security: self.ttl_security.or(group.ttl_security),
            next_hop: self.next_hop.or(group.next_hop),
            extended_next_hop: self.extended_next_hop.or(group.extended_next_hop),
            remove_private_asns: self.remove_private_asns.or(group.remove_private_asns),
            route_server_client: self.route_server_client.or(group.route_server_client),
            rr_client: self.rr_client.or(group.rr_client),
            cluster_id: self.cluster_id.or(group.cluster_id),
            add_path: self.add_path.or(group.add_path),
            add_path_send: self.add_path_send.or(group.add_path_send),
            send_hold_time: self.send_hold_time.or(group.send_hold_time),
            prefix_limit: self.prefix_limit.or(group.prefix_limit),
            graceful_restart: self.graceful_restart.or(group.graceful_restart),
            bfd: self.bfd.or(group.bfd),
            advertise_hostname: self.advertise_hostname.or(group.advertise_hostname),
            advertise_software_version: self.advertise_software_version.or(group.advertise_software_version),
            allow_local_as: self.allow_local_as.or(group.allow_local_as),
            enforce_first_as: self.enforce_first_as.or(group.enforce_first_as),
            refuse_as_sets: self.refuse_as_sets.or(group.refuse_as_sets),
            role: self.role.or(group.role),
            require_role: self.require_role.or(group.require_role),
        }
    }
}

/// The most that `allow_local_as` may say.
const MOST_OWN_AS: u8 = 10;

/// The path of a password file, whose content is checked where files are.
fn read_password_file(value: Value<'_>, report: &mut Report<'_>) -> Option<PathBuf> {
    let path = value.parsed("/etc/margay/tor1.key", report, path::parse_absolute)?;
    let content = report.check_file(&path);
    let usable = content.map(|content| content.and_then(|content| password_line(&content).map(drop)));
    if let Some(Err(error)) = usable {
        value.reject(report, format_args!("{} cannot be used: {error}", path.display()));
    }
    Some(path)
}

fn read_families(value: Value<'_>, report: &mut Report<'_>) -> Option<Vec<Family>> {
    let mut families = Vec::new();
    for item in value.list("[\"ipv4-unicast\"]", report)? {
        match item.parsed("ipv4-unicast", report, family::parse) {
            Some(family) if families.contains(&family) => {
                item.reject(report, format_args!("{family} is in the list twice"));
            }
            Some(family) => families.push(family),
            None => return None,
        }
    }
    if families.is_empty() {
        value.reject(
            report,
            "a session without families carries no routes: write [\"ipv4-unicast\"] or leave it out",
        );
    }
    Some(families)
}
