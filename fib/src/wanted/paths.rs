//! The forwardings that the Rib wants, and their form in the kernel.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use bgp_codec::{NextHop, Prefix};
use foldhash::fast::RandomState;
use margay_containers::address_range;
use margay_forwarding::{Discard, Forwarding, Hop, LinkName, Target, WeightedHop};

use crate::{
    FibOptions,
    index::{PathId, ShapeId},
    netlink::{GroupMember, KernelHop, ObjectContent, RouteKind, RouteShape, RouteTarget},
    table::{RouteShapes, Tables},
    version::Version,
    wanted::{ObjectLedger, ObjectMeaning, Resolution, group_content},
};

/// See the [module](self).
#[derive(Default)]
pub(crate) struct Paths {
    slots: Vec<Option<Path>>,
    free: Vec<PathId>,
    /// Looked up for each route that is wanted.
    by_forwarding: HashMap<Forwarding, PathId, RandomState>,
    next_hops: HashMap<Hop, TrackedHop>,
    by_address: BTreeMap<IpAddr, BTreeSet<Hop>>,
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

/// A next hop that paths lead over.
struct TrackedHop {
    resolution: Resolution,
    /// The objects of its hops, in order.
    objects: Vec<u32>,
    paths: BTreeSet<PathId>,
    /// Whether the kernel is to treat it as directly connected: by its routes, own ones included, the kernel
    /// resolved it otherwise.
    onlink: bool,
    /// Whether every route over it is about to be removed: groups do without it as long as they have another
    /// member.
    lost: bool,
}

/// Everything that paths are built from.
pub(crate) struct Workshop<'m> {
    pub(crate) options: &'m FibOptions,
    pub(crate) tables: &'m Tables,
    pub(crate) shapes: &'m mut RouteShapes,
    pub(crate) objects: &'m mut ObjectLedger,
    /// Whether routes refer to next hop objects.
    pub(crate) with_objects: bool,
}

impl Paths {
    /// The path of a forwarding that is wanted already.
    pub(crate) fn find(&self, forwarding: &Forwarding) -> Option<PathId> {
        self.by_forwarding.get(forwarding).copied()
    }

    /// The next hops of a forwarding that no path leads over so far.
    pub(crate) fn unknown_next_hops(&self, forwarding: &Forwarding) -> impl Iterator<Item = Hop> {
        let next_hops = weighted_hops(forwarding).iter().map(|hop| hop.hop);
        next_hops.filter(|next_hop| !self.next_hops.contains_key(next_hop))
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
        let id = match self.free.pop() {
            Some(id) => {
                self.slots[id.index()] = Some(path);
                id
            }
            None => {
                self.slots.push(Some(path));
                let number = u32::try_from(self.slots.len() - 1);
                PathId(number.expect("memory ends long before the numbers"))
            }
        };
        self.by_forwarding.insert(forwarding.clone(), id);
        for hop in weighted_hops(forwarding) {
            self.track(hop.hop, id, workshop, resolved.remove(&hop.hop).unwrap_or_default());
        }
        self.make(id, workshop);
        id
    }

    pub(crate) fn retain(&mut self, id: PathId) {
        if let Some(path) = &mut self.slots[id.index()] {
            path.users += 1;
        }
    }

    /// Gives back a user's share. A path without users is removed.
    pub(crate) fn release(&mut self, id: PathId, workshop: &mut Workshop<'_>) {
        let Some(path) = &mut self.slots[id.index()] else { return };
        path.users -= 1;
        if path.users > 0 {
            return;
        }
        let Some(path) = self.slots[id.index()].take() else { return };
        self.free.push(id);
        self.probed.remove(&id);
        self.by_forwarding.remove(&path.forwarding);
        path.shapes.into_iter().flatten().flatten().for_each(|shape| workshop.shapes.release(shape));
        path.object.into_iter().for_each(|object| workshop.objects.release(object));
        for hop in weighted_hops(&path.forwarding) {
            self.untrack(hop.hop, id, workshop);
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
        hops.filter_map(|hop| self.next_hops.get(&hop.hop)).flat_map(TrackedHop::kernel_hops)
    }

    /// Whether the path is in use.
    pub(crate) fn is_in_use(&self, id: PathId) -> bool {
        self.slots.get(id.index()).is_some_and(Option::is_some)
    }

    pub(crate) fn forwarding(&self, id: PathId) -> &Forwarding {
        &self.path(id).forwarding
    }

    /// The next hops whose resolution may change with this prefix's route.
    pub(crate) fn next_hops_in(&self, prefix: Prefix) -> Vec<Hop> {
        let (first, last) = address_range(prefix);
        self.by_address.range(first..=last).flat_map(|(_, next_hops)| next_hops).copied().collect()
    }

    /// The next hops over an interface, and those that are unresolved.
    pub(crate) fn next_hops_on(&self, interface: u32) -> Vec<Hop> {
        let uses = |hop: &TrackedHop| hop.resolution.hops.iter().any(|hop| hop.interface == interface);
        self.next_hops.iter().filter(|(_, hop)| uses(hop)).map(|(&next_hop, _)| next_hop).collect()
    }

    /// The next hops on a link that does not follow from the routes.
    pub(crate) fn next_hops_of_link(&self, link: LinkName) -> Vec<Hop> {
        self.next_hops.keys().filter(|hop| hop.link() == Some(link)).copied().collect()
    }

    /// All next hops.
    pub(crate) fn next_hops(&self) -> Vec<Hop> {
        self.next_hops.keys().copied().collect()
    }

    /// Sets the resolution of a next hop. Returns the paths whose routes changed.
    pub(crate) fn on_resolved(
        &mut self,
        next_hop: Hop,
        resolution: Resolution,
        workshop: &mut Workshop<'_>,
    ) -> Vec<PathId> {
        let tracked = self.next_hops.get_mut(&next_hop);
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
        let Some(tracked) = self.next_hops.get(&next_hop) else { return Default::default() };
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
        let Some(path) = self.slots.get_mut(id.index()).and_then(Option::as_mut) else { return false };
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
        let Some(path) = self.slots.get_mut(id.index()).and_then(Option::as_mut) else { return false };
        self.probed.remove(&id);
        path.probed.clear();
        if path.narrowed.is_empty() {
            return false;
        }
        path.narrowed.clear();
        self.make(id, workshop)
    }

    /// Notes that the kernel refused a gateway. If it is known to be directly connected, the kernel is told
    /// so from now on. Returns the paths whose routes changed.
    pub(crate) fn set_onlink(&mut self, gateway: IpAddr, workshop: &mut Workshop<'_>) -> Vec<PathId> {
        let sharing = self.by_address.get(&gateway).into_iter().flatten().copied().collect::<Vec<_>>();
        let mut changed = Vec::new();
        for next_hop in sharing {
            if let Some(tracked) = self.next_hops.get_mut(&next_hop)
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
        let tracked = self.next_hops.get_mut(&next_hop);
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
                let tracked = self.next_hops.get_mut(&next_hop);
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
        let Some(tracked) = next_hop.and_then(|next_hop| self.next_hops.get_mut(&next_hop)) else {
            return BTreeSet::new();
        };
        if let Some(object) = tracked.objects.iter_mut().find(|object| **object == former) {
            *object = new;
        }
        let over = tracked.paths.clone();
        for id in &over {
            if let Some(path) = &mut self.slots[id.index()]
                && path.object == Some(former)
            {
                path.object = Some(new);
            }
        }
        over
    }

    /// The paths over a next hop whose routes refer to an object.
    fn paths_of_object(&self, next_hop: Hop, object: u32) -> Vec<PathId> {
        let paths = self.next_hops.get(&next_hop).into_iter().flat_map(|tracked| &tracked.paths);
        paths.copied().filter(|&id| self.path(id).object == Some(object)).collect()
    }

    fn remake(&mut self, next_hop: Hop, workshop: &mut Workshop<'_>) -> Vec<PathId> {
        self.make_hop_objects(next_hop, workshop);
        let paths = self.next_hops.get(&next_hop).map(|tracked| tracked.paths.clone()).unwrap_or_default();
        let made = paths.into_iter().filter(|&id| {
            if let Some(path) = &mut self.slots[id.index()] {
                path.narrowed.clear();
                path.probed.clear();
                self.probed.remove(&id);
            }
            self.make(id, workshop)
        });
        made.collect()
    }

    fn track(&mut self, next_hop: Hop, id: PathId, workshop: &mut Workshop<'_>, resolution: Resolution) {
        let tracked = self.next_hops.entry(next_hop).or_insert_with(|| TrackedHop {
            resolution,
            objects: Vec::new(),
            paths: BTreeSet::new(),
            onlink: false,
            lost: false,
        });
        tracked.paths.insert(id);
        if tracked.paths.len() == 1 {
            if let Some(address) = address(next_hop) {
                self.by_address.entry(address).or_default().insert(next_hop);
            }
            self.make_hop_objects(next_hop, workshop);
        }
    }

    fn untrack(&mut self, next_hop: Hop, id: PathId, workshop: &mut Workshop<'_>) {
        let Some(tracked) = self.next_hops.get_mut(&next_hop) else { return };
        tracked.paths.remove(&id);
        if !tracked.paths.is_empty() {
            return;
        }
        if let Some(tracked) = self.next_hops.remove(&next_hop) {
            tracked.objects.into_iter().for_each(|object| workshop.objects.release(object));
        }
        let Some(address) = address(next_hop) else { return };
        if let Some(sharing) = self.by_address.get_mut(&address) {
            sharing.remove(&next_hop);
            if sharing.is_empty() {
                self.by_address.remove(&address);
            }
        }
    }

    /// Sets the content of a next hop's objects to its resolution. They stay while it is unresolved, because
    /// it may come back.
    fn make_hop_objects(&mut self, next_hop: Hop, workshop: &mut Workshop<'_>) {
        let Some(tracked) = self.next_hops.get_mut(&next_hop) else { return };
        let hops: Vec<KernelHop> =
            if workshop.with_objects { tracked.kernel_hops().collect() } else { Vec::new() };
        for (number, &object) in tracked.objects.iter().enumerate() {
            workshop.objects.want(object, hops.get(number).and_then(hop_content));
        }
        for (number, hop) in hops.iter().enumerate().skip(tracked.objects.len()) {
            let Some(content) = hop_content(hop) else { continue };
            tracked.objects.push(workshop.objects.acquire(ObjectMeaning::Hop(next_hop, number), content));
        }
    }

    /// Builds the path's object and routes from its present next hops. Returns whether its routes changed.
    fn make(&mut self, id: PathId, workshop: &mut Workshop<'_>) -> bool {
        let path = self.path(id);
        let (forwarding, old_object) = (path.forwarding.clone(), path.object);
        let hops = weighted_hops(&forwarding);
        let means = if workshop.with_objects { self.means(hops, workshop) } else { Means::Plain };
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
        let path = self.slots[id.index()].as_mut().expect("a path that is made is in use");
        let old = std::mem::replace(&mut path.shapes, made);
        let changed = old != path.shapes;
        let left = if means == Means::Dead { None } else { std::mem::replace(&mut path.object, object) };
        old.into_iter().flatten().flatten().for_each(|shape| workshop.shapes.release(shape));
        left.into_iter().for_each(|object| workshop.objects.release(object));
        changed
    }

    /// What routes over these next hops refer to.
    ///
    /// A single next hop is its own object. Several are a group, even while all but one are dead: so their
    /// failure and recovery change the group, and no route.
    fn means(&self, hops: &[WeightedHop], workshop: &mut Workshop<'_>) -> Means {
        let tracked = || hops.iter().filter_map(|hop| self.next_hops.get(&hop.hop));
        if tracked().all(|tracked| tracked.resolution.hops.is_empty()) {
            return if hops.is_empty() { Means::Plain } else { Means::Dead };
        }
        if let [hop] = hops
            && let Some(tracked) = self.next_hops.get(&hop.hop)
            && tracked.resolution.hops.len() == 1
        {
            let content = tracked.kernel_hops().next().as_ref().and_then(hop_content);
            let meaning = ObjectMeaning::Hop(hop.hop, 0);
            return content
                .map_or(Means::Plain, |content| Means::Object(workshop.objects.acquire(meaning, content)));
        }
        let mut members = self.members(hops, workshop.objects, |tracked| !tracked.lost);
        if members.is_empty() {
            members = self.members(hops, workshop.objects, |_| true);
        }
        if members.is_empty() {
            // The kernel refuses the object of each: in a route it may resolve the gateways by other rules.
            return Means::Plain;
        }
        let meaning = ObjectMeaning::Group(Arc::from(hops));
        Means::Object(workshop.objects.acquire(meaning, group_content(members)))
    }

    /// The objects of next hops that the kernel has not refused.
    fn members(
        &self,
        hops: &[WeightedHop],
        objects: &ObjectLedger,
        which: impl Fn(&TrackedHop) -> bool,
    ) -> Vec<GroupMember> {
        let tracked = hops.iter().filter_map(|hop| Some((hop, self.next_hops.get(&hop.hop)?)));
        tracked
            .filter(|(_, tracked)| which(tracked))
            .flat_map(|(hop, tracked)| {
                let members = tracked.objects.iter().take(tracked.resolution.hops.len()).copied();
                let usable = members.filter(|&object| objects.is_usable(object));
                usable.map(|object| GroupMember { object, weight: hop.weight })
            })
            .take(HOPS_MAX)
            .collect()
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
            let tracked = self.next_hops.get(&hop.hop).into_iter().flat_map(TrackedHop::kernel_hops);
            found.extend(tracked.map(|found| KernelHop { weight: hop.weight, ..found }));
        }
        found.sort_unstable();
        found.dedup_by_key(|hop| (hop.gateway, hop.interface));
        found.truncate(HOPS_MAX);
        if let Some(accepted) = narrowed.get(&(table, version)) {
            found.retain(|hop| accepted.iter().any(|accepted| accepted.is_at(hop)));
        }
        match (object, found.as_mut_slice()) {
            (_, []) => Err(self.nowhere(hops)),
            (Some(object), _) => Ok(shape(RouteKind::UNICAST, RouteTarget::Object(object))),
            (None, found) => {
                if let [only] = found {
                    only.weight = 1;
                }
                Ok(shape(RouteKind::UNICAST, RouteTarget::Hops(found.to_vec())))
            }
        }
    }

    fn nowhere(&self, hops: &[WeightedHop]) -> String {
        let list: Vec<String> = hops.iter().map(|hop| hop.hop.to_string()).collect();
        let list = list.join(", ");
        let tracked = |hop: &WeightedHop| self.next_hops.get(&hop.hop);
        let is_behind_default = |hop| tracked(hop).is_some_and(|tracked| tracked.resolution.behind_default);
        if hops.iter().any(is_behind_default) {
            return format!(
                "only a default route covers next hop {list}: a route of its own or an entry in kernel.onlink \
                 would make it usable"
            );
        }
        format!("no route of the kernel covers next hop {list}")
    }

    fn path(&self, id: PathId) -> &Path {
        self.slots[id.index()].as_ref().expect("the owner of a number keeps the path in use")
    }
}

impl TrackedHop {
    fn kernel_hops(&self) -> impl Iterator<Item = KernelHop> {
        self.resolution.hops.iter().map(|hop| KernelHop { onlink: hop.onlink || self.onlink, ..*hop })
    }

    /// Whether the kernel may be told to treat the next hop as directly connected: it is, and IPv6 resolves
    /// gateways by all routes.
    fn may_be_onlink(&self, next_hop: Hop) -> bool {
        match (next_hop, self.resolution.hops.as_slice()) {
            (Hop::Gateway(NextHop::Ipv6(address)), [hop]) => {
                hop.gateway == Some(address.into()) && !hop.onlink
            }
            _ => false,
        }
    }
}

/// What routes refer to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Means {
    /// Gateways.
    Plain,
    /// An object, of which the caller is now an owner.
    Object(u32),
    /// Nothing: no next hop is resolved.
    Dead,
}

/// The address by which a change of the kernel's routes finds a next hop.
fn address(hop: Hop) -> Option<IpAddr> {
    hop.gateway().map(|gateway| gateway.address())
}

fn weighted_hops(forwarding: &Forwarding) -> &[WeightedHop] {
    match &forwarding.target {
        Target::Discard(_) => &[],
        Target::Via(hops) => hops,
    }
}

fn hop_content(hop: &KernelHop) -> Option<ObjectContent> {
    Some(ObjectContent::Hop { gateway: hop.gateway?, interface: hop.interface, onlink: hop.onlink })
}

/// Far more than the kernel spreads packets over, and few enough for one message.
const HOPS_MAX: usize = 1024;
