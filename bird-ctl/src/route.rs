//! The reply to `show route`: networks with their routes.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use crate::reply::Reply;
use crate::unix_time::UnixTime;

/// A destination with the routes to it, the primary one first.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Network {
    /// The destination, such as `10.65.1.0/26`.
    pub prefix: String,
    /// At least one route.
    pub routes: Vec<Route>,
}

/// A route in the table.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Route {
    /// What is done with packets.
    pub target: RouteTarget,
    /// The name of the protocol that it comes from.
    pub protocol: String,
    /// When it came.
    pub since: UnixTime,
    /// The peer's address, if packets are sent elsewhere.
    pub from: Option<IpAddr>,
    /// Whether it is used.
    pub rank: RouteRank,
    /// The highest wins.
    pub preference: u32,
    /// What depends on the kind of the protocol.
    pub details: RouteDetails,
}

/// What is done with packets.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RouteTarget {
    /// They are sent to a gateway on an interface.
    Via {
        /// The gateway.
        gateway: IpAddr,
        /// The name of the interface.
        interface: String,
    },
    /// The destination itself is on an interface of this name.
    Device(String),
    /// They are distributed to several gateways.
    Multipath(Vec<WeightedGateway>),
    /// They are discarded.
    Blackhole,
    /// They are rejected: the destination cannot be reached.
    Unreachable,
    /// They are rejected: it is prohibited.
    Prohibited,
}

/// One of several gateways.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WeightedGateway {
    /// The gateway.
    pub gateway: IpAddr,
    /// The name of the interface.
    pub interface: String,
    /// Its share of the traffic, at least 1.
    pub weight: u32,
}

/// Whether a route is used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RouteRank {
    /// It is the best one.
    Primary,
    /// It is the best one, and the kernel does not have it.
    NotInstalled,
    /// Another one is better.
    Other,
}

/// What a route has by the kind of its protocol.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RouteDetails {
    /// It is configured.
    Static,
    /// It is the network of an interface's address.
    Device,
    /// It is a route of the kernel.
    Kernel {
        /// Number of the program that it belongs to (`rtm_protocol`).
        source: u8,
        /// Its metric.
        metric: u32,
        /// Its scope, if that is not the whole world.
        scope: Option<u8>,
    },
    /// A peer announced it.
    Bgp(Box<BgpAttributes>),
}

/// Cost of the way to a next hop.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NextHopCost {
    /// The next hop is reachable at this cost.
    Known(u32),
    /// It is reachable, at a cost that nothing says.
    Unknown,
    /// It is not reachable.
    Unreachable,
}

/// The path attributes of a route.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BgpAttributes {
    /// Cost of the way to the next hop.
    pub cost: NextHopCost,
    /// ORIGIN.
    pub origin: Origin,
    /// AS_PATH, with sets as `{ 65003 65004 }`.
    pub as_path: String,
    /// The last AS number of the path, unless the path is empty or ends with a set.
    pub first_asn: Option<u32>,
    /// NEXT_HOP: one address, or two of IPv6.
    pub next_hop: String,
    /// MULTI_EXIT_DISC.
    pub med: Option<u32>,
    /// LOCAL_PREF.
    pub local_pref: u32,
    /// Whether ATOMIC_AGGREGATE is there.
    pub is_atomic_aggregate: bool,
    /// AGGREGATOR: the speaker and its AS number.
    pub aggregator: Option<(Ipv4Addr, u32)>,
    /// Communities.
    pub communities: Vec<(u16, u16)>,
    /// ORIGINATOR_ID.
    pub originator_id: Option<Ipv4Addr>,
    /// CLUSTER_LIST.
    pub cluster_list: Vec<Ipv4Addr>,
    /// Extended communities, as their octets.
    pub extended_communities: Vec<[u8; 8]>,
    /// Large communities.
    pub large_communities: Vec<(u32, u32, u32)>,
    /// Attributes that have no name here: their numbers and octets.
    pub unknown: Vec<(u8, Vec<u8>)>,
}

/// ORIGIN.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Origin {
    /// The route is of this AS.
    Igp,
    /// It was learned by EGP.
    Egp,
    /// Anything else.
    Incomplete,
}

/// How much is said of a route.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RouteDetail {
    /// A line.
    Line,
    /// A line, and what `all` adds.
    All,
}

impl Network {
    /// Adds the routes to the reply to `show route`.
    pub fn write(&self, detail: RouteDetail, now: UnixTime, reply: &mut Reply) {
        let mut prefix = self.prefix.as_str();
        for route in &self.routes {
            reply.line(1007, format_args!("{prefix:<18} {}", Line(route, now)));
            if let RouteTarget::Multipath(gateways) = &route.target {
                for gateway in gateways {
                    reply.line(1007, format_args!("\t{gateway}"));
                }
            }
            if detail == RouteDetail::All {
                route.details.write(reply);
            }
            // The prefix stands in the first line only.
            prefix = "";
        }
    }
}

/// A route in one line, with the time it is compared with.
struct Line<'r>(&'r Route, UnixTime);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(Route { target, protocol, since, from, rank, preference, details }, now) = self;
        write!(f, "{target} [{protocol} {}", since.short(*now))?;
        if let Some(from) = from {
            write!(f, " from {from}")?;
        }
        f.write_str(match rank {
            RouteRank::Primary => "] * ",
            RouteRank::NotInstalled => "] ! ",
            RouteRank::Other => "] ",
        })?;
        match details {
            RouteDetails::Bgp(attributes) => {
                write!(f, "({preference}/{}) [", attributes.cost)?;
                if let Some(asn) = attributes.first_asn {
                    write!(f, "AS{asn}")?;
                }
                write!(f, "{}]", attributes.origin.letter())
            }
            RouteDetails::Static | RouteDetails::Device | RouteDetails::Kernel { .. } => {
                write!(f, "({preference})")
            }
        }
    }
}

impl fmt::Display for RouteTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Via { gateway, interface } => write!(f, "via {gateway} on {interface}"),
            Self::Device(interface) => write!(f, "dev {interface}"),
            Self::Multipath(_) => f.write_str("multipath"),
            Self::Blackhole => f.write_str("blackhole"),
            Self::Unreachable => f.write_str("unreachable"),
            Self::Prohibited => f.write_str("prohibited"),
        }
    }
}

impl fmt::Display for WeightedGateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "via {} on {} weight {}", self.gateway, self.interface, self.weight)
    }
}

impl fmt::Display for NextHopCost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(cost) => cost.fmt(f),
            Self::Unknown => f.write_str("?"),
            Self::Unreachable => f.write_str("-"),
        }
    }
}

impl Origin {
    fn letter(self) -> char {
        match self {
            Self::Igp => 'i',
            Self::Egp => 'e',
            Self::Incomplete => '?',
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Igp => "IGP",
            Self::Egp => "EGP",
            Self::Incomplete => "Incomplete",
        }
    }
}

impl RouteDetails {
    fn write(&self, reply: &mut Reply) {
        let kind = match self {
            Self::Static => "static",
            Self::Device => "device",
            Self::Kernel { .. } => "inherit",
            Self::Bgp(_) => "BGP",
        };
        reply.line(1008, format_args!("\tType: {kind} unicast univ"));
        match self {
            Self::Static | Self::Device => {}
            Self::Kernel { source, metric, scope } => {
                reply.line(1012, format_args!("\tKernel.source: {source}"));
                reply.line(1012, format_args!("\tKernel.metric: {metric}"));
                if let Some(scope) = scope {
                    reply.line(1012, format_args!("\tKernel.scope: {scope}"));
                }
            }
            Self::Bgp(attributes) => attributes.write(reply),
        }
    }
}

impl BgpAttributes {
    /// The attributes in the order of their numbers.
    fn write(&self, reply: &mut Reply) {
        let mut line = |key: &str, value: &dyn fmt::Display| {
            reply.line(1012, format_args!("\tBGP.{key}: {value}"));
        };
        line("origin", &self.origin.word());
        line("as_path", &self.as_path);
        line("next_hop", &self.next_hop);
        if let Some(med) = self.med {
            line("med", &med);
        }
        line("local_pref", &self.local_pref);
        if self.is_atomic_aggregate {
            line("atomic_aggr", &"");
        }
        if let Some((speaker, asn)) = self.aggregator {
            line("aggregator", &format_args!("{speaker} AS{asn}"));
        }
        let list = |items: Vec<String>| items.join(" ");
        if !self.communities.is_empty() {
            let communities = self.communities.iter().map(|(asn, value)| format!("({asn},{value})"));
            line("community", &list(communities.collect()));
        }
        if let Some(originator) = self.originator_id {
            line("originator_id", &originator);
        }
        if !self.cluster_list.is_empty() {
            line("cluster_list", &list(self.cluster_list.iter().map(ToString::to_string).collect()));
        }
        if !self.extended_communities.is_empty() {
            let communities = self.extended_communities.iter().map(|&octets| extended_community(octets));
            line("ext_community", &list(communities.collect()));
        }
        if !self.large_communities.is_empty() {
            let communities = self.large_communities.iter().map(|(a, b, c)| format!("({a}, {b}, {c})"));
            line("large_community", &list(communities.collect()));
        }
        for (number, octets) in &self.unknown {
            let octets = list(octets.iter().map(|octet| format!("{octet:02x}")).collect());
            line(&format!("c{number:x} [t]"), &octets);
        }
    }
}

/// An extended community: route targets and route origins by name, others as two numbers.
fn extended_community(octets: [u8; 8]) -> String {
    let [kind, subtype, a, b, c, d, e, f] = octets;
    let name = match subtype {
        2 => Some("rt"),
        3 => Some("ro"),
        _ => None,
    };
    match (kind & !0x40, name) {
        (0, Some(name)) => {
            format!("({name}, {}, {})", u16::from_be_bytes([a, b]), u32::from_be_bytes([c, d, e, f]))
        }
        (1, Some(name)) => {
            format!("({name}, {}, {})", Ipv4Addr::from([a, b, c, d]), u16::from_be_bytes([e, f]))
        }
        (2, Some(name)) => {
            format!("({name}, {}, {})", u32::from_be_bytes([a, b, c, d]), u16::from_be_bytes([e, f]))
        }
        _ => {
            let (high, low) = (u32::from_be_bytes([kind, subtype, a, b]), u32::from_be_bytes([c, d, e, f]));
            format!("(generic, {high:#x}, {low:#x})")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extended_communities_table() {
        for (octets, expected) in [
            ([0x00, 0x02, 0xfd, 0xe8, 0, 0, 0, 7], "(rt, 65000, 7)"),
            ([0x40, 0x03, 0xfd, 0xe8, 0, 0, 0, 7], "(ro, 65000, 7)"),
            ([0x01, 0x02, 10, 0, 0, 1, 0, 7], "(rt, 10.0.0.1, 7)"),
            ([0x02, 0x02, 0, 1, 0, 0, 0, 7], "(rt, 65536, 7)"),
            ([0x40, 0x04, 0xfd, 0xe8, 0x4b, 0, 0, 0], "(generic, 0x4004fde8, 0x4b000000)"),
        ] {
            assert_eq!(extended_community(octets), expected);
        }
    }
}
