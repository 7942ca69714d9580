//! What expressions ask for, as conditions of rules.

use super::value::range;
use super::{Definitions, Direction, FROM_PEER, Lowering, Number, Stuck, Value, Variables, edits, nets};
use crate::bird::tree::{Expression, MaskItem, SetItem, StatementKind};
use crate::model::{Condition, quoted};

impl Lowering<'_> {
    /// When an expression is true.
    pub(super) fn condition(
        &mut self,
        expression: &Expression,
        variables: &Variables,
    ) -> Result<Condition, Stuck> {
        match expression {
            Expression::Bool(holds) => Ok(Condition::constant(*holds)),
            Expression::Not(inner) => Ok(self.condition(inner, variables)?.not()),
            Expression::Binary("&&", left, right) => {
                let left = self.condition(left, variables)?;
                if left == Condition::Never {
                    return Ok(left);
                }
                Ok(left.and(self.condition(right, variables)?))
            }
            Expression::Binary("||", left, right) => {
                let left = self.condition(left, variables)?;
                if left == Condition::Always {
                    return Ok(left);
                }
                Ok(left.or(self.condition(right, variables)?))
            }
            Expression::Binary(operator @ ("!=" | "!~"), left, right) => {
                let positive = if *operator == "!=" { "=" } else { "~" };
                Ok(self.comparison(positive, left, right, variables)?.not())
            }
            Expression::Binary(operator, left, right) => self.comparison(operator, left, right, variables),
            Expression::Call(name, arguments) if name == "defined" => self.defined(arguments, variables),
            Expression::Call(name, arguments) => self.function_condition(name, arguments, variables),
            Expression::Name(name) => match variables.get(name) {
                Some(Value::Condition(condition)) => Ok(condition.clone()),
                Some(Value::Constant(Expression::Bool(holds))) => Ok(Condition::constant(*holds)),
                _ => match self.definitions.constants.get(name) {
                    Some(Expression::Bool(holds)) => Ok(Condition::constant(*holds)),
                    _ => Err(format!("the value of {name} is not known")),
                },
            },
            _ => Err("that is not a condition".to_owned()),
        }
    }

    fn defined(&self, arguments: &[Expression], variables: &Variables) -> Result<Condition, Stuck> {
        let [Expression::Name(name)] = arguments else { return Err("only names can be defined".to_owned()) };
        Ok(match (name.as_str(), variables.get(name)) {
            ("source" | "ifname" | "net" | "proto", _) => Condition::Always,
            ("bgp_path" | "bgp_next_hop" | "bgp_origin", _) if self.direction == Direction::Import => {
                Condition::Always
            }
            ("bgp_local_pref", Some(Value::Number(_))) if self.direction == Direction::Kernel => {
                match variables.get(FROM_PEER) {
                    Some(Value::Condition(Condition::Always)) => Condition::Always,
                    _ => Condition::text("source", "peer"),
                }
            }
            ("bgp_local_pref", Some(Value::Number(Number::Attribute(_, false)))) => {
                Condition::text("source", "peer")
            }
            ("bgp_next_hop" | "bgp_path" | "bgp_origin", _) => Condition::text("source", "peer"),
            (_, Some(Value::Absent)) => Condition::Never,
            (_, Some(Value::Number(Number::Attribute(name, false)))) => Condition::text(name, "0.."),
            (_, Some(Value::Unknown) | None) => {
                return Err(format!("it is not known whether {name} is defined"));
            }
            (_, Some(_)) => Condition::Always,
        })
    }

    /// The value of a function with one: what its conditions lead to.
    fn function_condition(
        &mut self,
        name: &str,
        arguments: &[Expression],
        variables: &Variables,
    ) -> Result<Condition, Stuck> {
        let definitions = self.definitions;
        let Some(function) = definitions.functions.get(name) else {
            return Err(format!("there is no function {name:?}"));
        };
        if self.under_way.iter().any(|other| other == name) || self.under_way.len() > super::MAX_CALLS {
            return Err(format!("{name} calls itself"));
        }
        let mut inside = self.with_arguments(function, arguments, variables);
        self.under_way.push(name.to_owned());
        let result = self.returned(&function.body, &mut inside);
        self.under_way.pop();
        result.map(|(holds, _)| holds)
    }

    /// When statements return true, and when they return anything.
    fn returned(
        &mut self,
        statements: &[crate::bird::tree::Statement],
        variables: &mut Variables,
    ) -> Result<(Condition, Condition), Stuck> {
        let (mut holds, mut ends) = (Condition::Never, Condition::Never);
        for statement in statements {
            let (now, ends_now) = match &statement.kind {
                StatementKind::Return(Some(value)) => (self.condition(value, variables)?, Condition::Always),
                StatementKind::If(condition, then, otherwise) => {
                    let condition = self.condition(condition, variables)?;
                    let (one, one_ends) = self.returned(then, &mut variables.clone())?;
                    let (other, other_ends) = self.returned(otherwise, &mut variables.clone())?;
                    let fails = condition.clone().not();
                    (
                        condition.clone().and(one).or(fails.clone().and(other)),
                        condition.and(one_ends).or(fails.and(other_ends)),
                    )
                }
                StatementKind::Print => continue,
                StatementKind::Assign(name, value) if !name.starts_with("bgp_") => {
                    let value = self.value(value, variables);
                    variables.insert(name.clone(), value);
                    continue;
                }
                _ => return Err("a function with a value does more than return it".to_owned()),
            };
            holds = holds.or(ends.clone().not().and(now));
            ends = ends.or(ends_now);
            if ends == Condition::Always {
                break;
            }
        }
        Ok((holds, ends))
    }

    fn comparison(
        &mut self,
        operator: &str,
        left: &Expression,
        right: &Expression,
        variables: &Variables,
    ) -> Result<Condition, Stuck> {
        match left {
            Expression::Name(name) => match name.as_str() {
                "net" => return self.net(operator, right, variables),
                "source" => return self.source(right),
                "ifname" => return self.interface(right),
                "proto" => return self.protocol(right),
                "bgp_path" => return self.path(right, variables),
                "bgp_community" | "bgp_large_community" | "bgp_ext_community" => {
                    return self.communities(right, variables);
                }
                "bgp_origin" => return self.origin(right),
                "bgp_next_hop" => return self.next_hop(operator, right, variables),
                "dest" | "scope" | "from" | "gw" | "igp_metric" => {
                    return Err(format!("{name} cannot be asked for"));
                }
                _ => {}
            },
            Expression::Member(of, member, _) => match (&**of, member.as_str()) {
                (Expression::Name(name), "len") if name == "net" => {
                    return self.within(operator, right, variables, nets::lengths);
                }
                (Expression::Name(name), "len") if name == "bgp_path" => {
                    return self
                        .within(operator, right, variables, |low, high| range("as_path_length", low, high));
                }
                (Expression::Name(name), "first" | "last" | "last_nonaggregated") if name == "bgp_path" => {
                    let key = if member == "first" { "received_from" } else { "originated_by" };
                    return Ok(Condition::key(key, self.asns(right, variables)?));
                }
                (Expression::Name(name), "type") if name == "net" => return self.net_type(right),
                _ => return Err(format!(".{member} cannot be asked for")),
            },
            Expression::Call(name, _) if name == "roa_check" => return self.rpki(right),
            Expression::Tuple(_) => return self.membership(left, right, variables),
            Expression::Number(_) if operator == "~" => return self.membership(left, right, variables),
            _ => {}
        }
        if operator == "~" {
            return self.number_in(left, right, variables);
        }
        if let (Some(left), Some(right)) = (self.constant(left, variables), self.constant(right, variables))
            && operator == "="
        {
            return Ok(Condition::constant(left == right));
        }
        if let Some(Value::Absent) = self.variable(left, variables) {
            return Ok(Condition::Never);
        }
        let left = self.number(left, variables)?;
        self.within(operator, right, variables, |low, high| left.is_within(low, high))
    }

    /// A comparison with a constant, as a range.
    fn within(
        &mut self,
        operator: &str,
        right: &Expression,
        variables: &Variables,
        within: impl Fn(i64, i64) -> Condition,
    ) -> Result<Condition, Stuck> {
        let Number::Constant(number) = self.number(right, variables)? else {
            return Err("only a constant can be compared with".to_owned());
        };
        let highest = i64::from(u32::MAX);
        Ok(match operator {
            "=" => within(number, number),
            "<" => within(0, number - 1),
            "<=" => within(0, number),
            ">" => within(number + 1, highest),
            ">=" => within(number, highest),
            _ => return Err(format!("{operator} cannot compare numbers")),
        })
    }

    fn number_in(
        &mut self,
        left: &Expression,
        right: &Expression,
        variables: &Variables,
    ) -> Result<Condition, Stuck> {
        let Some(Expression::Set(items)) = self.constant(right, variables) else {
            return Err("~ needs a set that is known".to_owned());
        };
        let left = self.number(left, variables)?;
        let mut holds = Condition::Never;
        for (low, high) in self.numbers(&items, variables)? {
            holds = holds.or(left.is_within(low, high));
        }
        Ok(holds)
    }

    fn numbers(&self, items: &[SetItem], variables: &Variables) -> Result<Vec<(i64, i64)>, Stuck> {
        let number = |expression: &Expression| match self.number(expression, variables) {
            Ok(Number::Constant(number)) => Ok(number),
            _ => Err("only constants can be in a set".to_owned()),
        };
        items
            .iter()
            .map(|item| match item {
                SetItem::One(one) => number(one).map(|number| (number, number)),
                SetItem::Range(low, high) => Ok((number(low)?, number(high)?)),
                _ => Err("that is not a set of numbers".to_owned()),
            })
            .collect()
    }

    /// `(1, 2) ~ bgp_community`, or a number in the path.
    fn membership(
        &mut self,
        left: &Expression,
        right: &Expression,
        variables: &Variables,
    ) -> Result<Condition, Stuck> {
        match right {
            Expression::Name(name) if name.ends_with("_community") => self.communities(left, variables),
            Expression::Name(name) if name == "bgp_path" => self.path(left, variables),
            _ => Err("that cannot be a member".to_owned()),
        }
    }

    fn communities(&mut self, value: &Expression, variables: &Variables) -> Result<Condition, Stuck> {
        let patterns = self.community_patterns(value, variables)?;
        let patterns: Vec<String> = patterns.iter().map(|pattern| quoted(pattern)).collect();
        Ok(match patterns.as_slice() {
            [] => Condition::Never,
            [one] => Condition::key("community", one.clone()),
            _ => Condition::key("community", format!("[{}]", patterns.join(", "))),
        })
    }

    fn path(&mut self, value: &Expression, variables: &Variables) -> Result<Condition, Stuck> {
        match self.constant(value, variables) {
            Some(Expression::PathMask(items)) => {
                let pattern = self.mask_pattern(&items, variables)?;
                Ok(pattern.map_or(Condition::Always, |pattern| Condition::text("as_path", &pattern)))
            }
            Some(value @ (Expression::Set(_) | Expression::Number(_))) => {
                Ok(Condition::key("as_path_contains", self.asns(&value, variables)?))
            }
            _ => Err("that cannot be compared with a path".to_owned()),
        }
    }

    /// A number, or a list of numbers and ranges, in TOML.
    fn asns(&self, value: &Expression, variables: &Variables) -> Result<String, Stuck> {
        let Some(Expression::Set(items)) = self.constant(value, variables) else {
            return match self.number(value, variables)? {
                Number::Constant(number) => Ok(number.to_string()),
                _ => Err("only constant AS numbers can be asked for".to_owned()),
            };
        };
        let members: Vec<String> = self
            .numbers(&items, variables)?
            .into_iter()
            .map(|(low, high)| if low == high { low.to_string() } else { format!("\"{low}..{high}\"") })
            .collect();
        Ok(format!("[{}]", members.join(", ")))
    }

    /// A regular expression that says the same as a mask; `None` for any path.
    fn mask_pattern(&self, items: &[MaskItem], variables: &Variables) -> Result<Option<String>, Stuck> {
        let mut pattern = String::from("^");
        // Whether any number of numbers may stand before the next item.
        let mut any = false;
        let mut is_first = true;
        for item in items {
            let one = match item {
                MaskItem::AnyNumber => {
                    any = true;
                    continue;
                }
                MaskItem::AnyOne => "[0-9]+".to_owned(),
                MaskItem::Range(low, high) => alternatives(&[(i64_of(*low), i64_of(*high))])?,
                MaskItem::Set(items) => alternatives(&self.numbers(items, variables)?)?,
                MaskItem::Asn(asn) => match self.number(asn, variables)? {
                    Number::Constant(number) => number.to_string(),
                    _ => return Err("only constant AS numbers can be in a mask".to_owned()),
                },
            };
            pattern = match (is_first, any) {
                (true, true) => "_".to_owned(),
                (true, false) => pattern,
                (false, true) => pattern + "_(.*_)?",
                (false, false) => pattern + "_",
            } + &one;
            (is_first, any) = (false, false);
        }
        Ok(match (is_first, any) {
            (true, true) => None,
            (_, true) => Some(pattern + "_"),
            (_, false) => Some(pattern + "$"),
        })
    }

    fn source(&self, value: &Expression) -> Result<Condition, Stuck> {
        let names: Vec<&str> = match value {
            Expression::Name(name) => vec![name.as_str()],
            Expression::Set(items) => {
                let name = |item: &SetItem| match item {
                    SetItem::One(Expression::Name(name)) => Ok(name.clone()),
                    _ => Err("that is not a source".to_owned()),
                };
                let names: Vec<String> = items.iter().map(name).collect::<Result<_, Stuck>>()?;
                return names.iter().try_fold(Condition::Never, |holds, name| {
                    Ok(holds.or(self.source(&Expression::Name(name.clone()))?))
                });
            }
            _ => return Err("that is not a source".to_owned()),
        };
        let is_import = self.direction == Direction::Import;
        Ok(match names.first().copied().unwrap_or_default() {
            "RTS_BGP" if is_import => Condition::Always,
            "RTS_BGP" => Condition::text("source", "peer"),
            _ if is_import => Condition::Never,
            "RTS_STATIC" => Condition::key("source", "[\"local\", \"static\"]"),
            "RTS_INHERIT" | "RTS_DEVICE" | "RTS_STATIC_DEVICE" => Condition::text("source", "kernel"),
            "RTS_OSPF" | "RTS_OSPF_IA" | "RTS_OSPF_EXT1" | "RTS_OSPF_EXT2" | "RTS_RIP" | "RTS_BABEL"
            | "RTS_PIPE" => Condition::Never,
            other => return Err(format!("{other} is not a source here")),
        })
    }

    /// On import, the interface of a route is not known yet: its name is empty.
    fn interface(&self, value: &Expression) -> Result<Condition, Stuck> {
        let Expression::Text(glob) = value else {
            return Err("only a pattern of names can be asked for".to_owned());
        };
        let is_anything = glob.chars().all(|c| c == '*');
        Ok(match self.direction {
            _ if is_anything => Condition::Always,
            Direction::Import => Condition::Never,
            Direction::Kernel => {
                return Err("the interface of a route cannot be asked for when it is installed".to_owned());
            }
            Direction::Export => Condition::text("interface", glob),
        })
    }

    fn protocol(&self, value: &Expression) -> Result<Condition, Stuck> {
        match (value, self.direction) {
            (Expression::Text(name), Direction::Export | Direction::Kernel) => {
                Ok(Condition::text("source_peer", name))
            }
            _ => Err("a protocol cannot be asked for on import".to_owned()),
        }
    }

    fn origin(&self, value: &Expression) -> Result<Condition, Stuck> {
        match value {
            Expression::Name(name) => edits::origin(name)
                .map(|origin| Condition::text("origin", origin))
                .ok_or_else(|| format!("{name} is not an origin")),
            _ => Err("that is not an origin".to_owned()),
        }
    }

    fn next_hop(
        &self,
        operator: &str,
        value: &Expression,
        variables: &Variables,
    ) -> Result<Condition, Stuck> {
        match (self.constant(value, variables), operator) {
            (Some(Expression::Address(address)), "=") => {
                Ok(Condition::text("next_hop", &address.to_string()))
            }
            (Some(Expression::Net(net)), "~") => Ok(Condition::text("next_hop", &net.trunc().to_string())),
            _ => Err("only a constant address or prefix can be asked of next hops".to_owned()),
        }
    }

    fn rpki(&self, value: &Expression) -> Result<Condition, Stuck> {
        match value {
            Expression::Name(name) if name == "ROA_VALID" => Ok(Condition::text("rpki", "valid")),
            Expression::Name(name) if name == "ROA_INVALID" => Ok(Condition::text("rpki", "invalid")),
            Expression::Name(name) if name == "ROA_UNKNOWN" => Ok(Condition::text("rpki", "not-found")),
            _ => Err("that is not a state of RPKI".to_owned()),
        }
    }

    fn net_type(&self, value: &Expression) -> Result<Condition, Stuck> {
        match value {
            Expression::Name(name) if name == "NET_IP4" => Ok(Condition::text("family", "ipv4-unicast")),
            Expression::Name(name) if name == "NET_IP6" => Ok(Condition::text("family", "ipv6-unicast")),
            Expression::Name(_) => Ok(Condition::Never),
            _ => Err("that is not a type of networks".to_owned()),
        }
    }

    /// What an expression is along the path that is followed.
    pub(super) fn value(&mut self, expression: &Expression, variables: &Variables) -> Value {
        if let Some(value) = self.variable(expression, variables) {
            return value;
        }
        if let Some(constant) = self.constant(expression, variables) {
            return match constant {
                Expression::Number(number) => Value::Number(Number::Constant(i64_of(number))),
                constant => Value::Constant(constant),
            };
        }
        if let Ok(number) = self.number(expression, variables) {
            return Value::Number(number);
        }
        self.condition(expression, variables).map_or(Value::Unknown, Value::Condition)
    }

    fn variable(&self, expression: &Expression, variables: &Variables) -> Option<Value> {
        match expression {
            Expression::Name(name) => variables.get(name).cloned(),
            _ => None,
        }
    }

    /// The value of an expression that does not depend on the route.
    pub(super) fn constant(&self, expression: &Expression, variables: &Variables) -> Option<Expression> {
        match expression {
            Expression::Name(name) => match variables.get(name) {
                Some(Value::Constant(constant)) => Some(constant.clone()),
                Some(Value::Number(Number::Constant(number))) => {
                    u64::try_from(*number).ok().map(Expression::Number)
                }
                Some(_) => None,
                None => resolve(self.definitions, name, 0),
            },
            Expression::Binary(..) | Expression::Not(_) | Expression::Call(..) | Expression::Member(..) => {
                None
            }
            constant => Some(constant.clone()),
        }
    }

    pub(super) fn number(&self, expression: &Expression, variables: &Variables) -> Result<Number, Stuck> {
        match expression {
            Expression::Number(number) => Ok(Number::Constant(i64_of(*number))),
            Expression::Name(name) => match variables.get(name) {
                Some(Value::Number(number)) => Ok(number.clone()),
                Some(_) => Err(format!("the value of {name} is not known")),
                None => match resolve(self.definitions, name, 0) {
                    Some(Expression::Number(number)) => Ok(Number::Constant(i64_of(number))),
                    Some(Expression::Binary(..)) | None => match self.definitions.constants.get(name) {
                        Some(sum @ Expression::Binary(..)) => self.number(sum, variables),
                        _ => Err(format!("{name} is not a number here")),
                    },
                    Some(_) => Err(format!("{name} is not a number")),
                },
            },
            Expression::Binary(operator, left, right) => {
                let (left, right) = (self.number(left, variables)?, self.number(right, variables)?);
                arithmetic(operator, left, right)
            }
            _ => Err("that is not a number".to_owned()),
        }
    }
}

fn arithmetic(operator: &str, left: Number, right: Number) -> Result<Number, Stuck> {
    Ok(match (operator, left, right) {
        ("+", Number::Constant(left), Number::Constant(right)) => {
            Number::Constant(left.saturating_add(right))
        }
        ("-", Number::Constant(left), Number::Constant(right)) => {
            Number::Constant(left.saturating_sub(right))
        }
        ("*", Number::Constant(left), Number::Constant(right)) => {
            Number::Constant(left.saturating_mul(right))
        }
        ("-", Number::Constant(from), other) => Number::Minus(from, Box::new(other)),
        ("+", other, Number::Constant(number)) | ("+", Number::Constant(number), other) => {
            Number::Plus(Box::new(other), number)
        }
        ("-", other, Number::Constant(number)) => Number::Plus(Box::new(other), number.saturating_neg()),
        _ => return Err(format!("{operator} of these numbers has no counterpart")),
    })
}

/// A constant by its name, through others.
fn resolve(definitions: &Definitions, name: &str, depth: usize) -> Option<Expression> {
    match definitions.constants.get(name)? {
        Expression::Name(_) if depth > super::MAX_CALLS => None,
        Expression::Name(other) => resolve(definitions, other, depth + 1),
        constant => Some(constant.clone()),
    }
}

fn alternatives(ranges: &[(i64, i64)]) -> Result<String, Stuck> {
    let count: i64 = ranges
        .iter()
        .map(|(low, high)| high.saturating_sub(*low).saturating_add(1).max(0))
        .fold(0, i64::saturating_add);
    if !(1..=MAX_ALTERNATIVES).contains(&count) {
        return Err(format!(
            "a mask with more than {MAX_ALTERNATIVES} numbers in one place has no counterpart"
        ));
    }
    let numbers = ranges.iter().flat_map(|(low, high)| *low..=*high).map(|number| number.to_string());
    Ok(format!("({})", numbers.collect::<Vec<_>>().join("|")))
}

fn i64_of(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

const MAX_ALTERNATIVES: i64 = 200;
