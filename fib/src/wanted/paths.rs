//! The forwardings that the Rib wants, and their form in the kernel.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use bgp_codec::{NextHop, Prefix};
use foldhash::fast::RandomState;
use margay_containers::Slots;
use margay_forwarding::{Discard, Forwarding, Hop, Target, WeightedHop};

use super::tracked_hops::{Means, TrackedHop, TrackedHops};
use super::workshop::{HOPS_MAX, Workshop};
use crate::{
    FibOptions,
    index::{PathId, ShapeId},
    netlink::{KernelHop, RouteKind, RouteShape, RouteTarget},
    table::RouteShapes,
    version::Version,
    wanted::{ObjectLedger, ObjectMeaning, Resolution},
};

/// See the [module](self).
#[derive(Default)]
pub(crate) struct Paths {
    slots: Slots<Path>,
    /// Looked up for each route that is wanted.
    by_forwarding: HashMap<Forwarding, PathId, RandomState>,
    pub(crate) next_hops: TrackedHops,
    /// The paths whose next hops were probed one by one.
    probed: BTreeSet<PathId>,
}

/// One forwarding, for every prefix that has it.
struct Path {
    forwarding: Forwarding,
    /// Number of entries that want it.
    users: u32,
    /// The object that routes refer to, unless the kernel refuses it.
    object: Option<u32>,
    /// The next hops that the kernel accepts, by table and version, where it refused all of them together.
    narrowed: BTreeMap<(u8, Version), Vec<KernelHop>>,
    /// Where its next hops have been probed one by one.
    probed: BTreeSet<(u8, Version)>,
    /// For each of our tables, the route of an IPv4 and of an IPv6 prefix, or the reason why there is none.
    shapes: Vec<[Result<ShapeId, String>; 2]>,
}

impl Paths {
    /// The path of a forwarding that is wanted already.
    pub(crate) fn find(&self, forwarding: &Forwarding) -> Option<PathId> {
        self.by_forwarding.get(forwarding).copied()
    }

    /// The next hops of a forwarding that no path leads over so far.
    pub(crate) fn unknown_next_hops(&self, forwarding: &Forwarding) -> impl Iterator<Item = Hop> {
        let next_hops = weighted_hops(forwarding).iter().map(|hop| hop.hop);
        next_hops.filter(|&next_hop| self.next_hops.get(next_hop).is_none())
    }

    /// Adds the path of a new forwarding, with one user. `resolved` holds the resolution of its unknown next
    /// hops.
    pub(crate) fn insert(
        &mut self,
        forwarding: &Forwarding,
        workshop: &mut Workshop<'_>,
        mut resolved: HashMap<Hop, Resolution>,
    ) -> PathId {
        let path = Path {
            forwarding: forwarding.clone(),
            users: 1,
            object: None,
            narrowed: BTreeMap::new(),
            probed: BTreeSet::new(),
            shapes: Vec::new(),
        };
        let id = PathId(self.slots.insert(path));
        self.by_forwarding.insert(forwarding.clone(), id);
        for hop in weighted_hops(forwarding) {
            self.next_hops.add_path(hop.hop, id, workshop, resolved.remove(&hop.hop).unwrap_or_default());
        }
        self.make(id, workshop);
        id
    }

    pub(crate) fn retain(&mut self, id: PathId) {
        if let Some(path) = self.slots.get_mut(id.0) {
            path.users += 1;
        }
    }

    /// Gives back a user's share. A path without users is removed.
    pub(crate) fn release(&mut self, id: PathId, workshop: &mut Workshop<'_>) {
        let Some(path) = self.slots.get_mut(id.0) else { return };
        path.users -= 1;
        if path.users > 0 {
            return;
        }
        let Some(path) = self.slots.remove(id.0) else { return };
        self.probed.remove(&id);
        self.by_forwarding.remove(&path.forwarding);
        path.shapes.into_iter().flatten().flatten().for_each(|shape| workshop.shapes.release(shape));
        path.object.into_iter().for_each(|object| workshop.objects.release(object));
        for hop in weighted_hops(&path.forwarding) {
            self.next_hops.remove_path(hop.hop, id, workshop);
        }
    }

    /// The path's route for a prefix in one of our tables, or the reason why there is none.
    pub(crate) fn shape(&self, id: PathId, table: u8, prefix: Prefix) -> Result<ShapeId, &str> {
        let shapes = &self.path(id).shapes[usize::from(table)];
        shapes[Version::of(prefix).index()].as_ref().copied().map_err(String::as_str)
    }

    /// The next hops of the path at present, including those that the kernel refused.
    pub(crate) fn kernel_hops(&self, id: PathId) -> impl Iterator<Item = KernelHop> {
        let hops = weighted_hops(&self.path(id).forwarding).iter();
        hops.filter_map(|hop| self.next_hops.get(hop.hop)).flat_map(TrackedHop::kernel_hops)
    }

    /// Whether the path is in use.
    pub(crate) fn is_in_use(&self, id: PathId) -> bool {
        self.slots.get(id.0).is_some()
    }

    pub(crate) fn forwarding(&self, id: PathId) -> &Forwarding {
        &self.path(id).forwarding
    }

    /// Sets the resolution of a next hop. Returns the paths whose routes changed.
    pub(crate) fn on_resolved(
        &mut self,
        next_hop: Hop,
        resolution: Resolution,
        workshop: &mut Workshop<'_>,
    ) -> Vec<PathId> {
        let tracked = self.next_hops.get_mut(next_hop);
        let Some(tracked) = tracked.filter(|tracked| tracked.resolution != resolution) else {
            return self.reconsider(next_hop, workshop).1;
        };
        tracked.resolution = resolution;
        tracked.onlink = false;
        self.remake(next_hop, workshop)
    }

    /// Retries a refused next hop. Returns the paths over it, and those of them whose routes changed.
    pub(crate) fn reconsider(
        &mut self,
        next_hop: Hop,
        workshop: &mut Workshop<'_>,
    ) -> (Vec<PathId>, Vec<PathId>) {
        let Some(tracked) = self.next_hops.get(next_hop) else { return Default::default() };
        tracked.objects.iter().for_each(|&object| workshop.objects.retry_one(object));
        let paths: Vec<PathId> = tracked.paths.iter().copied().collect();
        let changed = paths.iter().copied().filter(|&id| self.widen(id, workshop)).collect();
        (paths, changed)
    }

    /// As [`reconsider`](Self::reconsider), for all next hops. Returns the paths whose routes changed.
    pub(crate) fn reconsider_all(&mut self, workshop: &mut Workshop<'_>) -> Vec<PathId> {
        workshop.objects.retry();
        let probed = std::mem::take(&mut self.probed);
        probed.into_iter().filter(|&id| self.widen(id, workshop)).collect()
    }

    /// Whether routes leave out next hops that the kernel refused.
    pub(crate) fn has_narrowed(&self) -> bool {
        !self.probed.is_empty()
    }

    /// The next hops of a path to be probed one by one, after the kernel refused all of them together. `None`
    /// if there is only one, or if they have been probed.
    pub(crate) fn to_probe(
        &self,
        id: PathId,
        place: (u8, Version),
        shapes: &RouteShapes,
    ) -> Option<Vec<RouteShape>> {
        let path = self.path(id);
        let shape = path.shapes[usize::from(place.0)][place.1.index()].as_ref().ok()?;
        let shape = shapes.get(*shape);
        let RouteTarget::Hops(hops) = &shape.target else { return None };
        if hops.len() < 2 || path.probed.contains(&place) {
            return None;
        }
        let alone = |hop: &KernelHop| {
            let target = RouteTarget::Hops(vec![KernelHop { weight: 1, ..*hop }]);
            RouteShape { target, ..shape.clone() }
        };
        Some(hops.iter().map(alone).collect())
    }

    /// Notes which next hops of a path the kernel accepts one by one, after refusing them together. Returns
    /// whether the path's routes changed.
    ///
    /// If it accepts each, the first one is used: some kernels do not support routes with several next hops.
    pub(crate) fn on_probed(
        &mut self,
        id: PathId,
        place: (u8, Version),
        (accepted, all): (Vec<KernelHop>, bool),
        workshop: &mut Workshop<'_>,
    ) -> bool {
        let Some(path) = self.slots.get_mut(id.0) else { return false };
        self.probed.insert(id);
        path.probed.insert(place);
        let hops = if all { accepted.into_iter().take(1).collect() } else { accepted };
        if hops.is_empty() {
            return false;
        }
        path.narrowed.insert(place, hops);
        self.make(id, workshop)
    }

    /// Restores all next hops of the path.
    fn widen(&mut self, id: PathId, workshop: &mut Workshop<'_>) -> bool {
        let Some(path) = self.slots.get_mut(id.0) else { return false };
        self.probed.remove(&id);
        path.probed.clear();
        if path.narrowed.is_empty() {
            return false;
        }
        path.narrowed.clear();
        self.make(id, workshop)
    }

    /// Notes that the kernel refused a gateway. If it is known to be directly connected, routes say so from now
    /// on. Returns the paths whose routes changed.
    pub(crate) fn set_onlink(&mut self, gateway: IpAddr, workshop: &mut Workshop<'_>) -> Vec<PathId> {
        let sharing = self.next_hops.at(gateway);
        let mut changed = Vec::new();
        for next_hop in sharing {
            if let Some(tracked) = self.next_hops.get_mut(next_hop)
                && !tracked.onlink
                && tracked.may_be_onlink(next_hop)
            {
                tracked.onlink = true;
                changed.extend(self.remake(next_hop, workshop));
            }
        }
        changed
    }

    /// Sets whether every route over a next hop is about to be removed. Groups change at once; each route is
    /// replaced in its turn. Returns the paths whose routes changed.
    pub(crate) fn set_lost(&mut self, next_hop: Hop, lost: bool, workshop: &mut Workshop<'_>) -> Vec<PathId> {
        let tracked = self.next_hops.get_mut(next_hop);
        let Some(tracked) = tracked.filter(|tracked| tracked.lost != lost) else { return Vec::new() };
        tracked.lost = lost;
        let paths = tracked.paths.clone();
        paths.into_iter().filter(|&id| self.make(id, workshop)).collect()
    }

    /// Handles the refusal of an object, or its acceptance after a refusal. Returns the paths whose routes
    /// changed, or which waited for the object.
    pub(crate) fn on_object_changed(&mut self, object: u32, workshop: &mut Workshop<'_>) -> Vec<PathId> {
        match workshop.objects.meaning(object).cloned() {
            None => Vec::new(),
            Some(ObjectMeaning::Hop(next_hop, _)) => {
                let tracked = self.next_hops.get_mut(next_hop);
                if let Some(tracked) =
                    tracked.filter(|tracked| !tracked.onlink && tracked.may_be_onlink(next_hop))
                    && !workshop.objects.is_usable(object)
                {
                    tracked.onlink = true;
                }
                let waiting = self.paths_of_object(next_hop, object);
                let mut changed = self.remake(next_hop, workshop);
                changed.extend(waiting);
                changed
            }
            Some(ObjectMeaning::Group(hops)) => {
                let Some(first) = hops.first() else { return Vec::new() };
                let paths = self.paths_of_object(first.hop, object);
                for &id in &paths {
                    self.make(id, workshop);
                }
                paths
            }
        }
    }

    /// Handles new numbers of objects. Returns the paths whose routes changed.
    pub(crate) fn on_objects_renumbered(
        &mut self,
        numbers: &[(u32, u32)],
        workshop: &mut Workshop<'_>,
    ) -> Vec<PathId> {
        let mut concerned = BTreeSet::new();
        for &numbers in numbers {
            concerned.extend(self.renumber(numbers, workshop.objects));
        }
        concerned.into_iter().filter(|&id| self.make(id, workshop)).collect()
    }

    /// Handles a new number of an object. Returns the paths that may refer to it.
    fn renumber(&mut self, (former, new): (u32, u32), objects: &ObjectLedger) -> BTreeSet<PathId> {
        let next_hop = match objects.meaning(new) {
            Some(ObjectMeaning::Hop(next_hop, _)) => Some(*next_hop),
            Some(ObjectMeaning::Group(hops)) => hops.first().map(|hop| hop.hop),
            None => None,
        };
        let Some(tracked) = next_hop.and_then(|next_hop| self.next_hops.get_mut(next_hop)) else {
            return BTreeSet::new();
        };
        if let Some(object) = tracked.objects.iter_mut().find(|object| **object == former) {
            *object = new;
        }
        let over = tracked.paths.clone();
        for id in &over {
            if let Some(path) = self.slots.get_mut(id.0)
                && path.object == Some(former)
            {
                path.object = Some(new);
            }
        }
        over
    }

    /// The paths over a next hop whose routes refer to an object.
    fn paths_of_object(&self, next_hop: Hop, object: u32) -> Vec<PathId> {
        let paths = self.next_hops.get(next_hop).into_iter().flat_map(|tracked| &tracked.paths);
        paths.copied().filter(|&id| self.path(id).object == Some(object)).collect()
    }

    fn remake(&mut self, next_hop: Hop, workshop: &mut Workshop<'_>) -> Vec<PathId> {
        self.next_hops.make_objects(next_hop, workshop);
        let paths = self.next_hops.get(next_hop).map(|tracked| tracked.paths.clone()).unwrap_or_default();
        let made = paths.into_iter().filter(|&id| {
            if let Some(path) = self.slots.get_mut(id.0) {
                path.narrowed.clear();
                path.probed.clear();
                self.probed.remove(&id);
            }
            self.make(id, workshop)
        });
        made.collect()
    }

    /// Builds the path's object and routes from its present next hops. Returns whether its routes changed.
    fn make(&mut self, id: PathId, workshop: &mut Workshop<'_>) -> bool {
        let path = self.path(id);
        let (forwarding, old_object) = (path.forwarding.clone(), path.object);
        let hops = weighted_hops(&forwarding);
        let means = if workshop.with_objects { self.next_hops.means(hops, workshop) } else { Means::Plain };
        let object = match means {
            Means::Plain => None,
            Means::Object(object) => Some(object),
            Means::Dead => {
                // It stays in the kernel until the next hops come back, and meanwhile would take its routes
                // with it.
                old_object.into_iter().for_each(|object| workshop.objects.want(object, None));
                None
            }
        };
        let usable = object.filter(|&object| workshop.objects.is_usable(object));
        let mut made = Vec::new();
        for table in workshop.tables.ours() {
            made.push(Version::BOTH.map(|version| {
                let shape = self.new_shape(id, usable, (table, version), workshop.options)?;
                Ok(workshop.shapes.intern(shape))
            }));
        }
        let path = self.slots.get_mut(id.0).expect("a path that is made is in use");
        let old = std::mem::replace(&mut path.shapes, made);
        let changed = old != path.shapes;
        let left = if means == Means::Dead { None } else { std::mem::replace(&mut path.object, object) };
        old.into_iter().flatten().flatten().for_each(|shape| workshop.shapes.release(shape));
        left.into_iter().for_each(|object| workshop.objects.release(object));
        changed
    }

    fn new_shape(
        &self,
        id: PathId,
        object: Option<u32>,
        (table, version): (u8, Version),
        options: &FibOptions,
    ) -> Result<RouteShape, String> {
        let Path { forwarding, narrowed, .. } = self.path(id);
        let shape = |kind, target| RouteShape {
            protocol: options.protocol,
            kind,
            metric: version.metric(forwarding.metric.unwrap_or(options.metric)),
            target,
            source: options.source(version).filter(|_| kind == RouteKind::UNICAST),
            decorated: false,
        };
        let hops = match &forwarding.target {
            Target::Discard(discard) => {
                let kind = match discard {
                    Discard::Blackhole => RouteKind::BLACKHOLE,
                    Discard::Unreachable => RouteKind::UNREACHABLE,
                    Discard::Prohibit => RouteKind::PROHIBIT,
                };
                return Ok(shape(kind, RouteTarget::Hops(Vec::new())));
            }
            Target::Via(hops) => hops,
        };
        let mut found = Vec::new();
        for hop in hops.iter() {
            if let (Some(NextHop::Ipv4(gateway)), Version::Ipv6) = (hop.hop.gateway(), version) {
                return Err(format!("IPv6 routes cannot have the IPv4 next hop {gateway}"));
            }
            let tracked = self.next_hops.get(hop.hop).into_iter().flat_map(TrackedHop::kernel_hops);
            found.extend(tracked.map(|found| KernelHop { weight: hop.weight, ..found }));
        }
        found.sort_unstable();
        found.dedup_by_key(|hop| (hop.gateway, hop.interface));
        found.truncate(HOPS_MAX);
        if let Some(accepted) = narrowed.get(&(table, version)) {
            found.retain(|hop| accepted.iter().any(|accepted| accepted.is_at(hop)));
        }
        match (object, found.as_mut_slice()) {
            (_, []) => Err(self.next_hops.why_unreachable(hops)),
            (Some(object), _) => Ok(shape(RouteKind::UNICAST, RouteTarget::Object(object))),
            (None, found) => {
                if let [only] = found {
                    only.weight = 1;
                }
                Ok(shape(RouteKind::UNICAST, RouteTarget::Hops(found.to_vec())))
            }
        }
    }

    fn path(&self, id: PathId) -> &Path {
        self.slots.get(id.0).expect("the owner of a number keeps the path in use")
    }
}

fn weighted_hops(forwarding: &Forwarding) -> &[WeightedHop] {
    match &forwarding.target {
        Target::Discard(_) => &[],
        Target::Via(hops) => hops,
    }
}
