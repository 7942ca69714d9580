//! Errors that make a message unacceptable as a whole.

use crate::{AttributeFault, AttributeType};

/// The peer violated the protocol in a way that closes the session.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DecodeError {
    /// The marker is not all ones (RFC 4271 §6.1).
    #[error("the marker of a message is not all ones")]
    ConnectionNotSynchronized,
    /// The length field is not valid for a message of its type.
    #[error("the length field of a message is {length}, which its type does not allow")]
    BadMessageLength {
        /// The length field.
        length: u16,
    },
    /// The type is not recognised.
    #[error("message type {0} is not recognised")]
    BadMessageType(u8),

    /// The version of the OPEN is not 4 (RFC 4271 §6.2).
    #[error("the OPEN is for BGP version {0}")]
    UnsupportedVersion(u8),
    /// The AS number is zero.
    #[error("the OPEN has AS 0")]
    BadPeerAs,
    /// The BGP Identifier is zero.
    #[error("the OPEN has a zero BGP Identifier")]
    BadBgpIdentifier,
    /// An optional parameter is not recognised.
    #[error("the OPEN has an optional parameter of type {0}, which is not recognised")]
    UnsupportedOptionalParameter(u8),
    /// The hold time is one or two seconds.
    #[error("the OPEN has a hold time of {0} s")]
    UnacceptableHoldTime(u16),
    /// The optional parameters, or a capability in them, are malformed.
    #[error("the optional parameters of the OPEN are malformed")]
    MalformedOptionalParameters,

    /// The lengths in an UPDATE contradict each other (RFC 4271 §6.3).
    #[error("the lengths in an UPDATE contradict each other")]
    MalformedAttributeList,
    /// The withdrawn routes or the NLRI of an UPDATE are malformed.
    #[error("the NLRI of an UPDATE are malformed")]
    InvalidNetworkField,
    /// A path attribute is malformed, and no milder consequence is possible (RFC 7606 §3, §5.2).
    #[error("{attribute_type} {fault}")]
    Attribute {
        /// The attribute.
        attribute_type: AttributeType,
        /// The error in it.
        fault: AttributeFault,
        /// The attribute as received: flags, type, length and value.
        octets: Vec<u8>,
    },

    /// The length of a ROUTE-REFRESH does not fit its subtype (RFC 7313 §5).
    #[error("a ROUTE-REFRESH has a wrong length")]
    BadRouteRefreshLength {
        /// The whole message.
        octets: Vec<u8>,
    },
}
