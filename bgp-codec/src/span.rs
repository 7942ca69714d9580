//! A position in the octets of a message.

/// A range of octets in a buffer that is stored elsewhere.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// The range between two positions.
    pub(crate) fn new(start: usize, end: usize) -> Self {
        // A message has at most 65,535 octets, and one built by hand is limited by memory.
        let position = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Self { start: position(start), end: position(end) }
    }

    /// The position of `part`, which is a slice of `whole`.
    pub(crate) fn of(part: &[u8], whole: &[u8]) -> Self {
        if part.is_empty() {
            return Self::default();
        }
        let start = part.as_ptr().addr().wrapping_sub(whole.as_ptr().addr());
        Self::new(start, start.saturating_add(part.len()))
    }

    /// The octets in this range.
    pub(crate) fn octets(self, whole: &[u8]) -> &[u8] {
        whole.get(self.start as usize..self.end as usize).unwrap_or_default()
    }

    /// The position after the last octet.
    pub(crate) fn end(self) -> usize {
        self.end as usize
    }

    pub(crate) fn is_empty(self) -> bool {
        self.start >= self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_found_at_its_position() {
        let whole = [1, 2, 3, 4, 5];
        for (start, end) in [(0, 5), (1, 3), (4, 5)] {
            assert_eq!(Span::of(&whole[start..end], &whole).octets(&whole), &whole[start..end]);
        }
        assert_eq!(Span::of(&[], &whole).octets(&whole), [0; 0]);
        assert_eq!(Span::of(&whole[1..3], &whole).octets(&whole[..2]), [0; 0], "out of range");
    }
}
