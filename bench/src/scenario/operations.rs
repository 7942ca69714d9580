//! A full table during operations: receivers request it again, get other filters, leave and come back.

use std::borrow::Cow;
use std::net::Ipv4Addr;
use std::rc::Rc;

use anyhow::{Context as _, Result};
use bgp_codec::{Asn, BgpIdentifier, Ipv4Prefix, NextHop};
use bytes::Bytes;

use super::stage::free_address;
use super::table_stage::TableStage;
use super::{Scenario, Turn};
use crate::expectation::Expectation;
use crate::measurement::Measurement;
use crate::peer::PeerSettings;
use crate::subject::{Direction, Protection, Refusal, Subject, Topology};
use crate::workload::{AttributeSets, RouteTable, SeededRandom, end_of_rib};

/// How large the table is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OperationsOptions {
    pub(crate) prefixes: usize,
    pub(crate) attribute_sets: usize,
    pub(crate) seed: u64,
}

/// The scenario with the table's UPDATEs ready.
pub(crate) struct Operations {
    announcement: Bytes,
    all: Rc<Expectation>,
    half: Rc<Expectation>,
    nothing: Rc<Expectation>,
}

impl Operations {
    /// Generates the table, its UPDATEs and the expected routes.
    pub(crate) fn prepare(options: OperationsOptions) -> Self {
        let mut random = SeededRandom::new(options.seed);
        let table = RouteTable::generate(options.prefixes, options.attribute_sets, &mut random);
        let sets = AttributeSets::generate(options.attribute_sets, FEED.asn, &mut random);
        let all = Expectation::table(&table, sets.advertised_by(DAEMON_ASN), OWN_NEXT_HOP);
        Self {
            announcement: table.encode(sets.as_slice(), FEED_NEXT_HOP),
            half: Rc::new(all.outside(lower_half())),
            all: Rc::new(all),
            nothing: Rc::new(Expectation::nothing(OWN_NEXT_HOP)),
        }
    }
}

impl Scenario for Operations {
    fn admits(&self, subject: &dyn Subject) -> bool {
        subject.filters_received_routes_again()
    }

    fn play(&self, turn: &Turn<'_>) -> Result<Vec<Measurement>> {
        let mut topology = Topology {
            asn: DAEMON_ASN,
            router_id: BgpIdentifier::try_from(ROUTER_ID).context("the router id")?,
            listen: free_address(Ipv4Addr::LOCALHOST)?,
            peers: std::iter::once(FEED).chain(receivers()).collect(),
            cluster: None,
            interfaces: Vec::new(),
            refusals: Vec::new(),
            protection: Protection::default(),
            terms: None,
            relayed: Vec::new(),
        };
        TableStage::play(turn, &topology.clone(), |stage| self.play_on(stage, &mut topology))
    }
}

impl Operations {
    fn play_on(&self, stage: &mut TableStage<'_>, topology: &mut Topology) -> Result<Vec<Measurement>> {
        let feed = stage.add_feed(&FEED)?;
        for receiver in receivers() {
            stage.add_receiver(&receiver, &self.all)?;
        }
        stage.rest()?;
        let mut measured = vec![stage.measure("announce", &self.all, None, |stage| {
            stage.peers().send(feed, self.announcement.clone())?;
            stage.peers().send(feed, end_of_rib())
        })?];
        measured.push(stage.measure("refresh", &self.all, None, TableStage::refresh_all)?);
        let first = receivers().next().context("there are receivers")?;
        let of =
            |peer: &PeerSettings, direction| Refusal { peer: peer.address, direction, within: lower_half() };
        let to_all: Vec<Refusal> = receivers().map(|peer| of(&peer, Direction::Export)).collect();
        for (phase, refusals, of_first, of_others) in [
            ("export of one", vec![of(&first, Direction::Export)], &self.half, &self.all),
            ("export of all", to_all, &self.half, &self.half),
            ("export as before", Vec::new(), &self.all, &self.all),
            ("import", vec![of(&FEED, Direction::Import)], &self.half, &self.half),
            ("import as before", Vec::new(), &self.all, &self.all),
        ] {
            topology.refusals = refusals;
            measured.push(stage.measure(phase, of_others, None, |stage| {
                stage.expect(&first.name, of_first);
                stage.reload(topology)
            })?);
            stage.rest()?;
        }
        measured.push(stage.measure("receivers leave", &self.all, None, |stage| {
            receivers().skip(1).for_each(|receiver| stage.remove_receiver(&receiver.name));
            stage.rest()
        })?);
        measured.push(stage.measure("receivers come", &self.all, None, |stage| {
            receivers().skip(1).try_for_each(|receiver| stage.add_receiver(&receiver, &self.all))
        })?);
        measured.push(stage.measure("feed leaves", &self.nothing, None, |stage| {
            stage.peers().leave(feed);
            Ok(())
        })?);
        Ok(measured)
    }
}

/// A prefix that covers about half of the table.
fn lower_half() -> Ipv4Prefix {
    Ipv4Prefix::truncating(Ipv4Addr::UNSPECIFIED, 1)
}

fn receivers() -> impl Iterator<Item = PeerSettings> {
    (1..).take(RECEIVERS).map(|number| PeerSettings {
        name: Cow::Owned(format!("receiver_{number}")),
        address: Ipv4Addr::new(127, 0, 2, number),
        asn: Asn(65002),
    })
}

/// Peers that receive the table.
pub(super) const RECEIVERS: usize = 6;

const DAEMON_ASN: Asn = Asn(65000);
const ROUTER_ID: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// The daemon's address is the next hop for its external peers.
const OWN_NEXT_HOP: NextHop = NextHop::Ipv4(Ipv4Addr::LOCALHOST);
const FEED_NEXT_HOP: NextHop = NextHop::Ipv4(Ipv4Addr::new(198, 51, 100, 1));

const FEED: PeerSettings =
    PeerSettings { name: Cow::Borrowed("feed"), address: Ipv4Addr::new(127, 0, 1, 1), asn: Asn(65001) };
