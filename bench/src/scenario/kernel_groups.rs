//! Very many groups of next hops: each prefix has next hops of its own, and then all groups lose one at once.

use std::net::Ipv4Addr;

use anyhow::Result;
use bgp_codec::{Asn, Ipv4Prefix, NextHop, Nlri};
use bytes::{Bytes, BytesMut};

use super::kernel_stage::{KernelStage, UPLINKS, samples};
use super::{Scenario, Turn};
use crate::kernel::InstalledRoute;
use crate::measurement::Measurement;
use crate::peer::PeerSettings;
use crate::subject::Subject;
use crate::workload::{AttributeSets, ENCODER, SeededRandom, end_of_rib};

/// How many groups there are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KernelGroupsOptions {
    /// As many prefixes.
    pub(crate) groups: usize,
    pub(crate) seed: u64,
}

/// The scenario with the feeds' UPDATEs ready.
pub(crate) struct KernelGroups {
    announcements: Vec<Bytes>,
    samples: Vec<Ipv4Prefix>,
    all: Vec<InstalledRoute>,
    without_first: Vec<InstalledRoute>,
}

impl KernelGroups {
    /// Makes the UPDATEs of the feeds, and the routes that must come of them.
    pub(crate) fn prepare(options: KernelGroupsOptions) -> Self {
        let sets = AttributeSets::generate(1, ASN, &mut SeededRandom::new(options.seed));
        let announcement = |feed: usize| {
            let mut out = BytesMut::new();
            for group in (0..options.groups).filter(|&group| feed < members(group)) {
                let next_hop = NextHop::Ipv4(gateway(group, feed));
                let nlri = [Nlri::new(prefix(group))];
                ENCODER
                    .reach(&mut out, &sets.as_slice()[0], next_hop, nlri)
                    .expect("the attributes are short");
            }
            [out.freeze(), end_of_rib()].concat().into()
        };
        let prefixes: Vec<Ipv4Prefix> = (0..options.groups).map(prefix).collect();
        Self {
            announcements: (0..FEEDS).map(announcement).collect(),
            samples: samples(&prefixes),
            all: routes(options.groups, 0),
            without_first: routes(options.groups, 1),
        }
    }
}

impl Scenario for KernelGroups {
    fn admits(&self, subject: &dyn Subject) -> bool {
        subject.keeps_kernel()
    }

    fn play(&self, turn: &Turn<'_>) -> Result<Vec<Measurement>> {
        let (mut stage, feeds) = KernelStage::new(turn, &UPLINKS, &settings())?;
        stage.perform(|stage| {
            let install = stage.measure_table("install", &self.all, &self.samples, |stage| {
                for (&feed, announcement) in feeds.iter().zip(&self.announcements) {
                    stage.peers().send(feed, announcement.clone())?;
                }
                Ok(())
            })?;
            if install.incomplete.is_some() {
                return Ok(vec![install]);
            }
            let smaller =
                stage.measure_table("all lose one", &self.without_first, &self.samples, |stage| {
                    stage.peers().leave(feeds[0]);
                    Ok(())
                })?;
            if smaller.incomplete.is_some() {
                return Ok(vec![install, smaller]);
            }
            let removal = stage.measure_table("removal", &[], &self.samples, |stage| {
                feeds[1..].iter().for_each(|&feed| stage.peers().leave(feed));
                Ok(())
            })?;
            Ok(vec![install, smaller, removal])
        })
    }
}

/// The routes without the next hops of feeds before one, sorted.
fn routes(groups: usize, first_feed: usize) -> Vec<InstalledRoute> {
    let route = |group: usize| {
        let mut gateways: Vec<Ipv4Addr> =
            (first_feed..members(group)).map(|feed| gateway(group, feed)).collect();
        gateways.sort_unstable();
        InstalledRoute { prefix: prefix(group), gateways }
    };
    let mut routes: Vec<InstalledRoute> = (0..groups).map(route).collect();
    routes.sort_unstable();
    routes
}

/// Number of next hops of a group: that of the first feeds each.
fn members(group: usize) -> usize {
    LEAST_MEMBERS + group % (FEEDS - LEAST_MEMBERS + 1)
}

/// The next hop from one feed: no two groups have the same set, because each is an arithmetic progression modulo
/// a prime with another start or another, small difference.
fn gateway(group: usize, feed: usize) -> Ipv4Addr {
    let difference = 1 + group / GATEWAYS;
    let number = (group + feed * difference) % GATEWAYS;
    let first = UPLINKS[number % UPLINKS.len()].gateway;
    let host = u32::try_from(FIRST_HOST + number / UPLINKS.len()).expect("fewer than 256 hosts of a link");
    Ipv4Addr::from_bits(first.to_bits() & 0xffff_ff00 | host)
}

fn prefix(group: usize) -> Ipv4Prefix {
    let group = u32::try_from(group).expect("fewer than 2^22 groups");
    Ipv4Prefix::truncating(Ipv4Addr::from_bits(0x6440_0000 | group), 32)
}

/// The feeds, which announce equal paths.
fn settings() -> Vec<PeerSettings> {
    let feed = |number: u8| PeerSettings {
        name: format!("feed_{number}").into(),
        address: Ipv4Addr::new(192, 0, 2, FIRST_FEED + number),
        asn: ASN,
    };
    (0..FEEDS).map(|number| feed(u8::try_from(number).expect("few feeds"))).collect()
}

const ASN: Asn = Asn(65001);
/// The most next hops of a group.
const FEEDS: usize = 16;
const LEAST_MEMBERS: usize = 2;
/// The last octet of the first feed's address.
const FIRST_FEED: u8 = 11;
/// Addresses on both links together: a prime.
const GATEWAYS: usize = 479;
/// Above the addresses of the links' ends.
const FIRST_HOST: usize = 10;
