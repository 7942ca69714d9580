//! How far a reader of a log has read.

use super::ExportLog;
use crate::index::SlotIndex;

/// A reader's place in a log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading<'a, V> {
    pub(super) log: &'a ExportLog<V>,
    pub(super) cursor: u32,
}

impl<V: Copy + Eq> Reading<'_, V> {
    /// Position of the first record that it has not read.
    pub(crate) fn cursor(self) -> u32 {
        self.cursor
    }

    /// Whether the log has records that it has not read.
    pub(crate) fn is_behind(self) -> bool {
        self.cursor < self.log.end()
    }

    /// Whether no other reader is slower.
    pub(crate) fn is_slowest(self) -> bool {
        self.log.slowest() == self.cursor
    }

    /// Whether it has read the last change of a slot.
    pub(crate) fn has_read(self, index: SlotIndex) -> bool {
        self.log.slot(index).record().is_none_or(|record| record.position < self.cursor)
    }
}
