//! Versions of the specification.

use std::fmt;
use std::str::FromStr;

/// A version of the specification.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Version {
    major: u16,
    minor: u16,
    patch: u16,
}

/// Every version that is supported, oldest first.
pub const SUPPORTED: [Version; 7] = [
    Version::new(0, 1, 0),
    Version::new(0, 2, 0),
    Version::new(0, 3, 0),
    Version::new(0, 3, 1),
    Version::new(0, 4, 0),
    Version::new(1, 0, 0),
    Version::new(1, 1, 0),
];

impl Version {
    /// A version.
    #[must_use]
    pub const fn new(major: u16, minor: u16, patch: u16) -> Self {
        Self { major, minor, patch }
    }

    /// Whether it is supported.
    #[must_use]
    pub fn is_supported(self) -> bool {
        SUPPORTED.contains(&self)
    }
}

impl FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Result<Vec<u16>, _> = text.split('.').map(str::parse).collect();
        match parts.as_deref() {
            Ok([major, minor, patch]) => Ok(Self::new(*major, *minor, *patch)),
            _ => Err(format!("{text:?} is not a version such as 1.0.0")),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}
