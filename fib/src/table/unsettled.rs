//! The entries that wait to be compared, in the order of their requests.
//!
//! Wishes are served in the order of their arrival. Removals are not: when the kernel removes the leaf of its
//! IPv4 trie that has the longest suffix below its parent, it scans the parent's children for the next
//! longest. With long prefixes removed first there is little to scan, and a table is removed in half the
//! time.

use std::collections::VecDeque;

use crate::index::EntryId;

/// The queue that an entry waits in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Waiting {
    /// Something is wanted there.
    Wish,
    /// Nothing is wanted there.
    Removal,
}

/// See the [module](self).
#[derive(Default)]
pub(crate) struct Unsettled {
    wishes: VecDeque<EntryId>,
    /// By prefix length.
    removals: Vec<VecDeque<EntryId>>,
    /// Number of entries waiting in either queue. An entry that is wanted again after all stays in
    /// `removals`, too, but does not count there.
    wishes_len: usize,
    removals_len: usize,
    /// The queues take turns, so that neither holds up the other.
    is_turn_of_removals: bool,
}

impl Unsettled {
    /// Adds an entry. `present` is the queue where it waits already, and is updated.
    pub(crate) fn on_waiting(
        &mut self,
        id: EntryId,
        length: u8,
        present: &mut Option<Waiting>,
        waiting: Waiting,
    ) {
        match (*present, waiting) {
            (Some(Waiting::Wish), _) | (Some(Waiting::Removal), Waiting::Removal) => return,
            (Some(Waiting::Removal), Waiting::Wish) => self.on_left(Waiting::Removal),
            (None, _) => {}
        }
        *present = Some(waiting);
        match waiting {
            Waiting::Wish => {
                self.wishes_len += 1;
                self.wishes.push_back(id);
            }
            Waiting::Removal => {
                self.removals_len += 1;
                let length = usize::from(length);
                if self.removals.len() <= length {
                    self.removals.resize_with(length + 1, VecDeque::new);
                }
                self.removals[length].push_back(id);
            }
        }
    }

    /// Notes that a waiting entry has left its queue.
    pub(crate) fn on_left(&mut self, waiting: Waiting) {
        match waiting {
            Waiting::Wish => self.wishes_len -= 1,
            Waiting::Removal => self.removals_len -= 1,
        }
    }

    /// The next entry. One that has left may be returned once more.
    pub(crate) fn poll(&mut self) -> Option<EntryId> {
        self.is_turn_of_removals = !self.is_turn_of_removals;
        if self.is_turn_of_removals {
            self.poll_removal().or_else(|| self.wishes.pop_front())
        } else {
            self.wishes.pop_front().or_else(|| self.poll_removal())
        }
    }

    /// Those that wait, in about the order in which they are next. An entry that has left may be among them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = EntryId> {
        self.wishes.iter().chain(self.removals.iter().rev().flatten()).copied()
    }

    /// How many entries wait at which something is wanted.
    pub(crate) fn wishes_len(&self) -> usize {
        self.wishes_len
    }

    /// Number of waiting entries.
    pub(crate) fn len(&self) -> usize {
        self.wishes_len + self.removals_len
    }

    fn poll_removal(&mut self) -> Option<EntryId> {
        loop {
            let longest = self.removals.last_mut()?;
            match longest.pop_front() {
                Some(id) => return Some(id),
                None => drop(self.removals.pop()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        mirror::Mirror,
        mirror::tests::{blackhole, options, prefix, unwanted, wanted},
        netlink::{Batch, Request},
    };

    #[test]
    fn the_longest_prefix_is_removed_first_and_installations_do_not_wait() {
        let mut mirror = Mirror::new(options());
        let table = ["10.1.0.0/16", "10.2.3.4/32", "10.3.0.0/24", "10.4.0.0/16", "10.5.0.0/24"];
        mirror.want(&table.map(|text| wanted(text, blackhole())));
        assert_eq!(asked(&mut mirror), table);
        mirror.want(&table.map(unwanted));
        mirror.want(&[wanted("10.6.0.0/16", blackhole()), wanted("10.4.0.0/16", blackhole())]);
        assert_eq!(mirror.entries.unsettled().wishes_len(), 2);
        assert_eq!(mirror.entries.unsettled().len(), 6);
        let expected = ["10.2.3.4/32", "10.6.0.0/16", "10.3.0.0/24", "10.5.0.0/24", "10.1.0.0/16"];
        assert_eq!(asked(&mut mirror), expected, "a removal that was revoked needs no request");
        assert_eq!(mirror.entries.unsettled().len(), 0);
    }

    #[test]
    fn an_entry_that_waited_in_two_places_is_gone_from_both() {
        let mut mirror = Mirror::new(options());
        for _ in 0..3 {
            mirror.want(&[wanted("10.1.0.0/16", blackhole())]);
            assert_eq!(asked(&mut mirror), ["10.1.0.0/16"]);
            mirror.want(&[unwanted("10.1.0.0/16")]);
            mirror.want(&[wanted("10.1.0.0/16", blackhole())]);
            mirror.want(&[unwanted("10.1.0.0/16")]);
            assert_eq!(mirror.entries.unsettled().len(), 1);
            assert_eq!(asked(&mut mirror), ["10.1.0.0/16"]);
            mirror.untouch();
            assert_eq!((mirror.entries.iter().count(), mirror.entries.unsettled().len()), (0, 0));
        }
    }

    /// The prefixes of the requests that are planned now, all of which succeed.
    fn asked(mirror: &mut Mirror) -> Vec<String> {
        let mut batch = Batch::new(1);
        mirror.plan_batch(&mut batch, 1000);
        let prefix_of = |request: &Request| match request {
            Request::Route(id, _) => mirror.entries.get(*id).prefix.to_string(),
            Request::Object(number, _) => format!("object {number}"),
        };
        let prefixes = batch.requests().iter().map(prefix_of).collect();
        mirror.on_answers(&batch, &[]);
        prefixes
    }

    #[test]
    fn a_prefix_is_compared_once_however_often_it_changes() {
        let mut mirror = Mirror::new(options());
        for _ in 0..5 {
            mirror.want(&[wanted("10.1.0.0/16", blackhole()), unwanted("10.1.0.0/16")]);
        }
        assert_eq!(mirror.entries.unsettled().len(), 1);
        assert!(mirror.entries.find(0, prefix("10.1.0.0/16")).is_some());
        assert_eq!(asked(&mut mirror), Vec::<String>::new());
        assert_eq!(mirror.entries.iter().count(), 0);
    }
}
