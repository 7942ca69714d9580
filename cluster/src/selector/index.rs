//! Which objects which selectors match, kept as both change.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::value::Labels;

use super::evaluate::LabelSource;
use super::restrictions::LabelRestriction;
use super::{Restrictions, Selector};

/// The matches between items with labels and selectors.
///
/// An item has labels of its own and inherits those of its parents, an endpoint those of its profiles: its own come
/// first, then those of the parents in their order. A change costs what it can concern: a selector is filed under the
/// labels or values that it requires, so an item looks only at selectors that one of its labels leads to, and a new
/// selector only at items that have what it requires. Selectors that require nothing, such as `a != "b"`, are looked
/// at by every item that changes.
#[derive(Debug)]
pub struct LabelIndex<I, P, S> {
    items: BTreeMap<I, Item<P, S>>,
    parents: BTreeMap<P, Parent<I>>,
    selectors: BTreeMap<S, Filed<I>>,
    items_by_label: ByLabel<I>,
    selectors_by_label: ByLabel<S>,
    selectors_anywhere: BTreeSet<S>,
    changes: VecDeque<MatchChange<I, S>>,
}

/// A match that began or ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MatchChange<I, S> {
    /// The selector matches the item now.
    Started {
        /// The item.
        item: I,
        /// The selector.
        selector: S,
    },
    /// The selector does not match the item any more.
    Stopped {
        /// The item.
        item: I,
        /// The selector.
        selector: S,
    },
}

#[derive(Debug)]
struct Item<P, S> {
    labels: Arc<Labels>,
    parents: Vec<P>,
    matches: BTreeSet<S>,
}

#[derive(Debug)]
struct Parent<I> {
    labels: Arc<Labels>,
    children: BTreeSet<I>,
}

#[derive(Debug)]
struct Filed<I> {
    selector: Selector,
    place: Place,
    matches: BTreeSet<I>,
}

/// Where a selector is filed.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Place {
    /// Under values of a label, one of which an item must have.
    Values(String, BTreeSet<String>),
    /// Under a label that an item must have.
    Label(String),
    /// Under nothing: every item looks at it.
    Anywhere,
}

/// Sets by label, and by value of a label.
#[derive(Debug)]
struct ByLabel<T>(BTreeMap<String, LabelEntries<T>>);

#[derive(Debug)]
struct LabelEntries<T> {
    all: BTreeSet<T>,
    by_value: BTreeMap<String, BTreeSet<T>>,
}

impl<I, P, S> Default for LabelIndex<I, P, S> {
    fn default() -> Self {
        Self {
            items: BTreeMap::new(),
            parents: BTreeMap::new(),
            selectors: BTreeMap::new(),
            items_by_label: ByLabel(BTreeMap::new()),
            selectors_by_label: ByLabel(BTreeMap::new()),
            selectors_anywhere: BTreeSet::new(),
            changes: VecDeque::new(),
        }
    }
}

impl<I: Clone + Ord, P: Clone + Ord, S: Clone + Ord> LabelIndex<I, P, S> {
    /// An index without items and selectors.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an item, or replaces what it was.
    pub fn set_item(&mut self, id: I, labels: Arc<Labels>, parents: Vec<P>) {
        let matches = self.unlink_item(&id).map(|item| item.matches).unwrap_or_default();
        for parent in &parents {
            self.parents.entry(parent.clone()).or_default().children.insert(id.clone());
        }
        self.items.insert(id.clone(), Item { labels, parents, matches });
        self.link_labels(&id);
        self.match_item(&id);
    }

    /// Removes an item. One that is not there is none.
    pub fn remove_item(&mut self, id: &I) {
        let Some(item) = self.unlink_item(id) else { return };
        for selector in item.matches {
            self.stop(id, &selector);
        }
    }

    /// Sets the labels that items inherit from a parent, which need not exist before.
    pub fn set_parent(&mut self, id: P, labels: Arc<Labels>) {
        let children = self.parents.get(&id).map(|parent| parent.children.clone()).unwrap_or_default();
        for child in &children {
            self.unlink_labels(child);
        }
        self.parents.entry(id).or_default().labels = labels;
        for child in &children {
            self.link_labels(child);
            self.match_item(child);
        }
    }

    /// Removes a parent: items that name it inherit nothing from it until it comes back.
    pub fn remove_parent(&mut self, id: &P) {
        self.set_parent(id.clone(), Arc::default());
        self.forget_unused_parent(id);
    }

    /// Adds a selector, or replaces what it was.
    pub fn set_selector(&mut self, id: S, selector: Selector) {
        let before = self.selectors.remove(&id);
        if let Some(before) = &before {
            self.unfile(&id, &before.place);
        }
        let place = self.best_place(&selector.restrictions());
        let candidates = self.items_at(&place);
        let old = before.map(|before| before.matches).unwrap_or_default();
        self.file(&id, &place);
        self.selectors.insert(id.clone(), Filed { selector, place, matches: old.clone() });
        for item in candidates.union(&old) {
            self.evaluate(item, &id);
        }
    }

    /// Removes a selector. One that is not there is none.
    pub fn remove_selector(&mut self, id: &S) {
        let Some(filed) = self.selectors.remove(id) else { return };
        self.unfile(id, &filed.place);
        for item in filed.matches {
            if let Some(known) = self.items.get_mut(&item) {
                known.matches.remove(id);
            }
            self.changes.push_back(MatchChange::Stopped { item, selector: id.clone() });
        }
    }

    /// The next match that began or ended, in the order in which it happened.
    pub fn poll_change(&mut self) -> Option<MatchChange<I, S>> {
        self.changes.pop_front()
    }

    /// The items that a selector matches.
    pub fn items_of(&self, selector: &S) -> impl Iterator<Item = &I> {
        self.selectors.get(selector).into_iter().flat_map(|filed| &filed.matches)
    }

    /// The selectors that match an item.
    pub fn selectors_of(&self, item: &I) -> impl Iterator<Item = &S> {
        self.items.get(item).into_iter().flat_map(|item| &item.matches)
    }

    /// The labels of an item, inherited ones included; the first of a name counts.
    fn effective_labels<'i>(&'i self, item: &'i Item<P, S>) -> BTreeMap<&'i str, &'i str> {
        let inherited = item.parents.iter().filter_map(|parent| self.parents.get(parent));
        let mut effective = BTreeMap::new();
        for labels in std::iter::once(&item.labels).chain(inherited.map(|parent| &parent.labels)) {
            for (name, value) in &labels.0 {
                effective.entry(name.as_str()).or_insert(value.as_str());
            }
        }
        effective
    }

    /// Takes an item out, its labels and its place among the children of its parents with it.
    fn unlink_item(&mut self, id: &I) -> Option<Item<P, S>> {
        self.unlink_labels(id);
        let item = self.items.remove(id)?;
        for parent in &item.parents {
            if let Some(known) = self.parents.get_mut(parent) {
                known.children.remove(id);
            }
            self.forget_unused_parent(parent);
        }
        Some(item)
    }

    fn forget_unused_parent(&mut self, id: &P) {
        if self.parents.get(id).is_some_and(|parent| parent.children.is_empty() && parent.labels.is_empty()) {
            self.parents.remove(id);
        }
    }

    fn link_labels(&mut self, id: &I) {
        for (name, value) in self.owned_labels(id) {
            self.items_by_label.insert(&name, Some(&value), id);
        }
    }

    fn unlink_labels(&mut self, id: &I) {
        for (name, value) in self.owned_labels(id) {
            self.items_by_label.remove(&name, Some(&value), id);
        }
    }

    fn owned_labels(&self, id: &I) -> Vec<(String, String)> {
        let Some(item) = self.items.get(id) else { return Vec::new() };
        let effective = self.effective_labels(item);
        effective.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// Evaluates the selectors that an item's labels lead to, and those that matched it before.
    fn match_item(&mut self, id: &I) {
        let Some(item) = self.items.get(id) else { return };
        let mut candidates: BTreeSet<S> = item.matches.union(&self.selectors_anywhere).cloned().collect();
        for (name, value) in self.effective_labels(item) {
            candidates.extend(self.selectors_by_label.under(name, value).cloned());
        }
        for selector in &candidates {
            self.evaluate(id, selector);
        }
    }

    fn evaluate(&mut self, id: &I, selector: &S) {
        let (Some(item), Some(filed)) = (self.items.get(id), self.selectors.get(selector)) else { return };
        let labels = EffectiveLabels { item, parents: &self.parents };
        let matches = filed.selector.matches(&labels);
        match (item.matches.contains(selector), matches) {
            (false, true) => self.start(id, selector),
            (true, false) => self.stop(id, selector),
            (true, true) | (false, false) => {}
        }
    }

    fn start(&mut self, id: &I, selector: &S) {
        if let Some(item) = self.items.get_mut(id) {
            item.matches.insert(selector.clone());
        }
        if let Some(filed) = self.selectors.get_mut(selector) {
            filed.matches.insert(id.clone());
        }
        self.changes.push_back(MatchChange::Started { item: id.clone(), selector: selector.clone() });
    }

    fn stop(&mut self, id: &I, selector: &S) {
        if let Some(item) = self.items.get_mut(id) {
            item.matches.remove(selector);
        }
        if let Some(filed) = self.selectors.get_mut(selector) {
            filed.matches.remove(id);
        }
        self.changes.push_back(MatchChange::Stopped { item: id.clone(), selector: selector.clone() });
    }

    /// The place with the fewest items of today.
    fn best_place(&self, restrictions: &Restrictions) -> Place {
        let places = restrictions.iter().filter_map(|(label, restriction)| place_of(label, restriction));
        places.min_by_key(|place| self.count_at(place)).unwrap_or(Place::Anywhere)
    }

    fn count_at(&self, place: &Place) -> usize {
        match place {
            Place::Values(label, values) => {
                values.iter().map(|value| self.items_by_label.with_value(label, value).count()).sum()
            }
            Place::Label(label) => self.items_by_label.0.get(label).map_or(0, |entries| entries.all.len()),
            Place::Anywhere => self.items.len(),
        }
    }

    fn items_at(&self, place: &Place) -> BTreeSet<I> {
        match place {
            Place::Values(label, values) => values
                .iter()
                .flat_map(|value| self.items_by_label.with_value(label, value))
                .cloned()
                .collect(),
            Place::Label(label) => {
                self.items_by_label.0.get(label).map(|entries| entries.all.clone()).unwrap_or_default()
            }
            Place::Anywhere => self.items.keys().cloned().collect(),
        }
    }

    fn file(&mut self, id: &S, place: &Place) {
        match place {
            Place::Values(label, values) => {
                values.iter().for_each(|value| self.selectors_by_label.insert_value(label, value, id));
            }
            Place::Label(label) => self.selectors_by_label.insert(label, None, id),
            Place::Anywhere => {
                self.selectors_anywhere.insert(id.clone());
            }
        }
    }

    fn unfile(&mut self, id: &S, place: &Place) {
        match place {
            Place::Values(label, values) => {
                values.iter().for_each(|value| self.selectors_by_label.remove_value(label, value, id));
            }
            Place::Label(label) => self.selectors_by_label.remove(label, None, id),
            Place::Anywhere => {
                self.selectors_anywhere.remove(id);
            }
        }
    }
}

fn place_of(label: &str, restriction: &LabelRestriction) -> Option<Place> {
    match &restriction.one_of {
        Some(values) => Some(Place::Values(label.to_owned(), values.clone())),
        None => restriction.must_be_present.then(|| Place::Label(label.to_owned())),
    }
}

/// An item's labels with those of its parents, looked up where they are.
struct EffectiveLabels<'i, I, P, S> {
    item: &'i Item<P, S>,
    parents: &'i BTreeMap<P, Parent<I>>,
}

impl<I, P: Ord, S> LabelSource for EffectiveLabels<'_, I, P, S> {
    fn label(&self, name: &str) -> Option<&str> {
        let inherited = || {
            let parents = self.item.parents.iter().filter_map(|parent| self.parents.get(parent));
            parents.filter_map(|parent| parent.labels.get(name)).next()
        };
        self.item.labels.get(name).or_else(inherited).map(String::as_str)
    }
}

impl<I> Default for Parent<I> {
    fn default() -> Self {
        Self { labels: Arc::default(), children: BTreeSet::new() }
    }
}

impl<T> Default for LabelEntries<T> {
    fn default() -> Self {
        Self { all: BTreeSet::new(), by_value: BTreeMap::new() }
    }
}

impl<T: Clone + Ord> ByLabel<T> {
    /// Adds to the set of the label, and to that of the value when there is one.
    fn insert(&mut self, label: &str, value: Option<&str>, entry: &T) {
        let entries = self.0.entry(label.to_owned()).or_default();
        entries.all.insert(entry.clone());
        if let Some(value) = value {
            entries.by_value.entry(value.to_owned()).or_default().insert(entry.clone());
        }
    }

    /// Adds to the set of the value only.
    fn insert_value(&mut self, label: &str, value: &str, entry: &T) {
        let entries = self.0.entry(label.to_owned()).or_default();
        entries.by_value.entry(value.to_owned()).or_default().insert(entry.clone());
    }

    fn remove(&mut self, label: &str, value: Option<&str>, entry: &T) {
        if let Some(entries) = self.0.get_mut(label) {
            entries.all.remove(entry);
        }
        match value {
            Some(value) => self.remove_value(label, value, entry),
            None => self.forget_unused(label),
        }
    }

    fn remove_value(&mut self, label: &str, value: &str, entry: &T) {
        if let Some(entries) = self.0.get_mut(label)
            && let Some(set) = entries.by_value.get_mut(value)
        {
            set.remove(entry);
            if set.is_empty() {
                entries.by_value.remove(value);
            }
        }
        self.forget_unused(label);
    }

    fn forget_unused(&mut self, label: &str) {
        if self.0.get(label).is_some_and(|entries| entries.all.is_empty() && entries.by_value.is_empty()) {
            self.0.remove(label);
        }
    }

    fn with_value(&self, label: &str, value: &str) -> impl Iterator<Item = &T> {
        self.0.get(label).and_then(|entries| entries.by_value.get(value)).into_iter().flatten()
    }

    /// What is filed under the label, and under its value.
    fn under<'b>(&'b self, label: &str, value: &str) -> impl Iterator<Item = &'b T> {
        let entries = self.0.get(label);
        let with_value = entries.and_then(|entries| entries.by_value.get(value));
        entries.map(|entries| &entries.all).into_iter().chain(with_value).flatten()
    }
}
