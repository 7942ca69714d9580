//! `[prefix_set.NAME]`, `[community_set.NAME]` and `[as_set.NAME]`: named sets that filters ask for.

use std::collections::BTreeMap;

use margay_filter::{AsnSet, CommunityPattern, CommunitySet, PrefixRange, PrefixSet, ValueRange};

use super::values;
use crate::left_out::ObjectName;
use crate::report::Report;
use crate::root::Root;
use crate::section::{Section, Value};
use crate::{name, path, prefix};
use margay_suggestion::did_you_mean;

/// The named sets of a file. One with errors is known too, so that its users are not blamed for it.
#[derive(Default)]
pub(crate) struct Sets {
    prefixes: BTreeMap<String, Option<PrefixSet>>,
    communities: BTreeMap<String, Option<CommunitySet>>,
    asns: BTreeMap<String, Option<AsnSet>>,
}

impl Sets {
    /// Takes the three kinds of tables out of the file.
    pub(crate) fn read(root: &mut Root<'_>, report: &mut Report<'_>) -> Self {
        Self {
            prefixes: read_each(root, "prefix_set", report, read_prefixes),
            communities: read_each(root, "community_set", report, read_communities),
            asns: read_each(root, "as_set", report, read_asns),
        }
    }

    /// The prefix set that a value names.
    pub(super) fn prefixes(&self, value: Value<'_>, report: &mut Report<'_>) -> Option<PrefixSet> {
        resolve(&self.prefixes, "prefix set", value, report)
    }

    /// The community set that a value names.
    pub(super) fn communities(&self, value: Value<'_>, report: &mut Report<'_>) -> Option<CommunitySet> {
        resolve(&self.communities, "community set", value, report)
    }

    /// The AS set that a value names.
    pub(super) fn asns(&self, value: Value<'_>, report: &mut Report<'_>) -> Option<AsnSet> {
        resolve(&self.asns, "AS set", value, report)
    }
}

fn resolve<S: Clone>(
    sets: &BTreeMap<String, Option<S>>,
    kind: &str,
    value: Value<'_>,
    report: &mut Report<'_>,
) -> Option<S> {
    let name = value.string("services", report)?;
    let Some(set) = sets.get(name) else {
        let suggestion = did_you_mean(name, sets.keys().map(String::as_str));
        value.reject(report, format_args!("there is no {kind} {name:?}{suggestion}"));
        return None;
    };
    if set.is_none() {
        report.miss(format_args!("{kind} {name} is left out"));
    }
    set.clone()
}

fn read_each<S>(
    root: &mut Root<'_>,
    kind: &'static str,
    report: &mut Report<'_>,
    read: impl Fn(&mut Section<'_>, &mut Report<'_>) -> Option<S>,
) -> BTreeMap<String, Option<S>> {
    let mut sets = BTreeMap::new();
    for (value, key_offset) in root.named(kind, report) {
        let name = value.key();
        let mark = report.mark();
        if let Err(text) = name::check(name) {
            report.add(key_offset, text);
        }
        let set = value.table(format!("[{kind}.{name}]"), report).and_then(|mut section| {
            let set = read(&mut section, report);
            section.finish(report);
            set
        });
        let is_right = report.close(mark, || ObjectName::Named(kind, name.to_owned()));
        sets.insert(name.to_owned(), set.filter(|_| is_right));
    }
    sets
}

/// `prefixes`, `file`, or both.
fn read_prefixes(section: &mut Section<'_>, report: &mut Report<'_>) -> Option<PrefixSet> {
    let (inline, file) = (section.get("prefixes"), section.get("file"));
    if inline.is_none() && file.is_none() {
        report.add(section.offset(), "a prefix set has prefixes, or a file that lists them");
        return None;
    }
    let mut members = Vec::new();
    let mut is_whole = true;
    for item in inline.and_then(|value| value.list("[\"10.96.0.0/12\"]", report)).into_iter().flatten() {
        match read_member(item, report) {
            Some(member) => members.push(member),
            None => is_whole = false,
        }
    }
    if let Some(file) = file {
        match read_file(file, report) {
            Some(read) => members.extend(read),
            None => is_whole = false,
        }
    }
    is_whole.then(|| PrefixSet::new(members))
}

/// A prefix as text, or a table with a prefix and a range of lengths.
fn read_member(item: Value<'_>, report: &mut Report<'_>) -> Option<PrefixRange> {
    if item.is_string() {
        let prefix = item.parsed("10.96.0.0/12", report, prefix::parse)?;
        return PrefixRange::new(prefix, None).ok();
    }
    let mut section = item.table("{ prefix = \"10.112.0.0/16\", length = \"24..32\" }", report)?;
    let value = section.require("prefix", report);
    let condition = super::prefixes::read_prefixes(&mut section, report);
    section.finish(report);
    value?;
    let condition = condition?;
    PrefixRange::new(condition.prefix()?, condition.lengths()).ok()
}

/// A prefix on each line, with a range of lengths behind it where not all inside it are meant; `#` begins a comment.
fn read_file(value: Value<'_>, report: &mut Report<'_>) -> Option<Vec<PrefixRange>> {
    let path = value.parsed("/etc/margay/services.txt", report, path::parse_absolute)?;
    let octets = report.read_file(&path).unwrap_or_else(|| Err("no files are read here".to_owned()));
    let text = match octets.map(String::from_utf8) {
        Ok(Ok(text)) => text,
        Ok(Err(_)) => {
            value.reject(report, format_args!("{} is not text", path.display()));
            return None;
        }
        Err(error) => {
            value.reject(report, format_args!("{}: {error}", path.display()));
            return None;
        }
    };
    let mut members = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        match line.parse() {
            Ok(member) => members.push(member),
            Err(error) => {
                // One error a file: a file of another kind has one on each line.
                value.reject(report, format_args!("{} line {number}: {line:?}: {error}", path.display()));
                return None;
            }
        }
    }
    Some(members)
}

fn read_communities(section: &mut Section<'_>, report: &mut Report<'_>) -> Option<CommunitySet> {
    let value = section.require("communities", report)?;
    let patterns = values::each(value, "65001:100", report, |text| {
        text.parse::<CommunityPattern>().map_err(|error| error.to_string())
    });
    patterns.map(CommunitySet::new)
}

fn read_asns(section: &mut Section<'_>, report: &mut Report<'_>) -> Option<AsnSet> {
    let value = section.require("asns", report)?;
    let mut ranges = Vec::new();
    for item in value.list("[65001, \"65010..65020\"]", report)? {
        let range: ValueRange = values::range(item, report)?;
        ranges.push(range);
    }
    Some(AsnSet::new(ranges))
}
