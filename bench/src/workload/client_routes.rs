//! The routes that the clients of a route reflector announce, and the form in which others must receive them.

use std::net::Ipv4Addr;

use bgp_codec::{
    Asn, BgpIdentifier, ClusterId, Ipv4Prefix, NextHop, Nlri, Origin, PathAttributes, PathAttributesBuilder,
};
use bytes::{Bytes, BytesMut};

use super::ENCODER;
use super::SeededRandom;
use crate::peer::PeerSettings;

/// The routes of all clients: address blocks as of the nodes of a cluster, the same number for each client.
#[derive(Debug)]
pub(crate) struct ClientRoutes {
    clients: Vec<PeerSettings>,
    cluster: ClusterId,
    routes_each: usize,
    /// All clients' prefixes, one client's after another's.
    prefixes: Vec<Ipv4Prefix>,
}

impl ClientRoutes {
    /// Blocks of 64 addresses out of 10.0.0.0/8, assigned to the clients in random order.
    ///
    /// # Panics
    ///
    /// Panics if there are more blocks than that, or more than 64,000 clients.
    pub(crate) fn generate(
        clients: usize,
        routes_each: usize,
        asn: Asn,
        cluster: ClusterId,
        random: &mut SeededRandom,
    ) -> Self {
        let count = u32::try_from(clients * routes_each).expect("less than 2^32 blocks");
        assert!(count <= 1 << 18, "10.0.0.0/8 has 2^18 blocks of 64 addresses");
        let block = |index: u32| {
            Ipv4Prefix::truncating(Ipv4Addr::from_bits(0x0a00_0000 + index * BLOCK_ADDRESSES), BLOCK_BITS)
        };
        let mut prefixes: Vec<Ipv4Prefix> = (0..count).map(block).collect();
        random.shuffle(&mut prefixes);
        let settings = |index: usize| PeerSettings {
            name: format!("client_{index}").into(),
            address: numbered_address(CLIENTS, index),
            asn,
        };
        Self { clients: (0..clients).map(settings).collect(), cluster, routes_each, prefixes }
    }

    /// The clients, in order.
    pub(crate) fn clients(&self) -> &[PeerSettings] {
        &self.clients
    }

    /// Number of routes of each client.
    pub(crate) fn routes_each(&self) -> usize {
        self.routes_each
    }

    /// All clients' prefixes: the first client's first.
    pub(crate) fn prefixes(&self) -> &[Ipv4Prefix] {
        &self.prefixes
    }

    /// The prefixes of one client.
    pub(crate) fn prefixes_of(&self, client: usize) -> &[Ipv4Prefix] {
        &self.prefixes[client * self.routes_each..][..self.routes_each]
    }

    /// The client whose prefix is at this position in [`ClientRoutes::prefixes`].
    pub(crate) fn source_of(&self, prefix: usize) -> usize {
        prefix / self.routes_each
    }

    /// The next hop of a client's routes: its node's address, which differs from that of its session.
    pub(crate) fn next_hop(client: usize) -> NextHop {
        NextHop::Ipv4(numbered_address(NODES, client))
    }

    /// The attributes with which a client announces its routes. MULTI_EXIT_DISC is always present, because
    /// FRR adds one of 0 to routes without.
    pub(crate) fn announced(med: u32) -> PathAttributesBuilder {
        let mut builder = PathAttributesBuilder::new(Origin::Igp);
        builder.local_pref = Some(100);
        builder.med = Some(med);
        builder
    }

    /// The attributes that the other clients must receive: the reflector adds ORIGINATOR_ID and CLUSTER_LIST,
    /// and changes nothing else (RFC 4456 §8, §10).
    ///
    /// # Panics
    ///
    /// Panics if there is no such client.
    pub(crate) fn reflected(&self, client: usize, med: u32) -> PathAttributes {
        let mut builder = Self::announced(med);
        let originator = BgpIdentifier::try_from(self.clients[client].address);
        builder.originator_id = Some(originator.expect("no client has address 0.0.0.0"));
        builder.cluster_list = vec![self.cluster];
        builder.build()
    }

    /// The UPDATEs in which a client announces all its routes with these attributes.
    pub(crate) fn encode(&self, client: usize, attributes: &PathAttributes) -> Bytes {
        let mut out = BytesMut::new();
        let nlri = self.prefixes_of(client).iter().copied().map(Nlri::new);
        ENCODER.reach(&mut out, attributes, Self::next_hop(client), nlri).expect("the attributes are short");
        out.freeze()
    }
}

/// The address with a number, counted from a first one; none ends in 0 or 255.
fn numbered_address(first: Ipv4Addr, index: usize) -> Ipv4Addr {
    let index = u32::try_from(index).expect("less than 2^32 clients");
    assert!(index < 64_000, "the last two octets number 64,000 clients");
    Ipv4Addr::from_bits(first.to_bits() + (index / 250) * 256 + index % 250)
}

/// The initial MULTI_EXIT_DISC of the clients' routes.
pub(crate) const FIRST_MED: u32 = 1;

const CLIENTS: Ipv4Addr = Ipv4Addr::new(127, 1, 0, 1);
const NODES: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 1);
const BLOCK_BITS: u8 = 26;
const BLOCK_ADDRESSES: u32 = 64;

#[cfg(test)]
mod tests {
    use foldhash::HashSet;

    use super::*;

    #[test]
    fn clients_and_prefixes_are_distinct() {
        let mut random = SeededRandom::new(1);
        let routes = ClientRoutes::generate(600, 7, Asn(64512), ClusterId(9), &mut random);
        let addresses: HashSet<Ipv4Addr> = routes.clients().iter().map(|client| client.address).collect();
        let prefixes: HashSet<&Ipv4Prefix> = routes.prefixes().iter().collect();
        assert_eq!((addresses.len(), prefixes.len()), (600, 4_200));
        assert!((0..4_200).all(|index| {
            routes.prefixes_of(routes.source_of(index)).contains(&routes.prefixes()[index])
        }));
    }
}
