//! The forwardings that the Rib wants, and what each of them is in the kernel.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use bgp_codec::{NextHop, Prefix};
use foldhash::fast::RandomState;
use margay_rib::{Discard, Forwarding, Target, WeightedHop, address_range};

use super::{
    KernelOptions,
    kernel_route::{KernelHop, RouteKind, RouteShape, RouteTarget},
    object_ledger::{ObjectLedger, ObjectMeaning, group_content},
    object_message::{GroupMember, ObjectContent},
    route_shapes::{RouteShapes, ShapeId},
    version::Version,
};

/// Names a forwarding that the Rib wants somewhere.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct PathId(u32);

impl PathId {
    fn index(self) -> usize {
        self.0 as usize
    }
}

/// See the [module](self).
#[derive(Default)]
pub(super) struct Paths {
    slots: Vec<Option<Path>>,
    free: Vec<PathId>,
    /// Looked up for each route that is wanted.
    by_forwarding: HashMap<Forwarding, PathId, RandomState>,
    next_hops: HashMap<NextHop, TrackedHop>,
    by_address: BTreeMap<IpAddr, BTreeSet<NextHop>>,
}

/// One forwarding, for every prefix that has it.
struct Path {
    forwarding: Forwarding,
    /// How many entries want it.
    users: u32,
    /// The object that routes refer to.
    object: Option<u32>,
    /// The route of an IPv4 and of an IPv6 prefix, or why there is none.
    shapes: [Result<ShapeId, String>; 2],
}

/// A next hop that paths lead over.
struct TrackedHop {
    hops: Vec<KernelHop>,
    /// The objects of its hops, by their order.
    objects: Vec<u32>,
    paths: BTreeSet<PathId>,
    /// The kernel refused an object for it: routes name the hop themselves, until it is somewhere else.
    plain: bool,
    /// Every route over it is about to go: groups do without it as long as they have another member.
    lost: bool,
}

/// What paths are made of.
pub(super) struct Workshop<'m> {
    pub(super) options: &'m KernelOptions,
    pub(super) shapes: &'m mut RouteShapes,
    pub(super) objects: &'m mut ObjectLedger,
    /// Whether routes refer to next hop objects.
    pub(super) with_objects: bool,
}

impl Paths {
    /// The path of a forwarding that is wanted already.
    pub(super) fn find(&self, forwarding: &Forwarding) -> Option<PathId> {
        self.by_forwarding.get(forwarding).copied()
    }

    /// The next hops of a forwarding that no path leads over so far.
    pub(super) fn unknown_next_hops(&self, forwarding: &Forwarding) -> impl Iterator<Item = NextHop> {
        let next_hops = weighted_hops(forwarding).iter().map(|hop| hop.next_hop);
        next_hops.filter(|next_hop| !self.next_hops.contains_key(next_hop))
    }

    /// The path of a forwarding that is new, with one user. `resolved` says where its unknown next hops are.
    pub(super) fn insert(
        &mut self,
        forwarding: &Forwarding,
        workshop: &mut Workshop<'_>,
        mut resolved: HashMap<NextHop, Vec<KernelHop>>,
    ) -> PathId {
        let unmade = || Err(String::new());
        let path =
            Path { forwarding: forwarding.clone(), users: 1, object: None, shapes: [unmade(), unmade()] };
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
            self.track(hop.next_hop, id, workshop, resolved.remove(&hop.next_hop).unwrap_or_default());
        }
        self.make(id, workshop);
        id
    }

    pub(super) fn retain(&mut self, id: PathId) {
        if let Some(path) = &mut self.slots[id.index()] {
            path.users += 1;
        }
    }

    /// Gives a user back. What the last one leaves behind is given up.
    pub(super) fn release(&mut self, id: PathId, workshop: &mut Workshop<'_>) {
        let Some(path) = &mut self.slots[id.index()] else { return };
        path.users -= 1;
        if path.users > 0 {
            return;
        }
        let Some(path) = self.slots[id.index()].take() else { return };
        self.free.push(id);
        self.by_forwarding.remove(&path.forwarding);
        path.shapes.into_iter().flatten().for_each(|shape| workshop.shapes.release(shape));
        path.object.into_iter().for_each(|object| workshop.objects.release(object));
        for hop in weighted_hops(&path.forwarding) {
            self.untrack(hop.next_hop, id, workshop);
        }
    }

    /// The route that the path is for a prefix, or why there is none.
    pub(super) fn shape(&self, id: PathId, prefix: Prefix) -> Result<ShapeId, &str> {
        let path = self.path(id);
        path.shapes[Version::of(prefix).index()].as_ref().copied().map_err(String::as_str)
    }

    pub(super) fn forwarding(&self, id: PathId) -> &Forwarding {
        &self.path(id).forwarding
    }

    /// The next hops that a change of this prefix's route may move.
    pub(super) fn next_hops_in(&self, prefix: Prefix) -> Vec<NextHop> {
        let (first, last) = address_range(prefix);
        self.by_address.range(first..=last).flat_map(|(_, next_hops)| next_hops).copied().collect()
    }

    /// The next hops that use an object or the interface of one, or lead nowhere.
    pub(super) fn next_hops_on(&self, interface: u32) -> Vec<NextHop> {
        let uses = |hop: &TrackedHop| hop.hops.iter().any(|hop| hop.interface == interface);
        self.next_hops.iter().filter(|(_, hop)| uses(hop)).map(|(&next_hop, _)| next_hop).collect()
    }

    /// All next hops.
    pub(super) fn next_hops(&self) -> Vec<NextHop> {
        self.next_hops.keys().copied().collect()
    }

    /// Takes over where a next hop is now. Answers with the paths whose routes are others now.
    pub(super) fn on_resolved(
        &mut self,
        next_hop: NextHop,
        hops: Vec<KernelHop>,
        workshop: &mut Workshop<'_>,
    ) -> Vec<PathId> {
        let Some(tracked) = self.next_hops.get_mut(&next_hop).filter(|tracked| tracked.hops != hops) else {
            return Vec::new();
        };
        tracked.hops = hops;
        tracked.plain = false;
        self.remake(next_hop, workshop)
    }

    /// Takes over whether every route over a next hop is about to go. Groups change at once, the routes of these paths do
    /// not: what is wanted instead of each is said in its turn.
    pub(super) fn set_lost(&mut self, next_hop: NextHop, lost: bool, workshop: &mut Workshop<'_>) {
        if let Some(tracked) = self.next_hops.get_mut(&next_hop).filter(|tracked| tracked.lost != lost) {
            tracked.lost = lost;
            self.remake(next_hop, workshop);
        }
    }

    /// The kernel refused an object: routes over its next hop name it themselves from now on. Answers with the paths
    /// whose routes are others now.
    pub(super) fn on_object_refused(&mut self, object: u32, workshop: &mut Workshop<'_>) -> Vec<PathId> {
        let of_hop = self.next_hops.iter().find(|(_, tracked)| tracked.objects.contains(&object));
        let next_hops: Vec<NextHop> = match of_hop {
            Some((&next_hop, _)) => vec![next_hop],
            None => {
                let of_group = self.slots.iter().flatten().filter(|path| path.object == Some(object));
                of_group.flat_map(|path| weighted_hops(&path.forwarding)).map(|hop| hop.next_hop).collect()
            }
        };
        let mut changed = Vec::new();
        for next_hop in next_hops {
            if let Some(tracked) = self.next_hops.get_mut(&next_hop) {
                tracked.plain = true;
            }
            changed.extend(self.remake(next_hop, workshop));
        }
        changed
    }

    fn remake(&mut self, next_hop: NextHop, workshop: &mut Workshop<'_>) -> Vec<PathId> {
        self.make_hop_objects(next_hop, workshop);
        let paths = self.next_hops.get(&next_hop).map(|tracked| tracked.paths.clone()).unwrap_or_default();
        paths.into_iter().filter(|&id| self.make(id, workshop)).collect()
    }

    fn track(&mut self, next_hop: NextHop, id: PathId, workshop: &mut Workshop<'_>, hops: Vec<KernelHop>) {
        let tracked = self.next_hops.entry(next_hop).or_insert_with(|| TrackedHop {
            hops,
            objects: Vec::new(),
            paths: BTreeSet::new(),
            plain: false,
            lost: false,
        });
        tracked.paths.insert(id);
        if tracked.paths.len() == 1 {
            self.by_address.entry(next_hop.address()).or_default().insert(next_hop);
            self.make_hop_objects(next_hop, workshop);
        }
    }

    fn untrack(&mut self, next_hop: NextHop, id: PathId, workshop: &mut Workshop<'_>) {
        let Some(tracked) = self.next_hops.get_mut(&next_hop) else { return };
        tracked.paths.remove(&id);
        if !tracked.paths.is_empty() {
            return;
        }
        if let Some(tracked) = self.next_hops.remove(&next_hop) {
            tracked.objects.into_iter().for_each(|object| workshop.objects.release(object));
        }
        if let Some(sharing) = self.by_address.get_mut(&next_hop.address()) {
            sharing.remove(&next_hop);
            if sharing.is_empty() {
                self.by_address.remove(&next_hop.address());
            }
        }
    }

    /// Has the objects of a next hop say where it is. They stay while it leads nowhere: it may come back.
    fn make_hop_objects(&mut self, next_hop: NextHop, workshop: &mut Workshop<'_>) {
        let Some(tracked) = self.next_hops.get_mut(&next_hop) else { return };
        let hops: &[KernelHop] = if workshop.with_objects && !tracked.plain { &tracked.hops } else { &[] };
        for (number, &object) in tracked.objects.iter().enumerate() {
            workshop.objects.want(object, hops.get(number).and_then(hop_content));
        }
        for (number, hop) in hops.iter().enumerate().skip(tracked.objects.len()) {
            let Some(content) = hop_content(hop) else { continue };
            tracked.objects.push(workshop.objects.acquire(ObjectMeaning::Hop(next_hop, number), content));
        }
    }

    /// Makes the path's object and routes as its next hops are now. Answers whether its routes are others than before.
    fn make(&mut self, id: PathId, workshop: &mut Workshop<'_>) -> bool {
        let path = self.path(id);
        let (forwarding, old_object) = (path.forwarding.clone(), path.object);
        let hops = weighted_hops(&forwarding);
        let plain =
            hops.iter().any(|hop| self.next_hops.get(&hop.next_hop).is_none_or(|tracked| tracked.plain));
        let means = if workshop.with_objects && !plain { self.means(hops, workshop) } else { Means::Plain };
        let object = match means {
            Means::Plain => None,
            Means::Object(object) => Some(object),
            Means::Dead => {
                // It stays for the next hops to come back, and takes all its routes with it meanwhile.
                old_object.into_iter().for_each(|object| workshop.objects.want(object, None));
                None
            }
        };
        let made = Version::BOTH.map(|version| {
            let shape = self.new_shape(&forwarding, object, version, workshop.options)?;
            Ok(workshop.shapes.intern(shape))
        });
        let path = self.slots[id.index()].as_mut().expect("a path that is made is in use");
        let old = std::mem::replace(&mut path.shapes, made);
        let changed = old != path.shapes;
        let left = if means == Means::Dead { None } else { std::mem::replace(&mut path.object, object) };
        old.into_iter().flatten().for_each(|shape| workshop.shapes.release(shape));
        left.into_iter().for_each(|object| workshop.objects.release(object));
        changed
    }

    /// What routes over these next hops refer to.
    ///
    /// One next hop is its own object. Several are a group, also while all but one are dead: so their coming and going
    /// is a change of the group, and of no route.
    fn means(&self, hops: &[WeightedHop], workshop: &mut Workshop<'_>) -> Means {
        let mut members = self.members(hops, |tracked| !tracked.lost);
        if members.is_empty() {
            members = self.members(hops, |_| true);
        }
        match (hops, members.as_slice()) {
            ([], _) => Means::Plain,
            (_, []) => Means::Dead,
            ([hop], [_]) => {
                let hops = self.next_hops.get(&hop.next_hop).map_or(&[][..], |tracked| &tracked.hops);
                match hops.first().and_then(hop_content) {
                    Some(content) => {
                        Means::Object(workshop.objects.acquire(ObjectMeaning::Hop(hop.next_hop, 0), content))
                    }
                    None => Means::Plain,
                }
            }
            (hops, _) => {
                let meaning = ObjectMeaning::Group(Arc::from(hops));
                Means::Object(workshop.objects.acquire(meaning, group_content(members)))
            }
        }
    }

    fn members(&self, hops: &[WeightedHop], which: impl Fn(&TrackedHop) -> bool) -> Vec<GroupMember> {
        let tracked = hops.iter().filter_map(|hop| Some((hop, self.next_hops.get(&hop.next_hop)?)));
        tracked
            .filter(|(_, tracked)| which(tracked))
            .flat_map(|(hop, tracked)| {
                let objects = tracked.objects.iter().take(tracked.hops.len());
                objects.map(|&object| GroupMember { object, weight: hop.weight })
            })
            .collect()
    }

    fn new_shape(
        &self,
        forwarding: &Forwarding,
        object: Option<u32>,
        version: Version,
        options: &KernelOptions,
    ) -> Result<RouteShape, String> {
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
            if let (NextHop::Ipv4(gateway), Version::Ipv6) = (hop.next_hop, version) {
                return Err(format!("IPv6 routes cannot have the IPv4 next hop {gateway}"));
            }
            let tracked = self.next_hops.get(&hop.next_hop).into_iter().flat_map(|tracked| &tracked.hops);
            found.extend(tracked.map(|found| KernelHop { weight: hop.weight, ..*found }));
        }
        found.sort_unstable();
        found.dedup_by_key(|hop| (hop.gateway, hop.interface));
        match (object, found.as_mut_slice()) {
            (_, []) => Err(nowhere(hops)),
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
        self.slots[id.index()].as_ref().expect("whoever has a number keeps the path in use")
    }
}

/// What routes refer to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Means {
    /// Gateways.
    Plain,
    /// An object, of which the caller is an owner now.
    Object(u32),
    /// Nothing: no next hop leads anywhere.
    Dead,
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

fn nowhere(hops: &[WeightedHop]) -> String {
    let list: Vec<String> = hops.iter().map(|hop| hop.next_hop.to_string()).collect();
    format!("no route of the kernel leads to next hop {}", list.join(", "))
}
