//! The requests of one batch: for objects, probes and routes, as far as there is room.

use std::collections::HashSet;

use super::plan::EntryPlan;
use super::state::Mirror;
use crate::{
    index::EntryId,
    netlink::{Batch, ObjectRequest, Request, RouteRequest, encode_new_route, encode_removal},
    table::Wish,
    version::Version,
};

impl Mirror {
    /// Plans requests for objects and for up to `looks` entries, as far as the batch has room.
    pub(crate) fn plan_batch(&mut self, batch: &mut Batch, looks: usize) {
        BatchPlan::new(self, batch).fill(looks);
    }
}

/// See the [module](self).
pub(super) struct BatchPlan<'a> {
    mirror: &'a mut Mirror,
    batch: &'a mut Batch,
}

impl<'a> BatchPlan<'a> {
    pub(super) fn new(mirror: &'a mut Mirror, batch: &'a mut Batch) -> Self {
        Self { mirror, batch }
    }

    /// Plans requests for objects and for up to `looks` entries, as far as the batch has room.
    pub(super) fn fill(&mut self, looks: usize) {
        let mut objects_leave = false;
        self.mirror.objects.due.begin_batch();
        while !self.batch.is_full() {
            let Some((object, request)) = self.mirror.objects.poll_request(&self.mirror.shapes) else {
                break;
            };
            objects_leave |= request == ObjectRequest::Remove;
            let protocol = self.mirror.options.protocol;
            self.batch.push(Request::Object(object, request.clone()), |sequence, out| {
                request.encode(object, protocol, sequence, out);
            });
        }
        if objects_leave {
            // Their removal also removes routes, which then need no request of their own.
            return;
        }
        self.add_probes(looks);
        let mut requests = Vec::new();
        for _ in 0..looks {
            if self.batch.is_full() {
                break;
            }
            let Some(id) = self.mirror.entries.poll_unsettled() else { break };
            let outlook = EntryPlan::of(id, self.mirror).requests(&mut requests);
            if requests.is_empty() {
                self.mirror.on_outlook(id, outlook);
            }
            for request in requests.drain(..) {
                self.push(id, request);
            }
        }
    }

    /// Requests refused routes with each next hop alone. The kernel checks the next hop first: if the route
    /// exists already, it answers so only for a valid next hop.
    fn add_probes(&mut self, looks: usize) {
        let mut done = HashSet::new();
        for _ in 0..looks.min(self.mirror.to_probe.len()) {
            if self.batch.is_full() {
                return;
            }
            let Some((id, path)) = self.mirror.to_probe.pop_front() else { return };
            let Some(entry) = self.mirror.entries.find_in_use(id).filter(|entry| {
                // It may have been given another chance since.
                self.mirror.failures.is_refused(id) && entry.wish() == Wish::Path(path)
            }) else {
                continue;
            };
            let place = (entry.table, Version::of(entry.prefix));
            if !self.mirror.paths.is_in_use(path) || !done.insert((path, place)) {
                continue;
            }
            for shape in self.mirror.paths.to_probe(path, place, &self.mirror.shapes).unwrap_or_default() {
                let shape = self.mirror.shapes.intern(shape);
                self.push(id, RouteRequest::Probe(shape));
                self.mirror.shapes.release(shape);
            }
        }
    }

    /// The batch keeps a reference to the shape until the answers are handled, whatever happens to its path
    /// meanwhile.
    fn push(&mut self, id: EntryId, request: RouteRequest) {
        if let Some(shape) = request.shape() {
            self.mirror.shapes.retain(shape);
        }
        let Self { mirror, batch } = self;
        let entry = mirror.entries.get(id);
        let place = (mirror.tables.number(entry.table), entry.prefix);
        batch.push(Request::Route(id, request), |sequence, out| match request {
            RouteRequest::Install(shape) | RouteRequest::Probe(shape) => {
                encode_new_route(out, sequence, place, mirror.shapes.get(shape), false)
            }
            RouteRequest::Replace(shape) => {
                encode_new_route(out, sequence, place, mirror.shapes.get(shape), true)
            }
            RouteRequest::Remove { metric } => {
                encode_removal(out, sequence, place, mirror.options.protocol, metric);
            }
        });
    }
}
