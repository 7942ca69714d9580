//! An UPDATE of more than 4,096 octets passes where both sides agree (RFC 8654).
//!
//! ```text
//! probe (AS 65003) ──► s (AS 65001) ──► p (AS 65002) ──► probe (AS 65004)
//! 1,200 communities
//! ```

use anyhow::{Context as _, Result, ensure};

use super::Need;
use super::chain::{Chain, Direction};
use crate::daemon::Feature;
use crate::probe::{attribute, attributes};
use crate::stage::Stage;

pub(super) const NEEDS: &[Need] = &[Need::Both(Feature::ExtendedMessages), Need::Both(Feature::Forwarding)];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    let mut chain = Chain::with(
        stage,
        Direction::ToPeer,
        |identity| identity.with(6, &[]),
        |of_s, of_p| {
            of_s.extended_messages = true;
            of_p.extended_messages = true;
        },
    )?;
    let communities: Vec<u8> =
        (0..1_200_u16).flat_map(|number| [[0xfd, 0xeb], number.to_be_bytes()].concat()).collect();
    let sent = [attributes(&[65003], chain.own), attribute(0xc0, 8, &communities)].concat();
    chain.source.announce(&["10.3.0.0/24"], &sent, chain.own)?;
    stage.clock.until("the route arrives with all communities", || {
        let route = chain.sink.route("10.3.0.0/24")?;
        let (_, arrived) = route.get(&8).context("there are no communities")?;
        ensure!(arrived.len() == communities.len(), "{} octets of communities have arrived", arrived.len());
        Ok(())
    })
}
