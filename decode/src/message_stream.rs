//! A stream of octets, read in pieces and split into messages.

use std::io::BufRead;

use bgp_codec::{DecodeContext, frame_length};
use bytes::{Bytes, BytesMut};

use crate::source::SourceMessage;

/// Source of the octets of a stream.
pub(crate) trait OctetSource {
    /// Appends some octets, or none although more may follow; returns `false` at the end.
    ///
    /// # Errors
    ///
    /// The error of the input, for people.
    fn fill(&mut self, buffer: &mut BytesMut) -> Result<bool, String>;
}

/// The messages of a stream. A malformed header ends them, as it ends a session.
pub(crate) struct MessageStream<S> {
    source: S,
    buffer: BytesMut,
    context: DecodeContext,
    has_ended: bool,
}

impl<S: OctetSource> MessageStream<S> {
    /// A stream of these octets followed by those of the source.
    pub(crate) fn new(source: S, buffer: BytesMut, context: DecodeContext) -> Self {
        Self { source, buffer, context, has_ended: false }
    }

    /// The octets shown for a malformed header: the remaining ones, up to the length of a message.
    fn rest(&mut self) -> Bytes {
        let most = self.context.max_message_octets;
        while self.buffer.len() < most && self.source.fill(&mut self.buffer) == Ok(true) {}
        let shown = self.buffer.len().min(most);
        self.buffer.split_to(shown).freeze()
    }

    fn read(&mut self) -> Option<Result<Bytes, String>> {
        loop {
            match frame_length(&self.buffer, self.context.max_message_octets) {
                Ok(Some(length)) if length <= self.buffer.len() => {
                    return Some(Ok(self.buffer.split_to(length).freeze()));
                }
                Ok(_) => match self.source.fill(&mut self.buffer) {
                    Ok(true) => {}
                    Ok(false) => {
                        self.has_ended = true;
                        let left = self.buffer.len();
                        return (left > 0)
                            .then(|| Err(format!("the last {left} octets are not a whole message")));
                    }
                    Err(error) => {
                        self.has_ended = true;
                        return Some(Err(error));
                    }
                },
                Err(_) => {
                    self.has_ended = true;
                    return Some(Ok(self.rest()));
                }
            }
        }
    }
}

impl<S: OctetSource> Iterator for MessageStream<S> {
    type Item = Result<SourceMessage, String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_ended {
            return None;
        }
        let context = &self.context.clone();
        self.read().map(|octets| {
            octets.map(|octets| SourceMessage { label: String::new(), octets, context: context.clone() })
        })
    }
}

/// A source without further octets.
pub(crate) struct NoMore;

impl OctetSource for NoMore {
    fn fill(&mut self, _: &mut BytesMut) -> Result<bool, String> {
        Ok(false)
    }
}

/// Octets as in a file.
pub(crate) struct RawSource<R> {
    input: R,
}

impl<R: BufRead> RawSource<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input }
    }
}

impl<R: BufRead> OctetSource for RawSource<R> {
    fn fill(&mut self, buffer: &mut BytesMut) -> Result<bool, String> {
        let octets = self.input.fill_buf().map_err(|error| format!("cannot read: {error}"))?;
        let count = octets.len();
        buffer.extend_from_slice(octets);
        self.input.consume(count);
        Ok(count > 0)
    }
}

#[cfg(test)]
mod tests {
    use bgp_codec::{AsWidth, PeerKind};

    use super::*;
    use crate::source::terms;

    /// The lengths of the messages, read `piece` octets at a time.
    fn lengths(stream: &[u8], piece: usize) -> Vec<Result<usize, String>> {
        let input = std::io::BufReader::with_capacity(piece, stream);
        let context = terms(PeerKind::Ebgp, AsWidth::Four, false);
        let messages = MessageStream::new(RawSource::new(input), BytesMut::new(), context);
        messages.map(|message| message.map(|message| message.octets.len())).collect()
    }

    #[test]
    fn a_stream_is_split_at_the_lengths_whatever_the_pieces() {
        let keepalive = [&[0xff; 16][..], &[0, 19, 4]].concat();
        let two = [&keepalive[..], &keepalive].concat();
        for piece in [1, 7, 19, 100] {
            assert_eq!(lengths(&two, piece), [Ok(19), Ok(19)], "{piece}");
            let cut = lengths(&[&two[..], &keepalive[..5]].concat(), piece);
            assert_eq!(cut[2], Err("the last 5 octets are not a whole message".to_owned()), "{piece}");
            assert_eq!(lengths(&[&keepalive[..], &[0; 40]].concat(), piece), [Ok(19), Ok(40)], "{piece}");
        }
    }

    #[test]
    fn a_broken_stream_is_shown_up_to_the_length_of_a_message() {
        assert_eq!(lengths(&vec![0; 1 << 20], 8192), [Ok(65535)]);
    }
}
