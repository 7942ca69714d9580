//! Events given to a Rib by hand, and the decoded updates that it sends.

use bgp_codec::{
    AsPathBuf, AsWidth, Asn, Community, DecodeContext, Family, Ipv4Prefix, Message, NextHop, Nlri, Origin,
    PathAttributes, PathAttributesBuilder, PathId, PeerKind, Prefix, Update, decode_message, frame_length,
};
use bytes::Bytes;
use margay_rib::{DecisionRules, EncodedUpdates, PeerIndex, ReflectorOptions, Rib, RibOptions};

use super::cast::{LOCAL_ASN, Variant, identifier, options};

/// An external peer.
pub(crate) const FEED: usize = 0;

pub(crate) const BLOCK: &str = "10.65.1.0/26";

pub(crate) fn rib() -> Rib {
    let identifier = identifier(100);
    let reflector = ReflectorOptions::new(identifier);
    Rib::new(RibOptions {
        asn: LOCAL_ASN,
        confederation: None,
        identifier,
        reflector,
        forwarding: None,
        decision: DecisionRules::default(),
        hash_seed: 1,
    })
}

/// A Rib with an external feed, and an internal reader that has been sent the (empty) table.
pub(crate) fn feed_and_reader() -> (Rib, PeerIndex, PeerIndex) {
    let mut rib = rib();
    let feed = rib.peer_up(options(FEED), None);
    let reader = rib.peer_up(options(4), None);
    while rib.work(1000) {}
    exports(&mut rib, reader);
    (rib, feed, reader)
}

/// Everything that a peer is sent until it is up to date.
#[derive(Debug, Default)]
pub(crate) struct Exports {
    pub(crate) octets: usize,
    pub(crate) messages: usize,
    pub(crate) reached: Vec<Ipv4Prefix>,
    pub(crate) unreached: Vec<Ipv4Prefix>,
    /// The next hops of the announcements, without repetitions in a row.
    pub(crate) next_hops: Vec<NextHop>,
    /// The communities of the announcements, without repetitions in a row.
    pub(crate) communities: Vec<Community>,
    /// The announcements and withdrawals with path identifiers.
    pub(crate) reached_paths: Vec<(Ipv4Prefix, Option<PathId>)>,
    pub(crate) unreached_paths: Vec<(Ipv4Prefix, Option<PathId>)>,
    /// The marks around a table that is sent again, by their subtype.
    pub(crate) marks: Vec<u8>,
}

pub(crate) fn exports(rib: &mut Rib, peer: PeerIndex) -> Exports {
    exports_in(rib, peer, &DecodeContext::new(PeerKind::Ibgp, AsWidth::Four))
}

/// [`exports`] to a peer that accepts path identifiers.
pub(crate) fn path_exports(rib: &mut Rib, peer: PeerIndex) -> Exports {
    let add_path = vec![Family::IPV4_UNICAST];
    exports_in(rib, peer, &DecodeContext { add_path, ..DecodeContext::new(PeerKind::Ibgp, AsWidth::Four) })
}

/// The next octets that a peer is sent; `None` when it is up to date.
pub(crate) fn poll_export(rib: &mut Rib, peer: PeerIndex) -> Option<Vec<EncodedUpdates>> {
    if !rib.view().has_export(peer) {
        return None;
    }
    let mut updates = Vec::new();
    let has_more = rib.poll_export(peer, &mut updates);
    assert_eq!(has_more, rib.view().has_export(peer));
    Some(updates)
}

fn exports_in(rib: &mut Rib, peer: PeerIndex, context: &DecodeContext) -> Exports {
    let mut exports = Exports::default();
    while let Some(chunks) = poll_export(rib, peer) {
        for mut chunk in chunks.into_iter().map(|chunk| chunk.octets) {
            exports.octets += chunk.len();
            while let Some(length) = frame_length(&chunk, 4096).expect("well-formed headers") {
                exports.read(chunk.split_to(length), context);
            }
        }
    }
    exports
}

impl Exports {
    fn read(&mut self, message: Bytes, context: &DecodeContext) {
        let update = match decode_message(message, context).expect("well-formed messages") {
            Message::Update(update) => update,
            Message::RouteRefresh(mark) => return self.marks.push(mark.subtype),
            other => panic!("{other:?} is exported"),
        };
        self.messages += 1;
        self.next_hops.extend(update.reach().map(|reach| reach.next_hop));
        self.next_hops.dedup();
        let attributes = update.attributes().map(|attributes| attributes.to_path_attributes());
        self.communities.extend(attributes.iter().flat_map(|attributes| attributes.communities()));
        self.communities.dedup();
        let reached = update.reach().flat_map(|reach| reach.nlri.iter::<Ipv4Prefix>());
        self.reached_paths.extend(reached.map(|it| (it.prefix, it.path_id)));
        let unreached = update.unreach().flat_map(|block| block.iter::<Ipv4Prefix>());
        self.unreached_paths.extend(unreached.map(|it| (it.prefix, it.path_id)));
        self.reached = self.reached_paths.iter().map(|&(prefix, _)| prefix).collect();
        self.unreached = self.unreached_paths.iter().map(|&(prefix, _)| prefix).collect();
    }
}

/// A path of these AS numbers, for [`Event::Announce`].
pub(crate) fn path(asns: &[u8]) -> Variant {
    Variant { asns: asns.to_vec(), ..Variant::default() }
}

pub(crate) fn gateway() -> NextHop {
    NextHop::Ipv4([10, 200, 0, 1].into())
}

pub(crate) fn attributes(change: impl FnOnce(&mut PathAttributesBuilder)) -> PathAttributes {
    let mut builder = PathAttributesBuilder::new(Origin::Igp);
    builder.as_path = AsPathBuf::from_sequence([Asn(65001)]);
    change(&mut builder);
    builder.build()
}

pub(crate) fn reach(prefixes: &[&str], attributes: PathAttributes, next_hop: NextHop) -> Update {
    reach_all(&parse(prefixes), attributes, next_hop)
}

pub(crate) fn reach_all(prefixes: &[Ipv4Prefix], attributes: PathAttributes, next_hop: NextHop) -> Update {
    Update::advertising(attributes, next_hop, false, prefixes.iter().copied().map(Nlri::new))
}

pub(crate) fn unreach(prefixes: &[&str]) -> Update {
    unreach_all(&parse(prefixes))
}

pub(crate) fn unreach_all(prefixes: &[Ipv4Prefix]) -> Update {
    Update::withdrawing(false, prefixes.iter().copied().map(Nlri::new))
}

pub(crate) fn parse(prefixes: &[&str]) -> Vec<Ipv4Prefix> {
    let parsed = prefixes.iter().map(|prefix| match prefix.parse() {
        Ok(Prefix::Ipv4(prefix)) => prefix,
        other => panic!("{other:?}"),
    });
    parsed.collect()
}
