//! The trace of a run: messages, events and log lines; and faults: errors and panics.
//!
//! A simulation is one thread, and so is its trace.

use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::panic;
use std::sync::Once;

use tokio::time::Instant;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::topology::PREFIXES_OF_A_FAMILY;

thread_local! {
    static TRACE: RefCell<Trace> = const { RefCell::new(Trace { started: None, keeps_lines: false, lines: Vec::new(), faults: Vec::new() }) };
}

struct Trace {
    started: Option<Instant>,
    keeps_lines: bool,
    lines: Vec<String>,
    faults: Vec<String>,
}

/// Begins a new trace in this thread. To be called within the simulation's runtime.
pub(crate) fn begin(keeps_lines: bool) {
    install();
    TRACE.with_borrow_mut(|trace| {
        *trace = Trace { started: Some(Instant::now()), keeps_lines, lines: Vec::new(), faults: Vec::new() };
    });
}

/// Adds a line, whose text is only computed if lines are kept.
pub(crate) fn line(text: impl FnOnce() -> String) {
    let keeps_lines = TRACE.with_borrow(|trace| trace.keeps_lines);
    if keeps_lines {
        let text = text();
        TRACE.with_borrow_mut(|trace| {
            let at = trace.started.map_or(0.0, |started| started.elapsed().as_secs_f64());
            trace.lines.push(format!("{at:>10.3} {text}"));
        });
    }
}

/// Records a fault.
pub(crate) fn fault(text: String) {
    line(|| format!("FAULT {text}"));
    TRACE.with_borrow_mut(|trace| trace.faults.push(text));
}

pub(crate) fn take_lines() -> Vec<String> {
    TRACE.with_borrow_mut(|trace| std::mem::take(&mut trace.lines))
}

/// Ends the trace and returns the faults it recorded.
pub(crate) fn end() -> Vec<String> {
    TRACE.with_borrow_mut(|trace| {
        trace.started = None;
        std::mem::take(&mut trace.faults)
    })
}

fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            // A panic of a thread without a running simulation belongs to other code.
            match TRACE.with_borrow(|trace| trace.started) {
                Some(_) => fault(format!("panic: {panic}")),
                None => usual(panic),
            }
        }));
        // A subscriber installed earlier is kept: it shows more.
        drop(tracing::subscriber::set_global_default(Log));
    });
}

/// Turns log lines of daemons into lines, and those of level error into faults.
struct Log;

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let most = if TRACE.with_borrow(|trace| trace.keeps_lines) { Level::DEBUG } else { Level::ERROR };
        *metadata.level() <= most && metadata.target().starts_with("margay")
    }

    fn register_callsite(&self, _: &'static Metadata<'static>) -> tracing::subscriber::Interest {
        // The answer changes from run to run.
        tracing::subscriber::Interest::sometimes()
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        if *event.metadata().level() == Level::ERROR && (text.0.contains("bug") || is_miscount(&text.0)) {
            fault(text.0);
        } else {
            line(|| format!("    {} {}", event.metadata().level(), text.0));
        }
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Whether a limit was exceeded that allows every prefix there is.
fn is_miscount(text: &str) -> bool {
    text.contains("exceed") && text.contains(&format!("limit={PREFIXES_OF_A_FAMILY}"))
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let separator = if self.0.is_empty() { "" } else { " " };
        let written = match field.name() {
            "message" => write!(self.0, "{separator}{value:?}"),
            name => write!(self.0, "{separator}{name}={value:?}"),
        };
        written.expect("a String takes everything");
    }
}
