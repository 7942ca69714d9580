//! An unknown transitive attribute passes with the partial bit; one that is not transitive does not (RFC 4271 §5).
//!
//! ```text
//! probe (AS 65003) ──► s (AS 65001) ──► p (AS 65002) ──► probe (AS 65004)
//! types 99 and 98
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
    let unknown = [attribute(0xc0, 99, &[1, 2, 3]), attribute(0x80, 98, &[4])].concat();
    chain.source.announce(
        &["10.3.0.0/24"],
        &[attributes(&[65003], chain.own), unknown].concat(),
        chain.own,
    )?;
    stage.clock.until("the route arrives with the transitive attribute", || {
        let route = chain.sink.route("10.3.0.0/24")?;
        let (flags, value) =
            route.get(&99).with_context(|| format!("attribute 99 is missing in {route:?}"))?;
        ensure!(*flags == 0xe0, "the flags of attribute 99 are {flags:#x}");
        ensure!(value == &[1, 2, 3], "the value of attribute 99 is {value:?}");
        ensure!(!route.contains_key(&98), "attribute 98 is in {route:?}");
        Ok(())
    })
}
