//! Consumers of received UPDATEs.

use std::time::Instant;

use anyhow::Result;

use super::peer_id::PeerId;

/// Consumer of the UPDATEs that the daemon sends to the peers.
pub(crate) trait Intake {
    /// Handles one whole UPDATE with its header; `at` is the time of its last octet.
    ///
    /// # Errors
    ///
    /// It must not have been sent; the session is then closed with this reason.
    fn handle_update(&mut self, peer: PeerId, message: &[u8], at: Instant) -> Result<()>;
}
