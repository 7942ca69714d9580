//! Inputs of session tasks to the speaker.

use std::net::IpAddr;

use bgp_codec::{Family, Update};
use margay_forwarding::LinkName;
use margay_session::{Departure, Negotiated};

use super::{ExportQueue, PeerKey, SessionDoor, SessionEpoch, Step};

/// An input of a session task to the speaker.
///
/// The queue is bounded: a session task that finds it full stops reading from its socket until there is room.
#[derive(Debug)]
pub enum SpeakerInput {
    /// The session is established.
    PeerUp(Box<PeerUp>),
    /// The peer sent these UPDATEs, in this order.
    Updates {
        /// The peer.
        peer: PeerKey,
        /// Its session.
        epoch: SessionEpoch,
        /// The UPDATEs: never empty.
        updates: Vec<Update>,
        /// Length of their messages.
        octets: usize,
    },
    /// The peer requests all routes again (RFC 2918).
    RouteRefresh {
        /// The peer.
        peer: PeerKey,
        /// Its session.
        epoch: SessionEpoch,
        /// The family.
        family: Family,
    },
    /// A mark around a route refresh by the peer (RFC 7313 §4.2).
    RefreshMark {
        /// The peer.
        peer: PeerKey,
        /// Its session.
        epoch: SessionEpoch,
        /// The family.
        family: Family,
        /// Which of the two marks it is.
        mark: RefreshMark,
    },
    /// The session is over.
    PeerDown {
        /// The peer.
        peer: PeerKey,
        /// The session that is over.
        epoch: SessionEpoch,
        /// Whether the routes of the session are kept.
        departure: Departure,
    },
}

/// The start or the end of a route refresh.
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
    /// The negotiated terms.
    pub negotiated: Negotiated,
    /// Own address of the connection.
    pub local_address: IpAddr,
    /// The peer's address.
    pub peer_address: IpAddr,
    /// The link of a connection between link-local addresses; `None` for others.
    pub link: Option<SessionLink>,
    /// The queue for UPDATEs to the peer.
    pub exports: ExportQueue,
    /// The way to end the session.
    pub door: SessionDoor,
}

/// The link of a session between link-local addresses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SessionLink {
    /// The kernel's index of the interface.
    pub index: u32,
    /// Its name.
    pub name: LinkName,
}

impl SpeakerInput {
    /// The step of a turn that handles it.
    pub(super) fn step(&self) -> Step {
        match self {
            Self::PeerUp(_) | Self::PeerDown { .. } => Step::Session,
            Self::Updates { .. } => Step::Updates,
            Self::RouteRefresh { .. } | Self::RefreshMark { .. } => Step::Refresh,
        }
    }

    /// Approximate memory of the waiting input.
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
