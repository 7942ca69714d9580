//! The Adj-RIBs-In of all clients.

use std::ops::Range;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::client_rib::ClientRib;
use super::known_routes::KnownRoutes;
use super::update_memo::{MemoPlace, UpdateMemo};
use crate::peer::{Intake, PeerId};

/// The routes of each client, and when the last one became complete. The peers must be the clients, in order.
#[derive(Debug)]
pub(crate) struct ReflectedRoutes<'a> {
    known: &'a KnownRoutes,
    memo: UpdateMemo,
    clients: Vec<Client>,
    incomplete: usize,
    last_change: Instant,
    last_update: Instant,
    longest_silence: Duration,
    /// Number of routes advertised and withdrawn in all UPDATEs.
    received: u64,
    /// The first wrong route, for messages.
    wrong_example: Option<String>,
}

#[derive(Debug)]
struct Client {
    rib: ClientRib,
    is_complete: bool,
    after: MemoPlace,
}

impl Client {
    /// Holds none of `routes` routes, of which the given ones are its own.
    fn new(routes: usize, own: Range<usize>) -> Self {
        Self { rib: ClientRib::new(routes, own), is_complete: false, after: MemoPlace::default() }
    }
}

impl<'a> ReflectedRoutes<'a> {
    /// Starts without any received routes.
    pub(crate) fn new(known: &'a KnownRoutes, now: Instant) -> Self {
        let clients: Vec<Client> =
            known.own().iter().map(|own| Client::new(known.count(), own.clone())).collect();
        Self {
            known,
            memo: UpdateMemo::new(),
            incomplete: clients.len(),
            clients,
            last_change: now,
            last_update: now,
            longest_silence: Duration::ZERO,
            received: 0,
            wrong_example: None,
        }
    }

    /// Starts the measurement of silence.
    pub(crate) fn start_clock(&mut self, now: Instant) {
        (self.last_update, self.longest_silence) = (now, Duration::ZERO);
    }

    /// Whether all clients hold exactly what they must.
    pub(crate) fn is_complete(&self) -> bool {
        self.incomplete == 0
    }

    /// When a client last became complete or incomplete.
    pub(crate) fn last_change(&self) -> Instant {
        self.last_change
    }

    /// When any client last received an UPDATE.
    pub(crate) fn last_update(&self) -> Instant {
        self.last_update
    }

    /// The longest time without an UPDATE for any client, since the clock started.
    pub(crate) fn longest_silence(&self) -> Duration {
        self.longest_silence
    }

    /// Notes that the client has left, and holds nothing any more.
    pub(crate) fn forget(&mut self, peer: PeerId) {
        let client = &mut self.clients[peer.index()];
        self.incomplete += usize::from(client.is_complete);
        *client = Client::new(self.known.count(), self.known.own()[peer.index()].clone());
    }

    /// Routes received by all clients, including repetitions and withdrawals.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Routes received by all clients, including repetitions and withdrawals, for each that had to be
    /// received.
    #[expect(clippy::cast_precision_loss, reason = "shown with three decimals")]
    pub(crate) fn sent_each(&self) -> f64 {
        self.received as f64 / self.known.count_to_receive() as f64
    }

    /// Progress of the clients, for messages.
    pub(crate) fn progress(&self) -> String {
        let right: usize = self.clients.iter().map(|client| client.rib.right_count()).sum();
        let wrong: usize = self.clients.iter().map(|client| client.rib.wrong_count()).sum();
        let percent = 100 * right / self.known.count_to_receive().max(1);
        let example = self.wrong_example.as_deref().unwrap_or_default();
        format!("{percent}% there, {wrong} wrong, {} clients incomplete {example}", self.incomplete)
    }
}

impl Intake for ReflectedRoutes<'_> {
    fn handle_update(&mut self, peer: PeerId, message: &[u8], at: Instant) -> Result<()> {
        if at != self.last_update {
            self.longest_silence = self.longest_silence.max(at.saturating_duration_since(self.last_update));
            self.last_update = at;
        }
        let client = &mut self.clients[peer.index()];
        let change = self.memo.find(message, &mut client.after, |message| self.known.read(message))?;
        client.rib.apply(change);
        self.received += change.routes;
        if !change.wrong.is_empty() && self.wrong_example.is_none() {
            self.wrong_example.clone_from(&change.wrong_example);
        }
        let is_complete = client.rib.is_complete(self.known.count());
        if is_complete != client.is_complete {
            client.is_complete = is_complete;
            self.last_change = at;
            if is_complete {
                self.incomplete -= 1;
            } else {
                self.incomplete += 1;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bgp_codec::{Asn, ClusterId, Ipv4Prefix, Nlri, PathAttributes, PathAttributesBuilder};
    use bytes::BytesMut;

    use super::*;
    use crate::workload::{ClientRoutes, ENCODER, FIRST_MED, SeededRandom};

    const CLIENTS: usize = 4;

    fn client_routes() -> ClientRoutes {
        ClientRoutes::generate(CLIENTS, 30, Asn(64512), ClusterId(9), &mut SeededRandom::new(2))
    }

    /// Sends every client's routes to every client, with these attributes.
    fn reflect<'a>(
        known: &'a KnownRoutes,
        routes: &ClientRoutes,
        attributes: impl Fn(usize) -> PathAttributes,
    ) -> ReflectedRoutes<'a> {
        let mut reflected = ReflectedRoutes::new(known, Instant::now());
        for source in 0..CLIENTS {
            let update = routes.encode(source, &attributes(source));
            for receiver in 0..CLIENTS {
                reflected.handle_update(PeerId::new(receiver), &update, Instant::now()).unwrap();
            }
        }
        reflected
    }

    #[test]
    fn is_complete_when_all_have_the_others_routes() {
        let routes = client_routes();
        let known = KnownRoutes::of_clients(&routes);
        let reflected = reflect(&known, &routes, |client| routes.reflected(client, FIRST_MED));
        assert!(reflected.is_complete(), "{}", reflected.progress());
    }

    #[test]
    fn any_other_attributes_are_wrong() {
        let routes = client_routes();
        let known = KnownRoutes::of_clients(&routes);
        let alterations: [fn(&mut PathAttributesBuilder); 5] = [
            |builder| builder.originator_id = None,
            |builder| builder.cluster_list.clear(),
            |builder| builder.cluster_list.push(ClusterId(9)),
            |builder| builder.local_pref = Some(101),
            |builder| builder.med = None,
        ];
        for alter in alterations {
            let altered = |client| {
                let mut builder = routes.reflected(client, FIRST_MED).to_builder();
                alter(&mut builder);
                builder.build()
            };
            let reflected = reflect(&known, &routes, altered);
            assert_eq!(reflected.incomplete, CLIENTS, "{}", reflected.progress());
        }
    }

    #[test]
    fn another_next_hop_is_wrong_and_a_withdrawal_is_noticed() {
        let routes = client_routes();
        let known = KnownRoutes::of_clients(&routes);
        let prefix = routes.prefixes_of(1)[3];
        let mut altered = BytesMut::new();
        let attributes = routes.reflected(1, FIRST_MED);
        ENCODER.reach(&mut altered, &attributes, ClientRoutes::next_hop(2), [Nlri::new(prefix)]).unwrap();
        let mut withdrawn = BytesMut::new();
        ENCODER.unreach(&mut withdrawn, [Nlri::new(prefix)]);
        for spoiling in [altered, withdrawn] {
            let mut reflected = reflect(&known, &routes, |client| routes.reflected(client, FIRST_MED));
            for receiver in 0..CLIENTS {
                reflected.handle_update(PeerId::new(receiver), &spoiling, Instant::now()).unwrap();
            }
            // Client 1 is the source.
            assert_eq!(reflected.incomplete, CLIENTS - 1);
            let again = routes.encode(1, &attributes);
            for receiver in 0..CLIENTS {
                reflected.handle_update(PeerId::new(receiver), &again, Instant::now()).unwrap();
            }
            assert!(reflected.is_complete(), "{}", reflected.progress());
        }
    }

    #[test]
    fn a_client_may_have_routes_of_several_kinds_and_more_than_others() {
        let routes = client_routes();
        let kinds: Vec<(&[Ipv4Prefix], PathAttributes)> =
            (1..CLIENTS).map(|kind| (routes.prefixes_of(kind), routes.reflected(kind, FIRST_MED))).collect();
        let next_hop = ClientRoutes::next_hop(9);
        let mut known = KnownRoutes::default();
        known.add_client(next_hop, kinds.clone());
        known
            .add_client(ClientRoutes::next_hop(0), [(routes.prefixes_of(0), routes.reflected(0, FIRST_MED))]);
        assert_eq!((known.count(), known.count_to_receive()), (120, 30 + 90));

        let mut reflected = ReflectedRoutes::new(&known, Instant::now());
        reflected
            .handle_update(PeerId::new(0), &routes.encode(0, &routes.reflected(0, FIRST_MED)), Instant::now())
            .unwrap();
        for (number, (prefixes, attributes)) in kinds.iter().enumerate() {
            assert_eq!(reflected.incomplete, 1, "{number} of the kinds are there: {}", reflected.progress());
            let mut update = BytesMut::new();
            let nlri = prefixes.iter().copied().map(Nlri::new);
            ENCODER.reach(&mut update, attributes, next_hop, nlri).unwrap();
            reflected.handle_update(PeerId::new(1), &update, Instant::now()).unwrap();
        }
        assert!(reflected.is_complete(), "{}", reflected.progress());
        reflected.forget(PeerId::new(0));
        assert_eq!(reflected.incomplete, 1);
    }
}
