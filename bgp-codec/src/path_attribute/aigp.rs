//! AIGP (RFC 7311 §3).

use super::tlvs::is_row_of_tlvs;
use crate::reader::Reader;

/// Whether a value is a row of TLVs whose lengths count their three octets of type and length too, the metric among them
/// of eight octets.
pub(crate) fn is_aigp(value: &[u8]) -> bool {
    !value.is_empty()
        && is_row_of_tlvs(value, |reader| {
            let kind = reader.u8()?;
            let rest = usize::from(reader.u16()?).checked_sub(3)?;
            let metric = reader.take(rest)?;
            (kind != METRIC || metric.len() == 8).then_some(())
        })
}

/// The accumulated metric: that of the first TLV of its type (RFC 7311 §3).
pub(crate) fn metric(value: &[u8]) -> Option<u64> {
    let mut reader = Reader::new(value);
    while let (Some(kind), Some(length)) = (reader.u8(), reader.u16()) {
        let content = reader.take(usize::from(length).checked_sub(3)?)?;
        if kind == METRIC {
            return content.try_into().ok().map(u64::from_be_bytes);
        }
    }
    None
}

const METRIC: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metric_has_eight_octets() {
        let good = [1, 0, 11, 0, 0, 0, 0, 0, 0, 0, 9];
        assert!(is_aigp(&good));
        assert_eq!(metric(&good), Some(9));
        assert_eq!(metric(&[&[2, 0, 3][..], &good].concat()), Some(9));
        for value in [&[][..], &[1], &[1, 0, 2], &[1, 0, 3], &[1, 0, 12, 0, 0, 0, 0, 0, 0, 0, 9], &good[..10]]
        {
            assert!(!is_aigp(value), "{value:?}");
        }
    }
}
