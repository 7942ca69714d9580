//! `[[aggregate]]`: prefixes that are originated while there are routes inside them.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use bgp_codec::Prefix;
use margay_filter::FilterChain;

use crate::filters::{Direction, Filters};
use crate::left_out::ObjectName;
use crate::network::{Hold, parse_hold};
use crate::prefix;
use crate::report::Report;
use crate::section::{Section, Value};

/// A prefix that is originated while enough routes inside it are in use.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Aggregate {
    /// The prefix.
    pub prefix: Prefix,
    /// The routes inside the prefix that contribute are those that these filters accept; all by default.
    pub contributors: FilterChain,
    /// How many have to contribute; 1 by default.
    pub least: NonZeroU32,
    /// What the kernel does with packets to the parts of the prefix that have no route of their own. Nothing of ours by
    /// default.
    pub hold: Option<Hold>,
    /// The operator's mark, which filters read.
    pub tag: Option<u32>,
}

/// Reads all `[[aggregate]]` tables, in the order of their prefixes; those with errors are left out.
pub(crate) fn read_all(tables: Vec<Value<'_>>, filters: &Filters, report: &mut Report<'_>) -> Vec<Aggregate> {
    let mut aggregates: BTreeMap<Prefix, (Aggregate, usize)> = BTreeMap::new();
    for table in tables {
        let mark = report.mark();
        let read = table
            .table("[[aggregate]]", report)
            .and_then(|section| Aggregate::read(section, filters, report));
        if let Some((aggregate, offset)) = read {
            let prefix = aggregate.prefix;
            match aggregates.get(&prefix) {
                None => {
                    if report.is_clean_since(mark) {
                        aggregates.insert(prefix, (aggregate, offset));
                    }
                }
                Some((_, first)) => {
                    let place = report.place(*first, offset);
                    let text =
                        format!("prefix: {prefix} is an aggregate already on {place}: keep one of the two");
                    report.add(offset, text);
                }
            }
        }
        report.close(mark, || {
            let prefix = table.text_under("prefix");
            ObjectName::Aggregate(prefix.and_then(prefix::meant))
        });
    }
    aggregates.into_values().map(|(aggregate, _)| aggregate).collect()
}

impl Aggregate {
    /// The aggregate and where its prefix stands.
    fn read(mut section: Section<'_>, filters: &Filters, report: &mut Report<'_>) -> Option<(Self, usize)> {
        let value = section.require("prefix", report);
        let prefix = value.and_then(|value| {
            let prefix = value.parsed("10.65.0.0/16", report, prefix::parse)?;
            if Prefix::host(prefix.network()) == prefix {
                value.reject(report, format_args!("{prefix} is a single address: no route lies inside it"));
                return None;
            }
            Some(prefix)
        });
        let contributors = section.get("contributors").map_or_else(
            || Some(FilterChain::default()),
            |value| filters.chain(value, Direction::Aggregate, report),
        );
        let least = section.get("least").map_or(Some(1), |value| value.integer(1..=u32::MAX, report));
        let hold = section.get("hold").and_then(|value| value.parsed("blackhole", report, parse_hold));
        let tag = section.get("tag").and_then(|value| value.integer(0..=u32::MAX, report));
        section.finish(report);
        let least = NonZeroU32::new(least?)?;
        Some((Self { prefix: prefix?, contributors: contributors?, least, hold, tag }, value?.offset()))
    }
}
