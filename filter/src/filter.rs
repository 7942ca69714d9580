//! A named, ordered list of rules.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use crate::condition::Condition;
use crate::rule::{Action, Rule};
use crate::session::Session;

/// A named list of rules, of which the first that matches and decides does so for the route; a route for which none decides
/// is rejected, unless another filter called this one.
///
/// Cheap to clone. Two filters are equal when name and rules are, wherever they stand in their files.
#[derive(Clone, Debug, serde::Deserialize, serde::Serialize)]
#[serde(from = "Parts", into = "Parts")]
pub struct Filter {
    name: Arc<str>,
    content: FilterContent,
    lines: Arc<[u32]>,
}

/// The rules of a filter without its name: what two filters share that do the same.
///
/// Serves as a key where peers with equal filters are to be treated as one. Comparing and hashing look at a digest first.
#[derive(Clone, Debug)]
pub struct FilterContent {
    rules: Arc<[Rule]>,
    digest: u64,
}

/// What a filter consists of, to be written down.
#[derive(serde::Deserialize, serde::Serialize)]
struct Parts {
    name: String,
    rules: Vec<Rule>,
    lines: Vec<u32>,
}

impl Filter {
    /// A filter of these rules, in this order.
    pub fn new(name: &str, rules: impl IntoIterator<Item = Rule>) -> Self {
        Self {
            name: name.into(),
            content: FilterContent::new(rules.into_iter().collect()),
            lines: Arc::new([]),
        }
    }

    /// The same filter with the line of the operator's file on which each rule begins.
    #[must_use]
    pub fn with_lines(self, lines: impl IntoIterator<Item = u32>) -> Self {
        Self { lines: lines.into_iter().collect(), ..self }
    }

    /// The name under which the operator knows it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The rules in order.
    pub fn rules(&self) -> &[Rule] {
        &self.content.rules
    }

    /// The line on which a rule begins, where it is known; the first rule is 0.
    pub fn line(&self, rule: usize) -> Option<u32> {
        self.lines.get(rule).copied()
    }

    /// The rules as a key.
    pub fn content(&self) -> &FilterContent {
        &self.content
    }

    /// Whether both do the same to every route, whatever their names.
    pub fn same_content(&self, other: &Self) -> bool {
        self.content == other.content
    }

    /// The filter as it is for one session; the same filter, if it asks nothing of sessions.
    pub(crate) fn for_session(&self, session: &Session) -> Self {
        if !self.any_condition(&mut Condition::looks_at_session) {
            return self.clone();
        }
        let rules = self.rules().iter().map(|rule| Rule {
            condition: rule.condition.for_session(session),
            edits: rule.edits.clone(),
            action: match &rule.action {
                Action::Call(filter) => Action::Call(filter.for_session(session)),
                action => action.clone(),
            },
            logs: rule.logs,
        });
        Self { content: FilterContent::new(rules.collect()), ..self.clone() }
    }

    pub(crate) fn any_condition(&self, is_meant: &mut impl FnMut(&Condition) -> bool) -> bool {
        self.rules().iter().any(|rule| rule.any_condition(is_meant))
    }
}

impl FilterContent {
    fn new(rules: Arc<[Rule]>) -> Self {
        let mut hasher = DefaultHasher::new();
        rules.hash(&mut hasher);
        Self { digest: hasher.finish(), rules }
    }
}

impl PartialEq for Filter {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.content == other.content
    }
}

impl Eq for Filter {}

impl Hash for Filter {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
        self.content.hash(state);
    }
}

impl PartialEq for FilterContent {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.rules, &other.rules) || self.digest == other.digest && self.rules == other.rules
    }
}

impl Eq for FilterContent {}

impl Hash for FilterContent {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.digest);
    }
}

impl From<Parts> for Filter {
    fn from(Parts { name, rules, lines }: Parts) -> Self {
        Self::new(&name, rules).with_lines(lines)
    }
}

impl From<Filter> for Parts {
    fn from(filter: Filter) -> Self {
        Self {
            name: filter.name.as_ref().into(),
            rules: filter.rules().to_vec(),
            lines: filter.lines.to_vec(),
        }
    }
}
