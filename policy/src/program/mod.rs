//! The rules that enforce policy, as values: sets, chains and dispatch maps of one nftables table for both families.
//!
//! A packet enters at a dispatch map, which leads to the chain of its interface's endpoint and direction. That chain
//! jumps to the chains of policies and profiles in order; endpoints with equal lists share it. A chain of a policy sets
//! a mark where a rule allows or passes, and drops where one denies. What comes back to the dispatcher with the mark of
//! [`Marks::accept`] is allowed.

mod changes;
mod compiler;
mod endpoint_chain;
mod named_sets;
mod names;
mod programmer;
mod rule_chain;
mod value;

use std::collections::BTreeMap;

use margay_cluster::key::ObjectKey;
use margay_cluster::object::Kind;

use crate::calculation::Changes;
use crate::evaluator::Stage;
use crate::packet::Direction;
use crate::wanted::Wanted;

pub use self::changes::{NamedSetChange, ProgramChanges};
pub use self::programmer::Programmer;
pub use self::value::{
    Chain, DispatchMap, Marks, Match, Ports, Program, ProgramRule, ProgramSet, SetElements, Statement,
};

impl Program {
    /// The rules that enforce what is wanted.
    #[must_use]
    pub fn of(wanted: &Wanted, marks: Marks) -> Self {
        let mut programmer = Programmer::new(marks);
        programmer.update(wanted, &Changes::everything(wanted));
        programmer.program().clone()
    }

    /// The interfaces of one kind of endpoint, stage and direction, each with the chain of its endpoint.
    #[must_use]
    pub fn interfaces(&self, map: &DispatchMap) -> Option<&BTreeMap<String, String>> {
        self.dispatch.get(map)
    }
}

impl DispatchMap {
    /// The map that packets of an endpoint's interface enter at.
    #[must_use]
    pub fn of(endpoint: &ObjectKey, stage: Stage, direction: Direction) -> Self {
        Self { is_host: endpoint.kind == Kind::HostEndpoint, stage, direction }
    }
}
