//! `[[network]]`: what this node originates.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use bgp_codec::Prefix;

use crate::config_error::Report;
use crate::prefix;
use crate::section::{Section, Value};

/// A prefix that this node originates.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Network {
    /// The prefix.
    pub prefix: Prefix,
    /// Whether the kernel drops packets to the parts of the prefix that have no route of their own. No by default.
    pub blackhole: bool,
}

/// Reads all `[[network]]` tables.
pub(crate) fn read_all(list: Value<'_>, report: &mut Report<'_>) -> Vec<Network> {
    let mut networks = BTreeMap::new();
    for item in list.list("[[network]]", report).into_iter().flatten() {
        let Some(section) = item.table("[[network]]", report) else { continue };
        let Some((network, offset)) = Network::read(section, report) else { continue };
        match networks.entry(network.prefix) {
            Entry::Vacant(entry) => {
                entry.insert((network, offset));
            }
            Entry::Occupied(entry) => {
                let line = report.line(entry.get().1);
                report.add(
                    offset,
                    format_args!(
                        "prefix: {} is a network already on line {line}: keep one of the two",
                        network.prefix
                    ),
                );
            }
        }
    }
    networks.into_values().map(|(network, _)| network).collect()
}

impl Network {
    /// The network and where its prefix stands.
    fn read(mut section: Section<'_>, report: &mut Report<'_>) -> Option<(Self, usize)> {
        let value = section.require("prefix", report);
        let prefix = value.and_then(|value| value.parsed("10.65.1.0/26", report, prefix::parse));
        let blackhole = section.get("blackhole").and_then(|value| value.boolean(report));
        section.finish(report);
        Some((Self { prefix: prefix?, blackhole: blackhole.unwrap_or(false) }, value?.offset()))
    }
}
