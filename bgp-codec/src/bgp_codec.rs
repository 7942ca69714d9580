//! A `tokio_util` codec between octets and messages.

use bytes::BytesMut;
use tokio_util::codec::{Decoder, Encoder};

use crate::{
    AttributesTooLong, DecodeContext, DecodeError, Message, UpdateEncoder, decode_message, frame_length,
};

/// Frames, decodes and encodes messages under the terms of a session.
#[derive(Clone, Debug)]
pub struct BgpCodec {
    /// Terms of decoding. To be replaced after the exchange of OPENs.
    pub context: DecodeContext,
    /// Terms of encoding UPDATEs. To be replaced after the exchange of OPENs.
    pub encoder: UpdateEncoder,
}

/// Why the stream ended.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// The peer violated the protocol.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A message of ours does not fit.
    #[error(transparent)]
    Encode(#[from] AttributesTooLong),
    /// The connection failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl Decoder for BgpCodec {
    type Item = Message;
    type Error = CodecError;

    fn decode(&mut self, octets: &mut BytesMut) -> Result<Option<Message>, CodecError> {
        let Some(length) = frame_length(octets, self.context.max_message_octets)? else { return Ok(None) };
        if octets.len() < length {
            octets.reserve(length.saturating_sub(octets.len()));
            return Ok(None);
        }
        let message = octets.split_to(length).freeze();
        Ok(Some(decode_message(message, &self.context)?))
    }
}

impl Encoder<&Message> for BgpCodec {
    type Error = CodecError;

    fn encode(&mut self, message: &Message, octets: &mut BytesMut) -> Result<(), CodecError> {
        Ok(message.encode(&self.encoder, octets)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AsWidth, Family, PeerKind, RouteRefresh};

    fn codec() -> BgpCodec {
        let encoder = UpdateEncoder { as_width: AsWidth::Four, max_message_octets: 4096, add_path: false };
        BgpCodec { context: DecodeContext::new(PeerKind::Ibgp, AsWidth::Four), encoder }
    }

    #[test]
    fn a_message_is_decoded_with_its_last_octet() {
        let messages =
            [Message::Keepalive, Message::RouteRefresh(RouteRefresh::request(Family::IPV6_UNICAST))];
        let mut stream = BytesMut::new();
        messages.iter().for_each(|message| codec().encode(message, &mut stream).unwrap());

        let mut received = Vec::new();
        let mut buffer = BytesMut::new();
        for octet in stream {
            buffer.extend([octet]);
            received.extend(codec().decode(&mut buffer).unwrap());
        }
        assert_eq!(received, messages);
        assert!(buffer.is_empty());
    }

    #[test]
    fn a_broken_header_ends_the_stream() {
        let error = codec().decode(&mut BytesMut::from(&[0; 19][..])).unwrap_err();
        assert!(matches!(error, CodecError::Decode(DecodeError::ConnectionNotSynchronized)), "{error}");
    }
}
