//! What statements set in routes.

use crate::model;
use crate::remark::RemarkKind;

use super::guard::{Guard, Rules};
use super::{Direction, Lowering, Number, Stuck, Value, Variables};
use crate::bird::tree::{Expression, Place, SetItem};

/// The keys of `match` that depend on a key of `set`.
pub(super) fn touched(edit: &str) -> &'static [&'static str] {
    match edit {
        "local_pref" => &["local_pref"],
        "med" => &["med"],
        "metric" => &["metric"],
        "preference" => &["preference"],
        "origin" => &["origin"],
        "next_hop" => &["next_hop"],
        "add_communities" | "remove_communities" => &["community"],
        "prepend" => &[
            "as_path",
            "as_path_contains",
            "as_path_only",
            "originated_by",
            "received_from",
            "as_path_length",
            "as_path_starts_with",
        ],
        _ => &[],
    }
}

/// Adds a key to those of a rule; `false` if the result would differ from two rules one after the other.
pub(super) fn merge(set: &mut Vec<(&'static str, String)>, key: &'static str, value: &str) -> bool {
    // Expressions see the route as it was before the rule.
    let reads_what_is_set = set.iter().any(|(other, _)| value.starts_with('"') && value.contains(other));
    let removes = |key: &str| matches!(key, "remove_communities");
    if reads_what_is_set || (removes(key) && set.iter().any(|(other, _)| *other == "add_communities")) {
        return false;
    }
    let Some((_, earlier)) = set.iter_mut().find(|(other, _)| *other == key) else {
        set.push((key, value.to_owned()));
        return true;
    };
    let inside = |list: &str| list.trim_start_matches('[').trim_end_matches(']').to_owned();
    *earlier = match key {
        "prepend" => format!("[{}, {}]", inside(value), inside(earlier)),
        "add_communities" | "remove_communities" => format!("[{}, {}]", inside(earlier), inside(value)),
        _ => value.to_owned(),
    };
    true
}

impl Lowering<'_> {
    pub(super) fn assign(
        &mut self,
        place: Place,
        name: &str,
        value: &Expression,
        guard: &Guard,
        variables: &mut Variables,
        rules: &mut Rules,
    ) -> Result<(), Stuck> {
        match name {
            "bgp_local_pref" => self.assign_number("local_pref", name, value, guard, variables, rules),
            "bgp_med" => self.assign_number("med", name, value, guard, variables, rules),
            "krt_metric" if self.direction == Direction::Kernel => {
                let number = self.number(value, variables)?;
                rules.set(guard, "metric", number.to_toml())?;
                variables.insert(name.to_owned(), Value::Number(number));
                Ok(())
            }
            // The best route is chosen already.
            "preference" if self.direction == Direction::Kernel => Ok(()),
            "krt_tunnel" if self.direction == Direction::Kernel => match self.constant(value, variables) {
                Some(Expression::Text(link)) if link.is_empty() => Ok(()),
                Some(Expression::Text(link)) => rules.set(guard, "link", model::quoted(&link)),
                _ => Err("only a constant name can be a tunnel here".to_owned()),
            },
            "preference" if self.direction != Direction::Export => {
                let Number::Constant(preference) = self.number(value, variables)? else {
                    return Err("only a constant can be a preference here".to_owned());
                };
                rules.set(guard, "preference", own_preference(preference).to_string())?;
                variables.insert(name.to_owned(), Value::Number(Number::Constant(preference)));
                Ok(())
            }
            "bgp_origin" => {
                let origin = match value {
                    Expression::Name(name) => origin(name),
                    _ => None,
                };
                let origin = origin.ok_or_else(|| "that is not an origin".to_owned())?;
                rules.set(guard, "origin", format!("\"{origin}\""))
            }
            "bgp_next_hop" => match self.constant(value, variables) {
                Some(Expression::Address(address)) => rules.set(guard, "next_hop", format!("\"{address}\"")),
                _ => Err("only a constant address can be a next hop here".to_owned()),
            },
            "bgp_community" | "bgp_large_community" | "bgp_ext_community" | "bgp_path" => {
                self.assign_list(place, name, value, guard, variables, rules)
            }
            "krt_tunnel" | "krt_prefsrc" | "krt_realm" | "gw" | "ifname" | "dest" | "igp_metric" => {
                Err(format!("{name} cannot be set by a filter"))
            }
            _ => {
                let value = self.value(value, variables);
                variables.insert(name.to_owned(), value);
                Ok(())
            }
        }
    }

    /// Sets an attribute. What other variables are is said by the new value where they are in the old one.
    fn assign_number(
        &mut self,
        key: &'static str,
        name: &str,
        value: &Expression,
        guard: &Guard,
        variables: &mut Variables,
        rules: &mut Rules,
    ) -> Result<(), Stuck> {
        let number = self.number(value, variables)?;
        rules.set(guard, key, number.to_toml())?;
        let now = Number::Attribute(key, true);
        for other in variables.values_mut() {
            let Value::Number(held) = &*other else { continue };
            let again = match &number {
                Number::Minus(from, inner) if **inner == *held => {
                    Some(Number::Minus(*from, Box::new(now.clone())))
                }
                _ => None,
            };
            if let Some(again) = again {
                *other = Value::Number(again);
            } else if held.attribute() == Some(key) {
                *other = Value::Unknown;
            }
        }
        variables.insert(name.to_owned(), Value::Number(now));
        Ok(())
    }

    /// `bgp_community = add(bgp_community, (1, 2))` and the like.
    fn assign_list(
        &mut self,
        place: Place,
        name: &str,
        value: &Expression,
        guard: &Guard,
        variables: &mut Variables,
        rules: &mut Rules,
    ) -> Result<(), Stuck> {
        match value {
            Expression::Call(function, arguments)
                if arguments.first() == Some(&Expression::Name(name.to_owned())) =>
            {
                self.method(place, name, function, &arguments[1..], guard, variables, rules)
            }
            Expression::Name(empty) if empty == "-empty-" => {
                self.method(place, name, "empty", &[], guard, variables, rules)
            }
            _ => Err(format!("{name} can only be extended, not given another value")),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "a statement, its place, and where it stands")]
    pub(super) fn method(
        &mut self,
        place: Place,
        name: &str,
        method: &str,
        arguments: &[Expression],
        guard: &Guard,
        variables: &mut Variables,
        rules: &mut Rules,
    ) -> Result<(), Stuck> {
        if name == "bgp_path" {
            let ("prepend", [asn]) = (method, arguments) else {
                return Err(format!("bgp_path.{method} has no counterpart"));
            };
            let Number::Constant(asn) = self.number(asn, variables)? else {
                return Err("only a constant AS number can be prepended".to_owned());
            };
            if self.direction == Direction::Export {
                let text = "margay puts its own AS before what is prepended, also towards external peers";
                self.remark(place, RemarkKind::Note, text);
            }
            return rules.set(guard, "prepend", format!("[{asn}]"));
        }
        let patterns = match (method, arguments) {
            ("empty", []) => vec![everything(name)?.to_owned()],
            ("add" | "delete", [value]) => self.community_patterns(value, variables)?,
            _ => return Err(format!("{name}.{method} has no counterpart")),
        };
        let patterns: Vec<String> = patterns.iter().map(|pattern| format!("\"{pattern}\"")).collect();
        let key = if method == "add" { "add_communities" } else { "remove_communities" };
        rules.set(guard, key, format!("[{}]", patterns.join(", ")))
    }

    /// Patterns of the communities in a value: one, or a set.
    pub(super) fn community_patterns(
        &self,
        value: &Expression,
        variables: &Variables,
    ) -> Result<Vec<String>, Stuck> {
        match self.constant(value, variables) {
            Some(Expression::Tuple(numbers)) => Ok(vec![self.tuple_pattern(&numbers, variables)?]),
            Some(Expression::Set(items)) => items
                .iter()
                .map(|item| match item {
                    SetItem::Communities(kind, numbers) => pattern(kind.as_deref(), numbers),
                    SetItem::One(value) => {
                        self.community_patterns(value, variables).map(|patterns| patterns.concat())
                    }
                    _ => Err("that is not a set of communities".to_owned()),
                })
                .collect(),
            _ => Err("that is not a constant community".to_owned()),
        }
    }

    fn tuple_pattern(&self, members: &[Expression], variables: &Variables) -> Result<String, Stuck> {
        let kind = match members.first() {
            Some(Expression::Name(kind)) if ["rt", "ro"].contains(&kind.as_str()) => Some(kind.as_str()),
            _ => None,
        };
        let numbers = members.iter().skip(usize::from(kind.is_some())).map(|member| {
            match self.number(member, variables) {
                Ok(Number::Constant(number)) => {
                    let number = u64::try_from(number).map_err(|_| "a number below zero".to_owned())?;
                    Ok((number, number))
                }
                _ => Err("that is not a constant community".to_owned()),
            }
        });
        pattern(kind, &numbers.collect::<Result<Vec<_>, Stuck>>()?)
    }
}

/// BIRD ranks direct routes 240, static ones 200, learned ones 100 and those of the kernel 10; margay ranks own networks 200,
/// routes of the kernel 150 and learned ones 100.
fn own_preference(preference: i64) -> i64 {
    match preference {
        200.. => 160 + (preference - 200).min(39),
        101..200 => 150 + (preference - 100) / 11,
        _ => preference.clamp(0, 100),
    }
}

pub(super) fn origin(name: &str) -> Option<&'static str> {
    match name {
        "ORIGIN_IGP" => Some("igp"),
        "ORIGIN_EGP" => Some("egp"),
        "ORIGIN_INCOMPLETE" => Some("incomplete"),
        _ => None,
    }
}

fn everything(name: &str) -> Result<&'static str, Stuck> {
    match name {
        "bgp_community" => Ok("*:*"),
        "bgp_large_community" => Ok("large:*:*:*"),
        _ => Err(format!("{name} cannot be emptied")),
    }
}

fn pattern(kind: Option<&str>, numbers: &[(u64, u64)]) -> Result<String, Stuck> {
    let prefix = match (kind, numbers.len()) {
        (None, 2) => "",
        (None, 3) => "large:",
        (Some("rt"), 2) => "rt:",
        (Some("ro"), 2) => "soo:",
        _ => return Err("communities of this kind have no counterpart".to_owned()),
    };
    let highest = if prefix.is_empty() { u64::from(u16::MAX) } else { u64::from(u32::MAX) };
    let parts: Vec<String> = numbers
        .iter()
        .map(|&(low, high)| match (low, high) {
            (0, high) if high >= highest => "*".to_owned(),
            (low, high) if low == high => low.to_string(),
            (low, high) => format!("{low}..{}", high.min(highest)),
        })
        .collect();
    if numbers.iter().any(|(low, _)| *low > highest) {
        return Err("a number of a community is out of range".to_owned());
    }
    Ok(format!("{prefix}{}", parts.join(":")))
}
