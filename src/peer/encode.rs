//! Messages other than UPDATEs, encoded.

use bgp_codec::{AsWidth, Message, UpdateEncoder};
use bytes::{Bytes, BytesMut};

/// A message other than an UPDATE, encoded.
pub(crate) fn encode(message: &Message) -> Bytes {
    let encoder = UpdateEncoder { as_width: AsWidth::Four, max_message_octets: 4096, add_path: false };
    let mut octets = BytesMut::new();
    message.encode(&encoder, &mut octets).expect("only UPDATEs can be too long, and there are none here");
    octets.freeze()
}
