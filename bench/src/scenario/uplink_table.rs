//! A table that one external peer announces, entirely over the first uplink.

use std::borrow::Cow;
use std::net::Ipv4Addr;

use anyhow::{Context as _, Result};
use bgp_codec::{Asn, Ipv4Prefix};
use bytes::Bytes;

use super::Turn;
use super::kernel_stage::{KernelStage, UPLINKS, routes, samples};
use crate::kernel::InstalledRoute;
use crate::measurement::Measurement;
use crate::peer::{PeerId, PeerSettings};
use crate::workload::{AttributeSets, RouteTable, SeededRandom, end_of_rib};

/// The UPDATEs, and the kernel routes that follow from them.
pub(super) struct UplinkTable {
    announcement: Bytes,
    /// In the order in which they are announced.
    pub(super) prefixes: Vec<Ipv4Prefix>,
    /// Prefixes that are polled.
    pub(super) samples: Vec<Ipv4Prefix>,
    /// Sorted.
    pub(super) expected: Vec<InstalledRoute>,
}

impl UplinkTable {
    pub(super) fn generate(prefixes: usize, attribute_sets: usize, seed: u64) -> Self {
        let mut random = SeededRandom::new(seed);
        let table = RouteTable::generate(prefixes, attribute_sets, &mut random);
        let sets = AttributeSets::generate(attribute_sets, FEED.asn, &mut random);
        let prefixes: Vec<Ipv4Prefix> = table.groups().iter().flatten().copied().collect();
        Self {
            announcement: table.encode(sets.as_slice(), UPLINKS[0].next_hop()),
            samples: samples(&prefixes),
            expected: routes(&prefixes, &[UPLINKS[0].gateway]),
            prefixes,
        }
    }

    /// Starts the daemon with the uplink and waits for the peer.
    ///
    /// # Errors
    ///
    /// Those of [`KernelStage::new`].
    pub(super) fn stage<'a>(&self, turn: &'a Turn<'a>) -> Result<(KernelStage<'a>, PeerId)> {
        let (stage, feeds) = KernelStage::new(turn, &UPLINKS[..1], &[FEED])?;
        Ok((stage, *feeds.first().context("the feed came")?))
    }

    /// Measures the time until all routes are in the kernel.
    ///
    /// # Errors
    ///
    /// Those of [`KernelStage::measure_table`].
    pub(super) fn install(&self, stage: &mut KernelStage<'_>, feed: PeerId) -> Result<Measurement> {
        stage.measure_table("install", &self.expected, &self.samples, |stage| {
            stage.peers().send(feed, self.announcement.clone())?;
            stage.peers().send(feed, end_of_rib())
        })
    }
}

const FEED: PeerSettings =
    PeerSettings { name: Cow::Borrowed("feed"), address: Ipv4Addr::new(192, 0, 2, 11), asn: Asn(65001) };
