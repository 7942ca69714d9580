//! The decision process: eight external peers announce the same prefixes at once, and one peer must receive
//! the best routes.

use std::net::Ipv4Addr;
use std::rc::Rc;

use anyhow::{Context as _, Result};
use bgp_codec::{Asn, BgpIdentifier, NextHop};
use bytes::Bytes;

use super::stage::free_address;
use super::table_stage::TableStage;
use super::{Scenario, Turn};
use crate::expectation::Expectation;
use crate::measurement::Measurement;
use crate::peer::PeerSettings;
use crate::subject::{Protection, Topology};
use crate::workload::{AttributeSets, RouteTable, SeededRandom, end_of_rib};

/// How much the feeds have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BestPathOptions {
    pub(crate) feeds: usize,
    pub(crate) prefixes: usize,
    /// Of each feed.
    pub(crate) attribute_sets: usize,
    pub(crate) seed: u64,
}

/// The scenario with the feeds' UPDATEs encoded.
pub(crate) struct BestPath {
    feeds: Vec<PeerSettings>,
    announcements: Vec<Bytes>,
    /// The best routes as they must be advertised.
    relayed: Bytes,
    expected: Rc<Expectation>,
    nothing: Rc<Expectation>,
}

impl BestPath {
    /// Generates the feeds' tables and determines the best routes.
    pub(crate) fn prepare(options: BestPathOptions) -> Self {
        let BestPathOptions { feeds: count, prefixes, attribute_sets, seed } = options;
        let mut random = SeededRandom::new(seed);
        let feeds: Vec<PeerSettings> = (0..count).map(feed).collect();
        let table = RouteTable::generate(prefixes, attribute_sets, &mut random);
        let asns: Vec<Asn> = feeds.iter().map(|feed| feed.asn).collect();
        let (sets, best) = AttributeSets::competing(attribute_sets, &asns, &mut random);
        let best = best.advertised_by(DAEMON_ASN);
        let encode = |(feed, sets): (usize, &AttributeSets)| {
            // Each starts elsewhere in the table, so that the routes of a prefix arrive at different times.
            let first = feed * attribute_sets / count;
            let next_hop = NextHop::Ipv4(numbered(FIRST_NEXT_HOP, feed));
            [table.encode_from(first, sets.as_slice(), next_hop), end_of_rib()].concat().into()
        };
        Self {
            announcements: sets.iter().enumerate().map(encode).collect(),
            relayed: table.encode_from(0, best.as_slice(), OWN_NEXT_HOP),
            expected: Rc::new(Expectation::table(&table, best, OWN_NEXT_HOP)),
            nothing: Rc::new(Expectation::nothing(OWN_NEXT_HOP)),
            feeds,
        }
    }
}

impl Scenario for BestPath {
    fn play(&self, turn: &Turn<'_>) -> Result<Vec<Measurement>> {
        let receiver = PeerSettings { name: "receiver".into(), address: RECEIVER, asn: RECEIVER_ASN };
        let first = self.feeds.first().context("there are feeds")?;
        let topology = Topology {
            asn: DAEMON_ASN,
            router_id: BgpIdentifier::try_from(ROUTER_ID).context("the router id")?,
            listen: free_address(Ipv4Addr::LOCALHOST)?,
            peers: [&self.feeds[..], std::slice::from_ref(&receiver)].concat(),
            cluster: None,
            interfaces: Vec::new(),
            refusals: Vec::new(),
            protection: Protection::default(),
            terms: None,
            relayed: vec![first.address],
        };
        TableStage::play(turn, &topology, |stage| {
            let feeds = self.feeds.iter().map(|feed| stage.add_feed(feed)).collect::<Result<Vec<_>>>()?;
            stage.add_receiver(&receiver, &self.nothing)?;
            stage.rest()?;
            let mut announcements = self.announcements.clone();
            if turn.subject.is_relay() {
                announcements[0] = self.relayed.clone();
            }
            let paths = self.expected.len() * feeds.len();
            let announced = stage.measure("announce", &self.expected, Some(paths), |stage| {
                for (&feed, octets) in feeds.iter().zip(announcements) {
                    stage.peers().send(feed, octets)?;
                }
                Ok(())
            })?;
            Ok(vec![announced])
        })
    }
}

fn feed(index: usize) -> PeerSettings {
    let number = u32::try_from(index).expect("a few feeds");
    PeerSettings {
        name: format!("feed_{index}").into(),
        address: numbered(FIRST_FEED, index),
        asn: Asn(FIRST_FEED_ASN + number),
    }
}

fn numbered(first: Ipv4Addr, index: usize) -> Ipv4Addr {
    Ipv4Addr::from_bits(first.to_bits() + u32::try_from(index).expect("a few feeds"))
}

const DAEMON_ASN: Asn = Asn(65000);
const ROUTER_ID: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const OWN_NEXT_HOP: NextHop = NextHop::Ipv4(Ipv4Addr::LOCALHOST);
const FIRST_FEED: Ipv4Addr = Ipv4Addr::new(127, 0, 1, 1);
const FIRST_FEED_ASN: u32 = 65101;
const FIRST_NEXT_HOP: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);
const RECEIVER: Ipv4Addr = Ipv4Addr::new(127, 0, 2, 1);
const RECEIVER_ASN: Asn = Asn(65002);
