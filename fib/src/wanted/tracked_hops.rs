//! The next hops that paths lead over: their resolution, their objects, and whether they are usable.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use bgp_codec::{NextHop, Prefix};
use margay_containers::address_range;
use margay_forwarding::{Hop, LinkName, WeightedHop};

use super::workshop::{HOPS_MAX, Workshop};
use crate::{
    index::PathId,
    netlink::{GroupMember, KernelHop, ObjectContent},
    wanted::{ObjectLedger, ObjectMeaning, Resolution, group_content},
};

/// See the [module](self).
#[derive(Default)]
pub(crate) struct TrackedHops {
    by_hop: HashMap<Hop, TrackedHop>,
    by_address: BTreeMap<IpAddr, BTreeSet<Hop>>,
}

/// A next hop that paths lead over.
pub(super) struct TrackedHop {
    pub(super) resolution: Resolution,
    /// The objects of its hops, in order.
    pub(super) objects: Vec<u32>,
    pub(super) paths: BTreeSet<PathId>,
    /// Whether the kernel is to treat it as directly connected: by its routes, own ones included, the kernel
    /// resolved it otherwise.
    pub(super) onlink: bool,
    /// Whether every route over it is about to be removed: groups do without it as long as they have another
    /// member.
    pub(super) lost: bool,
}

/// What routes refer to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Means {
    /// Gateways.
    Plain,
    /// An object, of which the caller is now an owner.
    Object(u32),
    /// Nothing: no next hop is resolved.
    Dead,
}

impl TrackedHops {
    pub(super) fn get(&self, hop: Hop) -> Option<&TrackedHop> {
        self.by_hop.get(&hop)
    }

    pub(super) fn get_mut(&mut self, hop: Hop) -> Option<&mut TrackedHop> {
        self.by_hop.get_mut(&hop)
    }

    /// The next hops with this gateway.
    pub(super) fn at(&self, gateway: IpAddr) -> Vec<Hop> {
        self.by_address.get(&gateway).into_iter().flatten().copied().collect()
    }

    /// The next hops whose resolution may change with this prefix's route.
    pub(crate) fn in_prefix(&self, prefix: Prefix) -> Vec<Hop> {
        let (first, last) = address_range(prefix);
        self.by_address.range(first..=last).flat_map(|(_, next_hops)| next_hops).copied().collect()
    }

    /// The next hops over an interface, and those that are unresolved.
    pub(crate) fn on_interface(&self, interface: u32) -> Vec<Hop> {
        let uses = |hop: &TrackedHop| hop.resolution.hops.iter().any(|hop| hop.interface == interface);
        self.by_hop.iter().filter(|(_, hop)| uses(hop)).map(|(&next_hop, _)| next_hop).collect()
    }

    /// The next hops on a link that does not follow from the routes.
    pub(crate) fn of_link(&self, link: LinkName) -> Vec<Hop> {
        self.by_hop.keys().filter(|hop| hop.link() == Some(link)).copied().collect()
    }

    /// All next hops.
    pub(crate) fn all(&self) -> Vec<Hop> {
        self.by_hop.keys().copied().collect()
    }

    pub(super) fn add_path(
        &mut self,
        next_hop: Hop,
        id: PathId,
        workshop: &mut Workshop<'_>,
        resolution: Resolution,
    ) {
        let tracked = self.by_hop.entry(next_hop).or_insert_with(|| TrackedHop {
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
            self.make_objects(next_hop, workshop);
        }
    }

    pub(super) fn remove_path(&mut self, next_hop: Hop, id: PathId, workshop: &mut Workshop<'_>) {
        let Some(tracked) = self.by_hop.get_mut(&next_hop) else { return };
        tracked.paths.remove(&id);
        if !tracked.paths.is_empty() {
            return;
        }
        if let Some(tracked) = self.by_hop.remove(&next_hop) {
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
    pub(super) fn make_objects(&mut self, next_hop: Hop, workshop: &mut Workshop<'_>) {
        let Some(tracked) = self.by_hop.get_mut(&next_hop) else { return };
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

    /// What routes over these next hops refer to.
    ///
    /// A single next hop is its own object. Several are a group, even while all but one are dead: so their
    /// failure and recovery change the group, and no route.
    pub(super) fn means(&self, hops: &[WeightedHop], workshop: &mut Workshop<'_>) -> Means {
        let tracked = || hops.iter().filter_map(|hop| self.get(hop.hop));
        if tracked().all(|tracked| tracked.resolution.hops.is_empty()) {
            return if hops.is_empty() { Means::Plain } else { Means::Dead };
        }
        if let [hop] = hops
            && let Some(tracked) = self.get(hop.hop)
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
        let tracked = hops.iter().filter_map(|hop| Some((hop, self.get(hop.hop)?)));
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

    /// Why packets to these next hops have nowhere to go.
    pub(super) fn why_unreachable(&self, hops: &[WeightedHop]) -> String {
        let list: Vec<String> = hops.iter().map(|hop| hop.hop.to_string()).collect();
        let list = list.join(", ");
        let tracked = |hop: &WeightedHop| self.get(hop.hop);
        let is_behind_default = |hop| tracked(hop).is_some_and(|tracked| tracked.resolution.behind_default);
        if hops.iter().any(is_behind_default) {
            return format!(
                "only a default route covers next hop {list}: a route of its own or an entry in kernel.onlink \
                 would make it usable"
            );
        }
        format!("no route of the kernel covers next hop {list}")
    }
}

impl TrackedHop {
    pub(super) fn kernel_hops(&self) -> impl Iterator<Item = KernelHop> {
        self.resolution.hops.iter().map(|hop| KernelHop { onlink: hop.onlink || self.onlink, ..*hop })
    }

    /// Whether routes may say that the next hop is directly connected: it is, and IPv6 resolves
    /// gateways by all routes.
    pub(super) fn may_be_onlink(&self, next_hop: Hop) -> bool {
        match (next_hop, self.resolution.hops.as_slice()) {
            (Hop::Gateway(NextHop::Ipv6(address)), [hop]) => {
                hop.gateway == Some(address.into()) && !hop.onlink
            }
            _ => false,
        }
    }
}

/// The address by which a change of the kernel's routes finds a next hop.
fn address(hop: Hop) -> Option<IpAddr> {
    hop.gateway().map(|gateway| gateway.address())
}

fn hop_content(hop: &KernelHop) -> Option<ObjectContent> {
    Some(ObjectContent::Hop { gateway: hop.gateway?, interface: hop.interface, onlink: hop.onlink })
}
