//! What is wanted, what must be asked of the kernel to get it, and what its answers mean.

use margay_rib::{Forwarding, ForwardingChange, NextHopLoss};

use super::{
    batch::{Batch, Request},
    entries::{Entry, EntryId, Wish},
    failures::Verdict,
    kernel_route::is_on_every_link,
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
        for id in self.failures.ids() {
            self.failures.allow_retry(id);
            self.entries.unsettle(id);
        }
    }

    /// Plans for objects and for up to `looks` entries, as far as the batch has room.
    pub(super) fn plan_batch(&mut self, batch: &mut Batch, looks: usize) {
        let mut objects_leave = false;
        for (object, request) in self.objects.plan(&self.shapes) {
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
        let wanted = match self.paths.shape(path, entry.prefix) {
            Ok(wanted) => wanted,
            Err(reason) => {
                self.plan_removal(entry, |_| true, requests);
                return Outlook::Blocked(reason.to_owned());
            }
        };
        match *entry.held.as_slice() {
            [held] if held == wanted => Outlook::Good,
            [] if !self.failures.is_refused(id) => {
                requests.push(RouteRequest::Install(wanted));
                Outlook::Good
            }
            [] => Outlook::Waiting,
            [..] => self.plan_among_others(entry, id, wanted, requests),
        }
    }

    /// A new route comes before outdated ones of other metrics go, so that packets always find one.
    fn plan_among_others(
        &self,
        entry: &Entry,
        id: EntryId,
        wanted: ShapeId,
        requests: &mut Vec<RouteRequest>,
    ) -> Outlook {
        let metric = self.shapes.get(wanted).metric;
        let at_metric = entry.held.as_slice().iter().filter(|&&held| self.shapes.get(held).metric == metric);
        let (ours, foreign): (Vec<ShapeId>, Vec<ShapeId>) =
            at_metric.partition(|&&held| self.tables.is_ours(entry.table, self.shapes.get(held)));
        let refused = self.failures.is_refused(id);
        match (ours.as_slice(), foreign.first()) {
            ([held], _) if *held == wanted => self.plan_removal(entry, |other| other != metric, requests),
            ([], None) if !refused => requests.push(RouteRequest::Install(wanted)),
            ([_], None) if !refused => requests.push(RouteRequest::Replace(wanted)),
            // Outdated, or several of which the kernel would not tell which to replace.
            (_, None) => {
                self.plan_removal(entry, |_| true, requests);
                return Outlook::Waiting;
            }
            (_, Some(&foreign)) => {
                self.plan_removal(entry, |_| true, requests);
                return Outlook::Blocked(occupied(self.shapes.get(foreign).protocol));
            }
        }
        Outlook::Good
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
            Outlook::Blocked(reason) => self.fail(id, reason, Verdict::Blocked),
        }
        self.entries.remove_if_unused(id);
    }

    /// The batch keeps the shape of the route until the answers are noted, whatever becomes of its path meanwhile.
    fn push(&mut self, batch: &mut Batch, id: EntryId, request: RouteRequest) {
        if let RouteRequest::Install(shape) | RouteRequest::Replace(shape) = request {
            self.shapes.retain(shape);
        }
        let entry = self.entries.get(id);
        let place = (self.tables.number(entry.table), entry.prefix);
        batch.push(Request::Route(id, request), |sequence, out| match request {
            RouteRequest::Install(shape) => {
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
        for (request, refusal) in batch.requests().iter().zip(refused) {
            match (request, refusal) {
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
        self.let_go(batch);
    }

    /// Notes that nobody knows what came of a batch: the table itself tells.
    pub(super) fn let_go(&mut self, batch: &Batch) {
        for request in batch.requests() {
            if let Request::Route(_, RouteRequest::Install(shape) | RouteRequest::Replace(shape)) = request {
                self.shapes.release(*shape);
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
        let (shape, change) = match request {
            RouteRequest::Install(shape) if entry.held.as_slice().is_empty() => {
                shapes.retain(shape);
                entry.held.append(shape);
                return;
            }
            RouteRequest::Install(shape) => (shape, RouteChange::Added),
            RouteRequest::Replace(shape) => (shape, RouteChange::Replaced),
            RouteRequest::Remove { metric } => {
                let table = entry.table;
                let meant = |shape: &_| tables.is_ours(table, shape) && shape.metric == metric;
                entry.held.forget_first(shapes, meant);
                return;
            }
        };
        let shape = shapes.get(shape).clone();
        entry.held.follow(shapes, &shape, change, Version::of(entry.prefix) == Version::Ipv6);
    }

    fn on_route_refused(&mut self, id: EntryId, request: RouteRequest, refusal: &Refusal) {
        match request {
            RouteRequest::Remove { metric } if refusal.errno == ESRCH => {
                // It went in between, and the message that says so may be under way.
                self.follow(id, RouteRequest::Remove { metric });
                self.entries.unsettle(id);
            }
            RouteRequest::Install(_) | RouteRequest::Remove { .. } => {
                self.fail(id, refusal.reason(), Verdict::Refused);
            }
            RouteRequest::Replace(_) => {
                self.fail(id, refusal.reason(), Verdict::Refused);
                self.entries.unsettle(id);
            }
        }
    }

    /// Routes over the next hop name it themselves then.
    fn on_object_refused(&mut self, object: u32, request: &ObjectRequest, refusal: &Refusal) {
        tracing::debug!(object, reason = refusal.reason(), "the kernel refused a next hop object");
        if *request == ObjectRequest::Remove {
            let gone = self.objects.on_gone(object);
            self.on_objects_gone(&gone);
            return;
        }
        let (paths, mut workshop) = self.workshop();
        let changed = paths.on_object_refused(object, &mut workshop);
        self.look_at_paths(&changed);
    }

    fn acquire_path(&mut self, forwarding: &Forwarding) -> PathId {
        let Self { options, tables, entries, shapes, objects, links, paths, with_objects, .. } = self;
        if let Some(path) = paths.find(forwarding) {
            paths.retain(path);
            return path;
        }
        let resolved = {
            let resolver = Resolver { options, tables, entries, shapes, objects, links };
            paths.unknown_next_hops(forwarding).map(|next_hop| (next_hop, resolver.hops(next_hop))).collect()
        };
        let mut workshop = Workshop { options, shapes, objects, with_objects: *with_objects };
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

/// "No such process" is what the kernel says when the route to be removed is not there.
const ESRCH: i32 = 3;
