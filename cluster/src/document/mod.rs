//! Documents: what JSON or YAML text says before its schema is known, with the place of each value.

mod edit;
mod json;
mod path;
mod yaml;
mod yaml_text;

use std::borrow::Cow;
use std::fmt;

pub use self::edit::{carry_over, merge_patch};
pub use self::json::{JsonError, read_json};
pub use self::path::{Path, Step};
pub use self::yaml::{YamlError, read_yaml};
pub use self::yaml_text::write_yaml;

/// A value and where it stands in its text.
#[derive(Clone, Debug, PartialEq)]
pub struct Node<'t> {
    /// What the text says.
    pub content: Content<'t>,
    /// Where the value begins; `None` for JSON, whose values are stored by programs.
    pub position: Option<Position>,
}

/// The content of a [`Node`].
#[derive(Clone, Debug, PartialEq)]
pub enum Content<'t> {
    /// JSON's `null`.
    Null,
    /// JSON's `true` and `false`.
    Bool(bool),
    /// A number without fraction or exponent.
    Integer(i128),
    /// Any other number.
    Float(f64),
    /// A quoted string.
    Text(Cow<'t, str>),
    /// An unquoted YAML scalar. The schema decides what it is: `12` is text where text is wanted and a number where a
    /// number is wanted.
    Plain(Cow<'t, str>),
    /// A list.
    List(Vec<Node<'t>>),
    /// A map, in the order of the text. A key may appear twice.
    Map(Vec<Entry<'t>>),
}

/// One key of a map, with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry<'t> {
    /// The key.
    pub key: Cow<'t, str>,
    /// Where the key begins.
    pub position: Option<Position>,
    /// The value.
    pub value: Node<'t>,
}

/// A place in a text.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

impl<'t> Node<'t> {
    /// An empty map, which stands for a map that is absent.
    #[must_use]
    pub const fn empty_map(position: Option<Position>) -> Self {
        Self { content: Content::Map(Vec::new()), position }
    }

    /// The value of a key; of the last one when the key appears twice.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The entry of a key; the last one when the key appears twice.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<&Entry<'t>> {
        match &self.content {
            Content::Map(entries) => entries.iter().rev().find(|entry| entry.key == key),
            _ => None,
        }
    }

    /// The text of a string, quoted or not.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) | Content::Plain(text) => Some(text),
            _ => None,
        }
    }

    /// Whether this is `null`, which stands for an absent value.
    #[must_use]
    pub fn is_null(&self) -> bool {
        match &self.content {
            Content::Null => true,
            Content::Plain(text) => matches!(resolve(text), serde_json::Value::Null),
            _ => false,
        }
    }

    /// The same value for `serde_json`, unquoted scalars as YAML 1.2 resolves them.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value;
        match &self.content {
            Content::Null => Value::Null,
            Content::Bool(value) => Value::Bool(*value),
            Content::Integer(value) => integer_to_json(*value),
            Content::Float(value) => serde_json::Number::from_f64(*value).map_or(Value::Null, Value::Number),
            Content::Text(text) => Value::String(text.clone().into_owned()),
            Content::Plain(text) => resolve(text),
            Content::List(items) => Value::Array(items.iter().map(Node::to_json).collect()),
            Content::Map(entries) => Value::Object(
                entries.iter().map(|entry| (entry.key.clone().into_owned(), entry.value.to_json())).collect(),
            ),
        }
    }

    /// What kind of value this is, with its text when it is short, for messages.
    #[must_use]
    pub fn describe(&self) -> String {
        match &self.content {
            Content::Null => "null".to_owned(),
            Content::Bool(value) => value.to_string(),
            Content::Integer(value) => value.to_string(),
            Content::Float(value) => value.to_string(),
            Content::Text(text) => quote(text),
            Content::Plain(text) => text.clone().into_owned(),
            Content::List(_) => "a list".to_owned(),
            Content::Map(_) => "a map".to_owned(),
        }
    }
}

/// Quotes a text for a message, and shortens it when it is long.
#[must_use]
pub fn quote(text: &str) -> String {
    const SHORT_CHARS: usize = 60;
    if text.chars().count() <= SHORT_CHARS {
        return format!("{text:?}");
    }
    let start: String = text.chars().take(SHORT_CHARS).collect();
    format!("{start:?} …")
}

/// Resolves an unquoted scalar by the core schema of YAML 1.2.
pub(crate) fn resolve(text: &str) -> serde_json::Value {
    use serde_json::Value;
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    if let Some(value) = resolve_integer(text) {
        return integer_to_json(value);
    }
    match resolve_float(text).and_then(serde_json::Number::from_f64) {
        Some(number) => Value::Number(number),
        None => Value::String(text.to_owned()),
    }
}

/// An integer of YAML 1.2's core schema: decimal, `0x` or `0o`.
pub(crate) fn resolve_integer(text: &str) -> Option<i128> {
    let digits = text.trim_start_matches(['+', '-']);
    if text.len() - digits.len() > 1 || !digits.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    if let Some(hex) = text.strip_prefix("0x") {
        return i128::from_str_radix(hex, 16).ok();
    }
    if let Some(octal) = text.strip_prefix("0o") {
        return i128::from_str_radix(octal, 8).ok();
    }
    text.parse().ok()
}

/// A decimal number of YAML 1.2's core schema.
pub(crate) fn resolve_float(text: &str) -> Option<f64> {
    let is_number = text.bytes().all(|octet| matches!(octet, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    let has_digit = text.bytes().any(|octet| octet.is_ascii_digit());
    if is_number && has_digit { text.parse().ok().filter(|value: &f64| value.is_finite()) } else { None }
}

fn integer_to_json(value: i128) -> serde_json::Value {
    if let Ok(value) = u64::try_from(value) {
        return value.into();
    }
    match i64::try_from(value) {
        Ok(value) => value.into(),
        // Beyond 64 bits JSON has no exact number that others read.
        Err(_) => serde_json::Value::String(value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn unquoted_scalars_resolve_by_the_core_schema() {
        let rows = [
            ("", json!(null)),
            ("~", json!(null)),
            ("true", json!(true)),
            ("yes", json!("yes")),
            ("12", json!(12)),
            ("-3", json!(-3)),
            ("+3", json!(3)),
            ("+-3", json!("+-3")),
            ("0x10", json!(16)),
            ("0o17", json!(15)),
            ("1.5", json!(1.5)),
            ("1e3", json!(1000.0)),
            (".inf", json!(".inf")),
            ("10.0.0.1", json!("10.0.0.1")),
            ("18446744073709551616", json!("18446744073709551616")),
            ("-", json!("-")),
            ("e", json!("e")),
        ];
        for (text, expected) in rows {
            assert_eq!(resolve(text), expected, "{text:?}");
        }
    }

    #[test]
    fn long_texts_are_shortened_in_messages() {
        assert_eq!(quote("a\"b"), r#""a\"b""#);
        assert!(quote(&"ö".repeat(100)).ends_with("\" …"));
        assert_eq!(quote(&"ö".repeat(100)).chars().filter(|&c| c == 'ö').count(), 60);
    }
}
