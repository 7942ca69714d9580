//! What filters ask of prefixes.

use ipnet::IpNet;

use super::{Lowering, Stuck, Variables};
use crate::bird::tree::{Expression, SetItem};
use crate::model::{Condition, quoted};

impl Lowering<'_> {
    pub(super) fn net(
        &mut self,
        operator: &str,
        value: &Expression,
        variables: &Variables,
    ) -> Result<Condition, Stuck> {
        match (operator, self.constant(value, variables)) {
            ("~", Some(Expression::Net(net))) => Ok(Condition::text("prefix", &net.trunc().to_string())),
            ("=", Some(Expression::Net(net))) => {
                Ok(Condition::text("prefix_equal", &net.trunc().to_string()))
            }
            ("~", Some(Expression::Set(items))) => {
                let name = match value {
                    Expression::Name(name) => Some(name.as_str()),
                    _ => None,
                };
                self.net_set(name, &items, variables)
            }
            _ => Err("only a constant prefix or set of prefixes can be asked for".to_owned()),
        }
    }

    fn net_set(
        &mut self,
        name: Option<&str>,
        items: &[SetItem],
        variables: &Variables,
    ) -> Result<Condition, Stuck> {
        let mut members = Vec::new();
        let mut around = Condition::Never;
        for item in items {
            let (net, low, high) = match item {
                SetItem::Prefix(net, low, high) => (*net, *low, *high),
                SetItem::One(value) => match self.constant(value, variables) {
                    Some(Expression::Net(net)) => (net.trunc(), net.prefix_len(), net.prefix_len()),
                    Some(Expression::Set(inner)) => {
                        around = around.or(self.net_set(None, &inner, variables)?);
                        continue;
                    }
                    _ => return Err("that is not a set of prefixes".to_owned()),
                },
                _ => return Err("that is not a set of prefixes".to_owned()),
            };
            let own = net.prefix_len();
            if high >= own && high >= low {
                members.push(member(net, low.max(own), high));
            }
            // Shorter ones are those around it.
            if low < own && low <= high {
                let covering = Condition::text("prefix_covering", &net.to_string());
                around = around.or(covering.and(lengths(i64::from(low), i64::from(high.min(own - 1)))));
            }
        }
        Ok(self.members(name, members).or(around))
    }

    /// A few prefixes with all that is inside them are written where they are asked for, others as a named set.
    fn members(&mut self, name: Option<&str>, members: Vec<String>) -> Condition {
        let is_plain = members.iter().all(|member| member.starts_with('"'));
        match members.as_slice() {
            [] => return Condition::Never,
            [one] if is_plain => return Condition::key("prefix", one.clone()),
            _ if is_plain && members.len() <= 8 && name.is_none() => {
                return Condition::key("prefix", format!("[{}]", members.join(", ")));
            }
            _ => {}
        }
        let sets = &mut self.lowered.prefix_sets;
        if let Some((same, _)) = sets.iter().find(|(_, other)| **other == members) {
            return Condition::text("prefix_set", same);
        }
        let wanted = name.map_or_else(|| "set".to_owned(), crate::model::name);
        let mut free = wanted.clone();
        for number in 2.. {
            if !sets.contains_key(&free) {
                break;
            }
            free = format!("{wanted}-{number}");
        }
        sets.insert(free.clone(), members);
        Condition::text("prefix_set", &free)
    }
}

/// Prefixes of these lengths.
pub(super) fn lengths(low: i64, high: i64) -> Condition {
    let (low, high) = (low.max(0), high.min(128));
    match (low, high) {
        (low, high) if low > high => Condition::Never,
        (0, 128) => Condition::Always,
        (low, high) if low == high => Condition::text("length", &low.to_string()),
        (low, high) => Condition::text("length", &format!("{low}..{high}")),
    }
}

fn member(net: IpNet, low: u8, high: u8) -> String {
    if (low, high) == (net.prefix_len(), net.max_prefix_len()) {
        return quoted(&net.to_string());
    }
    let lengths = if low == high { low.to_string() } else { format!("{low}..{high}") };
    format!("{{ prefix = {}, length = {} }}", quoted(&net.to_string()), quoted(&lengths))
}
