//! `[[network]]`: what this node originates.

use std::collections::BTreeMap;

use bgp_codec::Prefix;

use crate::left_out::ObjectName;
use crate::prefix;
use crate::report::Report;
use crate::section::{Section, Value};

/// A prefix that this node originates.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Network {
    /// The prefix.
    pub prefix: Prefix,
    /// What the kernel does with packets to the parts of the prefix that have no route of their own. Nothing of ours by
    /// default.
    pub hold: Option<Hold>,
    /// Whether routes of the kernel inside the prefix are not announced. No by default.
    pub suppress_more_specific: bool,
    /// Whether the prefix is announced only while the kernel has a route to it from somebody else. No by default.
    pub require_route: bool,
}

/// How the kernel holds a network.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Hold {
    /// Packets are dropped without a word.
    Blackhole,
    /// Senders are told that the destination is unreachable.
    Unreachable,
    /// Senders are told that the destination is administratively prohibited.
    Prohibit,
}

/// Reads all `[[network]]` tables; those with errors are left out.
pub(crate) fn read_all(tables: Vec<Value<'_>>, report: &mut Report<'_>) -> Vec<Network> {
    let mut networks: BTreeMap<Prefix, (Network, usize)> = BTreeMap::new();
    for table in tables {
        let mark = report.mark();
        let read = table.table("[[network]]", report).and_then(|section| Network::read(section, report));
        if let Some((network, offset)) = read {
            match networks.get(&network.prefix) {
                None => {
                    if report.is_clean_since(mark) {
                        networks.insert(network.prefix, (network, offset));
                    }
                }
                Some((_, first)) => {
                    let place = report.place(*first, offset);
                    let prefix = network.prefix;
                    let text =
                        format!("prefix: {prefix} is a network already on {place}: keep one of the two");
                    report.add(offset, text);
                }
            }
        }
        report.close(mark, || {
            let prefix = table.text_under("prefix");
            ObjectName::Network(prefix.and_then(prefix::meant))
        });
    }
    networks.into_values().map(|(network, _)| network).collect()
}

impl Network {
    /// The network and where its prefix stands.
    fn read(mut section: Section<'_>, report: &mut Report<'_>) -> Option<(Self, usize)> {
        let value = section.require("prefix", report);
        let prefix = value.and_then(|value| value.parsed("10.65.1.0/26", report, prefix::parse));
        let blackhole = section.get("blackhole").and_then(|value| value.boolean(report));
        let hold = section.get("hold");
        if let Some(hold) = hold.filter(|_| blackhole.is_some()) {
            hold.reject(report, "blackhole = true is hold = \"blackhole\": write one of the two");
        }
        let hold = hold.and_then(|value| value.parsed("blackhole", report, parse_hold));
        let [suppress_more_specific, require_route] = ["suppress_more_specific", "require_route"]
            .map(|key| section.get(key).and_then(|value| value.boolean(report)).unwrap_or(false));
        section.finish(report);
        let hold = hold.or_else(|| blackhole.unwrap_or(false).then_some(Hold::Blackhole));
        let network = Self { prefix: prefix?, hold, suppress_more_specific, require_route };
        Some((network, value?.offset()))
    }
}

pub(crate) fn parse_hold(text: &str) -> Result<Hold, String> {
    match text {
        "blackhole" => Ok(Hold::Blackhole),
        "unreachable" => Ok(Hold::Unreachable),
        "prohibit" => Ok(Hold::Prohibit),
        _ => Err(format!("{text:?} holds nothing: write \"blackhole\", \"unreachable\" or \"prohibit\"")),
    }
}
