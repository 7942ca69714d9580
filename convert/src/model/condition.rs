//! What a rule asks for, as keys of `match` and their combinations.

use ipnet::IpNet;

/// A condition on a route.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Condition {
    /// Every route.
    Always,
    /// No route.
    Never,
    /// A key of `match`, and its value in TOML.
    Key(&'static str, String),
    /// A prefix inside this one with a length in a range, which is possible there.
    PrefixWithin(IpNet, u8, u8),
    /// The opposite.
    Not(Box<Self>),
    /// All of these, at least two.
    All(Vec<Self>),
    /// Any of these, at least two.
    Any(Vec<Self>),
}

impl Condition {
    pub(crate) fn key(key: &'static str, value: impl Into<String>) -> Self {
        Self::Key(key, value.into())
    }

    /// A key whose value is text.
    pub(crate) fn text(key: &'static str, value: &str) -> Self {
        Self::Key(key, super::quoted(value))
    }

    pub(crate) fn constant(holds: bool) -> Self {
        if holds { Self::Always } else { Self::Never }
    }

    pub(crate) fn not(self) -> Self {
        match self {
            Self::Always => Self::Never,
            Self::Never => Self::Always,
            Self::Not(inner) => *inner,
            other => Self::Not(Box::new(other)),
        }
    }

    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Never, _) | (_, Self::Never) => Self::Never,
            (Self::Always, other) | (other, Self::Always) => other,
            (one, other) if one == other => one,
            (one, other) => {
                let mut members = one.members_of_all();
                for member in other.members_of_all() {
                    if !members.contains(&member) {
                        members.push(member);
                    }
                }
                if members.iter().any(|member| members.contains(&member.clone().not())) {
                    return Self::Never;
                }
                Self::All(members)
            }
        }
    }

    pub(crate) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Always, _) | (_, Self::Always) => Self::Always,
            (Self::Never, other) | (other, Self::Never) => other,
            (one, other) if one == other => one,
            (one, other) => {
                let mut members = one.members_of_any();
                members.extend(other.members_of_any());
                Self::Any(members)
            }
        }
    }

    /// Whether every route that meets this meets the other one, as far as that can be seen.
    pub(crate) fn implies(&self, other: &Self) -> bool {
        match self {
            Self::All(members) => members.contains(other),
            one => one == other,
        }
    }

    /// Whether it is met by routes from peers alone, and asks for their interface.
    pub(crate) fn asks_for_interface_of_peers(&self) -> bool {
        let Self::All(members) = self else { return false };
        members.contains(&Self::text("source", "peer")) && members.iter().any(Self::is_of_interface)
    }

    /// The same with an answer in the place of questions for the interface, as far as all of it has to be met.
    pub(crate) fn with_interface(self, answer: &Self) -> Self {
        match self {
            Self::All(members) => {
                let known = |member: Self| if member.is_of_interface() { answer.clone() } else { member };
                members.into_iter().map(known).fold(Self::Always, Self::and)
            }
            other if other.is_of_interface() => answer.clone(),
            other => other,
        }
    }

    fn is_of_interface(&self) -> bool {
        matches!(self, Self::Key("interface", _))
    }

    fn members_of_all(self) -> Vec<Self> {
        match self {
            Self::All(members) => members,
            other => vec![other],
        }
    }

    fn members_of_any(self) -> Vec<Self> {
        match self {
            Self::Any(members) => members,
            other => vec![other],
        }
    }

    /// The keys that it asks for.
    pub(crate) fn keys(&self) -> Vec<&'static str> {
        match self {
            Self::Always | Self::Never => Vec::new(),
            Self::Key(key, _) => vec![key],
            Self::PrefixWithin(..) => vec!["prefix", "length"],
            Self::Not(inner) => inner.keys(),
            Self::All(members) | Self::Any(members) => members.iter().flat_map(Self::keys).collect(),
        }
    }

    /// An inline table for `match`. Of [`Condition::Never`], one that no route meets.
    pub(crate) fn to_toml(&self) -> String {
        let members: &[Self] = match self {
            Self::All(members) => members,
            other => std::slice::from_ref(other),
        };
        let mut entries: Vec<(&str, String)> = Vec::new();
        let mut rest = Vec::new();
        for member in members {
            let (key, value) = member.entry();
            // `length` belongs to the prefix of its table, and has to be possible there.
            let pair = |one: &str, other: &str| {
                (one, other) == ("prefix", "length") || (one, other) == ("length", "prefix")
            };
            if entries.iter().any(|(other, _)| *other == key || pair(other, key)) {
                rest.push(member);
            } else {
                entries.push((key, value));
            }
        }
        if !rest.is_empty() {
            let tables: Vec<String> = rest.into_iter().map(Self::to_toml).collect();
            match entries.iter_mut().find(|(key, _)| *key == "all") {
                Some((_, value)) => {
                    *value = format!("[{}, {}", tables.join(", "), value.trim_start_matches('['))
                }
                None => entries.push(("all", format!("[{}]", tables.join(", ")))),
            }
        }
        let entries: Vec<String> = entries.iter().map(|(key, value)| format!("{key} = {value}")).collect();
        format!("{{ {} }}", entries.join(", "))
    }

    fn entry(&self) -> (&'static str, String) {
        match self {
            Self::Key(key, value) => (key, value.clone()),
            Self::PrefixWithin(net, low, high) => {
                let lengths = if low == high { low.to_string() } else { format!("{low}..{high}") };
                (
                    "prefix",
                    format!("{}, length = {}", super::quoted(&net.to_string()), super::quoted(&lengths)),
                )
            }
            Self::Not(inner) => ("not", inner.to_toml()),
            Self::Any(members) => ("any", tables(members)),
            Self::All(members) => ("all", tables(members)),
            Self::Always => ("not", Self::Never.to_toml()),
            Self::Never => ("source", "[\"kernel\"], not = { source = \"kernel\" }".to_owned()),
        }
    }
}

fn tables(members: &[Condition]) -> String {
    let tables: Vec<String> = members.iter().map(Condition::to_toml).collect();
    format!("[{}]", tables.join(", "))
}
