//! OPEN (RFC 4271 §4.2).

use bytes::{BufMut, BytesMut};
use nom::Parser;
use nom::branch::alt;
use nom::combinator::{cut, verify};
use nom::number::complete::{be_u8, be_u16, be_u32};
use nom::sequence::preceded;

use super::capability::Capabilities;
use super::header::{MessageType, encode_message, put_u16_at};
use crate::parser::{Parsed, u8_sized, u16_sized, whole};
use crate::{Asn, BgpIdentifier, DecodeError, HoldTime};

/// The first message of a session: who the speaker is and what it can do.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |    version    |     my autonomous system      |  hold time ...
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ...             |        BGP identifier ...
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ...             |  opt length   |  optional parameters
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Open {
    /// The speaker's AS number: from the four-octet capability, if there is one.
    pub asn: Asn,
    /// The hold time that the speaker proposes.
    pub hold_time: HoldTime,
    /// The speaker's identifier.
    pub identifier: BgpIdentifier,
    /// The speaker's capabilities.
    pub capabilities: Capabilities,
}

impl Open {
    /// Appends the message. The two-octet field is [`Asn::TRANS`] if the number does not fit (RFC 6793 §4.1).
    ///
    /// Capabilities of more than 255 octets use the extended form of RFC 9072.
    pub fn encode(&self, out: &mut BytesMut) {
        let mut capabilities = BytesMut::new();
        self.capabilities.iter().for_each(|capability| capability.encode(&mut capabilities));
        encode_message(out, MessageType::OPEN, |out| {
            out.put_u8(VERSION);
            out.put_u16(self.asn.to_two_octets());
            out.put_u16(self.hold_time.seconds());
            out.put_u32(self.identifier.to_u32());
            encode_parameters(&capabilities, out);
        });
    }

    /// Decodes the octets after the header, with the order of checks of RFC 4271 §6.2.
    pub(super) fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let (rest, fields) = Fields::decode(body).map_err(|_| DecodeError::MalformedOptionalParameters)?;
        if fields.version != VERSION {
            return Err(DecodeError::UnsupportedVersion(fields.version));
        }
        if fields.asn.is_reserved_zero() {
            return Err(DecodeError::BadPeerAs);
        }
        let hold_time = HoldTime::from_seconds(fields.hold_time)
            .ok_or(DecodeError::UnacceptableHoldTime(fields.hold_time))?;
        let identifier = BgpIdentifier::new(fields.identifier).ok_or(DecodeError::BadBgpIdentifier)?;
        let capabilities = decode_parameters(rest)?;
        let asn = capabilities.four_octet_as().unwrap_or(fields.asn);
        if asn.is_reserved_zero() {
            return Err(DecodeError::BadPeerAs);
        }
        Ok(Self { asn, hold_time, identifier, capabilities })
    }
}

/// The fields at fixed positions.
struct Fields {
    version: u8,
    asn: Asn,
    hold_time: u16,
    identifier: u32,
}

impl Fields {
    fn decode(octets: &[u8]) -> Parsed<'_, Self> {
        let asn = be_u16.map(|asn| Asn(asn.into()));
        let (rest, (version, asn, hold_time, identifier)) =
            (be_u8, asn, be_u16, be_u32).parse_complete(octets)?;
        Ok((rest, Self { version, asn, hold_time, identifier }))
    }
}

/// Decodes the optional parameters, which must fill the rest of the message.
fn decode_parameters(octets: &[u8]) -> Result<Capabilities, DecodeError> {
    let (form, mut rest) = whole(octets, parameters).ok_or(DecodeError::MalformedOptionalParameters)?;
    let mut capabilities = Capabilities::default();
    while !rest.is_empty() {
        let (after, (kind, value)) =
            form.parameter(rest).map_err(|_| DecodeError::MalformedOptionalParameters)?;
        rest = after;
        if kind != CAPABILITIES_PARAMETER {
            return Err(DecodeError::UnsupportedOptionalParameter(kind));
        }
        capabilities.decode(value).ok_or(DecodeError::MalformedOptionalParameters)?;
    }
    Ok(capabilities)
}

/// Width of the lengths of optional parameters.
#[derive(Clone, Copy)]
enum ParameterForm {
    /// One octet.
    Standard,
    /// Two octets (RFC 9072 §2).
    Extended,
}

impl ParameterForm {
    fn parameter(self, octets: &[u8]) -> Parsed<'_, (u8, &[u8])> {
        match self {
            Self::Standard => (be_u8, u8_sized).parse_complete(octets),
            Self::Extended => (be_u8, u16_sized).parse_complete(octets),
        }
    }
}

/// The form of the optional parameters, and their octets.
fn parameters(octets: &[u8]) -> Parsed<'_, (ParameterForm, &[u8])> {
    let mark = (verify(be_u8, |length| *length != 0), verify(be_u8, |kind| *kind == EXTENDED_PARAMETERS));
    let extended = preceded(mark, cut(u16_sized)).map(|parameters| (ParameterForm::Extended, parameters));
    let standard = u8_sized.map(|parameters| (ParameterForm::Standard, parameters));
    alt((extended, standard)).parse_complete(octets)
}

/// Appends all capabilities in one parameter, or no parameter if there are none.
fn encode_parameters(capabilities: &[u8], out: &mut BytesMut) {
    let parameter_header: usize = 2;
    match u8::try_from(capabilities.len().saturating_add(parameter_header)) {
        _ if capabilities.is_empty() => out.put_u8(0),
        // 255 announces the extended form, so it is not available as a length.
        Ok(length) if length < u8::MAX => {
            out.put_slice(&[length, CAPABILITIES_PARAMETER, length.saturating_sub(2)]);
            out.put_slice(capabilities);
        }
        _ => {
            out.put_slice(&[u8::MAX, EXTENDED_PARAMETERS]);
            let start = out.len();
            out.put_slice(&[0, 0, CAPABILITIES_PARAMETER, 0, 0]);
            put_u16_at(out, start, capabilities.len().saturating_add(3));
            put_u16_at(out, start.saturating_add(3), capabilities.len());
            out.put_slice(capabilities);
        }
    }
}

const VERSION: u8 = 4;

/// RFC 5492 §4.
const CAPABILITIES_PARAMETER: u8 = 2;

/// RFC 9072 §2.
const EXTENDED_PARAMETERS: u8 = 255;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Capability, Family};

    fn body(parameters: &[u8]) -> Vec<u8> {
        [&[4, 0xfd, 0xe8, 0, 90, 10, 0, 0, 1][..], parameters].concat()
    }

    fn check(name: &str, body: &[u8], expected: Result<Vec<Capability>, DecodeError>) {
        let found = Open::decode(body).map(|open| open.capabilities.0);
        assert_eq!(found, expected, "{name}");
    }

    #[test]
    fn optional_parameters_are_read_in_both_forms() {
        let four_octet_as = || Capability::FourOctetAs(Asn(70000));
        let unknown = |value: &[u8]| Capability::Unknown { code: 99, value: value.to_vec() };
        check("none", &body(&[0]), Ok(vec![]));
        check("no capability", &body(&[2, 2, 0]), Ok(vec![]));
        check(
            "several in one",
            &body(&[16, 2, 14, 1, 4, 0, 2, 0, 1, 2, 0, 65, 4, 0, 1, 0x11, 0x70]),
            Ok(vec![
                Capability::Multiprotocol(Family::IPV6_UNICAST),
                Capability::RouteRefresh,
                four_octet_as(),
            ]),
        );
        check(
            "one in each",
            &body(&[9, 2, 2, 6, 0, 2, 3, 99, 1, 7]),
            Ok(vec![Capability::ExtendedMessage, unknown(&[7])]),
        );
        check("extended", &body(&[255, 255, 0, 6, 2, 0, 3, 99, 1, 7]), Ok(vec![unknown(&[7])]));
        check("extended, empty", &body(&[255, 255, 0, 0]), Ok(vec![]));
    }

    #[test]
    fn malformed_opens_are_distinguished() {
        let malformed = || Err(DecodeError::MalformedOptionalParameters);
        check("version", &[3, 0, 1, 0, 90, 10, 0, 0, 1, 0], Err(DecodeError::UnsupportedVersion(3)));
        check("AS 0", &[4, 0, 0, 0, 90, 10, 0, 0, 1, 0], Err(DecodeError::BadPeerAs));
        check("hold time", &[4, 0, 1, 0, 2, 10, 0, 0, 1, 0], Err(DecodeError::UnacceptableHoldTime(2)));
        check("identifier", &[4, 0, 1, 0, 90, 0, 0, 0, 0, 0], Err(DecodeError::BadBgpIdentifier));
        check("AS 0 of four octets", &body(&[8, 2, 6, 65, 4, 0, 0, 0, 0]), Err(DecodeError::BadPeerAs));
        let authentication = Err(DecodeError::UnsupportedOptionalParameter(1));
        check("authentication", &body(&[3, 1, 1, 0]), authentication);
        check("too few parameters", &body(&[3, 2, 0]), malformed());
        check("too many parameters", &body(&[2, 2, 0, 0]), malformed());
        check("parameter past the end", &body(&[2, 2, 1]), malformed());
        check("capability past the end", &body(&[4, 2, 2, 99, 1]), malformed());
        check("short multiprotocol", &body(&[7, 2, 5, 1, 3, 0, 1, 0]), malformed());
        check("short AS", &body(&[6, 2, 4, 65, 2, 0, 1]), malformed());
        check("short graceful restart", &body(&[5, 2, 3, 64, 1, 0]), malformed());
        check("extended past the end", &body(&[255, 255, 0, 9, 2, 0, 0]), malformed());
    }

    #[test]
    fn the_as_number_of_the_capability_is_the_real_one() {
        let mut octets = body(&[8, 2, 6, 65, 4, 0, 1, 0x11, 0x70]);
        octets[1..3].copy_from_slice(&23456u16.to_be_bytes());
        assert_eq!(Open::decode(&octets).unwrap().asn, Asn(70000));
    }

    #[test]
    fn capabilities_of_any_total_length_survive() {
        for count in [0, 1, 41, 42, 43, 100] {
            let capabilities =
                (0..count).map(|_| Capability::Unknown { code: 99, value: vec![1; 4] }).collect();
            let open = Open {
                asn: Asn(70000),
                hold_time: HoldTime::ZERO,
                identifier: BgpIdentifier::new(1).unwrap(),
                capabilities: Capabilities(capabilities),
            };
            let mut out = BytesMut::new();
            open.encode(&mut out);
            // Without the four-octet capability, the number itself is lost.
            assert_eq!(
                Open::decode(&out[19..]),
                Ok(Open { asn: Asn::TRANS, ..open }),
                "{count} capabilities"
            );
        }
    }
}
