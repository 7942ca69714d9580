//! Reading JSON text into a [`Node`].

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::{Content, Entry, Node, Position};

/// Why a text is not JSON.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{position}: {message}")]
pub struct JsonError {
    /// Where reading stopped.
    pub position: Position,
    /// What is wrong there.
    pub message: String,
}

/// Reads one JSON value. Strings without escapes are borrowed from the text.
///
/// Nesting is limited to 128 levels, so that stored values cannot exhaust the stack.
///
/// # Errors
///
/// When the text is not one JSON value.
pub fn read_json(text: &[u8]) -> Result<Node<'_>, JsonError> {
    serde_json::from_slice(text).map_err(|error| {
        let message = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        JsonError {
            position: Position { line: error.line().max(1), column: error.column().max(1) },
            message: message.strip_suffix(&place).unwrap_or(&message).to_owned(),
        }
    })
}

impl<'de> Deserialize<'de> for Node<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Node<'de>, E> {
        Ok(without_position(Content::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node<'de>, E> {
        Ok(without_position(Content::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node<'de>, E> {
        Ok(without_position(Content::Integer(value.into())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node<'de>, E> {
        Ok(without_position(Content::Integer(value.into())))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node<'de>, E> {
        Ok(without_position(Content::Float(value)))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Node<'de>, E> {
        Ok(without_position(Content::Text(Cow::Borrowed(text))))
    }

    fn visit_str<E>(self, text: &str) -> Result<Node<'de>, E> {
        Ok(without_position(Content::Text(Cow::Owned(text.to_owned()))))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Node<'de>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(without_position(Content::List(items)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Node<'de>, A::Error> {
        let mut entries = Vec::new();
        while let Some((Key(key), value)) = access.next_entry()? {
            entries.push(Entry { key, position: None, value });
        }
        Ok(without_position(Content::Map(entries)))
    }
}

/// A key, borrowed where it has no escapes; serde's `Cow` never borrows.
struct Key<'t>(Cow<'t, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;

        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(KeyVisitor)
    }
}

const fn without_position(content: Content<'_>) -> Node<'_> {
    Node { content, position: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_kind_of_value_and_keeps_keys_that_appear_twice() {
        let text = br#"{"a": [null, true, -1, 18446744073709551615, 1.5, "x", "\u00e9"], "b": {}, "b": 2}"#;
        let node = read_json(text).unwrap();
        let Content::Map(entries) = &node.content else { panic!("{node:?}") };
        assert_eq!(entries.len(), 3);
        assert_eq!(node.get("b").unwrap().content, Content::Integer(2), "the last one counts, as in Go");
        let Content::List(items) = &node.get("a").unwrap().content else { panic!("{node:?}") };
        assert_eq!(items[3].content, Content::Integer(18_446_744_073_709_551_615));
        assert!(matches!(&items[5].content, Content::Text(Cow::Borrowed("x"))));
        assert!(matches!(&items[6].content, Content::Text(Cow::Owned(text)) if text == "é"));
    }

    #[test]
    fn errors_say_where() {
        let rows = [
            ("{\"a\": 1,\n \"b\" 2}", "2:6: expected `:`"),
            ("", "1:1: EOF while parsing a value"),
            ("{} x", "1:4: trailing characters"),
            ("\"\\q\"", "1:3: invalid escape"),
        ];
        for (text, expected) in rows {
            assert_eq!(read_json(text.as_bytes()).unwrap_err().to_string(), expected, "{text}");
        }
        assert!(read_json(&[b'"', 0xff, b'"']).is_err(), "not UTF-8");
        assert!(read_json("[".repeat(10_000).as_bytes()).is_err(), "nested too deeply");
    }
}
