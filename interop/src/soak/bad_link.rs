//! A bad link by netem or, where the kernel has none, by cuts of half a second.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use margay_lab::{Attachment, Namespace};

/// A link that is bad until [`end`](Self::end).
pub(super) enum BadLink {
    Netem(Namespace),
    Cuts { ends: Arc<AtomicBool>, worker: JoinHandle<Result<()>> },
}

impl BadLink {
    /// Makes the link of a namespace bad.
    ///
    /// # Errors
    ///
    /// `tc` fails for another reason than a missing netem.
    pub(super) fn begin(namespace: &Namespace, attachment: &Attachment) -> Result<Self> {
        let output = namespace.command("tc").args(["qdisc", "add"]).args(NETEM).output().context("tc")?;
        if output.status.success() {
            return Ok(Self::Netem(namespace.clone()));
        }
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(error.contains("qdisc kind is unknown"), "tc: {error}");
        let ends = Arc::new(AtomicBool::new(false));
        let (asked, attachment) = (Arc::clone(&ends), attachment.clone());
        let worker = thread::spawn(move || cut_again_and_again(&attachment, &asked));
        Ok(Self::Cuts { ends, worker })
    }

    /// Makes it good again.
    ///
    /// # Errors
    ///
    /// `tc` or `ip` fails.
    pub(super) fn end(self) -> Result<()> {
        match self {
            Self::Netem(namespace) => {
                let output =
                    namespace.command("tc").args(["qdisc", "del", "dev", "eth0", "root"]).output()?;
                ensure!(output.status.success(), "tc: {}", String::from_utf8_lossy(&output.stderr));
                Ok(())
            }
            Self::Cuts { ends, worker } => {
                ends.store(true, Ordering::Relaxed);
                worker.join().map_err(|_| anyhow!("the thread that cuts has panicked"))?
            }
        }
    }
}

fn cut_again_and_again(attachment: &Attachment, ends: &AtomicBool) -> Result<()> {
    while !ends.load(Ordering::Relaxed) {
        attachment.cut()?;
        thread::sleep(CUT);
        attachment.restore()?;
        thread::sleep(CUT);
    }
    Ok(())
}

const CUT: Duration = Duration::from_millis(500);

const NETEM: [&str; 13] = [
    "dev",
    "eth0",
    "root",
    "netem",
    "delay",
    "30ms",
    "20ms",
    "loss",
    "2%",
    "duplicate",
    "1%",
    "reorder",
    "5%",
];
