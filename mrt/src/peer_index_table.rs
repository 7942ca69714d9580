//! PEER_INDEX_TABLE (RFC 6396 §4.3.1): the peers that the entries of a table refer to by index.

use std::net::{IpAddr, Ipv4Addr};

use bgp_codec::{Afi, AsWidth, Asn};
use bytes::{BufMut, BytesMut};
use nom::Parser;
use nom::number::complete::{be_u8, be_u32};

use crate::fields::{Parsed, address, asn, counted, put_address, u16_sized, whole};
use crate::record_header::{RecordTooLong, RecordType, encode_record, put_u16_length};

/// The collector of a table, and its peers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PeerIndexTable<'a> {
    /// The BGP Identifier of the collector.
    pub collector: Ipv4Addr,
    /// The name of the view in UTF-8, often empty.
    pub view_name: &'a [u8],
    /// The peers; a [`RibEntry`](crate::RibEntry) refers to one by its index.
    pub peers: Vec<PeerEntry>,
}

/// A peer of the collector.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PeerEntry {
    /// Its BGP Identifier.
    pub identifier: Ipv4Addr,
    /// Its address.
    pub address: IpAddr,
    /// Its autonomous system.
    pub asn: Asn,
}

impl<'a> PeerIndexTable<'a> {
    pub(crate) const SUBTYPE: u16 = 1;

    pub(crate) fn decode(body: &'a [u8]) -> Option<Self> {
        let (rest, (collector, view_name)) = (be_u32, u16_sized).parse_complete(body).ok()?;
        let peers = whole(counted(rest, PeerEntry::decode))?;
        Some(Self { collector: Ipv4Addr::from_bits(collector), view_name, peers })
    }

    /// Appends the record, with four-octet AS numbers.
    ///
    /// # Errors
    ///
    /// There are more than 65,535 peers, or the name is longer than that.
    pub fn encode(&self, timestamp_seconds: u32, out: &mut BytesMut) -> Result<(), RecordTooLong> {
        encode_record(out, timestamp_seconds, RecordType::TABLE_DUMP_V2, Self::SUBTYPE, |out| {
            out.put_slice(&self.collector.octets());
            put_u16_length(out, self.view_name.len(), "the name of the view")?;
            out.put_slice(self.view_name);
            put_u16_length(out, self.peers.len(), "the list of peers")?;
            self.peers.iter().for_each(|peer| peer.encode(out));
            Ok(())
        })
    }
}

impl PeerEntry {
    fn decode(octets: &[u8]) -> Parsed<'_, Self> {
        let (rest, (kind, identifier)) = (be_u8, be_u32.map(Ipv4Addr::from_bits)).parse_complete(octets)?;
        let (rest, address) = address(rest, if kind & IPV6 == 0 { Afi::IPV4 } else { Afi::IPV6 })?;
        let (rest, asn) = asn(rest, if kind & FOUR_OCTETS == 0 { AsWidth::Two } else { AsWidth::Four })?;
        Ok((rest, Self { identifier, address, asn }))
    }

    fn encode(&self, out: &mut BytesMut) {
        out.put_u8(if self.address.is_ipv6() { IPV6 | FOUR_OCTETS } else { FOUR_OCTETS });
        out.put_slice(&self.identifier.octets());
        put_address(self.address, out);
        out.put_u32(self.asn.0);
    }
}

/// Flag in the octet of a peer's type: its address is IPv6.
const IPV6: u8 = 1;

/// Flag in the octet of a peer's type: its AS number has four octets.
const FOUR_OCTETS: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_of_each_form_are_decoded() {
        let body = [
            &[192, 0, 2, 9, 0, 1, b'v', 0, 3][..],
            &[0, 1, 1, 1, 1, 192, 0, 2, 1, 0xfd, 0xe9],
            &[2, 2, 2, 2, 2, 192, 0, 2, 2, 0, 1, 0, 0],
            &[3, 3, 3, 3, 3, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 7],
        ]
        .concat();
        let table = PeerIndexTable::decode(&body).unwrap();
        assert_eq!((table.collector, table.view_name), ([192, 0, 2, 9].into(), &b"v"[..]));
        let peers: Vec<String> = table
            .peers
            .iter()
            .map(|peer| format!("{} {} {}", peer.identifier, peer.address, peer.asn))
            .collect();
        assert_eq!(peers, ["1.1.1.1 192.0.2.1 65001", "2.2.2.2 192.0.2.2 65536", "3.3.3.3 2001:db8::1 7"]);
        assert_eq!(PeerIndexTable::decode(&body[..body.len() - 1]), None);
    }
}
