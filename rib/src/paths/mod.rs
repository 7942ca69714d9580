//! Adj-RIB-In: the candidates for each prefix, and their sources.

mod path;
mod source;
mod table;

pub use self::path::ImportRefusal;
pub(crate) use self::path::{ImportOutcome, Path};
pub(crate) use self::source::{Source, SourceIndex, Sources};
pub(crate) use self::table::{Entry, EntryIndex, Table};
