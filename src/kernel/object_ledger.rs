//! The next hop objects of this daemon: which are wanted, which the kernel holds, and what must be asked.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use bgp_codec::NextHop;
use margay_rib::WeightedHop;

use super::{
    object_message::{GroupMember, ObjectContent, ObjectNotice, ObjectRequest},
    route_shapes::RouteShapes,
};

/// What an object stands for. What it says of packets may change; the routes that refer to it follow.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) enum ObjectMeaning {
    /// A next hop; where a route with several next hops leads to it, one of those.
    Hop(NextHop, usize),
    /// A set of next hops.
    Group(Arc<[WeightedHop]>),
}

/// See the [module](self).
pub(super) struct ObjectLedger {
    protocol: u8,
    by_meaning: HashMap<ObjectMeaning, u32>,
    objects: HashMap<u32, Object>,
    /// All objects of the kernel, others' too, as its messages and answers tell.
    held: HashMap<u32, HeldObject>,
    /// The groups that the kernel has each object in.
    groups: HashMap<u32, BTreeSet<u32>>,
    /// Objects of ours that mean nothing yet, from an earlier run.
    unclaimed: HashMap<ObjectContent, BTreeSet<u32>>,
    /// Objects whose state may differ from what is wanted.
    dirty: BTreeSet<u32>,
    next_number: u32,
    sweeping: bool,
}

struct Object {
    meaning: ObjectMeaning,
    /// `None` while packets can go nowhere.
    wanted: Option<ObjectContent>,
    /// How many paths and groups rely on it.
    owners: usize,
}

struct HeldObject {
    protocol: u8,
    content: Option<ObjectContent>,
}

impl HeldObject {
    fn members(&self) -> impl Iterator<Item = u32> + '_ {
        let members = match &self.content {
            Some(ObjectContent::Group(members)) => members.as_slice(),
            Some(ObjectContent::Hop { .. }) | None => &[],
        };
        members.iter().map(|member| member.object)
    }
}

impl ObjectLedger {
    pub(super) fn new(protocol: u8) -> Self {
        Self {
            protocol,
            by_meaning: HashMap::new(),
            objects: HashMap::new(),
            held: HashMap::new(),
            groups: HashMap::new(),
            unclaimed: HashMap::new(),
            dirty: BTreeSet::new(),
            next_number: FIRST_NUMBER,
            sweeping: false,
        }
    }

    /// The object of a meaning, with one more owner. A new one takes over what an earlier run left, if that says the same.
    pub(super) fn acquire(&mut self, meaning: ObjectMeaning, content: ObjectContent) -> u32 {
        if let Some(&number) = self.by_meaning.get(&meaning) {
            if let Some(object) = self.objects.get_mut(&number) {
                object.owners += 1;
            }
            self.want(number, Some(content));
            return number;
        }
        let left = self.unclaimed.get_mut(&content).and_then(BTreeSet::pop_first);
        let number = left.unwrap_or_else(|| self.free_number());
        self.by_meaning.insert(meaning.clone(), number);
        self.objects.insert(number, Object { meaning, wanted: Some(content), owners: 1 });
        self.dirty.insert(number);
        number
    }

    /// Whether the number is that of an object of this run.
    pub(super) fn is_meant(&self, number: u32) -> bool {
        self.objects.contains_key(&number)
    }

    /// Sets what an object shall say; `None` while packets can go nowhere.
    pub(super) fn want(&mut self, number: u32, content: Option<ObjectContent>) {
        if let Some(object) = self.objects.get_mut(&number)
            && object.wanted != content
        {
            object.wanted = content;
            self.dirty.insert(number);
        }
    }

    /// Gives up an object; the last owner's leaving removes it once no route refers to it.
    pub(super) fn release(&mut self, number: u32) {
        let Some(object) = self.objects.get_mut(&number) else { return };
        object.owners -= 1;
        if object.owners == 0
            && let Some(object) = self.objects.remove(&number)
        {
            self.by_meaning.remove(&object.meaning);
            self.dirty.insert(number);
        }
    }

    /// From now on, objects of ours that mean nothing are removed.
    pub(super) fn sweep(&mut self) {
        self.sweeping = true;
        let left = self.unclaimed.drain().flat_map(|(_, numbers)| numbers);
        self.dirty.extend(left);
    }

    /// No route refers to the object any more.
    pub(super) fn on_unused(&mut self, number: u32) {
        self.dirty.insert(number);
    }

    /// Where the kernel sends packets of routes that refer to the object, the members of a group one by one.
    pub(super) fn hops(&self, number: u32) -> Vec<(ObjectContent, u8)> {
        let content = |number| self.held.get(&number).and_then(|held| held.content.clone());
        match content(number) {
            None => Vec::new(),
            Some(ObjectContent::Group(members)) => {
                members.iter().filter_map(|member| Some((content(member.object)?, member.weight))).collect()
            }
            Some(hop) => vec![(hop, 1)],
        }
    }

    /// The objects that say to use the interface, and the groups that have no member but those.
    pub(super) fn on_interface(&self, interface: u32) -> Vec<u32> {
        let is_there = |held: &HeldObject| matches!(&held.content, Some(ObjectContent::Hop { interface: own, .. }) if *own == interface);
        self.held.iter().filter(|(_, held)| is_there(held)).map(|(&number, _)| number).collect()
    }

    /// How many objects of ours the kernel holds.
    pub(super) fn held_len(&self) -> usize {
        self.held.values().filter(|held| held.protocol == self.protocol).count()
    }

    pub(super) fn is_dirty(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// What has to be asked: what is made comes before what refers to it, and what is removed after.
    pub(super) fn plan(&mut self, shapes: &RouteShapes) -> Vec<(u32, ObjectRequest)> {
        let mut requests: Vec<_> = std::mem::take(&mut self.dirty)
            .into_iter()
            .filter_map(|number| Some((number, self.request(number, shapes)?)))
            .collect();
        requests.sort_by_key(|(number, request)| match request {
            ObjectRequest::Create(ObjectContent::Hop { .. })
            | ObjectRequest::Replace(ObjectContent::Hop { .. }) => 0,
            ObjectRequest::Create(ObjectContent::Group(_))
            | ObjectRequest::Replace(ObjectContent::Group(_)) => 1,
            ObjectRequest::Remove if self.is_held_group(*number) => 2,
            ObjectRequest::Remove => 3,
        });
        requests
    }

    /// Notes that the kernel obeyed. Answers with the objects that are gone with it, which routes may refer to.
    pub(super) fn on_accepted(&mut self, number: u32, request: &ObjectRequest) -> Vec<u32> {
        match request {
            ObjectRequest::Create(content) | ObjectRequest::Replace(content) => {
                let content = Some(content.clone());
                self.set_held(number, Some(HeldObject { protocol: self.protocol, content }));
                Vec::new()
            }
            ObjectRequest::Remove => self.on_gone(number),
        }
    }

    /// Takes over what the kernel tells of an object. Answers with the objects that are gone with it.
    pub(super) fn on_notice(&mut self, notice: ObjectNotice) -> Vec<u32> {
        let ObjectNotice { object: number, protocol, content, removed } = notice;
        if removed {
            return self.on_gone(number);
        }
        if protocol == self.protocol && !self.objects.contains_key(&number) {
            if self.sweeping {
                self.dirty.insert(number);
            } else if let Some(content) = &content {
                self.unclaimed.entry(content.clone()).or_default().insert(number);
            }
        }
        self.set_held(number, Some(HeldObject { protocol, content }));
        self.dirty_if_meant(number);
        Vec::new()
    }

    /// The object is gone, and with it its place in groups; a group without members is gone, too. Answers with all of
    /// them.
    pub(super) fn on_gone(&mut self, number: u32) -> Vec<u32> {
        let Some(gone) = self.set_held(number, None) else { return Vec::new() };
        if let Some(content) = &gone.content
            && let Some(left) = self.unclaimed.get_mut(content)
        {
            left.remove(&number);
        }
        self.dirty_if_meant(number);
        let mut all_gone = vec![number];
        for group in self.groups.remove(&number).unwrap_or_default() {
            let Some(held) = self.held.get_mut(&group) else { continue };
            let Some(ObjectContent::Group(members)) = &mut held.content else { continue };
            members.retain(|member| member.object != number);
            if members.is_empty() {
                all_gone.extend(self.on_gone(group));
            } else {
                self.dirty_if_meant(group);
            }
        }
        all_gone
    }

    /// Takes a dump of all objects for the truth. Answers with those that are gone.
    pub(super) fn take_dump(&mut self, notices: Vec<ObjectNotice>) -> Vec<u32> {
        let told: BTreeSet<u32> = notices.iter().map(|notice| notice.object).collect();
        let missing: Vec<u32> = self.held.keys().copied().filter(|number| !told.contains(number)).collect();
        let mut gone = Vec::new();
        for number in missing {
            gone.extend(self.on_gone(number));
        }
        for notice in notices {
            self.on_notice(notice);
        }
        gone
    }

    fn request(&self, number: u32, shapes: &RouteShapes) -> Option<ObjectRequest> {
        let held = self.held.get(&number);
        let Some(object) = self.objects.get(&number) else {
            // Its removal would take routes along, and groups that have no other member.
            let in_use = shapes.uses_object(number) || self.groups.contains_key(&number);
            let removable = !in_use && held.is_some_and(|held| held.protocol == self.protocol);
            return removable.then_some(ObjectRequest::Remove);
        };
        match (&object.wanted, held) {
            (Some(wanted), None) => Some(ObjectRequest::Create(wanted.clone())),
            (Some(wanted), Some(held)) if held.content.as_ref() == Some(wanted) => None,
            (Some(wanted), Some(_)) => Some(ObjectRequest::Replace(wanted.clone())),
            (None, Some(_)) => Some(ObjectRequest::Remove),
            (None, None) => None,
        }
    }

    fn is_held_group(&self, number: u32) -> bool {
        let held = self.held.get(&number);
        held.is_some_and(|held| matches!(held.content, Some(ObjectContent::Group(_))))
    }

    /// Notes what the kernel holds under a number. Members of a group that were its last use are looked at.
    fn set_held(&mut self, number: u32, held: Option<HeldObject>) -> Option<HeldObject> {
        for member in held.iter().flat_map(HeldObject::members) {
            self.groups.entry(member).or_default().insert(number);
        }
        let stays = |member| held.iter().flat_map(HeldObject::members).any(|other| other == member);
        let former = self.held.get(&number).into_iter().flat_map(HeldObject::members);
        for member in former.filter(|&member| !stays(member)) {
            if let Some(groups) = self.groups.get_mut(&member) {
                groups.remove(&number);
                if groups.is_empty() {
                    self.groups.remove(&member);
                    self.dirty.insert(member);
                }
            }
        }
        match held {
            Some(held) => self.held.insert(number, held),
            None => self.held.remove(&number),
        }
    }

    fn dirty_if_meant(&mut self, number: u32) {
        if self.is_meant(number) {
            self.dirty.insert(number);
        }
    }

    fn free_number(&mut self) -> u32 {
        loop {
            let number = self.next_number;
            self.next_number = if number == LAST_NUMBER { FIRST_NUMBER } else { number + 1 };
            if !self.held.contains_key(&number) && !self.objects.contains_key(&number) {
                return number;
            }
        }
    }
}

/// A group's content from the objects of its members: sorted, each once.
pub(super) fn group_content(members: impl IntoIterator<Item = GroupMember>) -> ObjectContent {
    let mut members: Vec<GroupMember> = members.into_iter().collect();
    members.sort_unstable();
    members.dedup_by_key(|member| member.object);
    ObjectContent::Group(members)
}

/// Far from the numbers that the kernel and other daemons begin with.
const FIRST_NUMBER: u32 = 0x6d61_0000;
const LAST_NUMBER: u32 = 0x6dff_ffff;
