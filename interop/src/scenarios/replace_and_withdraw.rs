//! Replacements and withdrawals reach the end of the chain, and a route that comes to be refused is withdrawn (RFC 4271 §9.1.1).
//!
//! ```text
//! probe (AS 65003) ──► s (AS 65001) ──► p (AS 65002) ──► probe (AS 65004)
//! 10.3.0.0/24
//! ```

use anyhow::{Context as _, Result, ensure};

use super::Need;
use super::chain::{Chain, Direction};
use crate::daemon::Feature;
use crate::probe::{attribute, attributes};
use crate::stage::Stage;

pub(super) const NEEDS: &[Need] = &[Need::Both(Feature::Forwarding)];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    let mut chain = Chain::new(stage, Direction::ToPeer)?;
    for number in [1, 2, 3] {
        let community = attribute(0xc0, 8, &[0xfd, 0xeb, 0, number]);
        chain.source.announce(
            &["10.3.0.0/24"],
            &[attributes(&[65003], chain.own), community].concat(),
            chain.own,
        )?;
        stage.clock.until("the replacement arrives", || {
            let route = chain.sink.route("10.3.0.0/24")?;
            let (_, value) = route.get(&8).context("there are no communities")?;
            ensure!(
                value.last() == Some(&number),
                "the communities are {value:?}, not yet of replacement {number}"
            );
            Ok(())
        })?;
    }
    // The AS of the second daemon: a loop.
    chain.source.announce(&["10.3.0.0/24"], &attributes(&[65003, 65002], chain.own), chain.own)?;
    stage.clock.until("the loop ends the route", || chain.sink.lacks("10.3.0.0/24"))?;
    chain.source.announce(&["10.3.0.0/24"], &attributes(&[65003], chain.own), chain.own)?;
    stage.clock.until("the route is back", || chain.sink.route("10.3.0.0/24"))?;
    chain.source.withdraw(&["10.3.0.0/24"])?;
    stage.clock.until("the withdrawal arrives", || chain.sink.lacks("10.3.0.0/24"))
}
