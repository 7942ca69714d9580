//! The NOTIFICATION for each error of decoding.

use crate::{AttributeFault, AttributeType, DecodeError, Notification, NotificationCode};

impl DecodeError {
    /// The NOTIFICATION for the peer.
    #[must_use]
    pub fn into_notification(self) -> Notification {
        match self {
            Self::ConnectionNotSynchronized => Notification::connection_not_synchronized(),
            Self::BadMessageLength { length } => header_error(BAD_MESSAGE_LENGTH, length.to_be_bytes()),
            Self::BadMessageType(message_type) => header_error(BAD_MESSAGE_TYPE, [message_type]),
            Self::MalformedOptionalParameters => open_error(MALFORMED_OPEN, []),
            // The data are the version that is supported.
            Self::UnsupportedVersion(_) => open_error(UNSUPPORTED_VERSION, 4u16.to_be_bytes()),
            Self::UnsupportedOptionalParameter(_) => open_error(UNSUPPORTED_OPTIONAL_PARAMETER, []),
            Self::BadPeerAs => Notification::bad_peer_as(),
            Self::BadBgpIdentifier => Notification::bad_bgp_identifier(),
            Self::UnacceptableHoldTime(_) => Notification::unacceptable_hold_time(),
            Self::MalformedAttributeList => update_error(MALFORMED_ATTRIBUTE_LIST, []),
            Self::InvalidNetworkField => update_error(INVALID_NETWORK_FIELD, []),
            Self::Attribute { attribute_type, fault, octets } => {
                attribute_error(attribute_type, fault, octets)
            }
            Self::BadRouteRefreshLength { octets } => {
                notification(NotificationCode::ROUTE_REFRESH_MESSAGE_ERROR, INVALID_LENGTH, octets)
            }
        }
    }
}

/// An error of an attribute; `octets` is the attribute as received, with flags, type and length.
fn attribute_error(attribute_type: AttributeType, fault: AttributeFault, octets: Vec<u8>) -> Notification {
    match fault {
        AttributeFault::Duplicate => update_error(MALFORMED_ATTRIBUTE_LIST, []),
        AttributeFault::UnrecognizedWellKnown => update_error(UNRECOGNIZED_WELL_KNOWN_ATTRIBUTE, octets),
        AttributeFault::Missing => update_error(MISSING_WELL_KNOWN_ATTRIBUTE, [attribute_type.0]),
        AttributeFault::Flags => update_error(ATTRIBUTE_FLAGS_ERROR, octets),
        AttributeFault::Length | AttributeFault::Overrun => update_error(ATTRIBUTE_LENGTH_ERROR, octets),
        AttributeFault::Value
        | AttributeFault::FromExternalPeer
        | AttributeFault::FromFourOctetPeer
        | AttributeFault::UnsupportedFamily(_) => match attribute_type {
            AttributeType::ORIGIN => update_error(INVALID_ORIGIN, octets),
            AttributeType::AS_PATH => update_error(MALFORMED_AS_PATH, []),
            AttributeType::NEXT_HOP => update_error(INVALID_NEXT_HOP, octets),
            _ => update_error(OPTIONAL_ATTRIBUTE_ERROR, octets),
        },
    }
}

fn header_error(subcode: u8, data: impl Into<Vec<u8>>) -> Notification {
    notification(NotificationCode::MESSAGE_HEADER_ERROR, subcode, data)
}

fn open_error(subcode: u8, data: impl Into<Vec<u8>>) -> Notification {
    notification(NotificationCode::OPEN_MESSAGE_ERROR, subcode, data)
}

fn update_error(subcode: u8, data: impl Into<Vec<u8>>) -> Notification {
    notification(NotificationCode::UPDATE_MESSAGE_ERROR, subcode, data)
}

fn notification(code: NotificationCode, subcode: u8, data: impl Into<Vec<u8>>) -> Notification {
    Notification { code, subcode, data: data.into() }
}

// Errors of the header (RFC 4271 §6.1).
const BAD_MESSAGE_LENGTH: u8 = 2;
const BAD_MESSAGE_TYPE: u8 = 3;

// Errors of the OPEN (RFC 4271 §6.2).
const MALFORMED_OPEN: u8 = 0;
const UNSUPPORTED_VERSION: u8 = 1;
const UNSUPPORTED_OPTIONAL_PARAMETER: u8 = 4;

// Errors of the UPDATE (RFC 4271 §6.3).
const MALFORMED_ATTRIBUTE_LIST: u8 = 1;
const UNRECOGNIZED_WELL_KNOWN_ATTRIBUTE: u8 = 2;
const MISSING_WELL_KNOWN_ATTRIBUTE: u8 = 3;
const ATTRIBUTE_FLAGS_ERROR: u8 = 4;
const ATTRIBUTE_LENGTH_ERROR: u8 = 5;
const INVALID_ORIGIN: u8 = 6;
const INVALID_NEXT_HOP: u8 = 8;
const OPTIONAL_ATTRIBUTE_ERROR: u8 = 9;
const INVALID_NETWORK_FIELD: u8 = 10;
const MALFORMED_AS_PATH: u8 = 11;

// Errors of ROUTE-REFRESH (RFC 7313 §5).
const INVALID_LENGTH: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(attribute_type: AttributeType, fault: AttributeFault) -> DecodeError {
        DecodeError::Attribute { attribute_type, fault, octets: vec![0x40, attribute_type.0, 1, 9] }
    }

    #[test]
    fn every_error_has_its_code_subcode_and_data() {
        use AttributeFault::{Duplicate, Flags, Length, Missing, Overrun, UnrecognizedWellKnown, Value};
        let table: [(DecodeError, u8, u8, &[u8]); 24] = [
            (DecodeError::ConnectionNotSynchronized, 1, 1, &[]),
            (DecodeError::BadMessageLength { length: 18 }, 1, 2, &[0, 18]),
            (DecodeError::BadMessageType(9), 1, 3, &[9]),
            (DecodeError::MalformedOptionalParameters, 2, 0, &[]),
            (DecodeError::UnsupportedVersion(3), 2, 1, &[0, 4]),
            (DecodeError::BadPeerAs, 2, 2, &[]),
            (DecodeError::BadBgpIdentifier, 2, 3, &[]),
            (DecodeError::UnsupportedOptionalParameter(1), 2, 4, &[]),
            (DecodeError::UnacceptableHoldTime(2), 2, 6, &[]),
            (DecodeError::MalformedAttributeList, 3, 1, &[]),
            (attribute(AttributeType::MP_REACH_NLRI, Duplicate), 3, 1, &[]),
            (attribute(AttributeType(99), UnrecognizedWellKnown), 3, 2, &[0x40, 99, 1, 9]),
            (attribute(AttributeType::AS_PATH, Missing), 3, 3, &[2]),
            (attribute(AttributeType::ORIGIN, Flags), 3, 4, &[0x40, 1, 1, 9]),
            (attribute(AttributeType::LOCAL_PREF, Length), 3, 5, &[0x40, 5, 1, 9]),
            (attribute(AttributeType::ORIGIN, Overrun), 3, 5, &[0x40, 1, 1, 9]),
            (attribute(AttributeType::ORIGIN, Value), 3, 6, &[0x40, 1, 1, 9]),
            (attribute(AttributeType::NEXT_HOP, Value), 3, 8, &[0x40, 3, 1, 9]),
            (attribute(AttributeType::COMMUNITIES, Value), 3, 9, &[0x40, 8, 1, 9]),
            (attribute(AttributeType::MP_REACH_NLRI, Value), 3, 9, &[0x40, 14, 1, 9]),
            (DecodeError::InvalidNetworkField, 3, 10, &[]),
            (attribute(AttributeType::AS_PATH, Value), 3, 11, &[]),
            (DecodeError::BadRouteRefreshLength { octets: vec![1, 2] }, 7, 1, &[1, 2]),
            (DecodeError::BadMessageLength { length: 65535 }, 1, 2, &[255, 255]),
        ];
        for (error, code, subcode, data) in table {
            let shown = format!("{error:?}");
            let notification = error.into_notification();
            assert_eq!((notification.code.0, notification.subcode), (code, subcode), "{shown}");
            assert_eq!(notification.data, data, "{shown}");
        }
    }
}
