//! The requests that an entry needs to become what is wanted.

use super::state::Mirror;
use crate::{
    index::{EntryId, PathId, ShapeId},
    netlink::{KernelHop, RouteKind, RouteRequest, RouteShape, RouteTarget, is_on_every_link, protocol_name},
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
}

/// Compares what is wanted at an entry with what the kernel holds there.
pub(super) struct EntryPlan<'a> {
    mirror: &'a Mirror,
    entry: &'a Entry,
    id: EntryId,
}

impl<'a> EntryPlan<'a> {
    pub(super) fn of(id: EntryId, mirror: &'a Mirror) -> Self {
        Self { mirror, entry: mirror.entries.get(id), id }
    }

    /// Plans the requests by which the kernel will hold what is wanted at an entry.
    pub(super) fn requests(&self, requests: &mut Vec<RouteRequest>) -> Outlook {
        let Self { mirror, entry, .. } = *self;
        let path = match entry.wish() {
            Wish::Path(_) if is_on_every_link(entry.prefix) => {
                return Outlook::Blocked("every link has routes of its own there".to_owned());
            }
            Wish::Unknown if !mirror.sweeping => return Outlook::Good,
            Wish::Unknown | Wish::Nothing => {
                self.remove(|_| true, requests);
                return Outlook::Good;
            }
            Wish::Path(path) => path,
        };
        let wanted = match mirror.paths.shape(path, entry.table, entry.prefix) {
            Ok(wanted) => wanted,
            Err(reason) => {
                self.remove(|_| true, requests);
                return Outlook::Blocked(reason.to_owned());
            }
        };
        match *entry.held() {
            [held] if held == wanted => Outlook::Good,
            [] => match self.obstacle(wanted) {
                Some(obstacle) => obstacle,
                None => {
                    requests.push(RouteRequest::Install(wanted));
                    Outlook::Good
                }
            },
            [..] => self.among_others((path, wanted), requests),
        }
    }

    /// Why a wanted route cannot be requested now.
    fn obstacle(&self, wanted: ShapeId) -> Option<Outlook> {
        if self.mirror.failures.is_refused(self.id) {
            return Some(Outlook::Waiting);
        }
        match self.mirror.shapes.get(wanted).target {
            RouteTarget::Object(object) if !self.mirror.objects.is_there(object) => {
                Some(Outlook::Awaits(object))
            }
            RouteTarget::Object(_) | RouteTarget::Hops(_) => None,
        }
    }

    /// Whether the kernel's next answers say if a wanted route can be requested.
    fn is_open(&self, obstacle: Option<&Outlook>) -> bool {
        match obstacle {
            Some(Outlook::Awaits(_)) => true,
            Some(Outlook::Waiting) => self.mirror.failures.is_probing(self.id),
            Some(Outlook::Good | Outlook::Blocked(_)) | None => false,
        }
    }

    /// A new route is installed before outdated ones of other metrics are removed, so that packets always
    /// find a route. While the new one cannot be installed, a former one over nothing but its next hops
    /// stays.
    fn among_others(&self, (path, wanted): (PathId, ShapeId), requests: &mut Vec<RouteRequest>) -> Outlook {
        let Self { mirror, entry, .. } = *self;
        let metric = mirror.shapes.get(wanted).metric;
        let at_metric = entry.held().iter().filter(|&&held| mirror.shapes.get(held).metric == metric);
        let (ours, foreign): (Vec<ShapeId>, Vec<ShapeId>) =
            at_metric.partition(|&&held| mirror.tables.is_ours(entry.table, mirror.shapes.get(held)));
        let obstacle = self.obstacle(wanted);
        match (ours.as_slice(), foreign.first()) {
            ([held], _) if *held == wanted => self.remove(|other| other != metric, requests),
            ([], None) if obstacle.is_none() => requests.push(RouteRequest::Install(wanted)),
            ([_], None) if obstacle.is_none() => requests.push(RouteRequest::Replace(wanted)),
            // What becomes of it is known in a moment: packets need a route until then.
            (_, None) if self.is_open(obstacle.as_ref()) => return obstacle.unwrap_or(Outlook::Waiting),
            // Outdated; or several, of which the kernel may replace any.
            (_, None) => {
                let kept = self.serving_metric(path);
                self.remove(|other| Some(other) != kept, requests);
                return obstacle.unwrap_or(Outlook::Waiting);
            }
            (_, Some(&foreign)) => {
                self.remove(|_| true, requests);
                return Outlook::Blocked(occupied(mirror.shapes.get(foreign).protocol));
            }
        }
        Outlook::Good
    }

    /// The metric of an own route over nothing but next hops of the path, if no other route has that metric.
    fn serving_metric(&self, path: PathId) -> Option<u32> {
        let Self { mirror, entry, .. } = *self;
        let hops: Vec<KernelHop> = mirror.paths.kernel_hops(path).collect();
        let resolver = mirror.resolver();
        let held = || entry.held().iter().map(|&held| mirror.shapes.get(held));
        let serves = |shape: &&RouteShape| {
            let led_to = resolver.shape_hops(shape);
            shape.kind == RouteKind::UNICAST
                && mirror.tables.is_ours(entry.table, shape)
                && !led_to.is_empty()
                && led_to.iter().all(|to| hops.iter().any(|hop| hop.is_at(to)))
        };
        let metric = held().find(serves)?.metric;
        (held().filter(|shape| shape.metric == metric).count() == 1).then_some(metric)
    }

    fn remove(&self, which: impl Fn(u32) -> bool, requests: &mut Vec<RouteRequest>) {
        let Self { mirror, entry, .. } = *self;
        for &held in entry.held() {
            let shape = mirror.shapes.get(held);
            let removal = RouteRequest::Remove { metric: shape.metric };
            if mirror.tables.is_ours(entry.table, shape)
                && which(shape.metric)
                && !requests.contains(&removal)
            {
                requests.push(removal);
            }
        }
    }
}

fn occupied(protocol: u8) -> String {
    match protocol_name(protocol) {
        Some(name) => format!("another route of protocol {protocol} ({name}) holds this prefix and metric"),
        None => format!("another route of protocol {protocol} holds this prefix and metric"),
    }
}
