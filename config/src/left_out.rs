//! Objects of the file that are left out, because they are wrong by themselves or use one that is.

use std::fmt;

use bgp_codec::Prefix;

/// An object that is left out of the configuration, and why.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LeftOut {
    /// Which object.
    pub object: ObjectName,
    /// Its first error with file and line, or what it uses that is left out.
    pub cause: String,
    /// Whether it goes on as it was in a former configuration; see [`Config::keep_former`](crate::Config::keep_former).
    pub is_kept: bool,
}

/// An object of the file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ObjectName {
    /// A `[[peer]]`, as far as it is known which one.
    Peer {
        /// Its name, if it has one.
        name: Option<String>,
        /// Its address with its link, if that is right.
        address: Option<String>,
    },
    /// A `[[dynamic_peers]]`.
    DynamicPeers(Option<Prefix>),
    /// A `[[network]]`.
    Network(Option<Prefix>),
    /// A `[[static]]`.
    StaticRoute(Option<Prefix>),
    /// An `[[aggregate]]`.
    Aggregate(Option<Prefix>),
    /// A table with a name: its kind, such as `filter`, and the name.
    Named(&'static str, String),
    /// A section that is not known.
    Section(String),
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = if self.is_kept { ", and goes on as it was" } else { "" };
        write!(f, "{}{kept}: {}", self.object, self.cause)
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Peer { name: Some(name), .. } => write!(f, "peer {name}"),
            Self::Peer { name: None, address: Some(address) } => write!(f, "peer {address}"),
            Self::Peer { name: None, address: None } => f.write_str("peer without a valid address"),
            Self::DynamicPeers(Some(range)) => write!(f, "dynamic peers {range}"),
            Self::DynamicPeers(None) => f.write_str("dynamic peers without a valid range"),
            Self::Network(Some(prefix)) => write!(f, "network {prefix}"),
            Self::Network(None) => f.write_str("network without a valid prefix"),
            Self::StaticRoute(Some(prefix)) => write!(f, "static route {prefix}"),
            Self::StaticRoute(None) => f.write_str("static route without a valid prefix"),
            Self::Aggregate(Some(prefix)) => write!(f, "aggregate {prefix}"),
            Self::Aggregate(None) => f.write_str("aggregate without a valid prefix"),
            Self::Named(kind, name) => write!(f, "{kind} {name}"),
            Self::Section(name) => write!(f, "section {name}"),
        }
    }
}
