//! A table dump in MRT format (RFC 6396 §4.3), by which GoBGP is given many routes at once.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::{Context as _, Result};

/// A dump with one peer, the router itself, with a route without AS path to each prefix.
pub(crate) fn encode(router_id: Ipv4Addr, next_hop: IpAddr, prefixes: &[&str]) -> Result<Vec<u8>> {
    let mut dump = record(PEER_INDEX_TABLE, &peer_index_table(router_id));
    for (sequence, prefix) in prefixes.iter().enumerate() {
        let (address, length) =
            prefix.split_once('/').with_context(|| format!("{prefix} is not a prefix"))?;
        let length: u8 = length.parse()?;
        let mut body = u32::try_from(sequence)?.to_be_bytes().to_vec();
        let octets = match address.parse()? {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        let nlri = [&[length], &octets[..usize::from(length).div_ceil(8)]].concat();
        body.extend(&nlri);
        body.extend(rib_entry(next_hop, octets.len() == 4, &nlri)?);
        dump.extend(record(if octets.len() == 4 { RIB_IPV4_UNICAST } else { RIB_IPV6_UNICAST }, &body));
    }
    Ok(dump)
}

/// Header: timestamp, type TABLE_DUMP_V2, subtype, length.
fn record(subtype: u16, body: &[u8]) -> Vec<u8> {
    const TABLE_DUMP_V2: u16 = 13;
    let length = u32::try_from(body.len()).expect("a record is a few hundred octets");
    let mut record = vec![0; 4];
    record.extend(TABLE_DUMP_V2.to_be_bytes());
    record.extend(subtype.to_be_bytes());
    record.extend(length.to_be_bytes());
    record.extend(body);
    record
}

/// Collector, empty view name, one peer: IPv4 with 4-octet AS (type 2), identifier, address 0, AS 0.
fn peer_index_table(router_id: Ipv4Addr) -> Vec<u8> {
    let mut body = router_id.octets().to_vec();
    body.extend([0, 0, 0, 1, 2]);
    body.extend(router_id.octets());
    body.extend([0; 8]);
    body
}

/// One entry: peer 0, time 0, ORIGIN igp, empty AS_PATH, and the next hop.
fn rib_entry(next_hop: IpAddr, in_ipv4_table: bool, nlri: &[u8]) -> Result<Vec<u8>> {
    let mut attributes = vec![0x40, 1, 1, 0, 0x40, 2, 0];
    match next_hop {
        IpAddr::V4(address) if in_ipv4_table => {
            attributes.extend([0x40, 3, 4]);
            attributes.extend(address.octets());
        }
        // RFC 6396 §4.3.4 asks for the next hop alone, but GoBGP 3.10 only accepts a whole MP_REACH_NLRI.
        IpAddr::V6(address) => {
            let mut value = vec![0, 2, 1, 16];
            value.extend(address.octets());
            value.push(0);
            value.extend(nlri);
            attributes.extend([0x80, 14, u8::try_from(value.len())?]);
            attributes.extend(value);
        }
        IpAddr::V4(_) => anyhow::bail!("an IPv6 route needs an IPv6 next hop"),
    }
    let mut entry = vec![0, 1, 0, 0, 0, 0, 0, 0];
    entry.extend(u16::try_from(attributes.len())?.to_be_bytes());
    entry.extend(attributes);
    Ok(entry)
}

const PEER_INDEX_TABLE: u16 = 1;
const RIB_IPV4_UNICAST: u16 = 2;
const RIB_IPV6_UNICAST: u16 = 4;

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::encode;

    #[test]
    fn has_one_record_for_the_peer_and_one_per_prefix() {
        let own = Ipv4Addr::new(192, 0, 2, 1);
        let dump = encode(own, IpAddr::V4(own), &["10.0.0.0/8", "10.1.2.0/24"]).unwrap();
        let (mut rest, mut subtypes) = (dump.as_slice(), Vec::new());
        while !rest.is_empty() {
            let length = u32::from_be_bytes([rest[8], rest[9], rest[10], rest[11]]);
            subtypes.push(rest[7]);
            rest = &rest[12 + usize::try_from(length).unwrap()..];
        }
        assert_eq!(subtypes, [1, 2, 2]);
    }

    #[test]
    fn refuses_routes_that_a_table_cannot_hold() {
        let own = IpAddr::V4(Ipv4Addr::LOCALHOST);
        for prefix in ["2001:db8::/32", "10.0.0.0", "cat/8"] {
            assert!(encode(Ipv4Addr::LOCALHOST, own, &[prefix]).is_err(), "{prefix}");
        }
    }
}
