//! Import and export: the changes made to a path, and the reasons for refusing it.

mod export;
mod import;
mod martian;
mod only_to_customer;
mod reflection;
mod refusal;
mod remembered;

pub(crate) use self::export::ExportPolicy;
pub(crate) use self::import::ImportPolicy;
pub use self::refusal::ExportRefusal;
pub(crate) use self::remembered::{ExportRules, ExportedRoute, NotSent};
