//! What came in from the daemon: raw octets, when each came, and how many routes are in them.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use bgp_codec::frame_length;

/// The octets of a session since its start. While the clock runs routes are only counted, reading them is for later.
#[derive(Debug, Default)]
pub(crate) struct Received {
    octets: Vec<u8>,
    arrivals: Vec<Arrival>,
    /// The end of the last whole message.
    scanned: usize,
    routes: usize,
    last_update: Option<Instant>,
}

/// Octets up to an offset were there at an instant.
#[derive(Clone, Copy, Debug)]
struct Arrival {
    end: usize,
    at: Instant,
}

/// A message that is no UPDATE, for the session to look at.
#[derive(Debug)]
pub(crate) struct OtherMessage {
    pub(crate) octets: Vec<u8>,
}

impl Received {
    /// Takes octets in, counts the routes of each UPDATE they complete and returns the other messages.
    ///
    /// # Errors
    ///
    /// The octets are no BGP messages.
    pub(crate) fn take_in(&mut self, octets: &[u8], at: Instant) -> Result<Vec<OtherMessage>> {
        self.octets.extend_from_slice(octets);
        self.arrivals.push(Arrival { end: self.octets.len(), at });
        let mut others = Vec::new();
        while let Some(message) = next_message(&self.octets[self.scanned..])? {
            self.scanned += message.len();
            if message[TYPE_OFFSET] == UPDATE {
                let routes =
                    count_routes(&message[HEADER_OCTETS..]).context("an UPDATE's lengths are wrong")?;
                self.routes += routes;
                self.last_update = Some(at);
            } else {
                others.push(OtherMessage { octets: message.to_vec() });
            }
        }
        Ok(others)
    }

    /// How many routes were advertised or withdrawn in the UPDATEs so far, repeated ones too.
    pub(crate) fn routes(&self) -> usize {
        self.routes
    }

    /// When the last UPDATE was complete.
    pub(crate) fn last_update(&self) -> Option<Instant> {
        self.last_update
    }

    /// The end of the last whole message.
    pub(crate) fn end(&self) -> usize {
        self.scanned
    }

    /// The whole message that starts at an offset; `None` at the end.
    ///
    /// # Errors
    ///
    /// There is no message at this offset.
    pub(crate) fn message_at(&self, offset: usize) -> Result<Option<&[u8]>> {
        next_message(&self.octets[offset..self.scanned])
    }

    /// When the octet before an offset came in.
    ///
    /// # Panics
    ///
    /// So many octets have not come in yet.
    pub(crate) fn arrived(&self, end: usize) -> Instant {
        let index = self.arrivals.partition_point(|arrival| arrival.end < end);
        self.arrivals[index].at
    }

    /// The longest time between two instants in which nothing came in.
    pub(crate) fn longest_silence(&self, from: Instant, to: Instant) -> Duration {
        let within = self.arrivals.iter().map(|arrival| arrival.at).filter(|at| (from..to).contains(at));
        let mut last = from;
        let gaps = within.chain([to]).map(|at| at.duration_since(std::mem::replace(&mut last, at)));
        gaps.max().unwrap_or_default()
    }
}

fn next_message(octets: &[u8]) -> Result<Option<&[u8]>> {
    let length = frame_length(octets, MAX_MESSAGE_OCTETS).context("the daemon sent no BGP message")?;
    Ok(length.and_then(|length| octets.get(..length)))
}

/// The routes in the two fields of an UPDATE for IPv4 unicast; `None` when lengths do not fit.
fn count_routes(body: &[u8]) -> Option<usize> {
    let (withdrawn, rest) = split_sized(body)?;
    let (_attributes, nlri) = split_sized(rest)?;
    Some(count_prefixes(withdrawn)? + count_prefixes(nlri)?)
}

fn split_sized(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = octets.split_first_chunk::<2>()?;
    rest.split_at_checked(u16::from_be_bytes(*length).into())
}

fn count_prefixes(mut octets: &[u8]) -> Option<usize> {
    let mut count = 0;
    while let Some((length_bits, rest)) = octets.split_first() {
        octets = rest.get(usize::from(*length_bits).div_ceil(8)..)?;
        count += 1;
    }
    Some(count)
}

const MAX_MESSAGE_OCTETS: usize = 4096;
const HEADER_OCTETS: usize = 19;
const TYPE_OFFSET: usize = 18;
const UPDATE: u8 = 2;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use bgp_codec::{
        AsWidth, Ipv4Prefix, NextHop, Nlri, Origin, PathAttributesBuilder, UpdateEncoder, encode_keepalive,
    };
    use bytes::BytesMut;

    use super::*;

    fn stream() -> BytesMut {
        let encoder = UpdateEncoder { as_width: AsWidth::Four, max_message_octets: 4096, add_path: false };
        let mut out = BytesMut::new();
        let nlri = |lengths: std::ops::Range<u8>| {
            lengths.map(|length| Nlri::new(Ipv4Prefix::truncating(Ipv4Addr::new(10, 1, 2, 3), length)))
        };
        encode_keepalive(&mut out);
        let attributes = PathAttributesBuilder::new(Origin::Igp).build();
        encoder.reach(&mut out, &attributes, NextHop::Ipv4(Ipv4Addr::LOCALHOST), nlri(0..33)).unwrap();
        encoder.unreach(&mut out, nlri(8..17));
        encode_keepalive(&mut out);
        out
    }

    #[test]
    fn counts_routes_however_the_octets_are_cut() {
        for size in [1, 7, 19, 50, 4096] {
            let mut received = Received::default();
            let mut others = 0;
            for chunk in stream().chunks(size) {
                others += received.take_in(chunk, Instant::now()).unwrap().len();
            }
            assert_eq!((received.routes(), others), (42, 2), "chunks of {size}");
            assert_eq!(received.end(), stream().len());
        }
    }

    #[test]
    fn knows_when_an_octet_came() {
        let start = Instant::now();
        let mut received = Received::default();
        for (seconds, chunk) in (0..).zip(stream().chunks(10)) {
            received.take_in(chunk, start + Duration::from_secs(seconds)).unwrap();
        }
        let at = |end| received.arrived(end) - start;
        assert_eq!([at(1), at(10), at(11)], [0, 0, 1].map(Duration::from_secs));
    }

    #[test]
    fn finds_the_longest_silence_at_either_end_and_in_between() {
        let start = Instant::now();
        let mut received = Received::default();
        for seconds in [1, 2, 6, 7] {
            received.take_in(&stream(), start + Duration::from_secs(seconds)).unwrap();
        }
        for (from, to, expected) in [(0, 7, 4), (2, 6, 4), (0, 2, 1), (6, 20, 13), (3, 5, 2), (5, 5, 0)] {
            let [from_at, to_at] = [from, to].map(|seconds| start + Duration::from_secs(seconds));
            let found = received.longest_silence(from_at, to_at);
            assert_eq!(found, Duration::from_secs(expected), "{from} to {to}");
        }
    }

    #[test]
    fn refuses_what_is_no_message() {
        assert!(Received::default().take_in(&[0; 40], Instant::now()).is_err());
        let mut short = stream()[19..].to_vec();
        short[HEADER_OCTETS + 3] += 200;
        assert!(
            Received::default().take_in(&short, Instant::now()).is_err(),
            "attributes longer than the message"
        );
    }
}
