//! What differs between two states of a program.

use std::collections::{BTreeMap, BTreeSet};

use crate::set::Member;

use super::value::DispatchMap;

/// What differs from the state before; the present values are in the [`Program`](super::Program).
///
/// A transaction creates sets and chains first, then changes rules and maps, and removes chains and sets last.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ProgramChanges {
    /// Named sets that came, went, or have other members.
    pub sets: BTreeMap<String, NamedSetChange>,
    /// Chains that came, went, or have other rules.
    pub chains: BTreeSet<String>,
    /// Interfaces that came, went, or lead to another chain.
    pub interfaces: BTreeSet<(DispatchMap, String)>,
}

/// What happened to a named set.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum NamedSetChange {
    /// It is new; its members are in the [`Program`](super::Program).
    Created,
    /// It has other members.
    Changed {
        /// Members that are new.
        added: BTreeSet<Member>,
        /// Members that are gone.
        removed: BTreeSet<Member>,
    },
    /// No rule refers to it any more.
    Removed,
}

impl ProgramChanges {
    /// Whether nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sets.is_empty() && self.chains.is_empty() && self.interfaces.is_empty()
    }
}
