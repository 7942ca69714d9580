//! The kernel's answers to requests.

use std::collections::HashMap;

use super::plan::EntryPlan;
use super::state::Mirror;
use crate::{
    index::{EntryId, ShapeId},
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
        Answers::to(self).handle(batch, refusals);
    }

    /// Notes that the outcome of a batch is unknown: its requests are made again unless the table shows that
    /// they were done.
    pub(crate) fn on_unanswered(&mut self, batch: &Batch) {
        Answers::to(self).on_unanswered(batch);
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
}

/// Applies the outcome of a batch.
pub(super) struct Answers<'a> {
    mirror: &'a mut Mirror,
}

impl<'a> Answers<'a> {
    pub(super) fn to(mirror: &'a mut Mirror) -> Self {
        Self { mirror }
    }

    /// Notes the outcome of a batch: every request that was not refused has been done.
    pub(super) fn handle(&mut self, batch: &Batch, refusals: &[Refusal]) {
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
                    let gone = self.mirror.objects.on_accepted(*object, request);
                    self.mirror.on_objects_gone(&gone);
                }
                (Request::Object(object, request), Some(refusal)) => {
                    self.on_object_refused(*object, request, refusal);
                }
            }
        }
        for (id, results) in probed {
            self.on_probed(id, &results);
        }
        self.mirror.flush_gone_objects();
        self.mirror.objects.due.begin_batch();
        self.mirror.settle_objects();
        self.let_go(batch);
    }

    /// Notes that the outcome of a batch is unknown: its requests are made again unless the table shows that
    /// they were done.
    pub(super) fn on_unanswered(&mut self, batch: &Batch) {
        self.mirror.objects.due.begin_batch();
        for request in batch.requests() {
            match request {
                Request::Route(id, _) => self.mirror.entries.unsettle(*id),
                Request::Object(number, _) => self.mirror.objects.due.add(*number),
            }
        }
        self.mirror.doubts.suspect_objects();
        self.let_go(batch);
    }

    fn let_go(&mut self, batch: &Batch) {
        for request in batch.requests() {
            if let Request::Route(_, request) = request {
                request.shape().into_iter().for_each(|shape| self.mirror.shapes.release(shape));
            }
        }
        self.mirror.forget_unused_objects();
    }

    fn on_route_accepted(&mut self, id: EntryId, request: RouteRequest) {
        self.follow(id, request);
        let entry = self.mirror.entries.get_mut(id);
        if !entry.touched {
            entry.touched = true;
            self.mirror.touched.push(id);
        }
        if self.mirror.entries.get(id).is_unsettled() {
            return;
        }
        let mut requests = Vec::new();
        let outlook = EntryPlan::of(id, self.mirror).requests(&mut requests);
        if requests.is_empty() {
            self.mirror.on_outlook(id, outlook);
        } else {
            self.mirror.entries.unsettle(id);
        }
    }

    /// Updates the mirror after a request that the kernel has done.
    fn follow(&mut self, id: EntryId, request: RouteRequest) {
        let Mirror { entries, shapes, tables, .. } = &mut *self.mirror;
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
                    self.mirror.on_own_route_changed(prefix);
                }
                return;
            }
        };
        let shape = shapes.get(shape).clone();
        let ipv6 = Version::of(prefix) == Version::Ipv6;
        entries.change_held(id, shapes, tables, |held, shapes| held.follow(shapes, &shape, change, ipv6));
    }

    fn on_route_refused(&mut self, id: EntryId, request: RouteRequest, refusal: &Refusal) {
        let entry = self.mirror.entries.get(id);
        let known = entry.has_failed();
        let place = (entry.table, Version::of(entry.prefix));
        let shape = match request {
            RouteRequest::Remove { metric } if refusal.errno == ESRCH => {
                // The route was removed in between, and the message about that may be on its way.
                self.follow(id, RouteRequest::Remove { metric });
                self.mirror.entries.unsettle(id);
                return;
            }
            RouteRequest::Remove { .. } | RouteRequest::Probe(_) => {
                return self.mirror.fail(id, refusal.reason(), Verdict::Refused);
            }
            RouteRequest::Install(shape) | RouteRequest::Replace(shape) => shape,
        };
        // The next plan decides about the outdated route.
        self.mirror.entries.unsettle(id);
        if refusal.errno == EEXIST {
            // The mirror sees no obstacle. It does not cover objects and next hops.
            if !known {
                self.mirror.doubts.on_contradiction();
            }
            return self.mirror.fail(id, refusal.reason(), Verdict::Refused);
        }
        match self.mirror.shapes.get(shape).target.clone() {
            // The refusal of the object has the better explanation.
            RouteTarget::Object(object) if !self.mirror.objects.held.contains(object) => return,
            RouteTarget::Object(_) if !known => self.mirror.doubts.on_object_contradiction(),
            RouteTarget::Object(_) => {}
            RouteTarget::Hops(hops) => {
                if self.try_onlink(&hops) {
                    return;
                }
                let path = match self.mirror.entries.get(id).wish() {
                    Wish::Path(path) => Some(path),
                    Wish::Unknown | Wish::Nothing => None,
                };
                let probe = path
                    .filter(|&path| self.mirror.paths.to_probe(path, place, &self.mirror.shapes).is_some());
                if let Some(path) = probe {
                    self.mirror.to_probe.push_back((id, path));
                    return self.mirror.fail(id, refusal.reason(), Verdict::Probing);
                }
            }
        }
        self.mirror.fail(id, refusal.reason(), Verdict::Refused);
    }

    /// Makes the kernel treat refused gateways as directly connected. Returns whether that changes any route.
    fn try_onlink(&mut self, refused: &[KernelHop]) -> bool {
        let mut changed = Vec::new();
        for hop in refused.iter().filter(|hop| !hop.onlink) {
            let (paths, mut workshop) = self.mirror.workshop();
            changed
                .extend(hop.gateway.into_iter().flat_map(|gateway| paths.set_onlink(gateway, &mut workshop)));
        }
        self.mirror.look_at_paths(&changed);
        !changed.is_empty()
    }

    /// Routes and groups then do without the object.
    fn on_object_refused(&mut self, object: u32, request: &ObjectRequest, refusal: &Refusal) {
        self.mirror.refused_objects.push_back((object, refusal.reason()));
        self.mirror.failures.note_refusal();
        match request {
            ObjectRequest::Remove | ObjectRequest::Replace(_) if refusal.errno == ENOENT => {
                let gone = self.mirror.objects.on_gone(object);
                self.mirror.on_objects_gone(&gone);
            }
            ObjectRequest::Remove => self.mirror.objects.on_removal_refused(object),
            ObjectRequest::Create(_) | ObjectRequest::Replace(_) => {
                if self.mirror.objects.on_refused(object, refusal) {
                    self.mirror.doubts.on_object_contradiction();
                }
            }
        }
    }

    /// Applies the results of probing the next hops of a refused route.
    fn on_probed(&mut self, id: EntryId, results: &[(ShapeId, Option<&Refusal>)]) {
        let entry = self.mirror.entries.get(id);
        let place = (entry.table, Version::of(entry.prefix));
        let Wish::Path(path) = entry.wish() else { return };
        let hops_of = |shape: ShapeId| match &self.mirror.shapes.get(shape).target {
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
        self.mirror.failures.note_refusal();
        let (paths, mut workshop) = self.mirror.workshop();
        if paths.on_probed(path, place, (good, all), &mut workshop) {
            self.mirror.look_at_paths(&[path]);
        } else {
            let concerned = |id| self.mirror.entries.get(id).wish() == Wish::Path(path);
            let ended = self.mirror.failures.end_probing_where(concerned);
            // The next plan decides about the outdated routes.
            ended.into_iter().for_each(|id| self.mirror.entries.unsettle(id));
        }
    }
}
