//! Path identifiers of ADD-PATH.

use std::fmt;

/// Distinguishes several paths for one prefix (RFC 7911 §3). Its value has no meaning beyond the session.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PathId(pub u32);

impl fmt::Display for PathId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
