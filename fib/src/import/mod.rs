//! Which routes of others the daemon is told of.

mod announcements;
mod import_rule;

pub use self::announcements::KernelRouteChange;
pub use self::import_rule::{ImportRule, InterfacePatterns};

pub(crate) use self::announcements::Announcements;
