//! `remote_asn`: the AS that a peer must belong to.

use std::fmt;

use bgp_codec::Asn;

use crate::asn;
use crate::report::Report;
use crate::section::Value;

/// The AS that a peer must belong to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RemoteAsn {
    /// This AS.
    Number(Asn),
    /// Any AS but our own.
    External,
    /// Our own AS.
    Internal,
    /// Any AS, also our own.
    Any,
}

impl RemoteAsn {
    /// Reads a number or a word.
    pub(crate) fn read(value: Value<'_>, report: &mut Report<'_>) -> Option<Self> {
        if !value.is_string() {
            return asn::read(value, report).map(Self::Number);
        }
        value.parsed("external", report, |text| match text {
            "external" => Ok(Self::External),
            "internal" => Ok(Self::Internal),
            "any" => Ok(Self::Any),
            _ => Err(format!("{text:?} is not an AS: write a number, \"external\", \"internal\" or \"any\"")),
        })
    }
}

/// As in the file.
impl fmt::Display for RemoteAsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(asn) => asn.fmt(f),
            Self::External => f.write_str("external"),
            Self::Internal => f.write_str("internal"),
            Self::Any => f.write_str("any"),
        }
    }
}
