//! The readers of a log: their cursors, and the position of the slowest.

use std::collections::BTreeMap;

/// Names a reader of a log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct ReaderId(usize);

/// The cursors of all readers.
#[derive(Clone, Debug, Default)]
pub(super) struct Readers {
    cursors: Vec<Option<u32>>,
    /// Number of readers at each position.
    positions: BTreeMap<u32, u32>,
}

impl Readers {
    /// Adds a reader at this position.
    pub(super) fn join(&mut self, position: u32) -> ReaderId {
        self.arrive(position);
        match self.cursors.iter().position(Option::is_none) {
            Some(free) => {
                self.cursors[free] = Some(position);
                ReaderId(free)
            }
            None => {
                self.cursors.push(Some(position));
                ReaderId(self.cursors.len() - 1)
            }
        }
    }

    pub(super) fn leave(&mut self, reader: ReaderId) {
        let cursor = self.cursor(reader);
        self.cursors[reader.0] = None;
        self.depart(cursor);
    }

    /// Position of a reader.
    pub(super) fn cursor(&self, reader: ReaderId) -> u32 {
        self.cursors[reader.0].expect("a reader has a cursor until it leaves")
    }

    pub(super) fn set_cursor(&mut self, reader: ReaderId, position: u32) {
        let former = self.cursor(reader);
        self.cursors[reader.0] = Some(position);
        self.arrive(position);
        self.depart(former);
    }

    /// Moves all cursors after a change of positions.
    pub(super) fn move_all(&mut self, moved: impl Fn(u32) -> u32) {
        let positions = std::mem::take(&mut self.positions);
        for cursor in self.cursors.iter_mut().flatten() {
            *cursor = moved(*cursor);
        }
        for (cursor, readers) in positions {
            *self.positions.entry(moved(cursor)).or_insert(0) += readers;
        }
    }

    /// Position of the slowest reader; `None` without readers.
    pub(super) fn slowest(&self) -> Option<u32> {
        self.positions.keys().next().copied()
    }

    /// The cursors of some of the readers, under the same names.
    pub(super) fn copy_of(&self, readers: &[ReaderId]) -> Self {
        let mut copy = Self { cursors: self.cursors.clone(), positions: BTreeMap::new() };
        for (number, cursor) in copy.cursors.iter_mut().enumerate() {
            *cursor = cursor.take_if(|_| readers.contains(&ReaderId(number)));
            if let Some(position) = *cursor {
                *copy.positions.entry(position).or_insert(0) += 1;
            }
        }
        copy
    }

    fn arrive(&mut self, position: u32) {
        *self.positions.entry(position).or_insert(0) += 1;
    }

    fn depart(&mut self, position: u32) {
        if let Some(readers) = self.positions.get_mut(&position) {
            *readers -= 1;
            if *readers == 0 {
                self.positions.remove(&position);
            }
        }
    }
}
