//! What the scenarios of route reflection have in common: internal routes of probes, and the marks of reflectors on them.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::{Context as _, Result, ensure};

use crate::node::Family;
use crate::probe::{Session, attribute, attributes};
use crate::stage::{PartyId, Place, Stage};

/// A probe with a session to a reflector of its own AS.
pub(super) struct Speaker {
    pub(super) session: Session,
    pub(super) place: Place,
}

impl Speaker {
    /// A place for a speaker, which a reflector takes for a client or not.
    pub(super) fn place(stage: &mut Stage, reflector: PartyId, is_client: bool) -> Result<Place> {
        let place = stage.place(ASN)?;
        stage.expects(reflector, &place, |peer| peer.client = is_client);
        Ok(place)
    }

    /// Connects to the reflector once it runs, and announces a route if there is one to announce.
    pub(super) fn join(
        stage: &Stage,
        place: Place,
        reflector: PartyId,
        prefix: Option<&str>,
    ) -> Result<Self> {
        let mut session = stage.dial(&place, reflector, &place.identity())?;
        if let Some(prefix) = prefix {
            announce(&mut session, &place, prefix)?;
        }
        Ok(Self { session, place })
    }
}

/// Announces an internal route with the place as next hop.
pub(super) fn announce(session: &mut Session, place: &Place, prefix: &str) -> Result<()> {
    let own = place.address(Family::Ipv4);
    let local_pref = attribute(0x40, 5, &100_u32.to_be_bytes());
    session.announce(&[prefix], &[attributes(&[], own), local_pref].concat(), own)
}

/// Waits until a reflected route arrives that has the originator's marks, these clusters, and its former next hop.
pub(super) fn reflected(
    stage: &Stage,
    session: &Session,
    prefix: &str,
    originator: &Place,
    clusters: &[Ipv4Addr],
) -> Result<()> {
    let expected: Vec<u8> = clusters.iter().flat_map(Ipv4Addr::octets).collect();
    let next_hop = match originator.address(Family::Ipv4) {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    stage.clock.until(&format!("{prefix} is reflected"), || {
        let route = session.route(prefix)?;
        let value = |kind: u8| route.get(&kind).map(|(_, value)| value.as_slice());
        ensure!(value(3) == Some(&next_hop), "the next hop is {:?}", value(3));
        let router_id = originator.router_id().octets();
        ensure!(value(9) == Some(&router_id), "ORIGINATOR_ID is {:?}", value(9));
        ensure!(value(10) == Some(&expected), "CLUSTER_LIST is {:?}, not {expected:?}", value(10));
        ensure!(value(2) == Some(&[]), "AS_PATH is {:?}", value(2));
        value(5).context("there is no LOCAL_PREF").map(drop)
    })
}

/// The AS of all speakers.
pub(super) const ASN: u32 = 65001;
