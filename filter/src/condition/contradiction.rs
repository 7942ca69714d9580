//! Conditions that no route can meet together.

use bgp_codec::{Family, Prefix};

use super::{Condition, Covering, NumberCondition, PrefixCondition};

impl Condition {
    /// Why no route meets the condition, where that can be seen from it alone.
    pub fn contradiction(&self) -> Option<String> {
        match self {
            Self::All(members) => {
                let members: Vec<&Self> = members.iter().collect();
                let inside = members.iter().find_map(|member| member.contradiction());
                inside.or_else(|| {
                    let pairs = (1..).zip(&members);
                    pairs
                        .flat_map(|(next, one)| members.iter().skip(next).map(move |other| (*one, *other)))
                        .find_map(|(one, other)| between(one, other).or_else(|| between(other, one)))
                })
            }
            _ => None,
        }
    }
}

/// Why no route meets both; looks at pairs in one order only.
fn between(one: &Condition, other: &Condition) -> Option<String> {
    match (one, other) {
        (Condition::Number(one), Condition::Number(other)) => numbers(one, other),
        (Condition::Prefix(one), Condition::Prefix(other)) => prefixes(one, other),
        (Condition::Family(family), Condition::Prefix(condition)) => {
            let prefix = condition.prefix()?;
            is_of_other_family(*family, prefix).then(|| format!("{prefix} is not a prefix of {family}"))
        }
        (Condition::Family(one), Condition::Family(other)) => {
            (one != other).then(|| "a route is of one family only".to_owned())
        }
        (Condition::Covering(Covering(inner)), Condition::Prefix(condition)) => {
            let outer = condition.prefix()?;
            let are_apart = !outer.contains(*inner) && !inner.contains(outer);
            are_apart.then(|| format!("no prefix lies inside {outer} and around {inner}"))
        }
        _ => None,
    }
}

fn numbers(one: &NumberCondition, other: &NumberCondition) -> Option<String> {
    let are_apart = one.number == other.number && !one.range.overlaps(other.range);
    are_apart.then(|| format!("{} cannot be {} and {}", one.number, one.range, other.range))
}

fn prefixes(one: &PrefixCondition, other: &PrefixCondition) -> Option<String> {
    let (outer, inner) = (one.prefix()?, other.prefix()?);
    let are_apart = !outer.contains(inner) && !inner.contains(outer);
    are_apart.then(|| format!("no prefix lies inside {outer} and {inner}"))
}

fn is_of_other_family(family: Family, prefix: Prefix) -> bool {
    prefix.family() != family
}
