//! When to render after changes.

use std::time::Duration;

use tokio::time::Instant;

/// After the last change.
const QUIET: Duration = Duration::from_millis(100);
/// After the first change, whatever follows.
const LONGEST: Duration = Duration::from_secs(1);

/// Collects changes that come in bursts.
#[derive(Debug, Default)]
pub(crate) struct Debounce {
    first: Option<Instant>,
    last: Option<Instant>,
}

impl Debounce {
    /// Notes a change.
    pub(crate) fn on_change(&mut self, now: Instant) {
        self.first.get_or_insert(now);
        self.last = Some(now);
    }

    /// When the changes are to be rendered; `None` without any.
    pub(crate) fn due(&self) -> Option<Instant> {
        let (first, last) = self.first.zip(self.last)?;
        Some((last + QUIET).min(first + LONGEST))
    }

    /// Begins anew.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::Debounce;

    #[test]
    fn a_burst_is_rendered_when_it_ends_and_at_least_once_a_second() {
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let mut debounce = Debounce::default();
        assert_eq!(debounce.due(), None);
        debounce.on_change(at(0));
        assert_eq!(debounce.due(), Some(at(100)));
        debounce.on_change(at(90));
        assert_eq!(debounce.due(), Some(at(190)));
        for step in 1..30 {
            debounce.on_change(at(90 * step));
        }
        assert_eq!(debounce.due(), Some(at(1000)));
        debounce.reset();
        assert_eq!(debounce.due(), None);
    }
}
