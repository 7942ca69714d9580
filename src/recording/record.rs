//! One entry of a recording.

use std::sync::Arc;

use bgp_codec::DecodeContext;
use bytes::Bytes;
use margay_rib::{RibInput, RibOptions};
use serde::{Deserialize, Serialize};

/// A record; `I` is the form of an input of the Rib: a reference to it for writing.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub enum Record<I = RibInput<Bytes>> {
    /// The Rib is created, by a program of this version.
    Start(Arc<str>, RibOptions),
    /// Terms of decoding UPDATEs of the peer that comes up next.
    Terms(DecodeContext),
    /// The Rib handles an input.
    Input(I),
    /// The speaker ended in order, with this checksum of its Rib.
    End(u64),
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU16;

    use bgp_codec::{
        AsWidth, Asn, BgpIdentifier, ClusterId, Family, Ipv4Prefix, NextHop, Nlri, PeerKind, Prefix, Update,
    };
    use margay_filter::FilterChain;
    use margay_rib::{
        AsPathRules, ClientToClient, DecisionRules, DeniedDirections, Departure, Discard, ForwardingOptions,
        NetworkOptions, NextHopMode, OwnNextHops, PathLimits, PathsSent, PeerIndex, PeerOptions, PeerRules,
        Reflection, ReflectorOptions, SessionTerms, Way, WayChange,
    };

    use super::*;

    #[track_caller]
    fn assert_is_read_as_written(record: &Record<&RibInput>) {
        let octets = postcard::to_allocvec(record).unwrap();
        let (read, rest): (Record, _) = postcard::take_from_bytes(&octets).unwrap();
        assert!(rest.is_empty(), "{record:?}");
        assert_eq!(postcard::to_allocvec(&read).unwrap(), octets, "{record:?} is read as {read:?}");
        for end in 0..octets.len() {
            let cut: Result<(Record, _), _> = postcard::take_from_bytes(&octets[..end]);
            assert!(cut.is_err(), "{record:?} without its end");
        }
    }

    fn peer() -> PeerOptions {
        let link_local = NextHop::Ipv6LinkLocal {
            global: "2001:db8::1".parse().unwrap(),
            link_local: "fe80::1".parse().unwrap(),
        };
        PeerOptions {
            session: SessionTerms {
                kind: PeerKind::Ibgp,
                asn: Asn(4_200_000_000),
                role: None,
                identifier: BgpIdentifier::new(7).unwrap(),
                address: "2001:db8::2".parse().unwrap(),
                number: 3,
                link: Some("eth0".parse().unwrap()),
                families: vec![Family::IPV4_UNICAST, Family::IPV6_UNICAST],
                path_ids_sent: vec![Family::IPV4_UNICAST],
                as_width: AsWidth::Four,
                max_message_octets: 65_535,
                ipv6_next_hops: false,
                enhanced_refresh: true,
                long_lived: false,
            },
            rules: PeerRules {
                name: Arc::from("tör1"),
                group: Some("tors".into()),
                import: FilterChain::accept_all(),
                export: FilterChain::accept_all(),
                denied: DeniedDirections::default(),
                limits: PathLimits::default(),
                next_hop: NextHopMode::Keep,
                reflection: Reflection::Client(ClusterId(9)),
                paths_sent: PathsSent::Best(NonZeroU16::MIN),
                default_originate: false,
                as_path: AsPathRules::default(),
                is_draining: true,
            },
            own: OwnNextHops {
                ipv4: None,
                ipv6: Some(link_local),
                shared_subnet: Some("2001:db8::/64".parse().unwrap()),
            },
        }
    }

    #[test]
    fn records_are_read_as_they_were_written() {
        let prefix: Prefix = "10.65.0.0/16".parse().unwrap();
        let options = RibOptions {
            asn: Asn(64512),
            confederation: None,
            identifier: BgpIdentifier::new(7).unwrap(),
            reflector: ReflectorOptions {
                clusters: vec![ClusterId(1), ClusterId(2)],
                client_to_client: ClientToClient::Meshed,
            },
            forwarding: Some(ForwardingOptions { multipath: 16, normal_metric: 1024 }),
            decision: DecisionRules::default(),
            hash_seed: u64::MAX,
        };
        assert_is_read_as_written(&Record::Start(Arc::from("0.1"), options));
        assert_is_read_as_written(&Record::Terms(DecodeContext::new(PeerKind::Ebgp, AsWidth::Two)));
        assert_is_read_as_written(&Record::End(u64::MAX));
        let held = NetworkOptions { hold: Some(Discard::Prohibit), ..NetworkOptions::default() };
        let ways = [Some(Way::Through { cost: 3 }), Some(Way::Nowhere), None];
        let inputs = [
            RibInput::PeerUp(Box::new(peer()), Some(PeerIndex::LOCAL)),
            RibInput::PeerDown(PeerIndex::LOCAL, Departure::Restarting),
            RibInput::Originate(prefix, held),
            RibInput::Ways(ways.map(|way| WayChange { prefix, way }).to_vec()),
        ];
        for input in &inputs {
            assert_is_read_as_written(&Record::Input(input));
        }
    }

    #[test]
    fn an_update_is_written_as_its_message() {
        let block: Ipv4Prefix = "10.65.0.0/16".parse().unwrap();
        let update = Update::withdrawing(false, [Nlri::new(block)]);
        let octets =
            postcard::to_allocvec(&Record::Input(&RibInput::Update(PeerIndex::LOCAL, update.clone())));
        match postcard::from_bytes(&octets.unwrap()) {
            Ok(Record::<RibInput<Bytes>>::Input(RibInput::Update(peer, message))) => {
                assert_eq!((peer, &message), (PeerIndex::LOCAL, update.message()));
            }
            other => panic!("not an UPDATE: {other:?}"),
        }
    }

    #[test]
    fn values_that_do_not_exist_are_refused() {
        let refused = |octets: &[u8]| postcard::from_bytes::<Prefix>(octets).is_err();
        assert!(!refused(&[0, 10, 0, 0, 0, 8]));
        assert!(refused(&[0, 10, 0, 0, 0, 33]), "longer than an address");
        assert!(refused(&[0, 10, 0, 0, 1, 8]), "bits beyond its length");
        assert!(postcard::from_bytes::<BgpIdentifier>(&[0]).is_err());
        assert!(postcard::from_bytes::<ClientToClient>(&[2]).is_err());
        assert!(
            postcard::from_bytes::<Vec<Prefix>>(&[0xff, 0xff, 0xff, 0xff, 0x0f]).is_err(),
            "and takes no memory"
        );
    }
}
