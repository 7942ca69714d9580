//! Foreign routes that are reported to the daemon.

mod announcements;
mod import_rule;

pub use self::announcements::KernelRouteChange;
pub use self::import_rule::{ImportRule, InterfacePatterns};

pub(crate) use self::announcements::Announcements;
