//! A program that is kept up to date.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::calculation::{Changes, SetChange};
use crate::packet::Direction;
use crate::set::SetKey;
use crate::wanted::{ObjectId, RuleLists, Wanted};

use super::changes::ProgramChanges;
use super::compiler::{Chains, CompiledEntry, Compiler};
use super::value::{Chain, DispatchMap, Marks, Program};
use super::{named_sets, names};

/// Keeps a program up to date with what is wanted, at the cost of what changed.
#[derive(Clone, Debug)]
pub struct Programmer {
    marks: Marks,
    program: Program,
    /// The names of the chains of each policy and profile.
    owned: BTreeMap<Owner, Vec<String>>,
    entries: BTreeMap<ObjectId, Vec<Entry>>,
    /// How many entries lead to a chain of endpoints.
    users: BTreeMap<String, u32>,
    /// The endpoints that name an interface, each with its chain.
    claims: BTreeMap<(DispatchMap, String), BTreeMap<ObjectId, String>>,
}

/// What a chain of rules comes from.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Owner {
    Policy(ObjectId),
    Profile(Arc<str>),
}

#[derive(Clone, Debug)]
struct Entry {
    map: DispatchMap,
    interface: String,
    chain: String,
}

/// What was there before an update, of all that it touches.
#[derive(Debug, Default)]
struct Before {
    chains: BTreeMap<String, Option<Chain>>,
    interfaces: BTreeMap<(DispatchMap, String), Option<String>>,
}

impl Programmer {
    /// An empty program.
    #[must_use]
    pub fn new(marks: Marks) -> Self {
        Self {
            marks,
            program: Program::default(),
            owned: BTreeMap::new(),
            entries: BTreeMap::new(),
            users: BTreeMap::new(),
            claims: BTreeMap::new(),
        }
    }

    /// The program for what was wanted at the last update.
    #[must_use]
    pub const fn program(&self) -> &Program {
        &self.program
    }

    /// Brings the program up to date with what is wanted now, which differs in `changes` from the last time.
    pub fn update(&mut self, wanted: &Wanted, changes: &Changes) -> ProgramChanges {
        let mut program_changes = ProgramChanges::default();
        let mut before = Before::default();
        let reshaped = self.update_sets(wanted, changes, &mut program_changes);
        let appeared_or_gone = self.update_rules(wanted, changes, &reshaped, &mut before);
        let names_one =
            |profiles: &[Arc<str>]| profiles.iter().any(|profile| appeared_or_gone.contains(profile));
        let mut endpoints = changes.endpoints.clone();
        if !appeared_or_gone.is_empty() {
            let concerned = wanted.endpoints.iter().filter(|(_, endpoint)| names_one(&endpoint.profiles));
            endpoints.extend(concerned.map(|(id, _)| Arc::clone(id)));
        }
        for endpoint in &endpoints {
            self.update_endpoint(endpoint, wanted, &mut before);
        }
        before.differences(&self.program, &mut program_changes);
        program_changes
    }

    /// Changes named sets, and returns the sets for which others exist than before.
    fn update_sets(
        &mut self,
        wanted: &Wanted,
        changes: &Changes,
        program_changes: &mut ProgramChanges,
    ) -> BTreeSet<SetKey> {
        let mut reshaped = BTreeSet::new();
        let (sets, named) = (&mut self.program.sets, &mut program_changes.sets);
        for (key, change) in &changes.sets {
            match change {
                SetChange::Created => {
                    if let Some(set) = wanted.sets.get(key) {
                        named_sets::create(key, set, sets, named);
                    }
                }
                SetChange::Removed => named_sets::remove(key, sets, named),
                SetChange::Changed { added, removed } => {
                    if named_sets::change(key, added, removed, sets, named) {
                        reshaped.insert(key.clone());
                    }
                }
            }
        }
        reshaped
    }

    /// Changes the chains of policies and profiles, and returns the profiles that came or went.
    fn update_rules(
        &mut self,
        wanted: &Wanted,
        changes: &Changes,
        reshaped: &BTreeSet<SetKey>,
        before: &mut Before,
    ) -> BTreeSet<Arc<str>> {
        let mut policies = changes.policies.clone();
        let mut profiles = changes.profiles.clone();
        if !reshaped.is_empty() {
            let uses = |lists: &RuleLists| lists.set_keys().into_iter().any(|key| reshaped.contains(key));
            let policy = wanted.policies.iter().filter(|(_, lists)| uses(lists));
            policies.extend(policy.map(|(id, _)| Arc::clone(id)));
            let profile = wanted.profiles.iter().filter(|(_, lists)| uses(lists));
            profiles.extend(profile.map(|(name, _)| Arc::clone(name)));
        }
        for policy in policies {
            let lists = wanted.policies.get(&policy);
            let chains = lists.map(|lists| self.compiler(wanted).policy_chains(&policy, lists));
            self.replace_chains(Owner::Policy(policy), chains.unwrap_or_default(), before);
        }
        let mut appeared_or_gone = BTreeSet::new();
        for profile in profiles {
            let lists = wanted.profiles.get(&profile);
            let chains = lists.map(|lists| self.compiler(wanted).profile_chains(&profile, lists));
            let existed =
                self.program.chains.contains_key(&names::profile_chain(&profile, Direction::Ingress));
            if existed != lists.is_some() {
                appeared_or_gone.insert(Arc::clone(&profile));
            }
            self.replace_chains(Owner::Profile(profile), chains.unwrap_or_default(), before);
        }
        appeared_or_gone
    }

    const fn compiler<'p>(&'p self, wanted: &'p Wanted) -> Compiler<'p> {
        Compiler { wanted, sets: &self.program.sets, marks: self.marks }
    }

    fn replace_chains(&mut self, owner: Owner, chains: Chains, before: &mut Before) {
        for name in self.owned.remove(&owner).unwrap_or_default() {
            if !chains.contains_key(&name) {
                before.touch_chain(&name, &self.program);
                self.program.chains.remove(&name);
            }
        }
        if !chains.is_empty() {
            self.owned.insert(owner, chains.keys().cloned().collect());
        }
        for (name, chain) in chains {
            before.touch_chain(&name, &self.program);
            self.program.chains.insert(name, chain);
        }
    }

    /// Changes the chains of an endpoint, and what leads to them.
    fn update_endpoint(&mut self, id: &ObjectId, wanted: &Wanted, before: &mut Before) {
        let endpoint = wanted.endpoints.get(id);
        let entries =
            endpoint.map(|endpoint| self.compiler(wanted).entries(id, endpoint)).unwrap_or_default();
        let former = self.entries.remove(id).unwrap_or_default();
        // The present chains first: one that both have is not removed in between.
        let present: Vec<Entry> = entries.into_iter().map(|entry| self.enter(id, entry, before)).collect();
        for entry in former {
            self.leave(id, &entry, &present, before);
        }
        if !present.is_empty() {
            self.entries.insert(Arc::clone(id), present);
        }
    }

    fn enter(&mut self, id: &ObjectId, entry: CompiledEntry, before: &mut Before) -> Entry {
        let CompiledEntry { map, interface, name, chain } = entry;
        let users = self.users.entry(name.clone()).or_default();
        *users += 1;
        if *users == 1 {
            before.touch_chain(&name, &self.program);
            self.program.chains.insert(name.clone(), chain);
        }
        let claims = self.claims.entry((map, interface.clone())).or_default();
        claims.insert(Arc::clone(id), name.clone());
        self.dispatch(map, &interface, before);
        Entry { map, interface, chain: name }
    }

    fn leave(&mut self, id: &ObjectId, entry: &Entry, present: &[Entry], before: &mut Before) {
        if let Some(users) = self.users.get_mut(&entry.chain) {
            *users -= 1;
            if *users == 0 {
                self.users.remove(&entry.chain);
                before.touch_chain(&entry.chain, &self.program);
                self.program.chains.remove(&entry.chain);
            }
        }
        let is_same = |other: &Entry| other.map == entry.map && other.interface == entry.interface;
        if present.iter().any(is_same) {
            return;
        }
        let place = (entry.map, entry.interface.clone());
        if let Some(claims) = self.claims.get_mut(&place) {
            claims.remove(id);
            if claims.is_empty() {
                self.claims.remove(&place);
            }
        }
        self.dispatch(entry.map, &entry.interface, before);
    }

    /// Lets an interface lead to the chain of the first endpoint by name that has it.
    fn dispatch(&mut self, map: DispatchMap, interface: &str, before: &mut Before) {
        let place = (map, interface.to_owned());
        let chain = self.claims.get(&place).and_then(|claims| claims.values().next()).cloned();
        let interfaces = self.program.dispatch.entry(map).or_default();
        let former = match chain {
            Some(chain) => interfaces.insert(interface.to_owned(), chain),
            None => interfaces.remove(interface),
        };
        if interfaces.is_empty() {
            self.program.dispatch.remove(&map);
        }
        before.interfaces.entry(place).or_insert(former);
    }
}

impl Before {
    fn touch_chain(&mut self, name: &str, program: &Program) {
        if !self.chains.contains_key(name) {
            self.chains.insert(name.to_owned(), program.chains.get(name).cloned());
        }
    }

    /// Reports what is not as it was.
    fn differences(self, program: &Program, changes: &mut ProgramChanges) {
        let chains =
            self.chains.into_iter().filter(|(name, before)| program.chains.get(name) != before.as_ref());
        changes.chains = chains.map(|(name, _)| name).collect();
        let present = |(map, interface): &(DispatchMap, String)| {
            program.dispatch.get(map).and_then(|interfaces| interfaces.get(interface))
        };
        let interfaces =
            self.interfaces.into_iter().filter(|(place, before)| present(place) != before.as_ref());
        changes.interfaces = interfaces.map(|(place, _)| place).collect();
    }
}
