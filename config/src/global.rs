//! `[global]`: this speaker.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use bgp_codec::{Asn, BgpIdentifier, ClusterId};

use crate::confederation::Confederation;
use crate::decision::Decision;
use crate::ebgp_without_filters::EbgpWithoutFilters;
use crate::memory_guard::MemoryGuard;
use crate::report::Report;
use crate::section::{Section, Value};
use crate::watch_file::{self, WatchFile};
use crate::{address, asn, duration};

/// This speaker.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Global {
    /// The AS it belongs to.
    pub asn: Asn,
    /// The confederation that its AS is a member of; `None` by default.
    pub confederation: Option<Confederation>,
    /// Its BGP identifier.
    pub router_id: BgpIdentifier,
    /// The cluster that it reflects for, where its `rr_client` peers name no other; the BGP identifier by default.
    pub cluster_id: ClusterId,
    /// Whether the clients of a cluster are told each other's routes. Yes by default.
    pub client_to_client: bool,
    /// Changes to the steps of the decision process; none by default.
    pub decision: Decision,
    /// What is exchanged with external peers without filters; nothing by default (RFC 8212).
    pub ebgp_without_filters: EbgpWithoutFilters,
    /// The name that it tells peers with `advertise_hostname`; `None`, the default, is that of the host.
    pub hostname: Option<String>,
    /// Where it listens for peers; port 179 of all addresses by default. Empty: it only dials.
    pub listen: Vec<SocketAddr>,
    /// How long peers are told own routes only after the start, while others have not told theirs; 5 s by default, zero
    /// is not at all.
    pub update_delay: Duration,
    /// How much memory it may use before it ends the session of a peer.
    pub memory_guard: MemoryGuard,
    /// What it logs: a level or a tracing filter; `info` by default.
    pub log: String,
    /// When changed files are read again; `None`, the default, is on request only.
    pub watch_file: Option<WatchFile>,
    /// The form of log lines; text by default.
    pub log_format: LogFormat,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// A JSON object a line.
    Json,
}

impl Global {
    /// The cluster, where it is another than the BGP identifier names.
    pub fn own_cluster_id(&self) -> Option<ClusterId> {
        Some(self.cluster_id).filter(|&cluster| cluster != self.router_id.into())
    }

    /// The number of its AS as external peers see it: that of the confederation, if there is one.
    #[must_use]
    pub fn external_asn(&self) -> Asn {
        self.confederation.as_ref().map_or(self.asn, |confederation| confederation.identifier)
    }

    /// Whether an AS is another member of the confederation.
    #[must_use]
    pub fn is_other_member(&self, asn: Asn) -> bool {
        let is_member = |confederation: &Confederation| confederation.members.contains(&asn);
        asn != self.asn && self.confederation.as_ref().is_some_and(is_member)
    }

    /// The same speaker with the settings of `other` that take effect in running sessions, and its watch on the files: the rest
    /// stays until it is started again.
    #[must_use]
    pub fn with_routing_of(&self, other: &Self) -> Self {
        Self {
            cluster_id: other.own_cluster_id().unwrap_or_else(|| self.router_id.into()),
            client_to_client: other.client_to_client,
            decision: other.decision,
            watch_file: other.watch_file,
            ebgp_without_filters: other.ebgp_without_filters,
            memory_guard: other.memory_guard,
            ..self.clone()
        }
    }

    pub(crate) fn read(mut section: Section<'_>, report: &mut Report<'_>) -> Option<Self> {
        let asn = section.require("asn", report).and_then(|value| asn::read(value, report));
        let confederation = section.get("confederation").map(|value| Confederation::read(value, asn, report));
        let router_id = section
            .require("router_id", report)
            .and_then(|value| value.parsed("10.0.0.11", report, address::parse_router_id));
        let cluster_id = section
            .get("cluster_id")
            .and_then(|value| value.parsed("10.0.0.11", report, address::parse_cluster_id));
        let client_to_client = section.get("client_to_client").and_then(|value| value.boolean(report));
        let decision = Decision::read(&mut section, report);
        let ebgp_without_filters = section
            .get("ebgp_without_filters")
            .and_then(|value| value.parsed("accept", report, EbgpWithoutFilters::parse));
        let hostname =
            section.get("hostname").and_then(|value| value.parsed("rack1-node1", report, parse_hostname));
        let listen = section.get("listen").map(|value| read_listen(value, report));
        let update_delay = section
            .get("update_delay")
            .and_then(|value| value.parsed("5s", report, |text| duration::parse_within(text, UPDATE_DELAYS)));
        let memory_guard =
            section.get("memory_guard").and_then(|value| value.parsed("2GiB", report, MemoryGuard::parse));
        let log = section.get("log").and_then(|value| value.string("info", report));
        let watch_file = section.get("watch_file").and_then(|value| watch_file::read(value, report));
        let log_format =
            section.get("log_format").and_then(|value| value.parsed("text", report, parse_log_format));
        section.finish(report);
        let router_id = router_id?;
        Some(Self {
            asn: asn?,
            confederation: confederation.unwrap_or_default(),
            router_id,
            cluster_id: cluster_id.unwrap_or_else(|| router_id.into()),
            client_to_client: client_to_client.unwrap_or(true),
            decision,
            ebgp_without_filters: ebgp_without_filters.unwrap_or_default(),
            hostname,
            listen: listen.unwrap_or_else(everywhere),
            update_delay: update_delay.unwrap_or(DEFAULT_UPDATE_DELAY),
            memory_guard: memory_guard.unwrap_or_default(),
            log: log.unwrap_or("info").to_owned(),
            watch_file: watch_file.flatten(),
            log_format: log_format.unwrap_or_default(),
        })
    }
}

fn read_listen(value: Value<'_>, report: &mut Report<'_>) -> Vec<SocketAddr> {
    let mut listen = Vec::new();
    for item in value.list("[\"0.0.0.0:179\"]", report).into_iter().flatten() {
        match item.parsed("0.0.0.0:179", report, |text| address::parse_listen(text, 179)) {
            Some(address) if listen.contains(&address) => {
                item.reject(report, format_args!("{address} is in the list twice"));
            }
            Some(address) => listen.push(address),
            None => {}
        }
    }
    listen
}

/// A name that fits into the capability: 1 to 64 visible characters of ASCII.
fn parse_hostname(text: &str) -> Result<String, String> {
    let is_name = (1..=64).contains(&text.len()) && text.bytes().all(|octet| octet.is_ascii_graphic());
    if is_name {
        Ok(text.to_owned())
    } else {
        Err(format!("{text:?} is not a host name: write 1 to 64 visible ASCII characters without spaces"))
    }
}

fn parse_log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(format!("{text:?} is not a form of log lines: write \"text\" or \"json\"")),
    }
}

const UPDATE_DELAYS: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(3600);

const DEFAULT_UPDATE_DELAY: Duration = Duration::from_secs(5);

fn everywhere() -> Vec<SocketAddr> {
    vec![(Ipv4Addr::UNSPECIFIED, 179).into(), (Ipv6Addr::UNSPECIFIED, 179).into()]
}
