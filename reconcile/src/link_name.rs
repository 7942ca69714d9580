//! Names of links, as the kernel accepts them.

use std::fmt;
use std::str::FromStr;

/// The name of a link: 1 to 15 octets without `/`, `:` and white space, other than `.` and `..`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct LinkName(String);

/// A text is not a valid name of a link.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} is not a valid interface name: 1 to 15 octets without '/', ':' and white space")]
pub struct InvalidLinkName(pub String);

impl LinkName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LinkName {
    type Err = InvalidLinkName;

    fn from_str(text: &str) -> Result<Self, InvalidLinkName> {
        let is_good = |c: char| c != '/' && c != ':' && c != '\0' && !c.is_whitespace();
        let fits = (1..=15).contains(&text.len()) && text != "." && text != "..";
        match fits && text.chars().all(is_good) {
            true => Ok(Self(text.to_owned())),
            false => Err(InvalidLinkName(text.to_owned())),
        }
    }
}

impl fmt::Display for LinkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::LinkName;

    #[test]
    fn accepts_what_the_kernel_accepts() {
        for good in ["a", "vxlan.calico", "vxlan-v6.calico", "cali0123456789a", "é"] {
            assert_eq!(good.parse::<LinkName>().unwrap().as_str(), good);
        }
        for bad in ["", ".", "..", "a/b", "a:b", "a b", "cali0123456789ab", "a\0"] {
            assert!(bad.parse::<LinkName>().is_err(), "{bad:?}");
        }
    }
}
