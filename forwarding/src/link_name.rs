//! The name of a network interface.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The name of a network interface: 1 to 15 octets, as Linux has them.
#[derive(Clone, Copy, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct LinkName {
    /// UTF-8, zeros after the end.
    octets: [u8; MAX_OCTETS],
}

const MAX_OCTETS: usize = 15;

/// Text that is not the name of an interface.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("an interface name has 1 to 15 octets, and neither spaces nor '/' nor ':'")]
pub struct LinkNameError;

impl LinkName {
    /// The name as text.
    #[expect(clippy::missing_panics_doc, reason = "a name is made from text only")]
    #[must_use]
    pub fn as_str(&self) -> &str {
        let end = self.octets.iter().position(|&octet| octet == 0).unwrap_or(MAX_OCTETS);
        std::str::from_utf8(&self.octets[..end]).expect("a name is made from text")
    }
}

impl FromStr for LinkName {
    type Err = LinkNameError;

    fn from_str(text: &str) -> Result<Self, LinkNameError> {
        let is_refused = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | ':');
        if text.is_empty()
            || text.len() > MAX_OCTETS
            || text.chars().any(is_refused)
            || matches!(text, "." | "..")
        {
            return Err(LinkNameError);
        }
        let mut octets = [0; MAX_OCTETS];
        octets[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Self { octets })
    }
}

impl TryFrom<String> for LinkName {
    type Error = LinkNameError;

    fn try_from(text: String) -> Result<Self, LinkNameError> {
        text.parse()
    }
}

impl From<LinkName> for String {
    fn from(name: LinkName) -> Self {
        name.as_str().to_owned()
    }
}

impl fmt::Display for LinkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for LinkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_linux_takes() {
        for name in ["lo", "eth0", "cali0123456789a", "br-ü"] {
            assert_eq!(name.parse::<LinkName>().map(String::from).as_deref(), Ok(name));
        }
        for name in ["", "sixteen-octets-x", "a b", "a/b", "eth0:1", ".", "a\0"] {
            assert_eq!(name.parse::<LinkName>(), Err(LinkNameError), "{name:?}");
        }
    }
}
