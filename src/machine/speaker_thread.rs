//! What the speaker's loop runs in: a thread of its own, or in a simulation one task among all others.

use std::io;

use super::Machine;

/// The speaker's thread.
#[derive(Debug)]
pub(crate) enum SpeakerThread {
    Real(std::thread::JoinHandle<()>),
    #[cfg(feature = "simulation")]
    Simulated(tokio::task::JoinHandle<()>),
}

/// The speaker has panicked.
#[derive(Debug)]
pub(crate) struct Panicked;

impl SpeakerThread {
    /// Runs the speaker's loop.
    ///
    /// # Errors
    ///
    /// The system gives no thread or no event queue.
    pub(crate) fn start(
        machine: &Machine,
        run: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<Self> {
        match machine {
            Machine::Real => {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
                let thread = std::thread::Builder::new()
                    .name("speaker".to_owned())
                    .spawn(move || runtime.block_on(run))?;
                Ok(Self::Real(thread))
            }
            #[cfg(feature = "simulation")]
            Machine::Simulated(_) => Ok(Self::Simulated(tokio::spawn(machine.task(run)))),
        }
    }

    /// Waits until the loop has ended.
    ///
    /// # Errors
    ///
    /// With a panic.
    pub(crate) async fn join(self) -> Result<(), Panicked> {
        match self {
            Self::Real(thread) => match tokio::task::spawn_blocking(move || thread.join()).await {
                Ok(Ok(())) => Ok(()),
                Ok(Err(_)) | Err(_) => Err(Panicked),
            },
            #[cfg(feature = "simulation")]
            Self::Simulated(task) => task.await.map_err(|_| Panicked),
        }
    }
}
