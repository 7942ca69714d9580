//! 100,000 routes with 5,000 sets of attributes pass both daemons, exact in every attribute (RFC 4271 §9).
//!
//! ```text
//! probe (AS 65003) ──► s (AS 65001) ──► p (AS 65002) ──► probe (AS 65004)
//! 100,000 routes
//! ```

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use anyhow::{Context as _, Result, ensure};
use ipnet::IpNet;

use super::Need;
use super::chain::{Chain, Direction};
use crate::daemon::Feature;
use crate::node::Family;
use crate::probe::{attribute, attributes, update, withdrawal};
use crate::stage::Stage;

pub(super) const NEEDS: &[Need] = &[Need::Both(Feature::Forwarding)];

pub(super) fn run(stage: &mut Stage) -> Result<()> {
    through(stage, Direction::ToPeer)
}

/// The table through both daemons in a direction.
pub(super) fn through(stage: &mut Stage, direction: Direction) -> Result<()> {
    let mut chain = Chain::new(stage, direction)?;
    let (first, second) = (stage.place_of(chain.first).asn, stage.place_of(chain.second).asn);
    for set in 0..SETS {
        let sent = [attributes(&path(set), chain.own), attribute(0xc0, 8, &community(set))].concat();
        chain.source.send(&update(&prefixes(set), &sent, chain.own))?;
    }
    stage.clock.until("all routes arrive", || {
        ensure!(chain.sink.count() == SETS * PREFIXES, "{} routes have arrived", chain.sink.count());
        Ok(())
    })?;
    let table = chain.sink.table();
    // On one link, each of the three may be the next hop (RFC 4271 §5.1.3).
    let next_hops =
        [chain.own, stage.address(chain.first, Family::Ipv4), stage.address(chain.second, Family::Ipv4)];
    let next_hops = next_hops.map(octets);
    for set in 0..SETS {
        let expected: BTreeMap<u8, Vec<u8>> = BTreeMap::from([
            (1, vec![0]),
            (2, segment(&[&[second, first][..], &path(set)].concat())?),
            (8, community(set).to_vec()),
        ]);
        for prefix in prefixes(set) {
            let arrived = table.get(&(prefix, None)).with_context(|| format!("{prefix} is missing"))?;
            let mut values: BTreeMap<u8, Vec<u8>> =
                arrived.iter().map(|(kind, (_, value))| (*kind, value.clone())).collect();
            let next_hop = values.remove(&3);
            ensure!(
                next_hop.as_ref().is_some_and(|hop| next_hops.contains(hop)),
                "{prefix}: the next hop is {next_hop:?}"
            );
            ensure!(values == expected, "{prefix} has {values:?}, expected {expected:?}");
        }
    }
    chain.source.send(&withdrawal(&prefixes(0)))?;
    stage.clock.until("all but one set are left", || {
        ensure!(chain.sink.count() == (SETS - 1) * PREFIXES, "{} routes are left", chain.sink.count());
        Ok(())
    })
}

const SETS: usize = 5_000;
const PREFIXES: usize = 20;

/// Between one and six AS numbers; some need four octets.
fn path(set: usize) -> Vec<u32> {
    let number = u32::try_from(set).unwrap_or_default();
    let further =
        (0..number % 6).map(|index| if index % 2 == 0 { 4_200_000_000 + number } else { 64_000 + index });
    [65003].into_iter().chain(further).collect()
}

/// One AS_SEQUENCE.
fn segment(path: &[u32]) -> Result<Vec<u8>> {
    let length = u8::try_from(path.len())?;
    Ok([2, length].into_iter().chain(path.iter().flat_map(|asn| asn.to_be_bytes())).collect())
}

fn community(set: usize) -> [u8; 4] {
    (0xfdeb_0000 + u32::try_from(set).unwrap_or_default()).to_be_bytes()
}

/// 20.0.0.0/24 and following ones.
fn prefixes(set: usize) -> Vec<IpNet> {
    let of_number = |number: usize| {
        let address = Ipv4Addr::from((20 << 24) + (u32::try_from(number).unwrap_or_default() << 8));
        IpNet::new(address.into(), 24).ok()
    };
    (set * PREFIXES..(set + 1) * PREFIXES).filter_map(of_number).collect()
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}
