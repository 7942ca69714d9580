//! The records of a table (RFC 6396 §4.3.2, RFC 8050 §4.1): all routes to one prefix.

use bgp_codec::{Family, IpPrefix, Ipv4Prefix, Ipv6Prefix, PathId, Prefix, Safi};
use bytes::{BufMut, BytesMut};
use nom::Parser;
use nom::combinator::cond;
use nom::number::complete::{be_u16, be_u32};

use crate::fields::{Parsed, counted, u16_sized, whole};
use crate::record_header::{RecordTooLong, RecordType, encode_record, put_u16_length};

/// The routes to one prefix, of IPv4 or IPv6, unicast or multicast.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RibRecord<'a> {
    /// Number of the record in the table.
    pub sequence: u32,
    /// Use of the routes: [`Safi::UNICAST`] or [`Safi::MULTICAST`].
    pub safi: Safi,
    /// The prefix.
    pub prefix: Prefix,
    /// The routes.
    pub entries: Vec<RibEntry<'a>>,
}

/// One route.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RibEntry<'a> {
    /// Index of its peer in the [`PeerIndexTable`](crate::PeerIndexTable).
    pub peer_index: u16,
    /// When it was received, in seconds since 1970.
    pub originated_seconds: u32,
    /// Its path identifier, if the session has them.
    pub path_id: Option<PathId>,
    /// Its attributes, with four-octet AS numbers; [`table_attributes`](crate::table_attributes) encodes
    /// them.
    pub attributes: &'a [u8],
}

impl<'a> RibRecord<'a> {
    /// The family of the routes.
    #[must_use]
    pub fn family(&self) -> Family {
        Family { afi: self.prefix.family().afi, safi: self.safi }
    }

    pub(crate) fn decode(subtype: u16, body: &'a [u8]) -> Option<Self> {
        let (is_ipv4, safi) = match subtype {
            2 | 8 => (true, Safi::UNICAST),
            3 | 9 => (true, Safi::MULTICAST),
            4 | 10 => (false, Safi::UNICAST),
            _ => (false, Safi::MULTICAST),
        };
        let (rest, sequence) = be_u32::<_, nom::error::Error<_>>.parse_complete(body).ok()?;
        let (prefix, rest) =
            if is_ipv4 { erased(Ipv4Prefix::decode(rest)?) } else { erased(Ipv6Prefix::decode(rest)?) };
        let has_path_ids = subtype >= ADD_PATH;
        let entries = whole(counted(rest, |octets| RibEntry::decode(octets, has_path_ids)))?;
        Some(Self { sequence, safi, prefix, entries })
    }

    /// Appends the record. If one entry has a path identifier, all are encoded with one: 0 for those without.
    ///
    /// # Errors
    ///
    /// There are more than 65,535 routes, or attributes are longer than that.
    pub fn encode(&self, timestamp_seconds: u32, out: &mut BytesMut) -> Result<(), RecordTooLong> {
        let has_path_ids = self.entries.iter().any(|entry| entry.path_id.is_some());
        let subtype = self.subtype(has_path_ids);
        encode_record(out, timestamp_seconds, RecordType::TABLE_DUMP_V2, subtype, |out| {
            out.put_u32(self.sequence);
            match self.prefix {
                Prefix::Ipv4(prefix) => prefix.encode(out),
                Prefix::Ipv6(prefix) => prefix.encode(out),
            }
            put_u16_length(out, self.entries.len(), "the list of routes")?;
            self.entries.iter().try_for_each(|entry| entry.encode(has_path_ids, out))
        })
    }

    fn subtype(&self, has_path_ids: bool) -> u16 {
        let subtype: u16 = match (self.prefix, self.safi) {
            (Prefix::Ipv4(_), Safi::MULTICAST) => 3,
            (Prefix::Ipv4(_), _) => 2,
            (Prefix::Ipv6(_), Safi::MULTICAST) => 5,
            (Prefix::Ipv6(_), _) => 4,
        };
        // RFC 8050 §4.1 numbers the four subtypes with path identifiers in the same order, from 8.
        if has_path_ids { subtype.saturating_add(6) } else { subtype }
    }
}

fn erased<P: IpPrefix>((prefix, rest): (P, &[u8])) -> (Prefix, &[u8]) {
    (prefix.erase(), rest)
}

impl<'a> RibEntry<'a> {
    fn decode(octets: &'a [u8], has_path_id: bool) -> Parsed<'a, Self> {
        let path_id = cond(has_path_id, be_u32.map(PathId));
        let (rest, (peer_index, originated_seconds, path_id, attributes)) =
            (be_u16, be_u32, path_id, u16_sized).parse_complete(octets)?;
        Ok((rest, Self { peer_index, originated_seconds, path_id, attributes }))
    }

    fn encode(&self, with_path_id: bool, out: &mut BytesMut) -> Result<(), RecordTooLong> {
        out.put_u16(self.peer_index);
        out.put_u32(self.originated_seconds);
        if with_path_id {
            out.put_u32(self.path_id.map_or(0, |path_id| path_id.0));
        }
        put_u16_length(out, self.attributes.len(), "the attributes of a route")?;
        out.put_slice(self.attributes);
        Ok(())
    }
}

/// The lowest subtype whose entries have path identifiers: RIB_IPV4_UNICAST_ADDPATH.
const ADD_PATH: u16 = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Record, RecordHeader};

    #[test]
    fn a_route_is_encoded_as_in_the_rfc() {
        let entry =
            RibEntry { peer_index: 1, originated_seconds: 2, path_id: None, attributes: &[0x40, 1, 1, 0] };
        let prefix = "10.0.0.0/9".parse().unwrap();
        let record = RibRecord { sequence: 7, safi: Safi::UNICAST, prefix, entries: vec![entry] };
        let mut out = BytesMut::new();
        record.encode(9, &mut out).unwrap();
        let body = [0, 0, 0, 7, 9, 10, 0, 0, 1, 0, 1, 0, 0, 0, 2, 0, 4, 0x40, 1, 1, 0];
        assert_eq!(&out[..], [&[0, 0, 0, 9, 0, 13, 0, 2, 0, 0, 0, 21][..], &body].concat());
        let header = RecordHeader::decode(out.first_chunk().unwrap());
        assert_eq!(Record::decode(&header, &body), Ok(Record::Rib(record)));
        assert!(Record::decode(&header, &body[..20]).is_err());
    }

    #[test]
    fn attributes_that_do_not_fit_append_nothing() {
        let long = vec![0; 65536];
        let entry = RibEntry { peer_index: 1, originated_seconds: 2, path_id: None, attributes: &long };
        let prefix = "::/0".parse().unwrap();
        let record = RibRecord { sequence: 7, safi: Safi::UNICAST, prefix, entries: vec![entry] };
        let mut out = BytesMut::from(&b"before"[..]);
        let error = record.encode(9, &mut out).unwrap_err();
        assert_eq!(error.to_string(), "no room in an MRT record for the attributes of a route");
        assert_eq!(&out[..], b"before");
    }
}
