//! ROUTE-REFRESH (RFC 2918).

use bytes::{BufMut, BytesMut};
use nom::Parser;
use nom::number::complete::{be_u8, be_u16};

use super::header::{MessageType, encode_message};
use crate::parser::Parsed;
use crate::{Afi, DecodeError, Family, Safi};

/// A request to send the routes of a family again, or a mark around the answer.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |              AFI              |    subtype    |      SAFI     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RouteRefresh {
    /// The family.
    pub family: Family,
    /// 0 is a request, 1 begins and 2 ends the answer (RFC 7313 §3.2); others are to be ignored.
    pub subtype: u8,
}

impl RouteRefresh {
    /// The subtype of a request (RFC 2918).
    pub const REQUEST: u8 = 0;
    /// The subtype of a BoRR: the routes follow.
    pub const BEGIN: u8 = 1;
    /// The subtype of an EoRR: the routes are complete.
    pub const END: u8 = 2;

    /// A request for the routes of a family.
    #[must_use]
    pub fn request(family: Family) -> Self {
        Self { family, subtype: 0 }
    }

    /// Appends the message.
    pub fn encode(&self, out: &mut BytesMut) {
        encode_message(out, MessageType::ROUTE_REFRESH, |out| {
            out.put_u16(self.family.afi.0);
            out.put_u8(self.subtype);
            out.put_u8(self.family.safi.0);
        });
    }

    /// Decodes a whole message.
    ///
    /// A request may contain filters after the four octets (RFC 5291 §4). They are never negotiated, and
    /// ignored. Any other message that is longer is as malformed as a shorter one (RFC 7313 §5).
    pub(super) fn decode(message: &[u8], body: &[u8]) -> Result<Self, DecodeError> {
        let bad_length = || DecodeError::BadRouteRefreshLength { octets: message.to_vec() };
        let (rest, refresh) = Self::fields(body).map_err(|_| bad_length())?;
        if rest.is_empty() || refresh.subtype == Self::REQUEST { Ok(refresh) } else { Err(bad_length()) }
    }

    fn fields(body: &[u8]) -> Parsed<'_, Self> {
        let fields = (be_u16.map(Afi), be_u8, be_u8.map(Safi));
        fields.map(|(afi, subtype, safi)| Self { family: Family { afi, safi }, subtype }).parse_complete(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_request_may_be_longer() {
        let message = [7; 3];
        let bad = Err(DecodeError::BadRouteRefreshLength { octets: message.to_vec() });
        let family = Family::IPV4_UNICAST;
        for (body, expected) in [
            (&[0, 1, 0, 1][..], Ok(RouteRefresh { family, subtype: 0 })),
            (&[0, 1, 0, 1, 1, 64, 0, 0], Ok(RouteRefresh { family, subtype: 0 })),
            (&[0, 1, 2, 1], Ok(RouteRefresh { family, subtype: 2 })),
            (&[0, 1, 1, 1, 0], bad.clone()),
            (&[0, 1, 8, 1, 0], bad.clone()),
            (&[0, 1, 0], bad),
        ] {
            assert_eq!(RouteRefresh::decode(&message, body), expected, "{body:?}");
        }
    }
}
