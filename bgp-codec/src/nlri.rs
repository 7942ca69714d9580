//! Network layer reachability information: prefixes as encoded in messages.

use std::fmt;
use std::iter;
use std::marker::PhantomData;

use bytes::BufMut;

use crate::prefix::address_octets;
use crate::{Family, IpPrefix, Ipv4Prefix, Ipv6Prefix, PathId};

/// One prefix of a message, with its path identifier if ADD-PATH was negotiated.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Nlri<P> {
    /// Distinguishes several paths for one prefix (RFC 7911 §3).
    pub path_id: Option<PathId>,
    /// The destination.
    pub prefix: P,
}

impl<P: IpPrefix> Nlri<P> {
    /// The NLRI of a session without ADD-PATH.
    #[must_use]
    pub fn new(prefix: P) -> Self {
        Self { path_id: None, prefix }
    }

    /// Length of the encoding in octets.
    pub(crate) fn encoded_octets(self, add_path: bool) -> usize {
        let path_id_octets = if add_path { PATH_ID_OCTETS } else { 0 };
        self.prefix.encoded_octets().saturating_add(path_id_octets)
    }

    /// Appends the NLRI. With ADD-PATH, a missing identifier is sent as zero; without, an identifier is left
    /// out.
    pub(crate) fn encode(self, add_path: bool, out: &mut impl BufMut) {
        if add_path {
            out.put_u32(self.path_id.map_or(0, |path_id| path_id.0));
        }
        self.prefix.encode(out);
    }
}

/// The NLRI of one field of a message, in the message's own octets.
///
/// The syntax was checked when the block was made, so iteration cannot fail.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct NlriBlock<'a> {
    family: Family,
    add_path: bool,
    octets: &'a [u8],
}

/// The octets of a field are not valid NLRI (RFC 7606 §5.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NlriError {
    /// NLRI of this family are not supported.
    #[error("NLRI of family {0} are not supported")]
    UnsupportedFamily(Family),
    /// A prefix is longer than the family's addresses, or runs past the end of the field.
    #[error("an NLRI is too long for its family or for its field")]
    Syntax,
}

impl<'a> NlriBlock<'a> {
    /// Checks the octets and makes a block of them.
    ///
    /// # Errors
    ///
    /// The family is neither IPv4 nor IPv6 unicast, or the octets are not valid NLRI of it.
    #[inline]
    pub fn new(family: Family, add_path: bool, octets: &'a [u8]) -> Result<Self, NlriError> {
        let max_length_bits = max_length(family).ok_or(NlriError::UnsupportedFamily(family))?;
        let is_nlri = match add_path {
            false => is_nlri::<0>(max_length_bits, octets),
            true => is_nlri::<PATH_ID_OCTETS>(max_length_bits, octets),
        };
        if is_nlri { Ok(Self { family, add_path, octets }) } else { Err(NlriError::Syntax) }
    }

    /// Makes a block of octets that were checked by [`NlriBlock::new`] or encoded as NLRI.
    #[inline]
    pub(crate) fn from_checked(family: Family, add_path: bool, octets: &'a [u8]) -> Self {
        Self { family, add_path, octets }
    }

    /// The family of the prefixes.
    #[must_use]
    pub fn family(self) -> Family {
        self.family
    }

    /// Whether there are no prefixes.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.octets.is_empty()
    }

    /// The NLRI in the order of the message; empty if the family is not that of `P`.
    #[inline]
    pub fn iter<P: IpPrefix>(self) -> impl Iterator<Item = Nlri<P>> + Clone + 'a {
        let octets = if self.family == P::FAMILY { self.octets } else { &[] };
        NlriIter::new(octets, self.add_path)
    }
}

impl fmt::Debug for NlriBlock<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = f.debug_list();
        list.entries(self.iter::<Ipv4Prefix>()).entries(self.iter::<Ipv6Prefix>()).finish()
    }
}

/// Iterator over the NLRI in checked octets.
#[derive(Clone)]
pub(crate) struct NlriIter<'a, P> {
    octets: &'a [u8],
    add_path: bool,
    family: PhantomData<P>,
}

impl<'a, P> NlriIter<'a, P> {
    pub(crate) fn new(octets: &'a [u8], add_path: bool) -> Self {
        Self { octets, add_path, family: PhantomData }
    }
}

impl<P: IpPrefix> Iterator for NlriIter<'_, P> {
    type Item = Nlri<P>;

    #[inline]
    fn next(&mut self) -> Option<Nlri<P>> {
        let mut octets = self.octets;
        let mut path_id = None;
        if self.add_path {
            let (id, after) = octets.split_first_chunk::<PATH_ID_OCTETS>()?;
            path_id = Some(PathId(u32::from_be_bytes(*id)));
            octets = after;
        }
        let (prefix, rest) = P::decode(octets)?;
        self.octets = rest;
        Some(Nlri { path_id, prefix })
    }
}

impl<P: IpPrefix> iter::FusedIterator for NlriIter<'_, P> {}

/// Length in bits of the longest prefix of a supported family.
fn max_length(family: Family) -> Option<u8> {
    match family {
        Family::IPV4_UNICAST => Some(Ipv4Prefix::MAX_LENGTH),
        Family::IPV6_UNICAST => Some(Ipv6Prefix::MAX_LENGTH),
        _ => None,
    }
}

/// Whether the octets are complete NLRI, each within the family's length and preceded by a path identifier of
/// this many octets.
#[inline]
fn is_nlri<const PATH_ID: usize>(max_length_bits: u8, mut octets: &[u8]) -> bool {
    while !octets.is_empty() {
        let Some((_, [length_bits, address @ ..])) = octets.split_at_checked(PATH_ID) else { return false };
        let Some(rest) = address.get(address_octets(*length_bits)..) else { return false };
        if *length_bits > max_length_bits {
            return false;
        }
        octets = rest;
    }
    true
}

const PATH_ID_OCTETS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Afi, Safi};

    const V4: Family = Family::IPV4_UNICAST;
    const V6: Family = Family::IPV6_UNICAST;

    #[test]
    fn only_whole_prefixes_of_the_family_make_a_block() {
        for (family, add_path, octets, expected) in [
            (V4, false, &[][..], true),
            (V4, false, &[0], true),
            (V4, false, &[24, 10, 0, 0, 32, 10, 0, 0, 1], true),
            (V4, false, &[33, 10, 0, 0, 0, 0], false),
            (V4, false, &[24, 10, 0], false),
            (V4, false, &[8, 10, 8], false),
            (V4, true, &[0, 0, 0, 1, 8, 10], true),
            (V4, true, &[0, 0, 0, 1], false),
            (V4, true, &[0, 0, 0], false),
            (V6, false, &[33, 0x20, 1, 13, 0xb8, 0], true),
            (V6, false, &[129; 18], false),
        ] {
            let block = NlriBlock::new(family, add_path, octets);
            assert_eq!(block.is_ok(), expected, "{family} {add_path} {octets:?}");
        }
    }

    #[test]
    fn a_family_without_prefixes_makes_no_block() {
        let family = Family { afi: Afi(25), safi: Safi(70) };
        let error = NlriBlock::new(family, false, &[]).unwrap_err();
        assert_eq!(error, NlriError::UnsupportedFamily(family));
    }

    #[test]
    fn iterating_yields_path_ids_and_clears_host_bits() {
        let octets = [0, 0, 0, 7, 9, 10, 0xff, 0, 0, 0, 8, 0];
        let block = NlriBlock::new(V4, true, &octets).unwrap();
        let nlri: Vec<Nlri<Ipv4Prefix>> = block.iter().collect();
        assert_eq!(
            nlri,
            [
                Nlri { path_id: Some(PathId(7)), prefix: "10.128.0.0/9".parse().unwrap() },
                Nlri { path_id: Some(PathId(8)), prefix: "0.0.0.0/0".parse().unwrap() },
            ]
        );
        assert_eq!(block.iter::<Ipv6Prefix>().count(), 0);
    }
}
