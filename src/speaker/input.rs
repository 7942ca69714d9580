//! What session tasks tell the speaker.

use std::net::IpAddr;

use bgp_codec::{Family, Update};
use margay_session::{Departure, Negotiated};

use super::{ExportQueue, SessionDoor, Step};

/// Names a configured peer for as long as the daemon runs. Numbers are not used again.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PeerKey(pub u64);

/// Counts the sessions of a peer: what a former session left in a queue is not taken for the present one's.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SessionEpoch(pub u64);

/// What a session task tells the speaker.
///
/// The queue is bounded: a session task that finds it full stops reading from its socket until there is room.
#[derive(Debug)]
pub enum SpeakerInput {
    /// The session is established.
    PeerUp(Box<PeerUp>),
    /// The peer sent these, in this order.
    Updates {
        /// The peer.
        peer: PeerKey,
        /// Its session.
        epoch: SessionEpoch,
        /// What it sent: never empty.
        updates: Vec<Update>,
        /// How long it was in messages.
        octets: usize,
    },
    /// The peer asks to be told everything again (RFC 2918).
    RouteRefresh {
        /// The peer.
        peer: PeerKey,
        /// Its session.
        epoch: SessionEpoch,
        /// What it asks for.
        family: Family,
    },
    /// Between two of these the peer tells everything again (RFC 7313 §4.2).
    RefreshMark {
        /// The peer.
        peer: PeerKey,
        /// Its session.
        epoch: SessionEpoch,
        /// What it tells.
        family: Family,
        /// Which of the two it is.
        mark: RefreshMark,
    },
    /// The session is over.
    PeerDown {
        /// The peer.
        peer: PeerKey,
        /// The session that is over.
        epoch: SessionEpoch,
        /// What becomes of the routes that the peer advertised in it.
        departure: Departure,
    },
}

/// The start or the end of all routes of a family.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RefreshMark {
    /// BoRR.
    Begin,
    /// EoRR.
    End,
}

/// A session that is established.
#[derive(Debug)]
pub struct PeerUp {
    /// The peer.
    pub peer: PeerKey,
    /// Its session.
    pub epoch: SessionEpoch,
    /// What both sides agreed on.
    pub negotiated: Negotiated,
    /// Our end of the connection.
    pub local_address: IpAddr,
    /// The peer's address.
    pub peer_address: IpAddr,
    /// Where what the peer is to be told goes.
    pub exports: ExportQueue,
    /// Everything else that is asked of the session.
    pub door: SessionDoor,
}

impl SpeakerInput {
    /// What taking it is in a turn.
    pub(super) fn step(&self) -> Step {
        match self {
            Self::PeerUp(_) | Self::PeerDown { .. } => Step::Session,
            Self::Updates { .. } => Step::Updates,
            Self::RouteRefresh { .. } | Self::RefreshMark { .. } => Step::Refresh,
        }
    }

    /// About how much memory the input takes while it waits.
    pub(super) fn weight_octets(&self) -> u32 {
        let updates = match self {
            Self::Updates { updates, octets, .. } => octets + updates.len() * size_of::<Update>(),
            Self::PeerUp(_)
            | Self::RouteRefresh { .. }
            | Self::RefreshMark { .. }
            | Self::PeerDown { .. } => 0,
        };
        u32::try_from(size_of::<Self>() + updates).unwrap_or(u32::MAX)
    }
}
