//! How types stand in documents: one description of a type decodes it, validates it and encodes it.

mod builtin;
mod choice;
mod fields;
mod problem;
mod record;
mod text;

use margay_suggestion::most_similar;
use serde_json::Value;

use crate::document::{Node, Position, Step};

pub use self::fields::{Fields, Report};
pub use self::problem::{Problem, Problems};

pub(crate) use self::builtin::integer;
pub(crate) use self::choice::choice;
pub(crate) use self::record::record;
pub(crate) use self::text::text;

/// The end of a message about a text that is none of these: the one that may have been meant.
pub(crate) fn hint<'e>(node: &Node<'_>, existing: impl IntoIterator<Item = &'e str>) -> String {
    let meant = node.as_text().and_then(|text| most_similar(text, existing));
    meant.map(|meant| format!(": did you mean {meant:?}?")).unwrap_or_default()
}

/// A type that stands in documents.
///
/// Decoding validates: what comes out is good by itself. All problems of a document are reported, not only the first.
pub trait Schema: Sized {
    /// Decodes a value, or reports to the decoder why it cannot be.
    fn decode(node: &Node<'_>, decoder: &mut Decoder) -> Option<Self>;

    /// The value of a field that is not given; the default reports that it is missing.
    fn decode_absent(position: Option<Position>, decoder: &mut Decoder) -> Option<Self> {
        decoder.report(position, "is missing");
        None
    }

    /// Encodes the value as JSON, in the form that other programs of the cluster write.
    fn encode(&self) -> Value;

    /// Whether a field with this value is left out: empty, as in Go's `omitempty`.
    fn is_omitted(&self) -> bool {
        false
    }
}

/// Whether fields that a type does not have are reported.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum UnknownFields {
    /// They are problems: a typing error in a file of the operator.
    #[default]
    Refuse,
    /// They are left alone: a newer version of another program wrote them.
    Ignore,
}

/// Collects what is wrong while a document is decoded.
#[derive(Debug, Default)]
pub struct Decoder {
    unknown_fields: UnknownFields,
    path: Vec<Step>,
    problems: Vec<Problem>,
}

impl Decoder {
    /// A decoder at the root of a document.
    #[must_use]
    pub fn new(unknown_fields: UnknownFields) -> Self {
        Self { unknown_fields, ..Self::default() }
    }

    /// Reports a problem of the value that is being decoded.
    pub fn report(&mut self, position: Option<Position>, message: impl Into<String>) {
        self.report_at(&[], position, message.into());
    }

    /// Reports a problem of a value below the one that is being decoded.
    pub(crate) fn report_at(&mut self, below: &[Step], position: Option<Position>, message: String) {
        let path = crate::document::Path(self.path.iter().chain(below).cloned().collect());
        self.problems.push(Problem { path, position, message });
    }

    /// Runs `decode` one step further down.
    pub fn within<T>(&mut self, step: Step, decode: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(step);
        let decoded = decode(self);
        self.path.pop();
        decoded
    }

    /// Whether nothing has been reported so far.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }

    /// What has been reported, in the order of the document.
    #[must_use]
    pub fn into_problems(mut self) -> Problems {
        // Cross-field checks of an inner value come before fields of an outer one that stand earlier in the text.
        self.problems.sort_by_key(|problem| problem.position);
        Problems(self.problems)
    }
}

/// Decodes a whole document.
///
/// # Errors
///
/// Everything that is wrong with it.
pub fn decode<T: Schema>(node: &Node<'_>, unknown_fields: UnknownFields) -> Result<T, Problems> {
    let mut decoder = Decoder::new(unknown_fields);
    match T::decode(node, &mut decoder) {
        Some(value) if decoder.is_clean() => Ok(value),
        _ => Err(decoder.into_problems()),
    }
}
