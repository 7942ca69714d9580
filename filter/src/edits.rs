//! What rules look at in a route beside its prefix, and what they set in it.

use std::fmt;

/// What a filter may know of a route beside its prefix.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct RouteFacts {
    /// LOCAL_PREF, where the route carries one.
    pub local_pref: Option<u32>,
    /// The metric in the kernel: of a route that comes from there, or that an earlier filter has set.
    pub metric: Option<u32>,
}

/// What filters set in a route; `None` leaves things as they are.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct RouteEdits {
    /// LOCAL_PREF.
    pub local_pref: Option<u32>,
    /// The metric in the kernel.
    pub metric: Option<u32>,
    /// The preference before anything in BGP is compared; the highest wins.
    pub preference: Option<u32>,
}

/// What a rule sets in the routes that it accepts.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, serde::Deserialize, serde::Serialize)]
pub struct RuleEdits {
    /// LOCAL_PREF.
    pub local_pref: Option<NewValue>,
    /// The metric in the kernel.
    pub metric: Option<NewValue>,
    /// The preference.
    pub preference: Option<u32>,
}

/// A value that a rule sets.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, serde::Deserialize, serde::Serialize)]
pub enum NewValue {
    /// Always the same.
    Fixed(u32),
    /// What is left of a number when a value of the route is taken away, at least 0. Nothing is set when the route has no
    /// such value.
    RestOf(u32, Value),
}

/// A value of a route.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, serde::Deserialize, serde::Serialize)]
pub enum Value {
    /// LOCAL_PREF.
    LocalPref,
    /// The metric in the kernel.
    Metric,
}

impl RouteFacts {
    /// The facts of the route with these edits made.
    pub(crate) fn edited(self, edits: RouteEdits) -> Self {
        Self { local_pref: edits.local_pref.or(self.local_pref), metric: edits.metric.or(self.metric) }
    }
}

impl RouteEdits {
    /// Both, one after the other.
    pub(crate) fn then(self, later: Self) -> Self {
        Self {
            local_pref: later.local_pref.or(self.local_pref),
            metric: later.metric.or(self.metric),
            preference: later.preference.or(self.preference),
        }
    }

    /// Whether nothing is set.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl RuleEdits {
    /// What is set in a route of which this is known.
    pub(crate) fn on(&self, facts: &RouteFacts) -> RouteEdits {
        RouteEdits {
            local_pref: self.local_pref.and_then(|value| value.of(facts)),
            metric: self.metric.and_then(|value| value.of(facts)),
            preference: self.preference,
        }
    }

    /// Whether what is set depends on more than the rule.
    pub(crate) fn looks_at_facts(&self) -> bool {
        [self.local_pref, self.metric].iter().any(|value| matches!(value, Some(NewValue::RestOf(..))))
    }
}

impl NewValue {
    fn of(self, facts: &RouteFacts) -> Option<u32> {
        match self {
            Self::Fixed(number) => Some(number),
            Self::RestOf(number, Value::LocalPref) => Some(number.saturating_sub(facts.local_pref?)),
            Self::RestOf(number, Value::Metric) => Some(number.saturating_sub(facts.metric?)),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LocalPref => "local_pref",
            Self::Metric => "metric",
        })
    }
}
