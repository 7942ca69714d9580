//! The peer is the reflector, and the subject a client beside another one (RFC 4456).
//!
//! ```text
//! s (AS 65001), client ── p (AS 65001), reflector ── probe, client
//! 10.1.0.0/24                                        10.3.0.0/24
//! ```

use std::net::Ipv4Addr;

use anyhow::{Result, ensure};

use super::Need;
use super::reflection::{ASN, Speaker, reflected};
use crate::daemon::Feature;
use crate::node::{Family, Network};
use crate::stage::Stage;

pub(super) const NEEDS: &[Need] = &[Need::Peer(Feature::Reflector)];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    let (s, p) = (stage.subject(ASN)?, stage.peer(ASN)?);
    let cluster = Ipv4Addr::new(10, 0, 9, 1);
    stage.node(p).cluster_id = Some(cluster);
    stage.link(s, p, |_, of_p| {
        of_p.client = true;
        of_p.passive = true;
    });
    stage.originates(s, Network::new("10.1.0.0/24"));
    let client = Speaker::place(stage, p, true)?;
    stage.start()?;
    stage.established(s, p)?;
    let client = Speaker::join(stage, client, p, Some("10.3.0.0/24"))?;
    let next_hop = client.place.address(Family::Ipv4);
    stage.uses(s, "10.3.0.0/24", |route| {
        ensure!(route.next_hop == next_hop, "the next hop is not {next_hop}");
        Ok(())
    })?;
    reflected(stage, &client.session, "10.1.0.0/24", stage.place_of(s), &[cluster])
}
