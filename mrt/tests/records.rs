//! Decoding is the inverse of encoding, and no octets cause a panic.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]
#![expect(clippy::disallowed_methods, reason = "the corpus is read from files")]

use std::fs;
use std::net::IpAddr;
use std::path::Path;

use bgp_codec::{AsWidth, Asn, IpPrefix, Ipv4Prefix, Ipv6Prefix, PathId, Prefix, Safi};
use bytes::BytesMut;
use margay_mrt::{
    Bgp4mpMessage, Bgp4mpSession, Bgp4mpStateChange, PeerEntry, PeerIndexTable, Record, RecordHeader,
    RecordType, RibEntry, RibRecord, SessionAddresses, SessionState,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// Decodes the single record in these octets.
fn read(octets: &[u8]) -> (RecordHeader, Record<'_>) {
    let (header, body) = octets.split_first_chunk().unwrap();
    let header = RecordHeader::decode(header);
    assert_eq!(header.body_octets as usize, body.len());
    (header, Record::decode(&header, body).unwrap())
}

fn prefix() -> impl Strategy<Value = Prefix> {
    (any::<IpAddr>(), 0..=128_u8).prop_map(|(address, length_bits)| match address {
        IpAddr::V4(address) => IpPrefix::erase(Ipv4Prefix::truncating(address, length_bits)),
        IpAddr::V6(address) => IpPrefix::erase(Ipv6Prefix::truncating(address, length_bits)),
    })
}

fn addresses() -> impl Strategy<Value = Option<SessionAddresses>> {
    (any::<IpAddr>(), any::<IpAddr>()).prop_map(|(peer, local)| SessionAddresses::new(peer, local))
}

proptest! {
    #[test]
    fn a_table_is_decoded_as_encoded(
        peers in vec((any::<u32>(), any::<IpAddr>(), any::<u32>()), 0..20),
        name in vec(any::<u8>(), 0..20),
        prefix in prefix(),
        multicast: bool,
        routes in vec((any::<u16>(), any::<u32>(), vec(any::<u8>(), 0..80)), 0..20),
        path_id in any::<Option<u32>>(),
        time: u32,
    ) {
        let peers = peers.iter().map(|&(identifier, address, asn)| PeerEntry {
            identifier: identifier.into(),
            address,
            asn: Asn(asn),
        });
        let table = PeerIndexTable { collector: time.into(), view_name: &name, peers: peers.collect() };
        let mut out = BytesMut::new();
        table.encode(time, &mut out).unwrap();
        prop_assert_eq!(read(&out).1, Record::PeerIndexTable(table));

        let entries = routes.iter().map(|(peer_index, originated_seconds, attributes)| RibEntry {
            peer_index: *peer_index,
            originated_seconds: *originated_seconds,
            path_id: path_id.map(PathId),
            attributes,
        });
        let safi = if multicast { Safi::MULTICAST } else { Safi::UNICAST };
        let rib = RibRecord { sequence: time, safi, prefix, entries: entries.collect() };
        let mut out = BytesMut::new();
        rib.encode(time, &mut out).unwrap();
        let (header, record) = read(&out);
        prop_assert_eq!(header.timestamp_seconds, time);
        prop_assert_eq!(record, Record::Rib(rib));
    }

    #[test]
    fn a_session_is_decoded_as_encoded(
        peer_as: u32,
        local_as: u32,
        interface: u16,
        addresses in addresses(),
        [is_local, add_path, is_wide]: [bool; 3],
        states: [u16; 2],
        body in vec(any::<u8>(), 0..80),
    ) {
        let as_width = if is_wide { AsWidth::Four } else { AsWidth::Two };
        let fitting = |asn: u32| Asn(if is_wide { asn } else { asn & 0xffff });
        let interface = if addresses.is_some() { interface } else { 0 };
        let session =
            Bgp4mpSession { peer_as: fitting(peer_as), local_as: fitting(local_as), interface, addresses };
        let message = [&[0xff; 16][..], &body].concat();
        let record = Bgp4mpMessage { session, as_width, is_local, add_path, message: &message };
        let mut out = BytesMut::new();
        record.encode(7, &mut out).unwrap();
        prop_assert_eq!(read(&out).1, Record::Message(record));
        let [old, new] = states.map(SessionState);
        let change = Bgp4mpStateChange { session, old, new };
        let mut out = BytesMut::new();
        change.encode(7, &mut out).unwrap();
        prop_assert_eq!(read(&out).1, Record::StateChange(change));
    }

    #[test]
    fn any_octets_are_a_record_or_malformed(
        record_type in prop_oneof![Just(5), Just(12), Just(13), Just(16), Just(17), any::<u16>()],
        subtype in 0..13_u16,
        body in vec(prop_oneof![0..5_u8, any::<u8>()], 0..200),
    ) {
        let record_type = RecordType(record_type);
        let body_octets = u32::try_from(body.len()).unwrap();
        let header = RecordHeader { timestamp_seconds: 0, record_type, subtype, body_octets };
        if let Err(error) = Record::decode(&header, &body) {
            prop_assert_eq!((error.record_type, error.subtype), (record_type, subtype));
        }
    }
}

/// The bodies of a collector's RIB records equal their re-encoded form.
#[test]
fn a_collected_table_is_encoded_to_the_same_octets() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/corpus/mrt/rrc06_bview.20100701.0759.reencoded.mrt.zst");
    if !path.exists() {
        eprintln!("corpus: mrt is absent, nothing to compare with");
        return;
    }
    let file = zstd::decode_all(&fs::read(&path).unwrap()[..]).unwrap();
    let mut rest = &file[..];
    let mut compared = 0;
    while !rest.is_empty() {
        let header = RecordHeader::decode(rest.first_chunk().unwrap());
        let (octets, after) = rest.split_at(RecordHeader::OCTETS + header.body_octets as usize);
        rest = after;
        let mut out = BytesMut::new();
        match Record::decode(&header, &octets[RecordHeader::OCTETS..]).unwrap() {
            Record::Rib(record) => record.encode(header.timestamp_seconds, &mut out).unwrap(),
            Record::PeerIndexTable(table) => {
                table.encode(header.timestamp_seconds, &mut out).unwrap();
                assert_eq!(read(&out).1, Record::PeerIndexTable(table));
                continue;
            }
            other => panic!("{other:?}"),
        }
        assert!(out == octets, "record {compared}");
        compared += 1;
    }
    eprintln!("corpus: {compared} records encoded again");
    assert!(compared > 1000, "only {compared}");
}
