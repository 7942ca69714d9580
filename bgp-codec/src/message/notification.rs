//! NOTIFICATION (RFC 4271 §4.5).

use std::fmt;
use std::str::FromStr;

use bytes::{BufMut, BytesMut};

use super::header::{MessageType, encode_message};
use crate::parser::u8_sized;
use crate::{Capability, DecodeError};

/// Why a session ends; the last message of the session.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |      code     |    subcode    |   data (variable)             |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Notification {
    /// The kind of error.
    pub code: NotificationCode,
    /// The error within its kind; zero if there is nothing more specific.
    pub subcode: u8,
    /// Details of the error; the form depends on code and subcode.
    pub data: Vec<u8>,
}

/// The code of a NOTIFICATION, from IANA's registry.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct NotificationCode(pub u8);

impl NotificationCode {
    /// RFC 4271 §6.1.
    pub const MESSAGE_HEADER_ERROR: Self = Self(1);
    /// RFC 4271 §6.2.
    pub const OPEN_MESSAGE_ERROR: Self = Self(2);
    /// RFC 4271 §6.3.
    pub const UPDATE_MESSAGE_ERROR: Self = Self(3);
    /// RFC 4271 §6.5.
    pub const HOLD_TIMER_EXPIRED: Self = Self(4);
    /// RFC 4271 §6.6.
    pub const FINITE_STATE_MACHINE_ERROR: Self = Self(5);
    /// RFC 4271 §6.7 and RFC 4486.
    pub const CEASE: Self = Self(6);
    /// RFC 7313 §5.
    pub const ROUTE_REFRESH_MESSAGE_ERROR: Self = Self(7);
    /// RFC 9687 §4.
    pub const SEND_HOLD_TIMER_EXPIRED: Self = Self(8);
}

/// Errors of the header (RFC 4271 §6.1).
impl Notification {
    /// 1/1: the marker is not all ones.
    #[must_use]
    pub fn connection_not_synchronized() -> Self {
        Self::new(NotificationCode::MESSAGE_HEADER_ERROR, 1)
    }
}

/// Errors of the OPEN (RFC 4271 §6.2).
impl Notification {
    /// 2/2: the peer is in another autonomous system than expected.
    #[must_use]
    pub fn bad_peer_as() -> Self {
        Self::new(NotificationCode::OPEN_MESSAGE_ERROR, 2)
    }

    /// 2/3: the BGP Identifier is zero or our own.
    #[must_use]
    pub fn bad_bgp_identifier() -> Self {
        Self::new(NotificationCode::OPEN_MESSAGE_ERROR, 3)
    }

    /// 2/6: the hold time is one or two seconds, or too short for us.
    #[must_use]
    pub fn unacceptable_hold_time() -> Self {
        Self::new(NotificationCode::OPEN_MESSAGE_ERROR, 6)
    }

    /// 2/7: the peer lacks these capabilities, encoded as in an OPEN (RFC 5492 §3).
    #[must_use]
    pub fn unsupported_capability(capabilities: Vec<u8>) -> Self {
        Self::new(NotificationCode::OPEN_MESSAGE_ERROR, 7).with_data(capabilities)
    }

    /// The roles of both speakers are not a valid pair (RFC 9234 §4.2).
    #[must_use]
    pub fn role_mismatch() -> Self {
        Self::new(NotificationCode::OPEN_MESSAGE_ERROR, 11)
    }
}

/// Timers and the state machine.
impl Notification {
    /// 4/0: nothing was received during the hold time.
    #[must_use]
    pub fn hold_timer_expired() -> Self {
        Self::new(NotificationCode::HOLD_TIMER_EXPIRED, 0)
    }

    /// 5/n: a message that the state does not allow: 1 in OpenSent, 2 in OpenConfirm, 3 in Established, 0 in
    /// any other (RFC 6608 §3).
    #[must_use]
    pub fn unexpected_message(subcode: u8) -> Self {
        Self::new(NotificationCode::FINITE_STATE_MACHINE_ERROR, subcode)
    }

    /// 8/0: the peer stopped reading (RFC 9687 §4).
    #[must_use]
    pub fn send_hold_timer_expired() -> Self {
        Self::new(NotificationCode::SEND_HOLD_TIMER_EXPIRED, 0)
    }
}

/// Reasons for a Cease (RFC 4486).
impl Notification {
    /// 6/1: the peer announced more prefixes than allowed.
    #[must_use]
    pub fn maximum_prefixes_reached() -> Self {
        Self::new(NotificationCode::CEASE, 1)
    }

    /// 6/2: an operator shut the session down, with a reason of at most 255 octets (RFC 9003 §2).
    #[must_use]
    pub fn administrative_shutdown(reason: &str) -> Self {
        Self::new(NotificationCode::CEASE, 2).with_reason(reason)
    }

    /// 6/3: the peer is no longer configured.
    #[must_use]
    pub fn peer_deconfigured() -> Self {
        Self::new(NotificationCode::CEASE, 3)
    }

    /// 6/4: an operator restarts the session, with a reason of at most 255 octets (RFC 9003 §2).
    #[must_use]
    pub fn administrative_reset(reason: &str) -> Self {
        Self::new(NotificationCode::CEASE, 4).with_reason(reason)
    }

    /// 6/5: the connection is rejected.
    #[must_use]
    pub fn connection_rejected() -> Self {
        Self::new(NotificationCode::CEASE, 5)
    }

    /// 6/6: the configuration changed so that the session has to restart.
    #[must_use]
    pub fn other_configuration_change() -> Self {
        Self::new(NotificationCode::CEASE, 6)
    }

    /// 6/7: the other of two connections is kept (RFC 4271 §6.8).
    #[must_use]
    pub fn connection_collision_resolution() -> Self {
        Self::new(NotificationCode::CEASE, 7)
    }

    /// 6/8: there is not enough memory or another resource.
    #[must_use]
    pub fn out_of_resources() -> Self {
        Self::new(NotificationCode::CEASE, 8)
    }
}

impl Notification {
    /// The NOTIFICATION with this code and subcode, without data.
    #[must_use]
    pub fn new(code: NotificationCode, subcode: u8) -> Self {
        Self { code, subcode, data: Vec::new() }
    }

    /// An operator's reason for a shutdown or reset (RFC 9003 §2); `None` if there is none, or none that is
    /// valid.
    #[must_use]
    pub fn shutdown_communication(&self) -> Option<&str> {
        if self.code != NotificationCode::CEASE || !matches!(self.subcode, 2 | 4) {
            return None;
        }
        let (_, text) = u8_sized(&self.data).ok()?;
        std::str::from_utf8(text).ok().filter(|text| !text.is_empty())
    }

    /// The capabilities that the sender requires or does not accept (RFC 5492 §5), as far as they can be
    /// decoded; empty for any other error.
    #[must_use]
    pub fn unsupported_capabilities(&self) -> Vec<Capability> {
        let mut capabilities = Vec::new();
        if (self.code, self.subcode) == (NotificationCode::OPEN_MESSAGE_ERROR, UNSUPPORTED_CAPABILITY) {
            let mut rest = &self.data[..];
            while let [code, sized @ ..] = rest
                && let Ok((after, value)) = u8_sized(sized)
            {
                let unknown = || Capability::Unknown { code: *code, value: value.to_vec() };
                capabilities.push(Capability::decode(*code, value).unwrap_or_else(unknown));
                rest = after;
            }
        }
        capabilities
    }

    /// Appends the message. Data beyond 4,096 octets are truncated.
    pub fn encode(&self, out: &mut BytesMut) {
        encode_message(out, MessageType::NOTIFICATION, |out| {
            out.put_slice(&[self.code.0, self.subcode]);
            out.put_slice(self.data.get(..MAX_DATA_OCTETS).unwrap_or(&self.data));
        });
    }

    /// Decodes the octets after the header; their minimum length has been checked.
    pub(super) fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let Some(([code, subcode], data)) = body.split_first_chunk() else {
            return Err(DecodeError::BadMessageLength { length: 19 });
        };
        Ok(Self { code: NotificationCode(*code), subcode: *subcode, data: data.to_vec() })
    }

    fn with_data(mut self, data: impl Into<Vec<u8>>) -> Self {
        self.data = data.into();
        self
    }

    fn with_reason(self, reason: &str) -> Self {
        let end = reason.floor_char_boundary(usize::from(u8::MAX));
        let text = reason.get(..end).unwrap_or_default();
        match u8::try_from(text.len()) {
            Ok(length) if length > 0 => self.with_data([&[length], text.as_bytes()].concat()),
            _ => self,
        }
    }
}

/// Name of the code, name of the subcode after a colon, and an operator's reason in parentheses. Codes
/// without a name are displayed as numbers. Other data are not displayed.
impl fmt::Display for Notification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.code.fmt(f)?;
        match subcode_name(self.code, self.subcode) {
            Some(name) => write!(f, ": {name}")?,
            None if self.subcode == 0 => {}
            None => write!(f, ": subcode {}", self.subcode)?,
        }
        match self.shutdown_communication() {
            Some(reason) => write!(f, " ({})", reason.escape_debug()),
            None => Ok(()),
        }
    }
}

/// The text is not a NOTIFICATION.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a NOTIFICATION is its code and subcode, as in 6/2 or cease: administrative shutdown (maintenance)")]
pub struct NotificationError;

/// Parses code and subcode as numbers separated by a slash, or as displayed, in either case of letters. There
/// are no data except the reason of a shutdown or reset.
impl FromStr for Notification {
    type Err = NotificationError;

    fn from_str(text: &str) -> Result<Self, NotificationError> {
        let (names, reason) = match text.split_once(" (") {
            Some((names, rest)) => {
                let reason = rest.strip_suffix(')').and_then(unescape).ok_or(NotificationError)?;
                (names, Some(reason))
            }
            None => (text, None),
        };
        let (code, subcode) = parse_numbers(names).or_else(|| parse_names(names)).ok_or(NotificationError)?;
        let notification = Self::new(code, subcode);
        match reason {
            None => Ok(notification),
            Some(reason) => {
                let with_reason = notification.with_reason(&reason);
                let is_kept = with_reason.shutdown_communication() == Some(&reason);
                if is_kept { Ok(with_reason) } else { Err(NotificationError) }
            }
        }
    }
}

fn parse_numbers(text: &str) -> Option<(NotificationCode, u8)> {
    let (code, subcode) = text.split_once('/')?;
    Some((NotificationCode(parse_u8(code)?), parse_u8(subcode)?))
}

fn parse_names(text: &str) -> Option<(NotificationCode, u8)> {
    let (code_name, subcode_text) = match text.split_once(": ") {
        Some((code, subcode)) => (code, Some(subcode)),
        None => (text, None),
    };
    let named = CODE_NAMES.iter().find(|(_, name)| name.eq_ignore_ascii_case(code_name));
    let code = match named {
        Some((code, _)) => *code,
        None => NotificationCode(parse_u8(code_name.strip_prefix("error code ")?)?),
    };
    let Some(subcode_text) = subcode_text else { return Some((code, 0)) };
    let names = SUBCODE_NAMES.iter().find(|(named, _)| *named == code).map_or(&[][..], |(_, names)| names);
    match names.iter().find(|(_, name)| name.eq_ignore_ascii_case(subcode_text)) {
        Some((subcode, _)) => Some((code, *subcode)),
        None => Some((code, parse_u8(subcode_text.strip_prefix("subcode ")?)?)),
    }
}

fn parse_u8(digits: &str) -> Option<u8> {
    digits.parse().ok().filter(|_| !digits.starts_with('+'))
}

/// The text of which this is the [`str::escape_debug`].
fn unescape(text: &str) -> Option<String> {
    let mut unescaped = String::new();
    let mut rest = text.chars();
    while let Some(letter) = rest.next() {
        unescaped.push(match letter {
            '\\' => match rest.next()? {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                '0' => '\0',
                'u' => {
                    let (digits, after) = rest.as_str().strip_prefix('{')?.split_once('}')?;
                    rest = after.chars();
                    char::from_u32(u32::from_str_radix(digits, 16).ok()?)?
                }
                itself @ ('\\' | '\'' | '"') => itself,
                _ => return None,
            },
            other => other,
        });
    }
    Some(unescaped)
}

impl fmt::Display for NotificationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match CODE_NAMES.iter().find(|(code, _)| code == self) {
            Some((_, name)) => f.write_str(name),
            None => write!(f, "error code {}", self.0),
        }
    }
}

fn subcode_name(code: NotificationCode, subcode: u8) -> Option<&'static str> {
    let (_, names) = SUBCODE_NAMES.iter().find(|(named, _)| *named == code)?;
    names.iter().find(|(named, _)| *named == subcode).map(|(_, name)| *name)
}

/// RFC 5492 §5.
const UNSUPPORTED_CAPABILITY: u8 = 7;

/// Names of the codes for operators.
const CODE_NAMES: [(NotificationCode, &str); 8] = [
    (NotificationCode::MESSAGE_HEADER_ERROR, "message header error"),
    (NotificationCode::OPEN_MESSAGE_ERROR, "OPEN message error"),
    (NotificationCode::UPDATE_MESSAGE_ERROR, "UPDATE message error"),
    (NotificationCode::HOLD_TIMER_EXPIRED, "hold timer expired"),
    (NotificationCode::FINITE_STATE_MACHINE_ERROR, "state machine error"),
    (NotificationCode::CEASE, "cease"),
    (NotificationCode::ROUTE_REFRESH_MESSAGE_ERROR, "ROUTE-REFRESH message error"),
    (NotificationCode::SEND_HOLD_TIMER_EXPIRED, "send hold timer expired"),
];

/// Names of the subcodes for operators, by code.
const SUBCODE_NAMES: [(NotificationCode, &[(u8, &str)]); 6] = [
    (
        NotificationCode::MESSAGE_HEADER_ERROR,
        &[(1, "connection not synchronized"), (2, "bad message length"), (3, "bad message type")],
    ),
    (
        NotificationCode::OPEN_MESSAGE_ERROR,
        &[
            (1, "unsupported version number"),
            (2, "bad peer AS"),
            (3, "bad BGP identifier"),
            (4, "unsupported optional parameter"),
            (5, "authentication failure"),
            (6, "unacceptable hold time"),
            (7, "unsupported capability"),
            (11, "role mismatch"),
        ],
    ),
    (
        NotificationCode::UPDATE_MESSAGE_ERROR,
        &[
            (1, "malformed attribute list"),
            (2, "unrecognized well-known attribute"),
            (3, "missing well-known attribute"),
            (4, "attribute flags error"),
            (5, "attribute length error"),
            (6, "invalid ORIGIN"),
            (7, "AS routing loop"),
            (8, "invalid NEXT_HOP"),
            (9, "optional attribute error"),
            (10, "invalid network field"),
            (11, "malformed AS_PATH"),
        ],
    ),
    (
        NotificationCode::FINITE_STATE_MACHINE_ERROR,
        &[
            (1, "unexpected message in OpenSent"),
            (2, "unexpected message in OpenConfirm"),
            (3, "unexpected message in Established"),
        ],
    ),
    (
        NotificationCode::CEASE,
        &[
            (1, "maximum number of prefixes reached"),
            (2, "administrative shutdown"),
            (3, "peer de-configured"),
            (4, "administrative reset"),
            (5, "connection rejected"),
            (6, "other configuration change"),
            (7, "connection collision resolution"),
            (8, "out of resources"),
            (9, "hard reset"),
            (10, "BFD down"),
        ],
    ),
    (NotificationCode::ROUTE_REFRESH_MESSAGE_ERROR, &[(1, "invalid message length")]),
];

/// RFC 4271 §4: a message of 4,096 octets, less the header, the code and the subcode.
const MAX_DATA_OCTETS: usize = 4096 - 21;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_and_subcode_is_parsed_as_displayed() {
        for code in 0..=255 {
            for subcode in 0..=255 {
                let notification = Notification::new(NotificationCode(code), subcode);
                assert_eq!(notification.to_string().parse(), Ok(notification.clone()), "{notification}");
                assert_eq!(format!("{code}/{subcode}").parse(), Ok(notification));
            }
        }
        assert_eq!("Cease: Hard Reset".parse(), Ok(Notification::new(NotificationCode::CEASE, 9)));
    }

    #[test]
    fn a_reason_is_parsed_as_displayed() {
        for reason in ["maintenance", "(really)", "tab\tand \"quotes\" \\ \u{7f} \u{200b}", "Wartung: 20 °C)"]
        {
            for notification in
                [Notification::administrative_shutdown(reason), Notification::administrative_reset(reason)]
            {
                assert_eq!(notification.to_string().parse(), Ok(notification.clone()), "{notification}");
            }
        }
    }

    #[test]
    fn other_text_is_not_a_notification() {
        let long = format!("6/2 ({})", "x".repeat(256));
        for text in [
            "",
            "6",
            "6/",
            "6/256",
            "+6/2",
            "cease:",
            "cease: nothing",
            "cease: subcode",
            "error code 256",
            "6/9 (text)",
            "6/2 (text",
            "6/2 ()",
            "6/2 (\\x)",
            "stop",
            &long,
        ] {
            assert_eq!(text.parse::<Notification>(), Err(NotificationError), "{text}");
        }
    }

    #[test]
    fn every_constructor_has_the_registered_numbers_and_every_number_a_name() {
        let number = |code, subcode| Notification::new(NotificationCode(code), subcode);
        let table: [(Notification, u8, u8, &str); 38] = [
            (Notification::connection_not_synchronized(), 1, 1, "connection not synchronized"),
            (number(1, 2), 1, 2, "bad message length"),
            (number(1, 3), 1, 3, "bad message type"),
            (number(2, 0), 2, 0, "OPEN message error"),
            (number(2, 1), 2, 1, "unsupported version number"),
            (Notification::bad_peer_as(), 2, 2, "bad peer AS"),
            (Notification::bad_bgp_identifier(), 2, 3, "bad BGP identifier"),
            (number(2, 4), 2, 4, "unsupported optional parameter"),
            (Notification::unacceptable_hold_time(), 2, 6, "unacceptable hold time"),
            (Notification::unsupported_capability(vec![1, 0]), 2, 7, "unsupported capability"),
            (Notification::role_mismatch(), 2, 11, "role mismatch"),
            (number(3, 1), 3, 1, "malformed attribute list"),
            (number(3, 2), 3, 2, "unrecognized well-known"),
            (number(3, 3), 3, 3, "missing well-known"),
            (number(3, 4), 3, 4, "attribute flags error"),
            (number(3, 5), 3, 5, "attribute length error"),
            (number(3, 6), 3, 6, "invalid ORIGIN"),
            (number(3, 8), 3, 8, "invalid NEXT_HOP"),
            (number(3, 9), 3, 9, "optional attribute error"),
            (number(3, 10), 3, 10, "invalid network field"),
            (number(3, 11), 3, 11, "malformed AS_PATH"),
            (Notification::hold_timer_expired(), 4, 0, "hold timer expired"),
            (Notification::unexpected_message(0), 5, 0, "state machine error"),
            (Notification::unexpected_message(1), 5, 1, "OpenSent"),
            (Notification::unexpected_message(2), 5, 2, "OpenConfirm"),
            (Notification::unexpected_message(3), 5, 3, "Established"),
            (Notification::maximum_prefixes_reached(), 6, 1, "maximum number of prefixes"),
            (Notification::administrative_shutdown(""), 6, 2, "administrative shutdown"),
            (Notification::peer_deconfigured(), 6, 3, "peer de-configured"),
            (Notification::administrative_reset(""), 6, 4, "administrative reset"),
            (Notification::connection_rejected(), 6, 5, "connection rejected"),
            (Notification::other_configuration_change(), 6, 6, "other configuration change"),
            (Notification::connection_collision_resolution(), 6, 7, "connection collision resolution"),
            (Notification::out_of_resources(), 6, 8, "out of resources"),
            (number(7, 1), 7, 1, "invalid message length"),
            (Notification::send_hold_timer_expired(), 8, 0, "send hold timer expired"),
            (Notification::new(NotificationCode(42), 0), 42, 0, "error code 42"),
            (Notification::new(NotificationCode::CEASE, 200), 6, 200, "cease: subcode 200"),
        ];
        for (notification, code, subcode, words) in table {
            assert_eq!((notification.code.0, notification.subcode), (code, subcode), "{notification:?}");
            assert!(notification.to_string().contains(words), "{notification} lacks {words}");
        }
    }

    #[test]
    fn a_reason_is_carried_and_shown() {
        let notification = Notification::administrative_shutdown("maintenance");
        assert_eq!(notification.data, b"\x0bmaintenance");
        assert_eq!(notification.to_string(), "cease: administrative shutdown (maintenance)");
        assert_eq!(Notification::administrative_reset("").data, [0; 0]);
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let notification = Notification::administrative_reset(&"ä".repeat(200));
        assert_eq!(notification.data.len(), 255);
        assert_eq!(notification.shutdown_communication(), Some("ä".repeat(127).as_str()));
    }

    #[test]
    fn an_invalid_reason_is_not_shown() {
        for data in [&[][..], &[0], &[5, b'a'], &[1, 0xff]] {
            let notification = Notification::new(NotificationCode::CEASE, 2).with_data(data);
            assert_eq!(notification.shutdown_communication(), None, "{data:?}");
        }
        let other_subcode = Notification::new(NotificationCode::CEASE, 3).with_data(*b"\x01a");
        assert_eq!(other_subcode.shutdown_communication(), None);
    }

    #[test]
    fn missing_capabilities_are_decoded_as_far_as_possible() {
        let v6 = Capability::Multiprotocol(crate::Family::IPV6_UNICAST);
        let odd = Capability::Unknown { code: 1, value: vec![9] };
        let rows: [(&[u8], &[Capability]); 4] = [
            (&[1, 4, 0, 2, 0, 1], std::slice::from_ref(&v6)),
            (&[1, 4, 0, 2, 0, 1, 65, 4], std::slice::from_ref(&v6)),
            (&[1, 1, 9], &[odd]),
            (&[], &[]),
        ];
        for (data, expected) in rows {
            let code = NotificationCode::OPEN_MESSAGE_ERROR;
            let notification = Notification::new(code, 7).with_data(data);
            assert_eq!(notification.unsupported_capabilities(), expected, "{data:?}");
            assert_eq!(Notification::new(code, 6).with_data(data).unsupported_capabilities(), []);
        }
    }

    #[test]
    fn control_characters_of_a_peer_do_not_reach_the_terminal() {
        let text = Notification::administrative_shutdown("a\u{1b}[2J\n").to_string();
        assert!(!text.chars().any(char::is_control), "{text:?}");
    }

    #[test]
    fn data_are_truncated_at_the_message_limit() {
        let mut out = BytesMut::new();
        Notification::new(NotificationCode::UPDATE_MESSAGE_ERROR, 9)
            .with_data(vec![7; 60_000])
            .encode(&mut out);
        assert_eq!(out.len(), 4096);
    }
}
