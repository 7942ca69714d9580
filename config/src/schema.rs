//! The JSON Schema of the operator's file.

/// A JSON Schema (draft 2020-12) of one file of a configuration, for editors and for programs that write such files.
///
/// A file that breaks it has an error; what concerns several values or objects, [`parse`](crate::parse) finds alone.
#[must_use]
pub fn schema() -> &'static str {
    include_str!("../schema.json")
}
