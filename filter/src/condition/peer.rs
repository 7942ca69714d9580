//! What is asked of a peer.

use bgp_codec::{PeerKind, Prefix};

use crate::as_text;
use crate::glob::Glob;
use crate::session::Session;

/// A condition on a peer.
#[derive(Clone, Debug, Eq, Hash, PartialEq, serde::Deserialize, serde::Serialize)]
pub enum PeerCondition {
    /// Its name is one of these.
    Name(Vec<Glob>),
    /// It takes settings from a group with such a name.
    Group(Vec<Glob>),
    /// Its address lies in a prefix.
    Address(#[serde(with = "as_text")] Prefix),
    /// It stands in one of these relations to this speaker.
    Relation(Vec<PeerRelation>),
}

/// The relation of a peer to this speaker.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, serde::Deserialize, serde::Serialize)]
pub enum PeerRelation {
    /// In another AS.
    External,
    /// In the same AS, clients among them.
    Internal,
    /// A client of this reflector (RFC 4456).
    Client,
    /// In another member system of this confederation (RFC 5065).
    Confederation,
}

impl PeerCondition {
    pub(super) fn holds_for(&self, session: &Session) -> bool {
        match self {
            Self::Name(globs) => globs.iter().any(|glob| glob.matches(&session.name)),
            Self::Group(globs) => {
                session.group.as_deref().is_some_and(|group| globs.iter().any(|glob| glob.matches(group)))
            }
            Self::Address(prefix) => prefix.contains(Prefix::host(session.address)),
            Self::Relation(relations) => relations.iter().any(|relation| match relation {
                PeerRelation::External => session.kind == PeerKind::Ebgp,
                PeerRelation::Internal => session.kind == PeerKind::Ibgp,
                PeerRelation::Client => session.is_client,
                PeerRelation::Confederation => session.kind == PeerKind::Confederation,
            }),
        }
    }
}
