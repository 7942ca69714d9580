//! What is wanted, what must be asked of the kernel to get it, and what its answers mean.

use std::collections::{HashMap, HashSet};

use margay_forwarding::{Forwarding, ForwardingChange, NextHopLoss};

use super::{
    batch::{Batch, Request},
    entries::{Entry, EntryId, Wish},
    failures::Verdict,
    kernel_route::{KernelHop, RouteKind, RouteShape, RouteTarget, is_on_every_link},
    mirror::Mirror,
    netlink_socket::Refusal,
    notice::RouteChange,
    object_message::ObjectRequest,
    paths::{PathId, Workshop},
    protocol_name::protocol_name,
    resolver::Resolver,
    route_request::{RouteRequest, encode_new_route, encode_removal},
    route_shapes::ShapeId,
    version::Version,
};

/// How an entry stands once what was planned is done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Outlook {
    /// As wanted.
    Good,
    /// The kernel refused what is wanted, and the next chance has not come.
    Waiting,
    /// What is wanted cannot even be asked for.
    Blocked(String),
    /// What is wanted refers to this object, which the kernel does not hold yet.
    Awaits(u32),
}

impl Mirror {
    /// Takes over wishes of the Rib.
    pub(super) fn want(&mut self, changes: &[ForwardingChange]) {
        let prefixes = changes.iter().map(|change| change.prefix);
        let ours = &self.tables;
        self.entries.touch(prefixes.flat_map(|prefix| ours.ours().map(move |table| (table, prefix))));
        changes.iter().for_each(|change| self.want_one(change));
    }

    fn want_one(&mut self, change: &ForwardingChange) {
        let path = change.forwarding.as_ref().map(|forwarding| self.acquire_path(forwarding));
        for table in self.tables.ours() {
            let id = self.entries.find_or_insert(table, change.prefix);
            let entry = self.entries.get_mut(id);
            let former = std::mem::replace(&mut entry.wish, path.map_or(Wish::Nothing, Wish::Path));
            if let Some(path) = path {
                self.paths.retain(path);
            }
            self.clear_failure(id);
            self.entries.unsettle(id);
            if let Wish::Path(former) = former {
                self.release_path(former);
            }
        }
        if let Some(path) = path {
            self.release_path(path);
        }
    }

    /// Takes lost next hops out of the groups that have others: one message for each, before all the routes that refer to
    /// it are changed one by one.
    pub(super) fn on_next_hop_losses(&mut self, losses: &[NextHopLoss]) {
        let (paths, mut workshop) = self.workshop();
        for loss in losses {
            paths.set_lost(loss.next_hop, loss.lost, &mut workshop);
        }
    }

    /// From now on, routes and objects of ours that nobody asked for are removed.
    pub(super) fn sweep(&mut self) {
        self.sweeping = true;
        self.objects.sweep();
        let ours = self.tables.clone();
        self.entries.unsettle_where(|entry| {
            entry.wish == Wish::Unknown && ours.ours().any(|table| table == entry.table)
        });
    }

    /// Gives refused routes another chance.
    pub(super) fn retry(&mut self) {
        let (paths, mut workshop) = self.workshop();
        let changed = paths.reconsider_all(&mut workshop);
        self.look_at_paths(&changed);
        for id in self.failures.ids() {
            self.failures.allow_retry(id);
            self.entries.unsettle(id);
        }
    }

    /// Plans for objects and for up to `looks` entries, as far as the batch has room.
    pub(super) fn plan_batch(&mut self, batch: &mut Batch, looks: usize) {
        let mut objects_leave = false;
        self.objects.begin_batch();
        while !batch.is_full() {
            let Some((object, request)) = self.objects.poll_request(&self.shapes) else { break };
            objects_leave |= request == ObjectRequest::Remove;
            let protocol = self.options.protocol;
            batch.push(Request::Object(object, request.clone()), |sequence, out| {
                request.encode(object, protocol, sequence, out);
            });
        }
        if objects_leave {
            // They take routes along, which then need not be removed one by one.
            return;
        }
        self.plan_probes(batch, looks);
        let mut requests = Vec::new();
        for _ in 0..looks {
            if batch.is_full() {
                break;
            }
            let Some(id) = self.entries.poll_unsettled() else { break };
            let outlook = self.plan(self.entries.get(id), id, &mut requests);
            if requests.is_empty() {
                self.on_outlook(id, outlook);
            }
            for request in requests.drain(..) {
                self.push(batch, id, request);
            }
        }
    }

    /// What must be asked so that the kernel holds what is wanted at an entry.
    pub(super) fn plan(&self, entry: &Entry, id: EntryId, requests: &mut Vec<RouteRequest>) -> Outlook {
        let path = match entry.wish {
            Wish::Path(_) if is_on_every_link(entry.prefix) => {
                return Outlook::Blocked("every link has routes of its own there".to_owned());
            }
            Wish::Unknown if !self.sweeping => return Outlook::Good,
            Wish::Unknown | Wish::Nothing => {
                self.plan_removal(entry, |_| true, requests);
                return Outlook::Good;
            }
            Wish::Path(path) => path,
        };
        let wanted = match self.paths.shape(path, entry.table, entry.prefix) {
            Ok(wanted) => wanted,
            Err(reason) => {
                self.plan_removal(entry, |_| true, requests);
                return Outlook::Blocked(reason.to_owned());
            }
        };
        match *entry.held.as_slice() {
            [held] if held == wanted => Outlook::Good,
            [] => match self.obstacle(id, wanted) {
                Some(obstacle) => obstacle,
                None => {
                    requests.push(RouteRequest::Install(wanted));
                    Outlook::Good
                }
            },
            [..] => self.plan_among_others(entry, id, (path, wanted), requests),
        }
    }

    /// Why a wanted route is not asked for now.
    fn obstacle(&self, id: EntryId, wanted: ShapeId) -> Option<Outlook> {
        if self.failures.is_refused(id) {
            return Some(Outlook::Waiting);
        }
        match self.shapes.get(wanted).target {
            RouteTarget::Object(object) if !self.objects.is_there(object) => Some(Outlook::Awaits(object)),
            RouteTarget::Object(_) | RouteTarget::Hops(_) => None,
        }
    }

    /// A new route comes before outdated ones of other metrics go, so that packets always find one. While the new one
    /// cannot be had, one that leads to nothing but its next hops stays.
    fn plan_among_others(
        &self,
        entry: &Entry,
        id: EntryId,
        (path, wanted): (PathId, ShapeId),
        requests: &mut Vec<RouteRequest>,
    ) -> Outlook {
        let metric = self.shapes.get(wanted).metric;
        let at_metric = entry.held.as_slice().iter().filter(|&&held| self.shapes.get(held).metric == metric);
        let (ours, foreign): (Vec<ShapeId>, Vec<ShapeId>) =
            at_metric.partition(|&&held| self.tables.is_ours(entry.table, self.shapes.get(held)));
        let obstacle = self.obstacle(id, wanted);
        match (ours.as_slice(), foreign.first()) {
            ([held], _) if *held == wanted => self.plan_removal(entry, |other| other != metric, requests),
            ([], None) if obstacle.is_none() => requests.push(RouteRequest::Install(wanted)),
            ([_], None) if obstacle.is_none() => requests.push(RouteRequest::Replace(wanted)),
            // Outdated, or several of which the kernel would not tell which to replace.
            (_, None) => {
                let kept = self.serving_metric(entry, path);
                self.plan_removal(entry, |other| Some(other) != kept, requests);
                return obstacle.unwrap_or(Outlook::Waiting);
            }
            (_, Some(&foreign)) => {
                self.plan_removal(entry, |_| true, requests);
                return Outlook::Blocked(occupied(self.shapes.get(foreign).protocol));
            }
        }
        Outlook::Good
    }

    /// The metric of a route of ours that leads to nothing but next hops of the path, if it alone has that metric.
    fn serving_metric(&self, entry: &Entry, path: PathId) -> Option<u32> {
        let hops: Vec<KernelHop> = self.paths.kernel_hops(path).collect();
        let resolver = self.resolver();
        let held = || entry.held.as_slice().iter().map(|&held| self.shapes.get(held));
        let serves = |shape: &&RouteShape| {
            let led_to = resolver.shape_hops(shape);
            shape.kind == RouteKind::UNICAST
                && self.tables.is_ours(entry.table, shape)
                && !led_to.is_empty()
                && led_to.iter().all(|to| hops.iter().any(|hop| hop.is_at(to)))
        };
        let metric = held().find(serves)?.metric;
        (held().filter(|shape| shape.metric == metric).count() == 1).then_some(metric)
    }

    fn plan_removal(&self, entry: &Entry, which: impl Fn(u32) -> bool, requests: &mut Vec<RouteRequest>) {
        for &held in entry.held.as_slice() {
            let shape = self.shapes.get(held);
            let removal = RouteRequest::Remove { metric: shape.metric };
            if self.tables.is_ours(entry.table, shape) && which(shape.metric) && !requests.contains(&removal)
            {
                requests.push(removal);
            }
        }
    }

    /// Notes how an entry stands at which nothing has to be asked.
    fn on_outlook(&mut self, id: EntryId, outlook: Outlook) {
        match outlook {
            Outlook::Good => self.clear_failure(id),
            Outlook::Waiting => {}
            Outlook::Awaits(object) => self.objects.wait_for(object),
            Outlook::Blocked(reason) => self.fail(id, reason, Verdict::Blocked),
        }
        self.entries.remove_if_unused(id);
    }

    /// The batch keeps the shape of the route until the answers are noted, whatever becomes of its path meanwhile.
    fn push(&mut self, batch: &mut Batch, id: EntryId, request: RouteRequest) {
        if let Some(shape) = request.shape() {
            self.shapes.retain(shape);
        }
        let entry = self.entries.get(id);
        let place = (self.tables.number(entry.table), entry.prefix);
        batch.push(Request::Route(id, request), |sequence, out| match request {
            RouteRequest::Install(shape) | RouteRequest::Probe(shape) => {
                encode_new_route(out, sequence, place, self.shapes.get(shape), false)
            }
            RouteRequest::Replace(shape) => {
                encode_new_route(out, sequence, place, self.shapes.get(shape), true)
            }
            RouteRequest::Remove { metric } => {
                encode_removal(out, sequence, place, self.options.protocol, metric);
            }
        });
    }

    /// Notes what came of a batch: everything that was not refused was done.
    pub(super) fn on_answers(&mut self, batch: &Batch, refusals: &[Refusal]) {
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

    /// Notes that nobody knows what came of a batch: all of it is asked for again unless the table shows that it is done.
    pub(super) fn on_unanswered(&mut self, batch: &Batch) {
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

    /// What is heard from now on is younger than what was asked.
    pub(super) fn untouch(&mut self) {
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

    fn on_route_accepted(&mut self, id: EntryId, request: RouteRequest) {
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

    /// The kernel did what it was asked: the mirror follows.
    fn follow(&mut self, id: EntryId, request: RouteRequest) {
        let Self { entries, shapes, tables, .. } = self;
        let entry = entries.get_mut(id);
        let prefix = entry.prefix;
        let (shape, change) = match request {
            RouteRequest::Install(shape) | RouteRequest::Probe(shape) if entry.held.as_slice().is_empty() => {
                shapes.retain(shape);
                entry.held.append(shape);
                return self.on_own_route_changed(prefix);
            }
            RouteRequest::Install(shape) | RouteRequest::Probe(shape) => (shape, RouteChange::Added),
            RouteRequest::Replace(shape) => (shape, RouteChange::Replaced),
            RouteRequest::Remove { metric } => {
                let table = entry.table;
                let meant = |shape: &_| tables.is_ours(table, shape) && shape.metric == metric;
                entry.held.forget_first(shapes, meant);
                return self.on_own_route_changed(prefix);
            }
        };
        let shape = shapes.get(shape).clone();
        entry.held.follow(shapes, &shape, change, Version::of(entry.prefix) == Version::Ipv6);
        self.on_own_route_changed(prefix);
    }

    fn on_route_refused(&mut self, id: EntryId, request: RouteRequest, refusal: &Refusal) {
        let entry = self.entries.get(id);
        let known = entry.failed;
        let place = (entry.table, Version::of(entry.prefix));
        let shape = match request {
            RouteRequest::Remove { metric } if refusal.errno == libc::ESRCH => {
                // It went in between, and the message that says so may be under way.
                self.follow(id, RouteRequest::Remove { metric });
                self.entries.unsettle(id);
                return;
            }
            RouteRequest::Remove { .. } | RouteRequest::Probe(_) => {
                return self.fail(id, refusal.reason(), Verdict::Refused);
            }
            RouteRequest::Install(shape) | RouteRequest::Replace(shape) => shape,
        };
        // What is to become of the outdated route is for the next plan to say.
        self.entries.unsettle(id);
        if refusal.errno == libc::EEXIST && !known {
            // Where the mirror sees nothing.
            self.doubt();
        }
        match self.shapes.get(shape).target.clone() {
            // The refusal of the object says more.
            RouteTarget::Object(object) if !self.objects.is_held(object) => return,
            RouteTarget::Object(_) if !known => self.doubt_objects(),
            RouteTarget::Object(_) => {}
            RouteTarget::Hops(hops) => {
                if self.try_onlink(&hops) {
                    return;
                }
                let path = match self.entries.get(id).wish {
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

    /// Has the kernel take gateways for attached that it refused. Answers whether that makes a difference.
    fn try_onlink(&mut self, refused: &[KernelHop]) -> bool {
        let mut changed = Vec::new();
        for hop in refused.iter().filter(|hop| !hop.onlink) {
            let (paths, mut workshop) = self.workshop();
            changed
                .extend(hop.gateway.into_iter().flat_map(|gateway| paths.set_onlink(gateway, &mut workshop)));
        }
        self.look_at_paths(&changed);
        !changed.is_empty()
    }

    /// Asks for refused routes with each of their next hops alone. The kernel looks at the next hop first: where there is a
    /// route already, the answer is that it exists if the next hop is good.
    fn plan_probes(&mut self, batch: &mut Batch, looks: usize) {
        let mut done = HashSet::new();
        for _ in 0..looks.min(self.to_probe.len()) {
            if batch.is_full() {
                return;
            }
            let Some((id, path)) = self.to_probe.pop_front() else { return };
            let Some(entry) = self.entries.find_in_use(id).filter(|entry| entry.wish == Wish::Path(path))
            else {
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

    /// Draws the consequences of what came of the next hops of a refused route one by one.
    fn on_probed(&mut self, id: EntryId, results: &[(ShapeId, Option<&Refusal>)]) {
        let entry = self.entries.get(id);
        let place = (entry.table, Version::of(entry.prefix));
        let Wish::Path(path) = entry.wish else { return };
        let hops_of = |shape: ShapeId| match &self.shapes.get(shape).target {
            RouteTarget::Hops(hops) => hops.clone(),
            RouteTarget::Object(_) => Vec::new(),
        };
        let is_good =
            |refusal: &Option<&Refusal>| refusal.is_none_or(|refusal| refusal.errno == libc::EEXIST);
        let (good, bad): (Vec<_>, Vec<_>) = results.iter().partition(|(_, refusal)| is_good(refusal));
        let bad: Vec<KernelHop> = bad.iter().flat_map(|(shape, _)| hops_of(*shape)).collect();
        let good: Vec<KernelHop> = good.iter().flat_map(|(shape, _)| hops_of(*shape)).collect();
        if self.try_onlink(&bad) {
            return;
        }
        for hop in &bad {
            tracing::debug!(
                ?hop,
                "the kernel refuses a next hop: routes do without it where they have another"
            );
        }
        let all = bad.is_empty();
        let (paths, mut workshop) = self.workshop();
        if paths.on_probed(path, place, (good, all), &mut workshop) {
            self.look_at_paths(&[path]);
        } else {
            let concerned = |id| self.entries.get(id).wish == Wish::Path(path);
            self.failures.end_probing_where(concerned);
        }
    }

    /// Routes and groups do without it then.
    fn on_object_refused(&mut self, object: u32, request: &ObjectRequest, refusal: &Refusal) {
        tracing::debug!(object, reason = refusal.reason(), "the kernel refused a next hop object");
        self.failures.note_refusal();
        match request {
            ObjectRequest::Remove if refusal.errno == libc::ENOENT => {
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

    fn acquire_path(&mut self, forwarding: &Forwarding) -> PathId {
        let Self { options, tables, entries, shapes, objects, links, paths, with_objects, .. } = self;
        if let Some(path) = paths.find(forwarding) {
            paths.retain(path);
            return path;
        }
        let resolved = {
            let resolver = Resolver { options, tables, entries, shapes, objects, links };
            paths
                .unknown_next_hops(forwarding)
                .map(|next_hop| (next_hop, resolver.resolve(next_hop)))
                .collect()
        };
        let mut workshop = Workshop { options, tables, shapes, objects, with_objects: *with_objects };
        paths.insert(forwarding, &mut workshop, resolved)
    }

    fn release_path(&mut self, path: PathId) {
        let (paths, mut workshop) = self.workshop();
        paths.release(path, &mut workshop);
    }

    fn fail(&mut self, id: EntryId, reason: String, verdict: Verdict) {
        self.entries.get_mut(id).failed = true;
        self.failures.set(id, reason, verdict);
    }

    fn clear_failure(&mut self, id: EntryId) {
        let entry = self.entries.get_mut(id);
        if std::mem::take(&mut entry.failed) {
            self.failures.clear(id);
        }
    }
}

fn occupied(protocol: u8) -> String {
    match protocol_name(protocol) {
        Some(name) => format!("another route of protocol {protocol} ({name}) holds this prefix and metric"),
        None => format!("another route of protocol {protocol} holds this prefix and metric"),
    }
}
