//! A chore of several steps, each with a name, a result and a time.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Runs steps one after another, including those after a failed one.
pub(crate) struct Steps {
    started: Instant,
    done: Vec<Step>,
}

struct Step {
    name: String,
    failure: Option<anyhow::Error>,
    took: Duration,
}

impl Steps {
    pub(crate) fn new() -> Self {
        Self { started: Instant::now(), done: Vec::new() }
    }

    /// Runs a step and prints its result.
    pub(crate) fn run(&mut self, name: &str, work: impl FnOnce() -> Result<()>) {
        println!("==> {name}");
        let started = Instant::now();
        let failure = work().err();
        let took = started.elapsed();
        match &failure {
            None => println!("    {name}: ok, {}", seconds(took)),
            Some(error) => println!("    {name}: FAILED after {}: {error:#}", seconds(took)),
        }
        self.done.push(Step { name: name.to_owned(), failure, took });
    }

    /// Runs a command as a step, which fails unless the status is zero.
    pub(crate) fn command(&mut self, name: &str, command: &mut Command) {
        self.run(name, || run_command(command));
    }

    /// Prints the table of all steps.
    ///
    /// # Errors
    ///
    /// The names of the steps that failed.
    pub(crate) fn finish(self, chore: &str) -> Result<()> {
        println!();
        for step in &self.done {
            let outcome = if step.failure.is_none() { "ok" } else { "FAILED" };
            println!("{outcome:>6}  {:>8}  {}", seconds(step.took), step.name);
        }
        let failed: Vec<&str> =
            self.done.iter().filter(|step| step.failure.is_some()).map(|step| step.name.as_str()).collect();
        let total = seconds(self.started.elapsed());
        if failed.is_empty() {
            println!("{chore}: everything passed in {total}");
            return Ok(());
        }
        bail!(
            "{chore}: {} of {} steps failed in {total}: {}",
            failed.len(),
            self.done.len(),
            failed.join(", ")
        )
    }
}

/// Runs a command with the output of this process.
///
/// # Errors
///
/// It cannot be started, or its status is not zero.
pub(crate) fn run_command(command: &mut Command) -> Result<()> {
    let status = command.status().map_err(|error| anyhow::anyhow!("{command:?}: {error}"))?;
    if !status.success() {
        bail!("{} ended with {status}", command.get_program().to_string_lossy());
    }
    Ok(())
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::Steps;

    #[test]
    fn a_failed_step_does_not_stop_the_next_and_is_named_at_the_end() {
        let mut steps = Steps::new();
        let mut ran = false;
        steps.run("one", || bail!("no"));
        steps.run("two", || {
            ran = true;
            Ok(())
        });
        let error = steps.finish("chore").unwrap_err().to_string();
        assert!(ran);
        assert!(error.contains("1 of 2 steps failed") && error.ends_with(": one"), "{error}");
    }
}
