//! Tiers: their order and default actions.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use margay_cluster::object::{AnyObject, TierAction};

use super::replacement::replace;

/// The tiers that exist.
#[derive(Debug, Default)]
pub(super) struct Tiers(BTreeMap<String, Tier>);

#[derive(Clone, Copy, Debug, PartialEq)]
struct Tier {
    order: Option<f64>,
    default_action: TierAction,
}

/// The place of a tier among others: by order, those without one last, and after them those that do not exist.
#[derive(Clone, Copy, Debug)]
pub(super) struct TierPlace<'t> {
    exists: bool,
    order: Option<f64>,
    name: &'t str,
}

impl Tiers {
    /// Sets or removes a tier; whether that made a difference.
    pub(super) fn set_tier(&mut self, name: &str, object: Option<&AnyObject>) -> bool {
        let tier = match object {
            Some(AnyObject::Tier(tier)) => {
                Some(Tier { order: tier.spec.order, default_action: tier.spec.default_action })
            }
            _ => None,
        };
        let before = replace(&mut self.0, name.to_owned(), tier);
        before != tier
    }

    /// The default action of a tier. One that does not exist denies, as its policies are enforced all the same.
    pub(super) fn default_action(&self, name: &str) -> TierAction {
        self.0.get(name).map_or(TierAction::Deny, |tier| tier.default_action)
    }

    /// The place of a tier.
    pub(super) fn place<'t>(&self, name: &'t str) -> TierPlace<'t> {
        let tier = self.0.get(name);
        TierPlace { exists: tier.is_some(), order: tier.and_then(|tier| tier.order), name }
    }
}

impl TierPlace<'_> {
    /// Which of two tiers comes first.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let missing = |place: &Self| !place.exists;
        missing(self)
            .cmp(&missing(other))
            .then_with(|| compare_orders(self.order, other.order))
            .then_with(|| self.name.cmp(other.name))
    }
}

/// Which of two orders is lower; no order is the highest.
pub(super) fn compare_orders(one: Option<f64>, other: Option<f64>) -> Ordering {
    match (one, other) {
        // Zero has no sign here.
        (Some(one), Some(other)) => (one + 0.0).total_cmp(&(other + 0.0)),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    }
}
