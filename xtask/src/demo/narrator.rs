//! Output of the demo: headings, steps and times; and the handling of Ctrl-C.

use std::io::{IsTerminal as _, Write as _, stdout};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// Tells the story on standard output, in colour when that is a terminal.
pub(super) struct Narrator {
    colours: bool,
    started: Instant,
}

/// Set by Ctrl-C; the next step then fails, and everything that the demo made is dropped.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

impl Narrator {
    /// From now on, Ctrl-C, SIGTERM and SIGHUP end the demo in order instead of killing it.
    pub(super) fn new() -> Result<Self> {
        ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed)).context("handling Ctrl-C")?;
        Ok(Self { colours: stdout().is_terminal(), started: Instant::now() })
    }

    pub(super) fn title(&self, text: &str) {
        say(&format!("\n{}", self.paint(BOLD, text)));
    }

    pub(super) fn drawing(&self, text: &str) {
        say(&self.paint(CYAN, text.trim_end()));
    }

    pub(super) fn heading(&self, text: &str) {
        say(&format!("\n{}", self.paint(BOLD, text)));
    }

    pub(super) fn close(&self, text: &str) {
        say(&format!("\n{}", self.paint(BOLD, text)));
    }

    /// Prints an empty line after shown commands.
    pub(super) fn gap(&self) {
        say("");
    }

    /// Runs a step and prints its time, unless the demo was interrupted.
    pub(super) fn step<T>(&mut self, what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let started = Instant::now();
        let outcome = self.check_going_on().and_then(|()| work()).with_context(|| what.to_owned());
        self.tick(outcome.is_ok(), what, started.elapsed());
        outcome
    }

    /// Runs a step that is needed after an interruption, too.
    pub(super) fn afterwards(&mut self, what: &str, work: impl FnOnce()) {
        let started = Instant::now();
        work();
        self.tick(true, what, started.elapsed());
    }

    fn check_going_on(&self) -> Result<()> {
        if self.started.elapsed() > LIMIT {
            bail!("the demo has taken longer than {} s", LIMIT.as_secs());
        }
        check_interrupted()
    }

    fn tick(&self, good: bool, what: &str, took: Duration) {
        let mark = if good { self.paint(GREEN, "✓") } else { self.paint(RED, "✗") };
        let seconds = format!("{:.2} s", took.as_secs_f64());
        say(&format!("  {mark} {what:<60} {}", self.paint(DIM, &format!("{seconds:>8}"))));
    }

    /// Waits until `ask` succeeds, as a step.
    pub(super) fn wait(&mut self, what: &str, mut ask: impl FnMut() -> Result<()>) -> Result<()> {
        self.step(what, || {
            let started = Instant::now();
            while let Err(seen) = ask() {
                check_interrupted()?;
                if started.elapsed() > PATIENCE {
                    return Err(seen);
                }
                thread::sleep(POLL_INTERVAL);
            }
            Ok(())
        })
    }

    /// Shows a command and its output.
    pub(super) fn show(&self, place: &str, command: &str, output: &str) {
        say(&format!("\n    {} {}", self.paint(DIM, &format!("{place}$")), self.paint(CYAN, command)));
        for line in output.trim_end().lines() {
            say(&format!("    {line}"));
        }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Prints a line. If the output is closed, as by `| head`, that ends the demo like Ctrl-C.
fn say(line: &str) {
    if writeln!(stdout(), "{line}").is_err() {
        INTERRUPTED.store(true, Ordering::Relaxed);
    }
}

/// Whether Ctrl-C was pressed.
pub(super) fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

fn check_interrupted() -> Result<()> {
    if interrupted() {
        bail!("interrupted");
    }
    Ok(())
}

/// Time limit of a step.
const PATIENCE: Duration = Duration::from_secs(30);

/// Time limit of all steps together.
const LIMIT: Duration = Duration::from_secs(300);

const POLL_INTERVAL: Duration = Duration::from_millis(100);

const BOLD: &str = "1";
const DIM: &str = "2";
const RED: &str = "31";
const GREEN: &str = "32";
const CYAN: &str = "36";
