//! PMSI_TUNNEL (RFC 6514 §5), kept opaque.

/// Whether a value has flags, a type that is not reserved, and a label.
pub(crate) fn is_pmsi_tunnel(value: &[u8]) -> bool {
    matches!(value, [_flags, kind, _, _, _, ..] if *kind != RESERVED)
}

const RESERVED: u8 = 0xff;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_octets_come_before_the_tunnel() {
        assert!(is_pmsi_tunnel(&[0, 0, 0, 0, 0]) && is_pmsi_tunnel(&[0, 6, 0, 0, 0, 10, 0, 0, 2]));
        assert!(!is_pmsi_tunnel(&[0, 6, 0, 0]) && !is_pmsi_tunnel(&[0, 255, 0, 0, 0]));
    }
}
