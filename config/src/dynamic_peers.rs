//! `[[dynamic_peers]]`: whoever dials in from a range of addresses becomes a peer.

use std::collections::BTreeMap;
use std::net::IpAddr;

use bgp_codec::{IpPrefix, Ipv6Prefix, Prefix};

use crate::global::Global;
use crate::left_out::ObjectName;
use crate::peer::Peer;
use crate::peer_group::PeerGroups;
use crate::prefix;
use crate::report::Report;
use crate::section::{Section, Value};

/// A range of addresses from which whoever dials in becomes a peer, for as long as its session lasts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DynamicPeers {
    /// The addresses. Of several ranges that hold an address the smallest one counts.
    pub range: Prefix,
    /// The most peers that there may be of this range at a time; 1,000 by default.
    pub limit: u32,
    /// What its peers have in common: a peer with the settings of the group, and the range in place of an address.
    template: Peer,
}

impl DynamicPeers {
    /// The peer that dialed in from `address`. It is named by that, and passive: nobody knew of it before.
    #[must_use]
    pub fn peer(&self, address: IpAddr) -> Peer {
        Peer { name: address.to_string(), address, ..self.template.clone() }
    }

    /// What the peers have in common; name and address are the range's.
    #[must_use]
    pub fn template(&self) -> &Peer {
        &self.template
    }

    /// Whether `address` is in the range.
    #[must_use]
    pub fn holds(&self, address: IpAddr) -> bool {
        self.range.contains(Prefix::host(address))
    }

    fn read(
        mut section: Section<'_>,
        groups: &PeerGroups,
        global: Option<&Global>,
        report: &mut Report<'_>,
    ) -> Option<Self> {
        let offset = section.offset();
        let range = section
            .require("range", report)
            .and_then(|value| value.parsed("10.0.0.0/16", report, parse_range));
        let group = section
            .require("group", report)
            .and_then(|value| value.string("mesh", report).map(|name| (name, value)));
        let limit = section.get("limit").and_then(|value| value.integer(1..=u32::MAX, report));
        section.finish(report);
        let range = range?;
        let template = Peer::of_range(range, group?, groups, offset, report)?;
        template.check_relation(global, offset, report);
        Some(Self { range, limit: limit.unwrap_or(DEFAULT_LIMIT), template })
    }
}

/// Reads all `[[dynamic_peers]]` tables; those with errors are left out.
pub(crate) fn read_all(
    tables: Vec<Value<'_>>,
    groups: &PeerGroups,
    global: Option<&Global>,
    peers: &[Peer],
    report: &mut Report<'_>,
) -> Vec<DynamicPeers> {
    let mut ranges: BTreeMap<Prefix, (DynamicPeers, usize)> = BTreeMap::new();
    for table in tables {
        let mark = report.mark();
        let read = table.table("[[dynamic_peers]]", report).and_then(|section| {
            let offset = section.offset();
            Some((DynamicPeers::read(section, groups, global, report)?, offset))
        });
        if let Some((dynamic, offset)) = read {
            if global.is_some_and(|global| global.listen.is_empty()) {
                report.add(offset, "dynamic_peers: nobody can connect where global.listen is empty");
            }
            match ranges.get(&dynamic.range) {
                None => {
                    if report.is_clean_since(mark) {
                        ranges.insert(dynamic.range, (dynamic, offset));
                    }
                }
                Some((_, first)) => {
                    let place = report.place(*first, offset);
                    let range = dynamic.range;
                    let text = format!("range: {range} is a range already on {place}: keep one of the two");
                    report.add(offset, text);
                }
            }
        }
        report.close(mark, || ObjectName::DynamicPeers(table.text_under("range").and_then(prefix::meant)));
    }
    check_passwords(&ranges, peers, report)
}

/// The ranges without those that would ask others for a password that these do not have.
fn check_passwords(
    ranges: &BTreeMap<Prefix, (DynamicPeers, usize)>,
    peers: &[Peer],
    report: &mut Report<'_>,
) -> Vec<DynamicPeers> {
    let is_right = |&(dynamic, offset): &&(DynamicPeers, usize)| {
        let mark = report.mark();
        check_password(dynamic, *offset, peers, ranges.values().map(|(inner, _)| inner), report);
        report.close(mark, || ObjectName::DynamicPeers(Some(dynamic.range)))
    };
    ranges.values().filter(is_right).map(|(dynamic, _)| dynamic.clone()).collect()
}

/// The kernel asks everybody in a range for its signature who has none of its own.
fn check_password<'r>(
    outer: &DynamicPeers,
    offset: usize,
    peers: &[Peer],
    ranges: impl Iterator<Item = &'r DynamicPeers>,
    report: &mut Report<'_>,
) {
    if outer.template.password_file.is_none() {
        return;
    }
    let unsigned_peers = peers.iter().filter(|peer| peer.password_file.is_none());
    let peers = unsigned_peers.filter(|peer| outer.holds(peer.address));
    let unsigned_ranges = ranges.filter(|range| range.template.password_file.is_none());
    let ranges = unsigned_ranges.filter(|range| outer.range.contains(range.range));
    let named = peers
        .map(|peer| format!("peer {}", peer.name))
        .chain(ranges.map(|range| format!("range {}", range.range)));
    for inner in named {
        report.add(
            offset,
            format_args!(
                "range: {} has a password, which is then asked for in {inner} too: give that one a password_file",
                outer.range
            ),
        );
    }
}

fn parse_range(text: &str) -> Result<Prefix, String> {
    let range = prefix::parse(text)?;
    if let Prefix::Ipv6(inner) = range
        && let Some(mapped) = ipv4_mapped(inner)
    {
        return Err(format!("{text} is a range of IPv4 addresses in disguise: write {mapped}"));
    }
    Ok(range)
}

fn ipv4_mapped(range: Ipv6Prefix) -> Option<Prefix> {
    let length_bits = range.length().checked_sub(96)?;
    Prefix::new(range.address().to_ipv4_mapped()?.into(), length_bits).ok()
}

const DEFAULT_LIMIT: u32 = 1000;
