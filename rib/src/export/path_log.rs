//! The log of a group together with the meaning of its slots: best paths, or several paths to a prefix (RFC
//! 7911).
//!
//! It is independent of policy and encoding, so that other consumers of paths in the order of their changes
//! can read one, too.

use std::ops::Deref;

use bgp_codec::{IpPrefix, Nlri};

use super::path_slots::PathSlots;
use crate::index::{EntryIndex, PeerIndex, SlotIndex, SourceIndex};
use crate::log::{Change, ExportLog, ReaderId};
use crate::paths::Table;

/// See the [module](self). Read-only methods are those of the log itself.
#[derive(Debug)]
pub(crate) struct PathLog<V> {
    log: ExportLog<V>,
    slots: Slots,
}

/// The meaning of the slots of a log.
#[derive(Debug)]
enum Slots {
    /// The best path of the entry with the slot's number.
    BestPaths,
    /// Paths, each with a slot of its own.
    Paths(Box<PathSlots>),
}

/// Result of setting a slot. A slot that has been copied counts twice: the copy follows it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct SetOutcome<V> {
    /// Number of slots that now hold the wanted value: zero if nothing changed.
    pub(super) slots: u16,
    /// The value that the same number of slots held before.
    pub(super) replaced: Option<V>,
    /// Number of additional pins on the entry.
    pub(super) pins: u16,
}

/// A freed part of a log.
#[derive(Debug)]
pub(super) struct Drained<V> {
    /// The values that the slots held.
    pub(super) values: Vec<V>,
    /// The entries that the log no longer needs, once for each pin.
    pub(super) entries: Vec<EntryIndex>,
}

/// A copied part of a log.
#[derive(Debug)]
pub(super) struct CopiedPart<V> {
    /// The values that the copy now holds as well.
    pub(super) values: Vec<V>,
    /// The entries that the copy pins.
    pub(super) entries: Vec<EntryIndex>,
}

impl<V: Copy + Eq> PathLog<V> {
    /// A log of the best path of each prefix.
    pub(super) fn of_best_paths() -> Self {
        Self { log: ExportLog::new(), slots: Slots::BestPaths }
    }

    /// A log of several paths to a prefix.
    pub(super) fn of_paths() -> Self {
        Self { log: ExportLog::new(), slots: Slots::Paths(Box::default()) }
    }

    /// Sets what is exported of the best path of an entry.
    pub(super) fn set_best(
        &mut self,
        entry: EntryIndex,
        wanted: Option<(V, PeerIndex)>,
        reader_of: impl Fn(PeerIndex) -> Option<ReaderId>,
    ) -> SetOutcome<V> {
        let (outcome, is_filled) = self.set(SlotIndex(entry.0), wanted, reader_of);
        SetOutcome { pins: if is_filled { outcome.slots } else { 0 }, ..outcome }
    }

    /// Sets what is exported of the path of an entry from one source.
    pub(super) fn set_path(
        &mut self,
        entry: EntryIndex,
        source: SourceIndex,
        wanted: Option<(V, PeerIndex)>,
        reader_of: impl Fn(PeerIndex) -> Option<ReaderId>,
    ) -> SetOutcome<V> {
        let nothing = SetOutcome { slots: 0, replaced: None, pins: 0 };
        let Slots::Paths(slots) = &mut self.slots else { return nothing };
        let (had_slots, is_copied) = (slots.has(entry), slots.is_copied(entry));
        let slot = match wanted {
            Some(_) => Some(slots.find_or_insert(entry, source)),
            None => slots.find(entry, source),
        };
        let Some(slot) = slot else { return nothing };
        let pins = if had_slots { 0 } else { 1 + u16::from(is_copied) };
        SetOutcome { pins, ..self.set(slot, wanted, reader_of).0 }
    }

    /// Sets a slot, and its copy if it has one. Returns whether it was empty before, too.
    fn set(
        &mut self,
        slot: SlotIndex,
        wanted: Option<(V, PeerIndex)>,
        reader_of: impl Fn(PeerIndex) -> Option<ReaderId>,
    ) -> (SetOutcome<V>, bool) {
        let change = self.log.set(slot, wanted, reader_of);
        let slots = if change == Change::None { 0 } else { 1 + u16::from(self.log.is_copied(slot)) };
        let replaced = if let Change::Replaced(old) = change { Some(old) } else { None };
        (SetOutcome { slots, replaced, pins: 0 }, change == Change::Filled)
    }

    /// What is exported of the best path of an entry; `None` in a log of several paths, too.
    pub(crate) fn best(&self, entry: EntryIndex) -> Option<V> {
        match self.slots {
            Slots::BestPaths => self.log.slot(SlotIndex(entry.0)).value(),
            Slots::Paths(_) => None,
        }
    }

    /// The slots of an entry, with the source of each path in a log of several.
    pub(crate) fn slots_of(&self, entry: EntryIndex) -> Vec<(SlotIndex, Option<SourceIndex>)> {
        match &self.slots {
            Slots::BestPaths => vec![(SlotIndex(entry.0), None)],
            Slots::Paths(slots) => slots.of(entry).map(|(slot, source)| (slot, Some(source))).collect(),
        }
    }

    /// What a slot stands for: the path from this source, or the best path where there is none.
    pub(crate) fn path_of(&self, slot: SlotIndex) -> (EntryIndex, Option<SourceIndex>) {
        match &self.slots {
            Slots::BestPaths => (EntryIndex(slot.0), None),
            Slots::Paths(slots) => {
                let (entry, source) = slots.path(slot);
                (entry, Some(source))
            }
        }
    }

    /// The route that a slot stands for, as it is advertised.
    pub(super) fn nlri<P: IpPrefix>(&self, table: &Table<P>, slot: SlotIndex) -> Nlri<P> {
        let (entry, source) = self.path_of(slot);
        Nlri { path_id: source.map(SourceIndex::exported_path_id), prefix: table.entry(entry).prefix }
    }

    /// The path slots, in a log of several paths.
    pub(crate) fn path_slots(&self) -> Option<&PathSlots> {
        match &self.slots {
            Slots::BestPaths => None,
            Slots::Paths(slots) => Some(slots),
        }
    }

    /// The entries that the log pins; twice those that its copy pins, too.
    pub(crate) fn pinned(&self) -> Vec<EntryIndex> {
        let twice = |entry, is_copied| std::iter::repeat_n(entry, 1 + usize::from(is_copied));
        match &self.slots {
            Slots::BestPaths => {
                let slots = self.log.in_use().map(|(slot, _)| slot);
                slots.flat_map(|slot| twice(EntryIndex(slot.0), self.log.is_copied(slot))).collect()
            }
            Slots::Paths(slots) => {
                slots.entries().flat_map(|entry| twice(entry, slots.is_copied(entry))).collect()
            }
        }
    }

    /// The log, to be read. What empties its slots goes through [`settle_by`](Self::settle_by).
    pub(super) fn readers(&mut self) -> &mut ExportLog<V> {
        &mut self.log
    }

    /// Lets readers move, or settles the log, and forgets the slots that are empty by then. Returns the entries that the log
    /// no longer needs, once for each pin.
    pub(super) fn settle_by(
        &mut self,
        movement: impl FnOnce(&mut ExportLog<V>) -> Vec<SlotIndex>,
    ) -> Vec<EntryIndex> {
        let emptied = movement(&mut self.log);
        self.on_emptied(emptied)
    }

    /// Frees up to `limit` slots; `None` when nothing is left.
    pub(super) fn drain(&mut self, limit: usize) -> Option<Drained<V>> {
        let Some(drained) = self.log.drain(limit) else {
            let more = match &mut self.slots {
                Slots::BestPaths => false,
                Slots::Paths(slots) => slots.drain(limit),
            };
            return more.then(|| Drained { values: Vec::new(), entries: Vec::new() });
        };
        let values = drained.iter().filter_map(|&(_, value)| value).collect();
        let entries = self.on_emptied(drained.into_iter().map(|(slot, _)| slot).collect());
        Some(Drained { values, entries })
    }

    /// The entries that the log no longer needs, now that these slots are empty; twice where its copy does not need them
    /// either.
    fn on_emptied(&mut self, emptied: Vec<SlotIndex>) -> Vec<EntryIndex> {
        let Self { slots, log } = self;
        let mut entries = Vec::with_capacity(emptied.len());
        for slot in emptied {
            let (entry, is_copied) = match slots {
                Slots::BestPaths => (EntryIndex(slot.0), log.is_copied(slot)),
                Slots::Paths(slots) => match slots.remove(slot) {
                    Some(entry) => (entry, slots.is_copied(entry)),
                    None => continue,
                },
            };
            entries.extend(std::iter::repeat_n(entry, 1 + usize::from(is_copied)));
        }
        entries
    }

    /// Begins a copy, which is made by [`copy_part`](Self::copy_part).
    pub(super) fn begin_copy(&mut self) {
        self.log.begin_copy();
        if let Slots::Paths(slots) = &mut self.slots {
            slots.begin_copy();
        }
    }

    /// Copies up to `limit` more slots.
    pub(super) fn copy_part(&mut self, limit: usize) -> CopiedPart<V> {
        let (copied, in_use) = self.log.copy_part(limit);
        let values = in_use.iter().filter_map(|&(_, value)| value).collect();
        let entries = match &mut self.slots {
            Slots::BestPaths => in_use.into_iter().map(|(slot, _)| EntryIndex(slot.0)).collect(),
            Slots::Paths(slots) => slots.copy_part(limit - copied).1,
        };
        CopiedPart { values, entries }
    }

    /// Whether all is copied.
    pub(super) fn is_copy_whole(&self) -> bool {
        let are_slots_whole = match &self.slots {
            Slots::BestPaths => true,
            Slots::Paths(slots) => slots.is_copy_whole(),
        };
        self.log.is_copy_whole() && are_slots_whole
    }

    /// The same log for some of the readers, each where it stands, once all is copied.
    pub(super) fn take_copy(&mut self, readers: &[ReaderId]) -> Self {
        let slots = match &mut self.slots {
            Slots::BestPaths => Slots::BestPaths,
            Slots::Paths(slots) => Slots::Paths(Box::new(slots.take_copy())),
        };
        Self { log: self.log.take_copy(readers), slots }
    }
}

impl<V> Deref for PathLog<V> {
    type Target = ExportLog<V>;

    fn deref(&self) -> &ExportLog<V> {
        &self.log
    }
}
