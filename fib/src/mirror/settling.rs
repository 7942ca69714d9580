//! Next hops, paths and entries after messages, brought up to date with each other.

use std::collections::HashSet;

use margay_forwarding::Hop;

use super::state::Mirror;
use crate::{netlink::RouteTarget, table::Wish};

impl Mirror {
    /// Applies the consequences of messages to next hops and to the paths over them.
    pub(crate) fn settle_next_hops(&mut self) {
        Settling::of(self).settle_next_hops();
    }

    /// Handles objects that routes may now refer to and could not before, or the reverse.
    pub(crate) fn settle_objects(&mut self) {
        Settling::of(self).settle_objects();
    }

    /// Tries refused routes again.
    pub(crate) fn retry(&mut self) {
        let (paths, mut workshop) = self.workshop();
        let changed = paths.reconsider_all(&mut workshop);
        self.look_at_paths(&changed);
        for id in self.failures.ids() {
            self.failures.allow_retry(id);
            self.entries.unsettle(id);
        }
    }
}

/// Draws the consequences of messages and answers that were handled before.
pub(super) struct Settling<'a> {
    mirror: &'a mut Mirror,
}

impl<'a> Settling<'a> {
    pub(super) fn of(mirror: &'a mut Mirror) -> Self {
        Self { mirror }
    }

    /// Applies the consequences of messages to next hops and to the paths over them.
    pub(super) fn settle_next_hops(&mut self) {
        self.mirror.flush_gone_objects();
        let moved = std::mem::take(&mut self.mirror.moved);
        let moved: Vec<Hop> = if std::mem::take(&mut self.mirror.all_moved) {
            self.mirror.paths.next_hops.all()
        } else {
            moved.into_iter().collect()
        };
        let mut changed = Vec::new();
        for next_hop in moved {
            let resolution = self.mirror.resolver().resolve(next_hop);
            let (paths, mut workshop) = self.mirror.workshop();
            changed.extend(paths.on_resolved(next_hop, resolution, &mut workshop));
        }
        self.mirror.look_at_paths(&changed);
        self.reconsider_next_hops();
        self.settle_objects();
        self.doubt_routes_over_deleted_links();
    }

    /// Handles objects that routes may now refer to and could not before, or the reverse.
    pub(super) fn settle_objects(&mut self) {
        let mut changed = Vec::new();
        let numbers = self.mirror.objects.take_renumbered();
        if !numbers.is_empty() {
            let (paths, mut workshop) = self.mirror.workshop();
            changed.extend(paths.on_objects_renumbered(&numbers, &mut workshop));
        }
        while let Some(object) = self.mirror.objects.poll_changed() {
            let (paths, mut workshop) = self.mirror.workshop();
            changed.extend(paths.on_object_changed(object, &mut workshop));
        }
        self.mirror.look_at_paths(&changed);
        self.mirror.forget_unused_objects();
    }

    /// Tries next hops again that the kernel may accept by now.
    fn reconsider_next_hops(&mut self) {
        let (mut concerned, mut changed) = (HashSet::new(), Vec::new());
        for next_hop in std::mem::take(&mut self.mirror.reconsidered) {
            let (paths, mut workshop) = self.mirror.workshop();
            let (over, widened) = paths.reconsider(next_hop, &mut workshop);
            concerned.extend(over);
            changed.extend(widened);
        }
        self.mirror.look_at_paths(&changed);
        if concerned.is_empty() {
            return;
        }
        for id in self.mirror.failures.ids() {
            let wish = self.mirror.entries.get(id).wish();
            if matches!(wish, Wish::Path(path) if concerned.contains(&path)) {
                self.mirror.failures.allow_retry(id);
                self.mirror.entries.unsettle(id);
            }
        }
    }

    /// The kernel removes routes over a deleted link. If the mirror still holds one, it has missed a message.
    fn doubt_routes_over_deleted_links(&mut self) {
        let deleted = std::mem::take(&mut self.mirror.deleted_links);
        let leads_over = |target: &RouteTarget| matches!(target, RouteTarget::Hops(hops) if hops.iter().any(|hop| deleted.contains(&hop.interface)));
        if !deleted.is_empty() && !self.mirror.shapes.find(|shape| leads_over(&shape.target)).is_empty() {
            self.mirror.doubts.on_contradiction();
        }
    }
}
