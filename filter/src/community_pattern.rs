//! Communities of all kinds with ranges and wildcards.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use bgp_codec::{Community, ExtendedCommunity, LargeCommunity};

use crate::as_text;
use crate::value_range::ValueRange;

/// Communities of one kind, told by their numbers.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, serde::Deserialize, serde::Serialize)]
pub enum CommunityPattern {
    /// Communities (RFC 1997): `65001:100`, `65001:200..299`, `65001:*`, `no-export`.
    Standard([ValueRange; 2]),
    /// Large communities (RFC 8092): `large:64512:1:*`, or without the word where there are three numbers.
    Large([ValueRange; 3]),
    /// Route targets and the like (RFC 4360, RFC 5668): `rt:64512:7`, `soo:10.0.0.1:*`.
    Extended(ExtendedPattern),
}

/// Extended communities of one kind.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, serde::Deserialize, serde::Serialize)]
pub enum ExtendedPattern {
    /// This one: `0x0002fc0000000007`.
    Exactly(#[serde(with = "as_text")] ExtendedCommunity),
    /// Those of a subtype whose administrator is an AS number, of two or four octets.
    OfAs {
        /// The low octet of the type.
        subtype: u8,
        /// The AS number.
        administrator: ValueRange,
        /// The number that the administrator gave.
        number: ValueRange,
    },
    /// Those of a subtype whose administrator is an address.
    OfAddress {
        /// The low octet of the type.
        subtype: u8,
        /// The address.
        administrator: Ipv4Addr,
        /// The number that the administrator gave.
        number: ValueRange,
    },
}

/// A community of any kind, as a filter adds it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, serde::Deserialize, serde::Serialize)]
pub enum AnyCommunity {
    /// A community (RFC 1997).
    Standard(#[serde(with = "as_text")] Community),
    /// A large community (RFC 8092).
    Large(#[serde(with = "as_text")] LargeCommunity),
    /// An extended community (RFC 4360).
    Extended(#[serde(with = "as_text")] ExtendedCommunity),
}

/// Text that is not a community, or not a pattern of communities.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "{0:?} is not a community: write \"65001:100\", \"large:64512:1:2\", \"rt:64512:7\", \"soo:10.0.0.1:7\" or a name \
     such as \"no-export\"{1}"
)]
pub struct CommunityTextError(String, &'static str);

impl CommunityPattern {
    pub(crate) fn is_standard(self, community: Community) -> bool {
        let Self::Standard([high, low]) = self else { return false };
        high.contains(community.0 >> 16) && low.contains(community.0 & 0xffff)
    }

    pub(crate) fn is_large(self, community: LargeCommunity) -> bool {
        let Self::Large([administrator, first, second]) = self else { return false };
        administrator.contains(community.global_administrator)
            && first.contains(community.local_data_1)
            && second.contains(community.local_data_2)
    }

    pub(crate) fn is_extended(self, community: ExtendedCommunity) -> bool {
        let Self::Extended(pattern) = self else { return false };
        pattern.matches(community)
    }

    /// The community, where the pattern stands for a single one of RFC 1997.
    pub(crate) fn single_standard(self) -> Option<Community> {
        let Self::Standard([high, low]) = self else { return None };
        let is_single = high.lowest() == high.highest() && low.lowest() == low.highest();
        is_single.then(|| Community(high.lowest() << 16 | low.lowest()))
    }
}

impl ExtendedPattern {
    fn matches(self, community: ExtendedCommunity) -> bool {
        let [kind, found_subtype, a, b, c, d, e, g] = community.0;
        match self {
            Self::Exactly(expected) => expected == community,
            Self::OfAs { subtype, administrator, number } => {
                let (found_administrator, found_number) = match kind {
                    TWO_OCTET_AS => (u16::from_be_bytes([a, b]).into(), u32::from_be_bytes([c, d, e, g])),
                    FOUR_OCTET_AS => (u32::from_be_bytes([a, b, c, d]), u16::from_be_bytes([e, g]).into()),
                    _ => return false,
                };
                found_subtype == subtype
                    && administrator.contains(found_administrator)
                    && number.contains(found_number)
            }
            Self::OfAddress { subtype, administrator, number } => {
                kind == IPV4_ADDRESS
                    && found_subtype == subtype
                    && administrator == Ipv4Addr::new(a, b, c, d)
                    && number.contains(u16::from_be_bytes([e, g]).into())
            }
        }
    }
}

impl FromStr for AnyCommunity {
    type Err = CommunityTextError;

    fn from_str(text: &str) -> Result<Self, CommunityTextError> {
        let wrong = || CommunityTextError(text.to_owned(), "");
        if let Some(large) = text.strip_prefix("large:") {
            return large.parse().map(Self::Large).map_err(|_| wrong());
        }
        if let Ok(community) = text.parse() {
            return Ok(Self::Standard(community));
        }
        if let Ok(community) = text.parse() {
            return Ok(Self::Large(community));
        }
        text.parse().map(Self::Extended).map_err(|_| wrong())
    }
}

impl FromStr for CommunityPattern {
    type Err = CommunityTextError;

    fn from_str(text: &str) -> Result<Self, CommunityTextError> {
        let wrong = || CommunityTextError(text.to_owned(), ", with \"*\" or \"1..9\" in place of a number");
        if let Some(large) = text.strip_prefix("large:") {
            return numbers(large, u32::MAX).map(Self::Large).ok_or_else(wrong);
        }
        match text.parse() {
            Ok(AnyCommunity::Standard(Community(number))) => {
                return Ok(Self::Standard([number >> 16, number & 0xffff].map(ValueRange::exactly)));
            }
            Ok(AnyCommunity::Extended(community)) if text.starts_with("0x") => {
                return Ok(Self::Extended(ExtendedPattern::Exactly(community)));
            }
            _ => {}
        }
        let standard = || numbers(text, u16::MAX.into()).map(Self::Standard);
        let large = || numbers(text, u32::MAX).map(Self::Large);
        let extended = || extended(text).map(Self::Extended);
        standard().or_else(large).or_else(extended).ok_or_else(wrong)
    }
}

/// As many numbers or ranges as asked for, with colons between.
fn numbers<const N: usize>(text: &str, highest: u32) -> Option<[ValueRange; N]> {
    let parts: Vec<ValueRange> = text.split(':').map(|part| number(part, highest)).collect::<Option<_>>()?;
    parts.try_into().ok()
}

fn number(text: &str, highest: u32) -> Option<ValueRange> {
    if text == "*" {
        return ValueRange::new(0, highest);
    }
    let range: ValueRange = text.parse().ok()?;
    // An open end reaches as far as the field.
    let end = if text.ends_with("..") { highest } else { range.highest() };
    ValueRange::new(range.lowest(), end).filter(|range| range.highest() <= highest)
}

fn extended(text: &str) -> Option<ExtendedPattern> {
    let (name, value) = text.split_once(':')?;
    let (_, subtype) = SUBTYPES.iter().copied().find(|&(known, _)| known == name)?;
    let (administrator, given) = value.split_once(':')?;
    if let Ok(administrator) = administrator.parse() {
        return Some(ExtendedPattern::OfAddress { subtype, administrator, number: number(given, 0xffff)? });
    }
    let administrator = number(administrator.strip_suffix('L').unwrap_or(administrator), u32::MAX)?;
    Some(ExtendedPattern::OfAs { subtype, administrator, number: number(given, u32::MAX)? })
}

const TWO_OCTET_AS: u8 = 0x00;
const IPV4_ADDRESS: u8 = 0x01;
const FOUR_OCTET_AS: u8 = 0x02;

/// The names of subtypes; the site of origin is also called route origin.
const SUBTYPES: [(&str, u8); 3] = [("rt", 0x02), ("soo", 0x03), ("ro", 0x03)];

impl fmt::Display for AnyCommunity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standard(community) => community.fmt(f),
            Self::Large(community) => community.fmt(f),
            Self::Extended(community) => community.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_table() {
        // (pattern, community, matches)
        let rows = [
            ("65001:100", "65001:100", true),
            ("65001:100", "65001:101", false),
            ("65001:200..299", "65001:250", true),
            ("65001:200..299", "65001:300", false),
            ("65001:*", "65001:0", true),
            ("*:*", "65535:65535", true),
            ("*:666", "1:666", true),
            ("65001:100..", "65001:65535", true),
            ("no-export", "65535:65281", true),
            ("large:64512:1:*", "64512:1:4294967295", true),
            ("64512:1:*", "64512:2:0", false),
            ("large:64512:1:*", "64512:1", false),
            ("rt:64512:7", "rt:64512:7", true),
            ("rt:64512:7", "soo:64512:7", false),
            ("rt:64512:7", "rt:64512L:7", true),
            ("rt:64512:*", "rt:64512:70000", true),
            ("rt:70000:*", "rt:70000:9", true),
            ("soo:10.0.0.1:*", "soo:10.0.0.1:7", true),
            ("soo:10.0.0.1:*", "soo:10.0.0.2:7", false),
            ("0x4004fde800000000", "0x4004fde800000000", true),
        ];
        for (pattern, community, expected) in rows {
            let pattern: CommunityPattern = pattern.parse().unwrap();
            let found = match community.parse().unwrap() {
                AnyCommunity::Standard(community) => pattern.is_standard(community),
                AnyCommunity::Large(community) => pattern.is_large(community),
                AnyCommunity::Extended(community) => pattern.is_extended(community),
            };
            assert_eq!(found, expected, "{pattern:?} on {community}");
        }
    }

    #[test]
    fn wrong_patterns() {
        for text in
            ["", "1", "65536:1", "1:65536", "1:2:3:4", "rt:1", "rt:10.0.0.1:65536", "x:1:2", "1:9..1", "*"]
        {
            assert!(text.parse::<CommunityPattern>().is_err(), "{text}");
        }
        assert!("65001:*".parse::<AnyCommunity>().is_err(), "a pattern cannot be added");
    }
}
