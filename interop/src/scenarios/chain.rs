//! A chain of four: a probe that announces, the subject, the peer, and a probe that listens; in either direction.

use std::net::IpAddr;

use anyhow::Result;

use crate::node::{Family, Peer};
use crate::probe::{Identity, Session};
use crate::stage::{PartyId, Place, Stage};

/// The chain, with all sessions up.
pub(super) struct Chain {
    /// The daemon that hears the first probe.
    pub(super) first: PartyId,
    /// The daemon that the second probe hears.
    pub(super) second: PartyId,
    /// The probe that announces, of AS 65003.
    pub(super) source: Session,
    /// Its address.
    pub(super) own: IpAddr,
    /// The probe that listens, of AS 65004.
    pub(super) sink: Session,
    /// The namespaces of the probes exist as long as the chain.
    _places: [Place; 2],
}

/// Which way routes go.
#[derive(Clone, Copy, Debug)]
pub(super) enum Direction {
    /// Probe, subject, peer, probe.
    ToPeer,
    /// Probe, peer, subject, probe.
    ToSubject,
}

impl Chain {
    /// A chain of external sessions.
    pub(super) fn new(stage: &mut Stage, direction: Direction) -> Result<Self> {
        Self::with(stage, direction, |identity| identity, |_, _| {})
    }

    /// A chain whose probes say more of themselves, and whose daemons have other settings for each other: the closure
    /// changes what the first and the second one say.
    pub(super) fn with(
        stage: &mut Stage,
        direction: Direction,
        identity: impl Fn(Identity) -> Identity,
        change: impl FnOnce(&mut Peer, &mut Peer),
    ) -> Result<Self> {
        let (s, p) = (stage.subject(65001)?, stage.peer(65002)?);
        let (first, second) = match direction {
            Direction::ToPeer => (s, p),
            Direction::ToSubject => (p, s),
        };
        let (source, sink) = (stage.place(65003)?, stage.place(65004)?);
        stage.link(first, second, |of_first, of_second| {
            of_second.passive = true;
            change(of_first, of_second);
        });
        let extended = stage.node(first).peers[0].extended_messages;
        stage.expects(first, &source, |peer| peer.extended_messages = extended);
        stage.expects(second, &sink, |peer| peer.extended_messages = extended);
        stage.start()?;
        stage.established(first, second)?;
        let own = source.address(Family::Ipv4);
        let from = stage.dial(&source, first, &identity(source.identity()))?;
        let to = stage.dial(&sink, second, &identity(sink.identity()))?;
        Ok(Self { first, second, source: from, own, sink: to, _places: [source, sink] })
    }
}
