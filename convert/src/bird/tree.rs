//! What a configuration of BIRD says, as a tree.

use std::net::IpAddr;

use ipnet::IpNet;

/// A place in the files.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Place {
    pub(crate) file: usize,
    pub(crate) line: usize,
}

/// An expression of the filter language.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expression {
    Number(u64),
    Bool(bool),
    Text(String),
    Address(IpAddr),
    Net(IpNet),
    /// A constant, an attribute or a variable.
    Name(String),
    /// `(1, 2)` and the like.
    Tuple(Vec<Self>),
    /// `[ … ]`
    Set(Vec<SetItem>),
    /// `[= … =]`
    PathMask(Vec<MaskItem>),
    Call(String, Vec<Self>),
    /// `bgp_path.len`, `net.ip`; with arguments for methods.
    Member(Box<Self>, String, Vec<Self>),
    Not(Box<Self>),
    Binary(&'static str, Box<Self>, Box<Self>),
}

/// A member of a set.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SetItem {
    One(Expression),
    Range(Expression, Expression),
    /// A prefix with the lengths that are meant, from and to.
    Prefix(IpNet, u8, u8),
    /// Communities: for each number its lowest and highest value; the kind, such as `rt`, of extended ones.
    Communities(Option<String>, Vec<(u64, u64)>),
}

/// A part of a mask of AS paths.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum MaskItem {
    Asn(Expression),
    Range(u64, u64),
    AnyOne,
    AnyNumber,
    Set(Vec<SetItem>),
}

/// A statement of the filter language.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Statement {
    pub(crate) place: Place,
    pub(crate) kind: StatementKind,
}

/// What a statement does.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum StatementKind {
    If(Expression, Vec<Statement>, Vec<Statement>),
    Accept,
    Reject,
    Return(Option<Expression>),
    Assign(String, Expression),
    /// `bgp_community.add(…)`
    Method(String, String, Vec<Expression>),
    Call(String, Vec<Expression>),
    /// Output, which routes do not depend on.
    Print,
    /// What the parser does not know, with its first word.
    Unknown(String),
}

/// A filter or function.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Function {
    pub(crate) place: Place,
    pub(crate) parameters: Vec<String>,
    pub(crate) body: Vec<Statement>,
}
