//! Values out of a fixed set of words.

/// Declares an enum that stands in documents as one of a few words.
///
/// Declared as `in any case`, words are read without regard to case; the canonical spelling is written.
macro_rules! choice {
    ($(#[$meta:meta])* pub enum $name:ident in any case { $($rest:tt)* }) => {
        choice!(@define $(#[$meta])* $name, eq_ignore_ascii_case, $($rest)*);
    };
    ($(#[$meta:meta])* pub enum $name:ident { $($rest:tt)* }) => {
        choice!(@define $(#[$meta])* $name, eq, $($rest)*);
    };
    (
        @define $(#[$meta:meta])* $name:ident, $same:ident,
        $( $(#[$variant_meta:meta])* $variant:ident = $word:literal, )*
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum $name {
            $( $(#[$variant_meta])* $variant, )*
        }

        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word in documents.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl $crate::schema::Schema for $name {
            fn decode(
                node: &$crate::document::Node<'_>,
                decoder: &mut $crate::schema::Decoder,
            ) -> Option<Self> {
                let found = node.as_text().and_then(|text| {
                    Self::ALL.iter().copied().find(|choice| str::$same(choice.as_str(), text))
                });
                if found.is_none() {
                    let hint = $crate::schema::hint(node, Self::ALL.iter().map(|choice| choice.as_str()));
                    let words = [$($word),*].join(", ");
                    let message = format!("is {}; it must be one of {words}{hint}", node.describe());
                    decoder.report(node.position, message);
                }
                found
            }

            fn encode(&self) -> serde_json::Value {
                self.as_str().into()
            }
        }
    };
}

pub(crate) use choice;
