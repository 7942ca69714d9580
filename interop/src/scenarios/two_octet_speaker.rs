//! Peers without 4-octet AS numbers between them keep the AS path whole (RFC 6793).
//!
//! ```text
//! probe (AS 65003) ──► s (AS 65001) ──2 octets──► p (AS 65002) ──► probe (AS 65004)
//! path 65003 4200000003
//! ```

use anyhow::{Context as _, Result, ensure};

use super::Need;
use super::chain::{Chain, Direction};
use crate::daemon::Feature;
use crate::probe::attributes;
use crate::stage::Stage;

pub(super) const NEEDS: &[Need] = &[Need::Both(Feature::Forwarding), Need::Peer(Feature::TwoOctetAsns)];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    let mut chain =
        Chain::with(stage, Direction::ToPeer, |identity| identity, |_, of_p| of_p.four_octet_asns = false)?;
    chain.source.announce(&["10.3.0.0/24"], &attributes(&[65003, 4_200_000_003], chain.own), chain.own)?;
    let path = [65002_u32, 65001, 65003, 4_200_000_003];
    let expected: Vec<u8> = [2, 4].into_iter().chain(path.iter().flat_map(|asn| asn.to_be_bytes())).collect();
    stage.clock.until("the route arrives with its whole AS path", || {
        let route = chain.sink.route("10.3.0.0/24")?;
        let (_, arrived) = route.get(&2).context("there is no AS path")?;
        ensure!(*arrived == expected, "the AS path is {arrived:?}");
        ensure!(!route.contains_key(&17), "AS4_PATH is in {route:?}");
        Ok(())
    })
}
