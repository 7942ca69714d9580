//! The keys of `[global]` that change steps of the decision process.

use crate::report::Report;
use crate::section::Section;

/// Changes to the steps of the decision process.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Decision {
    /// Whether MULTI_EXIT_DISC is compared between paths of different neighbouring ASes, too. No by default.
    pub always_compare_med: bool,
    /// Whether the present best path stays the best if only a tie-break separates it from another external path (RFC 5004).
    /// No by default.
    pub prefer_older: bool,
    /// Whether external paths are compared by the BGP identifiers of the peers. Yes by default.
    pub compare_router_id: bool,
}

impl Decision {
    /// Takes the keys out of `[global]`.
    pub(crate) fn read(section: &mut Section<'_>, report: &mut Report<'_>) -> Self {
        let mut switch = |key| section.get(key).and_then(|value| value.boolean(report));
        let decision = Self {
            always_compare_med: switch("always_compare_med").unwrap_or(false),
            prefer_older: switch("prefer_older").unwrap_or(false),
            compare_router_id: switch("compare_router_id").unwrap_or(true),
        };
        if let Some(value) = section.get("deterministic_med")
            && value.boolean(report) == Some(false)
        {
            let advice = "MED is always compared among all paths of a neighbouring AS, whatever the order in which they \
                          came: leave the key out";
            value.reject(report, advice);
        }
        decision
    }
}
