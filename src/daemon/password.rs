//! TCP passwords of peers: reading them, and changing them under running sessions.

use margay_config::{Peer, PeerChange, PeerPlace};
use tracing::warn;

use super::{Daemon, options};
use crate::machine::TcpPassword;

impl Daemon {
    /// The password in a peer's file; `None` if it has none.
    pub(super) fn password(&self, peer: &Peer) -> anyhow::Result<Option<TcpPassword>> {
        peer.password_file.as_deref().map(|file| options::read_password(&self.machine, file)).transpose()
    }

    /// The new password of a running peer, if nothing that needs a new session changes but the password in its file.
    pub(super) fn rotation(&self, change: &PeerChange) -> Option<TcpPassword> {
        let peer = self.peers.get(&change.new.place())?;
        let rest = PeerChange::between(&change.old, &change.new);
        if peer.password.is_none() || rest.is_some_and(|rest| !rest.keeps_session()) {
            return None;
        }
        self.password(&change.new).ok().flatten().filter(|password| Some(password) != peer.password.as_ref())
    }

    /// Has a peer's connections, and those that it opens from now on, use another password. Returns whether that was possible.
    ///
    /// A dynamic peer opens connections with the password of its range.
    pub(super) async fn change_password(&mut self, place: PeerPlace, password: TcpPassword) -> bool {
        let Some(peer) = self.peers.get_mut(&place) else { return false };
        let of_listener = match peer.range {
            Some(_) => Ok(()),
            None => self.listener.change_password(place.address, &password),
        };
        let changed = match of_listener {
            Ok(()) => peer.handle.change_password(password.clone()).await,
            Err(error) => Err(error),
        };
        match changed {
            Ok(()) => peer.password = Some(password),
            Err(ref error) => warn!(peer = peer.config.name, %error, "the password changes in a new session"),
        }
        changed.is_ok()
    }
}
