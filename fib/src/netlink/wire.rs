//! Attributes and headers of route, next hop, link and address messages (rtnetlink(7)).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// One attribute of a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attribute<'m> {
    /// Its number, without the flags for nesting and byte order.
    pub(crate) kind: u16,
    pub(crate) value: &'m [u8],
}

/// The attributes in `octets`, up to the first that is truncated.
pub(crate) fn attributes(octets: &[u8]) -> impl Iterator<Item = Attribute<'_>> {
    let mut rest = octets;
    std::iter::from_fn(move || {
        let (header, _) = rest.split_first_chunk::<HEADER_OCTETS>()?;
        let [length_low, length_high, kind_low, kind_high] = *header;
        let length = usize::from(u16::from_ne_bytes([length_low, length_high]));
        let value = rest.get(HEADER_OCTETS..length)?;
        rest = rest.get(length.next_multiple_of(ALIGNMENT_OCTETS)..).unwrap_or_default();
        Some(Attribute { kind: u16::from_ne_bytes([kind_low, kind_high]) & KIND_MASK, value })
    })
}

impl Attribute<'_> {
    /// A 32-bit number in the machine's byte order.
    pub(crate) fn number(&self) -> Option<u32> {
        Some(u32::from_ne_bytes(self.value.try_into().ok()?))
    }

    /// An address, whose family follows from its length.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        address(self.value)
    }
}

/// Four octets are an IPv4 address, sixteen an IPv6 address.
pub(crate) fn address(octets: &[u8]) -> Option<IpAddr> {
    if let Ok(octets) = <[u8; 4]>::try_from(octets) {
        return Some(Ipv4Addr::from(octets).into());
    }
    <[u8; 16]>::try_from(octets).ok().map(|octets| Ipv6Addr::from(octets).into())
}

/// Appends an attribute.
pub(crate) fn push_attribute(out: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = u16::try_from(HEADER_OCTETS + value.len()).expect("attributes of a route are short");
    out.extend_from_slice(&length.to_ne_bytes());
    out.extend_from_slice(&kind.to_ne_bytes());
    out.extend_from_slice(value);
    out.resize(out.len().next_multiple_of(ALIGNMENT_OCTETS), 0);
}

/// Appends an attribute that holds an address.
pub(crate) fn push_address(out: &mut Vec<u8>, kind: u16, address: IpAddr) {
    match address {
        IpAddr::V4(address) => push_attribute(out, kind, &address.octets()),
        IpAddr::V6(address) => push_attribute(out, kind, &address.octets()),
    }
}

/// Appends an attribute that holds a number.
pub(crate) fn push_number(out: &mut Vec<u8>, kind: u16, number: u32) {
    push_attribute(out, kind, &number.to_ne_bytes());
}

/// The kernel's number for the family of an address.
pub(crate) fn family_of(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => AF_INET,
        IpAddr::V6(_) => AF_INET6,
    }
}

pub(crate) const AF_UNSPEC: u8 = 0;
pub(crate) const AF_INET: u8 = 2;
pub(crate) const AF_INET6: u8 = 10;

/// Length and kind.
pub(crate) const HEADER_OCTETS: usize = 4;
const ALIGNMENT_OCTETS: usize = 4;
/// The two highest bits are NLA_F_NESTED and NLA_F_NET_BYTEORDER.
const KIND_MASK: u16 = 0x3fff;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_come_back_as_they_were_written() {
        let mut octets = Vec::new();
        push_number(&mut octets, 6, 1024);
        push_attribute(&mut octets, 3, b"veth0");
        push_address(&mut octets, 5, "fd00::1".parse().unwrap());
        assert_eq!(octets.len() % ALIGNMENT_OCTETS, 0);
        let read: Vec<_> = attributes(&octets).map(|read| (read.kind, read.value.to_vec())).collect();
        assert_eq!(read[0], (6, 1024u32.to_ne_bytes().to_vec()));
        assert_eq!(read[1], (3, b"veth0".to_vec()));
        assert_eq!(attributes(&octets).nth(2).unwrap().address(), Some("fd00::1".parse().unwrap()));
    }

    #[test]
    fn a_truncated_attribute_ends_the_list() {
        let mut octets = Vec::new();
        push_number(&mut octets, 6, 1024);
        push_number(&mut octets, 7, 1);
        for length in 0..octets.len() {
            assert_eq!(attributes(&octets[..length]).count(), length / 8, "{length}");
        }
        assert_eq!(attributes(&[3, 0, 1, 0]).count(), 0, "shorter than its header");
    }
}
