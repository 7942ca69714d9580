//! A full table: one peer announces it, another receives it, a third comes late; it changes and it goes.

use std::net::Ipv4Addr;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bgp_codec::{Asn, BgpIdentifier, NextHop};
use bytes::Bytes;

use super::stage::{Stage, free_address};
use crate::expectation::Expectation;
use crate::measurement::Measurement;
use crate::peer::PeerSettings;
use crate::subject::{Subject, Topology};
use crate::workload::{AttributeSets, RouteTable, SeededRandom, end_of_rib};

/// How large the table is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FullOptions {
    pub(crate) prefixes: usize,
    pub(crate) attribute_sets: usize,
    pub(crate) seed: u64,
    /// For each phase.
    pub(crate) timeout: Duration,
}

/// The scenario with everything made ready that can be before the clock starts.
pub(crate) struct Full {
    announcement: Bytes,
    change: Bytes,
    announced: Rc<Expectation>,
    changed: Rc<Expectation>,
    nothing: Rc<Expectation>,
    timeout: Duration,
}

impl Full {
    /// Makes the table, its UPDATEs and what must come out.
    pub(crate) fn prepare(options: FullOptions) -> Self {
        let mut random = SeededRandom::new(options.seed);
        let table = RouteTable::generate(options.prefixes, options.attribute_sets, &mut random);
        let sets = AttributeSets::generate(options.attribute_sets, FEED.asn, &mut random);
        let other_sets = sets.with_other_communities(FEED.asn, &mut random);
        let announced = Expectation::table(&table, sets.advertised_by(DAEMON_ASN), OWN_NEXT_HOP);
        let changed = announced.with_attributes(other_sets.advertised_by(DAEMON_ASN));
        Self {
            announcement: table.encode(sets.as_slice(), FEED_NEXT_HOP),
            change: table.encode(other_sets.as_slice(), FEED_NEXT_HOP),
            announced: Rc::new(announced),
            changed: Rc::new(changed),
            nothing: Rc::new(Expectation::nothing(OWN_NEXT_HOP)),
            timeout: options.timeout,
        }
    }

    /// Plays it with one daemon; `name` is for tables.
    ///
    /// # Errors
    ///
    /// A receiver does not come to hold exactly what it must, or the daemon fails. The daemon's log is part of the text.
    pub(crate) fn play(&self, name: &str, subject: &dyn Subject) -> Result<Vec<Measurement>> {
        let topology = Topology {
            asn: DAEMON_ASN,
            router_id: BgpIdentifier::try_from(ROUTER_ID).context("the router id")?,
            listen: free_address()?,
            peers: vec![FEED, RECEIVER, LATE_JOINER],
        };
        let mut stage = Stage::new(name, subject, &topology, self.timeout)?;
        let outcome = self.play_on(&mut stage);
        outcome.with_context(|| format!("{name} failed; {}", stage.last_words()))
    }

    fn play_on(&self, stage: &mut Stage) -> Result<Vec<Measurement>> {
        let feed = stage.add_feed(FEED)?;
        stage.add_receiver(RECEIVER, &self.announced)?;
        stage.rest()?;
        let announce = |stage: &mut Stage| {
            stage.peers().send(feed, self.announcement.clone())?;
            stage.peers().send(feed, end_of_rib())
        };
        let join = |stage: &mut Stage| stage.add_receiver(LATE_JOINER, &self.announced);
        let change = |stage: &mut Stage| stage.peers().send(feed, self.change.clone());
        let leave = |stage: &mut Stage| {
            stage.peers().leave(feed);
            Ok(())
        };
        Ok(vec![
            stage.measure("announce", &self.announced, announce)?,
            stage.measure("late joiner", &self.announced, join)?,
            stage.measure("re-announce", &self.changed, change)?,
            stage.measure("withdrawal", &self.nothing, leave)?,
        ])
    }
}

const DAEMON_ASN: Asn = Asn(65000);
const ROUTER_ID: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// The daemon's address is the next hop for its external peers.
const OWN_NEXT_HOP: NextHop = NextHop::Ipv4(Ipv4Addr::LOCALHOST);

/// Not the feed's own address: GoBGP takes no next hop on the loopback interface.
const FEED_NEXT_HOP: NextHop = NextHop::Ipv4(Ipv4Addr::new(198, 51, 100, 1));

const FEED: PeerSettings =
    PeerSettings { name: "feed", address: Ipv4Addr::new(127, 0, 1, 1), asn: Asn(65001) };
const RECEIVER: PeerSettings =
    PeerSettings { name: "receiver", address: Ipv4Addr::new(127, 0, 2, 1), asn: Asn(65002) };
const LATE_JOINER: PeerSettings =
    PeerSettings { name: "late_joiner", address: Ipv4Addr::new(127, 0, 2, 2), asn: Asn(65002) };
