//! Requests that are needed to reach what is wanted.

use crate::{
    index::{EntryId, PathId, ShapeId},
    mirror::Mirror,
    netlink::{
        Batch, KernelHop, ObjectRequest, Request, RouteKind, RouteRequest, RouteShape, RouteTarget,
        encode_new_route, encode_removal, is_on_every_link, protocol_name,
    },
    table::{Entry, Verdict, Wish},
};

/// State of an entry after the planned requests.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Outlook {
    /// As wanted.
    Good,
    /// Refused by the kernel, and not yet due to be tried again.
    Waiting,
    /// Cannot be requested, for this reason.
    Blocked(String),
    /// Waits for this object, which the kernel does not hold yet.
    Awaits(u32),
}

impl Mirror {
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

    /// Plans requests for objects and for up to `looks` entries, as far as the batch has room.
    pub(crate) fn plan_batch(&mut self, batch: &mut Batch, looks: usize) {
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
            // Their removal also removes routes, which then need no request of their own.
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

    /// Plans the requests by which the kernel will hold what is wanted at an entry.
    pub(crate) fn plan(&self, entry: &Entry, id: EntryId, requests: &mut Vec<RouteRequest>) -> Outlook {
        let path = match entry.wish() {
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
        match *entry.held() {
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

    /// Why a wanted route cannot be requested now.
    fn obstacle(&self, id: EntryId, wanted: ShapeId) -> Option<Outlook> {
        if self.failures.is_refused(id) {
            return Some(Outlook::Waiting);
        }
        match self.shapes.get(wanted).target {
            RouteTarget::Object(object) if !self.objects.is_there(object) => Some(Outlook::Awaits(object)),
            RouteTarget::Object(_) | RouteTarget::Hops(_) => None,
        }
    }

    /// A new route is installed before outdated ones of other metrics are removed, so that packets always
    /// find a route. While the new one cannot be installed, a former one over nothing but its next hops
    /// stays.
    fn plan_among_others(
        &self,
        entry: &Entry,
        id: EntryId,
        (path, wanted): (PathId, ShapeId),
        requests: &mut Vec<RouteRequest>,
    ) -> Outlook {
        let metric = self.shapes.get(wanted).metric;
        let at_metric = entry.held().iter().filter(|&&held| self.shapes.get(held).metric == metric);
        let (ours, foreign): (Vec<ShapeId>, Vec<ShapeId>) =
            at_metric.partition(|&&held| self.tables.is_ours(entry.table, self.shapes.get(held)));
        let obstacle = self.obstacle(id, wanted);
        match (ours.as_slice(), foreign.first()) {
            ([held], _) if *held == wanted => self.plan_removal(entry, |other| other != metric, requests),
            ([], None) if obstacle.is_none() => requests.push(RouteRequest::Install(wanted)),
            ([_], None) if obstacle.is_none() => requests.push(RouteRequest::Replace(wanted)),
            // Outdated; or several, of which the kernel may replace any.
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

    /// The metric of an own route over nothing but next hops of the path, if no other route has that metric.
    fn serving_metric(&self, entry: &Entry, path: PathId) -> Option<u32> {
        let hops: Vec<KernelHop> = self.paths.kernel_hops(path).collect();
        let resolver = self.resolver();
        let held = || entry.held().iter().map(|&held| self.shapes.get(held));
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
        for &held in entry.held() {
            let shape = self.shapes.get(held);
            let removal = RouteRequest::Remove { metric: shape.metric };
            if self.tables.is_ours(entry.table, shape) && which(shape.metric) && !requests.contains(&removal)
            {
                requests.push(removal);
            }
        }
    }

    /// Notes the state of an entry that needs no request.
    pub(crate) fn on_outlook(&mut self, id: EntryId, outlook: Outlook) {
        match outlook {
            Outlook::Good => self.clear_failure(id),
            Outlook::Waiting => {}
            Outlook::Awaits(object) => {
                self.objects.wait_for(object);
                self.entries.set_awaiting(id);
            }
            Outlook::Blocked(reason) => self.fail(id, reason, Verdict::Blocked),
        }
        self.entries.remove_if_unused(id);
    }

    /// The batch keeps a reference to the shape until the answers are handled, whatever happens to its path
    /// meanwhile.
    pub(crate) fn push(&mut self, batch: &mut Batch, id: EntryId, request: RouteRequest) {
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
}

fn occupied(protocol: u8) -> String {
    match protocol_name(protocol) {
        Some(name) => format!("another route of protocol {protocol} ({name}) holds this prefix and metric"),
        None => format!("another route of protocol {protocol} holds this prefix and metric"),
    }
}
