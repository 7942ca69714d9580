//! A full table through an import filter of many terms, and changes of the receiver's filter.

use std::borrow::Cow;
use std::net::Ipv4Addr;
use std::path::Path;
use std::rc::Rc;

use anyhow::{Context as _, Result};
use bgp_codec::{Asn, BgpIdentifier, Community, Ipv4Prefix, NextHop, PathAttributes};
use bytes::Bytes;

use super::stage::free_address;
use super::table_stage::TableStage;
use super::{Scenario, Turn};
use crate::expectation::Expectation;
use crate::measurement::Measurement;
use crate::peer::PeerSettings;
use crate::subject::{Direction, Protection, Refusal, Subject, Term, Topology};
use crate::workload::{AttributeSets, RouteTable, SeededRandom, end_of_rib};

/// How large the table is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FiltersOptions {
    pub(crate) prefixes: usize,
    pub(crate) attribute_sets: usize,
    pub(crate) seed: u64,
}

/// The scenario with the table's UPDATEs and the terms ready.
pub(crate) struct Filters {
    announcement: Bytes,
    all: Rc<Expectation>,
    half: Rc<Expectation>,
    /// Communities and AS paths.
    by_attributes: Rc<[Term]>,
    /// The same number of terms, some of them prefix sets.
    by_prefix: Rc<[Term]>,
}

impl Filters {
    /// Generates the table, its UPDATEs, the terms and the expected routes.
    pub(crate) fn prepare(options: FiltersOptions) -> Self {
        let mut random = SeededRandom::new(options.seed);
        let table = RouteTable::generate(options.prefixes, options.attribute_sets, &mut random);
        let sets = AttributeSets::generate(options.attribute_sets, FEED.asn, &mut random);
        let all = Expectation::table(&table, sets.advertised_by(DAEMON_ASN), OWN_NEXT_HOP);
        let mut terms = Terms { sets: sets.as_slice(), random: &mut random };
        let by_attributes: Vec<Term> = (0..TERMS).map(|number| terms.of_attributes(number)).collect();
        let prefixes: Vec<Ipv4Prefix> = table.groups().iter().flatten().copied().collect();
        let mut by_prefix: Vec<Term> = (0..PREFIX_SETS).map(|_| terms.prefixes(&prefixes)).collect();
        by_prefix.extend(by_attributes.iter().take(TERMS - PREFIX_SETS).cloned());
        Self {
            announcement: table.encode(sets.as_slice(), FEED_NEXT_HOP),
            half: Rc::new(all.outside(lower_half())),
            all: Rc::new(all),
            by_attributes: by_attributes.into(),
            by_prefix: by_prefix.into(),
        }
    }
}

impl Scenario for Filters {
    fn admits(&self, subject: &dyn Subject) -> bool {
        subject.reload_command(Path::new("")).is_some()
    }

    fn play(&self, turn: &Turn<'_>) -> Result<Vec<Measurement>> {
        let rounds: [(&str, &[Term]); 3] =
            [("no filter", &[]), ("attributes", &self.by_attributes), ("prefixes", &self.by_prefix)];
        let mut measured = Vec::new();
        for (phase, terms) in rounds {
            let mut topology = topology(terms)?;
            measured.extend(TableStage::play(turn, &topology.clone(), |stage| {
                self.announce(stage, phase, &mut topology)
            })?);
        }
        Ok(measured)
    }
}

impl Filters {
    fn announce(
        &self,
        stage: &mut TableStage<'_>,
        phase: &'static str,
        topology: &mut Topology,
    ) -> Result<Vec<Measurement>> {
        let feed = stage.add_feed(&FEED)?;
        stage.add_receiver(&RECEIVER, &self.all)?;
        stage.rest()?;
        let mut measured = vec![stage.measure(phase, &self.all, None, |stage| {
            stage.peers().send(feed, self.announcement.clone())?;
            stage.peers().send(feed, end_of_rib())
        })?];
        if phase != "prefixes" {
            return Ok(measured);
        }
        let refusal = Refusal { peer: RECEIVER.address, direction: Direction::Export, within: lower_half() };
        for (phase, refusals, expected) in
            [("other export", vec![refusal], &self.half), ("export as before", Vec::new(), &self.all)]
        {
            stage.rest()?;
            topology.refusals = refusals;
            measured.push(stage.measure(phase, expected, None, |stage| stage.reload(topology))?);
        }
        Ok(measured)
    }
}

/// Makes terms of what the table has.
struct Terms<'t> {
    sets: &'t [PathAttributes],
    random: &'t mut SeededRandom,
}

impl Terms<'_> {
    fn of_attributes(&mut self, number: usize) -> Term {
        let path: Vec<Asn> = self.any_set().as_path().asns().collect();
        match (number % 4, path.as_slice()) {
            (0, [_, second, ..]) => Term::PathContains(*second),
            (1, [.., last]) => Term::PathEnds(*last),
            (2, [first, second, ..]) => Term::PathStarts(vec![*first, *second]),
            _ => Term::Community(self.community()),
        }
    }

    fn prefixes(&mut self, table: &[Ipv4Prefix]) -> Term {
        let count = u32::try_from(table.len()).unwrap_or(u32::MAX);
        Term::Prefixes((0..PREFIXES).map(|_| table[self.random.below(count) as usize]).collect())
    }

    /// That of a route, and where it has none, one that no route has.
    fn community(&mut self) -> Community {
        self.any_set().communities().next().unwrap_or(Community(0xfde9_0000))
    }

    fn any_set(&mut self) -> &PathAttributes {
        let count = u32::try_from(self.sets.len()).unwrap_or(u32::MAX);
        &self.sets[self.random.below(count) as usize]
    }
}

fn topology(terms: &[Term]) -> Result<Topology> {
    Ok(Topology {
        asn: DAEMON_ASN,
        router_id: BgpIdentifier::try_from(ROUTER_ID).context("the router id")?,
        listen: free_address(Ipv4Addr::LOCALHOST)?,
        peers: vec![FEED, RECEIVER],
        cluster: None,
        interfaces: Vec::new(),
        refusals: Vec::new(),
        protection: Protection::default(),
        terms: if terms.is_empty() { None } else { Some((FEED.address, terms.into())) },
        relayed: Vec::new(),
    })
}

/// A prefix that covers about half of the table.
fn lower_half() -> Ipv4Prefix {
    Ipv4Prefix::truncating(Ipv4Addr::UNSPECIFIED, 1)
}

/// Terms of a filter.
pub(super) const TERMS: usize = 40;
/// How many of them are prefix sets, where there are any.
pub(super) const PREFIX_SETS: usize = 4;
/// Members of a prefix set.
pub(super) const PREFIXES: usize = 10_000;

const DAEMON_ASN: Asn = Asn(65000);
const ROUTER_ID: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// The daemon's address is the next hop for its external peers.
const OWN_NEXT_HOP: NextHop = NextHop::Ipv4(Ipv4Addr::LOCALHOST);
const FEED_NEXT_HOP: NextHop = NextHop::Ipv4(Ipv4Addr::new(198, 51, 100, 1));

const FEED: PeerSettings =
    PeerSettings { name: Cow::Borrowed("feed"), address: Ipv4Addr::new(127, 0, 1, 1), asn: Asn(65001) };
const RECEIVER: PeerSettings =
    PeerSettings { name: Cow::Borrowed("receiver"), address: Ipv4Addr::new(127, 0, 2, 1), asn: Asn(65002) };
