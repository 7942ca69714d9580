//! The NOTIFICATION for each error of decoding.

use crate::{AttributeFault, AttributeType, DecodeError, Notification};

impl DecodeError {
    /// The NOTIFICATION for the peer.
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
