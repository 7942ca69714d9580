//! The processor of the speaker: how long it computes before it yields, and the time that takes.

#[cfg(feature = "simulation")]
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::time::Instant;

use super::fine_timer::FineTimer;
use super::memory::{resident_octets, return_free_memory};
#[cfg(feature = "simulation")]
use super::simulated::{SimulatedMachine, SliceCost};

/// See the [module](self).
#[derive(Debug)]
pub(crate) enum Processor {
    Real(FineTimer),
    #[cfg(feature = "simulation")]
    Simulated(Simulated),
}

/// Work that ends after a while.
#[derive(Debug)]
pub(crate) enum Slice {
    Real {
        started: Instant,
        length: Duration,
    },
    #[cfg(feature = "simulation")]
    Simulated {
        cost: SliceCost,
        steps: usize,
        spent_nanoseconds: Arc<AtomicU64>,
    },
}

impl Processor {
    /// Starts a slice.
    pub(crate) fn slice(&self, length: Duration) -> Slice {
        match self {
            Self::Real(_) => Slice::Real { started: Instant::now(), length },
            #[cfg(feature = "simulation")]
            Self::Simulated(simulated) => Slice::Simulated {
                cost: simulated.machine.slice_cost(),
                steps: 0,
                spent_nanoseconds: Arc::clone(&simulated.spent_nanoseconds),
            },
        }
    }

    /// Amount of background work to do at a time; `usual` on a real machine.
    pub(crate) fn work_entries(&self, usual: usize) -> usize {
        match self {
            Self::Real(_) => usual,
            #[cfg(feature = "simulation")]
            Self::Simulated(simulated) => simulated.machine.slice_cost().work_entries,
        }
    }

    /// Processor time of the calling thread so far.
    pub(crate) fn computed(&self) -> Duration {
        match self {
            Self::Real(_) => {
                let time = clock_gettime(ClockId::ThreadCPUTime);
                time.try_into().expect("a processor's time is not negative")
            }
            #[cfg(feature = "simulation")]
            Self::Simulated(_) => Duration::ZERO,
        }
    }

    /// Resident memory of the process; `None` if that is not known.
    pub(crate) fn resident_octets(&self) -> Option<u64> {
        match self {
            Self::Real(_) => resident_octets(),
            #[cfg(feature = "simulation")]
            Self::Simulated(_) => None,
        }
    }

    /// Has a thread of its own give memory that is free back to the system.
    pub(crate) fn return_free_memory(&self) {
        match self {
            Self::Real(_) => drop(std::thread::spawn(return_free_memory)),
            #[cfg(feature = "simulation")]
            Self::Simulated(_) => {}
        }
    }

    /// Waits without yielding, for a time that is too short for the runtime's timers.
    pub(crate) async fn nap(&self, time: Duration) {
        match self {
            Self::Real(timer) => timer.sleep(time).await,
            #[cfg(feature = "simulation")]
            Self::Simulated(_) => tokio::time::sleep(time).await,
        }
    }

    /// Does work that takes much longer than a slice, while other tasks continue if the runtime has other
    /// threads.
    pub(crate) fn at_length<T>(&self, work: impl FnOnce() -> T) -> T {
        match self {
            Self::Real(_) if Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread => {
                tokio::task::block_in_place(work)
            }
            _ => work(),
        }
    }

    /// Lets the time pass that the work since the last call took; in reality it has passed.
    pub(crate) async fn on_turn_over(&self) {
        match self {
            Self::Real(_) => {}
            #[cfg(feature = "simulation")]
            Self::Simulated(simulated) => {
                let spent = simulated.spent_nanoseconds.swap(0, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_nanos(spent)).await;
            }
        }
    }
}

impl Slice {
    /// Whether the slice is over. To be called once before each step.
    pub(crate) fn is_over(&mut self) -> bool {
        match self {
            Self::Real { started, length } => started.elapsed() >= *length,
            #[cfg(feature = "simulation")]
            Self::Simulated { cost, steps, spent_nanoseconds } => {
                let is_over = *steps >= cost.steps;
                if !is_over {
                    *steps += 1;
                    let step = u64::try_from(cost.step_time.as_nanos()).unwrap_or(u64::MAX);
                    spent_nanoseconds.fetch_add(step, Ordering::Relaxed);
                }
                is_over
            }
        }
    }

    /// How long it has taken.
    pub(crate) fn spent(&self) -> Duration {
        match self {
            Self::Real { started, .. } => started.elapsed(),
            #[cfg(feature = "simulation")]
            Self::Simulated { cost, steps, .. } => {
                cost.step_time.saturating_mul(u32::try_from(*steps).unwrap_or(u32::MAX))
            }
        }
    }
}

/// A simulated machine's processor: the simulation decides how long work takes, and lets that time pass after
/// each turn.
#[cfg(feature = "simulation")]
#[derive(Debug)]
pub(crate) struct Simulated {
    machine: Arc<dyn SimulatedMachine>,
    spent_nanoseconds: Arc<AtomicU64>,
}

#[cfg(feature = "simulation")]
impl Simulated {
    pub(super) fn new(machine: Arc<dyn SimulatedMachine>) -> Self {
        Self { machine, spent_nanoseconds: Arc::default() }
    }
}
