//! Path attributes in the form of a table (RFC 6396 §4.3.4): the set together with the next hop.

use bgp_codec::{NextHop, PathAttributes, RawPathAttribute, RawUpdate};
use bytes::{BufMut, BytesMut};

/// The attributes of a route for a [`RibEntry`](crate::RibEntry), in ascending order of their types.
///
/// An IPv4 next hop becomes a NEXT_HOP. Any other becomes an MP_REACH_NLRI that consists of the next hop and
/// its length: family and prefix are those of the record.
#[must_use]
pub fn table_attributes(attributes: &PathAttributes, next_hop: NextHop) -> Vec<u8> {
    let mut out = BytesMut::with_capacity(attributes.octets().len().saturating_add(MAX_NEXT_HOP_OCTETS));
    let set = RawUpdate { withdrawn: &[], attributes: attributes.octets(), nlri: &[] };
    let next_hop_type = if matches!(next_hop, NextHop::Ipv4(_)) { NEXT_HOP } else { MP_REACH_NLRI };
    let (before, after): (Vec<_>, Vec<_>) =
        set.path_attributes().partition(|attribute| attribute.attribute_type.0 < next_hop_type);
    before.iter().for_each(|attribute| put_attribute(attribute, &mut out));
    put_next_hop(next_hop, &mut out);
    after.iter().for_each(|attribute| put_attribute(attribute, &mut out));
    out.to_vec()
}

fn put_attribute(attribute: &RawPathAttribute<'_>, out: &mut BytesMut) {
    out.put_slice(&[attribute.flags, attribute.attribute_type.0]);
    let length = u16::try_from(attribute.value.len()).unwrap_or(u16::MAX);
    match u8::try_from(length) {
        Ok(length) if attribute.flags & EXTENDED_LENGTH == 0 => out.put_u8(length),
        _ => out.put_u16(length),
    }
    out.put_slice(attribute.value);
}

fn put_next_hop(next_hop: NextHop, out: &mut BytesMut) {
    match next_hop {
        NextHop::Ipv4(address) => {
            out.put_slice(&[WELL_KNOWN, NEXT_HOP, 4]);
            out.put_slice(&address.octets());
        }
        NextHop::Ipv6(address) => {
            out.put_slice(&[OPTIONAL, MP_REACH_NLRI, 17, 16]);
            out.put_slice(&address.octets());
        }
        NextHop::Ipv6LinkLocal { global, link_local } => {
            out.put_slice(&[OPTIONAL, MP_REACH_NLRI, 33, 32]);
            out.put_slice(&global.octets());
            out.put_slice(&link_local.octets());
        }
    }
}

const NEXT_HOP: u8 = 3;
const MP_REACH_NLRI: u8 = 14;

/// The flags of NEXT_HOP.
const WELL_KNOWN: u8 = 0x40;

/// The flags of MP_REACH_NLRI.
const OPTIONAL: u8 = 0x80;

const EXTENDED_LENGTH: u8 = 0x10;

/// Octets of an MP_REACH_NLRI with two addresses, including its header.
const MAX_NEXT_HOP_OCTETS: usize = 36;

#[cfg(test)]
mod tests {
    use bgp_codec::{AsPathBuf, Asn, Origin, PathAttributesBuilder};

    use super::*;

    #[test]
    fn the_next_hop_is_in_the_order_of_types() {
        let mut builder = PathAttributesBuilder::new(Origin::Igp);
        builder.as_path = AsPathBuf::from_sequence([Asn(65001)]);
        builder.med = Some(7);
        builder.cluster_list = vec![bgp_codec::ClusterId(1)];
        let set = builder.build();
        let start = [0x40, 1, 1, 0, 0x40, 2, 6, 2, 1, 0, 0, 0xfd, 0xe9];
        let (med, clusters) = ([0x80, 4, 4, 0, 0, 0, 7], [0x80, 10, 4, 0, 0, 0, 1]);
        let ipv4 = [&start[..], &[0x40, 3, 4, 192, 0, 2, 1], &med, &clusters].concat();
        assert_eq!(table_attributes(&set, NextHop::Ipv4([192, 0, 2, 1].into())), ipv4);
        let ipv6 = [&start[..], &med, &clusters, &[0x80, 14, 17, 16], &[1; 16]].concat();
        assert_eq!(table_attributes(&set, NextHop::Ipv6([1; 16].into())), ipv6);
    }
}
