//! Rejects unwanted connections with a NOTIFICATION.

use std::sync::Arc;
use std::time::Duration;

use bgp_codec::{Message, Notification};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::task::encode;
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
            // It does not matter whether the other side listens: the connection ends here either way.
            drop(timeout(FAREWELL_TIME, say_goodbye(stream, reason)).await);
            drop(permit);
        });
    }
}

/// Reads on until the other side has closed: octets that were not read would reset the connection, and the NOTIFICATION
/// could get lost.
async fn say_goodbye(stream: Stream, reason: Notification) -> std::io::Result<()> {
    let (mut reader, writer) = stream.into_split();
    writer.write_all(encode(&Message::Notification(reason))).await?;
    writer.shutdown()?;
    reader.read_to_end().await
}

/// How many connections may be on their way out.
const AT_A_TIME: usize = 64;

/// How long the other side may take to read why.
const FAREWELL_TIME: Duration = Duration::from_secs(2);
