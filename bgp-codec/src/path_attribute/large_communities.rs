//! LARGE_COMMUNITIES (RFC 8092).

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

/// A community with room for four-octet AS numbers.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct LargeCommunity {
    /// The autonomous system that defines the other two numbers.
    pub global_administrator: u32,
    /// The first number.
    pub local_data_1: u32,
    /// The second number.
    pub local_data_2: u32,
}

impl LargeCommunity {
    /// The twelve octets of the value.
    pub(crate) fn octets(self) -> [u8; 12] {
        let numbers = [self.global_administrator, self.local_data_1, self.local_data_2];
        let mut octets = [0; 12];
        octets
            .as_chunks_mut()
            .0
            .iter_mut()
            .zip(numbers)
            .for_each(|(chunk, number)| *chunk = number.to_be_bytes());
        octets
    }
}

impl From<[u8; 12]> for LargeCommunity {
    fn from(octets: [u8; 12]) -> Self {
        let mut numbers = octets.as_chunks().0.iter().map(|chunk| u32::from_be_bytes(*chunk));
        let mut next = || numbers.next().unwrap_or_default();
        Self { global_administrator: next(), local_data_1: next(), local_data_2: next() }
    }
}

impl fmt::Display for LargeCommunity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.global_administrator, self.local_data_1, self.local_data_2)
    }
}

/// The text is not three numbers separated by colons.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a large community is three numbers with colons between, as in 64512:1:2")]
pub struct LargeCommunityError;

impl FromStr for LargeCommunity {
    type Err = LargeCommunityError;

    fn from_str(text: &str) -> Result<Self, LargeCommunityError> {
        let mut parts = text.split(':').map(|digits| digits.parse().map_err(|_| LargeCommunityError));
        let mut next = || parts.next().unwrap_or(Err(LargeCommunityError));
        let community = Self { global_administrator: next()?, local_data_1: next()?, local_data_2: next()? };
        if parts.next().is_some() { Err(LargeCommunityError) } else { Ok(community) }
    }
}

/// Whether a community occurs more than once.
pub(crate) fn has_duplicates(value: &[u8]) -> bool {
    let chunks: &[[u8; 12]] = value.as_chunks().0;
    if chunks.len() > FEW {
        return without_duplicates(value).is_some();
    }
    let mut rest = chunks.iter();
    while let Some(chunk) = rest.next() {
        if rest.clone().any(|other| other == chunk) {
            return true;
        }
    }
    false
}

/// The value without repetitions (RFC 8092 §3); `None` if there are none.
pub(crate) fn without_duplicates(value: &[u8]) -> Option<Vec<u8>> {
    let chunks: &[[u8; 12]] = value.as_chunks().0;
    let mut seen = HashSet::with_capacity(chunks.len());
    let unique: Vec<[u8; 12]> = chunks.iter().filter(|chunk| seen.insert(**chunk)).copied().collect();
    (unique.len() < chunks.len()).then(|| unique.concat())
}

/// Up to this number, all pairs are compared, which takes no memory.
const FEW: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    const COMMUNITY: LargeCommunity =
        LargeCommunity { global_administrator: 4_200_000_000, local_data_1: 1, local_data_2: 2 };

    #[test]
    fn text_is_parsed_as_displayed() {
        assert_eq!(COMMUNITY.to_string(), "4200000000:1:2");
        assert_eq!("4200000000:1:2".parse(), Ok(COMMUNITY));
        for text in ["1:2", "1:2:3:4", "1:2:", "4294967296:0:0", ""] {
            assert_eq!(text.parse::<LargeCommunity>(), Err(LargeCommunityError), "{text}");
        }
    }

    #[test]
    fn octets_are_three_numbers_in_network_order() {
        assert_eq!(COMMUNITY.octets(), [0xfa, 0x56, 0xea, 0, 0, 0, 0, 1, 0, 0, 0, 2]);
        assert_eq!(LargeCommunity::from(COMMUNITY.octets()), COMMUNITY);
    }

    #[test]
    fn the_second_of_two_equal_communities_is_removed() {
        let other = LargeCommunity { local_data_2: 3, ..COMMUNITY };
        let octets =
            |list: &[LargeCommunity]| -> Vec<u8> { list.iter().flat_map(|one| one.octets()).collect() };
        assert_eq!(without_duplicates(&octets(&[COMMUNITY, other])), None);
        assert_eq!(
            without_duplicates(&octets(&[COMMUNITY, other, COMMUNITY])),
            Some(octets(&[COMMUNITY, other]))
        );
        let many: Vec<LargeCommunity> =
            (0..40).map(|local_data_2| LargeCommunity { local_data_2, ..COMMUNITY }).collect();
        for list in [&many[..], &many[..16], &[]] {
            assert!(!has_duplicates(&octets(list)), "{list:?}");
            let twice = [list, &[COMMUNITY, COMMUNITY]].concat();
            assert!(has_duplicates(&octets(&twice)), "{twice:?}");
        }
    }
}
