//! The subject sends the best two of four paths, and the next one when one of them goes (RFC 7911).
//!
//! ```text
//! three probes ──► s (AS 65001) ──2 paths──► probe (AS 65004)
//! p (AS 65002) ──►
//! ```

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};

use super::Need;
use super::add_path::{PREFIX, announce, places};
use crate::daemon::Feature;
use crate::node::{AddPath, Network};
use crate::probe::Session;
use crate::stage::Stage;

pub(super) const NEEDS: &[Need] = &[
    Need::Subject(Feature::AddPathNumber),
    Need::Subject(Feature::Forwarding),
    Need::Peer(Feature::Passive),
];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    let (s, p) = (stage.subject(65001)?, stage.peer(65002)?);
    stage.link(s, p, |_, of_p| of_p.passive = true);
    stage.originates(p, Network::new(PREFIX));
    let places = places(stage, s, 3)?;
    let sink = stage.place(65004)?;
    stage.expects(s, &sink, |peer| peer.add_path = AddPath { send: Some(2), receive: false });
    stage.start()?;
    stage.established(s, p)?;
    stage.uses(s, PREFIX, |_| Ok(()))?;
    let mut sessions = announce(stage, s, &places)?;
    let heard = stage.dial(&sink, s, &sink.identity().with_path_ids())?;
    paths_are(stage, &heard, &[65002, 65010])?;
    sessions[0].withdraw(&[PREFIX])?;
    paths_are(stage, &heard, &[65002, 65011])?;
    stage.container(p)?.kill()?;
    paths_are(stage, &heard, &[65011, 65012])
}

/// Waits until the probe has just the paths over these ASes.
fn paths_are(stage: &Stage, heard: &Session, asns: &[u32]) -> Result<()> {
    let expected: BTreeSet<u32> = asns.iter().copied().collect();
    stage.clock.until(&format!("the paths are those over {asns:?}"), || {
        let table = heard.table();
        let second = |(_, value): &(u8, Vec<u8>)| {
            // A segment's type and length, the subject's AS, then the next one.
            let octets = value.get(6..10).context("the AS path is short")?;
            anyhow::Ok(octets.iter().fold(0, |number, octet| number << 8 | u32::from(*octet)))
        };
        let paths = table.values().map(|route| second(route.get(&2).context("there is no AS path")?));
        let paths: BTreeSet<u32> = paths.collect::<Result<_>>()?;
        ensure!(paths == expected && table.len() == asns.len(), "there are {} over {paths:?}", table.len());
        Ok(())
    })
}
