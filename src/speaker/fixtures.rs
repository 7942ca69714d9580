//! A Rib, peers and UPDATEs for the tests of the speaker.

use std::net::IpAddr;
use std::sync::Arc;

use bgp_codec::{
    AsWidth, Asn, BgpIdentifier, Capabilities, Family, HoldTime, Ipv4Prefix, NextHop, Nlri, Origin,
    PathAttributesBuilder, PeerKind, Update,
};
use margay_filter::FilterChain;
use margay_rib::{
    AsPathRules, DecisionRules, DeniedDirections, NextHopMode, PathLimits, PathsSent, PeerRules, Reflection,
    ReflectorOptions, RibOptions,
};
use margay_session::{Directions, Negotiated};

use super::{DoorBell, ExportQueue, PeerKey, PeerSettings, PeerUp, SessionEpoch};
use crate::recording::RecordedRib;

pub(super) fn rib() -> RecordedRib {
    let identifier = BgpIdentifier::new(1).unwrap();
    let options = RibOptions {
        asn: Asn(64512),
        confederation: None,
        identifier,
        reflector: ReflectorOptions::new(identifier),
        forwarding: None,
        decision: DecisionRules::default(),
        hash_seed: 1,
    };
    RecordedRib::new(options, None)
}

pub(super) fn settings() -> PeerSettings {
    let rules = PeerRules {
        group: None,
        name: Arc::from("peer"),
        import: FilterChain::accept_all(),
        export: FilterChain::accept_all(),
        denied: DeniedDirections::default(),
        limits: PathLimits::default(),
        next_hop: NextHopMode::Auto,
        reflection: Reflection::NonClient,
        paths_sent: PathsSent::All,
        default_originate: false,
        as_path: AsPathRules::default(),
        is_draining: false,
    };
    PeerSettings { rules, rules_if_internal: None, prefix_limit: None, end_of_rib_wait: None }
}

/// The first session of an external peer that is the only one of its AS.
pub(super) fn up(peer: PeerKey, exports: ExportQueue) -> PeerUp {
    let number = u32::try_from(peer.0).unwrap();
    let epoch = SessionEpoch(1);
    PeerUp {
        door: DoorBell::new().door(epoch),
        peer,
        epoch,
        negotiated: Negotiated {
            restart: None,
            peer_identifier: BgpIdentifier::new(100 + number).unwrap(),
            peer_asn: Asn(65000 + number),
            local_asn: Asn(64512),
            kind: PeerKind::Ebgp,
            as_width: AsWidth::Four,
            hold_time: HoldTime::ZERO,
            longest_keepalive: None,
            families: vec![Family::IPV4_UNICAST],
            path_ids_received: Vec::new(),
            path_ids_sent: Vec::new(),
            route_refresh: NEITHER,
            enhanced_route_refresh: NEITHER,
            extended_message: NEITHER,
            extended_next_hop: NEITHER,
            role: None,
            are_capabilities_refused: false,
            peer_capabilities: Capabilities::default(),
        },
        local_address: IpAddr::from([127, 0, 0, 1]),
        peer_address: IpAddr::from([127, 0, 0, 1]),
        link: None,
        exports,
    }
}

/// Announces prefixes of AS 65001.
pub(super) fn announcement(prefixes: impl IntoIterator<Item = Ipv4Prefix>) -> Update {
    let next_hop = NextHop::Ipv4([192, 0, 2, 1].into());
    let mut builder = PathAttributesBuilder::new(Origin::Igp);
    builder.as_path.prepend(Asn(65001), 1);
    Update::advertising(builder.build(), next_hop, false, prefixes.into_iter().map(Nlri::new))
}

/// A capability that neither side advertised.
const NEITHER: Directions = Directions { from_peer: false, to_peer: false };
