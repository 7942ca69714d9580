//! LOCAL_PREF wins before the length of the AS path (RFC 4271 §9.1.1).
//!
//! ```text
//! probe (AS 65003), path of 3, LOCAL_PREF 200 ──► s (AS 65001) ◄── p (AS 65002), path of 1
//! ```

use anyhow::{Result, ensure};

use super::Need;
use crate::daemon::Feature;
use crate::node::{Family, Network};
use crate::probe::attributes;
use crate::stage::Stage;

pub(super) const NEEDS: &[Need] =
    &[Need::Subject(Feature::SetLocalPref), Need::Subject(Feature::Decision), Need::Peer(Feature::Passive)];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    let (s, p) = (stage.subject(65001)?, stage.peer(65002)?);
    let source = stage.place(65003)?;
    stage.link(s, p, |_, of_p| of_p.passive = true);
    stage.expects(s, &source, |peer| peer.local_pref_in = Some(200));
    stage.originates(p, Network::new("10.2.0.0/24"));
    stage.start()?;
    stage.established(s, p)?;
    stage.uses(s, "10.2.0.0/24", |_| Ok(()))?;
    let own = source.address(Family::Ipv4);
    let mut session = stage.dial(&source, s, &source.identity())?;
    session.announce(&["10.2.0.0/24"], &attributes(&[65003, 65010, 65011], own), own)?;
    stage.uses(s, "10.2.0.0/24", |route| {
        ensure!(
            route.next_hop == own && route.local_pref == Some(200),
            "it is not the one with LOCAL_PREF 200"
        );
        Ok(())
    })?;
    session.withdraw(&["10.2.0.0/24"])?;
    stage
        .uses(s, "10.2.0.0/24", |route| {
            ensure!(route.as_path == "65002", "it is not the peer's");
            Ok(())
        })
        .map(drop)
}
