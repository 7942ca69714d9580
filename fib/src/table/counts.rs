//! How the entries stand, counted as they change: what operators are shown costs no look at the table.

use super::Wish;

/// See the [module](self).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Counts {
    /// Entries with a wanted route that the kernel holds as wanted.
    pub(crate) installed: usize,
    /// Entries with a wanted route at which something is to be asked of the kernel.
    wanted_pending: usize,
    /// Entries with a wanted route that have a failure.
    wanted_failed: usize,
    /// Entries without a wanted route at which something is to be asked of the kernel.
    unwanted_pending: usize,
    /// Entries of which the Rib has not said anything, to be looked at.
    unknown_pending: usize,
    /// Routes of ours at entries of which the Rib has not said anything.
    pub(crate) unasked_routes: usize,
    /// Routes of others.
    pub(crate) foreign_routes: usize,
}

/// What an entry counts as.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Standing {
    pub(crate) wish: Wish,
    pub(crate) progress: Progress,
}

/// How far the kernel follows at an entry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Progress {
    /// It refused something, or something stands in the way.
    Failed,
    /// Something is to be asked.
    Pending,
    /// Nothing is left to be asked.
    Settled,
}

/// The routes that an entry holds.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct HeldCounts {
    pub(super) ours: usize,
    pub(super) foreign: usize,
}

impl Counts {
    /// Entries with a wanted route.
    pub(crate) fn wanted(&self) -> usize {
        self.installed + self.wanted_pending + self.wanted_failed
    }

    /// Entries at which something is to be asked of the kernel. While routes of an earlier run are left alone, they need
    /// nothing.
    pub(crate) fn pending(&self, sweeping: bool) -> usize {
        let unknown = if sweeping { self.unknown_pending } else { 0 };
        self.wanted_pending + self.unwanted_pending + unknown
    }

    /// An entry stands otherwise than before.
    pub(super) fn on_standing(&mut self, before: Standing, now: Standing) {
        if before == now {
            return;
        }
        if let Some(count) = self.count_of(before) {
            *count -= 1;
        }
        if let Some(count) = self.count_of(now) {
            *count += 1;
        }
    }

    /// An entry holds other routes than before.
    pub(super) fn on_held(&mut self, wish: Wish, before: HeldCounts, now: HeldCounts) {
        self.foreign_routes = self.foreign_routes + now.foreign - before.foreign;
        if wish == Wish::Unknown {
            self.unasked_routes = self.unasked_routes + now.ours - before.ours;
        }
    }

    /// The Rib has said something of an entry that holds these routes.
    pub(super) fn on_asked(&mut self, held: HeldCounts) {
        self.unasked_routes -= held.ours;
    }

    fn count_of(&mut self, standing: Standing) -> Option<&mut usize> {
        match (standing.wish, standing.progress) {
            (Wish::Path(_), Progress::Settled) => Some(&mut self.installed),
            (Wish::Path(_), Progress::Pending) => Some(&mut self.wanted_pending),
            (Wish::Path(_), Progress::Failed) => Some(&mut self.wanted_failed),
            (Wish::Nothing, Progress::Pending) => Some(&mut self.unwanted_pending),
            (Wish::Unknown, Progress::Pending) => Some(&mut self.unknown_pending),
            (Wish::Nothing | Wish::Unknown, Progress::Settled | Progress::Failed) => None,
        }
    }
}
