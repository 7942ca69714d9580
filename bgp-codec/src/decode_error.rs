//! What makes a message unacceptable as a whole, and the NOTIFICATION that says so.

use crate::{AttributeFault, AttributeType, Notification};

/// The peer's octets break the protocol so that the session must close.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DecodeError {
    /// The marker is not all ones (RFC 4271 §6.1).
    #[error("the marker of a message is not all ones")]
    ConnectionNotSynchronized,
    /// The length field is none that a message of its type may have.
    #[error("a message says that it has {length} octets, which it cannot have")]
    BadMessageLength {
        /// The length field.
        length: u16,
    },
    /// The type is none that is recognised.
    #[error("message type {0} is not recognised")]
    BadMessageType(u8),

    /// The OPEN is of another version than 4 (RFC 4271 §6.2).
    #[error("the OPEN is for BGP version {0}")]
    UnsupportedVersion(u8),
    /// The AS number is one that no peer has.
    #[error("the OPEN has AS 0")]
    BadPeerAs,
    /// The BGP Identifier is zero.
    #[error("the OPEN has a zero BGP Identifier")]
    BadBgpIdentifier,
    /// An optional parameter is not recognised.
    #[error("the OPEN has an optional parameter of type {0}, which is not recognised")]
    UnsupportedOptionalParameter(u8),
    /// The hold time is one second or two.
    #[error("the OPEN has a hold time of {0} s")]
    UnacceptableHoldTime(u16),
    /// The optional parameters or a capability among them are malformed.
    #[error("the optional parameters of the OPEN are malformed")]
    MalformedOptionalParameters,

    /// The lengths in an UPDATE contradict each other (RFC 4271 §6.3).
    #[error("the lengths in an UPDATE contradict each other")]
    MalformedAttributeList,
    /// The withdrawn routes or the NLRI of an UPDATE are not prefixes.
    #[error("an UPDATE has NLRI that are no prefixes")]
    InvalidNetworkField,
    /// A path attribute is bad, and nothing milder than closing is possible (RFC 7606 §3, §5.2).
    #[error("{attribute_type} {fault}")]
    Attribute {
        /// Which attribute.
        attribute_type: AttributeType,
        /// What is wrong with it.
        fault: AttributeFault,
        /// The attribute as it came: flags, type, length and value.
        octets: Vec<u8>,
    },

    /// A ROUTE-REFRESH has another length than its subtype asks for (RFC 7313 §5).
    #[error("a ROUTE-REFRESH has a wrong length")]
    BadRouteRefreshLength {
        /// The whole message.
        octets: Vec<u8>,
    },
}

impl DecodeError {
    /// The NOTIFICATION that tells the peer.
    #[must_use]
    pub fn into_notification(self) -> Notification {
        match self {
            Self::ConnectionNotSynchronized => Notification::connection_not_synchronized(),
            Self::BadMessageLength { length } => Notification::bad_message_length(length),
            Self::BadMessageType(message_type) => Notification::bad_message_type(message_type),
            Self::UnsupportedVersion(_) => Notification::unsupported_version(),
            Self::BadPeerAs => Notification::bad_peer_as(),
            Self::BadBgpIdentifier => Notification::bad_bgp_identifier(),
            Self::UnsupportedOptionalParameter(_) => Notification::unsupported_optional_parameter(),
            Self::UnacceptableHoldTime(_) => Notification::unacceptable_hold_time(),
            Self::MalformedOptionalParameters => Notification::malformed_open(),
            Self::MalformedAttributeList => Notification::malformed_attribute_list(),
            Self::InvalidNetworkField => Notification::invalid_network_field(),
            Self::Attribute { attribute_type, fault, octets } => match fault {
                AttributeFault::Duplicate => Notification::malformed_attribute_list(),
                AttributeFault::UnrecognizedWellKnown => {
                    Notification::unrecognized_well_known_attribute(octets)
                }
                AttributeFault::Missing => Notification::missing_well_known_attribute(attribute_type),
                AttributeFault::Flags => Notification::attribute_flags_error(octets),
                AttributeFault::Length | AttributeFault::Overrun => {
                    Notification::attribute_length_error(octets)
                }
                AttributeFault::Value
                | AttributeFault::FromExternalPeer
                | AttributeFault::FromFourOctetPeer
                | AttributeFault::UnsupportedFamily(_) => match attribute_type {
                    AttributeType::ORIGIN => Notification::invalid_origin(octets),
                    AttributeType::AS_PATH => Notification::malformed_as_path(),
                    AttributeType::NEXT_HOP => Notification::invalid_next_hop(octets),
                    _ => Notification::optional_attribute_error(octets),
                },
            },
            Self::BadRouteRefreshLength { octets } => Notification::invalid_route_refresh_length(octets),
        }
    }
}

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
