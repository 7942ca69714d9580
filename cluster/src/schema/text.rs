//! Text that has to follow a rule.

/// Declares a type of text with a rule, and a description of the rule that completes "must be".
macro_rules! text {
    ($(#[$meta:meta])* pub struct $name:ident, $rule:literal, $is_valid:expr) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(String);

        impl $name {
            /// Takes a text that follows the rule; `None` for any other.
            #[must_use]
            pub fn new(text: impl Into<String>) -> Option<Self> {
                let text = text.into();
                let is_valid: fn(&str) -> bool = $is_valid;
                is_valid(&text).then_some(Self(text))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::ops::Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl $crate::schema::Schema for $name {
            fn decode(
                node: &$crate::document::Node<'_>,
                decoder: &mut $crate::schema::Decoder,
            ) -> Option<Self> {
                let found = node.as_text().and_then(Self::new);
                if found.is_none() {
                    decoder.report(node.position, format!(concat!("is {}; it must be ", $rule), node.describe()));
                }
                found
            }

            fn encode(&self) -> serde_json::Value {
                self.0.as_str().into()
            }
        }
    };
}

pub(crate) use text;
