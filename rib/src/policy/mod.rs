//! What a path becomes on its way in and on its way out, or why it is refused.

mod export;
mod import;
mod martian;
mod reflection;
mod refusal;
mod remembered;

pub(crate) use self::export::ExportPolicy;
pub(crate) use self::import::ImportPolicy;
pub use self::refusal::ExportRefusal;
pub(crate) use self::remembered::{ExportRules, ExportedRoute, NotSent};
