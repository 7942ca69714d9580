//! The next hop objects of this daemon: which are wanted, which the kernel refuses, and the requests that follow.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use margay_forwarding::{Hop, WeightedHop};

use super::due_objects::DueObjects;
use super::held_objects::{HeldObject, HeldObjects, UnclaimedObjects};
use crate::{
    netlink::{EEXIST, GroupMember, ObjectContent, ObjectNotice, ObjectRequest, Refusal},
    table::RouteShapes,
};

/// Meaning of an object. Its content may change; the routes that refer to it follow.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) enum ObjectMeaning {
    /// A next hop; if a route with several next hops leads to it, the one at this position.
    Hop(Hop, usize),
    /// A set of next hops.
    Group(Arc<[WeightedHop]>),
}

/// See the [module](self).
pub(crate) struct ObjectLedger {
    protocol: u8,
    by_meaning: HashMap<ObjectMeaning, u32>,
    objects: HashMap<u32, Object>,
    pub(crate) held: HeldObjects,
    unclaimed: UnclaimedObjects,
    /// Objects whose state may differ from what is wanted.
    pub(crate) due: DueObjects,
    /// Objects whose creation, change or removal the kernel refused.
    refused: BTreeSet<u32>,
    /// Objects that routes wait for.
    awaited: BTreeSet<u32>,
    /// Objects that the kernel has refused, or accepted after a refusal, since the last
    /// [`poll_changed`](Self::poll_changed).
    changed: BTreeSet<u32>,
    /// Objects whose number another program has taken, with their new numbers.
    renumbered: Vec<(u32, u32)>,
    next_number: u32,
    sweeping: bool,
}

struct Object {
    meaning: ObjectMeaning,
    /// `None` while packets have nowhere to go.
    wanted: Option<ObjectContent>,
    /// Number of paths and groups that use it.
    owners: usize,
    standing: Standing,
}

/// The kernel's verdict on an object.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Standing {
    /// Not refused.
    Good,
    /// Refused, possibly because the objects it refers to are not as known: they are read before it is
    /// requested again.
    Doubtful,
    /// Refused, and the objects have been read since.
    Reread,
    /// Refused.
    Refused,
}

impl ObjectLedger {
    pub(crate) fn new(protocol: u8) -> Self {
        Self {
            protocol,
            by_meaning: HashMap::new(),
            objects: HashMap::new(),
            held: HeldObjects::new(protocol),
            unclaimed: UnclaimedObjects::default(),
            due: DueObjects::default(),
            refused: BTreeSet::new(),
            awaited: BTreeSet::new(),
            changed: BTreeSet::new(),
            renumbered: Vec::new(),
            next_number: FIRST_NUMBER,
            sweeping: false,
        }
    }

    /// The object of a meaning, with one more owner. A new object takes over one of an earlier run with equal
    /// content.
    pub(crate) fn acquire(&mut self, meaning: ObjectMeaning, content: ObjectContent) -> u32 {
        if let Some(&number) = self.by_meaning.get(&meaning) {
            if let Some(object) = self.objects.get_mut(&number) {
                object.owners += 1;
            }
            self.want(number, Some(content));
            return number;
        }
        let left = self.unclaimed.claim(&content);
        let number = left.unwrap_or_else(|| self.free_number());
        self.by_meaning.insert(meaning.clone(), number);
        self.objects
            .insert(number, Object { meaning, wanted: Some(content), owners: 1, standing: Standing::Good });
        self.due.add(number);
        number
    }

    /// Whether the number belongs to an object of this run.
    pub(crate) fn is_meant(&self, number: u32) -> bool {
        self.objects.contains_key(&number)
    }

    /// Sets the wanted content of an object; `None` while packets have nowhere to go.
    pub(crate) fn want(&mut self, number: u32, content: Option<ObjectContent>) {
        if let Some(object) = self.objects.get_mut(&number)
            && object.wanted != content
        {
            object.wanted = content;
            self.due.add(number);
            if std::mem::replace(&mut object.standing, Standing::Good) != Standing::Good {
                self.refused.remove(&number);
                self.changed.insert(number);
            }
        }
    }

    /// The meaning of an object of this run.
    pub(crate) fn meaning(&self, number: u32) -> Option<&ObjectMeaning> {
        self.objects.get(&number).map(|object| &object.meaning)
    }

    /// Whether routes and groups may refer to an object of this run: the kernel has not refused it.
    pub(crate) fn is_usable(&self, number: u32) -> bool {
        self.objects.get(&number).is_some_and(|object| object.standing != Standing::Refused)
    }

    /// Whether the kernel holds the object, or will after the batch that is being planned.
    pub(crate) fn is_there(&self, number: u32) -> bool {
        self.due.is_in_batch(number) || self.held.contains(number)
    }

    /// Notes that routes wait for an object.
    pub(crate) fn wait_for(&mut self, number: u32) {
        self.awaited.insert(number);
    }

    /// Whether the kernel refuses any object.
    pub(crate) fn has_refused(&self) -> bool {
        !self.refused.is_empty()
    }

    /// Schedules refused objects to be requested again. Until the kernel accepts one, routes and groups do
    /// without it.
    pub(crate) fn retry(&mut self) {
        self.due.extend(self.refused.iter().copied());
    }

    /// As [`retry`](Self::retry), for one object if it is refused.
    pub(crate) fn retry_one(&mut self, number: u32) {
        if self.refused.contains(&number) {
            self.due.add(number);
        }
    }

    /// Notes that the kernel refused to create or change an object. Returns whether its objects have to be
    /// read first: a group may be refused because of a member that no longer exists, and a number because of
    /// an object that no message reported.
    pub(crate) fn on_refused(&mut self, number: u32, refusal: &Refusal) -> bool {
        let Some(object) = self.objects.get_mut(&number) else { return false };
        let may_be_misled = matches!(object.meaning, ObjectMeaning::Group(_)) || refusal.errno == EEXIST;
        if object.standing == Standing::Good && may_be_misled {
            object.standing = Standing::Doubtful;
            return true;
        }
        self.refuse(number);
        false
    }

    /// Notes that the kernel refused to remove an object.
    pub(crate) fn on_removal_refused(&mut self, number: u32) {
        self.refused.insert(number);
    }

    fn accept(&mut self, number: u32) -> Option<Standing> {
        self.refused.remove(&number);
        let object = self.objects.get_mut(&number)?;
        Some(std::mem::replace(&mut object.standing, Standing::Good))
    }

    fn refuse(&mut self, number: u32) {
        let Some(object) = self.objects.get_mut(&number) else { return };
        let before = std::mem::replace(&mut object.standing, Standing::Refused);
        self.refused.insert(number);
        if before != Standing::Refused {
            self.changed.insert(number);
        }
    }

    /// An object that routes may now refer to and could not before, or the reverse, or that they waited for.
    pub(crate) fn poll_changed(&mut self) -> Option<u32> {
        self.changed.pop_first()
    }

    /// Gives back an owner's share of an object. Without owners it is removed once no route refers to it.
    pub(crate) fn release(&mut self, number: u32) {
        let Some(object) = self.objects.get_mut(&number) else { return };
        object.owners -= 1;
        if object.owners == 0
            && let Some(object) = self.objects.remove(&number)
        {
            self.by_meaning.remove(&object.meaning);
            self.refused.remove(&number);
            self.awaited.remove(&number);
            self.due.add(number);
        }
    }

    /// From now on, own objects without a meaning are removed.
    pub(crate) fn sweep(&mut self) {
        self.sweeping = true;
        self.due.extend(self.unclaimed.drain());
    }

    /// The next request. Objects are created before what refers to them, and removed after it.
    pub(crate) fn poll_request(&mut self, shapes: &RouteShapes) -> Option<(u32, ObjectRequest)> {
        let mut due = std::mem::take(&mut self.due);
        let polled = due.poll(&self.held, |number| self.request(number, shapes));
        self.due = due;
        polled
    }

    /// Notes a request that was done. Returns the objects that it removed, which routes may refer to.
    pub(crate) fn on_accepted(&mut self, number: u32, request: &ObjectRequest) -> Vec<u32> {
        match request {
            ObjectRequest::Create(content) | ObjectRequest::Replace(content) => {
                let content = Some(content.clone());
                self.set_held(number, Some(HeldObject { protocol: self.protocol, content }));
                let before = self.accept(number);
                let was_refused = before == Some(Standing::Refused);
                if self.awaited.remove(&number) || was_refused {
                    self.changed.insert(number);
                }
                Vec::new()
            }
            ObjectRequest::Remove => self.on_gone(number),
        }
    }

    /// Handles a message about an object. Returns the objects that were removed, which routes may refer to.
    pub(crate) fn on_notice(&mut self, notice: ObjectNotice) -> Vec<u32> {
        let ObjectNotice { object: number, protocol, content, removed } = notice;
        if removed {
            return self.on_gone(number);
        }
        self.set_held(number, Some(HeldObject { protocol, content }));
        if protocol == self.protocol && !self.is_meant(number) {
            if self.sweeping {
                self.due.add(number);
            } else {
                self.unclaimed.add(number, &self.held);
            }
        }
        self.dirty_if_meant(number);
        if self.is_meant(number) && self.held.is_foreign(number) {
            self.renumber(number);
            return Vec::new();
        }
        let is_as_wanted = |object: &Object| {
            self.held.get(number).is_some_and(|held| held.content.is_some() && held.content == object.wanted)
        };
        let was_refused =
            self.refused.contains(&number) && self.objects.get(&number).is_some_and(is_as_wanted);
        if was_refused {
            self.accept(number);
        }
        if self.awaited.remove(&number) || was_refused {
            self.changed.insert(number);
        }
        Vec::new()
    }

    /// Removes an object, its membership in groups, and groups that are empty without it. Returns all removed
    /// objects. That includes one that was not known to exist: the kernel may have accepted routes over it.
    pub(crate) fn on_gone(&mut self, number: u32) -> Vec<u32> {
        if self.set_held(number, None).is_none() {
            return vec![number];
        }
        self.dirty_if_meant(number);
        let mut all_gone = vec![number];
        for group in self.held.take_groups(number) {
            let Some(held) = self.held.get(group) else { continue };
            let Some(ObjectContent::Group(members)) = &held.content else { continue };
            let left: Vec<GroupMember> =
                members.iter().filter(|member| member.object != number).copied().collect();
            if left.is_empty() {
                all_gone.extend(self.on_gone(group));
            } else {
                let (protocol, content) = (held.protocol, Some(ObjectContent::Group(left)));
                self.set_held(group, Some(HeldObject { protocol, content }));
                self.dirty_if_meant(group);
            }
        }
        all_gone
    }

    /// Replaces the known objects by those of a dump. Returns the objects that no longer exist.
    pub(crate) fn take_dump(&mut self, notices: Vec<ObjectNotice>) -> Vec<u32> {
        let reported: BTreeSet<u32> = notices.iter().map(|notice| notice.object).collect();
        let missing: Vec<u32> = self.held.numbers().filter(|number| !reported.contains(number)).collect();
        let mut gone = Vec::new();
        for number in missing {
            gone.extend(self.on_gone(number));
        }
        for notice in notices {
            self.on_notice(notice);
        }
        let doubtful = self.objects.iter().filter(|(_, object)| object.standing == Standing::Doubtful);
        let doubtful: Vec<u32> = doubtful.map(|(&number, _)| number).collect();
        for number in doubtful {
            if self.held.is_foreign(number) {
                self.renumber(number);
            } else if let Some(object) = self.objects.get_mut(&number) {
                object.standing = Standing::Reread;
                self.due.add(number);
            }
        }
        gone
    }

    /// Gives an object another number, because another program has taken its own.
    fn renumber(&mut self, number: u32) {
        let new = self.free_number();
        let Some(object) = self.objects.remove(&number) else { return };
        self.by_meaning.insert(object.meaning.clone(), new);
        self.objects.insert(new, Object { standing: Standing::Good, ..object });
        self.due.add(new);
        self.refused.remove(&number);
        self.changed.remove(&number);
        if self.awaited.remove(&number) {
            self.awaited.insert(new);
        }
        match self.renumbered.iter_mut().find(|(_, last)| *last == number) {
            Some((_, last)) => *last = new,
            None => self.renumbered.push((number, new)),
        }
    }

    /// The objects that got another number since the last call: former and new number of each.
    pub(crate) fn take_renumbered(&mut self) -> Vec<(u32, u32)> {
        std::mem::take(&mut self.renumbered)
    }

    fn request(&self, number: u32, shapes: &RouteShapes) -> Option<ObjectRequest> {
        let held = self.held.get(number);
        let Some(object) = self.objects.get(&number) else {
            // Removing it would also remove routes, and groups without another member.
            let in_use = shapes.uses_object(number) || self.held.is_member(number);
            let removable = !in_use && held.is_some_and(|held| held.protocol == self.protocol);
            return removable.then_some(ObjectRequest::Remove);
        };
        if self.held.is_foreign(number) {
            return None;
        }
        if object.standing == Standing::Doubtful {
            return None;
        }
        match (&object.wanted, held) {
            (Some(wanted), None) => Some(ObjectRequest::Create(wanted.clone())),
            (Some(wanted), Some(held)) if held.content.as_ref() == Some(wanted) => None,
            (Some(wanted), Some(_)) => Some(ObjectRequest::Replace(wanted.clone())),
            (None, Some(_)) => Some(ObjectRequest::Remove),
            (None, None) => None,
        }
    }

    /// Sets what the kernel holds under a number. Members of a group that used them last are scheduled for
    /// comparison. An unclaimed object can be claimed by its new content, if it is still ours.
    fn set_held(&mut self, number: u32, held: Option<HeldObject>) -> Option<HeldObject> {
        let was_unclaimed = self.unclaimed.remove(number, &self.held);
        let (former, unused) = self.held.set(number, held);
        self.due.extend(unused);
        if was_unclaimed && self.held.is_own(number) {
            self.unclaimed.add(number, &self.held);
        }
        former
    }

    fn dirty_if_meant(&mut self, number: u32) {
        if self.is_meant(number) {
            self.due.add(number);
        }
    }

    fn free_number(&mut self) -> u32 {
        loop {
            let number = self.next_number;
            self.next_number = if number == LAST_NUMBER { FIRST_NUMBER } else { number + 1 };
            if !self.held.contains(number) && !self.objects.contains_key(&number) {
                return number;
            }
        }
    }
}

/// Content of a group of these members: sorted, without duplicates.
pub(crate) fn group_content(members: impl IntoIterator<Item = GroupMember>) -> ObjectContent {
    let mut members: Vec<GroupMember> = members.into_iter().collect();
    members.sort_unstable();
    members.dedup_by_key(|member| member.object);
    ObjectContent::Group(members)
}

/// Far from the numbers that the kernel and other daemons begin with.
const FIRST_NUMBER: u32 = 0x6d61_0000;
const LAST_NUMBER: u32 = 0x6dff_ffff;

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use bgp_codec::NextHop;

    use super::*;

    const OURS: u8 = 186;

    /// After a restart with two next hops and the group of both in the kernel, under the first numbers.
    fn after_a_restart() -> ObjectLedger {
        let mut ledger = ObjectLedger::new(OURS);
        for host in 0..2 {
            assert_eq!(ledger.on_notice(there(FIRST_NUMBER + host, hop(host))), []);
        }
        assert_eq!(ledger.on_notice(there(GROUP, group(&[0, 1]))), []);
        ledger
    }

    #[test]
    fn a_group_of_an_earlier_run_is_claimed_by_the_members_that_it_has_now() {
        let mut ledger = after_a_restart();
        assert_eq!(ledger.on_gone(FIRST_NUMBER + 1), [FIRST_NUMBER + 1]);
        let of_both = ledger.acquire(group_meaning(&[0, 1]), group(&[0, 1]));
        assert_ne!(of_both, GROUP);
        assert_eq!(ledger.acquire(group_meaning(&[0]), group(&[0])), GROUP);
    }

    #[test]
    fn a_group_of_an_earlier_run_that_another_program_changed_is_claimed_once() {
        let mut ledger = after_a_restart();
        assert_eq!(ledger.on_notice(there(GROUP, group(&[1]))), []);
        assert_eq!(ledger.acquire(group_meaning(&[1]), group(&[1])), GROUP);
        assert_ne!(ledger.acquire(group_meaning(&[0, 1]), group(&[0, 1])), GROUP);
    }

    #[test]
    fn an_object_that_another_program_has_now_is_not_claimed() {
        let mut ledger = after_a_restart();
        let notice = ObjectNotice { protocol: 4, ..there(FIRST_NUMBER, hop(0)) };
        assert_eq!(ledger.on_notice(notice), []);
        assert_ne!(ledger.acquire(hop_meaning(0), hop(0)), FIRST_NUMBER);
    }

    #[test]
    fn the_number_of_a_group_that_lost_its_members_belongs_to_one_object() {
        for in_order in [[0, 1], [1, 0]] {
            let mut ledger = after_a_restart();
            let mut gone = Vec::new();
            for host in in_order {
                gone.extend(ledger.on_gone(FIRST_NUMBER + host));
            }
            assert_eq!(gone.last(), Some(&GROUP), "it goes with its last member");
            let mut numbers: Vec<u32> =
                (2..8).map(|host| ledger.acquire(hop_meaning(host), hop(host))).collect();
            assert!(numbers.contains(&GROUP), "the number is given again");
            numbers.push(ledger.acquire(group_meaning(&[0, 1]), group(&[0, 1])));
            assert_eq!(numbers.iter().collect::<BTreeSet<_>>().len(), numbers.len(), "{numbers:x?}");
            for (host, &number) in (2..8).zip(&numbers) {
                assert_eq!(ledger.meaning(number), Some(&hop_meaning(host)));
            }
        }
    }

    #[test]
    fn a_group_of_an_earlier_run_that_lost_a_member_is_swept() {
        let mut ledger = after_a_restart();
        assert_eq!(ledger.on_gone(FIRST_NUMBER), [FIRST_NUMBER]);
        ledger.sweep();
        let first = ledger.poll_request(&RouteShapes::default());
        assert_eq!(first, Some((GROUP, ObjectRequest::Remove)));
    }

    const GROUP: u32 = FIRST_NUMBER + 2;

    fn there(object: u32, content: ObjectContent) -> ObjectNotice {
        ObjectNotice { object, protocol: OURS, content: Some(content), removed: false }
    }

    fn gateway(host: u32) -> std::net::Ipv4Addr {
        (0x0a00_0002 + host).into()
    }

    fn hop(host: u32) -> ObjectContent {
        ObjectContent::Hop { gateway: IpAddr::V4(gateway(host)), interface: 1, onlink: false }
    }

    fn hop_meaning(host: u32) -> ObjectMeaning {
        ObjectMeaning::Hop(NextHop::Ipv4(gateway(host)).into(), 0)
    }

    fn group(hosts: &[u32]) -> ObjectContent {
        group_content(hosts.iter().map(|host| GroupMember { object: FIRST_NUMBER + host, weight: 1 }))
    }

    fn group_meaning(hosts: &[u32]) -> ObjectMeaning {
        let hop = |&host: &u32| WeightedHop { hop: NextHop::Ipv4(gateway(host)).into(), weight: 1 };
        ObjectMeaning::Group(hosts.iter().map(hop).collect())
    }
}
