//! The Adj-RIBs-In of all clients.

use std::ops::Range;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::client_rib::ClientRib;
use super::route_change::KnownRoutes;
use super::update_memo::{MemoPlace, UpdateMemo};
use crate::peer::{Intake, PeerId};
use crate::workload::ClientRoutes;

/// What each client holds, and when the last one had what it must have. The peers must be the clients, in order.
#[derive(Debug)]
pub(crate) struct ReflectedRoutes<'a> {
    known: KnownRoutes<'a>,
    routes: usize,
    memo: UpdateMemo,
    clients: Vec<Client>,
    incomplete: usize,
    last_change: Instant,
    last_update: Instant,
    longest_silence: Duration,
    /// How many routes came and went in all UPDATEs.
    told: u64,
    /// The first route that was wrong, for people.
    wrong_example: Option<String>,
}

#[derive(Debug)]
struct Client {
    rib: ClientRib,
    is_complete: bool,
    after: MemoPlace,
}

impl Client {
    /// Holds nothing of `routes` routes, of which some are its own.
    fn new(routes: usize, own: Range<usize>) -> Self {
        Self { rib: ClientRib::new(routes, own), is_complete: false, after: MemoPlace::default() }
    }
}

impl<'a> ReflectedRoutes<'a> {
    /// Nobody has received anything yet.
    pub(crate) fn new(routes: &'a ClientRoutes, now: Instant) -> Self {
        let (count, each) = (routes.prefixes().len(), routes.routes_each());
        let client = |index: usize| Client::new(count, index * each..(index + 1) * each);
        let clients: Vec<Client> = (0..routes.clients().len()).map(client).collect();
        Self {
            known: KnownRoutes::new(routes),
            routes: count,
            memo: UpdateMemo::new(),
            incomplete: clients.len(),
            clients,
            last_change: now,
            last_update: now,
            longest_silence: Duration::ZERO,
            told: 0,
            wrong_example: None,
        }
    }

    /// Forgets how long it was silent: the clock starts.
    pub(crate) fn start_clock(&mut self, now: Instant) {
        (self.last_update, self.longest_silence) = (now, Duration::ZERO);
    }

    /// Whether all clients hold exactly what they must.
    pub(crate) fn is_complete(&self) -> bool {
        self.incomplete == 0
    }

    /// When a client last became complete or ceased to be.
    pub(crate) fn last_change(&self) -> Instant {
        self.last_change
    }

    /// When the last UPDATE came to anybody.
    pub(crate) fn last_update(&self) -> Instant {
        self.last_update
    }

    /// The longest time in which no UPDATE came to anybody, since the clock started.
    pub(crate) fn longest_silence(&self) -> Duration {
        self.longest_silence
    }

    /// The client has left, and holds nothing any more.
    pub(crate) fn forget(&mut self, peer: PeerId) {
        let (index, each) = (peer.index(), self.routes / self.clients.len());
        let client = &mut self.clients[index];
        self.incomplete += usize::from(client.is_complete);
        *client = Client::new(self.routes, index * each..(index + 1) * each);
    }

    /// How many routes all were told, repeated ones and withdrawals too.
    pub(crate) fn told(&self) -> u64 {
        self.told
    }

    /// How many routes all were told, repeated ones and withdrawals too, for each that they had to be told.
    #[expect(clippy::cast_precision_loss, reason = "shown with three decimals")]
    pub(crate) fn told_each(&self) -> f64 {
        let clients = self.clients.len();
        let had_to_be_told = (self.routes - self.routes / clients) * clients;
        self.told as f64 / had_to_be_told as f64
    }

    /// How far the clients are, for messages.
    pub(crate) fn progress(&self) -> String {
        let right: usize = self.clients.iter().map(|client| client.rib.right_count()).sum();
        let wrong: usize = self.clients.iter().map(|client| client.rib.wrong_count()).sum();
        let must: usize = (self.routes / self.clients.len().max(1)) * (self.clients.len().saturating_sub(1));
        let percent = 100 * right / (must * self.clients.len()).max(1);
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
        self.told += change.routes;
        if !change.wrong.is_empty() && self.wrong_example.is_none() {
            self.wrong_example.clone_from(&change.wrong_example);
        }
        let is_complete = client.rib.is_complete(self.routes);
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
    use bgp_codec::{Asn, ClusterId, Nlri, PathAttributes, PathAttributesBuilder};
    use bytes::BytesMut;

    use super::*;
    use crate::workload::{ENCODER, FIRST_MED, SeededRandom};

    const CLIENTS: usize = 4;

    fn client_routes() -> ClientRoutes {
        ClientRoutes::generate(CLIENTS, 30, Asn(64512), ClusterId(9), &mut SeededRandom::new(2))
    }

    /// Sends every client's routes to every client, with these attributes.
    fn reflect(routes: &ClientRoutes, attributes: impl Fn(usize) -> PathAttributes) -> ReflectedRoutes<'_> {
        let mut reflected = ReflectedRoutes::new(routes, Instant::now());
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
        let reflected = reflect(&routes, |client| routes.reflected(client, FIRST_MED));
        assert!(reflected.is_complete(), "{}", reflected.progress());
    }

    #[test]
    fn any_other_attributes_are_wrong() {
        let routes = client_routes();
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
            let reflected = reflect(&routes, altered);
            assert_eq!(reflected.incomplete, CLIENTS, "{}", reflected.progress());
        }
    }

    #[test]
    fn another_next_hop_is_wrong_and_a_withdrawal_is_noticed() {
        let routes = client_routes();
        let prefix = routes.prefixes_of(1)[3];
        let mut altered = BytesMut::new();
        let attributes = routes.reflected(1, FIRST_MED);
        ENCODER.reach(&mut altered, &attributes, ClientRoutes::next_hop(2), [Nlri::new(prefix)]).unwrap();
        let mut withdrawn = BytesMut::new();
        ENCODER.unreach(&mut withdrawn, [Nlri::new(prefix)]);
        for spoiling in [altered, withdrawn] {
            let mut reflected = reflect(&routes, |client| routes.reflected(client, FIRST_MED));
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
}
