//! UPDATE messages (RFC 4271 §4.3, RFC 4760): what they announce and withdraw.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::attributes::{Attributes, attribute, sized, split};
use super::message::{Kind, Message};

/// What an UPDATE says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Update {
    /// Prefixes with their path identifiers.
    pub(crate) withdrawn: Vec<(IpNet, Option<u32>)>,
    pub(crate) announced: Vec<(IpNet, Option<u32>)>,
    pub(crate) attributes: Attributes,
    /// Whether it is an End-of-RIB (RFC 4724 §2).
    pub(crate) ends_rib: bool,
}

impl Update {
    /// Reads the body of an UPDATE; `None` if a length in it is wrong.
    pub(crate) fn parse(body: &[u8], path_ids: bool) -> Option<Self> {
        let (withdrawn, rest) = sized(body)?;
        let (attributes, nlri) = sized(rest)?;
        let mut update = Self {
            withdrawn: prefixes(withdrawn, 4, path_ids)?,
            announced: prefixes(nlri, 4, path_ids)?,
            attributes: split(attributes)?,
            ends_rib: body == [0; 4],
        };
        update.read_reach(path_ids)?;
        update.read_unreach(path_ids)?;
        Some(update)
    }

    /// MP_REACH_NLRI: the next hop stays in its place among the attributes.
    fn read_reach(&mut self, path_ids: bool) -> Option<()> {
        let Some((_, value)) = self.attributes.get_mut(&14) else { return Some(()) };
        let (family, rest) = value.split_at_checked(3)?;
        let width = if family[1] == 1 { 4 } else { 16 };
        let (length, rest) = rest.split_first()?;
        let (next_hop, rest) = rest.split_at_checked(usize::from(*length))?;
        self.announced.extend(prefixes(rest.get(1..)?, width, path_ids)?);
        *value = next_hop.to_vec();
        Some(())
    }

    fn read_unreach(&mut self, path_ids: bool) -> Option<()> {
        let Some((_, value)) = self.attributes.remove(&15) else { return Some(()) };
        let (family, rest) = value.split_at_checked(3)?;
        let width = if family[1] == 1 { 4 } else { 16 };
        self.ends_rib |= rest.is_empty() && self.announced.is_empty();
        self.withdrawn.extend(prefixes(rest, width, path_ids)?);
        Some(())
    }
}

/// A whole UPDATE in octets that announces prefixes of one family. `attributes` holds whole attributes; the next hop of
/// IPv6 prefixes is given here, that of IPv4 prefixes is among the attributes.
pub(crate) fn update(prefixes: &[IpNet], attributes: &[u8], next_hop: IpAddr) -> Vec<u8> {
    let nlri: Vec<u8> = prefixes.iter().flat_map(|prefix| encode_prefix(*prefix)).collect();
    let is_ipv4 = prefixes.iter().all(|prefix| prefix.addr().is_ipv4());
    let body = match next_hop {
        IpAddr::V6(next_hop) if !is_ipv4 => {
            let reach = [&[0, 2, 1, 16][..], &next_hop.octets(), &[0], &nlri].concat();
            body(&[], &[&attribute(0x80, 14, &reach), attributes].concat(), &[])
        }
        _ => body(&[], attributes, &nlri),
    };
    Message::encode(Kind::Update, &body)
}

/// The body of an UPDATE: withdrawn routes, path attributes, NLRI.
fn body(withdrawn: &[u8], attributes: &[u8], nlri: &[u8]) -> Vec<u8> {
    let length = |part: &[u8]| u16::try_from(part.len()).expect("a scenario's messages fit").to_be_bytes();
    [&length(withdrawn), withdrawn, &length(attributes), attributes, nlri].concat()
}

/// A whole UPDATE that withdraws IPv4 prefixes.
pub(crate) fn withdrawal(prefixes: &[IpNet]) -> Vec<u8> {
    let nlri: Vec<u8> = prefixes.iter().flat_map(|prefix| encode_prefix(*prefix)).collect();
    Message::encode(Kind::Update, &body(&nlri, &[], &[]))
}

fn encode_prefix(prefix: IpNet) -> Vec<u8> {
    let whole = match prefix.network() {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    let length = usize::from(prefix.prefix_len().div_ceil(8));
    [&[prefix.prefix_len()], &whole[..length]].concat()
}

fn prefixes(mut octets: &[u8], width: usize, path_ids: bool) -> Option<Vec<(IpNet, Option<u32>)>> {
    let mut all = Vec::new();
    while !octets.is_empty() {
        let mut path_id = None;
        if path_ids {
            let (id, rest) = octets.split_first_chunk::<4>()?;
            path_id = Some(u32::from_be_bytes(*id));
            octets = rest;
        }
        let (length, rest) = octets.split_first()?;
        let (part, rest) = rest.split_at_checked(usize::from(length.div_ceil(8)))?;
        octets = rest;
        let mut whole = vec![0; width];
        whole.get_mut(..part.len())?.copy_from_slice(part);
        let address: IpAddr = match <[u8; 4]>::try_from(whole.as_slice()) {
            Ok(octets) => Ipv4Addr::from(octets).into(),
            Err(_) => Ipv6Addr::from(<[u8; 16]>::try_from(whole).ok()?).into(),
        };
        all.push((IpNet::new(address, *length).ok()?, path_id));
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::{Update, update, withdrawal};
    use crate::probe::attributes;
    use crate::probe::message::Message;

    fn parsed(mut octets: Vec<u8>) -> Update {
        Update::parse(&Message::take(&mut octets).unwrap().body, false).unwrap()
    }

    #[test]
    fn reads_what_it_writes_in_both_families() {
        for (prefix, next_hop) in [("10.1.2.0/24", "172.16.0.1"), ("2001:db8:1::/48", "2001:db8::1")] {
            let (prefix, next_hop) = (prefix.parse().unwrap(), next_hop.parse::<IpAddr>().unwrap());
            let read = parsed(update(&[prefix], &attributes(&[65001], next_hop), next_hop));
            assert_eq!(read.announced, [(prefix, None)]);
            assert_eq!(read.attributes[&2], (0x40, vec![2, 1, 0, 0, 0xfd, 0xe9]));
            assert!(!read.ends_rib);
        }
        let read = parsed(withdrawal(&["10.1.2.0/24".parse().unwrap()]));
        assert_eq!((read.withdrawn.len(), read.announced.len()), (1, 0));
        assert!(Update::parse(&[0; 4], false).unwrap().ends_rib);
        assert!(Update::parse(&[0, 9, 0, 0], false).is_none());
    }
}
