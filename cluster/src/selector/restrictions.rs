//! What follows for single labels from a selector: what an index can find objects by.

use std::collections::{BTreeMap, BTreeSet};

use super::expression::Expression;

/// What is known of each label that a selector restricts.
///
/// A label that is not here may have any value or none.
pub type Restrictions = BTreeMap<String, LabelRestriction>;

/// What a label must be like for a selector to match. All of it is necessary; none of it is enough.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LabelRestriction {
    /// The object must have the label.
    pub must_be_present: bool,
    /// The object must not have the label.
    pub must_be_absent: bool,
    /// The label must have one of these values; of none when nothing can match.
    pub one_of: Option<BTreeSet<String>>,
}

impl LabelRestriction {
    fn present() -> Self {
        Self { must_be_present: true, ..Self::default() }
    }

    fn absent() -> Self {
        Self { must_be_absent: true, ..Self::default() }
    }

    fn one_of(values: BTreeSet<String>) -> Self {
        Self { must_be_present: true, must_be_absent: false, one_of: Some(values) }
    }

    /// What holds when both restrictions do.
    fn and(&mut self, other: Self) {
        self.must_be_present |= other.must_be_present;
        self.must_be_absent |= other.must_be_absent;
        self.one_of = match (self.one_of.take(), other.one_of) {
            (Some(mine), Some(others)) => Some(mine.intersection(&others).cloned().collect()),
            (mine, others) => mine.or(others),
        };
    }

    /// What holds when at least one of the restrictions does; `None` when nothing follows.
    fn or(&self, other: &Self) -> Option<Self> {
        let must_be_present = self.must_be_present && other.must_be_present;
        let must_be_absent = self.must_be_absent && other.must_be_absent;
        let one_of = match (&self.one_of, &other.one_of) {
            (Some(mine), Some(others)) if must_be_present => Some(mine.union(others).cloned().collect()),
            _ => None,
        };
        (must_be_present || must_be_absent).then_some(Self { must_be_present, must_be_absent, one_of })
    }
}

impl Expression {
    /// What labels must be like for the expression to have a chance to match.
    #[must_use]
    pub fn restrictions(&self) -> Restrictions {
        let one = |label: &String, restriction| Restrictions::from([(label.clone(), restriction)]);
        match self {
            Self::All | Self::Global | Self::NotEqual(..) | Self::NotIn(..) => Restrictions::new(),
            Self::Has(label)
            | Self::Contains(label, _)
            | Self::StartsWith(label, _)
            | Self::EndsWith(label, _) => one(label, LabelRestriction::present()),
            Self::Equal(label, value) => {
                one(label, LabelRestriction::one_of(BTreeSet::from([value.clone()])))
            }
            Self::In(label, values) => one(label, LabelRestriction::one_of(values.clone())),
            // The opposite of any other restriction does not restrict: !(a == "b") matches where a is absent, too.
            Self::Not(operand) => match &**operand {
                Self::Has(label) => one(label, LabelRestriction::absent()),
                _ => Restrictions::new(),
            },
            Self::And(operands) => {
                let mut all = Restrictions::new();
                for (label, restriction) in operands.iter().flat_map(Self::restrictions) {
                    all.entry(label).or_default().and(restriction);
                }
                all
            }
            Self::Or(operands) => {
                let mut operands = operands.iter().map(Self::restrictions);
                let first = operands.next().unwrap_or_default();
                operands.fold(first, |common, other| {
                    let both = |(label, restriction): (String, LabelRestriction)| {
                        let either = restriction.or(other.get(&label)?)?;
                        Some((label, either))
                    };
                    common.into_iter().filter_map(both).collect()
                })
            }
        }
    }
}
