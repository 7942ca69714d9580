//! Access to the tables and values of TOML documents, with the place of each.

use std::ops::{Range, RangeInclusive};

use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use margay_suggestion::did_you_mean;

use crate::report::Report;

/// A table of the document. Remembers which keys were asked for, so that all others can be reported as unknown.
pub(crate) struct Section<'t> {
    title: String,
    /// Where the table's file begins among all files, in octets.
    base: usize,
    offset: usize,
    table: &'t DeTable<'t>,
    known: Vec<&'static str>,
}

/// A value of the document, with the key under which it stands.
#[derive(Clone, Copy)]
pub(crate) struct Value<'t> {
    key: &'t str,
    /// Where the value's file begins among all files, in octets.
    base: usize,
    node: &'t Spanned<DeValue<'t>>,
}

impl<'t> Section<'t> {
    /// The top level of a file that begins at `base`.
    pub(crate) fn of_file(base: usize, table: &'t DeTable<'t>) -> Self {
        Self { title: "the file".to_owned(), base, offset: base, table, known: Vec::new() }
    }

    /// Where the table begins, in octets.
    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    /// The value of an optional key.
    pub(crate) fn get(&mut self, key: &'static str) -> Option<Value<'t>> {
        self.known.push(key);
        self.table.get(key).map(|node| Value { key, base: self.base, node })
    }

    /// The value of a key that must be there.
    pub(crate) fn require(&mut self, key: &'static str, report: &mut Report<'_>) -> Option<Value<'t>> {
        let value = self.get(key);
        if value.is_none() {
            report.add(self.offset, format_args!("{} has no {key}", self.title));
        }
        value
    }

    /// The values of a table whose keys are names of the operator's choice.
    pub(crate) fn named(&self) -> impl Iterator<Item = (Value<'t>, usize)> + use<'t> {
        let base = self.base;
        self.table.iter().map(move |(key, node)| {
            (Value { key: key.get_ref().as_ref(), base, node }, base + key.span().start)
        })
    }

    /// Reports every key that was never asked for.
    pub(crate) fn finish(self, report: &mut Report<'_>) {
        for name in self.unknown() {
            self.reject_key(name, report);
        }
    }

    /// The keys that were never asked for.
    pub(crate) fn unknown(&self) -> Vec<&'t str> {
        let names = self.table.keys().map(|key| key.get_ref().as_ref());
        names.filter(|name| !self.known.contains(name)).collect()
    }

    /// Reports a key as unknown.
    pub(crate) fn reject_key(&self, name: &str, report: &mut Report<'_>) {
        let Some((key, _)) = self.table.get_key_value(name) else { return };
        let suggestion = did_you_mean(name, self.known.iter().copied());
        let span = key.span();
        report.add_at(
            self.base + span.start..self.base + span.end,
            format_args!("unknown key {name:?} in {}{suggestion}", self.title),
        );
    }
}

impl<'t> Value<'t> {
    /// The key under which the value stands.
    pub(crate) fn key(self) -> &'t str {
        self.key
    }

    /// Where the value begins, in octets.
    pub(crate) fn offset(self) -> usize {
        self.span().start
    }

    fn span(self) -> Range<usize> {
        let span = self.node.span();
        self.base + span.start..self.base + span.end
    }

    /// Reports an error in this value.
    pub(crate) fn reject(self, report: &mut Report<'_>, text: impl std::fmt::Display) {
        report.add_at(self.span(), format_args!("{}: {text}", self.key));
    }

    /// A string; `example` shows one.
    pub(crate) fn string(self, example: &str, report: &mut Report<'_>) -> Option<&'t str> {
        let DeValue::String(text) = self.node.get_ref() else {
            self.expected(&format!("a string, such as {example:?}"), report);
            return None;
        };
        Some(text)
    }

    /// A string that `parse` understands.
    pub(crate) fn parsed<T>(
        self,
        example: &str,
        report: &mut Report<'_>,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        match parse(self.string(example, report)?) {
            Ok(value) => Some(value),
            Err(text) => {
                self.reject(report, text);
                None
            }
        }
    }

    /// A whole number in `range`.
    pub(crate) fn integer<T>(self, range: RangeInclusive<T>, report: &mut Report<'_>) -> Option<T>
    where
        T: Copy + PartialOrd + std::fmt::Display + TryFrom<i128>,
    {
        let DeValue::Integer(integer) = self.node.get_ref() else {
            self.expected(&format!("a number from {} to {}", range.start(), range.end()), report);
            return None;
        };
        let number = number(integer).and_then(|number| T::try_from(number).ok());
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            self.reject(
                report,
                format_args!(
                    "{integer} is out of range: write a number from {} to {}",
                    range.start(),
                    range.end()
                ),
            );
        }
        number
    }

    /// A share above 0 and up to 1, in whole percent.
    pub(crate) fn share_percent(self, report: &mut Report<'_>) -> Option<u8> {
        let share = match self.node.get_ref() {
            DeValue::Float(share) => share.as_str().parse::<f64>().ok(),
            DeValue::Integer(integer) if number(integer) == Some(1) => Some(1.0),
            _ => None,
        };
        let percent = share.map(|share| (share * 100.0).round());
        let whole = (1..=100u8).find(|&whole| Some(f64::from(whole)) == percent);
        if whole.is_none() {
            self.reject(report, "expected a share from 0.01 to 1.0, such as 0.8");
        }
        whole
    }

    /// `true` or `false`.
    pub(crate) fn boolean(self, report: &mut Report<'_>) -> Option<bool> {
        let DeValue::Boolean(value) = *self.node.get_ref() else {
            self.expected("true or false", report);
            return None;
        };
        Some(value)
    }

    /// Whether it is a string.
    pub(crate) fn is_string(self) -> bool {
        matches!(self.node.get_ref(), DeValue::String(_))
    }

    /// Whether it is a string of this text.
    pub(crate) fn is_text(self, text: &str) -> bool {
        matches!(self.node.get_ref(), DeValue::String(found) if found == text)
    }

    /// The text under a key of a table, where that is right; reports nothing.
    pub(crate) fn text_under(self, key: &str) -> Option<&'t str> {
        let DeValue::Table(table) = self.node.get_ref() else { return None };
        table.get(key)?.get_ref().as_str()
    }

    /// Whether it is a table.
    pub(crate) fn is_table(self) -> bool {
        matches!(self.node.get_ref(), DeValue::Table(_))
    }

    /// Whether it is a list.
    pub(crate) fn is_list(self) -> bool {
        matches!(self.node.get_ref(), DeValue::Array(_))
    }

    /// The items of a list; `example` shows one.
    pub(crate) fn list(
        self,
        example: &str,
        report: &mut Report<'_>,
    ) -> Option<impl Iterator<Item = Self> + use<'t>> {
        let DeValue::Array(items) = self.node.get_ref() else {
            self.expected(&format!("a list, such as {example}"), report);
            return None;
        };
        Some(items.iter().map(move |node| Self { node, ..self }))
    }

    /// The items of a list, or the value itself where it is not one; `example` shows an item.
    pub(crate) fn one_or_many(
        self,
        example: &str,
        report: &mut Report<'_>,
    ) -> Option<impl Iterator<Item = Self> + use<'t>> {
        let items = match self.node.get_ref() {
            DeValue::Array(items) => items.iter().collect(),
            DeValue::String(_) | DeValue::Integer(_) => vec![self.node],
            _ => {
                self.expected(&format!("{example:?}, or a list of such"), report);
                return None;
            }
        };
        Some(items.into_iter().map(move |node| Self { node, ..self }))
    }

    /// A table, which the operator would call `title`.
    pub(crate) fn table(self, title: impl Into<String>, report: &mut Report<'_>) -> Option<Section<'t>> {
        let title = title.into();
        let DeValue::Table(table) = self.node.get_ref() else {
            self.expected(&format!("the table {title}"), report);
            return None;
        };
        Some(Section { title, base: self.base, offset: self.offset(), table, known: Vec::new() })
    }

    fn expected(self, what: &str, report: &mut Report<'_>) {
        self.reject(report, format_args!("expected {what}, found {}", self.kind()));
    }

    fn kind(self) -> &'static str {
        match self.node.get_ref() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "a number",
            DeValue::Float(_) => "a number with a fraction",
            DeValue::Boolean(true) => "true",
            DeValue::Boolean(false) => "false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        }
    }
}

fn number(integer: &DeInteger<'_>) -> Option<i128> {
    i128::from_str_radix(integer.as_str(), integer.radix()).ok()
}
