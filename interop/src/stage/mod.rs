//! The network of one run of a scenario: an Ethernet segment with the subject, its peers and probes.

mod clock;
mod party;
mod place;
mod traffic;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use margay_lab::{Lab, Segment};

pub(crate) use self::clock::Clock;
use self::party::Party;
use self::place::INTERFACE;
pub(crate) use self::place::Place;
pub(crate) use self::traffic::Traffic;
use crate::daemon::{Kind, Start};
use crate::engine::Container;
use crate::node::{Family, Network, Node, Peer, Route};
use crate::probe::{Identity, Session, Tap};

/// A network with daemons and probes.
pub(crate) struct Stage {
    lab: Lab,
    link: Segment,
    subject: Kind,
    peer: Kind,
    images: BTreeMap<Kind, String>,
    parties: Vec<Party>,
    places: u8,
    pub(crate) clock: Clock,
}

/// A daemon of the stage.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct PartyId(usize);

impl Stage {
    /// An empty network, whose scenario has a time to end in.
    ///
    /// # Errors
    ///
    /// Not root, or iproute2 is missing.
    pub(crate) fn new(
        subject: Kind,
        peer: Kind,
        images: &BTreeMap<Kind, String>,
        time: Duration,
    ) -> Result<Self> {
        let lab = Lab::new()?;
        let link = lab.segment("link")?;
        let clock = Clock::ends_in(time);
        Ok(Self { lab, link, subject, peer, images: images.clone(), parties: Vec::new(), places: 0, clock })
    }

    /// Adds the subject, or one more.
    ///
    /// # Errors
    ///
    /// The system refuses a namespace.
    pub(crate) fn subject(&mut self, asn: u32) -> Result<PartyId> {
        self.join(self.subject, asn)
    }

    /// Adds a peer.
    ///
    /// # Errors
    ///
    /// The system refuses a namespace.
    pub(crate) fn peer(&mut self, asn: u32) -> Result<PartyId> {
        self.join(self.peer, asn)
    }

    fn join(&mut self, kind: Kind, asn: u32) -> Result<PartyId> {
        let place = self.place(asn)?;
        self.parties.push(Party::new(kind, self.images[&kind].clone(), place, self.lab.directory())?);
        Ok(PartyId(self.parties.len() - 1))
    }

    /// Adds a place for a probe.
    ///
    /// # Errors
    ///
    /// The system refuses a namespace.
    pub(crate) fn place(&mut self, asn: u32) -> Result<Place> {
        self.places += 1;
        Place::new(&self.lab, &self.link, self.places, asn)
    }

    /// The configuration of a party, for the next start.
    pub(crate) fn node(&mut self, party: PartyId) -> &mut Node {
        &mut self.parties[party.0].node
    }

    /// Where a party is.
    pub(crate) fn place_of(&self, party: PartyId) -> &Place {
        &self.parties[party.0].place
    }

    /// An address of a party.
    pub(crate) fn address(&self, party: PartyId, family: Family) -> IpAddr {
        self.place_of(party).address(family)
    }

    /// Lets a party originate a network.
    pub(crate) fn originates(&mut self, party: PartyId, network: Network) {
        self.node(party).networks.push(network);
    }

    /// Makes two parties peers of each other, over IPv4. The closure changes the peer that each has of the other: first
    /// what `one` says of `other`.
    pub(crate) fn link(&mut self, one: PartyId, other: PartyId, change: impl FnOnce(&mut Peer, &mut Peer)) {
        self.link_over(Family::Ipv4, one, other, change);
    }

    /// As [`link`](Self::link), over a family of addresses.
    pub(crate) fn link_over(
        &mut self,
        family: Family,
        one: PartyId,
        other: PartyId,
        change: impl FnOnce(&mut Peer, &mut Peer),
    ) {
        let mut of_one = peer(self.place_of(one), self.place_of(other), family);
        let mut of_other = peer(self.place_of(other), self.place_of(one), family);
        change(&mut of_one, &mut of_other);
        self.node(one).peers.push(of_one);
        self.node(other).peers.push(of_other);
    }

    /// As [`link`](Self::link), between the link-local addresses.
    pub(crate) fn link_locally(
        &mut self,
        one: PartyId,
        other: PartyId,
        change: impl FnOnce(&mut Peer, &mut Peer),
    ) {
        let (own, far) = (self.place_of(one).link_local(), self.place_of(other).link_local());
        self.link_over(Family::Ipv6, one, other, |of_one, of_other| {
            (of_one.address, of_one.local_address) = (far, own);
            (of_other.address, of_other.local_address) = (own, far);
            for peer in [&mut *of_one, &mut *of_other] {
                peer.interface = Some(INTERFACE.to_owned());
            }
            change(of_one, of_other);
        });
    }

    /// Makes a probe a peer of a party, which waits for it.
    pub(crate) fn expects(&mut self, party: PartyId, probe: &Place, change: impl FnOnce(&mut Peer)) {
        let mut settings = peer(self.place_of(party), probe, Family::Ipv4);
        settings.passive = true;
        change(&mut settings);
        self.node(party).peers.push(settings);
    }

    /// Starts every party that does not run, and waits until they answer.
    ///
    /// # Errors
    ///
    /// One does not come up; the error contains its log.
    pub(crate) fn start(&mut self) -> Result<()> {
        let clock = self.clock;
        thread::scope(|scope| {
            let idle = self.parties.iter_mut().filter(|party| !party.has_container());
            let starts: Vec<_> = idle.map(|party| scope.spawn(move || party.start(clock))).collect();
            let ended = starts
                .into_iter()
                .map(|start| start.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            ended.collect::<Vec<_>>().into_iter().collect()
        })
    }

    /// Starts a party's daemon again with its present configuration.
    ///
    /// # Errors
    ///
    /// It does not come up.
    pub(crate) fn restart(&mut self, party: PartyId, start: Start) -> Result<()> {
        let clock = self.clock;
        self.parties[party.0].restart(start, clock)
    }

    /// Kills a party's daemon, and starts the subject's in its place with the same configuration.
    ///
    /// # Errors
    ///
    /// It does not run, or the other one does not come up.
    pub(crate) fn replace(&mut self, party: PartyId) -> Result<()> {
        self.container(party)?.kill()?;
        let (kind, image, clock) = (self.subject, self.images[&self.subject].clone(), self.clock);
        self.parties[party.0].replace(kind, image, clock)
    }

    /// Listens to the messages from and to a party.
    ///
    /// # Errors
    ///
    /// The system refuses the socket.
    pub(crate) fn tap(&self, party: PartyId) -> Result<Tap> {
        Tap::start(&self.place_of(party).namespace)
    }

    /// Connects a probe to a party over IPv4.
    ///
    /// # Errors
    ///
    /// There is no session by the end of the scenario's time.
    pub(crate) fn dial(&self, from: &Place, to: PartyId, identity: &Identity) -> Result<Session> {
        let (own, other) = (from.address(Family::Ipv4), self.address(to, Family::Ipv4));
        Session::dial(&from.namespace, own, other, identity, self.clock.deadline)
    }

    /// A party's container, to kill or freeze the daemon.
    ///
    /// # Errors
    ///
    /// It has not been started.
    pub(crate) fn container(&self, party: PartyId) -> Result<&Container> {
        self.parties[party.0].container()
    }

    /// Waits until the sessions between two parties are up on both sides.
    ///
    /// # Errors
    ///
    /// They are not by the end of the scenario's time.
    pub(crate) fn established(&self, one: PartyId, other: PartyId) -> Result<()> {
        self.clock.until("the session is established on both sides", || {
            self.is_established(one, other)?;
            self.is_established(other, one)
        })
    }

    /// Fails unless a party says that all its sessions with another are up.
    ///
    /// # Errors
    ///
    /// One is in another state.
    pub(crate) fn is_established(&self, party: PartyId, with: PartyId) -> Result<()> {
        let states = self.states(party, with)?;
        ensure!(!states.is_empty(), "there is no such peer");
        ensure!(states.iter().all(|state| state == "established"), "{party:?} says {states:?}");
        Ok(())
    }

    /// Fails if a party says that a session with another is up.
    ///
    /// # Errors
    ///
    /// One is up.
    pub(crate) fn is_down(&self, party: PartyId, with: PartyId) -> Result<()> {
        let states = self.states(party, with)?;
        ensure!(states.iter().all(|state| state != "established"), "{party:?} says {states:?}");
        Ok(())
    }

    fn states(&self, party: PartyId, with: PartyId) -> Result<Vec<String>> {
        let (own, container) = (&self.parties[party.0], self.container(party)?);
        let others = own.node.peers.iter().filter(|peer| self.place_of(with).has(peer.address));
        others.map(|peer| own.adapter().session(container, peer)).collect()
    }

    /// The routes that a party has learned, all paths of them.
    ///
    /// # Errors
    ///
    /// It does not answer.
    pub(crate) fn routes(&self, party: PartyId) -> Result<Vec<Route>> {
        let own = &self.parties[party.0];
        own.adapter().routes(self.container(party)?, &own.node)
    }

    /// Waits until a party uses a route to a prefix that passes a check, and returns it.
    ///
    /// # Errors
    ///
    /// It does not by the end of the scenario's time.
    pub(crate) fn uses(
        &self,
        party: PartyId,
        prefix: &str,
        check: impl Fn(&Route) -> Result<()>,
    ) -> Result<Route> {
        let wanted = prefix.parse().context("a scenario names prefixes")?;
        self.clock.until(
            &format!("{} uses a route to {prefix}", self.parties[party.0].adapter().title()),
            || {
                let routes = self.routes(party)?;
                let found = routes.iter().find(|route| route.prefix == wanted && route.best);
                let route = found.with_context(|| format!("its routes are {routes:?}"))?;
                check(route).with_context(|| format!("{route:?}"))?;
                Ok(route.clone())
            },
        )
    }

    /// Waits until a party has no route to a prefix.
    ///
    /// # Errors
    ///
    /// It has one to the end of the scenario's time.
    pub(crate) fn loses(&self, party: PartyId, prefix: &str) -> Result<()> {
        self.clock
            .until(&format!("{} has no route to {prefix}", self.parties[party.0].adapter().title()), || {
                self.has_none(party, prefix)
            })
    }

    /// Fails if a party has a route to a prefix.
    ///
    /// # Errors
    ///
    /// It has one, or does not answer.
    pub(crate) fn has_none(&self, party: PartyId, prefix: &str) -> Result<()> {
        let wanted = prefix.parse().context("a scenario names prefixes")?;
        match self.routes(party)?.into_iter().find(|route| route.prefix == wanted) {
            Some(route) => bail!("there is {route:?}"),
            None => Ok(()),
        }
    }

    /// Asks the first peer of a party for its routes again.
    ///
    /// # Errors
    ///
    /// The party refuses.
    pub(crate) fn request_refresh(&self, party: PartyId) -> Result<()> {
        let own = &self.parties[party.0];
        own.adapter().request_refresh(self.container(party)?, &own.node.peers[0])
    }

    /// Ends the session of a party with its first peer for good.
    ///
    /// # Errors
    ///
    /// The party refuses.
    pub(crate) fn shut_down(&self, party: PartyId, text: &str) -> Result<()> {
        let own = &self.parties[party.0];
        own.adapter().shut_down(self.container(party)?, &own.node.peers[0], text)
    }

    /// The ends of all logs and all configurations, for a failure.
    pub(crate) fn report(&self) -> String {
        self.parties.iter().map(Party::report).collect()
    }
}

/// The settings that one place has of another.
fn peer(own: &Place, other: &Place, family: Family) -> Peer {
    Peer::new(&other.name(), other.address(family), own.address(family), other.asn)
}
