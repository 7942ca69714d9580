//! Labels and annotations of objects, by the rules of Kubernetes.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};

use serde_json::Value;

use crate::document::{Content, Node, Position, Step, quote};
use crate::schema::{Decoder, Schema};

use super::name::is_dns_subdomain;

/// Labels: what selectors look at.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Labels(pub BTreeMap<String, String>);

/// Annotations: notes to an object, which nothing selects by.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Annotations(pub BTreeMap<String, String>);

impl Annotations {
    /// The most octets of all keys and values together.
    pub const MAX_TOTAL_OCTETS: usize = 256 * 1024;
}

/// Whether this can be the key of a label: a name of at most 63 characters, with a DNS subdomain and `/` before it or
/// not.
#[must_use]
pub fn is_qualified_name(key: &str) -> bool {
    match key.split_once('/') {
        Some((prefix, name)) => is_dns_subdomain(prefix) && is_label_name(name),
        None => is_label_name(key),
    }
}

/// Whether this can be the value of a label: empty, or a name of at most 63 characters.
#[must_use]
pub fn is_label_value(value: &str) -> bool {
    value.is_empty() || is_label_name(value)
}

fn is_label_name(name: &str) -> bool {
    let is_inner = |octet: u8| matches!(octet, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.');
    let is_end = |octet: Option<u8>| octet.is_some_and(|octet| octet.is_ascii_alphanumeric());
    name.len() <= 63
        && name.bytes().all(is_inner)
        && is_end(name.bytes().next())
        && is_end(name.bytes().next_back())
}

const KEY_RULE: &str = "must be 1 to 63 letters, digits, '-', '_' and '.', beginning and ending with a letter or digit; \
                        a DNS name and '/' may stand before";

impl Schema for Labels {
    fn decode(node: &Node<'_>, decoder: &mut Decoder) -> Option<Self> {
        let labels = texts(node, decoder, is_qualified_name)?;
        for (key, value) in labels.iter().filter(|(_, value)| !is_label_value(value)) {
            let position = node.get(key).and_then(|value| value.position);
            let message = format!(
                "is {}; a label's value must be empty or 1 to 63 letters, digits, '-', '_' and '.', beginning and ending \
                 with a letter or digit",
                quote(value)
            );
            decoder.within(Step::Key(key.clone()), |decoder| decoder.report(position, message));
        }
        Some(Self(labels))
    }

    fn decode_absent(_: Option<Position>, _: &mut Decoder) -> Option<Self> {
        Some(Self::default())
    }

    fn encode(&self) -> Value {
        self.0.encode()
    }

    fn is_omitted(&self) -> bool {
        self.0.is_empty()
    }
}

impl Schema for Annotations {
    fn decode(node: &Node<'_>, decoder: &mut Decoder) -> Option<Self> {
        let annotations = texts(node, decoder, |key| is_qualified_name(&key.to_lowercase()))?;
        let total: usize = annotations.iter().map(|(key, value)| key.len() + value.len()).sum();
        if total > Self::MAX_TOTAL_OCTETS {
            let message = format!("have {total} octets; they must have at most {}", Self::MAX_TOTAL_OCTETS);
            decoder.report(node.position, message);
        }
        Some(Self(annotations))
    }

    fn decode_absent(_: Option<Position>, _: &mut Decoder) -> Option<Self> {
        Some(Self::default())
    }

    fn encode(&self) -> Value {
        self.0.encode()
    }

    fn is_omitted(&self) -> bool {
        self.0.is_empty()
    }
}

/// Decodes a map of text to text, and reports keys that are not good.
fn texts(
    node: &Node<'_>,
    decoder: &mut Decoder,
    is_key: impl Fn(&str) -> bool,
) -> Option<BTreeMap<String, String>> {
    if let Content::Map(entries) = &node.content {
        for entry in entries.iter().filter(|entry| !is_key(&entry.key)) {
            let message = format!("has the key {}; it {KEY_RULE}", quote(&entry.key));
            decoder.report(entry.position, message);
        }
    }
    BTreeMap::decode(node, decoder)
}

impl Deref for Labels {
    type Target = BTreeMap<String, String>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Labels {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl Deref for Annotations {
    type Target = BTreeMap<String, String>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Annotations {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_table() {
        let long = "x".repeat(63);
        for key in ["a", "A_b.c-1", "projectcalico.org/name", "kubernetes.io/os", &long] {
            assert!(is_qualified_name(key), "{key}");
        }
        for key in ["", "-a", "a-", "a b", "/a", "a/", "a/b/c", "Upper.org/name", "a$b", &format!("{long}x")]
        {
            assert!(!is_qualified_name(key), "{key}");
        }
        assert!(["", "a", "A.b_c-1", &long].iter().all(|value| is_label_value(value)));
        assert!(!["-", "a b", "a/b", "a.", &format!("{long}x")].iter().any(|value| is_label_value(value)));
    }
}
