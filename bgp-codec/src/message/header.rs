//! The header that every message starts with (RFC 4271 §4.1).
//!
//! ```text
//! +-----------------------------------------------+
//! | marker (16 octets), all ones                  |
//! +-----------------------+-----------------------+
//! | length (2 octets)     | type (1 octet)        |
//! +-----------------------+-----------------------+
//! ```

use bytes::{BufMut, BytesMut};

use crate::DecodeError;

/// Octets of a header.
pub(crate) const HEADER_OCTETS: usize = 19;

/// The type of a message, from IANA's registry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct MessageType(pub(crate) u8);

impl MessageType {
    pub(crate) const OPEN: Self = Self(1);
    pub(crate) const UPDATE: Self = Self(2);
    pub(crate) const NOTIFICATION: Self = Self(3);
    pub(crate) const KEEPALIVE: Self = Self(4);
    pub(crate) const ROUTE_REFRESH: Self = Self(5);

    /// The minimum and maximum length of a message in octets; `None` if the type is not recognised.
    ///
    /// OPEN and KEEPALIVE are limited to 4,096 octets in every session (RFC 8654 §4).
    fn length_bounds(self, max_message_octets: usize) -> Option<(usize, usize)> {
        match self {
            Self::OPEN => Some((29, max_message_octets.min(STANDARD_MESSAGE_OCTETS))),
            Self::UPDATE => Some((23, max_message_octets)),
            Self::NOTIFICATION => Some((21, max_message_octets)),
            Self::KEEPALIVE => Some((HEADER_OCTETS, HEADER_OCTETS)),
            Self::ROUTE_REFRESH => Some((23, max_message_octets)),
            _ => None,
        }
    }
}

/// Length in octets of the message at the front of a stream, once its header is complete and valid; `None` if
/// more octets are needed.
///
/// # Errors
///
/// Marker, length or type are wrong (RFC 4271 §6.1).
pub fn frame_length(octets: &[u8], max_message_octets: usize) -> Result<Option<usize>, DecodeError> {
    let Some(header) = octets.first_chunk::<HEADER_OCTETS>() else { return Ok(None) };
    let [marker @ .., high, low, message_type] = *header;
    let length = u16::from_be_bytes([high, low]);
    if marker != MARKER {
        return Err(DecodeError::ConnectionNotSynchronized);
    }
    let octets = usize::from(length);
    if octets < HEADER_OCTETS || octets > max_message_octets {
        return Err(DecodeError::BadMessageLength { length });
    }
    let (least, most) = MessageType(message_type)
        .length_bounds(max_message_octets)
        .ok_or(DecodeError::BadMessageType(message_type))?;
    if octets < least || octets > most {
        return Err(DecodeError::BadMessageLength { length });
    }
    Ok(Some(octets))
}

/// Checks the header of a message that ends with `octets`. Returns its type and the octets after the header.
pub(super) fn split_message(
    octets: &[u8],
    max_message_octets: usize,
) -> Result<(MessageType, &[u8]), DecodeError> {
    let framed = frame_length(octets, max_message_octets)?;
    match octets.split_first_chunk::<HEADER_OCTETS>() {
        Some(([.., message_type], body)) if framed == Some(octets.len()) => {
            Ok((MessageType(*message_type), body))
        }
        Some(([.., high, low, _], _)) => {
            Err(DecodeError::BadMessageLength { length: u16::from_be_bytes([*high, *low]) })
        }
        None => Err(DecodeError::BadMessageLength { length: 0 }),
    }
}

/// Appends a message whose body the closure appends. The body has to fit the length field.
pub(crate) fn encode_message(
    out: &mut BytesMut,
    message_type: MessageType,
    body: impl FnOnce(&mut BytesMut),
) {
    let start = out.len();
    out.put_slice(&MARKER);
    out.put_u16(0);
    out.put_u8(message_type.0);
    body(out);
    let octets = out.len().saturating_sub(start);
    put_u16_at(out, start.saturating_add(MARKER.len()), octets);
}

/// Overwrites the two octets at `position` with a length.
pub(crate) fn put_u16_at(out: &mut BytesMut, position: usize, length_octets: usize) {
    let length = u16::try_from(length_octets).unwrap_or(u16::MAX);
    if let Some(field) = out.get_mut(position..).and_then(<[u8]>::first_chunk_mut) {
        *field = length.to_be_bytes();
    }
}

const MARKER: [u8; 16] = [0xff; 16];

/// RFC 4271 §4.1.
const STANDARD_MESSAGE_OCTETS: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn header(length: u16, message_type: u8) -> Vec<u8> {
        [&MARKER[..], &length.to_be_bytes(), &[message_type]].concat()
    }

    #[test]
    fn lengths_are_checked_against_the_type() {
        let bad = |length| Err(DecodeError::BadMessageLength { length });
        for (length, message_type, max, expected) in [
            (29, 1, 4096, Ok(Some(29))),
            (28, 1, 4096, bad(28)),
            (4096, 1, 65535, Ok(Some(4096))),
            (4097, 1, 65535, bad(4097)),
            (23, 2, 4096, Ok(Some(23))),
            (22, 2, 4096, bad(22)),
            (4096, 2, 4096, Ok(Some(4096))),
            (4097, 2, 4096, bad(4097)),
            (65535, 2, 65535, Ok(Some(65535))),
            (21, 3, 4096, Ok(Some(21))),
            (20, 3, 4096, bad(20)),
            (19, 4, 4096, Ok(Some(19))),
            (20, 4, 4096, bad(20)),
            (23, 5, 4096, Ok(Some(23))),
            (22, 5, 4096, bad(22)),
            (18, 4, 4096, bad(18)),
            (0, 4, 4096, bad(0)),
            (19, 0, 4096, Err(DecodeError::BadMessageType(0))),
            (19, 6, 4096, Err(DecodeError::BadMessageType(6))),
            // The length is checked before the type (RFC 4271 §6.1).
            (18, 99, 4096, bad(18)),
        ] {
            let found = frame_length(&header(length, message_type), max);
            assert_eq!(found, expected, "length {length}, type {message_type}, at most {max}");
        }
    }

    #[test]
    fn every_octet_of_the_marker_counts() {
        for position in 0..16 {
            let mut octets = header(19, 4);
            octets[position] = 0xfe;
            assert_eq!(
                frame_length(&octets, 4096),
                Err(DecodeError::ConnectionNotSynchronized),
                "{position}"
            );
        }
    }

    #[test]
    fn half_a_header_is_not_checked() {
        let octets = header(19, 4);
        for end in 0..HEADER_OCTETS {
            assert_eq!(frame_length(&octets[..end], 4096), Ok(None), "{end} octets");
        }
    }

    #[test]
    fn a_message_that_is_not_whole_is_not_split() {
        let octets = header(23, 2);
        let expected = DecodeError::BadMessageLength { length: 23 };
        assert_eq!(split_message(&octets, 4096).unwrap_err(), expected);
    }
}
