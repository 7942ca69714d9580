//! What the scenarios of ADD-PATH have in common: external probes that announce one prefix on different paths.

use anyhow::{Result, ensure};

use crate::node::{AddPath, Family};
use crate::probe::{Session, attributes};
use crate::stage::{PartyId, Place, Stage};

/// The prefix with several paths.
pub(super) const PREFIX: &str = "10.3.0.0/24";

/// Places for probes of different ASes that a party waits for.
pub(super) fn places(stage: &mut Stage, party: PartyId, number: u32) -> Result<Vec<Place>> {
    let asns = (0..number).map(|index| 65010 + index);
    asns.map(|asn| {
        let place = stage.place(asn)?;
        stage.expects(party, &place, |_| {});
        Ok(place)
    })
    .collect()
}

/// Each announces the prefix; later ones have longer paths.
pub(super) fn announce(stage: &Stage, party: PartyId, places: &[Place]) -> Result<Vec<Session>> {
    let sessions = places.iter().enumerate().map(|(index, place)| {
        let own = place.address(Family::Ipv4);
        let path = [vec![place.asn], vec![65100; index]].concat();
        let mut session = stage.dial(place, party, &place.identity())?;
        session.announce(&[PREFIX], &attributes(&path, own), own)?;
        Ok(session)
    });
    sessions.collect()
}

/// One party gets three paths from the other, loses the one that is withdrawn, and gets it again.
pub(super) fn sent(stage: &mut Stage, sends: PartyId, receives: PartyId) -> Result<()> {
    stage.link(sends, receives, |of_sends, of_receives| {
        of_sends.add_path = AddPath { send: Some(8), receive: false };
        of_receives.add_path = AddPath { send: None, receive: true };
        of_receives.passive = true;
    });
    let places = places(stage, sends, 3)?;
    stage.start()?;
    stage.established(sends, receives)?;
    let mut sessions = announce(stage, sends, &places)?;
    has(stage, receives, &[65010, 65011, 65012])?;
    // The best one.
    sessions[0].withdraw(&[PREFIX])?;
    has(stage, receives, &[65011, 65012])?;
    let own = places[0].address(Family::Ipv4);
    sessions[0].announce(&[PREFIX], &attributes(&[65010], own), own)?;
    has(stage, receives, &[65010, 65011, 65012])
}

/// Waits until a party has just the paths over these ASes.
fn has(stage: &Stage, party: PartyId, asns: &[u32]) -> Result<()> {
    stage.clock.until(&format!("there are the paths over {asns:?}"), || {
        let routes = stage.routes(party)?;
        let paths = routes.iter().filter(|route| route.prefix.to_string() == PREFIX);
        let mut second: Vec<u32> =
            paths.filter_map(|route| route.as_path.split(' ').nth(1)?.parse().ok()).collect();
        second.sort_unstable();
        ensure!(second == asns, "there are {second:?}");
        Ok(())
    })
}
