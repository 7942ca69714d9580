//! What one UPDATE does to an Adj-RIB-In.

use anyhow::{Context as _, Result, bail, ensure};
use bgp_codec::{Ipv4Prefix, Message, PathAttributes, PeerKind, Update, decode_message};
use bytes::Bytes;
use foldhash::{HashMap, HashMapExt};

use crate::peer::decode_context;
use crate::workload::{ClientRoutes, FIRST_MED};

/// The routes that an UPDATE takes away and brings, by their places among all that there are.
#[derive(Debug, Default)]
pub(super) struct RouteChange {
    pub(super) withdrawn: Vec<Mask>,
    /// Routes as they must be.
    pub(super) right: Vec<Mask>,
    /// Routes with another next hop or other attributes than they must have.
    pub(super) wrong: Vec<Mask>,
    /// The first of the wrong ones, for people.
    pub(super) wrong_example: Option<String>,
    /// Prefixes that nobody announced.
    pub(super) foreign: Vec<Ipv4Prefix>,
    pub(super) foreign_withdrawn: Vec<Ipv4Prefix>,
    /// How many routes it brings and takes away.
    pub(super) routes: u64,
}

/// Some of 64 neighbouring routes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Mask {
    /// The first route's place divided by 64.
    pub(super) word: usize,
    pub(super) bits: u64,
}

/// Which routes there are, and how each must be.
#[derive(Debug)]
pub(super) struct KnownRoutes<'a> {
    routes: &'a ClientRoutes,
    /// How each client's routes must be.
    reflected: Vec<PathAttributes>,
    places: HashMap<Ipv4Prefix, usize>,
}

impl<'a> KnownRoutes<'a> {
    pub(super) fn new(routes: &'a ClientRoutes) -> Self {
        let mut places = HashMap::with_capacity(routes.prefixes().len());
        places.extend(routes.prefixes().iter().enumerate().map(|(place, prefix)| (*prefix, place)));
        let clients = 0..routes.clients().len();
        let reflected = clients.map(|client| routes.reflected(client, FIRST_MED)).collect();
        Self { routes, reflected, places }
    }

    /// Reads an UPDATE.
    ///
    /// # Errors
    ///
    /// It is malformed, or has attributes that must be repaired (RFC 7606).
    pub(super) fn read(&self, message: &[u8]) -> Result<RouteChange> {
        let decoded = decode_message(Bytes::copy_from_slice(message), &decode_context(PeerKind::Ibgp));
        let Message::Update(update) = decoded.context("a malformed message")? else {
            bail!("no UPDATE: {message:?}");
        };
        if let Some(defect) = update.defects().first() {
            bail!("an UPDATE with a defect: {defect}");
        }
        let mut change = RouteChange::default();
        for nlri in update.unreach().flat_map(|block| block.iter::<Ipv4Prefix>()) {
            change.routes += 1;
            match self.places.get(&nlri.prefix) {
                Some(&place) => add(&mut change.withdrawn, place),
                None => change.foreign_withdrawn.push(nlri.prefix),
            }
        }
        self.read_reach(&update, &mut change)?;
        Ok(change)
    }

    fn read_reach(&self, update: &Update, change: &mut RouteChange) -> Result<()> {
        let Some(attributes) = update.attributes() else {
            ensure!(update.reach().next().is_none(), "routes without attributes");
            return Ok(());
        };
        for reach in update.reach() {
            for nlri in reach.nlri.iter::<Ipv4Prefix>() {
                change.routes += 1;
                let Some(&place) = self.places.get(&nlri.prefix) else {
                    change.foreign.push(nlri.prefix);
                    continue;
                };
                let source = self.routes.source_of(place);
                let is_right =
                    reach.next_hop == ClientRoutes::next_hop(source) && attributes == self.reflected[source];
                add(if is_right { &mut change.right } else { &mut change.wrong }, place);
                if !is_right && change.wrong_example.is_none() {
                    let (prefix, must) = (nlri.prefix, &self.reflected[source]);
                    let (next_hop, must_hop) = (reach.next_hop, ClientRoutes::next_hop(source));
                    change.wrong_example = Some(format!(
                        "{prefix} via {next_hop:?} has {attributes:?}, must be via {must_hop:?} with {must:?}"
                    ));
                }
            }
        }
        Ok(())
    }
}

fn add(masks: &mut Vec<Mask>, place: usize) {
    let (word, bit) = (place / 64, 1 << (place % 64));
    match masks.iter_mut().find(|mask| mask.word == word) {
        Some(mask) => mask.bits |= bit,
        None => masks.push(Mask { word, bits: bit }),
    }
}
