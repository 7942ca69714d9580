//! What peers send, on its way to a file: records wait in memory until a thread has written them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bgp_codec::AsWidth;
use margay_config::MrtFiles;
use margay_mrt::{Bgp4mpMessage, Bgp4mpSession, Bgp4mpStateChange, SessionAddresses, SessionState};
use margay_session::Negotiated;

use super::queue::Queue;
use super::writer;

/// The log of what all peers send. Dropping it has the waiting records written, and waits for that a little.
///
/// It never makes a peer wait: beyond [`WAITING_OCTETS`], records are lost and counted.
#[derive(Debug)]
pub(crate) struct UpdateLog {
    queue: Arc<Queue>,
}

/// One session's part of the log.
#[derive(Debug)]
pub(crate) struct SessionLog {
    queue: Arc<Queue>,
    session: Bgp4mpSession,
    as_width: AsWidth,
    add_path: bool,
}

/// How long an orderly end waits for the disk.
const PATIENCE: Duration = Duration::from_secs(2);

impl UpdateLog {
    /// Starts the thread that writes the files.
    ///
    /// # Errors
    ///
    /// The thread cannot be started.
    pub(crate) fn start(files: MrtFiles) -> io::Result<Self> {
        let queue = Arc::new(Queue::default());
        let of_thread = Arc::clone(&queue);
        std::thread::Builder::new()
            .name("mrt-updates".to_owned())
            .spawn(move || writer::run(&of_thread, &files))?;
        Ok(Self { queue })
    }

    /// The part of a session that has come up.
    pub(crate) fn session(
        &self,
        negotiated: &Negotiated,
        local_address: SocketAddr,
        peer_address: SocketAddr,
    ) -> SessionLog {
        let session = Bgp4mpSession {
            peer_as: negotiated.peer_asn,
            local_as: negotiated.local_asn,
            interface: 0,
            addresses: SessionAddresses::new(peer_address.ip(), local_address.ip()),
        };
        let add_path = !negotiated.path_ids_received.is_empty();
        let log =
            SessionLog { queue: Arc::clone(&self.queue), session, as_width: negotiated.as_width, add_path };
        log.change(SessionState::OPEN_CONFIRM, SessionState::ESTABLISHED);
        log
    }
}

impl Drop for UpdateLog {
    fn drop(&mut self) {
        self.queue.close(PATIENCE);
    }
}

impl SessionLog {
    /// Records a message of the peer as it was received; KEEPALIVEs are left out.
    pub(crate) fn message(&self, message: &[u8]) {
        if message.get(TYPE_OFFSET) == Some(&KEEPALIVE) {
            return;
        }
        let &Self { session, as_width, add_path, .. } = self;
        let record = Bgp4mpMessage { session, as_width, is_local: false, add_path, message };
        self.queue.add(|now, out| record.encode(now, out));
    }

    fn change(&self, old: SessionState, new: SessionState) {
        let record = Bgp4mpStateChange { session: self.session, old, new };
        self.queue.add(|now, out| record.encode(now, out));
    }
}

impl Drop for SessionLog {
    fn drop(&mut self) {
        self.change(SessionState::ESTABLISHED, SessionState::IDLE);
    }
}

/// Where the type of a message is, and that of a KEEPALIVE (RFC 4271 §4.1).
const TYPE_OFFSET: usize = 18;
const KEEPALIVE: u8 = 4;

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use bgp_codec::Asn;
    use margay_mrt::RecordHeader;

    use super::*;

    fn session_log(queue: &Arc<Queue>) -> SessionLog {
        let session = Bgp4mpSession {
            peer_as: Asn(1),
            local_as: Asn(2),
            interface: 0,
            addresses: SessionAddresses::new([192, 0, 2, 1].into(), [192, 0, 2, 2].into()),
        };
        SessionLog { queue: Arc::clone(queue), session, as_width: AsWidth::Four, add_path: false }
    }

    fn message(kind: u8) -> Vec<u8> {
        [&[0xff; 16][..], &[0, 19, kind]].concat()
    }

    #[test]
    fn messages_but_keepalives_and_the_end_of_a_session_are_recorded() {
        let queue = Arc::new(Queue::default());
        let log = session_log(&queue);
        [2, KEEPALIVE, 3].iter().for_each(|kind| log.message(&message(*kind)));
        drop(log);
        let batch = queue.take(SystemTime::now());
        let mut lengths = Vec::new();
        let mut rest = &batch.records[..];
        while let Some(octets) = rest.first_chunk() {
            let header = RecordHeader::decode(octets);
            let length = usize::try_from(header.body_octets).unwrap();
            lengths.push((header.subtype, length));
            rest = &rest[octets.len() + length..];
        }
        assert_eq!(lengths, [(4, 39), (4, 39), (5, 24)]);
        assert_eq!((batch.lost, batch.is_last), (0, false));
    }
}
