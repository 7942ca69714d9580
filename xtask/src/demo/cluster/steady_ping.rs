//! A ping that goes on while other things happen.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Result, anyhow, ensure};
use margay_lab::Namespace;

/// A ping that goes on until it is [finished](Self::finish) or dropped.
pub(super) struct SteadyPing {
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<Count>>,
    what: String,
}

/// How many echoes were asked for, and how many came.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    sent: u32,
    lost: u32,
}

impl SteadyPing {
    pub(super) fn start(from: &Namespace, to: IpAddr) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let (namespace, stop) = (from.clone(), is_over.clone());
        let thread = thread::spawn(move || {
            let mut count = Count::default();
            while !stop.load(Ordering::Relaxed) {
                count.sent += 1;
                count.lost += u32::from(namespace.ping(to).is_err());
                thread::sleep(PAUSE);
            }
            count
        });
        Self { is_over, thread: Some(thread), what: format!("{} to {to}", from.label()) }
    }

    /// Ends it, and says how many were sent.
    ///
    /// # Errors
    ///
    /// When one was lost.
    pub(super) fn finish(mut self) -> Result<String> {
        self.is_over.store(true, Ordering::Relaxed);
        let thread = self.thread.take().ok_or_else(|| anyhow!("it has ended"))?;
        let Count { sent, lost } = thread.join().map_err(|_| anyhow!("the thread panicked"))?;
        ensure!(lost == 0, "{}: {lost} of {sent} pings lost", self.what);
        Ok(format!("{}: {sent} pings, none lost", self.what))
    }
}

impl Drop for SteadyPing {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

const PAUSE: Duration = Duration::from_millis(100);
