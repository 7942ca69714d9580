//! The next hop objects that the kernel holds, own and foreign, from its messages and answers.

use std::collections::{BTreeSet, HashMap};

use crate::netlink::ObjectContent;

/// See the [module](self).
pub(crate) struct HeldObjects {
    protocol: u8,
    by_number: HashMap<u32, HeldObject>,
    /// Number of own objects.
    own: usize,
    /// The groups that the kernel has each object in.
    groups: HashMap<u32, BTreeSet<u32>>,
}

/// An object that the kernel holds.
pub(crate) struct HeldObject {
    pub(crate) protocol: u8,
    pub(crate) content: Option<ObjectContent>,
}

/// Own objects of an earlier run that have no meaning yet, by the content that the kernel has for them.
#[derive(Default)]
pub(crate) struct UnclaimedObjects {
    by_content: HashMap<ObjectContent, BTreeSet<u32>>,
}

impl HeldObjects {
    pub(crate) fn new(protocol: u8) -> Self {
        Self { protocol, by_number: HashMap::new(), own: 0, groups: HashMap::new() }
    }

    pub(crate) fn get(&self, number: u32) -> Option<&HeldObject> {
        self.by_number.get(&number)
    }

    pub(crate) fn contains(&self, number: u32) -> bool {
        self.by_number.contains_key(&number)
    }

    pub(crate) fn numbers(&self) -> impl Iterator<Item = u32> + '_ {
        self.by_number.keys().copied()
    }

    /// Whether this daemon has made the object, in this run or an earlier one.
    pub(crate) fn is_own(&self, number: u32) -> bool {
        self.get(number).is_some_and(|held| held.protocol == self.protocol)
    }

    /// Whether another program has an object of this number.
    pub(crate) fn is_foreign(&self, number: u32) -> bool {
        self.get(number).is_some_and(|held| held.protocol != self.protocol)
    }

    pub(crate) fn is_group(&self, number: u32) -> bool {
        self.get(number).is_some_and(|held| matches!(held.content, Some(ObjectContent::Group(_))))
    }

    /// Whether the object is in a group.
    pub(crate) fn is_member(&self, number: u32) -> bool {
        self.groups.contains_key(&number)
    }

    /// The groups of an object that is gone.
    pub(crate) fn take_groups(&mut self, number: u32) -> BTreeSet<u32> {
        self.groups.remove(&number).unwrap_or_default()
    }

    /// Where the kernel sends packets of routes that refer to the object: its own content, or that of each
    /// member of a group.
    pub(crate) fn hops(&self, number: u32) -> Vec<(ObjectContent, u8)> {
        let content = |number| self.get(number).and_then(|held| held.content.clone());
        match content(number) {
            None => Vec::new(),
            Some(ObjectContent::Group(members)) => {
                members.iter().filter_map(|member| Some((content(member.object)?, member.weight))).collect()
            }
            Some(hop) => vec![(hop, 1)],
        }
    }

    /// The objects that use the interface, without groups.
    pub(crate) fn on_interface(&self, interface: u32) -> Vec<u32> {
        let is_there = |held: &HeldObject| matches!(&held.content, Some(ObjectContent::Hop { interface: own, .. }) if *own == interface);
        self.by_number.iter().filter(|(_, held)| is_there(held)).map(|(&number, _)| number).collect()
    }

    /// Number of own objects.
    pub(crate) fn own_len(&self) -> usize {
        self.own
    }

    /// [`own_len`](Self::own_len), counted again.
    pub(crate) fn recount_own(&self) -> usize {
        self.by_number.values().filter(|held| held.protocol == self.protocol).count()
    }

    /// Sets what the kernel holds under a number. Returns what it held before, and the former members of a group that are now
    /// in none.
    pub(crate) fn set(&mut self, number: u32, held: Option<HeldObject>) -> (Option<HeldObject>, Vec<u32>) {
        for member in held.iter().flat_map(HeldObject::members) {
            self.groups.entry(member).or_default().insert(number);
        }
        let protocol = self.protocol;
        let is_own = |held: &HeldObject| held.protocol == protocol;
        let is_own_now = held.as_ref().is_some_and(is_own);
        let members: Vec<u32> = held.iter().flat_map(HeldObject::members).collect();
        let former = match held {
            Some(held) => self.by_number.insert(number, held),
            None => self.by_number.remove(&number),
        };
        let was_own = former.as_ref().is_some_and(is_own);
        self.own = self.own + usize::from(is_own_now) - usize::from(was_own);
        let left = former.iter().flat_map(HeldObject::members).filter(|member| !members.contains(member));
        let unused = left.filter(|&member| self.leave(number, member)).collect();
        (former, unused)
    }

    /// Takes a member out of a group. Returns whether it is in none now.
    fn leave(&mut self, group: u32, member: u32) -> bool {
        let Some(groups) = self.groups.get_mut(&member) else { return false };
        groups.remove(&group);
        let is_unused = groups.is_empty();
        if is_unused {
            self.groups.remove(&member);
        }
        is_unused
    }
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

impl UnclaimedObjects {
    /// Lets a meaning with the content of an object claim it.
    pub(crate) fn add(&mut self, number: u32, held: &HeldObjects) {
        if let Some(content) = held.get(number).and_then(|held| held.content.clone()) {
            self.by_content.entry(content).or_default().insert(number);
        }
    }

    /// Makes an object impossible to claim. Returns whether it could be claimed.
    pub(crate) fn remove(&mut self, number: u32, held: &HeldObjects) -> bool {
        let Some(content) = held.get(number).and_then(|held| held.content.as_ref()) else { return false };
        let Some(numbers) = self.by_content.get_mut(content) else { return false };
        let was_unclaimed = numbers.remove(&number);
        if numbers.is_empty() {
            self.by_content.remove(content);
        }
        was_unclaimed
    }

    /// Takes an object with this content out.
    pub(crate) fn claim(&mut self, content: &ObjectContent) -> Option<u32> {
        self.by_content.get_mut(content).and_then(BTreeSet::pop_first)
    }

    /// Takes all objects out.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = u32> {
        self.by_content.drain().flat_map(|(_, numbers)| numbers)
    }
}
