//! Next hop objects.

use margay_fib::{EEXIST, KernelHop, Notice, ObjectContent, ObjectNotice};

use crate::object::Object;
use crate::{Cause, KernelModel, Refused};

impl KernelModel {
    /// Removes an object for another program. Returns whether there was one.
    pub fn remove_object(&mut self, number: u32) -> bool {
        self.drop_object(number, Cause::Others)
    }

    /// Creates or replaces an object for another program.
    ///
    /// # Errors
    ///
    /// The kernel's error number and its message.
    pub fn put_object(&mut self, number: u32, protocol: u8, content: ObjectContent) -> Result<(), Refused> {
        self.set_object((number, protocol), content, true, Cause::Others)
    }

    /// The numbers of the objects with a protocol number.
    #[must_use]
    pub fn objects(&self, protocol: u8) -> Vec<u32> {
        self.objects
            .iter()
            .filter(|(_, object)| object.protocol == protocol)
            .map(|(&number, _)| number)
            .collect()
    }

    pub(crate) fn set_object(
        &mut self,
        (number, protocol): (u32, u8),
        content: ObjectContent,
        replaces: bool,
        cause: Cause,
    ) -> Result<(), Refused> {
        match &content {
            ObjectContent::Hop { gateway, interface, onlink } => {
                let (gateway, interface, onlink) = (Some(*gateway), *interface, *onlink);
                self.check_hop(&KernelHop { gateway, interface, onlink, weight: 1 })?;
                if !self.is_usable(interface) {
                    return Err((ENETDOWN, "Carrier for nexthop device is down"));
                }
            }
            ObjectContent::Group(members) => {
                if members.is_empty() || members.iter().any(|member| !self.is_hop(member.object)) {
                    return Err((EINVAL, "Invalid nexthop id"));
                }
            }
        }
        if let Some(present) = self.objects.get(&number) {
            let same_kind = std::mem::discriminant(&present.content) == std::mem::discriminant(&content);
            match (replaces, same_kind) {
                (false, _) => return Err((EEXIST, "")),
                (true, false) => return Err((EINVAL, "Can not replace a nexthop with a nexthop group.")),
                (true, true) => {}
            }
        }
        self.objects.insert(number, Object { protocol, content });
        self.tell_object(number, cause);
        Ok(())
    }

    /// Removes an object, its membership in groups, the groups that it leaves empty, and the routes that
    /// refer to any of them. Returns whether it existed.
    pub(crate) fn drop_object(&mut self, number: u32, cause: Cause) -> bool {
        let Some(object) = self.objects.remove(&number) else { return false };
        let Object { protocol, content } = object;
        let notice = ObjectNotice { object: number, protocol, content: Some(content), removed: true };
        self.tell(cause, Notice::Object(notice));
        self.leave_groups(number, cause);
        self.lose_object(number);
        true
    }

    /// Removes the objects over a link, without a message.
    pub(crate) fn remove_objects_on(&mut self, interface: u32) {
        let is_here = |object: &Object| matches!(object.content, ObjectContent::Hop { interface: on, .. } if on == interface);
        let here: Vec<u32> =
            self.objects.iter().filter(|(_, object)| is_here(object)).map(|(&number, _)| number).collect();
        for number in here {
            self.drop_object(number, Cause::Daemon);
        }
    }

    pub(crate) fn object_hops(&self, number: u32) -> Vec<KernelHop> {
        match self.objects.get(&number).map(|object| &object.content) {
            None => Vec::new(),
            Some(ObjectContent::Hop { gateway, interface, onlink }) => {
                vec![KernelHop { gateway: Some(*gateway), interface: *interface, onlink: *onlink, weight: 1 }]
            }
            Some(ObjectContent::Group(members)) => {
                members.iter().flat_map(|member| self.object_hops(member.object)).collect()
            }
        }
    }

    pub(crate) fn dump_objects(&self) -> Vec<Notice> {
        self.objects.keys().filter_map(|&number| self.object_notice(number)).collect()
    }

    fn leave_groups(&mut self, number: u32, cause: Cause) {
        let mut changed = Vec::new();
        for (&group, object) in &mut self.objects {
            let ObjectContent::Group(members) = &mut object.content else { continue };
            let before = members.len();
            members.retain(|member| member.object != number);
            if members.len() != before {
                changed.push((group, members.is_empty()));
            }
        }
        for (group, is_empty) in changed {
            if is_empty {
                self.drop_object(group, cause);
            } else {
                self.tell_object(group, cause);
            }
        }
    }

    fn is_hop(&self, number: u32) -> bool {
        self.objects.get(&number).is_some_and(|object| matches!(object.content, ObjectContent::Hop { .. }))
    }

    fn tell_object(&mut self, number: u32, cause: Cause) {
        if let Some(notice) = self.object_notice(number) {
            self.tell(cause, notice);
        }
    }

    fn object_notice(&self, number: u32) -> Option<Notice> {
        let Object { protocol, content } = self.objects.get(&number)?.clone();
        Some(Notice::Object(ObjectNotice {
            object: number,
            protocol,
            content: Some(content),
            removed: false,
        }))
    }
}

const EINVAL: i32 = 22;
const ENETDOWN: i32 = 100;
