//! The watch on the files of the configuration: when changes are to be read.

use std::io;

use margay_config::WatchFile;
use tokio::time::{Instant, sleep_until};
use tracing::warn;

use crate::machine::{FileChanges, FileWatch};

/// The watch on the files of the configuration.
#[derive(Debug, Default)]
pub(super) struct Watched {
    changes: Option<FileChanges>,
    pub(super) settings: Option<WatchFile>,
    unread: Unread,
}

/// Changes that have not been read yet.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Unread(Option<Times>);

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Times {
    first: Instant,
    last: Instant,
}

impl Watched {
    /// Waits until changed files are to be read; for ever while they are not watched. Nothing is lost when the future is dropped.
    pub(super) async fn due(&mut self) {
        let (Some(changes), Some(settings)) = (&self.changes, self.settings) else {
            return std::future::pending().await;
        };
        loop {
            let due = self.unread.due(settings);
            tokio::select! {
                change = changes.next() => match change {
                    Ok(()) => self.unread.note(Instant::now()),
                    Err(error) => {
                        warn!(%error, "the files of the configuration are no longer watched until the next reload");
                        self.changes = None;
                        return std::future::pending().await;
                    }
                },
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    self.unread = Unread::default();
                    return;
                }
            }
        }
    }

    /// Puts a new watch in the place of the one so far, unless it reports the same. What changed between the reading of the files
    /// and the first watch on them would be missed, so they count as changed once more.
    pub(super) fn replace(&mut self, watch: FileWatch) -> io::Result<()> {
        if self.changes.as_ref().is_some_and(|changes| changes.covers_the_same_as(&watch)) {
            return Ok(());
        }
        self.changes = Some(watch.into_changes()?);
        self.unread.note(Instant::now());
        Ok(())
    }
}

impl Unread {
    fn note(&mut self, now: Instant) {
        let first = self.0.map_or(now, |times| times.first);
        self.0 = Some(Times { first, last: now });
    }

    /// When the changes are to be read.
    fn due(self, WatchFile { quiet_time, longest_delay }: WatchFile) -> Option<Instant> {
        self.0.map(|Times { first, last }| (last + quiet_time).min(first + longest_delay))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn changes_are_read_after_a_quiet_time_or_the_longest_delay() {
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let settings =
            WatchFile { quiet_time: Duration::from_millis(100), longest_delay: Duration::from_millis(250) };
        let mut unread = Unread::default();
        assert_eq!(unread.due(settings), None);
        unread.note(at(0));
        assert_eq!(unread.due(settings), Some(at(100)));
        unread.note(at(90));
        assert_eq!(unread.due(settings), Some(at(190)));
        unread.note(at(180));
        assert_eq!(unread.due(settings), Some(at(250)), "not later than the longest delay");
    }
}
