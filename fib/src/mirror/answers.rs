//! The kernel's answers to requests.

use std::collections::HashMap;

use crate::{
    index::{EntryId, ShapeId},
    mirror::Mirror,
    netlink::{
        Batch, EEXIST, ENOENT, ESRCH, KernelHop, ObjectRequest, Refusal, Request, RouteChange, RouteRequest,
        RouteTarget,
    },
    table::{Verdict, Wish},
    version::Version,
};

impl Mirror {
    /// Notes the outcome of a batch: every request that was not refused has been done.
    pub(crate) fn on_answers(&mut self, batch: &Batch, refusals: &[Refusal]) {
        let mut refused = vec![None; batch.requests().len()];
        for refusal in refusals {
            if let Some(position) = batch.position(refusal.sequence) {
                refused[position] = Some(refusal);
            }
        }
        let mut probed: HashMap<EntryId, Vec<(ShapeId, Option<&Refusal>)>> = HashMap::new();
        for (request, refusal) in batch.requests().iter().zip(refused) {
            match (request, refusal) {
                (Request::Route(id, RouteRequest::Probe(shape)), refusal) => {
                    probed.entry(*id).or_default().push((*shape, refusal));
                    if refusal.is_none() {
                        self.on_route_accepted(*id, RouteRequest::Install(*shape));
                    }
                }
                (Request::Route(id, request), None) => self.on_route_accepted(*id, *request),
                (Request::Route(id, request), Some(refusal)) => self.on_route_refused(*id, *request, refusal),
                (Request::Object(object, request), None) => {
                    let gone = self.objects.on_accepted(*object, request);
                    self.on_objects_gone(&gone);
                }
                (Request::Object(object, request), Some(refusal)) => {
                    self.on_object_refused(*object, request, refusal);
                }
            }
        }
        for (id, results) in probed {
            self.on_probed(id, &results);
        }
        self.flush_gone_objects();
        self.objects.begin_batch();
        self.settle_objects();
        self.let_go(batch);
    }

    /// Notes that the outcome of a batch is unknown: its requests are made again unless the table shows that
    /// they were done.
    pub(crate) fn on_unanswered(&mut self, batch: &Batch) {
        self.objects.begin_batch();
        for request in batch.requests() {
            match request {
                Request::Route(id, _) => self.entries.unsettle(*id),
                Request::Object(number, _) => self.objects.on_unanswered(*number),
            }
        }
        self.suspect_objects();
        self.let_go(batch);
    }

    fn let_go(&mut self, batch: &Batch) {
        for request in batch.requests() {
            if let Request::Route(_, request) = request {
                request.shape().into_iter().for_each(|shape| self.shapes.release(shape));
            }
        }
        self.forget_unused_objects();
    }

    /// Messages handled from now on are younger than the requests.
    pub(crate) fn untouch(&mut self) {
        let touched = std::mem::take(&mut self.touched);
        self.entries.touch(touched.iter().map(|&id| {
            let entry = self.entries.get(id);
            (entry.table, entry.prefix)
        }));
        for id in touched {
            self.entries.get_mut(id).touched = false;
            self.entries.remove_if_unused(id);
        }
    }

    pub(crate) fn on_route_accepted(&mut self, id: EntryId, request: RouteRequest) {
        self.follow(id, request);
        let entry = self.entries.get_mut(id);
        if !entry.touched {
            entry.touched = true;
            self.touched.push(id);
        }
        let entry = self.entries.get(id);
        if entry.is_unsettled() {
            return;
        }
        let mut requests = Vec::new();
        let outlook = self.plan(entry, id, &mut requests);
        if requests.is_empty() {
            self.on_outlook(id, outlook);
        } else {
            self.entries.unsettle(id);
        }
    }

    /// Updates the mirror after a request that the kernel has done.
    fn follow(&mut self, id: EntryId, request: RouteRequest) {
        let Self { entries, shapes, tables, .. } = self;
        let entry = entries.get(id);
        let (prefix, table) = (entry.prefix, entry.table);
        let (shape, change) = match request {
            RouteRequest::Install(shape) | RouteRequest::Probe(shape) if entry.held().is_empty() => {
                shapes.retain(shape);
                return entries.append_held(id, shape, shapes, tables);
            }
            RouteRequest::Install(shape) | RouteRequest::Probe(shape) => (shape, RouteChange::Added),
            RouteRequest::Replace(shape) => (shape, RouteChange::Replaced),
            RouteRequest::Remove { metric } => {
                let meant = |shape: &_| tables.is_ours(table, shape) && shape.metric == metric;
                let is_wanted = matches!(entry.wish(), Wish::Path(_));
                entries.change_held(id, shapes, tables, |held, shapes| held.forget_first(shapes, meant));
                if !is_wanted {
                    // Had it another wish, a next hop inside its own prefix would be tried again for ever.
                    self.on_own_route_changed(prefix);
                }
                return;
            }
        };
        let shape = shapes.get(shape).clone();
        let ipv6 = Version::of(prefix) == Version::Ipv6;
        entries.change_held(id, shapes, tables, |held, shapes| held.follow(shapes, &shape, change, ipv6));
    }

    fn on_route_refused(&mut self, id: EntryId, request: RouteRequest, refusal: &Refusal) {
        let entry = self.entries.get(id);
        let known = entry.has_failed();
        let place = (entry.table, Version::of(entry.prefix));
        let shape = match request {
            RouteRequest::Remove { metric } if refusal.errno == ESRCH => {
                // The route was removed in between, and the message about that may be on its way.
                self.follow(id, RouteRequest::Remove { metric });
                self.entries.unsettle(id);
                return;
            }
            RouteRequest::Remove { .. } | RouteRequest::Probe(_) => {
                return self.fail(id, refusal.reason(), Verdict::Refused);
            }
            RouteRequest::Install(shape) | RouteRequest::Replace(shape) => shape,
        };
        // The next plan decides about the outdated route.
        self.entries.unsettle(id);
        if refusal.errno == EEXIST {
            // The mirror sees no obstacle. It does not cover objects and next hops.
            if !known {
                self.doubt();
            }
            return self.fail(id, refusal.reason(), Verdict::Refused);
        }
        match self.shapes.get(shape).target.clone() {
            // The refusal of the object has the better explanation.
            RouteTarget::Object(object) if !self.objects.is_held(object) => return,
            RouteTarget::Object(_) if !known => self.doubt_objects(),
            RouteTarget::Object(_) => {}
            RouteTarget::Hops(hops) => {
                if self.try_onlink(&hops) {
                    return;
                }
                let path = match self.entries.get(id).wish() {
                    Wish::Path(path) => Some(path),
                    Wish::Unknown | Wish::Nothing => None,
                };
                let probe = path.filter(|&path| self.paths.to_probe(path, place, &self.shapes).is_some());
                if let Some(path) = probe {
                    self.to_probe.push_back((id, path));
                    return self.fail(id, refusal.reason(), Verdict::Probing);
                }
            }
        }
        self.fail(id, refusal.reason(), Verdict::Refused);
    }

    /// Makes the kernel treat refused gateways as directly connected. Returns whether that changes any route.
    pub(crate) fn try_onlink(&mut self, refused: &[KernelHop]) -> bool {
        let mut changed = Vec::new();
        for hop in refused.iter().filter(|hop| !hop.onlink) {
            let (paths, mut workshop) = self.workshop();
            changed
                .extend(hop.gateway.into_iter().flat_map(|gateway| paths.set_onlink(gateway, &mut workshop)));
        }
        self.look_at_paths(&changed);
        !changed.is_empty()
    }

    /// Routes and groups then do without the object.
    fn on_object_refused(&mut self, object: u32, request: &ObjectRequest, refusal: &Refusal) {
        self.refused_objects.push_back((object, refusal.reason()));
        self.failures.note_refusal();
        match request {
            ObjectRequest::Remove | ObjectRequest::Replace(_) if refusal.errno == ENOENT => {
                let gone = self.objects.on_gone(object);
                self.on_objects_gone(&gone);
            }
            ObjectRequest::Remove => self.objects.on_removal_refused(object),
            ObjectRequest::Create(_) | ObjectRequest::Replace(_) => {
                if self.objects.on_refused(object, refusal) {
                    self.doubt_objects();
                }
            }
        }
    }

    pub(crate) fn fail(&mut self, id: EntryId, reason: String, verdict: Verdict) {
        self.entries.set_failed(id, true);
        self.failures.set(id, reason, verdict);
    }

    pub(crate) fn clear_failure(&mut self, id: EntryId) {
        if self.entries.get(id).has_failed() {
            self.entries.set_failed(id, false);
            self.failures.clear(id);
        }
    }
}
