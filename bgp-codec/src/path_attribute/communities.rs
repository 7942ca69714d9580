//! COMMUNITIES (RFC 1997).

use std::fmt;
use std::str::FromStr;

/// A mark on a route that filters match: an autonomous system, and a number that it defines.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Community(pub u32);

impl Community {
    /// To be drained before maintenance (RFC 8326).
    pub const GRACEFUL_SHUTDOWN: Self = Self(0xffff_0000);
    /// Kept although its peer restarts, and least preferred (RFC 9494).
    pub const LLGR_STALE: Self = Self(0xffff_0006);
    /// Not to be kept beyond graceful restart (RFC 9494).
    pub const NO_LLGR: Self = Self(0xffff_0007);
    /// Packets are to be discarded (RFC 7999).
    pub const BLACKHOLE: Self = Self(0xffff_029a);
    /// Not to be advertised outside the confederation (RFC 1997).
    pub const NO_EXPORT: Self = Self(0xffff_ff01);
    /// Not to be advertised to any peer (RFC 1997).
    pub const NO_ADVERTISE: Self = Self(0xffff_ff02);
    /// Not to be advertised to external peers, including members of the confederation (RFC 1997).
    pub const NO_EXPORT_SUBCONFED: Self = Self(0xffff_ff03);

    const NAMES: [(Self, &'static str); 7] = [
        (Self::GRACEFUL_SHUTDOWN, "graceful-shutdown"),
        (Self::LLGR_STALE, "llgr-stale"),
        (Self::NO_LLGR, "no-llgr"),
        (Self::BLACKHOLE, "blackhole"),
        (Self::NO_EXPORT, "no-export"),
        (Self::NO_ADVERTISE, "no-advertise"),
        (Self::NO_EXPORT_SUBCONFED, "no-export-subconfed"),
    ];
}

impl fmt::Display for Community {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Self::NAMES.iter().find(|(community, _)| community == self) {
            Some((_, name)) => f.pad(name),
            None => write!(f, "{}:{}", self.0 >> 16, self.0 & 0xffff),
        }
    }
}

/// The text is neither two numbers up to 65535 separated by a colon, nor a well-known name.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a community is written 65000:1, or by a name such as no-export")]
pub struct CommunityError;

impl FromStr for Community {
    type Err = CommunityError;

    fn from_str(text: &str) -> Result<Self, CommunityError> {
        if let Some((community, _)) = Self::NAMES.iter().find(|(_, name)| *name == text) {
            return Ok(*community);
        }
        let (high, low) = text.split_once(':').ok_or(CommunityError)?;
        let number = |digits: &str| digits.parse::<u16>().map(u32::from).map_err(|_| CommunityError);
        Ok(Self(number(high)? << 16 | number(low)?))
    }
}

impl From<[u8; 4]> for Community {
    fn from(octets: [u8; 4]) -> Self {
        Self(u32::from_be_bytes(octets))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_parsed_as_displayed() {
        for (community, text) in [
            (Community(0xfde8_0001), "65000:1"),
            (Community(0), "0:0"),
            (Community::NO_EXPORT, "no-export"),
            (Community::BLACKHOLE, "blackhole"),
            (Community(0xffff_fffe), "65535:65534"),
        ] {
            assert_eq!(community.to_string(), text);
            assert_eq!(text.parse(), Ok(community), "{text}");
        }
        for text in ["65536:1", "1:65536", "1", "1:2:3", "", "no_export"] {
            assert_eq!(text.parse::<Community>(), Err(CommunityError), "{text}");
        }
    }

    #[test]
    fn values_are_in_network_order() {
        assert_eq!(Community::from([0xfd, 0xe8, 0, 1]), Community(0xfde8_0001));
    }
}
