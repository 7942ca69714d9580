//! Communities of all kinds pass both daemons (RFC 1997, RFC 4360, RFC 8092).
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
    let lists = KINDS.map(|(kind, value)| attribute(0xc0, kind, value)).concat();
    chain.source.announce(&["10.3.0.0/24"], &[attributes(&[65003], chain.own), lists].concat(), chain.own)?;
    stage.clock.until("the route with all communities arrives", || {
        let route = chain.sink.route("10.3.0.0/24")?;
        for (kind, value) in KINDS {
            let (_, arrived) =
                route.get(&kind).with_context(|| format!("attribute {kind} is missing in {route:?}"))?;
            ensure!(
                sorted(arrived, width(kind)) == sorted(value, width(kind)),
                "attribute {kind} is {arrived:?}"
            );
        }
        Ok(())
    })
}

/// Types of attributes and their values: communities, extended communities (a route target, a site of origin, and one of an
/// unknown type), large communities.
const KINDS: [(u8, &[u8]); 3] = [
    (8, &[0xfd, 0xeb, 0, 1, 0xfd, 0xeb, 0xff, 0xff, 0, 1, 0, 2]),
    (16, &[0, 2, 0xfd, 0xeb, 0, 0, 0, 7, 0, 3, 0xfd, 0xeb, 0, 0, 0, 8, 0x3b, 0x77, 1, 2, 3, 4, 5, 6]),
    (32, &[0, 0, 0xfd, 0xeb, 0, 0, 0, 1, 0, 0, 0, 2, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 9]),
];

/// Octets of one community.
fn width(kind: u8) -> usize {
    match kind {
        8 => 4,
        16 => 8,
        _ => 12,
    }
}

/// Lists of communities are sets: their order has no meaning.
fn sorted(value: &[u8], width: usize) -> Vec<&[u8]> {
    let mut all: Vec<&[u8]> = value.chunks(width).collect();
    all.sort_unstable();
    all
}
