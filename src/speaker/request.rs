//! Requests of the daemon to the speaker: changes of the configuration, and questions of operators.

use std::net::IpAddr;

use bgp_codec::{Family, Prefix};
use margay_filter::FilterChain;
use margay_rib::{
    AggregateOptions, Explanation, NetworkOptions, PagePosition, PayloadUpdate, RibCounts, RoutePage,
    SpeakerRules, StaticRoute,
};
use tokio::sync::oneshot;

use super::{
    AbsenceView, FamilyCounts, MemoryGuardView, PeerKey, PeerSettings, Step, TurnTimes, WatchedPrefixes,
};

/// A request to the speaker. Questions are answered through their channels.
#[derive(Debug)]
pub enum SpeakerRequest {
    /// A peer is configured. Its session must not come up before this is answered: inputs may overtake requests.
    AddPeer(PeerKey, PeerSettings, oneshot::Sender<()>),
    /// Settings of peers, or rules of the speaker, have changed. Sessions stay up.
    Reconfigure(SpeakerRules, Vec<(PeerKey, PeerSettings)>),
    /// A peer is not configured any more. Its session is ended elsewhere.
    RemovePeer(PeerKey),
    /// Advertise all routes to a peer again; whether it has a session.
    AdvertiseAgain(PeerKey, oneshot::Sender<bool>),
    /// Originate a prefix.
    Originate(Prefix, NetworkOptions),
    /// Stop originating a prefix.
    StopOriginating(Prefix),
    /// Set the static route at a prefix, or remove it.
    SetStatic(Prefix, Option<StaticRoute>),
    /// Set the aggregate at a prefix, or remove it.
    SetAggregate(Prefix, Option<AggregateOptions>),
    /// Set whether there is a default route of a family for the peers that get one.
    SetDefaultRoute(Family, bool),
    /// Set the filters on what is installed in the kernel.
    SetForwardingFilter(FilterChain),
    /// Change the payloads that routes are validated with.
    UpdatePayloads(PayloadUpdate),
    /// Set how much memory the daemon may use before a peer has to go, in octets; `None` for any amount.
    SetMemoryLimit(Option<u64>),
    /// A page of routes; `None` if the question names a peer without a session.
    Routes(RoutesQuestion, oneshot::Sender<Option<RoutePage>>),
    /// Explains a prefix, or the one whose route is used for an address; `None` if there is no path to it.
    Explain(Destination, oneshot::Sender<Option<Explanation>>),
    /// Counts of all peers' routes.
    Counts(oneshot::Sender<SpeakerCounts>),
    /// All routing state as text. It takes the speaker about a second for a million routes.
    Dump(oneshot::Sender<String>),
    /// Publish changes of the best routes to these prefixes, for as long as the asker keeps them; whether there is room for one
    /// more watcher.
    Watch(WatchedPrefixes, oneshot::Sender<bool>),
    /// How long the speaker's turns took.
    Turns(oneshot::Sender<TurnTimes>),
    /// The same, with the counters reset.
    TakeTurns(oneshot::Sender<TurnTimes>),
    /// Stop: the task ends after passing all changes to the kernel thread.
    Stop,
}

impl SpeakerRequest {
    /// The step of a turn that answers it.
    pub(super) fn step(&self) -> Step {
        match self {
            Self::AddPeer(..)
            | Self::Reconfigure(..)
            | Self::RemovePeer(_)
            | Self::AdvertiseAgain(..)
            | Self::Originate(..)
            | Self::SetStatic(..)
            | Self::SetAggregate(..)
            | Self::SetDefaultRoute(..)
            | Self::SetForwardingFilter(_)
            | Self::UpdatePayloads(_)
            | Self::SetMemoryLimit(_)
            | Self::StopOriginating(_)
            | Self::Stop => Step::Configuration,
            Self::Routes(..)
            | Self::Explain(..)
            | Self::Counts(_)
            | Self::Dump(_)
            | Self::Watch(..)
            | Self::Turns(_)
            | Self::TakeTurns(_) => Step::Question,
        }
    }
}

/// The destination of a question.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Destination {
    /// Exactly this prefix.
    Prefix(Prefix),
    /// The prefixes that cover this address.
    Address(IpAddr),
}

/// The routes that a question is about.
#[derive(Clone, Debug)]
pub struct RoutesQuestion {
    /// One prefix, or those that cover an address.
    pub destination: Option<Destination>,
    /// The selection of routes.
    pub selection: PeerSelection,
    /// The family, if no destination is given.
    pub family: Family,
    /// Start of the page.
    pub position: PagePosition,
    /// Approximate number of routes.
    pub limit: usize,
    /// Filters that the listed routes pass.
    pub filter: Option<FilterChain>,
}

/// [`RouteSelection`](margay_rib::RouteSelection), with the daemon's keys of peers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PeerSelection {
    /// Every path.
    All,
    /// The paths that import accepted, as it left them.
    Accepted,
    /// Those of them that a peer announced.
    AcceptedFrom(PeerKey),
    /// The best paths.
    Best,
    /// The best paths that a peer announced.
    BestFrom(PeerKey),
    /// What a peer announced.
    ReceivedFrom(PeerKey),
    /// The routes that a peer was sent.
    AdvertisedTo(PeerKey),
    /// The paths of these routes, as import left them.
    SourcesOfAdvertised(PeerKey),
}

/// Counts of the Rib.
#[derive(Clone, Debug, Default)]
pub struct SpeakerCounts {
    /// As a whole.
    pub rib: RibCounts,
    /// For each family of each peer with a session, in the order of the keys.
    pub peers: Vec<(PeerKey, Vec<FamilyCounts>)>,
    /// The peers that restart, and have no session.
    pub absences: Vec<(PeerKey, AbsenceView)>,
    /// Whether routes of peers are held back after the start.
    pub holds_back: bool,
    /// The memory guard, if there is one.
    pub memory_guard: Option<MemoryGuardView>,
}
