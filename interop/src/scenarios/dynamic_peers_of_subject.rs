//! The subject has no such neighbor, but accepts any from a range.
//!
//! There is no RFC for it: the session itself is as in RFC 4271 §8.
//!
//! ```text
//! s (AS 65001)             p (AS 65002)
//! accepts 172.16.0.0/24 ◄─ dials
//! ```

use anyhow::{Context as _, Result};

use super::Need;
use crate::daemon::Feature;
use crate::node::{Family, Network, Peer};
use crate::stage::Stage;

pub(super) const NEEDS: &[Need] = &[Need::Subject(Feature::DynamicPeers)];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    let (s, p) = (stage.subject(65001)?, stage.peer(65002)?);
    stage.link(p, s, |_, _| {});
    stage.node(s).peers.clear();
    let own = stage.address(s, Family::Ipv4);
    let range = "172.16.0.0/24".parse().context("a range")?;
    stage.node(s).range = Some((range, Peer::new("range", own, own, 65002)));
    stage.originates(s, Network::new("10.1.0.0/24"));
    stage.originates(p, Network::new("10.2.0.0/24"));
    stage.start()?;
    stage.clock.until("the session is established", || stage.is_established(p, s))?;
    stage.uses(p, "10.1.0.0/24", |_| Ok(()))?;
    stage.uses(s, "10.2.0.0/24", |_| Ok(())).map(drop)
}
