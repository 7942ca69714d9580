//! The forwardings that the Rib wants.

use margay_forwarding::{Forwarding, ForwardingChange, NextHopLoss};

use crate::{index::PathId, mirror::state::Mirror, resolution::Resolver, table::Wish, wanted::Workshop};

impl Mirror {
    /// Handles changes of the wanted forwardings.
    pub(crate) fn want(&mut self, changes: &[ForwardingChange]) {
        let prefixes = changes.iter().map(|change| change.prefix);
        let ours = &self.tables;
        self.entries.touch(prefixes.flat_map(|prefix| ours.ours().map(move |table| (table, prefix))));
        let mut wishes = Wishes { mirror: self };
        changes.iter().for_each(|change| wishes.apply(change));
    }

    /// Removes lost next hops from groups that have others, one message for each group, before all the routes
    /// that refer to them are changed one by one.
    pub(crate) fn on_next_hop_losses(&mut self, losses: &[NextHopLoss]) {
        let mut changed = Vec::new();
        let (paths, mut workshop) = self.workshop();
        for loss in losses {
            changed.extend(paths.set_lost(loss.next_hop.into(), loss.lost, &mut workshop));
        }
        self.look_at_paths(&changed);
    }

    /// From now on, own routes and objects that are not wanted are removed.
    pub(crate) fn sweep(&mut self) {
        self.sweeping = true;
        self.objects.sweep();
        let ours = self.tables.clone();
        self.entries.unsettle_where(|entry| {
            entry.wish() == Wish::Unknown && ours.ours().any(|table| table == entry.table)
        });
    }
}

/// Applies wishes, with the paths that they need.
struct Wishes<'a> {
    mirror: &'a mut Mirror,
}

impl Wishes<'_> {
    fn apply(&mut self, change: &ForwardingChange) {
        let path = change.forwarding.as_ref().map(|forwarding| self.acquire_path(forwarding));
        for table in self.mirror.tables.ours() {
            let id = self.mirror.entries.find_or_insert(table, change.prefix);
            let wish = path.map_or(Wish::Nothing, Wish::Path);
            let former = self.mirror.entries.set_wish(id, wish, &self.mirror.shapes, &self.mirror.tables);
            if let Some(path) = path {
                self.mirror.paths.retain(path);
            }
            self.mirror.clear_failure(id);
            self.mirror.entries.unsettle(id);
            if let Wish::Path(former) = former {
                self.release_path(former);
            }
        }
        if let Some(path) = path {
            self.release_path(path);
        }
    }

    fn acquire_path(&mut self, forwarding: &Forwarding) -> PathId {
        let Mirror { options, tables, entries, shapes, objects, links, paths, with_objects, statics, .. } =
            &mut *self.mirror;
        if let Some(path) = paths.find(forwarding) {
            paths.retain(path);
            return path;
        }
        let resolved = {
            let resolver = Resolver { options, tables, entries, shapes, objects, links, statics };
            paths
                .unknown_next_hops(forwarding)
                .map(|next_hop| (next_hop, resolver.resolve(next_hop)))
                .collect()
        };
        let mut workshop = Workshop { options, tables, shapes, objects, with_objects: *with_objects };
        paths.insert(forwarding, &mut workshop, resolved)
    }

    fn release_path(&mut self, path: PathId) {
        let (paths, mut workshop) = self.mirror.workshop();
        paths.release(path, &mut workshop);
    }
}
