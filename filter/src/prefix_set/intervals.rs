//! Prefix ranges of one family as borders in the address space.

use bgp_codec::{IpPrefix, Ipv4Prefix, Ipv6Prefix};

use crate::length_range::LengthRange;

/// The address space cut at every border of a member: each interval knows the innermost member around it.
#[derive(Debug)]
pub(super) struct Intervals<A> {
    /// Where each interval begins, ascending; it ends before the next one.
    starts: Vec<A>,
    /// The innermost node around each interval.
    innermost: Vec<Option<NodeIndex>>,
    nodes: Vec<Node>,
}

type NodeIndex = u32;

/// A prefix that is in the set, with what it and the prefixes around it hold.
#[derive(Clone, Copy, Debug)]
struct Node {
    length: u8,
    /// The lengths held here, by this node or one around it.
    lengths: LengthSet,
    /// The next node around this one.
    parent: Option<NodeIndex>,
}

/// The addresses of a family as numbers.
pub(super) trait Address: Copy + Ord {
    type Prefix: IpPrefix;
    fn first(prefix: Self::Prefix) -> Self;
    /// The address after the last one of the prefix.
    fn after(prefix: Self::Prefix) -> Option<Self>;
}

impl<A: Address> Intervals<A> {
    pub(super) fn new(ranges: impl Iterator<Item = (A::Prefix, LengthRange)>) -> Self {
        let mut ranges: Vec<(A::Prefix, LengthRange)> = ranges.collect();
        ranges.sort_by_key(|&(prefix, _)| (A::first(prefix), prefix.length()));
        let mut sweep = Sweep::default();
        for (prefix, lengths) in ranges {
            sweep.enter(prefix, lengths);
        }
        sweep.leave_before(None);
        sweep.intervals
    }

    #[inline]
    pub(super) fn contains(&self, prefix: A::Prefix) -> bool {
        let after = self.starts.partition_point(|&start| start <= A::first(prefix));
        let mut index = after.checked_sub(1).and_then(|at| self.innermost[at]);
        // A route that is longer than the innermost member around its first address lies around that member.
        while let Some(node) = index.map(|index| &self.nodes[index as usize]) {
            if node.length <= prefix.length() {
                return node.lengths.contains(prefix.length());
            }
            index = node.parent;
        }
        false
    }
}

/// Builds the intervals from prefixes in ascending order, those around others first.
struct Sweep<A: Address> {
    intervals: Intervals<A>,
    /// The nodes that the current address is inside of, the innermost last.
    open: Vec<(A::Prefix, NodeIndex)>,
}

impl<A: Address> Default for Sweep<A> {
    fn default() -> Self {
        let intervals = Intervals { starts: Vec::new(), innermost: Vec::new(), nodes: Vec::new() };
        Self { intervals, open: Vec::new() }
    }
}

impl<A: Address> Sweep<A> {
    fn enter(&mut self, prefix: A::Prefix, lengths: LengthRange) {
        self.leave_before(Some(A::first(prefix)));
        let nodes = &mut self.intervals.nodes;
        if let Some(&(_, index)) = self.open.last().filter(|(open, _)| *open == prefix) {
            nodes[index as usize].lengths.insert(lengths);
            return;
        }
        let parent = self.open.last().map(|&(_, index)| index);
        let mut node = Node { length: prefix.length(), lengths: LengthSet::default(), parent };
        if let Some(parent) = parent {
            node.lengths = nodes[parent as usize].lengths;
        }
        node.lengths.insert(lengths);
        let index = NodeIndex::try_from(nodes.len()).expect("a set holds fewer than 2^32 prefixes");
        nodes.push(node);
        self.open.push((prefix, index));
        self.begin(A::first(prefix), Some(index));
    }

    /// Closes the nodes that end before an address; `None` closes all.
    fn leave_before(&mut self, address: Option<A>) {
        while let Some(&(prefix, _)) = self.open.last() {
            let after = A::after(prefix);
            if let Some(address) = address
                && after.is_none_or(|after| address < after)
            {
                return;
            }
            self.open.pop();
            if let Some(after) = after {
                let around = self.open.last().map(|&(_, index)| index);
                self.begin(after, around);
            }
        }
    }

    fn begin(&mut self, start: A, innermost: Option<NodeIndex>) {
        let Intervals { starts, innermost: nodes, .. } = &mut self.intervals;
        if starts.last() == Some(&start) {
            starts.pop();
            nodes.pop();
        }
        starts.push(start);
        nodes.push(innermost);
    }
}

/// Which of the lengths 0 to 128 are meant.
#[derive(Clone, Copy, Debug, Default)]
struct LengthSet([u64; 3]);

impl LengthSet {
    fn insert(&mut self, lengths: LengthRange) {
        for length in lengths.shortest()..=lengths.longest() {
            self.0[usize::from(length / 64)] |= 1 << (length % 64);
        }
    }

    fn contains(&self, length: u8) -> bool {
        self.0[usize::from(length / 64)] >> (length % 64) & 1 == 1
    }
}

impl Address for u32 {
    type Prefix = Ipv4Prefix;

    fn first(prefix: Ipv4Prefix) -> Self {
        prefix.address().to_bits()
    }

    fn after(prefix: Ipv4Prefix) -> Option<Self> {
        let size = 1u64 << (32 - prefix.length());
        Self::try_from(u64::from(Self::first(prefix)) + size).ok()
    }
}

impl Address for u128 {
    type Prefix = Ipv6Prefix;

    fn first(prefix: Ipv6Prefix) -> Self {
        prefix.address().to_bits()
    }

    fn after(prefix: Ipv6Prefix) -> Option<Self> {
        let size = 1u128.checked_shl(u32::from(128 - prefix.length()))?;
        Self::first(prefix).checked_add(size)
    }
}
