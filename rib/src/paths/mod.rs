//! Adj-RIB-In: the candidates for each prefix, and their sources.

mod long_lists;
mod path;
mod source;
mod table;

pub(crate) use self::long_lists::{LONG, LongLists};
pub use self::path::ImportRefusal;
pub(crate) use self::path::{ImportOutcome, Path};
pub use self::source::CandidateOrigin;
pub(crate) use self::source::{InternalSource, LearnedFrom, Source, Sources};
pub(crate) use self::table::{AnyTable, Entry, EntryView, Table};
