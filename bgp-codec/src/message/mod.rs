//! Messages, one file for each type: its fields, decoding and encoding.

mod capability;
mod error_notification;
mod header;
mod notification;
mod open;
mod raw_update;
mod route_refresh;
mod update;
mod update_encoder;
mod update_fields;

use bytes::{Bytes, BytesMut};

pub use capability::{
    AddPathMode, Capabilities, Capability, ExtendedNextHopFamily, Fqdn, GracefulRestart,
    GracefulRestartFamily, LabelledFamily, LongLivedFamily, Role,
};
pub use header::frame_length;
pub use notification::{Notification, NotificationCode, NotificationError};
pub use open::Open;
pub use raw_update::{RawPathAttribute, RawUpdate};
pub use route_refresh::RouteRefresh;
pub use update::{Reach, Update};
pub use update_encoder::{AttributesTooLong, UpdateEncoder};

use self::header::{MessageType, encode_message};
use crate::{DecodeContext, DecodeError};

/// A BGP message as received.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Message {
    /// The speaker's identity and capabilities.
    Open(Open),
    /// Routes.
    Update(Update),
    /// The end of the session.
    Notification(Notification),
    /// The peer is alive.
    Keepalive,
    /// A request for routes.
    RouteRefresh(RouteRefresh),
}

impl Message {
    /// Appends the message. An UPDATE becomes as many messages as its withdrawals and its next hops need.
    ///
    /// # Errors
    ///
    /// The attributes of an UPDATE leave no room for its routes; nothing is appended.
    pub fn encode(&self, encoder: &UpdateEncoder, out: &mut BytesMut) -> Result<(), AttributesTooLong> {
        match self {
            Self::Open(open) => open.encode(out),
            Self::Update(update) => return encoder.update(out, update),
            Self::Notification(notification) => notification.encode(out),
            Self::Keepalive => encode_keepalive(out),
            Self::RouteRefresh(refresh) => refresh.encode(out),
        }
        Ok(())
    }
}

/// Decodes one whole message, as delimited by [`frame_length`].
///
/// # Errors
///
/// The message violates the protocol so that the session must close; the error yields the NOTIFICATION to
/// send.
pub fn decode_message(octets: Bytes, context: &DecodeContext) -> Result<Message, DecodeError> {
    let (message_type, body) = header::split_message(&octets, context.max_message_octets)?;
    match message_type {
        MessageType::OPEN => Open::decode(body).map(Message::Open),
        MessageType::UPDATE => Update::decode(octets, context).map(Message::Update),
        MessageType::NOTIFICATION => Notification::decode(body).map(Message::Notification),
        MessageType::KEEPALIVE => Ok(Message::Keepalive),
        MessageType::ROUTE_REFRESH => RouteRefresh::decode(&octets, body).map(Message::RouteRefresh),
        MessageType(unrecognised) => Err(DecodeError::BadMessageType(unrecognised)),
    }
}

/// Appends a KEEPALIVE, which consists of a header only (RFC 4271 §4.4).
pub fn encode_keepalive(out: &mut BytesMut) {
    encode_message(out, MessageType::KEEPALIVE, |_| {});
}
