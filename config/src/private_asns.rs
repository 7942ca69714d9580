//! `remove_private_asns`: what becomes of private AS numbers in routes to an external peer.

use crate::report::Report;
use crate::section::Value;

/// What becomes of private AS numbers (RFC 6996) in the AS path of routes to an external peer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PrivateAsns {
    /// They are removed.
    Removed,
    /// Each is replaced by our own number, so that the path keeps its length.
    Replaced,
}

/// Reads `true`, `false` or `"replace"`. Within, `None` is `false`.
pub(crate) fn read(value: Value<'_>, report: &mut Report<'_>) -> Option<Option<PrivateAsns>> {
    if !value.is_string() {
        return value.boolean(report).map(|is_on| is_on.then_some(PrivateAsns::Removed));
    }
    value.parsed("replace", report, |text| match text {
        "replace" => Ok(Some(PrivateAsns::Replaced)),
        _ => Err(format!(
            "{text:?} is not a treatment of private AS numbers: write true, false or \"replace\""
        )),
    })
}
