//! `[kernel]`: the forwarding table to keep.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use bgp_codec::Prefix;
use margay_filter::FilterChain;

use crate::duration;
use crate::filters::{Direction, Filters};
use crate::kernel_import::{self, KernelImport};
use crate::prefix;
use crate::report::Report;
use crate::section::{Section, Value};

/// The forwarding table to keep. Without this section nothing is installed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Kernel {
    /// The routing tables that every route is put into; 254, the main one, by default.
    pub tables: Vec<u32>,
    /// The route protocol number that marks the daemon's routes; 186 by default, which Linux sets aside for BGP.
    pub protocol: u8,
    /// The metric of the daemon's routes; 1024 by default.
    pub metric: u32,
    /// The most next hops of a route; 16 by default, 1 turns multipath off.
    pub multipath: u8,
    /// The address from which this node's own packets leave over IPv4 routes; the system's choice by default.
    pub ipv4_source: Option<Ipv4Addr>,
    /// The same for IPv6 routes.
    pub ipv6_source: Option<Ipv6Addr>,
    /// Next hops that are taken to be on a link whatever the routes say.
    pub onlink: Vec<Onlink>,
    /// Whether routes share next hop objects, where the kernel has them; they do by default.
    pub nexthop_objects: bool,
    /// Whether a next hop that no other route covers is resolved through a default route; not by default.
    pub resolve_via_default: bool,
    /// Decides which routes are installed, and with which metric, next hop and link; every route by default.
    pub export: FilterChain,
    /// Routes of others that are announced.
    pub imports: Vec<KernelImport>,
    /// How long routes of an earlier run stay without being announced again; 60 seconds by default.
    pub restart_window: Duration,
}

/// Next hops that are taken to be on a link, such as a tunnel's, whatever the routes say.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Onlink {
    /// Where the next hops are.
    pub next_hops: Prefix,
    /// The name of the link.
    pub interface: String,
}

impl Kernel {
    pub(crate) fn read(mut section: Section<'_>, filters: &Filters, report: &mut Report<'_>) -> Self {
        let default = Self::default();
        let tables = section.get("table").map(|value| read_tables(value, report));
        let protocol = section.get("protocol").and_then(|value| read_protocol(value, report));
        let metric = section.get("metric").and_then(|value| value.integer(1..=u32::MAX, report));
        let multipath = section.get("multipath").and_then(|value| value.integer(1..=128, report));
        let sources = section.get("preferred_source").map(|value| read_sources(value, report));
        let (ipv4_source, ipv6_source) = sources.unwrap_or_default();
        let onlink = section.get("onlink").map(|value| read_onlink(value, report)).unwrap_or_default();
        let export = section.get("export");
        let export = export.and_then(|value| filters.chain(value, Direction::Install, report));
        let imports = section.get("import").map(|value| kernel_import::read_all(value, report));
        let [nexthop_objects, resolve_via_default] = ["nexthop_objects", "resolve_via_default"]
            .map(|key| section.get(key).and_then(|value| value.boolean(report)));
        let window = Duration::ZERO..=Duration::from_hours(1);
        let restart_window = section
            .get("restart_window")
            .and_then(|value| value.parsed("60s", report, |text| duration::parse_within(text, window)));
        section.finish(report);
        Self {
            tables: tables.unwrap_or(default.tables),
            protocol: protocol.unwrap_or(default.protocol),
            metric: metric.unwrap_or(default.metric),
            multipath: multipath.unwrap_or(default.multipath),
            ipv4_source,
            ipv6_source,
            onlink,
            nexthop_objects: nexthop_objects.unwrap_or(default.nexthop_objects),
            resolve_via_default: resolve_via_default.unwrap_or(default.resolve_via_default),
            export: export.unwrap_or_default(),
            imports: imports.unwrap_or_default(),
            restart_window: restart_window.unwrap_or(default.restart_window),
        }
    }
}

impl Default for Kernel {
    fn default() -> Self {
        Self {
            tables: vec![254],
            protocol: 186,
            metric: 1024,
            multipath: 16,
            ipv4_source: None,
            ipv6_source: None,
            onlink: Vec::new(),
            nexthop_objects: true,
            resolve_via_default: false,
            export: FilterChain::accept_all(),
            imports: Vec::new(),
            restart_window: Duration::from_secs(60),
        }
    }
}

/// A number, or a list of at least one.
fn read_tables(value: Value<'_>, report: &mut Report<'_>) -> Vec<u32> {
    if !value.is_list() {
        return read_table(value, report).into_iter().collect();
    }
    let mut tables = Vec::new();
    let mut count = 0;
    for item in value.list("[254, 100]", report).into_iter().flatten() {
        count += 1;
        match read_table(item, report) {
            Some(table) if tables.contains(&table) => {
                item.reject(report, format_args!("{table} is listed twice"))
            }
            Some(table) => tables.push(table),
            None => {}
        }
    }
    if !(1..=MAX_TABLES).contains(&count) {
        value.reject(report, format_args!("write 1 to {MAX_TABLES} tables"));
    }
    tables
}

/// At most one address of each family.
fn read_sources(value: Value<'_>, report: &mut Report<'_>) -> (Option<Ipv4Addr>, Option<Ipv6Addr>) {
    let (mut ipv4, mut ipv6) = (None, None);
    for item in value.list("[\"10.0.0.11\"]", report).into_iter().flatten() {
        let former = match item.parsed("10.0.0.11", report, parse_address) {
            Some(IpAddr::V4(address)) => ipv4.replace(address).is_some(),
            Some(IpAddr::V6(address)) => ipv6.replace(address).is_some(),
            None => false,
        };
        if former {
            item.reject(report, "there is an address of this family already");
        }
    }
    (ipv4, ipv6)
}

fn parse_address(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| format!("{text:?} is not a valid IP address"))
}

fn read_onlink(value: Value<'_>, report: &mut Report<'_>) -> Vec<Onlink> {
    let example = "[{ next_hops = \"10.0.0.0/16\", interface = \"vxlan0\" }]";
    let items = value.list(example, report).into_iter().flatten();
    items.filter_map(|item| read_onlink_rule(item.table("onlink", report)?, report)).collect()
}

fn read_onlink_rule(mut section: Section<'_>, report: &mut Report<'_>) -> Option<Onlink> {
    let next_hops = section.require("next_hops", report);
    let next_hops = next_hops.and_then(|value| value.parsed("10.0.0.0/16", report, prefix::parse));
    let interface = section.require("interface", report).and_then(|value| value.string("vxlan0", report));
    section.finish(report);
    Some(Onlink { next_hops: next_hops?, interface: interface?.to_owned() })
}

fn read_table(value: Value<'_>, report: &mut Report<'_>) -> Option<u32> {
    let table = value.integer(1..=u32::MAX, report)?;
    if table == LOCAL_TABLE {
        value.reject(report, "255 is the table of the node's own addresses: write 254 for the main table");
        return None;
    }
    Some(table)
}

fn read_protocol(value: Value<'_>, report: &mut Report<'_>) -> Option<u8> {
    let protocol = value.integer(1..=u8::MAX, report)?;
    if protocol <= LAST_PROTOCOL_OF_OTHERS {
        value.reject(
            report,
            format_args!(
                "{protocol} marks routes of the kernel or the administrator, which would be removed as ours: \
                 write 5 to 255, for instance 186"
            ),
        );
        return None;
    }
    Some(protocol)
}

const LOCAL_TABLE: u32 = 255;

/// More are a mistake: each holds every route.
const MAX_TABLES: usize = 16;

/// RTPROT_STATIC; below it are redirects, the kernel's own and boot-time routes.
const LAST_PROTOCOL_OF_OTHERS: u8 = 4;
