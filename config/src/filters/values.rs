//! Values of matches and edits: ranges, lists of patterns, sets of AS numbers.

use bgp_codec::{Asn, Origin};
use margay_filter::{Expression, Glob, Number, ValueRange};

use crate::report::Report;
use crate::section::Value;

/// A number, or a range of numbers as text.
pub(super) fn range(value: Value<'_>, report: &mut Report<'_>) -> Option<ValueRange> {
    if value.is_string() {
        return value.parsed("1..1023", report, |text| {
            let wrong = |_| {
                format!("{text:?} is not a range of values: write \"100\", or \"1..1023\" with the lower value first")
            };
            text.parse().map_err(wrong)
        });
    }
    value.integer(0..=u32::MAX, report).map(ValueRange::exactly)
}

/// One text, or a list of texts, each parsed; `None` when one is wrong.
pub(super) fn each<T>(
    value: Value<'_>,
    example: &str,
    report: &mut Report<'_>,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Option<Vec<T>> {
    let items: Vec<Option<T>> =
        value.one_or_many(example, report)?.map(|item| item.parsed(example, report, &parse)).collect();
    let items: Option<Vec<T>> = items.into_iter().collect();
    let items = items?;
    if items.is_empty() {
        value.reject(report, format_args!("an empty list matches nothing: write one such as {example:?}"));
        return None;
    }
    Some(items)
}

pub(super) fn globs(value: Value<'_>, example: &str, report: &mut Report<'_>) -> Option<Vec<Glob>> {
    each(value, example, report, |text| Ok(Glob::new(text)))
}

/// AS numbers in their order.
pub(super) fn asns(value: Value<'_>, report: &mut Report<'_>) -> Option<Vec<Asn>> {
    let items: Vec<Option<Asn>> =
        value.one_or_many("65001", report)?.map(|item| item.integer(1..=u32::MAX, report).map(Asn)).collect();
    let asns: Vec<Asn> = items.into_iter().collect::<Option<_>>()?;
    if asns.is_empty() {
        value.reject(report, "write at least one AS number");
        return None;
    }
    Some(asns)
}

/// A number, an expression, or a step such as `"+10"`.
pub(super) fn expression(number: Number, value: Value<'_>, report: &mut Report<'_>) -> Option<Expression> {
    if !value.is_string() {
        return value.integer(0..=u32::MAX, report).map(Expression::Fixed);
    }
    value.parsed("2147483647 - local_pref", report, |text| {
        let is_step = text.trim_start().starts_with(['+', '-']);
        let whole =
            if is_step { format!("({number} or {}) {text}", number.default()) } else { text.to_owned() };
        whole.parse().map_err(|error| format!("{error}, in {text:?}"))
    })
}

pub(super) fn origin(text: &str) -> Result<Origin, String> {
    [Origin::Igp, Origin::Egp, Origin::Incomplete]
        .into_iter()
        .find(|origin| origin.to_string() == text)
        .ok_or_else(|| format!("{text:?} is not an origin: write \"igp\", \"egp\" or \"incomplete\""))
}

/// One of a few words.
pub(super) fn word<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
    words.iter().find(|(word, _)| *word == text).map(|&(_, value)| value).ok_or_else(|| {
        let words: Vec<String> = words.iter().map(|(word, _)| format!("{word:?}")).collect();
        format!("{text:?} is not one of {}", words.join(", "))
    })
}
