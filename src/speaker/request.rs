//! What the daemon asks of the speaker: changes of the configuration, and questions of operators.

use std::net::IpAddr;

use bgp_codec::{Family, Prefix};
use margay_rib::{
    Explanation, NetworkOptions, PagePosition, PeerCounts, PeerRules, ReflectorOptions, RibCounts, RoutePage,
};
use tokio::sync::oneshot;

use super::{AbsenceView, PeerKey, PrefixLimit, Step, TurnTimes};

/// A request to the speaker. Questions are answered through the channel that they bring.
#[derive(Debug)]
pub enum SpeakerRequest {
    /// A peer is configured. Its session must not come up before this is answered: inputs may overtake requests.
    AddPeer(PeerKey, PeerSettings, oneshot::Sender<()>),
    /// Peers have other settings, and the speaker reflects as it is said here. Their sessions stay.
    Reconfigure(ReflectorOptions, Vec<(PeerKey, PeerSettings)>),
    /// A peer is not configured any more. Its session is ended elsewhere.
    RemovePeer(PeerKey),
    /// Advertise all routes to a peer again; whether it has a session.
    AdvertiseAgain(PeerKey, oneshot::Sender<bool>),
    /// Originate a prefix.
    Originate(Prefix, NetworkOptions),
    /// Stop originating a prefix.
    StopOriginating(Prefix),
    /// A page of routes; `None` when the question names a peer without a session.
    Routes(RoutesQuestion, oneshot::Sender<Option<RoutePage>>),
    /// Why a prefix, or the one that packets to an address take, is routed as it is; `None` when there is no path to it.
    Explain(Destination, oneshot::Sender<Option<Explanation>>),
    /// The routes of all peers in numbers.
    Counts(oneshot::Sender<SpeakerCounts>),
    /// All routing state as text. It takes the speaker as long as it is: about a second for a million routes.
    Dump(oneshot::Sender<String>),
    /// How long the speaker's turns took.
    Turns(oneshot::Sender<TurnTimes>),
    /// The same, and from now on they are counted anew.
    TakeTurns(oneshot::Sender<TurnTimes>),
    /// Stop: the thread ends, and what the kernel was promised is delivered first.
    Stop,
}

impl SpeakerRequest {
    /// What answering it is in a turn.
    pub(super) fn step(&self) -> Step {
        match self {
            Self::AddPeer(..)
            | Self::Reconfigure(..)
            | Self::RemovePeer(_)
            | Self::AdvertiseAgain(..)
            | Self::Originate(..)
            | Self::StopOriginating(_)
            | Self::Stop => Step::Configuration,
            Self::Routes(..)
            | Self::Explain(..)
            | Self::Counts(_)
            | Self::Dump(_)
            | Self::Turns(_)
            | Self::TakeTurns(_) => Step::Question,
        }
    }
}

/// What is configured for a peer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PeerSettings {
    /// What the Rib does with its routes.
    pub rules: PeerRules,
    /// How many prefixes it may announce; `None` for any number.
    pub prefix_limit: Option<PrefixLimit>,
}

impl PeerSettings {
    /// What operators call the peer.
    pub(super) fn name(&self) -> &str {
        &self.rules.name
    }
}

/// What a question is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Destination {
    /// Exactly this prefix.
    Prefix(Prefix),
    /// Whatever prefix this address lies in.
    Address(IpAddr),
}

/// Which routes an operator asks for.
#[derive(Clone, Copy, Debug)]
pub struct RoutesQuestion {
    /// Of one prefix only, or of those around an address.
    pub destination: Option<Destination>,
    /// From where.
    pub selection: PeerSelection,
    /// Of which family, where no destination is named.
    pub family: Family,
    /// Where the page starts.
    pub position: PagePosition,
    /// About how many routes it shall have.
    pub limit: usize,
}

/// [`RouteSelection`](margay_rib::RouteSelection), with the daemon's names of peers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PeerSelection {
    /// Every path.
    All,
    /// The best paths.
    Best,
    /// The best paths that are a peer's.
    BestFrom(PeerKey),
    /// What a peer announced.
    ReceivedFrom(PeerKey),
    /// What a peer was told.
    AdvertisedTo(PeerKey),
}

/// The Rib in numbers.
#[derive(Clone, Debug, Default)]
pub struct SpeakerCounts {
    /// As a whole.
    pub rib: RibCounts,
    /// By peer with a session, for each of its families.
    pub peers: Vec<(PeerKey, Vec<FamilyCounts>)>,
    /// The peers that restart, and have no session.
    pub absences: Vec<(PeerKey, AbsenceView)>,
}

/// What a session carries in one family.
#[derive(Clone, Copy, Debug)]
pub struct FamilyCounts {
    /// The family.
    pub family: Family,
    /// The routes.
    pub routes: PeerCounts,
    /// Whether the peer has told the end of its table (RFC 4724 §2).
    pub end_of_rib_received: bool,
}
