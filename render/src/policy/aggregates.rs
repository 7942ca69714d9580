//! The node's own blocks.

use ipnet::IpNet;

use crate::Family;
use crate::context::Context;

/// A block that stands for the routes inside it.
///
/// Those of a lower metric than ordinary routes are advertised all the same.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BlockAggregate {
    /// The block.
    pub block: IpNet,
    /// Whether the block itself is originated and held by a blackhole; not that of a single address.
    pub is_originated: bool,
}

/// The blocks that are confirmed, in their order.
pub(crate) fn plan_aggregates(context: &Context<'_>, family: Family) -> Vec<BlockAggregate> {
    let blocks = context.snapshot.blocks.iter();
    let own = blocks.filter(|(block, affinity)| {
        Family::of_network(**block) == family && affinity.is_confirmed() && !affinity.deleted
    });
    own.map(|(&block, _)| BlockAggregate {
        block,
        is_originated: block.prefix_len() < block.max_prefix_len(),
    })
    .collect()
}
