//! Next hops lost with a peer: the forwarding table can drop them before each route has been decided again.

use std::collections::{BTreeSet, VecDeque};

use bgp_codec::NextHop;
use margay_forwarding::NextHopLoss;

/// See the [module](self).
#[derive(Debug, Default)]
pub(crate) struct NextHopLosses {
    lost: BTreeSet<NextHop>,
    untold: VecDeque<NextHopLoss>,
}

impl NextHopLosses {
    /// Notes that no path over these next hops is in use any more.
    pub(crate) fn on_lost(&mut self, next_hops: impl IntoIterator<Item = NextHop>) {
        for next_hop in next_hops {
            if self.lost.insert(next_hop) {
                self.untold.push_back(NextHopLoss { next_hop, lost: true });
            }
        }
    }

    /// Notes that a path over the next hop may be in use from now on.
    pub(crate) fn on_announced(&mut self, next_hop: NextHop) {
        if self.lost.remove(&next_hop) {
            self.untold.push_back(NextHopLoss { next_hop, lost: false });
        }
    }

    /// Notes that every route has been decided again and read: no route uses a lost next hop.
    pub(crate) fn on_all_read(&mut self) {
        let lost = std::mem::take(&mut self.lost);
        self.untold.extend(lost.into_iter().map(|next_hop| NextHopLoss { next_hop, lost: false }));
    }

    /// Losses to be applied before the changes of routes.
    pub(crate) fn poll(&mut self) -> Vec<NextHopLoss> {
        self.untold.drain(..).collect()
    }
}
