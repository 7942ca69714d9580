//! Cache of decoded UPDATEs.

use std::rc::Rc;

use anyhow::Result;
use foldhash::{HashMap, HashMapExt};

use super::route_change::RouteChange;

/// UPDATEs by their octets, with the effect of each.
#[derive(Debug)]
pub(super) struct UpdateMemo {
    known: Vec<Known>,
    by_octets: HashMap<Rc<[u8]>, usize>,
    /// Octets of all entries.
    size_octets: usize,
    /// The latest one that did not fit.
    last: RouteChange,
}

#[derive(Debug)]
struct Known {
    octets: Rc<[u8]>,
    change: RouteChange,
    /// The UPDATE that followed it for the last client: the next client probably receives them in the same
    /// order.
    follower: usize,
}

/// The place of an UPDATE in the memo.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct MemoPlace(usize);

impl UpdateMemo {
    pub(super) fn new() -> Self {
        Self { known: Vec::new(), by_octets: HashMap::new(), size_octets: 0, last: RouteChange::default() }
    }

    /// Effect of an UPDATE, decoded by `read` if its octets are new. `after` is the previous UPDATE of the
    /// same session, and becomes this one.
    ///
    /// # Errors
    ///
    /// Those of `read`.
    pub(super) fn find(
        &mut self,
        message: &[u8],
        after: &mut MemoPlace,
        read: impl FnOnce(&[u8]) -> Result<RouteChange>,
    ) -> Result<&RouteChange> {
        let guess = self.known.get(after.0).map_or(0, |known| known.follower);
        if self.known.get(guess).is_some_and(|known| *known.octets == *message) {
            after.0 = guess;
            return Ok(&self.known[guess].change);
        }
        let place = match self.by_octets.get(message) {
            Some(&place) => place,
            None if self.size_octets + message.len() > MOST_OCTETS => {
                self.last = read(message)?;
                return Ok(&self.last);
            }
            None => self.insert(message, read(message)?),
        };
        if let Some(before) = self.known.get_mut(after.0) {
            before.follower = place;
        }
        after.0 = place;
        Ok(&self.known[place].change)
    }

    fn insert(&mut self, message: &[u8], change: RouteChange) -> usize {
        let (octets, place) = (Rc::from(message), self.known.len());
        self.by_octets.insert(Rc::clone(&octets), place);
        self.known.push(Known { octets, change, follower: place });
        self.size_octets += message.len();
        place
    }
}

/// Limit for a daemon that sends different octets to each client, whose UPDATEs are then decoded each time.
const MOST_OCTETS: usize = 64 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reflected::route_change::Mask;

    #[test]
    fn reads_the_same_octets_once_whatever_the_order() {
        let mut memo = UpdateMemo::new();
        let mut reads = 0;
        for order in [[1, 2, 3], [1, 2, 3], [3, 1, 2], [2, 2, 1]] {
            let mut after = MemoPlace::default();
            for octet in order {
                let read = |message: &[u8]| {
                    reads += 1;
                    let right = vec![Mask { word: message[0].into(), bits: 1 }];
                    Ok(RouteChange { right, ..RouteChange::default() })
                };
                let change = memo.find(&[octet], &mut after, read).unwrap();
                assert_eq!(change.right[0].word, usize::from(octet), "{order:?}");
            }
        }
        assert_eq!(reads, 3);
    }
}
