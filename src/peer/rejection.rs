//! Rejects unwanted connections with a NOTIFICATION.

use std::sync::Arc;
use std::time::Duration;

use bgp_codec::{Message, Notification};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::encode::encode;
use crate::machine::Stream;

/// Rejects connections, a bounded number at a time; beyond that, they are closed without a NOTIFICATION.
#[derive(Clone, Debug)]
pub(crate) struct Rejections {
    free: Arc<Semaphore>,
}

impl Rejections {
    pub(crate) fn new() -> Self {
        Self { free: Arc::new(Semaphore::new(AT_A_TIME)) }
    }

    /// Closes a connection with a NOTIFICATION. Does not wait.
    pub(crate) fn reject(&self, stream: Stream, reason: Notification) {
        let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() else { return };
        tokio::spawn(async move {
            // The connection ends here in any case.
            drop(timeout(CLOSE_TIME, send_and_close(stream, reason)).await);
            drop(permit);
        });
    }
}

/// Reads until the other side has closed: unread octets would reset the connection, and the NOTIFICATION
/// could get lost.
async fn send_and_close(stream: Stream, reason: Notification) -> std::io::Result<()> {
    let (mut reader, writer) = stream.into_split();
    writer.write_all(encode(&Message::Notification(reason))).await?;
    writer.shutdown()?;
    reader.read_to_end().await
}

/// Connections that may be in the process of being rejected.
const AT_A_TIME: usize = 64;

/// Time limit for the other side to read the reason.
const CLOSE_TIME: Duration = Duration::from_secs(2);
