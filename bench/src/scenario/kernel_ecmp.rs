//! Loss of one of two equal next hops: its link is cut; then the session of the peer behind it is lost.

use std::borrow::Cow;
use std::net::Ipv4Addr;

use anyhow::{Result, bail};
use bgp_codec::{Asn, IpPrefix as _, Ipv4Prefix};
use bytes::Bytes;

use super::kernel_stage::{KernelStage, UPLINKS, routes, samples};
use super::{Scenario, Turn};
use crate::kernel::{InstalledRoute, ip};
use crate::measurement::Measurement;
use crate::peer::{PeerId, PeerSettings};
use crate::subject::Subject;
use crate::workload::{AttributeSets, RouteTable, SeededRandom, end_of_rib};

/// How large the table is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KernelEcmpOptions {
    pub(crate) prefixes: usize,
    pub(crate) attribute_sets: usize,
    pub(crate) seed: u64,
}

/// The scenario with the feeds' UPDATEs ready.
pub(crate) struct KernelEcmp {
    announcements: [Bytes; 2],
    samples: Vec<Ipv4Prefix>,
    over_both: Vec<InstalledRoute>,
    over_second: Vec<InstalledRoute>,
}

impl KernelEcmp {
    /// Makes the table, which both peers announce.
    pub(crate) fn prepare(options: KernelEcmpOptions) -> Self {
        let mut random = SeededRandom::new(options.seed);
        let table = RouteTable::generate(options.prefixes, options.attribute_sets, &mut random);
        let sets = AttributeSets::generate(options.attribute_sets, ASN, &mut random);
        let prefixes: Vec<Ipv4Prefix> = table.groups().iter().flatten().copied().collect();
        let gateways = UPLINKS.map(|uplink| uplink.gateway);
        Self {
            announcements: UPLINKS.map(|uplink| table.encode(sets.as_slice(), uplink.next_hop())),
            samples: samples(&prefixes),
            over_both: routes(&prefixes, &gateways),
            over_second: routes(&prefixes, &gateways[1..]),
        }
    }
}

impl Scenario for KernelEcmp {
    fn admits(&self, subject: &dyn Subject) -> bool {
        subject.keeps_kernel()
    }

    fn play(&self, turn: &Turn<'_>) -> Result<Vec<Measurement>> {
        let (mut stage, feeds) = KernelStage::new(turn, &UPLINKS, &FEEDS)?;
        let [first, second] = *feeds else { bail!("both feeds came") };
        stage.perform(|stage| {
            let mut measured =
                vec![stage.measure_table("install", &self.over_both, &self.samples, |stage| {
                    for (feed, announcement) in [first, second].into_iter().zip(&self.announcements) {
                        stage.peers().send(feed, announcement.clone())?;
                        stage.peers().send(feed, end_of_rib())?;
                    }
                    Ok(())
                })?];
            let steps: [fn(&Self, &mut KernelStage<'_>, _) -> Result<Measurement>; 4] =
                [Self::pull_wire, Self::mend_wire, Self::lose_session, Self::come_to_rest];
            for step in steps {
                if measured.iter().all(|measurement| measurement.incomplete.is_none()) {
                    measured.push(step(self, stage, first)?);
                }
            }
            Ok(measured)
        })
    }
}

impl KernelEcmp {
    fn pull_wire(&self, stage: &mut KernelStage<'_>, _first: PeerId) -> Result<Measurement> {
        let addresses = self.addresses_over_first(stage)?;
        let command = format!("link set {} down\n", UPLINKS[0].far);
        stage.measure_repair("wire pulled", UPLINKS[0].gateway, &addresses, |_| ip(&command))
    }

    fn mend_wire(&self, stage: &mut KernelStage<'_>, _first: PeerId) -> Result<Measurement> {
        let command = format!("link set {} up\n", UPLINKS[0].far);
        stage.measure_table("wire mended", &self.over_both, &self.samples, |_| ip(&command))
    }

    fn lose_session(&self, stage: &mut KernelStage<'_>, first: PeerId) -> Result<Measurement> {
        let addresses = self.addresses_over_first(stage)?;
        stage.measure_repair("session lost", UPLINKS[0].gateway, &addresses, |stage| {
            stage.peers().leave(first);
            Ok(())
        })
    }

    fn come_to_rest(&self, stage: &mut KernelStage<'_>, _first: PeerId) -> Result<Measurement> {
        stage.measure_table("then, exact", &self.over_second, &self.samples, |_| Ok(()))
    }

    /// The samples whose packets are sent to the first gateway at present.
    fn addresses_over_first(&self, stage: &mut KernelStage<'_>) -> Result<Vec<Ipv4Addr>> {
        let mut addresses = Vec::new();
        for sample in &self.samples {
            let address = sample.address();
            if stage.table().gateway_to(address)? == Some(UPLINKS[0].gateway) {
                addresses.push(address);
            }
        }
        if addresses.is_empty() {
            bail!("no packet is sent to the gateway that is to be lost");
        }
        Ok(addresses)
    }
}

const ASN: Asn = Asn(65001);
const FEEDS: [PeerSettings; 2] = [
    PeerSettings { name: Cow::Borrowed("feed_1"), address: Ipv4Addr::new(192, 0, 2, 11), asn: ASN },
    PeerSettings { name: Cow::Borrowed("feed_2"), address: Ipv4Addr::new(192, 0, 2, 12), asn: ASN },
];
