//! One direction of a TCP connection, reassembled from its segments.

use std::collections::BTreeMap;

/// The octets of one direction. Segments may be repeated, overlap, be reordered, or be missing.
#[derive(Debug, Default)]
pub(crate) struct TcpStream {
    /// Sequence number of the first segment.
    base: Option<u32>,
    segments: BTreeMap<usize, Vec<u8>>,
}

/// Octets without a gap.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Run {
    /// Octets missing before it.
    pub(crate) missing_octets: usize,
    pub(crate) octets: Vec<u8>,
}

impl TcpStream {
    /// Adds a segment. With `starts`, the segment opens the connection.
    pub(crate) fn add(&mut self, sequence: u32, starts: bool, payload: &[u8]) {
        let first = if starts && payload.is_empty() { sequence.wrapping_add(1) } else { sequence };
        let base = *self.base.get_or_insert(first);
        let distance = sequence.wrapping_sub(base);
        // More than half the sequence space ahead means behind: a late copy from before the capture.
        if payload.is_empty() || distance >= 1 << 31 {
            return;
        }
        let place = usize::try_from(distance).unwrap_or(usize::MAX);
        let held = self.segments.entry(place).or_default();
        if held.len() < payload.len() {
            *held = payload.to_vec();
        }
    }

    /// The octets in order, split where some are missing.
    pub(crate) fn finish(self) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        let mut end = 0;
        for (place, payload) in self.segments {
            let missing_octets = place.saturating_sub(end);
            let known = end.saturating_sub(place);
            end = end.max(place.saturating_add(payload.len()));
            let fresh = payload.get(known..).unwrap_or_default();
            match runs.last_mut() {
                Some(run) if missing_octets == 0 => run.octets.extend_from_slice(fresh),
                _ => runs.push(Run { missing_octets, octets: fresh.to_vec() }),
            }
        }
        runs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(segments: &[(u32, bool, &[u8])]) -> Vec<(usize, String)> {
        let mut stream = TcpStream::default();
        segments.iter().for_each(|(sequence, starts, payload)| stream.add(*sequence, *starts, payload));
        let text = |run: Run| (run.missing_octets, String::from_utf8(run.octets).unwrap());
        stream.finish().into_iter().map(text).collect()
    }

    #[test]
    fn segments_are_put_in_order() {
        let whole = |text: &str| vec![(0, text.to_owned())];
        assert_eq!(runs(&[(9, true, b""), (10, false, b"ab"), (12, false, b"c")]), whole("abc"));
        assert_eq!(runs(&[(9, true, b""), (12, false, b"c"), (10, false, b"ab")]), whole("abc"));
        assert_eq!(runs(&[(10, false, b"ab"), (10, false, b"abc"), (11, false, b"bcd")]), whole("abcd"));
        assert_eq!(runs(&[(u32::MAX, false, b"ab"), (1, false, b"c")]), whole("abc"));
        assert_eq!(runs(&[(10, false, b"abcd"), (11, false, b"b"), (14, false, b"e")]), whole("abcde"));
        assert_eq!(runs(&[(10, false, b"a"), (5, false, b"zzzzzz")]), whole("a"));
        assert_eq!(runs(&[(10, true, b"ab"), (12, true, b"c")]), whole("abc"));
    }

    #[test]
    fn a_gap_starts_another_run() {
        let found = runs(&[(10, false, b"a"), (12, false, b"c"), (13, false, b"d")]);
        assert_eq!(found, [(0, "a".to_owned()), (1, "cd".to_owned())]);
    }
}
