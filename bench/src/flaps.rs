//! Propagation of route changes to each client, with their latencies.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use bgp_codec::{Ipv4Prefix, Message, PeerKind, decode_message};
use bytes::Bytes;
use foldhash::HashMap;

use crate::measurement::Latency;
use crate::peer::{Intake, PeerId, decode_context};
use crate::workload::ClientRoutes;

/// Watches for the changes of the clients' routes. The peers must be the clients, in order.
///
/// MULTI_EXIT_DISC distinguishes the advertisements of a prefix. A change that a daemon leaves out, because a
/// later one of the same prefix had occurred already, counts as received with the later one.
#[derive(Debug)]
pub(crate) struct FlapWatch<'a> {
    routes: &'a ClientRoutes,
    places: HashMap<Ipv4Prefix, usize>,
    /// Changes sent of each prefix, in order.
    sent: Vec<Vec<Change>>,
    /// Number of changes received, by client and prefix.
    seen: Vec<Vec<usize>>,
    outstanding: usize,
    samples: Vec<Duration>,
    last_update: Option<Instant>,
    /// The same UPDATE usually comes to all clients in a row, so it is decoded once.
    last_octets: Vec<u8>,
    last_content: Vec<Content>,
}

#[derive(Clone, Copy, Debug)]
struct Change {
    at: Instant,
    med: Option<u32>,
}

/// A route advertised with this MULTI_EXIT_DISC, or withdrawn.
#[derive(Clone, Copy, Debug)]
struct Content {
    place: usize,
    med: Option<u32>,
}

impl<'a> FlapWatch<'a> {
    /// Starts without changes.
    pub(crate) fn new(routes: &'a ClientRoutes) -> Self {
        let prefixes = routes.prefixes();
        Self {
            routes,
            places: prefixes.iter().enumerate().map(|(place, prefix)| (*prefix, place)).collect(),
            sent: vec![Vec::new(); prefixes.len()],
            seen: vec![vec![0; prefixes.len()]; routes.clients().len()],
            outstanding: 0,
            samples: Vec::new(),
            last_update: None,
            last_octets: Vec::new(),
            last_content: Vec::new(),
        }
    }

    /// Notes that a prefix is about to be advertised with this new MULTI_EXIT_DISC, or withdrawn.
    pub(crate) fn note_sent(&mut self, place: usize, med: Option<u32>, at: Instant) {
        self.sent[place].push(Change { at, med });
        self.outstanding += self.routes.clients().len() - 1;
    }

    /// Number of changes still to be received, counted for each client.
    pub(crate) fn outstanding(&self) -> usize {
        self.outstanding
    }

    /// Number of changes received since the samples were last cleared.
    pub(crate) fn arrived(&self) -> usize {
        self.samples.len()
    }

    /// When any client last received an UPDATE.
    pub(crate) fn last_update(&self) -> Option<Instant> {
        self.last_update
    }

    /// Clears the samples.
    pub(crate) fn forget_samples(&mut self) {
        self.samples.clear();
    }

    /// Latency of the changes; `None` without any.
    pub(crate) fn latency(&mut self) -> Option<Latency> {
        Latency::of(&mut self.samples)
    }

    /// Decodes an UPDATE, and checks everything in it except its timing.
    fn read(&self, message: &[u8]) -> Result<Vec<Content>> {
        let decoded = decode_message(Bytes::copy_from_slice(message), &decode_context(PeerKind::Ibgp));
        let Message::Update(update) = decoded.context("a malformed message")? else {
            bail!("no UPDATE: {message:?}");
        };
        if let Some(defect) = update.defects().first() {
            bail!("an UPDATE with a defect: {defect}");
        }
        let place_of = |prefix: Ipv4Prefix| {
            self.places.get(&prefix).copied().with_context(|| format!("no peer announced {prefix}"))
        };
        let mut content = Vec::new();
        for nlri in update.unreach().flat_map(|block| block.iter::<Ipv4Prefix>()) {
            content.push(Content { place: place_of(nlri.prefix)?, med: None });
        }
        for reach in update.reach() {
            let attributes = update.attributes().context("routes without attributes")?.to_path_attributes();
            for nlri in reach.nlri.iter::<Ipv4Prefix>() {
                let place = place_of(nlri.prefix)?;
                let source = self.routes.source_of(place);
                let med = attributes.med().context("a route without MULTI_EXIT_DISC")?;
                let must = self.routes.reflected(source, med);
                ensure!(
                    reach.next_hop == ClientRoutes::next_hop(source) && attributes == must,
                    "{} via {:?} has {attributes:?}, must have {must:?}",
                    nlri.prefix,
                    reach.next_hop
                );
                content.push(Content { place, med: Some(med) });
            }
        }
        Ok(content)
    }

    fn apply(&mut self, peer: PeerId, Content { place, med }: Content, at: Instant) -> Result<()> {
        // A client ignores its own routes (RFC 4456 §8).
        if self.routes.source_of(place) == peer.index() {
            return Ok(());
        }
        let seen = self.seen[peer.index()][place];
        let (known, unseen) = self.sent[place].split_at(seen);
        let Some(ahead) = unseen.iter().position(|change| change.med == med) else {
            let again = known.last().is_some_and(|change| change.med == med);
            let prefix = self.routes.prefixes()[place];
            ensure!(again, "{prefix} has MED {med:?}, though a later change had come through");
            return Ok(());
        };
        let passed = &unseen[..=ahead];
        self.samples.extend(passed.iter().map(|change| at.saturating_duration_since(change.at)));
        self.outstanding -= passed.len();
        self.seen[peer.index()][place] += passed.len();
        Ok(())
    }
}

impl Intake for FlapWatch<'_> {
    fn handle_update(&mut self, peer: PeerId, message: &[u8], at: Instant) -> Result<()> {
        self.last_update = Some(at);
        if self.last_octets != message {
            self.last_content = self.read(message)?;
            self.last_octets.clear();
            self.last_octets.extend_from_slice(message);
        }
        for index in 0..self.last_content.len() {
            self.apply(peer, self.last_content[index], at)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bgp_codec::{Asn, ClusterId, Nlri};
    use bytes::BytesMut;

    use super::*;
    use crate::workload::{ENCODER, SeededRandom};

    fn client_routes() -> ClientRoutes {
        ClientRoutes::generate(3, 2, Asn(64512), ClusterId(9), &mut SeededRandom::new(2))
    }

    fn update(routes: &ClientRoutes, place: usize, med: Option<u32>) -> BytesMut {
        let nlri = [Nlri::new(routes.prefixes()[place])];
        let mut out = BytesMut::new();
        match med {
            None => ENCODER.unreach(&mut out, nlri),
            Some(med) => {
                let client = routes.source_of(place);
                let attributes = routes.reflected(client, med);
                ENCODER.reach(&mut out, &attributes, ClientRoutes::next_hop(client), nlri).unwrap();
            }
        }
        out
    }

    const RECEIVER: usize = 2;

    /// Sends MED 1, nothing, MED 2 of client 0's first prefix, a second apart, and receives these seven seconds later.
    fn watch<'a>(routes: &'a ClientRoutes, received: &[Option<u32>]) -> Result<FlapWatch<'a>> {
        let start = Instant::now();
        let mut watch = FlapWatch::new(routes);
        for (seconds, med) in (0..).zip([Some(1), None, Some(2)]) {
            watch.note_sent(0, med, start + Duration::from_secs(seconds));
        }
        for &med in received {
            let at = start + Duration::from_secs(7);
            watch.handle_update(PeerId::new(RECEIVER), &update(routes, 0, med), at)?;
        }
        Ok(watch)
    }

    #[test]
    fn a_change_left_out_comes_through_with_the_next() {
        let routes = client_routes();
        for received in [&[Some(1), None, Some(2)][..], &[Some(1), Some(2)], &[Some(2)], &[None, Some(2)]] {
            let mut watch = watch(&routes, received).unwrap();
            assert_eq!((watch.arrived(), watch.outstanding()), (3, 3), "{received:?}");
            let latency = watch.latency().unwrap();
            assert_eq!((latency.median_milliseconds, latency.max_milliseconds), (6000.0, 7000.0));
        }
    }

    #[test]
    fn what_was_there_may_come_again_but_nothing_older() {
        let routes = client_routes();
        assert!(watch(&routes, &[Some(1), Some(1)]).is_ok());
        for received in [&[None, Some(1)][..], &[Some(2), None], &[Some(2), Some(1)], &[Some(3)]] {
            assert!(watch(&routes, received).is_err(), "{received:?}");
        }
    }

    #[test]
    fn refuses_altered_attributes() {
        let routes = client_routes();
        let mut watch = FlapWatch::new(&routes);
        watch.note_sent(0, Some(1), Instant::now());
        let mut out = BytesMut::new();
        let unreflected = ClientRoutes::announced(1).build();
        let nlri = [Nlri::new(routes.prefixes()[0])];
        ENCODER.reach(&mut out, &unreflected, ClientRoutes::next_hop(0), nlri).unwrap();
        assert!(watch.handle_update(PeerId::new(RECEIVER), &out, Instant::now()).is_err());
    }
}
