//! What a path becomes on its way in and on its way out, or why it is refused.

mod export;
mod import;
mod reflection;
mod remembered;

pub use self::export::ExportRefusal;
pub(crate) use self::export::{ExportPolicy, LearnedFrom};
pub(crate) use self::import::ImportPolicy;
pub use self::reflection::{ClientToClient, Reflection, ReflectorOptions};
pub(crate) use self::remembered::ExportRules;
