//! The messages of the RTR protocol, versions 0 to 2 (RFC 6810, RFC 8210, and its successor).

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use bgp_codec::{Asn, IpPrefix, Prefix};
use nom::bytes::complete::take;
use nom::number::complete::{be_u8, be_u16, be_u32, be_u128};
use nom::{IResult, Parser};

use crate::payload::RoutePayload;

/// A version of the protocol.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Version {
    /// RFC 6810.
    Zero,
    /// RFC 8210: End of Data has intervals.
    One,
    /// The successor of RFC 8210: more kinds of payloads.
    Two,
}

impl Version {
    /// The number in each message.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Zero => 0,
            Self::One => 1,
            Self::Two => 2,
        }
    }

    fn from_number(number: u8) -> Option<Self> {
        [Self::Zero, Self::One, Self::Two].into_iter().find(|version| version.number() == number)
    }
}

/// The reason in an Error Report (RFC 8210 §12).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ErrorCode(pub u16);

impl ErrorCode {
    /// The message cannot be understood.
    pub const CORRUPT_DATA: Self = Self(0);
    /// Any other failure of the sender.
    pub const INTERNAL_ERROR: Self = Self(1);
    /// The cache has no data yet. Not the end of the session.
    pub const NO_DATA_AVAILABLE: Self = Self(2);
    /// The other side does not support the version.
    pub const UNSUPPORTED_VERSION: Self = Self(4);
    /// The other side does not know the type.
    pub const UNSUPPORTED_TYPE: Self = Self(5);
    /// A payload is withdrawn that was not announced.
    pub const UNKNOWN_WITHDRAWAL: Self = Self(6);
    /// A payload is announced that was announced before.
    pub const DUPLICATE_ANNOUNCEMENT: Self = Self(7);
    /// A message has another version than the session.
    pub const UNEXPECTED_VERSION: Self = Self(8);
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match *self {
            Self::CORRUPT_DATA => "corrupt data",
            Self::INTERNAL_ERROR => "internal error",
            Self::NO_DATA_AVAILABLE => "no data available",
            Self(3) => "invalid request",
            Self::UNSUPPORTED_VERSION => "unsupported protocol version",
            Self::UNSUPPORTED_TYPE => "unsupported message type",
            Self::UNKNOWN_WITHDRAWAL => "withdrawal of an unknown record",
            Self::DUPLICATE_ANNOUNCEMENT => "duplicate announcement",
            Self::UNEXPECTED_VERSION => "unexpected protocol version",
            Self(number) => return write!(f, "error {number}"),
        };
        f.write_str(text)
    }
}

/// The times that a cache asks for, in seconds (RFC 8210 §6).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Intervals {
    /// Until the next query after a complete transfer.
    pub refresh: u32,
    /// Until the next attempt after a failed one.
    pub retry: u32,
    /// Until payloads are dropped that could not be refreshed.
    pub expire: u32,
}

/// A message. Those that the router does not use have no content.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Pdu {
    /// The cache has newer data.
    SerialNotify {
        /// The cache's session.
        session: u16,
        /// Number of the newest data.
        serial: u32,
    },
    /// The router asks for the changes since a serial number.
    SerialQuery {
        /// The cache's session.
        session: u16,
        /// Number of the data that the router has.
        serial: u32,
    },
    /// The router asks for everything.
    ResetQuery,
    /// An answer begins.
    CacheResponse {
        /// The cache's session.
        session: u16,
    },
    /// One payload.
    Payload {
        /// Whether it is announced; otherwise withdrawn.
        is_announced: bool,
        /// The payload.
        payload: RoutePayload,
    },
    /// An answer is complete.
    EndOfData {
        /// The cache's session.
        session: u16,
        /// Number of the data.
        serial: u32,
        /// The times that the cache asks for; `None` in version 0.
        intervals: Option<Intervals>,
    },
    /// The cache cannot say what has changed: the router has to ask for everything.
    CacheReset,
    /// A payload of another kind: a router key, or an authorisation of providers.
    OtherPayload,
    /// The other side reports an error.
    ErrorReport {
        /// The reason.
        code: ErrorCode,
        /// Explanation of the sender.
        text: String,
    },
}

/// Octets that are not a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PduError {
    /// The version is not known.
    #[error("version {0} is not known")]
    Version(u8),
    /// The type is not known.
    #[error("message type {0} is not known")]
    Type(u8),
    /// The length does not fit the type.
    #[error("a message of type {kind} cannot have {length} octets")]
    Length {
        /// Type of the message.
        kind: u8,
        /// Its length.
        length: u32,
    },
    /// A value is not allowed.
    #[error("a message of type {0} has a value that is not allowed")]
    Value(u8),
}

impl PduError {
    /// The reason for the Error Report.
    #[must_use]
    pub fn code(self) -> ErrorCode {
        match self {
            Self::Version(_) => ErrorCode::UNSUPPORTED_VERSION,
            Self::Type(_) => ErrorCode::UNSUPPORTED_TYPE,
            Self::Length { .. } | Self::Value(_) => ErrorCode::CORRUPT_DATA,
        }
    }
}

const HEADER_OCTETS: usize = 8;

/// A longer message is refused before it has arrived: no payload takes as much.
const MAX_OCTETS: u32 = 65_536;

impl Pdu {
    /// The first message of a buffer with its version and its length in octets; `None` if it is not complete.
    ///
    /// # Errors
    ///
    /// The buffer does not begin with a message.
    pub fn decode(buffer: &[u8]) -> Result<Option<(Version, Self, usize)>, PduError> {
        let header: IResult<&[u8], (u8, u8, u16, u32)> = (be_u8, be_u8, be_u16, be_u32).parse(buffer);
        let Ok((rest, (version, kind, field, length))) = header else { return Ok(None) };
        let version = Version::from_number(version).ok_or(PduError::Version(version))?;
        let invalid = PduError::Length { kind, length };
        if length > MAX_OCTETS {
            return Err(invalid);
        }
        let octets = usize::try_from(length).map_err(|_| invalid)?;
        let body_octets = octets.checked_sub(HEADER_OCTETS).ok_or(invalid)?;
        let Some(body) = rest.get(..body_octets) else { return Ok(None) };
        let pdu = Self::decode_body(version, kind, field, body).ok_or(PduError::Type(kind))?;
        pdu.map(|pdu| Some((version, pdu, octets))).map_err(|fault| match fault {
            BodyFault::Length => invalid,
            BodyFault::Value => PduError::Value(kind),
        })
    }

    /// `None` for an unknown type.
    fn decode_body(version: Version, kind: u8, field: u16, body: &[u8]) -> Option<Result<Self, BodyFault>> {
        let serial = |body| whole(be_u32, body);
        Some(match kind {
            0 => serial(body).map(|serial| Self::SerialNotify { session: field, serial }),
            1 => serial(body).map(|serial| Self::SerialQuery { session: field, serial }),
            2 => empty(body).map(|()| Self::ResetQuery),
            3 => empty(body).map(|()| Self::CacheResponse { session: field }),
            4 => payload(whole((be_u8, be_u8, be_u8, be_u8, be_u32, be_u32), body), |address| {
                Ipv4Addr::from_bits(address).into()
            }),
            6 => payload(whole((be_u8, be_u8, be_u8, be_u8, be_u128, be_u32), body), |address| {
                Ipv6Addr::from_bits(address).into()
            }),
            7 if version == Version::Zero => {
                serial(body).map(|serial| Self::EndOfData { session: field, serial, intervals: None })
            }
            7 => whole((be_u32, be_u32, be_u32, be_u32), body).map(|(serial, refresh, retry, expire)| {
                let intervals = Some(Intervals { refresh, retry, expire });
                Self::EndOfData { session: field, serial, intervals }
            }),
            8 => empty(body).map(|()| Self::CacheReset),
            9 if version >= Version::One => Ok(Self::OtherPayload),
            11 if version >= Version::Two => Ok(Self::OtherPayload),
            10 => error_report(field, body),
            _ => return None,
        })
    }

    /// Appends the message in a version.
    pub fn encode(&self, version: Version, out: &mut Vec<u8>) {
        let mut put = |kind: u8, field: u16, body: &[&[u8]]| {
            let octets = body.iter().map(|part| part.len()).sum::<usize>() + HEADER_OCTETS;
            out.extend([version.number(), kind]);
            out.extend(field.to_be_bytes());
            out.extend(u32::try_from(octets).unwrap_or(u32::MAX).to_be_bytes());
            body.iter().for_each(|part| out.extend_from_slice(part));
        };
        match self {
            Self::SerialNotify { session, serial } => put(0, *session, &[&serial.to_be_bytes()]),
            Self::SerialQuery { session, serial } => put(1, *session, &[&serial.to_be_bytes()]),
            Self::ResetQuery => put(2, 0, &[]),
            Self::CacheResponse { session } => put(3, *session, &[]),
            Self::Payload { is_announced, payload } => {
                let RoutePayload { prefix, max_length, asn } = payload;
                let flags = [u8::from(*is_announced), prefix.length(), *max_length, 0];
                match prefix {
                    Prefix::Ipv4(prefix) => {
                        let address = prefix.address().octets();
                        put(4, 0, &[&flags, &address, &asn.0.to_be_bytes()]);
                    }
                    Prefix::Ipv6(prefix) => {
                        let address = prefix.address().octets();
                        put(6, 0, &[&flags, &address, &asn.0.to_be_bytes()]);
                    }
                }
            }
            Self::EndOfData { session, serial, intervals } => {
                let times = intervals.map(|times| [times.refresh, times.retry, times.expire]);
                let times: Vec<u8> = times.into_iter().flatten().flat_map(u32::to_be_bytes).collect();
                put(7, *session, &[&serial.to_be_bytes(), &times]);
            }
            Self::CacheReset => put(8, 0, &[]),
            Self::OtherPayload => put(9, 0, &[]),
            Self::ErrorReport { code, text } => {
                let length = u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes();
                put(10, code.0, &[&[0; 4], &length, text.as_bytes()]);
            }
        }
    }
}

/// What is wrong with the body of a message.
enum BodyFault {
    Length,
    Value,
}

/// A body that consists of these values and nothing else.
fn whole<'b, T>(
    mut values: impl Parser<&'b [u8], Output = T, Error = nom::error::Error<&'b [u8]>>,
    body: &'b [u8],
) -> Result<T, BodyFault> {
    match values.parse(body) {
        Ok(([], value)) => Ok(value),
        Ok(_) | Err(_) => Err(BodyFault::Length),
    }
}

fn empty(body: &[u8]) -> Result<(), BodyFault> {
    if body.is_empty() { Ok(()) } else { Err(BodyFault::Length) }
}

/// RFC 8210 §5.6: flags, prefix length, maximum length, a zero, address and AS number.
fn payload<A>(
    values: Result<(u8, u8, u8, u8, A, u32), BodyFault>,
    address: impl Fn(A) -> std::net::IpAddr,
) -> Result<Pdu, BodyFault> {
    let (flags, length, max_length, _, octets, asn) = values?;
    let prefix = Prefix::new(address(octets), length).map_err(|_| BodyFault::Value)?;
    let payload = RoutePayload::new(prefix, max_length, Asn(asn)).map_err(|_| BodyFault::Value)?;
    Ok(Pdu::Payload { is_announced: flags & 1 == 1, payload })
}

/// RFC 8210 §5.11: the message that is wrong, and a text, each with its length.
fn error_report(code: u16, body: &[u8]) -> Result<Pdu, BodyFault> {
    fn part(body: &[u8]) -> IResult<&[u8], &[u8]> {
        let (rest, length) = be_u32.parse(body)?;
        take(length).parse(rest)
    }
    let (_, text) = whole((part, part), body)?;
    Ok(Pdu::ErrorReport { code: ErrorCode(code), text: String::from_utf8_lossy(text).into_owned() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn payload(prefix: &str, max_length: u8) -> Pdu {
        let payload = RoutePayload::new(prefix.parse().unwrap(), max_length, Asn(65001)).unwrap();
        Pdu::Payload { is_announced: true, payload }
    }

    #[test]
    fn messages_are_read_as_they_were_written() {
        let intervals = Intervals { refresh: 3600, retry: 600, expire: 7200 };
        for (version, pdu) in [
            (Version::One, Pdu::SerialNotify { session: 7, serial: 9 }),
            (Version::One, Pdu::SerialQuery { session: 7, serial: 9 }),
            (Version::Two, Pdu::ResetQuery),
            (Version::Zero, Pdu::CacheResponse { session: 0xffff }),
            (Version::One, payload("10.65.0.0/16", 24)),
            (Version::One, payload("2001:db8::/32", 128)),
            (Version::Zero, Pdu::EndOfData { session: 7, serial: 9, intervals: None }),
            (Version::One, Pdu::EndOfData { session: 7, serial: 9, intervals: Some(intervals) }),
            (Version::One, Pdu::CacheReset),
            (Version::Two, Pdu::OtherPayload),
            (Version::One, Pdu::ErrorReport { code: ErrorCode(2), text: "not yet".to_owned() }),
        ] {
            let mut octets = Vec::new();
            pdu.encode(version, &mut octets);
            let length = octets.len();
            for end in 0..length {
                assert_eq!(Pdu::decode(&octets[..end]), Ok(None), "{pdu:?}, {end} octets");
            }
            octets.push(1);
            assert_eq!(Pdu::decode(&octets), Ok(Some((version, pdu, length))));
        }
    }

    #[test]
    fn a_payload_stands_on_the_wire_as_in_the_rfc() {
        let mut octets = Vec::new();
        payload("10.65.0.0/16", 24).encode(Version::One, &mut octets);
        assert_eq!(octets, [1, 4, 0, 0, 0, 0, 0, 20, 1, 16, 24, 0, 10, 65, 0, 0, 0, 0, 0xfd, 0xe9]);
    }

    #[test]
    fn wrong_messages_are_refused_with_the_reason() {
        for (octets, error) in [
            (&[3, 2, 0, 0, 0, 0, 0, 8][..], PduError::Version(3)),
            (&[1, 5, 0, 0, 0, 0, 0, 8], PduError::Type(5)),
            (&[0, 9, 0, 0, 0, 0, 0, 8], PduError::Type(9)),
            (&[1, 11, 0, 0, 0, 0, 0, 8], PduError::Type(11)),
            (&[1, 2, 0, 0, 0, 0, 0, 7], PduError::Length { kind: 2, length: 7 }),
            (&[1, 2, 0, 0, 0, 0, 0, 9, 0], PduError::Length { kind: 2, length: 9 }),
            (&[1, 0, 0, 0, 0, 0, 0, 8], PduError::Length { kind: 0, length: 8 }),
            (&[1, 10, 0, 0, 0, 1, 0, 1], PduError::Length { kind: 10, length: 65_537 }),
            (&[1, 10, 0, 0, 0, 0, 0, 16, 0, 0, 0, 9, 0, 0, 0, 0], PduError::Length { kind: 10, length: 16 }),
            // Host bits, and a maximum length below the length.
            (&[1, 4, 0, 0, 0, 0, 0, 20, 1, 8, 24, 0, 10, 65, 0, 0, 0, 0, 0, 1], PduError::Value(4)),
            (&[1, 4, 0, 0, 0, 0, 0, 20, 1, 16, 8, 0, 10, 65, 0, 0, 0, 0, 0, 1], PduError::Value(4)),
            (&[1, 4, 0, 0, 0, 0, 0, 20, 1, 33, 33, 0, 0, 0, 0, 0, 0, 0, 0, 1], PduError::Value(4)),
        ] {
            assert_eq!(Pdu::decode(octets), Err(error), "{octets:?}");
        }
    }

    proptest! {
        #[test]
        fn any_octets_are_read_without_a_panic(octets in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(Some((_, _, length))) = Pdu::decode(&octets) {
                prop_assert!((8..=octets.len()).contains(&length));
            }
        }
    }
}
