//! PREFIX_SID (RFC 8669 §3, RFC 9252 §2), kept opaque.

use nom::bytes::complete::take;
use nom::combinator::verify;
use nom::multi::many0_count;
use nom::number::complete::be_u8;

use super::tlvs::narrow_tlv;
use crate::AttributeOutcome;
use crate::parser::{is_row, row, whole};

/// Consequence of a malformed value; `None` if it is valid.
///
/// Malformed TLVs discard the attribute (RFC 8669 §6), a malformed SRv6 service treats the routes as
/// withdrawn (RFC 9252 §7).
pub(crate) fn fault(value: &[u8]) -> Option<AttributeOutcome> {
    let is_framed = !value.is_empty() && is_row(value, narrow_tlv);
    let framing = (!is_framed).then_some(AttributeOutcome::Discard);
    row(value, narrow_tlv).map(|(kind, content)| fault_of_tlv(kind, content)).fold(framing, Option::max)
}

fn fault_of_tlv(kind: u8, content: &[u8]) -> Option<AttributeOutcome> {
    let (acceptable, outcome) = match kind {
        LABEL_INDEX => (content.len() == 7, AttributeOutcome::Discard),
        ORIGINATOR_SRGB => {
            let ranges = content.len().checked_sub(2);
            (ranges.is_some_and(|octets| octets > 0 && octets.is_multiple_of(6)), AttributeOutcome::Discard)
        }
        SRV6_L3_SERVICE | SRV6_L2_SERVICE => (is_srv6_service(content), AttributeOutcome::TreatAsWithdraw),
        _ => (true, AttributeOutcome::Discard),
    };
    (!acceptable).then_some(outcome)
}

/// A reserved octet and sub-TLVs, in which the SID Information has [`SID_OCTETS`] before its own
/// sub-sub-TLVs.
fn is_srv6_service(content: &[u8]) -> bool {
    let acceptable = |(kind, value): &(u8, &[u8])| *kind != SID_INFORMATION || is_sid_information(value);
    whole(content, (be_u8, many0_count(verify(narrow_tlv, acceptable)))).is_some()
}

fn is_sid_information(value: &[u8]) -> bool {
    whole(value, (take(SID_OCTETS), many0_count(narrow_tlv))).is_some()
}

const LABEL_INDEX: u8 = 1;
const ORIGINATOR_SRGB: u8 = 3;
const SRV6_L3_SERVICE: u8 = 5;
const SRV6_L2_SERVICE: u8 = 6;

/// Octets of SID Information before its sub-sub-TLVs.
const SID_OCTETS: usize = 21;

/// Sub-TLV of a service.
const SID_INFORMATION: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;
    use AttributeOutcome::{Discard, TreatAsWithdraw};

    #[test]
    fn each_kind_of_tlv_has_its_lengths() {
        let sid = [&[5, 0, 25, 0, 1, 0, 21][..], &[0; 21]].concat();
        let short_sid = [&[5, 0, 24, 0, 1, 0, 20][..], &[0; 20]].concat();
        for (value, expected) in [
            (&[1, 0, 7, 0, 0, 0, 0, 0, 0, 9][..], None),
            (&[1, 0, 0], Some(Discard)),
            (&[1, 0, 0xff, 0, 0, 0], Some(Discard)),
            (&[3, 0, 8, 0, 0, 0, 0, 1, 0, 0, 2], None),
            (&[3, 0, 2, 0, 0], Some(Discard)),
            (&[99, 0, 1, 7], None),
            (&[5, 0], Some(Discard)),
            (&[5, 0, 0], Some(TreatAsWithdraw)),
            (&[], Some(Discard)),
            (&sid, None),
            (&short_sid, Some(TreatAsWithdraw)),
            (&[&short_sid[..], &[1, 0, 0]].concat(), Some(TreatAsWithdraw)),
        ] {
            assert_eq!(fault(value), expected, "{value:?}");
        }
    }
}
