//! A connection that a peer opened.

use bytes::BytesMut;

use crate::machine::Stream;

/// A connection that a peer opened.
#[derive(Debug)]
pub struct Arrival {
    /// The connection.
    pub stream: Stream,
    /// Octets read from it already.
    pub received: BytesMut,
}

impl From<Stream> for Arrival {
    /// Nothing has been read yet.
    fn from(stream: Stream) -> Self {
        Self { stream, received: BytesMut::new() }
    }
}
