//! A peer's table: prefixes in groups that share attributes.

use bgp_codec::{AsWidth, Family, Ipv4Prefix, NextHop, Nlri, PathAttributes, UpdateEncoder};
use bytes::{Bytes, BytesMut};

use super::SeededRandom;
use super::prefixes::distinct_prefixes;

/// Distinct prefixes in groups, whose attributes are stored elsewhere because they change.
#[derive(Debug)]
pub(crate) struct RouteTable {
    groups: Vec<Vec<Ipv4Prefix>>,
}

impl RouteTable {
    /// A table with this many prefixes in this many groups, of which a few are large and many have one
    /// prefix.
    ///
    /// # Panics
    ///
    /// Panics if there are fewer prefixes than groups.
    pub(crate) fn generate(prefixes: usize, groups: usize, random: &mut SeededRandom) -> Self {
        let mut rest = distinct_prefixes(prefixes, random);
        let take = |size: usize| rest.split_off(rest.len() - size);
        Self { groups: group_sizes(prefixes, groups, random).into_iter().map(take).collect() }
    }

    pub(crate) fn groups(&self) -> &[Vec<Ipv4Prefix>] {
        &self.groups
    }

    /// The UPDATEs that advertise the table, one for each group unless the group is too large.
    pub(crate) fn encode(&self, attributes: &[PathAttributes], next_hop: NextHop) -> Bytes {
        self.encode_from(0, attributes, next_hop)
    }

    /// The same UPDATEs, starting with those of the group `first` and ending with those of the group before
    /// it.
    pub(crate) fn encode_from(
        &self,
        first: usize,
        attributes: &[PathAttributes],
        next_hop: NextHop,
    ) -> Bytes {
        assert_eq!(attributes.len(), self.groups.len(), "each group has its attributes");
        let mut out = BytesMut::new();
        for group in (first..self.groups.len()).chain(0..first) {
            let (prefixes, attributes) = (&self.groups[group], &attributes[group]);
            let nlri = prefixes.iter().copied().map(Nlri::new);
            ENCODER.reach(&mut out, attributes, next_hop, nlri).expect("the attributes are short");
        }
        out.freeze()
    }
}

/// The End-of-RIB that a peer sends after its first routes, or at once if it has none (RFC 4724 §2).
pub(crate) fn end_of_rib() -> Bytes {
    let mut out = BytesMut::new();
    ENCODER.end_of_rib(&mut out, Family::IPV4_UNICAST);
    out.freeze()
}

/// Sizes of the groups; each at least one.
fn group_sizes(prefixes: usize, groups: usize, random: &mut SeededRandom) -> Vec<usize> {
    assert!(prefixes >= groups && groups > 0, "each group has a prefix");
    let count = u32::try_from(groups).expect("tables have less than 2^32 groups");
    let mut sizes = vec![1; groups];
    let mut rest = prefixes - groups;
    while rest > 0 {
        // The smaller of two draws: the first groups grow much faster than the last.
        let few = random.below(count).min(random.below(count)) as usize;
        let skewed = random.below(u32::try_from(few + 1).expect("below the count")) as usize;
        let group = if sizes[skewed] < FULL_GROUP { skewed } else { few };
        sizes[group] += 1;
        rest -= 1;
    }
    random.shuffle(&mut sizes);
    sizes
}

/// Prefixes that fit into one message with room for attributes.
const FULL_GROUP: usize = 500;

/// Encoder of the peers' UPDATEs.
pub(crate) const ENCODER: UpdateEncoder =
    UpdateEncoder { as_width: AsWidth::Four, max_message_octets: MAX_MESSAGE_OCTETS, add_path: false };

/// Neither side announces longer ones (RFC 8654).
const MAX_MESSAGE_OCTETS: usize = 4096;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use bgp_codec::{Asn, DecodeContext, Message, PeerKind, decode_message, frame_length};
    use foldhash::HashSet;

    use super::*;
    use crate::workload::AttributeSets;

    #[test]
    fn each_prefix_is_in_one_group_and_no_group_is_empty() {
        for (prefixes, groups) in [(10_000, 1_500), (1_500, 1_500), (700, 1)] {
            let table = RouteTable::generate(prefixes, groups, &mut SeededRandom::new(5));
            assert_eq!(table.groups().len(), groups);
            assert!(table.groups().iter().all(|group| !group.is_empty()));
            let distinct: HashSet<&Ipv4Prefix> = table.groups().iter().flatten().collect();
            assert_eq!(distinct.len(), prefixes);
            assert_eq!(table.groups().iter().map(Vec::len).sum::<usize>(), prefixes);
        }
    }

    #[test]
    fn the_updates_say_what_the_table_holds() {
        let mut random = SeededRandom::new(6);
        let table = RouteTable::generate(3_000, 400, &mut random);
        let sets = AttributeSets::generate(400, Asn(65001), &mut random);
        let next_hop = NextHop::Ipv4(Ipv4Addr::new(192, 0, 2, 1));
        let mut octets = table.encode(sets.as_slice(), next_hop);

        let context = DecodeContext::new(PeerKind::Ebgp, AsWidth::Four);
        for (prefixes, attributes) in table.groups().iter().zip(sets.as_slice()) {
            let length = frame_length(&octets, MAX_MESSAGE_OCTETS).unwrap().unwrap();
            let Message::Update(update) = decode_message(octets.split_to(length), &context).unwrap() else {
                panic!("an UPDATE was expected");
            };
            assert_eq!(update.attributes().unwrap(), *attributes);
            let reach = update.reach().next().unwrap();
            assert_eq!(reach.next_hop, next_hop);
            let nlri = reach.nlri.iter::<Ipv4Prefix>().map(|nlri| nlri.prefix);
            assert!(nlri.eq(prefixes.iter().copied()));
        }
        assert!(octets.is_empty());
    }
}
