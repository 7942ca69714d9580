//! From the statements of a filter to rules: what the statements do is followed along every path.
//!
//! Conditions of the enclosing statements become the match of each rule. Variables, and attributes that have no counterpart in a
//! direction, such as the metric on export, exist here only: their values are replaced where they are used. What cannot be said is
//! left out with a remark; where it might have rejected a route, the rule that stands for it rejects every route that gets there.

mod conditions;
mod edits;
mod guard;
mod nets;
mod value;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::model::{self, Action, Condition, Rule};
use crate::remark::{Remark, RemarkKind};

use super::tree::{Expression, Function, Place, Statement, StatementKind};
use guard::{Guard, Rules};
pub(crate) use value::Number;

/// Where a filter stands.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Direction {
    Import,
    Export,
    /// Between the table and the kernel, for routes of all sources.
    Kernel,
}

/// What a variable or an attribute has for a value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Number(Number),
    Condition(Condition),
    Constant(Expression),
    /// The route does not have it.
    Absent,
    /// It differs from route to route in a way that cannot be said.
    Unknown,
}

pub(crate) type Variables = BTreeMap<String, Value>;

/// What the configuration defines.
#[derive(Default)]
pub(crate) struct Definitions {
    pub(crate) constants: HashMap<String, Expression>,
    pub(crate) functions: HashMap<String, Function>,
    pub(crate) filters: HashMap<String, Function>,
    pub(crate) files: Vec<String>,
}

/// What lowering adds to the target.
#[derive(Default)]
pub(crate) struct Lowered {
    pub(crate) filters: BTreeMap<String, Vec<Rule>>,
    pub(crate) prefix_sets: BTreeMap<String, Vec<String>>,
    pub(crate) remarks: BTreeSet<Remark>,
    /// Whether a filter after the import looks at LOCAL_PREF, which all routes have by then.
    pub(crate) needs_local_pref: bool,
}

/// Lowers the filters of one direction.
pub(crate) struct Lowering<'t> {
    pub(super) definitions: &'t Definitions,
    pub(super) lowered: &'t mut Lowered,
    pub(super) direction: Direction,
    calls: HashMap<String, Called>,
    /// The functions that are being lowered, to refuse recursion.
    under_way: Vec<String>,
}

/// What a call of a function does.
#[derive(Clone)]
struct Called {
    /// The filter that holds its rules; `None` without any.
    filter: Option<String>,
    variables: Variables,
    flow: Flow,
    edits: Vec<&'static str>,
}

/// How a route leaves some statements.
#[derive(Clone, Debug, PartialEq)]
enum Flow {
    /// Every route is accepted or rejected.
    Ends,
    /// Routes that meet the condition go on behind them; others have left the function.
    Falls(Condition),
}

/// What cannot be said.
pub(super) type Stuck = String;

impl<'t> Lowering<'t> {
    pub(crate) fn new(definitions: &'t Definitions, lowered: &'t mut Lowered, direction: Direction) -> Self {
        Self { definitions, lowered, direction, calls: HashMap::new(), under_way: Vec::new() }
    }

    /// Lowers a filter, and returns its name: that of another one that does the same, if there is one.
    pub(crate) fn filter(&mut self, name: &str, function: &Function) -> String {
        let mut variables = self.attributes();
        let mut rules = Rules::default();
        self.block(&function.body, &Guard::default(), &mut variables, &mut rules);
        self.store(name, rules.list)
    }

    /// Lowers a filter that accepts what meets a condition.
    pub(crate) fn where_filter(&mut self, name: &str, place: Place, condition: &Expression) -> String {
        let accept = Statement { place, kind: StatementKind::Accept };
        let kind = StatementKind::If(condition.clone(), vec![accept], Vec::new());
        let reject = Statement { place, kind: StatementKind::Reject };
        let body = vec![Statement { place, kind }, reject];
        self.filter(name, &Function { place, parameters: Vec::new(), body })
    }

    pub(super) fn remark(&mut self, place: Place, kind: RemarkKind, text: impl std::fmt::Display) {
        let file = self.definitions.files.get(place.file).cloned().unwrap_or_default();
        self.lowered.remarks.insert(Remark { file, line: place.line, kind, text: text.to_string() });
    }

    /// The attributes as they are when a route comes to a filter of this direction.
    fn attributes(&self) -> Variables {
        let number = |name, is_there| Value::Number(Number::Attribute(name, is_there));
        let mut variables = Variables::from([("bgp_med".to_owned(), number("med", false))]);
        variables.insert(FROM_PEER.to_owned(), Value::Unknown);
        match self.direction {
            Direction::Import | Direction::Kernel => {
                let local_pref = Number::Or(Box::new(Number::Attribute("local_pref", false)), 100);
                variables.insert("bgp_local_pref".to_owned(), Value::Number(local_pref));
                variables.insert("krt_metric".to_owned(), Value::Absent);
                variables.insert("preference".to_owned(), Value::Number(Number::Constant(100)));
            }
            Direction::Export => {
                variables.insert("bgp_local_pref".to_owned(), number("local_pref", false));
                variables.insert("krt_metric".to_owned(), number("metric", false));
                variables.insert("preference".to_owned(), Value::Unknown);
            }
        }
        variables
    }

    fn store(&mut self, name: &str, rules: Vec<Rule>) -> String {
        let name = model::name(name);
        let asks = |rule: &Rule| rule.to_toml().contains("local_pref");
        self.lowered.needs_local_pref |= self.direction != Direction::Import && rules.iter().any(asks);
        if let Some((same, _)) = self.lowered.filters.iter().find(|(_, other)| **other == rules) {
            return same.clone();
        }
        let mut free = name.clone();
        for number in 2.. {
            if !self.lowered.filters.contains_key(&free) {
                break;
            }
            free = format!("{name}-{number}");
        }
        self.lowered.filters.insert(free.clone(), rules);
        free
    }

    fn block(
        &mut self,
        statements: &[Statement],
        guard: &Guard,
        variables: &mut Variables,
        rules: &mut Rules,
    ) -> Flow {
        let mut falls = Condition::Always;
        let mut here = guard.clone();
        for statement in statements {
            let asked_after = rules.edits.len();
            match self.statement(statement, &here, variables, rules) {
                Flow::Ends if falls == Condition::Always => return Flow::Ends,
                Flow::Ends | Flow::Falls(Condition::Never) => return Flow::Falls(Condition::Never),
                Flow::Falls(condition) => {
                    here = here.and(condition.clone(), asked_after);
                    falls = falls.and(condition);
                }
            }
        }
        Flow::Falls(falls)
    }

    fn statement(
        &mut self,
        statement: &Statement,
        guard: &Guard,
        variables: &mut Variables,
        rules: &mut Rules,
    ) -> Flow {
        let result = match &statement.kind {
            StatementKind::Accept => {
                let guard = self.with_known_interface(guard, statement.place, Condition::Never);
                rules.add(&guard, Action::Accept).map(|()| Flow::Ends)
            }
            StatementKind::Reject => {
                let guard = self.with_known_interface(guard, statement.place, Condition::Always);
                rules.add(&guard, Action::Reject).map(|()| Flow::Ends)
            }
            StatementKind::Return(_) => Ok(Flow::Falls(Condition::Never)),
            StatementKind::Print => Ok(Flow::Falls(Condition::Always)),
            StatementKind::If(condition, then, otherwise) => {
                self.conditional(condition, [then, otherwise], guard, variables, rules)
            }
            StatementKind::Assign(name, value) => self
                .assign(statement.place, name, value, guard, variables, rules)
                .map(|()| Flow::Falls(Condition::Always)),
            StatementKind::Method(name, method, arguments) => self
                .method(statement.place, name, method, arguments, guard, variables, rules)
                .map(|()| Flow::Falls(Condition::Always)),
            StatementKind::Call(name, arguments) => self.call(name, arguments, guard, variables, rules),
            StatementKind::Unknown(word) => Err(format!("{word:?} is not understood")),
        };
        result.unwrap_or_else(|text| self.leave_out(statement, &text, guard, variables, rules))
    }

    /// A guard without a question for the interface of routes from peers, which is not known: the answer is put in its place.
    fn with_known_interface(&mut self, guard: &Guard, place: Place, answer: Condition) -> Guard {
        if !guard.condition().asks_for_interface_of_peers() {
            return guard.clone();
        }
        let what = if answer == Condition::Always { "all of them are rejected" } else { "none is accepted" };
        let text = format!("the interface of routes from peers is not known here; {what}");
        self.remark(place, RemarkKind::LeftOut, text);
        guard.with_interface(&answer)
    }

    /// Leaves a statement out. Where it may reject, everything that gets there is rejected.
    fn leave_out(
        &mut self,
        statement: &Statement,
        text: &str,
        guard: &Guard,
        variables: &mut Variables,
        rules: &mut Rules,
    ) -> Flow {
        for name in assigned(std::slice::from_ref(statement)) {
            variables.insert(name, Value::Unknown);
        }
        if !self.may_reject(std::slice::from_ref(statement), 0) {
            self.remark(statement.place, RemarkKind::LeftOut, text);
            return Flow::Falls(Condition::Always);
        }
        let text = format!("{text}; it may reject, so that every route is rejected here");
        self.remark(statement.place, RemarkKind::LeftOut, &text);
        let comment = format!("line {}: {text}", statement.place.line);
        rules.list.push(Rule { comment: Some(comment), ..Rule::new(guard.condition(), Action::Reject) });
        Flow::Ends
    }

    fn may_reject(&self, statements: &[Statement], depth: usize) -> bool {
        statements.iter().any(|statement| match &statement.kind {
            StatementKind::Reject | StatementKind::Unknown(_) => true,
            StatementKind::If(_, then, otherwise) => {
                self.may_reject(then, depth) || self.may_reject(otherwise, depth)
            }
            StatementKind::Call(name, _) => self
                .definitions
                .functions
                .get(name)
                .is_none_or(|function| depth > MAX_CALLS || self.may_reject(&function.body, depth + 1)),
            StatementKind::Return(value) => value.is_some(),
            _ => false,
        })
    }

    fn conditional(
        &mut self,
        condition: &Expression,
        [then, otherwise]: [&[Statement]; 2],
        guard: &Guard,
        variables: &mut Variables,
        rules: &mut Rules,
    ) -> Result<Flow, Stuck> {
        let holds = self.condition(condition, variables)?;
        match holds {
            Condition::Always => return Ok(self.block(then, guard, variables, rules)),
            Condition::Never => return Ok(self.block(otherwise, guard, variables, rules)),
            _ => {}
        }
        let asked_after = rules.edits.len();
        let mut others = variables.clone();
        if self.direction == Direction::Kernel && holds.implies(&Condition::text("source", "peer")) {
            variables.insert(FROM_PEER.to_owned(), Value::Condition(Condition::Always));
        }
        for name in defined_in(condition) {
            if let Some(Value::Number(Number::Attribute(_, is_there))) = variables.get_mut(name) {
                *is_there = true;
            }
        }
        let first = self.block(then, &guard.and(holds.clone(), asked_after), variables, rules);
        // Routes that are decided are not asked again, nor changed for what follows.
        let fails = if first == Flow::Ends {
            rules.edits.truncate(asked_after);
            guard.clone()
        } else {
            guard.and(holds.clone().not(), asked_after)
        };
        let second = self.block(otherwise, &fails, &mut others, rules);
        Ok(match (first, second) {
            (Flow::Ends, Flow::Ends) => Flow::Ends,
            (Flow::Ends, falls) => {
                *variables = others;
                falls
            }
            (falls, Flow::Ends) => falls,
            (Flow::Falls(Condition::Always), Flow::Falls(Condition::Always)) => {
                join(condition, variables, others);
                Flow::Falls(Condition::Always)
            }
            (Flow::Falls(one), Flow::Falls(other)) => {
                match (&one, &other) {
                    (Condition::Never, _) => *variables = others,
                    (_, Condition::Never) => {}
                    _ => join(condition, variables, others),
                }
                Flow::Falls(holds.clone().and(one).or(holds.not().and(other)))
            }
        })
    }

    fn call(
        &mut self,
        name: &str,
        arguments: &[Expression],
        guard: &Guard,
        variables: &mut Variables,
        rules: &mut Rules,
    ) -> Result<Flow, Stuck> {
        let called = self.called(name, arguments, variables)?;
        let Called { filter, variables: after, flow, edits } = called;
        for (name, value) in after {
            if variables.contains_key(&name) {
                variables.insert(name, value);
            }
        }
        if let Some(filter) = filter {
            rules.add(guard, Action::Call(filter))?;
        }
        rules.edits.extend(edits);
        Ok(match flow {
            Flow::Ends => Flow::Ends,
            Flow::Falls(_) => Flow::Falls(Condition::Always),
        })
    }

    fn called(
        &mut self,
        name: &str,
        arguments: &[Expression],
        variables: &Variables,
    ) -> Result<Called, Stuck> {
        let definitions = self.definitions;
        let function =
            definitions.functions.get(name).ok_or_else(|| format!("there is no function {name:?}"))?;
        if self.under_way.iter().any(|other| other == name) || self.under_way.len() > MAX_CALLS {
            return Err(format!("{name} calls itself"));
        }
        let mut inside = self.with_arguments(function, arguments, variables);
        let key = format!("{name} {inside:?}");
        if let Some(called) = self.calls.get(&key) {
            return Ok(called.clone());
        }
        self.under_way.push(name.to_owned());
        let mut rules = Rules::default();
        let flow = self.block(&function.body, &Guard::default(), &mut inside, &mut rules);
        self.under_way.pop();
        let filter = (!rules.list.is_empty()).then(|| self.store(name, rules.list));
        let called = Called { filter, variables: inside, flow, edits: rules.edits };
        self.calls.insert(key, called.clone());
        Ok(called)
    }

    /// The variables inside a function: the attributes, and its arguments.
    pub(super) fn with_arguments(
        &mut self,
        function: &Function,
        arguments: &[Expression],
        variables: &Variables,
    ) -> Variables {
        let mut inside: Variables = variables
            .iter()
            .filter(|(name, _)| ATTRIBUTES.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        for (parameter, argument) in function.parameters.iter().zip(arguments) {
            inside.insert(parameter.clone(), self.value(argument, variables));
        }
        inside
    }
}

/// The names that a condition demands to be defined.
fn defined_in(condition: &Expression) -> Vec<&str> {
    match condition {
        Expression::Binary("&&", left, right) => [defined_in(left), defined_in(right)].concat(),
        Expression::Call(name, arguments) if name == "defined" => match arguments.as_slice() {
            [Expression::Name(name)] => vec![name],
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// What variables have after two branches.
fn join(condition: &Expression, variables: &mut Variables, others: Variables) {
    let defaulted = match condition {
        Expression::Not(inner) => match &**inner {
            Expression::Call(name, arguments) if name == "defined" => match arguments.as_slice() {
                [Expression::Name(name)] => Some(name.as_str()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    };
    for (name, other) in others {
        let Some(value) = variables.get_mut(&name) else { continue };
        if *value == other {
            continue;
        }
        *value = match (&*value, other) {
            (Value::Number(Number::Constant(default)), Value::Number(number))
                if defaulted == Some(name.as_str()) =>
            {
                Value::Number(Number::Or(Box::new(number), *default))
            }
            (Value::Number(Number::Attribute(one, _)), Value::Number(Number::Attribute(other, _)))
                if *one == other =>
            {
                Value::Number(Number::Attribute(one, false))
            }
            (Value::Number(Number::Minus(from, one)), Value::Number(Number::Minus(other_from, other)))
                if *from == other_from
                    && one.attribute() == other.attribute()
                    && one.attribute().is_some() =>
            {
                Value::Number(Number::Minus(*from, one.clone()))
            }
            _ => Value::Unknown,
        };
    }
}

/// The variables that statements give values.
fn assigned(statements: &[Statement]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for statement in statements {
        match &statement.kind {
            StatementKind::Assign(name, _) => {
                names.insert(name.clone());
            }
            StatementKind::If(_, then, otherwise) => {
                names.extend(assigned(then));
                names.extend(assigned(otherwise));
            }
            _ => {}
        }
    }
    names
}

/// Functions deep in functions.
const MAX_CALLS: usize = 20;

/// What functions see of the route.
const ATTRIBUTES: [&str; 5] = ["bgp_local_pref", "bgp_med", "krt_metric", "preference", FROM_PEER];

/// Stands for what is known of the route itself: a peer has announced it. No variable of a configuration has such a name.
const FROM_PEER: &str = "(from a peer)";
