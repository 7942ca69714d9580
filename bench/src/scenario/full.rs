//! A full table: one peer announces it, another receives it, a third joins late; it is changed and withdrawn.

use std::borrow::Cow;
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

/// How large the table is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FullOptions {
    pub(crate) prefixes: usize,
    pub(crate) attribute_sets: usize,
    pub(crate) seed: u64,
}

/// The scenario with everything prepared that does not belong to the measurement.
pub(crate) struct Full {
    sent: Sent,
    /// What the feed sends through a bare relay, and what must arrive.
    relayed: Sent,
    announced: Rc<Expectation>,
    changed: Rc<Expectation>,
    nothing: Rc<Expectation>,
}

/// What the feed sends.
struct Sent {
    announcement: Bytes,
    change: Bytes,
}

impl Full {
    /// Generates the table, its UPDATEs and the expected routes.
    pub(crate) fn prepare(options: FullOptions) -> Self {
        let mut random = SeededRandom::new(options.seed);
        let table = RouteTable::generate(options.prefixes, options.attribute_sets, &mut random);
        let sets = AttributeSets::generate(options.attribute_sets, FEED.asn, &mut random);
        let other_sets = sets.with_other_communities(FEED.asn, &mut random);
        let (out, other_out) = (sets.advertised_by(DAEMON_ASN), other_sets.advertised_by(DAEMON_ASN));
        let sent = |first: &AttributeSets, second: &AttributeSets, next_hop| Sent {
            announcement: table.encode(first.as_slice(), next_hop),
            change: table.encode(second.as_slice(), next_hop),
        };
        let (relayed, sent) = (sent(&out, &other_out, OWN_NEXT_HOP), sent(&sets, &other_sets, FEED_NEXT_HOP));
        let announced = Expectation::table(&table, out, OWN_NEXT_HOP);
        let changed = announced.with_attributes(other_out);
        Self {
            sent,
            relayed,
            announced: Rc::new(announced),
            changed: Rc::new(changed),
            nothing: Rc::new(Expectation::nothing(OWN_NEXT_HOP)),
        }
    }
}

impl Scenario for Full {
    fn play(&self, turn: &Turn<'_>) -> Result<Vec<Measurement>> {
        let topology = Topology {
            asn: DAEMON_ASN,
            router_id: BgpIdentifier::try_from(ROUTER_ID).context("the router id")?,
            listen: free_address(Ipv4Addr::LOCALHOST)?,
            peers: vec![FEED, RECEIVER, LATE_JOINER],
            cluster: None,
            interfaces: Vec::new(),
            refusals: Vec::new(),
            protection: Protection::default(),
            terms: None,
            relayed: vec![FEED.address],
        };
        TableStage::play(turn, &topology, |stage| self.play_on(stage, turn.subject.is_relay()))
    }
}

impl Full {
    fn play_on(&self, stage: &mut TableStage<'_>, is_relay: bool) -> Result<Vec<Measurement>> {
        let feed = stage.add_feed(&FEED)?;
        stage.add_receiver(&RECEIVER, &self.announced)?;
        stage.rest()?;
        let sent = if is_relay { &self.relayed } else { &self.sent };
        let mut measured =
            vec![stage.measure("announce", &self.announced, Some(self.announced.len()), |stage| {
                stage.peers().send(feed, sent.announcement.clone())?;
                stage.peers().send(feed, end_of_rib())
            })?];
        if is_complete(&measured) {
            let join = |stage: &mut TableStage<'_>| stage.add_receiver(&LATE_JOINER, &self.announced);
            measured.push(stage.measure("late joiner", &self.announced, None, join)?);
        }
        if is_complete(&measured) {
            let change = |stage: &mut TableStage<'_>| stage.peers().send(feed, sent.change.clone());
            measured.push(stage.measure("re-announce", &self.changed, None, change)?);
        }
        // A relay has no routes to withdraw.
        if is_complete(&measured) && !is_relay {
            let leave = |stage: &mut TableStage<'_>| {
                stage.peers().leave(feed);
                Ok(())
            };
            measured.push(stage.measure("withdrawal", &self.nothing, None, leave)?);
        }
        Ok(measured)
    }
}

fn is_complete(measured: &[Measurement]) -> bool {
    measured.iter().all(|measurement| measurement.incomplete.is_none())
}

const DAEMON_ASN: Asn = Asn(65000);
const ROUTER_ID: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// The daemon's address is the next hop for its external peers.
const OWN_NEXT_HOP: NextHop = NextHop::Ipv4(Ipv4Addr::LOCALHOST);

/// Not the feed's own address: GoBGP does not accept a next hop on the loopback interface.
const FEED_NEXT_HOP: NextHop = NextHop::Ipv4(Ipv4Addr::new(198, 51, 100, 1));

const FEED: PeerSettings =
    PeerSettings { name: Cow::Borrowed("feed"), address: Ipv4Addr::new(127, 0, 1, 1), asn: Asn(65001) };
const RECEIVER: PeerSettings =
    PeerSettings { name: Cow::Borrowed("receiver"), address: Ipv4Addr::new(127, 0, 2, 1), asn: Asn(65002) };
const LATE_JOINER: PeerSettings = PeerSettings {
    name: Cow::Borrowed("late_joiner"),
    address: Ipv4Addr::new(127, 0, 2, 2),
    asn: Asn(65002),
};
