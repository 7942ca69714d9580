//! Effect of adding, removing or replacing one path on a decision, where it follows without comparing all
//! paths.
//!
//! Every step before MULTI_EXIT_DISC keeps the paths with the lowest value, whatever the others are, and so
//! does every step after it. Only MULTI_EXIT_DISC compares within a neighbouring AS, so only there can a
//! third path matter.

use std::cmp::Ordering;

use super::candidate::Candidate;
use super::steps::{STEPS, Scope, StepRule};

/// Effect of a changed path on the best one.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Effect {
    /// The best path and the paths that share its traffic stay the same.
    Nothing,
    /// The best path stays; the paths that share its traffic may change.
    SameBest,
    /// The new path becomes the best; other paths may share its traffic.
    NewBest,
    /// The new path becomes the best, and no other path is equal up to the tie-breaks.
    NewBestAlone,
    /// Depends on the other paths.
    Open,
}

impl Effect {
    /// Effect on `best`, the best of all paths, of removing `gone` and adding `came`. `gone` may be a path
    /// that was unusable when `best` was chosen.
    pub(crate) fn on(
        best: &Candidate<'_>,
        gone: Option<&Candidate<'_>>,
        come: Option<&Candidate<'_>>,
    ) -> Self {
        let of_come = come.map_or(Self::Nothing, |come| Self::of_coming(best, come));
        let of_gone = gone.map_or(Self::Nothing, |gone| Self::of_going(best, gone));
        if of_come == Self::NewBestAlone { of_come } else { of_come.max(of_gone) }
    }

    fn of_coming(best: &Candidate<'_>, path: &Candidate<'_>) -> Self {
        match path.compare_before_med(best) {
            Ordering::Less => return Self::NewBestAlone,
            Ordering::Greater => return Self::Nothing,
            Ordering::Equal => {}
        }
        let is_better = path.is_preferred_to_equal(best);
        let by_med = path.med().cmp(&best.med());
        match (path.neighbor() == best.neighbor(), by_med, is_better) {
            (true, Ordering::Greater, _) => Self::Nothing,
            (true, Ordering::Less, _) => Self::Open,
            (true, Ordering::Equal, true) => Self::NewBest,
            (true, Ordering::Equal, false) | (false, _, false) => Self::SameBest,
            // Another path of its neighbouring AS may be better by MED, unless none can be.
            (false, _, true) if path.med() == 0 => Self::NewBest,
            (false, _, true) => Self::Open,
        }
    }

    fn of_going(best: &Candidate<'_>, path: &Candidate<'_>) -> Self {
        match path.compare_before_med(best) {
            Ordering::Greater => Self::Nothing,
            // The best path also wins by MED over every path that this one beat by MED.
            Ordering::Equal if path.neighbor() == best.neighbor() => Self::SameBest,
            Ordering::Equal | Ordering::Less => Self::Open,
        }
    }
}

impl Candidate<'_> {
    /// Compares by the steps before MULTI_EXIT_DISC; the lower one is preferred.
    pub(super) fn compare_before_med(&self, other: &Self) -> Ordering {
        compare(STEPS.iter().take_while(|rule| rule.scope == Scope::All), self, other)
    }

    /// Compares by the steps after MULTI_EXIT_DISC; the lower one is preferred.
    fn compare_after_med(&self, other: &Self) -> Ordering {
        let after = STEPS.iter().skip_while(|rule| rule.scope == Scope::All);
        compare(after.filter(|rule| rule.scope == Scope::All), self, other)
    }

    /// Compares with a path of the same neighbouring AS; the lower one is preferred.
    pub(super) fn compare_in_neighbor(&self, other: &Self) -> Ordering {
        compare(STEPS.iter(), self, other)
    }

    /// Compares with a path of another neighbouring AS; the lower one is preferred.
    pub(super) fn compare_across_neighbors(&self, other: &Self) -> Ordering {
        compare(STEPS.iter().filter(|rule| rule.scope == Scope::All), self, other)
    }

    /// Whether only tie-breaks separate it from a path that is left after MULTI_EXIT_DISC as well.
    pub(super) fn shares_traffic_with(&self, other: &Self) -> bool {
        let steps = STEPS.iter().filter(|rule| rule.scope == Scope::All && !rule.step.is_tie_break());
        compare(steps, self, other).is_eq()
    }

    /// Whether the tie-breaks prefer it to a path with the same attributes.
    pub(super) fn is_preferred_to_equal(&self, other: &Self) -> bool {
        self.compare_after_med(other).is_lt()
    }
}

fn compare(
    steps: impl Iterator<Item = &'static StepRule>,
    one: &Candidate<'_>,
    other: &Candidate<'_>,
) -> Ordering {
    steps.map(|rule| (rule.compare)(one, other)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use bgp_codec::{
        AsPathBuf, Asn, BgpIdentifier, Origin, PathAttributes, PathAttributesBuilder, PathId, PeerKind,
    };
    use proptest::prelude::*;

    use super::*;
    use crate::decision::decide;
    use crate::options::DecisionRules;
    use crate::paths::CandidateOrigin;

    type Row = (u8, u8, Option<u8>, u8, bool, u8, bool);

    /// Attributes from so few values that paths often tie in every step.
    fn attributes((first_as, length, med, local_pref, ..): Row) -> PathAttributes {
        let mut builder = PathAttributesBuilder::new(Origin::Igp);
        let asns = (0..=u32::from(length)).map(|position| Asn(u32::from(first_as) * 10 + position + 1));
        builder.as_path = AsPathBuf::from_sequence(asns);
        builder.med = med.map(u32::from);
        builder.local_pref = Some(u32::from(local_pref));
        builder.build()
    }

    fn candidate(number: u32, row: Row, attributes: &PathAttributes, rules: DecisionRules) -> Candidate<'_> {
        let kind = if row.4 { PeerKind::Ibgp } else { PeerKind::Ebgp };
        // Two paths share an identifier, so that the address decides.
        let identifier = BgpIdentifier::new(1 + number / 2).unwrap();
        let address = IpAddr::V4((1000 - number).into());
        let origin = CandidateOrigin::Peer { kind, identifier, address, number: 0 };
        Candidate {
            origin,
            path_id: PathId(0),
            attributes,
            interior_cost: 0,
            is_long_lived_stale: row.6,
            preference: row.5.into(),
            weight: 0,
            is_present_best: false,
            rules,
        }
    }

    fn row() -> impl Strategy<Value = Row> {
        (0..3u8, 0..2u8, proptest::option::of(0..3u8), 0..2u8, any::<bool>(), 0..2u8, any::<bool>())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 5_000, ..ProptestConfig::default() })]

        /// `rows[0]` may be removed and `rows[1]` added; the others stay.
        #[test]
        fn the_effect_equals_a_full_decision(
            rows in proptest::collection::vec(row(), 3..7),
            goes: bool,
            comes: bool,
            [always_compares_med, prefers_present_best, compares_identifiers]: [bool; 3],
        ) {
            let rules = DecisionRules { always_compares_med, prefers_present_best, compares_identifiers };
            let sets: Vec<PathAttributes> = rows.iter().map(|&row| attributes(row)).collect();
            let mut all: Vec<Candidate<'_>> = (0..)
                .zip(&rows)
                .zip(&sets)
                .map(|((number, &row), set)| candidate(number, row, set, rules))
                .collect();

            let subset = |with_first: bool, with_second: bool| -> Vec<usize> {
                (0..rows.len()).filter(|&at| match at { 0 => with_first, 1 => with_second, _ => true }).collect()
            };
            let decision = |all: &[Candidate<'_>], positions: &[usize]| {
                let candidates: Vec<Candidate<'_>> = positions.iter().map(|&at| all[at]).collect();
                let decision = decide(&candidates).unwrap();
                let sharing: Vec<usize> = decision.multipath().map(|at| positions[at]).collect();
                (positions[decision.best], sharing)
            };
            let (best, sharing) = decision(&all, &subset(goes, false));
            if best == 0 {
                // No effect is defined for a change of the best path itself.
                return Ok(());
            }
            all[best].is_present_best = true;
            let after = decision(&all, &subset(false, comes));
            let effect = Effect::on(&all[best], goes.then(|| &all[0]), comes.then(|| &all[1]));
            match effect {
                Effect::Nothing => prop_assert_eq!(after, (best, sharing)),
                Effect::SameBest => prop_assert_eq!(after.0, best),
                Effect::NewBest => prop_assert_eq!(after.0, 1),
                Effect::NewBestAlone => prop_assert_eq!(after, (1, vec![1])),
                Effect::Open => {}
            }
        }
    }
}
