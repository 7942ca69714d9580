//! Ends a daemon that never becomes idle: the clock advances only when no task can run, so the run would never end.

use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::trace;

/// Counts the steps of a daemon while no time passes. It follows from the seed, unlike a limit in real time.
#[derive(Debug, Default)]
pub(crate) struct Watchdog(Mutex<Busy>);

#[derive(Clone, Copy, Debug, Default)]
struct Busy {
    since: Duration,
    steps: u64,
}

impl Watchdog {
    /// Counts a step of the daemon called `name` at this time.
    ///
    /// # Panics
    ///
    /// Panics after too many steps, which ends the present task of the daemon.
    pub(crate) fn on_step(&self, now: Duration, name: impl FnOnce() -> String) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let former = if state.since == now { state.steps } else { 0 };
        let busy = Busy { since: now, steps: former + 1 };
        *state = busy;
        drop(state);
        if busy.steps <= MOST_STEPS {
            return;
        }
        let text = format!("{} is busy without end at {now:?}: {MOST_STEPS} steps", name());
        if busy.steps == MOST_STEPS + 1 {
            trace::fault(text.clone());
        }
        // The fault has been recorded already, so this bypasses the panic hook.
        resume_unwind(Box::new(text));
    }
}

/// Limit of steps at one time: a step is a task that resumes, or a slice of the speaker's work. A reflector
/// with a thousand clients takes some thousands.
const MOST_STEPS: u64 = 1_000_000;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use margay::machine::Machine;

    use crate::network::Observation;
    use crate::plan::NodePlan;
    use crate::random::Random;
    use crate::trace;
    use crate::world::World;

    #[test]
    fn a_task_that_is_busy_without_end_is_ended_and_reported_once() {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let ended = runtime.block_on(async {
            let world = World::new(vec![NodePlan::new(0, 64512)], &Random::new(1), Observation::default());
            let machine = Machine::Simulated(Arc::new(world.nodes[0].machine()));
            let busy = || async {
                loop {
                    tokio::task::yield_now().await;
                }
            };
            let tasks: [_; 2] = [(); 2].map(|()| tokio::spawn(machine.task(busy())));
            let mut ended = Vec::new();
            for task in tasks {
                ended.push(task.await);
            }
            ended
        });
        assert!(ended.iter().all(|ended: &Result<(), _>| ended.as_ref().is_err_and(|it| it.is_panic())));
        let faults = trace::end();
        assert!(faults.len() == 1 && faults[0].contains("n0 is busy without end"), "{faults:?}");
    }
}
