//! `[filter.NAME]`: named filters, and the lists of names that refer to them.

use std::collections::BTreeMap;

use margay_filter::{
    Action, Filter, FilterChain, LengthRange, Match, NewValue, Rule, RuleEdits, Value as RouteValue,
    ValueRange,
};

use crate::config_error::Report;
use crate::section::{Section, Value};
use crate::suggestion::did_you_mean;
use crate::{name, prefix};

/// The filters of a file by name. One with errors is known too, so that its users are not blamed for it.
#[derive(Default)]
pub(crate) struct Filters(BTreeMap<String, Option<Filter>>);

impl Filters {
    /// Reads all `[filter.NAME]` tables.
    pub(crate) fn read(table: Value<'_>, report: &mut Report<'_>) -> Self {
        let Some(section) = table.table("[filter.NAME]", report) else { return Self::default() };
        let filters = section.named().map(|(value, key_offset)| {
            let name = value.key();
            if let Err(text) = name::check(name) {
                report.add(key_offset, text);
            }
            let section = value.table(format!("[filter.{name}]"), report);
            (name.to_owned(), section.and_then(|section| read_filter(name, section, report)))
        });
        Self(filters.collect())
    }

    /// Resolves a list of filter names.
    pub(crate) fn chain(&self, names: Value<'_>, report: &mut Report<'_>) -> Option<FilterChain> {
        let items = names.list("[\"pods-only\"]", report)?;
        Some(FilterChain::new(items.filter_map(|item| self.resolve(item, report))))
    }

    /// Resolves a list of names for what a peer is told, where nothing can be set that counts on this node alone.
    pub(crate) fn export_chain(&self, names: Value<'_>, report: &mut Report<'_>) -> Option<FilterChain> {
        let items = names.list("[\"pods-only\"]", report)?;
        let resolve = |item: Value<'_>| {
            let filter = self.resolve(item, report)?;
            if let Some(key) = filter.rules().iter().find_map(|rule| local_edit(&rule.edits)) {
                item.reject(
                    report,
                    format_args!(
                        "filter {:?} has {key}, which no peer is told: it belongs in import",
                        filter.name()
                    ),
                );
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
        filter.clone()
    }
}

fn read_filter(name: &str, mut section: Section<'_>, report: &mut Report<'_>) -> Option<Filter> {
    let value = section.require("rules", report);
    let rules = value.and_then(|value| value.list("[{ action = \"accept\" }]", report));
    section.finish(report);
    let rules: Vec<Option<Rule>> =
        rules?.map(|item| read_rule(item.table("a rule", report)?, report)).collect();
    Some(Filter::new(name, rules.into_iter().collect::<Option<Vec<Rule>>>()?))
}

fn read_rule(mut section: Section<'_>, report: &mut Report<'_>) -> Option<Rule> {
    let matches = match section.get("match") {
        Some(value) => value.table("match", report).and_then(|section| read_match(section, report)),
        None => Some(Match::ANY),
    };
    let action =
        section.require("action", report).and_then(|value| value.parsed("accept", report, parse_action));
    let edits = read_edits(&mut section, report);
    section.finish(report);
    Some(Rule { matches: matches?, action: action?, edits })
}

fn read_edits(section: &mut Section<'_>, report: &mut Report<'_>) -> RuleEdits {
    let local_pref = section.get("set_local_pref");
    let metric = section.get("set_metric");
    let preference = section.get("set_preference");
    RuleEdits {
        local_pref: local_pref.and_then(|value| read_new_value(value, RouteValue::Metric, report)),
        metric: metric.and_then(|value| read_new_value(value, RouteValue::LocalPref, report)),
        preference: preference.and_then(|value| value.integer(0..=u32::MAX, report)),
    }
}

/// What a rule sets that counts on this node alone.
fn local_edit(edits: &RuleEdits) -> Option<&'static str> {
    let metric = edits.metric.map(|_| "set_metric");
    metric.or_else(|| edits.preference.map(|_| "set_preference"))
}

/// A number, or text such as `2147483647 - local_pref`.
fn read_new_value(value: Value<'_>, other: RouteValue, report: &mut Report<'_>) -> Option<NewValue> {
    if !value.is_string() {
        return value.integer(0..=u32::MAX, report).map(NewValue::Fixed);
    }
    value.parsed("2147483647 - local_pref", report, |text| {
        let parts = text.split_once('-').map(|(number, name)| (number.trim().parse(), name.trim()));
        match parts {
            Some((Ok(number), name)) if name == other.to_string() => Ok(NewValue::RestOf(number, other)),
            _ => Err(format!("{text:?} is no value: write a number, or \"2147483647 - {other}\"")),
        }
    })
}

fn read_match(mut section: Section<'_>, report: &mut Report<'_>) -> Option<Match> {
    // A condition with an error gives up the whole match: left out, it would widen it.
    let prefixes = read_prefixes(&mut section, report);
    let [local_pref, metric] = ["local_pref", "metric"].map(|key| match section.get(key) {
        Some(value) => value.parsed("1..1023", report, parse_values).map(Some),
        None => Some(None),
    });
    section.finish(report);
    Some(prefixes?.with_values(local_pref?, metric?))
}

/// The conditions `prefix` and `length`.
pub(crate) fn read_prefixes(section: &mut Section<'_>, report: &mut Report<'_>) -> Option<Match> {
    let prefix = section.get("prefix");
    let lengths = section.get("length");
    let prefix =
        prefix.map_or(Some(None), |value| value.parsed("10.65.0.0/16", report, prefix::parse).map(Some));
    let Some(lengths) = lengths else { return Match::new(prefix?, None).ok() };
    let range = lengths.parsed("26..32", report, parse_lengths);
    match Match::new(prefix?, Some(range?)) {
        Ok(matches) => Some(matches),
        Err(error) => {
            lengths.reject(report, error);
            None
        }
    }
}

fn parse_action(text: &str) -> Result<Action, String> {
    match text {
        "accept" => Ok(Action::Accept),
        "reject" => Ok(Action::Reject),
        _ => Err(format!("{text:?} is no action: write \"accept\" or \"reject\"")),
    }
}

fn parse_lengths(text: &str) -> Result<LengthRange, String> {
    let (shortest, longest) = text.split_once("..").unwrap_or((text, text));
    let ends = shortest.parse().ok().zip(longest.parse().ok());
    ends.and_then(|(shortest, longest)| LengthRange::new(shortest, longest)).ok_or_else(|| {
        format!("{text:?} is no range of prefix lengths: write \"26\", or \"26..32\" with the shorter length first")
    })
}

fn parse_values(text: &str) -> Result<ValueRange, String> {
    let (lowest, highest) = text.split_once("..").unwrap_or((text, text));
    let ends = lowest.parse().ok().zip(highest.parse().ok());
    ends.and_then(|(lowest, highest)| ValueRange::new(lowest, highest)).ok_or_else(|| {
        format!("{text:?} is no range of values: write \"100\", or \"1..1023\" with the lower value first")
    })
}
