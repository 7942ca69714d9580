//! The first half of a verdict: what follows from a path alone, for all prefixes that share it.

use crate::chain::FilterChain;
use crate::route::{Destination, RoutePath};
use crate::run::{Run, Stop};
use crate::verdict::Verdict;

/// What a chain says of a path before the prefix is known.
///
/// Where no rule that was reached looks at the prefix, that is the verdict. Otherwise it is a tree of questions about the
/// prefix, which grows as prefixes are asked about: attributes are looked at once, however many prefixes share them.
#[derive(Debug)]
pub struct Halfway {
    nodes: Vec<Node>,
    /// The last verdict that the tree had no room for.
    beyond: Option<Verdict>,
}

#[derive(Debug)]
enum Node {
    Settled(Verdict),
    /// The condition of the run's next step depends on the prefix.
    Question {
        run: Run,
        yes: Option<usize>,
        no: Option<usize>,
    },
}

impl Halfway {
    pub(crate) fn new(chain: &FilterChain, path: &RoutePath<'_>) -> Self {
        let mut halfway = Self { nodes: Vec::new(), beyond: None };
        halfway.add(Run::new(), chain, path);
        halfway
    }

    /// The verdict, where it is the same for all prefixes.
    pub fn settled(&self) -> Option<&Verdict> {
        match self.nodes.first() {
            Some(Node::Settled(verdict)) => Some(verdict),
            Some(Node::Question { .. }) | None => None,
        }
    }

    /// The verdict for one prefix. Chain and path must be those of [`FilterChain::by_path`].
    #[inline]
    pub fn verdict(
        &mut self,
        chain: &FilterChain,
        path: &RoutePath<'_>,
        destination: &Destination,
    ) -> &Verdict {
        let mut at = 0;
        while let Node::Question { run, yes, no } = &self.nodes[at] {
            let holds = chain.answers(run, path, destination);
            at = match if holds { yes } else { no } {
                Some(known) => *known,
                None if self.nodes.len() < MAX_NODES => self.grow(at, holds, chain, path),
                None => {
                    let verdict = run.clone().finish(chain.program(), path, destination, |_, _, _| {});
                    return self.beyond.insert(verdict);
                }
            };
        }
        match &self.nodes[at] {
            Node::Settled(verdict) => verdict,
            Node::Question { .. } => unreachable!("the loop ends at a verdict"),
        }
    }

    /// Follows a question to an answer that was not given before; returns the node that comes of it.
    fn grow(&mut self, from: usize, holds: bool, chain: &FilterChain, path: &RoutePath<'_>) -> usize {
        let Node::Question { run, .. } = &self.nodes[from] else { return from };
        let mut run = run.clone();
        let next = match chain.take_step(&mut run, holds, path) {
            Some(verdict) => self.push(Node::Settled(verdict)),
            None => self.add(run, chain, path),
        };
        if let Node::Question { yes, no, .. } = &mut self.nodes[from] {
            *(if holds { yes } else { no }) = Some(next);
        }
        next
    }

    fn add(&mut self, run: Run, chain: &FilterChain, path: &RoutePath<'_>) -> usize {
        self.push(match run.advance(chain.program(), path) {
            Stop::Settled(verdict) => Node::Settled(verdict),
            Stop::Open(run) => Node::Question { run, yes: None, no: None },
        })
    }

    fn push(&mut self, node: Node) -> usize {
        self.nodes.push(node);
        self.nodes.len() - 1
    }
}

/// How many nodes a tree has at most; what lies beyond is computed each time. A chain of 40 rules that look at prefixes and
/// set nothing needs 81.
const MAX_NODES: usize = 256;
