//! Where UPDATEs go as they come in.

use std::time::Instant;

use anyhow::Result;

use super::peer_id::PeerId;

/// What becomes of the UPDATEs that the daemon sends to the peers.
pub(crate) trait Intake {
    /// Takes one whole UPDATE with its header, and when its last octet came.
    ///
    /// # Errors
    ///
    /// It must not be; the session is then closed with this reason.
    fn handle_update(&mut self, peer: PeerId, message: &[u8], at: Instant) -> Result<()>;
}
