//! The peers that the operator disabled.

use std::collections::BTreeMap;

use margay_config::PeerPlace;
use margay_session::ShutdownMessage;

/// The disabled peers, with the shutdown communication for each.
#[derive(Debug, Default)]
pub(super) struct Disabled(BTreeMap<PeerPlace, ShutdownMessage>);

impl Disabled {
    /// Returns whether it was disabled already.
    pub(super) fn insert(&mut self, place: PeerPlace, message: ShutdownMessage) -> bool {
        self.0.insert(place, message).is_some()
    }

    /// Returns whether it was disabled.
    pub(super) fn remove(&mut self, place: PeerPlace) -> bool {
        self.0.remove(&place).is_some()
    }

    pub(super) fn contains(&self, place: PeerPlace) -> bool {
        self.0.contains_key(&place)
    }

    pub(super) fn message(&self, place: PeerPlace) -> Option<&ShutdownMessage> {
        self.0.get(&place)
    }

    /// Follows a peer to another place.
    pub(super) fn follow(&mut self, from: PeerPlace, to: PeerPlace) {
        if let Some(message) = self.0.remove(&from) {
            self.0.insert(to, message);
        }
    }

    pub(super) fn retain(&mut self, is_kept: impl Fn(PeerPlace) -> bool) {
        self.0.retain(|&place, _| is_kept(place));
    }

    /// Why a peer's session is kept down; `None` if it is not.
    pub(super) fn reason(&self, place: PeerPlace) -> Option<String> {
        self.message(place).map(|message| match message.as_str() {
            "" => "disabled by the operator".to_owned(),
            message => format!("disabled by the operator: {message}"),
        })
    }
}
