//! `local_asn`: the AS number that this speaker has towards one peer.

use bgp_codec::Asn;

use crate::asn;
use crate::report::Report;
use crate::section::Value;

/// The AS number that this speaker has towards one peer, in place of that of `[global]` (RFC 7705).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LocalAsn {
    /// The number, which the OPEN carries.
    pub asn: Asn,
    /// Whether it is prepended to the AS path of routes from the peer. Yes by default.
    pub prepend: bool,
    /// Whether routes to the peer carry this number alone, without that of `[global]`. No by default.
    pub replace: bool,
}

impl LocalAsn {
    /// Reads a number, or a table.
    pub(crate) fn read(value: Value<'_>, report: &mut Report<'_>) -> Option<Self> {
        if !value.is_table() {
            return Some(Self { asn: asn::read(value, report)?, prepend: true, replace: false });
        }
        let mut section = value.table("local_asn", report)?;
        let asn = section.require("asn", report).and_then(|value| asn::read(value, report));
        let mut switch =
            |key, default| section.get(key).map_or(Some(default), |value: Value<'_>| value.boolean(report));
        let (prepend, replace) = (switch("prepend", true), switch("replace", false));
        section.finish(report);
        Some(Self { asn: asn?, prepend: prepend?, replace: replace? })
    }
}
