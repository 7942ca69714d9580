//! The log: lines that neither delay nor end the daemon, whatever happens to the reader of standard error.
//!
//! A line goes into a bounded queue, which a thread of its own writes out. While the output is blocked or
//! slow, lines wait; when the queue is full, or the output fails, lines are dropped and counted. Lines of the
//! same kind are limited, so that one misbehaving peer cannot drown those about others.

mod limit;
mod queue;
mod selection;
mod writer;

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::time::Duration;

use margay_config::LogFormat;
use tracing_subscriber::filter::FilterExt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Layer, fmt};

pub use limit::LineLimit;
pub use queue::{LogQueue, QueuedLine};
use selection::{Selection, SharedSelection};

/// The log in use. [`finish`](Self::finish) writes out the waiting lines.
#[derive(Debug)]
pub struct Log {
    queue: LogQueue,
}

/// Access to the log while the daemon runs: what is logged, and what was not written.
#[derive(Clone, Debug, Default)]
pub struct LogControl {
    queue: Option<LogQueue>,
    limit: Arc<LineLimit>,
    selection: Option<SharedSelection>,
}

/// What is logged.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LogState {
    /// The filter of levels.
    pub filter: String,
    /// The peers whose lines of level debug are logged as well.
    pub peers: Vec<String>,
}

/// Makes standard error the log of the process, with the levels of `filter` in the syntax of
/// [`EnvFilter`](tracing_subscriber::EnvFilter).
///
/// # Errors
///
/// The thread cannot be started, or the process has a log already.
pub fn start(filter: &str, format: LogFormat) -> io::Result<(Log, LogControl)> {
    let queue = LogQueue::new(QUEUE_OCTETS);
    let limit = Arc::new(LineLimit::default());
    writer::spawn(queue.clone(), io::stderr())?;
    let selection = SharedSelection::new(Selection::new(filter));
    let lines = fmt::layer()
        .with_ansi(io::stderr().is_terminal())
        // Such errors cannot be reported anywhere else.
        .log_internal_errors(false)
        .with_writer(queue.clone());
    let lines = match format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_ansi(false).boxed(),
    };
    let lines = lines.with_filter(selection.clone().and(limit::LimitFilter::new(Arc::clone(&limit))));
    tracing_subscriber::registry()
        .with(lines)
        .try_init()
        .map_err(|error: TryInitError| io::Error::other(error))?;
    Ok((Log { queue: queue.clone() }, LogControl { queue: Some(queue), limit, selection: Some(selection) }))
}

impl Log {
    /// Waits until everything is written, at most a second.
    pub fn finish(self) {
        self.queue.await_empty(LAST_LINES_TIME);
    }
}

impl LogControl {
    /// Lines that found the queue full or could not be written.
    pub fn dropped(&self) -> u64 {
        self.queue.as_ref().map_or(0, LogQueue::dropped)
    }

    /// Number of lines suppressed because there were too many of their kind.
    pub fn limited(&self) -> u64 {
        self.limit.limited()
    }

    /// What is logged.
    #[must_use]
    pub fn state(&self) -> LogState {
        // Without a log, nothing is logged.
        let Some(selection) = &self.selection else { return LogState::default() };
        let selection = selection.read();
        LogState { filter: selection.filter().to_owned(), peers: selection.peers().cloned().collect() }
    }

    /// Selects lines by another filter.
    ///
    /// # Errors
    ///
    /// What is not valid in it; the present one stays.
    pub fn set_filter(&self, filter: &str) -> Result<(), String> {
        self.change(|selection| selection.set_filter(filter))?
    }

    /// Logs the lines of level debug about a peer, or no longer.
    ///
    /// # Errors
    ///
    /// There is no log.
    pub fn set_peer(&self, peer: &str, is_debugged: bool) -> Result<(), String> {
        self.change(|selection| selection.set_peer(peer, is_debugged))
    }

    fn change<T>(&self, change: impl FnOnce(&mut Selection) -> T) -> Result<T, String> {
        let selection = self.selection.as_ref().ok_or("this process has no log")?;
        Ok(selection.change(change))
    }
}

/// Text that may wait to be written: some ten thousand lines.
const QUEUE_OCTETS: usize = 2 << 20;

/// Time that the end of the process waits for the last lines.
const LAST_LINES_TIME: Duration = Duration::from_secs(1);
