//! The routes that the clients of a reflector must receive, and the effect of UPDATEs on them.

use std::ops::Range;

use anyhow::{Context as _, Result, bail, ensure};
use bgp_codec::{Ipv4Prefix, Message, NextHop, PathAttributes, PeerKind, Update, decode_message};
use bytes::Bytes;
use foldhash::HashMap;

use super::route_change::{Mask, RouteChange};
use crate::peer::decode_context;
use crate::workload::{ClientRoutes, FIRST_MED};

/// All routes, their owners, and the form in which other clients must receive them. Each has a place: a
/// number from 0, the first client's routes first.
#[derive(Debug, Default)]
pub(crate) struct KnownRoutes {
    places: HashMap<Ipv4Prefix, usize>,
    /// By place: the form in which it must be received.
    ways: Vec<usize>,
    forms: Vec<ExpectedForm>,
    /// The places of each client's own routes.
    own: Vec<Range<usize>>,
}

/// The form in which some routes must be received.
#[derive(Debug)]
struct ExpectedForm {
    attributes: PathAttributes,
    next_hop: NextHop,
}

impl KnownRoutes {
    /// The routes of uniform clients.
    pub(crate) fn of_clients(routes: &ClientRoutes) -> Self {
        let mut known = Self::default();
        known.add_clients(routes);
        known
    }

    /// Adds a client with its routes in groups that must be received with the same attributes.
    pub(crate) fn add_client<'a>(
        &mut self,
        next_hop: NextHop,
        groups: impl IntoIterator<Item = (&'a [Ipv4Prefix], PathAttributes)>,
    ) {
        let first = self.count();
        for (prefixes, attributes) in groups {
            self.places.extend(prefixes.iter().copied().zip(self.ways.len()..));
            self.ways.resize(self.ways.len() + prefixes.len(), self.forms.len());
            self.forms.push(ExpectedForm { attributes, next_hop });
        }
        self.own.push(first..self.count());
    }

    /// Adds uniform clients.
    pub(crate) fn add_clients(&mut self, routes: &ClientRoutes) {
        for client in 0..routes.clients().len() {
            let group = (routes.prefixes_of(client), routes.reflected(client, FIRST_MED));
            self.add_client(ClientRoutes::next_hop(client), [group]);
        }
    }

    /// Number of routes.
    pub(crate) fn count(&self) -> usize {
        self.ways.len()
    }

    /// Number of routes to be received by all clients together.
    pub(crate) fn count_to_receive(&self) -> usize {
        self.own.iter().map(|own| self.count() - own.len()).sum()
    }

    /// The places of each client's own routes.
    pub(super) fn own(&self) -> &[Range<usize>] {
        &self.own
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
                let must = &self.forms[self.ways[place]];
                let is_right = reach.next_hop == must.next_hop && attributes == must.attributes;
                add(if is_right { &mut change.right } else { &mut change.wrong }, place);
                if !is_right && change.wrong_example.is_none() {
                    let (prefix, next_hop) = (nlri.prefix, reach.next_hop);
                    change.wrong_example =
                        Some(format!("{prefix} via {next_hop:?} has {attributes:?}, must be {must:?}"));
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
