//! AS_PATH (RFC 4271 §5.1.2) and AS4_PATH (RFC 6793 §3).

use std::fmt;
use std::str::FromStr;

use nom::Parser;
use nom::bytes::complete::take;
use nom::combinator::{map_opt, verify};
use nom::number::complete::be_u8;

use crate::parser::{Parsed, row};
use crate::{AsWidth, Asn, PeerKind};

/// The autonomous systems that a route passed, as a view of an accepted AS_PATH, the latest system first.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct AsPath<'a> {
    octets: &'a [u8],
}

impl<'a> AsPath<'a> {
    /// A view of the value of an accepted AS_PATH with four-octet AS numbers.
    pub(crate) fn new(octets: &'a [u8]) -> Self {
        Self { octets }
    }

    /// The path segments in order.
    pub fn segments(self) -> impl Iterator<Item = Segment<'a>> {
        let segments = row(self.octets, |octets| segment(octets, AsWidth::Four));
        segments.map(|(kind, asns)| Segment { kind, asns: asns.as_chunks().0 })
    }

    /// All AS numbers in order, including those of sets and confederation segments.
    pub fn asns(self) -> impl Iterator<Item = Asn> + 'a {
        self.segments().flat_map(Segment::asns)
    }

    /// Whether an autonomous system is in the path.
    #[must_use]
    pub fn contains(self, asn: Asn) -> bool {
        self.asns().any(|passed| passed == asn)
    }

    /// How many times an autonomous system is in the path.
    #[must_use]
    pub fn count(self, asn: Asn) -> usize {
        self.asns().filter(|passed| *passed == asn).count()
    }

    /// The length that the decision process compares: a set counts as one (RFC 4271 §9.1.2.2 a),
    /// confederation segments as zero (RFC 5065 §5.3).
    #[must_use]
    pub fn length(self) -> u32 {
        self.segments().map(Segment::length).fold(0, u32::saturating_add)
    }

    /// The neighbouring autonomous system: the first of the path, after confederation segments. `None` if the
    /// path is empty or starts with a set.
    #[must_use]
    pub fn neighbor_as(self) -> Option<Asn> {
        let first = self.segments().find(|segment| !segment.kind.is_confederation())?;
        match first.kind {
            SegmentKind::Sequence => first.asns().next(),
            SegmentKind::Set | SegmentKind::ConfederationSequence | SegmentKind::ConfederationSet => None,
        }
    }

    /// Whether the path is a loop for a member of a confederation that has this number in it, and that others see as
    /// `identifier`: more than `allowed` times in the segments of the confederation, or in the others (RFC 5065 §4).
    #[must_use]
    pub fn is_loop_in_confederation(self, member: Asn, identifier: Asn, allowed: usize) -> bool {
        let count = |inside: bool, asn: Asn| {
            let segments = self.segments().filter(|segment| segment.kind.is_confederation() == inside);
            segments.flat_map(Segment::asns).filter(|passed| *passed == asn).count()
        };
        count(true, member) > allowed || count(false, identifier) > allowed
    }

    /// The member of the confederation that the route came from last: the first number of a sequence inside it.
    #[must_use]
    pub fn neighbor_member(self) -> Option<Asn> {
        let first = self.segments().next()?;
        (first.kind == SegmentKind::ConfederationSequence).then(|| first.asns().next())?
    }

    /// The path as other autonomous systems see it: without segments of a confederation (RFC 5065 §4.1 c).
    #[must_use]
    pub fn without_confederation(self) -> AsPathBuf {
        if !self.segments().any(|segment| segment.kind.is_confederation()) {
            return self.to_buf();
        }
        AsPathBuf { octets: join_sequences(&without_confederation(self.octets)) }
    }

    /// Whether the path is empty: the route originates in our own autonomous system.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.octets.is_empty()
    }

    /// The path with each AS number as `change` returns it; `None` removes the number, and a segment with its last number.
    #[must_use]
    pub fn map_asns(self, change: impl Fn(Asn) -> Option<Asn>) -> AsPathBuf {
        let mut changed = AsPathBuf::empty();
        for segment in self.segments() {
            let mut asns: Vec<Asn> = segment.asns().filter_map(&change).collect();
            if matches!(segment.kind, SegmentKind::Set | SegmentKind::ConfederationSet) {
                let all = std::mem::take(&mut asns);
                all.into_iter().for_each(|asn| {
                    if !asns.contains(&asn) {
                        asns.push(asn)
                    }
                });
            }
            if !asns.is_empty() {
                changed.push_segment(segment.kind, &asns);
            }
        }
        AsPathBuf { octets: join_sequences(&changed.octets) }
    }

    /// The same path, owning its octets.
    #[must_use]
    pub fn to_buf(self) -> AsPathBuf {
        AsPathBuf { octets: self.octets.to_vec() }
    }

    /// The value for a two-octet peer, and the AS4_PATH that accompanies it (RFC 6793 §4.2.2): `None` if
    /// every number fits.
    pub(crate) fn narrow(self) -> (Vec<u8>, Option<Vec<u8>>) {
        let mut narrow = Vec::with_capacity(self.octets.len());
        for segment in self.segments() {
            narrow.extend_from_slice(&segment.header());
            segment.asns().for_each(|asn| narrow.extend_from_slice(&asn.to_two_octets().to_be_bytes()));
        }
        let wide = self.asns().any(Asn::needs_four_octets);
        let as4_path = wide.then(|| without_confederation(self.octets)).filter(|value| !value.is_empty());
        (narrow, as4_path)
    }
}

impl fmt::Display for AsPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, segment) in self.segments().enumerate() {
            if place > 0 {
                f.write_str(" ")?;
            }
            segment.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Debug for AsPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// The meaning of a path segment.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum SegmentKind {
    /// Systems that were passed in an unknown order.
    Set,
    /// Systems that were passed one after another, the latest first.
    Sequence,
    /// A sequence inside our confederation (RFC 5065 §3).
    ConfederationSequence,
    /// A set inside our confederation (RFC 5065 §3).
    ConfederationSet,
}

impl SegmentKind {
    /// Whether the segment describes the inside of a confederation.
    #[must_use]
    pub fn is_confederation(self) -> bool {
        matches!(self, Self::ConfederationSequence | Self::ConfederationSet)
    }

    fn decode(octet: u8) -> Option<Self> {
        match octet {
            1 => Some(Self::Set),
            2 => Some(Self::Sequence),
            3 => Some(Self::ConfederationSequence),
            4 => Some(Self::ConfederationSet),
            _ => None,
        }
    }

    fn octet(self) -> u8 {
        match self {
            Self::Set => 1,
            Self::Sequence => 2,
            Self::ConfederationSequence => 3,
            Self::ConfederationSet => 4,
        }
    }

    fn brackets(self) -> (&'static str, &'static str) {
        match self {
            Self::Set => ("{", "}"),
            Self::Sequence => ("", ""),
            Self::ConfederationSequence => ("(", ")"),
            Self::ConfederationSet => ("[", "]"),
        }
    }
}

/// One path segment: one to 255 AS numbers of a kind.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Segment<'a> {
    kind: SegmentKind,
    asns: &'a [[u8; 4]],
}

impl<'a> Segment<'a> {
    /// The meaning of the segment.
    #[must_use]
    pub fn kind(self) -> SegmentKind {
        self.kind
    }

    /// The AS numbers in order.
    pub fn asns(self) -> impl Iterator<Item = Asn> + 'a {
        self.asns.iter().map(|octets| Asn(u32::from_be_bytes(*octets)))
    }

    /// The segment's contribution to the length of its path.
    fn length(self) -> u32 {
        match self.kind {
            SegmentKind::Set => 1,
            SegmentKind::Sequence => self.count().into(),
            SegmentKind::ConfederationSequence | SegmentKind::ConfederationSet => 0,
        }
    }

    fn count(self) -> u8 {
        u8::try_from(self.asns.len()).unwrap_or(u8::MAX)
    }

    fn header(self) -> [u8; 2] {
        [self.kind.octet(), self.count()]
    }

    /// The first `count` numbers of it.
    fn leading(self, count: u8) -> Self {
        Self { asns: self.asns.get(..count.into()).unwrap_or(self.asns), ..self }
    }
}

impl fmt::Display for Segment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (open, close) = self.kind.brackets();
        f.write_str(open)?;
        for (place, asn) in self.asns().enumerate() {
            if place > 0 {
                f.write_str(" ")?;
            }
            asn.fmt(f)?;
        }
        f.write_str(close)
    }
}

impl fmt::Debug for Segment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// An AS path that can be built and changed.
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct AsPathBuf {
    octets: Vec<u8>,
}

impl AsPathBuf {
    /// The path of a route that has not left its autonomous system.
    #[must_use]
    pub fn empty() -> Self {
        Self { octets: Vec::new() }
    }

    /// The path with these systems in order, the latest first.
    #[must_use]
    pub fn from_sequence(asns: impl IntoIterator<Item = Asn>) -> Self {
        let asns: Vec<Asn> = asns.into_iter().collect();
        let mut path = Self::empty();
        asns.chunks(MAX_SEGMENT).for_each(|chunk| path.push_segment(SegmentKind::Sequence, chunk));
        path
    }

    /// Prepends an autonomous system `times` times (RFC 4271 §5.1.2 b).
    pub fn prepend(&mut self, asn: Asn, times: usize) {
        self.prepend_to(SegmentKind::Sequence, asn, times);
    }

    /// Prepends a member of a confederation, in a sequence inside it (RFC 5065 §4.1 b).
    pub fn prepend_member(&mut self, asn: Asn) {
        self.prepend_to(SegmentKind::ConfederationSequence, asn, 1);
    }

    fn prepend_to(&mut self, kind: SegmentKind, asn: Asn, times: usize) {
        let mut left = times;
        while left > 0 {
            let room = self.room_in_front(kind);
            if room == 0 {
                self.octets.splice(0..0, [kind.octet(), 0]);
                continue;
            }
            let taken = left.min(room);
            self.octets.splice(2..2, std::iter::repeat_n(asn.0.to_be_bytes(), taken).flatten());
            if let Some(count) = self.octets.get_mut(1) {
                *count = count.saturating_add(u8::try_from(taken).unwrap_or(u8::MAX));
            }
            left = left.saturating_sub(taken);
        }
    }

    /// A view of it.
    #[must_use]
    pub fn as_path(&self) -> AsPath<'_> {
        AsPath { octets: &self.octets }
    }

    pub(crate) fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// Number of systems that the first segment can still take; zero if it is of another kind.
    fn room_in_front(&self, wanted: SegmentKind) -> usize {
        match self.octets.as_slice() {
            [kind, count, ..] if *kind == wanted.octet() => MAX_SEGMENT.saturating_sub(usize::from(*count)),
            _ => 0,
        }
    }

    fn push_segment(&mut self, kind: SegmentKind, asns: &[Asn]) {
        self.octets.extend([kind.octet(), u8::try_from(asns.len()).unwrap_or(u8::MAX)]);
        self.octets.extend(asns.iter().flat_map(|asn| asn.0.to_be_bytes()));
    }
}

impl fmt::Display for AsPathBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_path().fmt(f)
    }
}

impl fmt::Debug for AsPathBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.as_path(), f)
    }
}

/// The text does not consist of AS numbers, and sets of them in braces.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("an AS path is AS numbers, and sets of them in braces, as in 65001 65002 {{1 2}}")]
pub struct AsPathError;

impl FromStr for AsPathBuf {
    type Err = AsPathError;

    fn from_str(text: &str) -> Result<Self, AsPathError> {
        let mut path = Self::empty();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let (kind, inside, after) = split_segment(rest).ok_or(AsPathError)?;
            let asns = parse_asns(inside)?;
            if kind != SegmentKind::Sequence && asns.len() > MAX_SEGMENT {
                return Err(AsPathError);
            }
            asns.chunks(MAX_SEGMENT).for_each(|chunk| path.push_segment(kind, chunk));
            rest = after.trim_start();
        }
        Ok(path)
    }
}

/// The kind of the first segment of a text, the text inside its brackets, and the text after it.
fn split_segment(text: &str) -> Option<(SegmentKind, &str, &str)> {
    let bracketed = [SegmentKind::Set, SegmentKind::ConfederationSequence, SegmentKind::ConfederationSet];
    for kind in bracketed {
        let (open, close) = kind.brackets();
        if let Some(rest) = text.strip_prefix(open) {
            let (inside, after) = rest.split_once(close)?;
            return Some((kind, inside, after));
        }
    }
    let end = text.find(['{', '(', '[']).unwrap_or(text.len());
    text.split_at_checked(end).map(|(inside, after)| (SegmentKind::Sequence, inside, after))
}

fn parse_asns(text: &str) -> Result<Vec<Asn>, AsPathError> {
    let words = text.split([' ', ',']).filter(|word| !word.is_empty());
    let asns: Vec<Asn> = words.map(|word| word.parse().map_err(|_| AsPathError)).collect::<Result<_, _>>()?;
    if asns.is_empty() || asns.contains(&Asn(0)) { Err(AsPathError) } else { Ok(asns) }
}

/// Whether a received AS_PATH is valid (RFC 7606 §7.2, RFC 7607 §2). The path of an external peer has no segments of
/// a confederation, and that of a peer in the same confederation begins with such a sequence (RFC 5065 §5).
pub(crate) fn is_as_path(value: &[u8], width: AsWidth, peer: PeerKind) -> bool {
    let first = value.first().copied().and_then(SegmentKind::decode);
    if peer == PeerKind::Confederation && first != Some(SegmentKind::ConfederationSequence) {
        return false;
    }
    let mut rest = value;
    while !rest.is_empty() {
        let Ok((after, (kind, asns))) = segment(rest, width) else { return false };
        let foreign_confederation = peer == PeerKind::Ebgp && kind.is_confederation();
        let names_as_0 = match width {
            AsWidth::Two => asns.as_chunks::<2>().0.contains(&[0; 2]),
            AsWidth::Four => asns.as_chunks::<4>().0.contains(&[0; 4]),
        };
        if foreign_confederation || names_as_0 {
            return false;
        }
        rest = after;
    }
    true
}

/// The kind and the AS numbers of the next segment; at least one number (RFC 7606 §7.2).
#[inline]
fn segment(octets: &[u8], width: AsWidth) -> Parsed<'_, (SegmentKind, &[u8])> {
    let count = verify(be_u8, |count| *count > 0);
    let (rest, (kind, count)) = (map_opt(be_u8, SegmentKind::decode), count).parse_complete(octets)?;
    let (rest, asns) = take(usize::from(count).saturating_mul(width.octets()))(rest)?;
    Ok((rest, (kind, asns)))
}

/// The four-octet form of a valid two-octet AS_PATH.
pub(crate) fn widen(value: &[u8]) -> Vec<u8> {
    let mut wide = Vec::with_capacity(value.len().saturating_mul(2));
    for (kind, asns) in row(value, |octets| segment(octets, AsWidth::Two)) {
        let asns = asns.as_chunks::<2>().0;
        wide.extend([kind.octet(), u8::try_from(asns.len()).unwrap_or(u8::MAX)]);
        wide.extend(asns.iter().flat_map(|[high, low]| [0, 0, *high, *low]));
    }
    wide
}

/// An AS4_PATH without the segments that it must not contain (RFC 6793 §6).
pub(crate) fn without_confederation(value: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(value.len());
    for segment in AsPath::new(value).segments().filter(|segment| !segment.kind.is_confederation()) {
        push(&mut kept, segment);
    }
    kept
}

/// Replaces the end of a widened AS_PATH by AS4_PATH (RFC 6793 §4.2.3).
///
/// `None` if AS4_PATH is longer: then it is stale, and AS_PATH is used unchanged.
pub(crate) fn merge_as4_path(as_path: AsPath<'_>, as4_path: AsPath<'_>) -> Option<Vec<u8>> {
    let mut left = as_path.length().checked_sub(as4_path.length())?;
    let mut merged = Vec::with_capacity(as_path.octets.len().saturating_add(as4_path.octets.len()));
    for segment in as_path.segments() {
        if left == 0 && !segment.kind.is_confederation() {
            break;
        }
        let taken = if segment.length() > left { segment.leading(u8::try_from(left).ok()?) } else { segment };
        push(&mut merged, taken);
        left = left.saturating_sub(taken.length());
    }
    as4_path.segments().for_each(|segment| push(&mut merged, segment));
    Some(join_sequences(&merged))
}

/// The same path with adjacent sequences joined wherever 255 numbers suffice, as four-octet speakers send it.
fn join_sequences(value: &[u8]) -> Vec<u8> {
    let mut joined = AsPathBuf::empty();
    let mut sequence: Vec<Asn> = Vec::new();
    for segment in AsPath::new(value).segments() {
        if segment.kind == SegmentKind::Sequence {
            sequence.extend(segment.asns());
            continue;
        }
        sequence.chunks(MAX_SEGMENT).for_each(|chunk| joined.push_segment(SegmentKind::Sequence, chunk));
        sequence.clear();
        push(&mut joined.octets, segment);
    }
    sequence.chunks(MAX_SEGMENT).for_each(|chunk| joined.push_segment(SegmentKind::Sequence, chunk));
    joined.octets
}

/// Appends a four-octet segment.
fn push(out: &mut Vec<u8>, segment: Segment<'_>) {
    out.extend_from_slice(&segment.header());
    out.extend_from_slice(segment.asns.as_flattened());
}

/// Maximum number of AS numbers in a segment, whose count is one octet.
const MAX_SEGMENT: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> AsPathBuf {
        text.parse().unwrap()
    }

    #[test]
    fn text_is_parsed_as_displayed() {
        for text in ["", "65001", "65001 65002 {1 2}", "(64512) 65001", "[64512 64513] {1}", "4200000000 1"] {
            assert_eq!(path(text).to_string(), text);
        }
        assert_eq!(path("1,2 {3,4}"), path("1 2 {3 4}"));
        for text in ["{}", "{1", "1}", "a", "0", "{1 {2}}", "4294967296"] {
            assert_eq!(text.parse::<AsPathBuf>(), Err(AsPathError), "{text}");
        }
    }

    #[test]
    fn lengths_and_neighbors_follow_the_decision_process() {
        for (text, length, neighbor) in [
            ("", 0, None),
            ("65001 65002", 2, Some(65001)),
            ("65001 {1 2 3}", 2, Some(65001)),
            ("{1 2 3} 65001", 2, None),
            ("(64512 64513) 65001", 1, Some(65001)),
            ("(64512)", 0, None),
        ] {
            let path = path(text);
            assert_eq!(path.as_path().length(), length, "{text}");
            assert_eq!(path.as_path().neighbor_as(), neighbor.map(Asn), "{text}");
        }
    }

    #[test]
    fn an_as_is_found_in_every_kind_of_segment() {
        let path = path("65001 65001 {65001 2} (65001)");
        assert_eq!(path.as_path().count(Asn(65001)), 4);
        assert_eq!(path.as_path().count(Asn(3)), 0);
        assert!(path.as_path().contains(Asn(2)) && !path.as_path().contains(Asn(3)));
    }

    #[test]
    fn prepending_fills_the_first_sequence_then_starts_another() {
        let mut prepended = path("2 3");
        prepended.prepend(Asn(1), 2);
        assert_eq!(prepended, path("1 1 2 3"));
        prepended.prepend(Asn(9), 0);
        assert_eq!(prepended, path("1 1 2 3"));

        let mut behind_set = path("{2 3}");
        behind_set.prepend(Asn(1), 1);
        assert_eq!(behind_set, path("1 {2 3}"));

        let mut long = AsPathBuf::from_sequence([Asn(7); 254]);
        long.prepend(Asn(1), 300);
        assert_eq!(long.as_path().length(), 554);
        let counts: Vec<u8> = long.as_path().segments().map(Segment::count).collect();
        assert_eq!(counts, [44, 255, 255]);
        assert!(long.as_path().asns().take(300).all(|asn| asn == Asn(1)));
    }

    #[test]
    fn numbers_are_replaced_and_removed_in_every_kind_of_segment() {
        let path = path("1 2 {2 3} 4 (2) 5");
        let replaced = path.as_path().map_asns(|asn| Some(if asn == Asn(2) { Asn(9) } else { asn }));
        assert_eq!(replaced.to_string(), "1 9 {9 3} 4 (9) 5");
        let removed = path.as_path().map_asns(|asn| (asn.0 != 2).then_some(asn));
        assert_eq!(removed.to_string(), "1 {3} 4 5", "sequences that have met are one");
        let few = path.as_path().map_asns(|asn| (asn.0 > 3).then_some(asn));
        assert_eq!(few.to_string(), "4 5");
        assert_eq!(few.as_path().segments().count(), 1);
        let twins = self::path("{1 2 3}").as_path().map_asns(|_| Some(Asn(7)));
        assert_eq!(twins.to_string(), "{7}");
    }

    #[test]
    fn a_long_sequence_is_split_at_255() {
        let path = AsPathBuf::from_sequence((1..=256).map(Asn));
        assert_eq!(path.as_path().segments().count(), 2);
        assert!(path.as_path().asns().eq((1..=256).map(Asn)));
    }

    #[test]
    fn malformed_values_are_not_accepted() {
        let two = AsWidth::Two;
        let cases: [(&[u8], bool); 12] = [
            (&[], true),
            (&[2, 1, 0, 1], true),
            (&[1, 2, 0, 1, 0, 2], true),
            (&[2, 1, 0, 1, 1, 1, 0, 2], true),
            (&[0, 1, 0, 1], false),
            (&[5, 1, 0, 1], false),
            (&[2, 0], false),
            (&[2, 2, 0, 1], false),
            (&[2, 1, 0, 1, 2], false),
            (&[2, 1, 0, 1, 0], false),
            (&[2, 1, 0, 0], false),
            (&[2], false),
        ];
        for (value, expected) in cases {
            assert_eq!(is_as_path(value, two, PeerKind::Ibgp), expected, "{value:?}");
        }
        let confederation = [3, 1, 0, 1];
        assert!(is_as_path(&confederation, two, PeerKind::Ibgp));
        assert!(!is_as_path(&confederation, two, PeerKind::Ebgp));
    }

    #[test]
    fn a_path_of_a_confederation_begins_with_its_members() {
        let two = AsWidth::Two;
        let members = [3, 1, 0, 1];
        let members_and_others = [3, 1, 0, 1, 2, 1, 0, 2];
        let others_first = [2, 1, 0, 2, 3, 1, 0, 1];
        let set_of_members = [4, 1, 0, 1];
        for (value, expected) in [
            (&members[..], true),
            (&members_and_others, true),
            (&others_first, false),
            (&set_of_members, false),
            (&[], false),
        ] {
            assert_eq!(is_as_path(value, two, PeerKind::Confederation), expected, "{value:?}");
        }
    }

    #[test]
    fn members_are_prepended_inside_the_confederation() {
        for (before, after) in [
            ("", "(64601)"),
            ("(64602)", "(64601 64602)"),
            ("(64602) 1 2", "(64601 64602) 1 2"),
            ("1 2", "(64601) 1 2"),
            ("[64602 64603] 1", "(64601) [64602 64603] 1"),
        ] {
            let mut path = path(before);
            path.prepend_member(Asn(64601));
            assert_eq!(path.to_string(), after);
            assert_eq!(path.as_path().neighbor_member(), Some(Asn(64601)));
        }
        let mut long = AsPathBuf::empty();
        (0..300).for_each(|_| long.prepend_member(Asn(64601)));
        let segments: Vec<usize> = long.as_path().segments().map(|segment| segment.asns().count()).collect();
        assert_eq!(segments, [45, 255]);
        let outside = path("5 (64601 64602) 1 {2 3}").as_path().without_confederation();
        assert_eq!(outside, path("5 1 {2 3}"));
    }

    #[test]
    fn a_confederation_finds_its_loops_by_the_kind_of_the_segment() {
        let (member, identifier) = (Asn(64601), Asn(65000));
        for (text, is_loop) in [
            ("(64602 64601) 1", true),
            ("[64601 64602]", true),
            ("(64602) 1 65000", true),
            ("(64602) {1 65000}", true),
            // The number of a member is private, and others may have it as well.
            ("(64602) 64601 1", false),
            ("(65000) 1", false),
        ] {
            let path = path(text);
            assert_eq!(path.as_path().is_loop_in_confederation(member, identifier, 0), is_loop, "{text}");
            assert!(!path.as_path().is_loop_in_confederation(member, identifier, 1), "{text}");
        }
    }

    #[test]
    fn as4_path_replaces_the_end_of_as_path() {
        for (as_path, as4_path, merged) in [
            ("23456 23456", "70000 80000", Some("70000 80000")),
            ("100 23456 23456", "70000 80000", Some("100 70000 80000")),
            ("100 200 23456", "70000", Some("100 200 70000")),
            ("23456", "70000 80000", None),
            ("100 {1 2} 23456", "70000", Some("100 {1 2} 70000")),
            ("100 23456 {1 2}", "70000 {80000 90000}", Some("100 70000 {80000 90000}")),
            ("(64512) 23456", "70000", Some("(64512) 70000")),
            ("(64512) 100 (64513) 23456", "70000", Some("(64512) 100 (64513) 70000")),
            ("100 200", "", Some("100 200")),
        ] {
            let found = merge_as4_path(path(as_path).as_path(), path(as4_path).as_path());
            let found = found.map(|octets| AsPath::new(&octets).to_string());
            assert_eq!(found.as_deref(), merged, "{as_path} with {as4_path}");
        }
    }

    #[test]
    fn narrowing_then_merging_is_the_identity() {
        for text in ["1 2 3", "70000", "1 70000 {2 80000}", "70000 1 70000"] {
            let original = path(text);
            let (narrow, as4_path) = original.as_path().narrow();
            let wide = widen(&narrow);
            let merged = match as4_path {
                Some(as4_path) => merge_as4_path(AsPath::new(&wide), AsPath::new(&as4_path)).unwrap(),
                None => wide,
            };
            assert_eq!(AsPath::new(&merged).to_string(), text);
        }
    }

    #[test]
    fn as4_path_carries_no_confederation_segments() {
        let (_, as4_path) = path("(64512) 70000").as_path().narrow();
        assert_eq!(as4_path.as_deref(), Some(path("70000").octets()));
        assert_eq!(path("1 2").as_path().narrow().1, None);
    }
}
