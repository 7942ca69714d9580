//! The speaker's handling of requests: changes of the configuration, and questions of operators.

use margay_rib::{RibInput, RoutePage, RouteSelection};
use tokio::time::Instant;

use super::Speaker;
use crate::reply::reply;
use crate::speaker::{Destination, PeerSelection, RoutesQuestion, SpeakerCounts, SpeakerRequest};

impl Speaker {
    /// Handles a request. It may cause changes for any peer.
    pub(super) fn handle_request(&mut self, request: SpeakerRequest) {
        self.rounds.on_news();
        let (step, now) = (request.step(), Instant::now());
        match request {
            SpeakerRequest::AddPeer(key, settings, answer) => {
                self.sessions.add_peer(key, settings);
                reply(answer, ());
            }
            SpeakerRequest::Reconfigure(rules, peers) => {
                self.sessions.reconfigure(&mut self.rib, rules, peers);
            }
            SpeakerRequest::RemovePeer(key) => {
                self.sessions.remove_peer(&mut self.rib, key, now);
                self.rounds.leave(key);
            }
            SpeakerRequest::AdvertiseAgain(key, answer) => {
                reply(answer, self.sessions.advertise_again(&mut self.rib, key));
            }
            SpeakerRequest::SetStatic(prefix, route) => self.rib.handle(RibInput::Static(prefix, route)),
            SpeakerRequest::SetAggregate(prefix, options) => {
                self.rib.handle(RibInput::Aggregate(prefix, options));
            }
            SpeakerRequest::SetDefaultRoute(family, is_originated) => {
                self.rib.handle(RibInput::DefaultRoute(family, is_originated));
            }
            SpeakerRequest::UpdatePayloads(update) => self.rib.handle(RibInput::Payloads(update)),
            SpeakerRequest::SetMemoryLimit(octets) => self.sessions.memory.set(octets, now),
            SpeakerRequest::SetForwardingFilter(filter) => {
                self.rib.handle(RibInput::ForwardingFilter(filter));
            }
            SpeakerRequest::Originate(prefix, options) => self.rib.originate(prefix, options),
            SpeakerRequest::StopOriginating(prefix) => self.rib.stop_originating(prefix),
            SpeakerRequest::Routes(question, answer) => reply(answer, self.routes(question)),
            SpeakerRequest::Explain(destination, answer) => {
                let prefix = match destination {
                    Destination::Prefix(prefix) => Some(prefix),
                    Destination::Address(address) => self.rib.view().route_to(address),
                };
                reply(answer, prefix.and_then(|prefix| self.rib.view().explain(prefix)));
            }
            SpeakerRequest::Counts(answer) => {
                let peers = self.sessions.counts(&self.rib);
                let absences = self.sessions.absences(Instant::now());
                let holds_back = self.sessions.holds_back();
                let memory_guard = self.sessions.memory.view(Instant::now());
                let rib = self.rib.view().counts();
                reply(answer, SpeakerCounts { rib, peers, absences, holds_back, memory_guard });
            }
            SpeakerRequest::Dump(answer) => {
                reply(answer, self.processor.at_length(|| self.rib.view().dump().to_string()));
            }
            SpeakerRequest::Watch(prefixes, answer) => {
                reply(answer, self.watchers.add(&mut self.rib, &prefixes));
            }
            SpeakerRequest::Turns(answer) => reply(answer, self.clock.times()),
            SpeakerRequest::TakeTurns(answer) => reply(answer, self.clock.take(now)),
            SpeakerRequest::Stop => {}
        }
        self.clock.end_step(step, Instant::now());
    }

    fn routes(&self, question: RoutesQuestion) -> Option<RoutePage> {
        let index = |key| self.sessions.index(key);
        let selection = match question.selection {
            PeerSelection::All => RouteSelection::All,
            PeerSelection::Accepted => RouteSelection::Accepted,
            PeerSelection::AcceptedFrom(key) => RouteSelection::AcceptedFrom(index(key)?),
            PeerSelection::Best => RouteSelection::Best,
            PeerSelection::BestFrom(key) => RouteSelection::BestFrom(index(key)?),
            PeerSelection::ReceivedFrom(key) => RouteSelection::ReceivedFrom(index(key)?),
            PeerSelection::SourcesOfAdvertised(key) => RouteSelection::SourcesOfAdvertised(index(key)?),
            PeerSelection::AdvertisedTo(key) => RouteSelection::AdvertisedTo(index(key)?),
        };
        let prefixes = question.destination.map(|destination| match destination {
            Destination::Prefix(prefix) => vec![prefix],
            Destination::Address(address) => self.rib.view().covering(address),
        });
        let view = self.rib.view();
        let view = question.filter.as_ref().map_or(view, |filter| view.through(filter));
        Some(match prefixes {
            Some(prefixes) => {
                let routes = prefixes.into_iter().flat_map(|prefix| view.routes_to(prefix, selection));
                RoutePage { routes: routes.collect(), next: None }
            }
            None => view.routes(question.family, selection, question.position, question.limit),
        })
    }
}
