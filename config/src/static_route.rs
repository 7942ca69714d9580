//! `[[static]]`: routes with next hops, or an action, of their own.

use std::collections::BTreeMap;
use std::net::IpAddr;

use bgp_codec::{NextHop, Prefix};

use crate::interface_name;
use crate::left_out::ObjectName;
use crate::network::{Hold, parse_hold};
use crate::prefix;
use crate::report::Report;
use crate::section::{Section, Value};

/// A static route.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StaticRoute {
    /// The destination.
    pub prefix: Prefix,
    /// Where packets are sent.
    pub target: StaticTarget,
    /// Compared before every attribute of BGP; the highest wins. 200 by default, as for networks.
    pub preference: u32,
    /// The metric in the kernel; that of `[kernel]` by default.
    pub metric: Option<u32>,
    /// The operator's mark, which filters read.
    pub tag: Option<u32>,
    /// Whether it is advertised to peers; it is by default.
    pub advertise: bool,
    /// Whether it is installed in the kernel; it is by default.
    pub install: bool,
}

/// Where packets of a static route are sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum StaticTarget {
    /// They are discarded.
    Discard(Hold),
    /// To those of these next hops that are usable, at least one.
    Via(Vec<StaticHop>),
}

/// A next hop of a static route: an address, an interface, or both.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct StaticHop {
    /// The gateway; `None` where the destination itself is on the interface.
    pub address: Option<IpAddr>,
    /// The interface; `None` where it follows from the kernel's routes to the gateway. Named, the gateway is on it whatever
    /// the routes say.
    pub interface: Option<String>,
    /// Its share in the traffic; 1 by default.
    pub weight: u8,
}

/// Reads all `[[static]]` tables, in the order of their prefixes; those with errors are left out. `networks` are the prefixes
/// of the networks.
pub(crate) fn read_all(
    tables: Vec<Value<'_>>,
    networks: &[Prefix],
    report: &mut Report<'_>,
) -> Vec<StaticRoute> {
    let mut routes: BTreeMap<Prefix, (StaticRoute, usize)> = BTreeMap::new();
    for table in tables {
        let mark = report.mark();
        let read = table.table("[[static]]", report).and_then(|section| StaticRoute::read(section, report));
        if let Some((route, offset)) = read {
            let prefix = route.prefix;
            if networks.contains(&prefix) {
                let text = format!(
                    "prefix: {prefix} is a [[network]], too: keep one of the two (advertise and install say what a \
                     static route is for)"
                );
                report.add(offset, text);
            }
            match routes.get(&prefix) {
                None => {
                    if report.is_clean_since(mark) {
                        routes.insert(prefix, (route, offset));
                    }
                }
                Some((_, first)) => {
                    let place = report.place(*first, offset);
                    let text = format!(
                        "prefix: {prefix} has a static route already on {place}: list several next hops in its via"
                    );
                    report.add(offset, text);
                }
            }
        }
        report.close(mark, || {
            let prefix = table.text_under("prefix");
            ObjectName::StaticRoute(prefix.and_then(prefix::meant))
        });
    }
    routes.into_values().map(|(route, _)| route).collect()
}

impl StaticRoute {
    /// The route and where its prefix stands.
    fn read(mut section: Section<'_>, report: &mut Report<'_>) -> Option<(Self, usize)> {
        let value = section.require("prefix", report);
        let prefix = value.and_then(|value| value.parsed("10.200.0.0/16", report, prefix::parse));
        let target = read_target(&mut section, prefix, report);
        let preference = section.get("preference").and_then(|value| value.integer(0..=u32::MAX, report));
        let metric = section.get("metric").and_then(|value| value.integer(1..=u32::MAX, report));
        let tag = section.get("tag").and_then(|value| value.integer(0..=u32::MAX, report));
        let [advertise, install] = ["advertise", "install"]
            .map(|key| section.get(key).and_then(|value| value.boolean(report)).unwrap_or(true));
        if !advertise && !install {
            report.add(
                section.offset(),
                "a static route that is neither advertised nor installed does nothing",
            );
        }
        section.finish(report);
        let route = Self {
            prefix: prefix?,
            target: target?,
            preference: preference.unwrap_or(DEFAULT_PREFERENCE),
            metric,
            tag,
            advertise,
            install,
        };
        Some((route, value?.offset()))
    }
}

/// The keys `via`, `interface` and `discard`, of which exactly one says where packets are sent.
fn read_target(
    section: &mut Section<'_>,
    prefix: Option<Prefix>,
    report: &mut Report<'_>,
) -> Option<StaticTarget> {
    let (via, interface, discard) = (section.get("via"), section.get("interface"), section.get("discard"));
    match (via, interface, discard) {
        (Some(via), None, None) => read_hops(via, prefix, report).map(StaticTarget::Via),
        (None, Some(interface), None) => {
            let name = interface.parsed("eth0", report, interface_name::parse)?;
            let hop = StaticHop { address: None, interface: Some(name), weight: 1 };
            Some(StaticTarget::Via(vec![hop]))
        }
        (None, None, Some(discard)) => {
            discard.parsed("blackhole", report, parse_hold).map(StaticTarget::Discard)
        }
        (Some(_), Some(interface), _) => {
            interface.reject(
                report,
                "the interface of a gateway stands with it: via = { address = \"10.0.0.1\", interface = \"eth0\" }",
            );
            None
        }
        (None, None, None) => {
            report.add(
                section.offset(),
                "a static route says where packets are sent: write via, interface or discard",
            );
            None
        }
        (_, _, Some(discard)) => {
            discard.reject(
                report,
                "packets are sent somewhere or discarded: leave out via and interface, or this",
            );
            None
        }
    }
}

fn read_hops(via: Value<'_>, prefix: Option<Prefix>, report: &mut Report<'_>) -> Option<Vec<StaticHop>> {
    let items: Vec<Value<'_>> =
        if via.is_list() { via.list("[\"10.0.0.1\"]", report)?.collect() } else { vec![via] };
    let mut hops: Vec<StaticHop> = Vec::new();
    let mut is_whole = true;
    for item in &items {
        match read_hop(*item, prefix, report) {
            Some(hop) if hops.iter().any(|known| known.is_same_place(&hop)) => {
                item.reject(report, "this next hop is listed twice: give it a weight instead");
                is_whole = false;
            }
            Some(hop) => hops.push(hop),
            None => is_whole = false,
        }
    }
    if !(1..=MAX_HOPS).contains(&items.len()) {
        via.reject(report, format_args!("write 1 to {MAX_HOPS} next hops"));
        return None;
    }
    is_whole.then_some(hops)
}

fn read_hop(value: Value<'_>, prefix: Option<Prefix>, report: &mut Report<'_>) -> Option<StaticHop> {
    if !value.is_table() {
        let address = value.parsed("10.0.0.1", report, |text| parse_gateway(text, prefix))?;
        if is_link_local(address) {
            value.reject(report, format_args!("{address} is a link-local address: write {{ address = \"{address}\", interface = \"eth0\" }}"));
            return None;
        }
        return Some(StaticHop { address: Some(address), interface: None, weight: 1 });
    }
    let mut section = value.table("a next hop", report)?;
    let address = section.get("address");
    let interface = section.get("interface");
    let weight = section.get("weight").map_or(Some(1), |value| value.integer(1..=u8::MAX, report));
    let onlink = section.get("onlink").and_then(|value| Some((value, value.boolean(report)?)));
    let offset = section.offset();
    section.finish(report);
    if let Some((value, true)) = onlink
        && (interface.is_none() || address.is_none())
    {
        value.reject(report, "onlink = true needs an address, and the interface that it is on");
        return None;
    }
    let address = match address {
        Some(value) => Some(value.parsed("10.0.0.1", report, |text| parse_gateway(text, prefix))?),
        None => None,
    };
    let interface = match interface {
        Some(value) => Some(value.parsed("eth0", report, interface_name::parse)?),
        None => None,
    };
    if address.is_none() && interface.is_none() {
        report.add(offset, "a next hop has an address, an interface, or both");
        return None;
    }
    if let (Some(address), None) = (address, &interface)
        && is_link_local(address)
    {
        report.add(offset, format_args!("{address} is a link-local address: name its interface"));
        return None;
    }
    Some(StaticHop { address, interface, weight: weight? })
}

impl StaticHop {
    /// The gateway as routes have it.
    #[must_use]
    pub fn gateway(&self) -> Option<NextHop> {
        self.address.map(|address| match address {
            IpAddr::V4(address) => NextHop::Ipv4(address),
            IpAddr::V6(address) => NextHop::Ipv6(address),
        })
    }

    fn is_same_place(&self, other: &Self) -> bool {
        (self.address, &self.interface) == (other.address, &other.interface)
    }
}

fn parse_gateway(text: &str, prefix: Option<Prefix>) -> Result<IpAddr, String> {
    let address: IpAddr =
        text.parse().map_err(|_| format!("{text:?} is not an IP address: write one such as \"10.0.0.1\""))?;
    if address.is_unspecified() || address.is_multicast() || address.is_loopback() {
        return Err(format!("{address} cannot be a gateway"));
    }
    match (prefix, address) {
        (Some(prefix @ Prefix::Ipv6(_)), IpAddr::V4(_)) => {
            Err(format!("{address} is an IPv4 address, and {prefix} is IPv6: write an IPv6 address"))
        }
        _ => Ok(address),
    }
}

fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

/// Networks of this node have the same.
const DEFAULT_PREFERENCE: u32 = 200;

/// What the kernel spreads packets over is less.
const MAX_HOPS: usize = 128;
