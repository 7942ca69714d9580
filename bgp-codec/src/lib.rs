//! BGP-4 messages and path attributes: decoding and encoding, without I/O.
//!
//! - [`frame_length`] finds the end of a message in a stream, and [`decode_message`] decodes one. A peer's
//!   messages are checked completely, and RFC 7606 has been applied to the result. No input makes it panic.
//! - [`Update`] is a message's octets with the positions of its parts. [`AttributeView`] is its attribute set
//!   in place, ready to be looked up among known ones without a copy.
//! - [`PathAttributes`] is an accepted attribute set in canonical octets: equal sets are equal octets.
//! - [`UpdateEncoder`] packs routes into messages, and [`Message::encode`] encodes the others.
//!
//! With the feature `tokio-codec`, `BgpCodec` frames and decodes a stream for `tokio_util`.

#![warn(clippy::indexing_slicing, clippy::string_slice, clippy::arithmetic_side_effects)]
#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable)]
#![cfg_attr(test, expect(clippy::indexing_slicing, reason = "a test that panics has failed"))]

mod as_width;
mod asn;
mod attribute_error;
mod attribute_flags;
mod attribute_type;
mod attribute_view;
#[cfg(feature = "tokio-codec")]
mod bgp_codec;
mod bgp_identifier;
mod canonical_rows;
mod decode_context;
mod decode_error;
mod family;
mod foreign_routes;
mod hold_time;
mod message;
mod next_hop;
mod nlri;
mod optional_numbers;
mod parser;
mod path_attribute;
mod path_attributes;
mod path_attributes_builder;
mod path_id;
mod peer_kind;
mod prefix;
mod received_attributes;
#[cfg(feature = "serde")]
mod serialisation;
mod span;

/// Compiles the example in it.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub use as_width::AsWidth;
pub use asn::Asn;
pub use attribute_error::{AttributeError, AttributeFault, AttributeOutcome};
pub use attribute_type::AttributeType;
pub use attribute_view::AttributeView;
#[cfg(feature = "tokio-codec")]
pub use bgp_codec::{BgpCodec, CodecError};
pub use bgp_identifier::{BgpIdentifier, BgpIdentifierError};
pub use decode_context::DecodeContext;
pub use decode_error::DecodeError;
pub use family::{Afi, Family, FamilyError, Safi};
pub use foreign_routes::{ForeignNlri, ForeignRoutes};
pub use hold_time::HoldTime;
pub use message::{
    AddPathMode, AttributesTooLong, Capabilities, Capability, ExtendedNextHopFamily, Fqdn, GracefulRestart,
    GracefulRestartFamily, LabelledFamily, LongLivedFamily, Message, Notification, NotificationCode,
    NotificationError, Open, RawPathAttribute, RawUpdate, Reach, Role, RouteRefresh, Update, UpdateEncoder,
    decode_message, encode_keepalive, frame_length,
};
pub use next_hop::{NextHop, NextHopError};
pub use nlri::{Nlri, NlriBlock, NlriError};
pub use path_attribute::{
    Aggregator, AsPath, AsPathBuf, AsPathError, ClusterId, Community, CommunityError, Elements,
    ExtendedCommunity, ExtendedCommunityError, Ipv6ExtendedCommunity, Ipv6ExtendedCommunityError,
    LargeCommunity, LargeCommunityError, MpReach, MpUnreach, Origin, PathAttribute, Segment, SegmentKind,
    UnknownAttribute, UnknownAttributeBuf,
};
pub use path_attributes::PathAttributes;
pub use path_attributes_builder::PathAttributesBuilder;
pub use path_id::PathId;
pub use peer_kind::PeerKind;
pub use prefix::{IpPrefix, Ipv4Prefix, Ipv6Prefix, Prefix, PrefixError};
