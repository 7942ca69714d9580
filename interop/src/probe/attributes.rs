//! Path attributes in octets (RFC 4271 §4.3).

use std::collections::BTreeMap;
use std::net::IpAddr;

/// Attributes by type: flags without the one for long values, and the value. MP_REACH_NLRI stands for its next hop.
pub(crate) type Attributes = BTreeMap<u8, (u8, Vec<u8>)>;

/// A whole attribute in octets.
///
/// # Panics
///
/// The value is longer than 65,535 octets.
pub(crate) fn attribute(flags: u8, kind: u8, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).expect("a scenario's attributes fit");
    match u8::try_from(length) {
        Ok(length) => [&[flags, kind, length][..], value].concat(),
        Err(_) => [&[flags | LONG, kind][..], &length.to_be_bytes(), value].concat(),
    }
}

/// ORIGIN (IGP), AS_PATH of one sequence of 4-octet numbers, and NEXT_HOP for IPv4.
pub(crate) fn attributes(as_path: &[u32], next_hop: IpAddr) -> Vec<u8> {
    let mut path = Vec::new();
    if !as_path.is_empty() {
        path.extend([2, u8::try_from(as_path.len()).expect("a scenario's paths are short")]);
        path.extend(as_path.iter().flat_map(|asn| asn.to_be_bytes()));
    }
    let next_hop = match next_hop {
        IpAddr::V4(address) => attribute(0x40, 3, &address.octets()),
        IpAddr::V6(_) => Vec::new(),
    };
    [attribute(0x40, 1, &[0]), attribute(0x40, 2, &path), next_hop].concat()
}

/// Splits a list of attributes; `None` if a length is wrong.
pub(super) fn split(mut octets: &[u8]) -> Option<Attributes> {
    let mut all = Attributes::new();
    while let [flags, kind, after @ ..] = octets {
        let (value, rest) = if flags & LONG == 0 {
            let (length, after) = after.split_first()?;
            after.split_at_checked(usize::from(*length))?
        } else {
            sized(after)?
        };
        all.insert(*kind, (flags & !LONG, value.to_vec()));
        octets = rest;
    }
    Some(all)
}

/// Splits off a part whose length is in two octets before it.
pub(super) fn sized(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = octets.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

/// The flag of attributes whose length has two octets.
const LONG: u8 = 0x10;
