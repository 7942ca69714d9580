//! The subject reflects among clients and non-clients: all but from one non-client to another (RFC 4456).
//!
//! ```text
//!        p, client ──┐         ┌── probe, non-client
//!                    s (AS 65001), reflector
//! probe, client ─────┘         └── probe, non-client
//! ```

use std::net::Ipv4Addr;

use anyhow::{Result, ensure};

use super::Need;
use super::reflection::{ASN, Speaker, reflected};
use crate::daemon::Feature;
use crate::node::{Family, Network};
use crate::stage::Stage;

pub(super) const NEEDS: &[Need] = &[Need::Subject(Feature::Reflector), Need::Peer(Feature::Passive)];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    let (s, p) = (stage.subject(ASN)?, stage.peer(ASN)?);
    let cluster = Ipv4Addr::new(10, 0, 9, 1);
    stage.node(s).cluster_id = Some(cluster);
    stage.link(s, p, |of_s, of_p| {
        of_s.client = true;
        of_p.passive = true;
    });
    stage.originates(p, Network::new("10.2.0.0/24"));
    let client = Speaker::place(stage, s, true)?;
    let (one, other) = (Speaker::place(stage, s, false)?, Speaker::place(stage, s, false)?);
    stage.start()?;
    stage.established(s, p)?;
    let client = Speaker::join(stage, client, s, Some("10.3.0.0/24"))?;
    let one = Speaker::join(stage, one, s, Some("10.4.0.0/24"))?;
    let other = Speaker::join(stage, other, s, Some("10.5.0.0/24"))?;
    for (prefix, from) in [("10.3.0.0/24", &client), ("10.4.0.0/24", &one), ("10.5.0.0/24", &other)] {
        let next_hop = from.place.address(Family::Ipv4);
        stage.uses(p, prefix, |route| {
            ensure!(route.next_hop == next_hop, "the next hop is not {next_hop}");
            Ok(())
        })?;
    }
    for hears in [&client, &one, &other] {
        reflected(stage, &hears.session, "10.2.0.0/24", stage.place_of(p), &[cluster])?;
    }
    for hears in [&one, &other] {
        reflected(stage, &hears.session, "10.3.0.0/24", &client.place, &[cluster])?;
    }
    for (prefix, from) in [("10.4.0.0/24", &one), ("10.5.0.0/24", &other)] {
        reflected(stage, &client.session, prefix, &from.place, &[cluster])?;
    }
    one.session.lacks("10.5.0.0/24")?;
    other.session.lacks("10.4.0.0/24")
}
