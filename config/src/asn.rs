//! AS numbers as operators write them.

use bgp_codec::Asn;

use crate::report::Report;
use crate::section::Value;

/// Reads an AS number that a speaker can have: neither zero (RFC 7607) nor the one that stands in for large numbers
/// (RFC 6793 §9).
pub(crate) fn read(value: Value<'_>, report: &mut Report<'_>) -> Option<Asn> {
    let asn = Asn(value.integer(1..=u32::MAX, report)?);
    if asn == Asn::TRANS {
        value.reject(
            report,
            format_args!(
                "{asn} stands in for AS numbers above 65535 and belongs to nobody: write the real one"
            ),
        );
        return None;
    }
    Some(asn)
}
