//! `[filter.NAME]`: named filters, and the lists of names that refer to them.

mod direction;
mod edits;
mod matches;
mod prefixes;
mod rule;
mod sets;
mod values;

use std::collections::BTreeMap;

use margay_filter::{Filter, FilterChain};

pub(crate) use self::direction::Direction;
pub(crate) use self::prefixes::read_prefixes;
pub(crate) use self::sets::Sets;
use crate::left_out::ObjectName;
use crate::name;
use crate::report::Report;
use crate::root::Root;
use crate::section::Value;
use margay_suggestion::did_you_mean;

/// The filters of a file by name. One with errors is known too, so that its users are not blamed for it.
#[derive(Default)]
pub(crate) struct Filters(BTreeMap<String, Option<Filter>>);

impl Filters {
    /// Reads all `[filter.NAME]` tables.
    pub(crate) fn read(root: &mut Root<'_>, sets: &Sets, report: &mut Report<'_>) -> Self {
        let tables = root.named("filter", report);
        let sources = tables.iter().map(|&(value, offset)| (value.key(), (value, offset))).collect();
        let mut reader = FilterReader { sources, sets, done: BTreeMap::new(), under_way: Vec::new() };
        for (value, _) in tables {
            reader.filter(value.key(), report);
        }
        Self(reader.done)
    }

    /// Resolves a list of filter names for a direction, in which not everything has an effect.
    pub(crate) fn chain(
        &self,
        names: Value<'_>,
        direction: Direction,
        report: &mut Report<'_>,
    ) -> Option<FilterChain> {
        let items = names.list("[\"pods-only\"]", report)?;
        let resolve = |item: Value<'_>| {
            let filter = self.resolve(item, report)?;
            if let Some(text) = direction.objection(&filter) {
                item.reject(report, format_args!("filter {:?} {text}", filter.name()));
            }
            Some(filter)
        };
        Some(FilterChain::new(items.filter_map(resolve)))
    }

    /// The filters without errors.
    pub(crate) fn into_filters(self) -> Vec<Filter> {
        self.0.into_values().flatten().collect()
    }

    fn resolve(&self, item: Value<'_>, report: &mut Report<'_>) -> Option<Filter> {
        let name = item.string("pods-only", report)?;
        let Some(filter) = self.0.get(name) else {
            let suggestion = did_you_mean(name, self.0.keys().map(String::as_str));
            item.reject(report, format_args!("there is no filter {name:?}{suggestion}"));
            return None;
        };
        if filter.is_none() {
            report.miss(format_args!("filter {name} is left out"));
        }
        filter.clone()
    }
}

/// Reads filters in the order in which they call each other.
struct FilterReader<'t, 's> {
    sources: BTreeMap<&'t str, (Value<'t>, usize)>,
    sets: &'s Sets,
    done: BTreeMap<String, Option<Filter>>,
    /// The filters that wait for one that they call.
    under_way: Vec<&'t str>,
}

impl<'t> FilterReader<'t, '_> {
    /// The filter of this name; `None` for one with errors, which are reported once.
    fn filter(&mut self, name: &'t str, report: &mut Report<'_>) -> Option<Filter> {
        if let Some(filter) = self.done.get(name) {
            return filter.clone();
        }
        let (value, key_offset) = *self.sources.get(name)?;
        let mark = report.mark();
        if let Err(text) = name::check(name) {
            report.add(key_offset, text);
        }
        self.under_way.push(name);
        let filter = self.read(name, value, report);
        self.under_way.pop();
        let is_right = report.close(mark, || ObjectName::Named("filter", name.to_owned()));
        let filter = filter.filter(|_| is_right);
        self.done.insert(name.to_owned(), filter.clone());
        filter
    }

    fn read(&mut self, name: &str, value: Value<'t>, report: &mut Report<'_>) -> Option<Filter> {
        let mut section = value.table(format!("[filter.{name}]"), report)?;
        let rules = section.require("rules", report);
        let rules = rules.and_then(|value| value.list("[{ action = \"accept\" }]", report));
        section.finish(report);
        let mut read = Vec::new();
        for item in rules? {
            let line = u32::try_from(report.line(item.offset())).ok();
            read.push(
                item.table("a rule", report)
                    .and_then(|section| Some((self.rule(section, report)?, line.unwrap_or(u32::MAX)))),
            );
        }
        let (rules, lines): (Vec<_>, Vec<_>) =
            read.into_iter().collect::<Option<Vec<_>>>()?.into_iter().unzip();
        Some(Filter::new(name, rules).with_lines(lines))
    }

    /// The filter that a rule calls.
    fn called(&mut self, value: Value<'t>, report: &mut Report<'_>) -> Option<Filter> {
        let name = value.string("common", report)?;
        if !self.sources.contains_key(name) {
            let suggestion = did_you_mean(name, self.sources.keys().copied());
            value.reject(report, format_args!("there is no filter {name:?}{suggestion}"));
            return None;
        }
        if self.under_way.contains(&name) {
            let circle = [self.under_way.join(" calls "), name.to_owned()].join(" calls ");
            value.reject(report, format_args!("filters call each other in a circle: {circle}"));
            return None;
        }
        let filter = self.filter(name, report);
        if filter.is_none() {
            report.miss(format_args!("filter {name} is left out"));
        }
        filter
    }
}
