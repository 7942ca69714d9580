//! Two reflectors of one cluster: neither takes from the other what it has reflected for that cluster (RFC 4456 §8).
//!
//! ```text
//! probe, client of both ──┬── s (AS 65001), cluster 10.0.9.1 ──┬── probe, client of s
//! 10.3.0.0/24             └── p (AS 65001), cluster 10.0.9.1 ──┘   no route of p in s
//! ```

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::Need;
use super::reflection::{ASN, Speaker, announce, reflected};
use crate::daemon::Feature;
use crate::stage::Stage;

pub(super) const NEEDS: &[Need] = &[Need::Both(Feature::Reflector), Need::Peer(Feature::Passive)];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    let (s, p) = (stage.subject(ASN)?, stage.peer(ASN)?);
    let cluster = Ipv4Addr::new(10, 0, 9, 1);
    for party in [s, p] {
        stage.node(party).cluster_id = Some(cluster);
    }
    stage.link(s, p, |_, of_p| of_p.passive = true);
    let of_both = Speaker::place(stage, s, true)?;
    stage.expects(p, &of_both, |peer| peer.client = true);
    let of_s = Speaker::place(stage, s, true)?;
    stage.start()?;
    stage.established(s, p)?;
    let mut of_both = Speaker::join(stage, of_both, s, None)?;
    let mut second = stage.dial(&of_both.place, p, &of_both.place.identity())?;
    // First through the peer only: the subject must not take it from there.
    announce(&mut second, &of_both.place, "10.3.0.0/24")?;
    stage.uses(p, "10.3.0.0/24", |_| Ok(()))?;
    stage.clock.holds_for(HOLDS, "the subject does not have the route of its own cluster", || {
        stage.has_none(s, "10.3.0.0/24")
    })?;
    announce(&mut of_both.session, &of_both.place, "10.3.0.0/24")?;
    let of_s = Speaker::join(stage, of_s, s, None)?;
    reflected(stage, &of_s.session, "10.3.0.0/24", &of_both.place, &[cluster])?;
    let paths = stage.routes(s)?.len();
    ensure!(paths == 1, "the subject has {paths} paths in place of the client's");
    Ok(())
}

const HOLDS: Duration = Duration::from_secs(3);
