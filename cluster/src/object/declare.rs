//! What all kinds of objects have in common.

use margay_suggestion::did_you_mean;

use crate::document::{Content, Node, Step, quote};
use crate::schema::{Decoder, Report};

use super::kind::{API_VERSION, Kind};
use super::metadata::Metadata;

/// Keys of an object, whatever its kind.
pub(crate) const KEYS: &[&str] = &["apiVersion", "kind", "metadata", "spec", "status"];

/// Declares a kind: a struct of metadata, spec and, where it has one, status.
///
/// A kind declared as `checked` has a method `check(&self, &mut Report)`. A status without a type is kept as it is.
macro_rules! object {
    (
        $(#[$meta:meta])*
        pub struct $name:ident $($checked:ident)? { spec: $spec:ty, status: $status:ty $(, $defaults:ident)? }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            /// Name, labels and annotations.
            pub metadata: $crate::object::Metadata,
            /// What is wanted.
            pub spec: $spec,
            /// What is.
            pub status: Option<$status>,
        }

        impl $crate::schema::Schema for $name {
            fn decode(
                node: &$crate::document::Node<'_>,
                decoder: &mut $crate::schema::Decoder,
            ) -> Option<Self> {
                let fields = $crate::schema::Fields::read(node, $crate::object::declare::KEYS, decoder)?;
                $crate::object::declare::check_head($crate::object::Kind::$name, node, decoder);
                let metadata = fields.field("metadata", decoder);
                let spec = fields.field("spec", decoder);
                let status = fields.field("status", decoder);
                if let Some(metadata) = &metadata {
                    let mut report = fields.report(decoder);
                    $crate::object::declare::check_metadata($crate::object::Kind::$name, metadata, &mut report);
                }
                let object = Self { metadata: metadata?, spec: spec?, status: status? };
                $( object!(@check $checked, object, fields, decoder); )?
                Some(object)
            }

            fn encode(&self) -> serde_json::Value {
                let kind = $crate::object::Kind::$name;
                let mut map = serde_json::Map::new();
                map.insert("apiVersion".to_owned(), $crate::object::API_VERSION.into());
                map.insert("kind".to_owned(), kind.as_str().into());
                map.insert("metadata".to_owned(), self.metadata.encode());
                map.insert("spec".to_owned(), self.spec.encode());
                if let Some(status) = &self.status {
                    map.insert("status".to_owned(), $crate::schema::Schema::encode(status));
                }
                serde_json::Value::Object(map)
            }
        }

        impl $crate::object::Object for $name {
            const KIND: $crate::object::Kind = $crate::object::Kind::$name;

            fn metadata(&self) -> &$crate::object::Metadata {
                &self.metadata
            }

            fn metadata_mut(&mut self) -> &mut $crate::object::Metadata {
                &mut self.metadata
            }

            $( object!(@defaults $defaults); )?
        }
    };
    (@check checked, $object:ident, $fields:ident, $decoder:ident) => {
        $object.check(&mut $fields.report($decoder));
    };
    (@defaults defaults) => {
        fn apply_defaults(&mut self) {
            self.set_defaults();
        }
    };
}

pub(crate) use object;

/// Checks the two lines that say what an object is.
pub(crate) fn check_head(kind: Kind, node: &Node<'_>, decoder: &mut Decoder) {
    check_head_field(node, "apiVersion", API_VERSION, decoder);
    check_head_field(node, "kind", kind.as_str(), decoder);
}

fn check_head_field(node: &Node<'_>, key: &str, expected: &str, decoder: &mut Decoder) {
    let found = node.get(key);
    if found.and_then(Node::as_text) == Some(expected) {
        return;
    }
    let position = found.and_then(|found| found.position).or(node.position);
    decoder.within(Step::Key(key.to_owned()), |decoder| match found {
        Some(found) => decoder.report(position, format!("is {}; it must be {expected}", found.describe())),
        None => decoder.report(position, format!("is missing; it must be {expected}")),
    });
}

/// Checks the name by the rules of the kind, and that a namespace stands only where there can be one.
pub(crate) fn check_metadata(kind: Kind, metadata: &Metadata, report: &mut Report<'_, '_, '_>) {
    if let Err(rule) = kind.check_name(&metadata.name) {
        report.problem("metadata.name", format!("is {}; {rule}", quote(&metadata.name)));
    }
    if !kind.is_namespaced() && metadata.namespace.is_some() {
        let hint = match kind {
            Kind::GlobalNetworkPolicy => ": did you mean kind NetworkPolicy?",
            Kind::GlobalNetworkSet => ": did you mean kind NetworkSet?",
            _ => "",
        };
        report.problem("metadata.namespace", format!("is given, but a {kind} has no namespace{hint}"));
    }
}

/// The kind that a document says it is.
pub(crate) fn kind_of(node: &Node<'_>, decoder: &mut Decoder) -> Option<Kind> {
    if !matches!(node.content, Content::Map(_)) {
        decoder.report(
            node.position,
            format!("is {}; it must be an object: a map with a kind", node.describe()),
        );
        return None;
    }
    let Some(found) = node.get("kind") else {
        decoder.within(Step::Key("kind".to_owned()), |decoder| {
            decoder.report(node.position, "is missing; it says what the object is, such as BGPPeer");
        });
        return None;
    };
    let kind = found.as_text().and_then(Kind::from_kind);
    if kind.is_none() {
        let names = Kind::ALL.iter().map(|kind| kind.as_str());
        let hint = found.as_text().map(|text| did_you_mean(text, names)).unwrap_or_default();
        decoder.within(Step::Key("kind".to_owned()), |decoder| {
            decoder.report(found.position, format!("is {}, not a known kind{hint}", found.describe()));
        });
    }
    kind
}
