//! Maps with known fields.

/// Declares a struct that stands in documents as a map.
///
/// Each field is `"key" => name: Type`, with `= default` for one that has a value when it is not given. A struct
/// declared as `checked` has a method `check(&self, &mut Report)` for what concerns several of its fields.
macro_rules! record {
    (
        $(#[$meta:meta])*
        pub struct $name:ident $($checked:ident)? {
            $( $(#[$field_meta:meta])* $key:literal => $field:ident: $type:ty $(= $default:expr)?, )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $( $(#[$field_meta])* pub $field: $type, )*
        }

        impl $name {
            /// The keys of the fields.
            pub const KEYS: &'static [&'static str] = &[$($key),*];
        }

        impl $crate::schema::Schema for $name {
            fn decode(
                node: &$crate::document::Node<'_>,
                decoder: &mut $crate::schema::Decoder,
            ) -> Option<Self> {
                let fields = $crate::schema::Fields::read(node, Self::KEYS, decoder)?;
                // Every field is decoded before the first missing one ends it, so that all problems are reported.
                $( let $field = record!(@decode fields, decoder, $key $(, $default)?); )*
                let record = Self { $( $field: $field?, )* };
                $( record!(@check $checked, record, fields, decoder); )?
                Some(record)
            }

            fn decode_absent(
                position: Option<$crate::document::Position>,
                decoder: &mut $crate::schema::Decoder,
            ) -> Option<Self> {
                <Self as $crate::schema::Schema>::decode(&$crate::document::Node::empty_map(position), decoder)
            }

            fn encode(&self) -> serde_json::Value {
                #[allow(unused_mut, reason = "a record may have no fields")]
                let mut map = serde_json::Map::new();
                $( if !$crate::schema::Schema::is_omitted(&self.$field) {
                    map.insert($key.to_owned(), $crate::schema::Schema::encode(&self.$field));
                } )*
                serde_json::Value::Object(map)
            }
        }
    };
    (@decode $fields:ident, $decoder:ident, $key:literal) => { $fields.field($key, $decoder) };
    (@decode $fields:ident, $decoder:ident, $key:literal, $default:expr) => {
        $fields.field_or($key, $default, $decoder)
    };
    (@check checked, $record:ident, $fields:ident, $decoder:ident) => {
        $record.check(&mut $fields.report($decoder));
    };
}

pub(crate) use record;
