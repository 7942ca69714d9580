//! NO_EXPORT and NO_ADVERTISE keep routes from going on (RFC 1997).
//!
//! ```text
//! probe (AS 65003) ──► s (AS 65001) ──► p (AS 65002) ──► probe (AS 65004)
//! three routes         lets one pass
//! ```

use anyhow::{Result, ensure};

use super::Need;
use super::chain::{Chain, Direction};
use crate::daemon::Feature;
use crate::probe::{attribute, attributes};
use crate::stage::Stage;

pub(super) const NEEDS: &[Need] = &[Need::Both(Feature::Forwarding)];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    let mut chain = Chain::new(stage, Direction::ToPeer)?;
    let plain = attributes(&[65003], chain.own);
    for (prefix, low) in [("10.3.1.0/24", 1), ("10.3.2.0/24", 2)] {
        let community = attribute(0xc0, 8, &[0xff, 0xff, 0xff, low]);
        chain.source.announce(&[prefix], &[plain.clone(), community].concat(), chain.own)?;
        stage.uses(chain.first, prefix, |_| Ok(()))?;
    }
    chain.source.announce(&["10.3.0.0/24"], &plain, chain.own)?;
    stage.clock.until("the plain route arrives", || chain.sink.route("10.3.0.0/24"))?;
    stage.has_none(chain.second, "10.3.1.0/24")?;
    stage.has_none(chain.second, "10.3.2.0/24")?;
    ensure!(chain.sink.count() == 1, "{:?} have arrived", chain.sink.table().keys());
    Ok(())
}
