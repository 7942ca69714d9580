//! The AS that a peer must belong to.

use std::fmt;

use bgp_codec::Asn;

/// The AS that a peer must belong to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ExpectedAsn {
    /// This AS.
    One(Asn),
    /// Any but our own.
    External,
    /// Our own.
    Internal,
    /// Any.
    Any,
}

impl ExpectedAsn {
    /// Whether a peer may have this number, where our own is `local`.
    ///
    /// AS_TRANS stands for a number that the peer did not send, and 0 is reserved (RFC 6793 §9, RFC 7607).
    pub(crate) fn accepts(self, received: Asn, local: Asn) -> bool {
        let is_real = received != Asn::TRANS && received != Asn(0);
        match self {
            Self::One(asn) => asn == received,
            Self::External => is_real && received != local,
            Self::Internal => received == local,
            Self::Any => is_real,
        }
    }
}

impl fmt::Display for ExpectedAsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(asn) => asn.fmt(f),
            Self::External => f.write_str("another AS than ours"),
            Self::Internal => f.write_str("our own AS"),
            Self::Any => f.write_str("any AS"),
        }
    }
}
