//! Probes of the single next hops of refused routes.

use std::collections::HashSet;

use crate::{
    index::{EntryId, ShapeId},
    mirror::Mirror,
    netlink::{Batch, EEXIST, KernelHop, Refusal, RouteRequest, RouteTarget},
    table::Wish,
    version::Version,
};

impl Mirror {
    /// Requests refused routes with each next hop alone. The kernel checks the next hop first: if the route
    /// exists already, it answers so only for a valid next hop.
    pub(crate) fn plan_probes(&mut self, batch: &mut Batch, looks: usize) {
        let mut done = HashSet::new();
        for _ in 0..looks.min(self.to_probe.len()) {
            if batch.is_full() {
                return;
            }
            let Some((id, path)) = self.to_probe.pop_front() else { return };
            let Some(entry) = self.entries.find_in_use(id).filter(|entry| {
                // It may have been given another chance since.
                self.failures.is_refused(id) && entry.wish() == Wish::Path(path)
            }) else {
                continue;
            };
            let place = (entry.table, Version::of(entry.prefix));
            if !self.paths.is_in_use(path) || !done.insert((path, place)) {
                continue;
            }
            for shape in self.paths.to_probe(path, place, &self.shapes).unwrap_or_default() {
                let shape = self.shapes.intern(shape);
                self.push(batch, id, RouteRequest::Probe(shape));
                self.shapes.release(shape);
            }
        }
    }

    /// Applies the results of probing the next hops of a refused route.
    pub(crate) fn on_probed(&mut self, id: EntryId, results: &[(ShapeId, Option<&Refusal>)]) {
        let entry = self.entries.get(id);
        let place = (entry.table, Version::of(entry.prefix));
        let Wish::Path(path) = entry.wish() else { return };
        let hops_of = |shape: ShapeId| match &self.shapes.get(shape).target {
            RouteTarget::Hops(hops) => hops.clone(),
            RouteTarget::Object(_) => Vec::new(),
        };
        let is_good = |refusal: &Option<&Refusal>| refusal.is_none_or(|refusal| refusal.errno == EEXIST);
        let (good, bad): (Vec<_>, Vec<_>) = results.iter().partition(|(_, refusal)| is_good(refusal));
        let bad: Vec<KernelHop> = bad.iter().flat_map(|(shape, _)| hops_of(*shape)).collect();
        let good: Vec<KernelHop> = good.iter().flat_map(|(shape, _)| hops_of(*shape)).collect();
        if self.try_onlink(&bad) {
            return;
        }
        let all = bad.is_empty();
        // Next hops that are left out now will be tried again.
        self.failures.note_refusal();
        let (paths, mut workshop) = self.workshop();
        if paths.on_probed(path, place, (good, all), &mut workshop) {
            self.look_at_paths(&[path]);
        } else {
            let concerned = |id| self.entries.get(id).wish() == Wish::Path(path);
            self.failures.end_probing_where(concerned);
        }
    }
}
