//! Records received UPDATEs with their times and numbers of routes.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use bgp_codec::frame_length;

use super::intake::Intake;
use super::peer_id::PeerId;

/// The UPDATEs of all peers. During a measurement their routes are only counted; they are decoded afterwards.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    peers: Vec<Received>,
}

impl Recorder {
    /// What a peer has received so far.
    pub(crate) fn received(&self, peer: PeerId) -> &Received {
        self.peers.get(peer.index()).unwrap_or(&NOTHING)
    }
}

impl Intake for Recorder {
    fn handle_update(&mut self, peer: PeerId, message: &[u8], at: Instant) -> Result<()> {
        if self.peers.len() <= peer.index() {
            self.peers.resize_with(peer.index() + 1, Received::default);
        }
        self.peers[peer.index()].take_in(message, at)
    }
}

/// The UPDATEs of one peer since its start.
#[derive(Debug, Default)]
pub(crate) struct Received {
    octets: Vec<u8>,
    arrivals: Vec<Arrival>,
    routes: usize,
}

/// Time at which all octets up to an offset had arrived.
#[derive(Clone, Copy, Debug)]
struct Arrival {
    end: usize,
    at: Instant,
}

impl Received {
    /// Adds an UPDATE and counts its routes.
    ///
    /// # Errors
    ///
    /// Its lengths are wrong.
    pub(crate) fn take_in(&mut self, update: &[u8], at: Instant) -> Result<()> {
        let routes = update.get(HEADER_OCTETS..).and_then(count_routes);
        self.routes += routes.context("an UPDATE's lengths are wrong")?;
        self.octets.extend_from_slice(update);
        let end = self.octets.len();
        match self.arrivals.last_mut() {
            Some(last) if last.at == at => last.end = end,
            _ => self.arrivals.push(Arrival { end, at }),
        }
        Ok(())
    }

    /// Number of routes advertised or withdrawn in the UPDATEs so far, including repetitions.
    pub(crate) fn routes(&self) -> usize {
        self.routes
    }

    /// When the last UPDATE was complete.
    pub(crate) fn last_update(&self) -> Option<Instant> {
        self.arrivals.last().map(|arrival| arrival.at)
    }

    /// The end of the last message.
    pub(crate) fn end(&self) -> usize {
        self.octets.len()
    }

    /// The message that starts at an offset; `None` at the end.
    ///
    /// # Errors
    ///
    /// There is no message at this offset.
    pub(crate) fn message_at(&self, offset: usize) -> Result<Option<&[u8]>> {
        let rest = &self.octets[offset..];
        let length = frame_length(rest, MAX_MESSAGE_OCTETS).context("no BGP message")?;
        Ok(length.and_then(|length| rest.get(..length)))
    }

    /// When the octet before an offset arrived.
    ///
    /// # Panics
    ///
    /// Panics if it has not arrived yet.
    pub(crate) fn arrived(&self, end: usize) -> Instant {
        let index = self.arrivals.partition_point(|arrival| arrival.end < end);
        self.arrivals[index].at
    }

    /// The longest time between two instants without any octet.
    pub(crate) fn longest_silence(&self, from: Instant, to: Instant) -> Duration {
        let within = self.arrivals.iter().map(|arrival| arrival.at).filter(|at| (from..to).contains(at));
        let mut last = from;
        let gaps = within.chain([to]).map(|at| at.duration_since(std::mem::replace(&mut last, at)));
        gaps.max().unwrap_or_default()
    }
}

/// Record of a peer that has not received anything.
static NOTHING: Received = Received { octets: Vec::new(), arrivals: Vec::new(), routes: 0 };

/// Number of routes in the two fields of an UPDATE for IPv4 unicast; `None` if lengths do not fit.
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

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use bgp_codec::{AsWidth, Ipv4Prefix, NextHop, Nlri, Origin, PathAttributesBuilder, UpdateEncoder};
    use bytes::BytesMut;

    use super::*;

    fn updates() -> [BytesMut; 2] {
        let encoder = UpdateEncoder { as_width: AsWidth::Four, max_message_octets: 4096, add_path: false };
        let nlri = |lengths: std::ops::Range<u8>| {
            lengths.map(|length| Nlri::new(Ipv4Prefix::truncating(Ipv4Addr::new(10, 1, 2, 3), length)))
        };
        let mut out = [BytesMut::new(), BytesMut::new()];
        let attributes = PathAttributesBuilder::new(Origin::Igp).build();
        encoder.reach(&mut out[0], &attributes, NextHop::Ipv4(Ipv4Addr::LOCALHOST), nlri(0..33)).unwrap();
        encoder.unreach(&mut out[1], nlri(8..17));
        out
    }

    #[test]
    fn counts_routes_and_gives_the_messages_back() {
        let [first, second] = updates();
        let mut received = Received::default();
        received.take_in(&first, Instant::now()).unwrap();
        received.take_in(&second, Instant::now()).unwrap();
        assert_eq!((received.routes(), received.end()), (42, first.len() + second.len()));
        assert_eq!(received.message_at(0).unwrap(), Some(&first[..]));
        assert_eq!(received.message_at(first.len()).unwrap(), Some(&second[..]));
        assert_eq!(received.message_at(received.end()).unwrap(), None);
    }

    #[test]
    fn knows_when_an_octet_came() {
        let start = Instant::now();
        let [first, second] = updates();
        let mut received = Received::default();
        received.take_in(&first, start).unwrap();
        received.take_in(&second, start + Duration::from_secs(1)).unwrap();
        let at = |end| received.arrived(end) - start;
        let expected = [0, 0, 1].map(Duration::from_secs);
        assert_eq!([at(1), at(first.len()), at(first.len() + 1)], expected);
    }

    #[test]
    fn finds_the_longest_silence_at_either_end_and_in_between() {
        let start = Instant::now();
        let mut received = Received::default();
        for seconds in [1, 2, 6, 7] {
            received.take_in(&updates()[0], start + Duration::from_secs(seconds)).unwrap();
        }
        for (from, to, expected) in [(0, 7, 4), (2, 6, 4), (0, 2, 1), (6, 20, 13), (3, 5, 2), (5, 5, 0)] {
            let [from_at, to_at] = [from, to].map(|seconds| start + Duration::from_secs(seconds));
            let found = received.longest_silence(from_at, to_at);
            assert_eq!(found, Duration::from_secs(expected), "{from} to {to}");
        }
    }

    #[test]
    fn refuses_an_update_whose_lengths_are_wrong() {
        let mut update = updates()[0].clone();
        update[20] = 200;
        assert!(Received::default().take_in(&update, Instant::now()).is_err());
    }

    #[test]
    fn keeps_peers_apart() {
        let mut recorder = Recorder::default();
        recorder.handle_update(PeerId::new(3), &updates()[0], Instant::now()).unwrap();
        assert_eq!(recorder.received(PeerId::new(3)).routes(), 33);
        assert_eq!([2, 4].map(|index| recorder.received(PeerId::new(index)).routes()), [0, 0]);
    }
}
