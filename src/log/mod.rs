//! The log: lines that neither delay nor end the daemon, whatever happens to the reader of standard error.
//!
//! A line goes into a bounded queue, which a thread of its own writes out. While the output is blocked or
//! slow, lines wait; when the queue is full, or the output fails, lines are dropped and counted. Lines of the
//! same kind are limited, so that one misbehaving peer cannot drown those about others.

mod limit;
mod queue;
mod writer;

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::time::Duration;

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{EnvFilter, Layer, fmt};

pub use limit::LineLimit;
pub use queue::{LogQueue, QueuedLine};

/// The log in use. [`finish`](Self::finish) writes out the waiting lines.
#[derive(Debug)]
pub struct Log {
    queue: LogQueue,
}

/// Counts of lines that were not written.
#[derive(Clone, Debug, Default)]
pub struct LogCounts {
    queue: Option<LogQueue>,
    limit: Arc<LineLimit>,
}

/// Makes standard error the log of the process, with the levels of `filter` in the syntax of [`EnvFilter`].
///
/// # Errors
///
/// The thread cannot be started, or the process has a log already.
pub fn start(filter: &str) -> io::Result<(Log, LogCounts)> {
    let queue = LogQueue::new(QUEUE_OCTETS);
    let limit = Arc::new(LineLimit::default());
    writer::spawn(queue.clone(), io::stderr())?;
    let lines = fmt::layer()
        .with_ansi(io::stderr().is_terminal())
        // Such errors cannot be reported anywhere else.
        .log_internal_errors(false)
        .with_writer(queue.clone())
        .with_filter(limit::LimitFilter::new(Arc::clone(&limit)));
    tracing_subscriber::registry()
        .with(EnvFilter::new(filter))
        .with(lines)
        .try_init()
        .map_err(|error: TryInitError| io::Error::other(error))?;
    Ok((Log { queue: queue.clone() }, LogCounts { queue: Some(queue), limit }))
}

impl Log {
    /// Waits until everything is written, at most a second.
    pub fn finish(self) {
        self.queue.await_empty(LAST_LINES_TIME);
    }
}

impl LogCounts {
    /// Lines that found the queue full or could not be written.
    pub fn dropped(&self) -> u64 {
        self.queue.as_ref().map_or(0, LogQueue::dropped)
    }

    /// Number of lines suppressed because there were too many of their kind.
    pub fn limited(&self) -> u64 {
        self.limit.limited()
    }
}

/// Text that may wait to be written: some ten thousand lines.
const QUEUE_OCTETS: usize = 2 << 20;

/// Time that the end of the process waits for the last lines.
const LAST_LINES_TIME: Duration = Duration::from_secs(1);
