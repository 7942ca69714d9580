//! A limit for log lines of one kind: those from one place in the code.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tracing::{Event, Level, Metadata, Subscriber, warn};
use tracing_subscriber::layer::{Context, Filter};

/// Passes lines of each kind up to a limit.
///
/// Levels debug and trace are not limited, because they are enabled to see everything.
#[derive(Debug, Default)]
pub struct LineLimit {
    kinds: Mutex<BTreeMap<Kind, Allowance>>,
    limited: AtomicU64,
}

/// Source file and line.
type Kind = (Option<&'static str>, Option<u32>);

/// Remaining number of lines of a kind.
#[derive(Debug)]
struct Allowance {
    lines: u32,
    renewed: Instant,
    /// Lines suppressed since the last one that passed.
    left_out: u64,
}

/// Treatment of a line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Verdict {
    Through,
    /// Passed, after this many of its kind were suppressed.
    ThroughAfter(u64),
    LeftOut,
}

impl LineLimit {
    /// Number of suppressed lines.
    pub fn limited(&self) -> u64 {
        self.limited.load(Ordering::Relaxed)
    }

    fn judge(&self, kind: Kind, now: Instant) -> Verdict {
        // An allowance is valid after a panic as well.
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        let verdict = kinds.entry(kind).or_insert_with(|| Allowance::full(now)).take(now);
        if verdict == Verdict::LeftOut {
            self.limited.fetch_add(1, Ordering::Relaxed);
        }
        verdict
    }
}

impl Allowance {
    fn full(now: Instant) -> Self {
        Self { lines: BURST, renewed: now, left_out: 0 }
    }

    fn take(&mut self, now: Instant) -> Verdict {
        let earned = now.duration_since(self.renewed).as_millis() / RENEWAL.as_millis();
        if let Ok(earned) = u32::try_from(earned)
            && self.lines.saturating_add(earned) < BURST
        {
            self.lines += earned;
            self.renewed += RENEWAL * earned;
        } else {
            *self = Self { left_out: self.left_out, ..Self::full(now) };
        }
        let Some(lines) = self.lines.checked_sub(1) else {
            self.left_out += 1;
            return Verdict::LeftOut;
        };
        self.lines = lines;
        match std::mem::take(&mut self.left_out) {
            0 => Verdict::Through,
            left_out => Verdict::ThroughAfter(left_out),
        }
    }
}

/// Applies a [`LineLimit`] to log lines.
#[derive(Debug)]
pub(super) struct LimitFilter {
    limit: Arc<LineLimit>,
}

impl LimitFilter {
    pub(super) fn new(limit: Arc<LineLimit>) -> Self {
        Self { limit }
    }
}

impl<S: Subscriber> Filter<S> for LimitFilter {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        let metadata = event.metadata();
        if *metadata.level() > Level::INFO {
            return true;
        }
        match self.limit.judge((metadata.file(), metadata.line()), Instant::now()) {
            Verdict::Through => true,
            Verdict::ThroughAfter(left_out) => {
                warn!(left_out, "lines like the next one were too many to log");
                true
            }
            Verdict::LeftOut => false,
        }
    }
}

/// Lines of a kind that may come at once: all peers of a large reflector may come up together.
const BURST: u32 = 5000;

/// Time until one more line may pass.
const RENEWAL: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Kind = (Some("one.rs"), Some(1));
    const OTHER: Kind = (Some("one.rs"), Some(2));

    #[test]
    fn a_burst_passes_and_then_a_line_from_time_to_time() {
        let limit = LineLimit::default();
        let start = Instant::now();
        assert!((0..BURST).all(|_| limit.judge(ONE, start) == Verdict::Through));
        assert_eq!([(); 3].map(|()| limit.judge(ONE, start)), [Verdict::LeftOut; 3]);
        assert_eq!(limit.judge(OTHER, start), Verdict::Through, "another kind has a limit of its own");
        let later = start + RENEWAL * 2;
        let verdicts = [(); 3].map(|()| limit.judge(ONE, later));
        assert_eq!(verdicts, [Verdict::ThroughAfter(3), Verdict::Through, Verdict::LeftOut]);
        assert_eq!(limit.limited(), 4);
        let much_later = start + Duration::from_hours(24 * 365);
        assert_eq!(limit.judge(ONE, much_later), Verdict::ThroughAfter(1));
        assert!((1..BURST).all(|_| limit.judge(ONE, much_later) == Verdict::Through));
        assert_eq!(limit.judge(ONE, much_later), Verdict::LeftOut);
    }
}
