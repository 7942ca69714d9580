//! Ranges of keys.

use bytes::Bytes;

/// The keys from one (included) to another (not included), in the order of their octets.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeyRange {
    from: Bytes,
    to: Option<Bytes>,
}

impl KeyRange {
    /// The keys that begin with a prefix; all keys for an empty one.
    #[must_use]
    pub fn of_prefix(prefix: impl Into<Bytes>) -> Self {
        let from = prefix.into();
        let to = successor_of_prefix(&from);
        Self { from, to }
    }

    /// The first key that may be in the range.
    #[must_use]
    pub fn from(&self) -> &Bytes {
        &self.from
    }

    /// The first key behind the range; `None` when it reaches to the last key there is.
    #[must_use]
    pub fn to(&self) -> Option<&Bytes> {
        self.to.as_ref()
    }

    /// True for a key of the range.
    #[must_use]
    pub fn contains(&self, key: &[u8]) -> bool {
        self.from.as_ref() <= key && self.to.as_ref().is_none_or(|to| key < to.as_ref())
    }

    /// The rest of the range behind a key.
    #[must_use]
    pub fn after(&self, key: &[u8]) -> Self {
        let from = [key, &[0]].concat();
        Self { from: from.into(), to: self.to.clone() }
    }

    /// The beginning of the range up to a key and with it.
    #[must_use]
    pub fn up_to(&self, key: &[u8]) -> Self {
        Self { from: self.from.clone(), to: Some([key, &[0]].concat().into()) }
    }
}

/// The first key that is greater than all keys with this prefix.
fn successor_of_prefix(prefix: &[u8]) -> Option<Bytes> {
    let last = prefix.iter().rposition(|octet| *octet != u8::MAX)?;
    let (head, tail) = prefix.split_at(last);
    let octet = tail.first()?.checked_add(1)?;
    Some([head, &[octet]].concat().into())
}

#[cfg(test)]
mod tests {
    use super::KeyRange;

    #[test]
    fn a_prefix_holds_what_begins_with_it() {
        let cases: &[(&[u8], &[u8], bool)] = &[
            (b"/a/", b"/a/", true),
            (b"/a/", b"/a/b", true),
            (b"/a/", b"/a", false),
            (b"/a/", b"/a0", false),
            (b"", b"anything", true),
            (b"a\xff", b"a\xff\xff", true),
            (b"a\xff", b"b", false),
            (b"\xff", b"\xff\x01", true),
        ];
        for (prefix, key, expected) in cases {
            assert_eq!(KeyRange::of_prefix(prefix.to_vec()).contains(key), *expected, "{prefix:?} {key:?}");
        }
    }

    #[test]
    fn what_follows_a_key_does_not_hold_it() {
        let rest = KeyRange::of_prefix("/a/").after(b"/a/b");
        assert!(!rest.contains(b"/a/b"));
        assert!(rest.contains(b"/a/b\0"));
        assert!(rest.contains(b"/a/c"));
        assert!(!rest.contains(b"/b"));
    }
}
