//! The numbers of a route that rules compare and set.

use std::fmt;

use crate::view::View;

/// A number that a route has.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, serde::Deserialize, serde::Serialize)]
pub enum Number {
    /// LOCAL_PREF.
    LocalPref,
    /// MULTI_EXIT_DISC.
    Med,
    /// The metric in the kernel.
    Metric,
    /// The preference before any attribute.
    Preference,
    /// The weight after the preference.
    Weight,
    /// The operator's mark.
    Tag,
    /// The length of the AS path as the decision process counts it.
    AsPathLength,
}

impl Number {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::LocalPref,
        Self::Med,
        Self::Metric,
        Self::Preference,
        Self::Weight,
        Self::Tag,
        Self::AsPathLength,
    ];

    /// The number of a route; `None` where the route has no such attribute or mark.
    pub(crate) fn of(self, view: View<'_>) -> Option<u32> {
        match self {
            Self::LocalPref => view.local_pref(),
            Self::Med => view.med(),
            Self::Metric => view.metric(),
            Self::Preference => Some(view.preference()),
            Self::Weight => Some(view.weight()),
            Self::Tag => view.tag(),
            Self::AsPathLength => Some(view.as_path_length()),
        }
    }

    /// Its name in the operator's file.
    pub fn name(self) -> &'static str {
        match self {
            Self::LocalPref => "local_pref",
            Self::Med => "med",
            Self::Metric => "metric",
            Self::Preference => "preference",
            Self::Weight => "weight",
            Self::Tag => "tag",
            Self::AsPathLength => "as_path_length",
        }
    }

    /// The number of this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|number| number.name() == name)
    }

    /// What a step up or down counts from where the route has no such number: 100 for LOCAL_PREF, otherwise 0.
    pub fn default(self) -> u32 {
        if self == Self::LocalPref { 100 } else { 0 }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
