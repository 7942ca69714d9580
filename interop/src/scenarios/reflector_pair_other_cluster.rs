//! Two reflectors of two clusters: a route of one cluster's client reaches the other's, with both clusters (RFC 4456 §8).
//!
//! ```text
//! probe, client ── s (AS 65001), cluster 10.0.9.1 ── p (AS 65001), cluster 10.0.9.2 ── probe, client
//! 10.3.0.0/24                                                                          10.4.0.0/24
//! ```

use std::net::Ipv4Addr;

use anyhow::Result;

use super::Need;
use super::reflection::{ASN, Speaker, reflected};
use crate::daemon::Feature;
use crate::stage::Stage;

pub(super) const NEEDS: &[Need] = &[Need::Both(Feature::Reflector), Need::Peer(Feature::Passive)];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    across(stage, false)
}

/// Clients of two reflectors hear each other; the subject may be a client of the peer.
pub(super) fn across(stage: &mut Stage, is_client: bool) -> Result<()> {
    let (s, p) = (stage.subject(ASN)?, stage.peer(ASN)?);
    let [first, second] = [1, 2].map(|number| Ipv4Addr::new(10, 0, 9, number));
    stage.node(s).cluster_id = Some(first);
    stage.node(p).cluster_id = Some(second);
    stage.link(s, p, |_, of_p| {
        of_p.client = is_client;
        of_p.passive = true;
    });
    let (of_s, of_p) = (Speaker::place(stage, s, true)?, Speaker::place(stage, p, true)?);
    stage.start()?;
    stage.established(s, p)?;
    let of_s = Speaker::join(stage, of_s, s, Some("10.3.0.0/24"))?;
    let of_p = Speaker::join(stage, of_p, p, Some("10.4.0.0/24"))?;
    reflected(stage, &of_p.session, "10.3.0.0/24", &of_s.place, &[second, first])?;
    reflected(stage, &of_s.session, "10.4.0.0/24", &of_p.place, &[first, second])
}
