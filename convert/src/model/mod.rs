//! What is converted to: the objects of the operator's file, which both readers fill and one writer writes.

mod condition;
mod peer;
mod rule;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ipnet::IpNet;

pub(crate) use self::condition::Condition;
pub(crate) use self::peer::{DynamicRange, Group, Peer, Settings};
pub(crate) use self::rule::{Action, Rule};

/// The whole file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Speaker {
    pub(crate) asn: Option<u32>,
    pub(crate) confederation: Confederation,
    pub(crate) router_id: Option<Ipv4Addr>,
    pub(crate) cluster_id: Option<Ipv4Addr>,
    pub(crate) client_to_client: Option<bool>,
    /// Empty for the default.
    pub(crate) listen: Vec<SocketAddr>,
    pub(crate) kernel: Option<Kernel>,
    pub(crate) networks: BTreeMap<IpNet, Network>,
    pub(crate) statics: BTreeMap<IpNet, StaticRoute>,
    /// Named prefix sets: the members in TOML.
    pub(crate) prefix_sets: BTreeMap<String, Vec<String>>,
    /// Named community sets: the patterns.
    pub(crate) community_sets: BTreeMap<String, Vec<String>>,
    /// Named sets of AS numbers: the members in TOML.
    pub(crate) as_sets: BTreeMap<String, Vec<String>>,
    pub(crate) filters: BTreeMap<String, Vec<Rule>>,
    pub(crate) groups: BTreeMap<String, Group>,
    pub(crate) peers: Vec<Peer>,
    pub(crate) ranges: Vec<DynamicRange>,
}

/// `confederation` of `[global]`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Confederation {
    /// `None` for none.
    pub(crate) identifier: Option<u32>,
    /// The members of its peers.
    pub(crate) members: BTreeSet<u32>,
}

/// `[kernel]` and `[[kernel.import]]`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kernel {
    pub(crate) tables: Vec<u32>,
    pub(crate) protocol: Option<u8>,
    pub(crate) metric: Option<u32>,
    pub(crate) multipath: Option<u8>,
    pub(crate) imports: Vec<KernelImport>,
    /// Names of the filters on what is installed.
    pub(crate) export: Vec<String>,
}

/// Routes of the kernel that are advertised.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct KernelImport {
    /// Names or numbers in TOML.
    pub(crate) protocols: Vec<String>,
    pub(crate) interfaces: Vec<String>,
    /// The metric that they count as having, where it is not their own.
    pub(crate) metric: Option<u32>,
}

/// `[[network]]`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Network {
    /// `blackhole`, `unreachable` or `prohibit`.
    pub(crate) hold: Option<&'static str>,
    /// Whether it is advertised only while another route to it is in the kernel.
    pub(crate) require_route: bool,
}

/// `[[static]]`.
#[derive(Clone, Debug)]
pub(crate) struct StaticRoute {
    /// `blackhole`, `unreachable` or `prohibit`.
    pub(crate) discard: Option<&'static str>,
    /// At least one, unless packets are discarded.
    pub(crate) hops: Vec<StaticHop>,
}

/// A next hop of a static route: a gateway, an interface, or both.
#[derive(Clone, Debug)]
pub(crate) struct StaticHop {
    pub(crate) address: Option<IpAddr>,
    pub(crate) interface: Option<String>,
    pub(crate) weight: Option<u64>,
}

/// Text as a TOML string.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted += &format!("\\u{:04X}", u32::from(c)),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

/// Texts as a TOML list.
pub(crate) fn quoted_list(texts: &[String]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
    format!("[{}]", texts.join(", "))
}

/// A name that margay takes: other characters become `_`.
pub(crate) fn name(text: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._:-".contains(c);
    let name: String = text.chars().map(|c| if allowed(c) { c } else { '_' }).collect();
    if name.is_empty() { "_".to_owned() } else { name }
}
