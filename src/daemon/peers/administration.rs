//! Operations on the sessions of single peers, and on all of them before maintenance.

use margay_config::PeerPlace;
use margay_control::PeerAction;
use margay_session::{ShutdownMessage, StopReason};
use tokio::sync::oneshot;
use tracing::info;

use super::super::request::PeerCommand;
use super::Peers;
use super::running_peer::RunningPeer;
use crate::speaker::SpeakerRequest;

impl Peers {
    /// Carries out an operation. Returns what was done, in words.
    ///
    /// # Errors
    ///
    /// Why nothing was done.
    pub(in crate::daemon) async fn administer(&mut self, command: PeerCommand) -> Result<String, String> {
        let PeerCommand { place, action, message } = command;
        let done = match action {
            PeerAction::Disable => self.disable(place, message).await,
            PeerAction::Enable => self.enable(place).await,
            PeerAction::Reset => self.reset(place, message).await,
            PeerAction::SoftIn => self.running_at(place)?.handle.request_routes().await,
            PeerAction::SoftOut => self.advertise_again(place).await,
        }?;
        info!(peer = %place, "{done}");
        Ok(done)
    }

    /// Asks all peers to prefer other paths, present ones and those to come, or no longer (RFC 8326). Returns what was done,
    /// in words.
    pub(in crate::daemon) async fn drain(&mut self, is_draining: bool) -> String {
        let was_draining = std::mem::replace(&mut self.is_draining, is_draining);
        let done = match (was_draining, is_draining) {
            (true, true) => return "already draining".to_owned(),
            (false, false) => return "not draining".to_owned(),
            (false, true) => "draining: peers are asked to prefer other paths",
            (true, false) => "no longer draining",
        };
        self.reconfigure().await;
        info!("{done}");
        done.to_owned()
    }

    async fn disable(&mut self, place: PeerPlace, message: ShutdownMessage) -> Result<String, String> {
        let was_disabled = self.disabled.insert(place, message.clone());
        if let Some(peer) = self.running.get(&place) {
            peer.handle.stop(StopReason::AdministrativeShutdown(message)).await;
        }
        Ok(if was_disabled { "already disabled" } else { "disabled" }.to_owned())
    }

    async fn enable(&mut self, place: PeerPlace) -> Result<String, String> {
        if !self.disabled.remove(place) {
            return Ok("already enabled".to_owned());
        }
        match self.running.get(&place) {
            // It comes back under its present settings when it connects again.
            Some(peer) if peer.range.is_some() => {
                self.remove([place], StopReason::AdministrativeReset(ShutdownMessage::default())).await;
            }
            Some(peer) => peer.handle.start().await,
            None => {}
        }
        Ok("enabled".to_owned())
    }

    async fn reset(&mut self, place: PeerPlace, message: ShutdownMessage) -> Result<String, String> {
        let peer = self.running_at(place)?;
        peer.handle.stop(StopReason::AdministrativeReset(message)).await;
        peer.handle.start().await;
        Ok("session reset".to_owned())
    }

    async fn advertise_again(&mut self, place: PeerPlace) -> Result<String, String> {
        let (answer, answered) = oneshot::channel();
        let key = self.running_at(place)?.key;
        self.speaker.ask(SpeakerRequest::AdvertiseAgain(key, answer)).await;
        match answered.await {
            Ok(true) => Ok("all routes are advertised again".to_owned()),
            Ok(false) | Err(_) => Err("the session is not established".to_owned()),
        }
    }

    /// The peer, if its session is to be up.
    fn running_at(&self, place: PeerPlace) -> Result<&RunningPeer, String> {
        if self.disabled.contains(place) {
            return Err("the peer is disabled: enable it first".to_owned());
        }
        self.running.get(&place).ok_or_else(|| match self.unstarted.get(&place) {
            Some(peer) => format!("the peer was not started: {}", peer.reason),
            None => "the peer has gone".to_owned(),
        })
    }
}
