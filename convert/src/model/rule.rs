//! Rules of filters.

use super::Condition;

/// A rule of a filter.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Rule {
    pub(crate) condition: Condition,
    /// Keys of `set` and their values in TOML.
    pub(crate) set: Vec<(&'static str, String)>,
    pub(crate) action: Action,
    /// What stands above it in the file.
    pub(crate) comment: Option<String>,
}

/// What a rule does with a route.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Action {
    Accept,
    Reject,
    Continue,
    /// Asks another filter.
    Call(String),
}

impl Rule {
    pub(crate) fn new(condition: Condition, action: Action) -> Self {
        Self { condition, set: Vec::new(), action, comment: None }
    }

    pub(crate) fn to_toml(&self) -> String {
        let mut entries = Vec::new();
        if self.condition != Condition::Always {
            entries.push(format!("match = {}", self.condition.to_toml()));
        }
        if !self.set.is_empty() {
            let set: Vec<String> = self.set.iter().map(|(key, value)| format!("{key} = {value}")).collect();
            entries.push(format!("set = {{ {} }}", set.join(", ")));
        }
        entries.push(match &self.action {
            Action::Accept => "action = \"accept\"".to_owned(),
            Action::Reject => "action = \"reject\"".to_owned(),
            Action::Continue => "action = \"continue\"".to_owned(),
            Action::Call(name) => format!("filter = {}", super::quoted(name)),
        });
        format!("{{ {} }}", entries.join(", "))
    }
}
