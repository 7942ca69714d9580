//! Authentication of control packets (RFC 5880 §4.2 to §4.4, §6.7).

use std::fmt;

use md5::{Digest as _, Md5};
use sha1::Sha1;

use crate::packet::{EncodedPacket, MANDATORY_OCTETS};

/// How packets are authenticated.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AuthenticationKind {
    /// The password in clear text (type 1).
    SimplePassword,
    /// A digest with MD5; sequence numbers may repeat (type 2).
    KeyedMd5,
    /// A digest with MD5; each packet has a higher sequence number (type 3).
    MeticulousKeyedMd5,
    /// A digest with SHA-1; sequence numbers may repeat (type 4).
    KeyedSha1,
    /// A digest with SHA-1; each packet has a higher sequence number (type 5).
    MeticulousKeyedSha1,
}

impl AuthenticationKind {
    /// The number in the registry "BFD Authentication Types".
    const fn number(self) -> u8 {
        match self {
            Self::SimplePassword => 1,
            Self::KeyedMd5 => 2,
            Self::MeticulousKeyedMd5 => 3,
            Self::KeyedSha1 => 4,
            Self::MeticulousKeyedSha1 => 5,
        }
    }

    /// The longest secret, in octets.
    pub const fn max_secret_octets(self) -> usize {
        match self {
            Self::SimplePassword | Self::KeyedMd5 | Self::MeticulousKeyedMd5 => 16,
            Self::KeyedSha1 | Self::MeticulousKeyedSha1 => 20,
        }
    }

    const fn is_meticulous(self) -> bool {
        matches!(self, Self::MeticulousKeyedMd5 | Self::MeticulousKeyedSha1)
    }
}

/// A secret that both systems know, and the number by which packets name it.
#[derive(Clone, Eq, PartialEq)]
pub struct Key {
    id: u8,
    secret: Vec<u8>,
}

/// A secret that cannot be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum UnusableKey {
    /// It has no octets.
    Empty,
    /// It has more octets than the kind of authentication takes.
    TooLong {
        /// The longest that it takes.
        max_octets: usize,
    },
}

/// The keys of a session. Packets are sent with the first; all are accepted, so that keys can be changed one system after
/// the other.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Authentication {
    kind: AuthenticationKind,
    keys: Vec<Key>,
}

/// What sequence number a packet may have.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct ReceivedSequence {
    /// The number of the last packet; `None` while any is accepted (`bfd.AuthSeqKnown` is 0).
    last: Option<u32>,
}

/// Why a packet is not authentic.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NotAuthentic {
    /// The section is of another kind, or cut short.
    Malformed,
    UnknownKey,
    WrongDigest,
    /// The sequence number is too old, or too far ahead.
    Replayed,
}

impl Key {
    /// A key with this number for authentication of this kind.
    ///
    /// # Errors
    ///
    /// The secret is empty or too long.
    pub fn new(kind: AuthenticationKind, id: u8, secret: &[u8]) -> Result<Self, UnusableKey> {
        let max_octets = kind.max_secret_octets();
        if secret.is_empty() {
            return Err(UnusableKey::Empty);
        }
        if secret.len() > max_octets {
            return Err(UnusableKey::TooLong { max_octets });
        }
        Ok(Self { id, secret: secret.to_vec() })
    }

    /// The secret, padded with zeros to `N` octets.
    fn padded<const N: usize>(&self) -> [u8; N] {
        let mut padded = [0; N];
        for (place, octet) in padded.iter_mut().zip(&self.secret) {
            *place = *octet;
        }
        padded
    }
}

impl Authentication {
    /// Authentication with `first`, which packets are sent with, and `others`, which are accepted too.
    pub fn new(kind: AuthenticationKind, first: Key, others: Vec<Key>) -> Self {
        let mut keys = vec![first];
        keys.extend(others);
        Self { kind, keys }
    }

    /// Whether each packet needs a higher sequence number than the one before.
    pub(crate) const fn is_meticulous(&self) -> bool {
        self.kind.is_meticulous()
    }

    /// Appends the authentication section to a packet that has the A bit set.
    pub(crate) fn sign(&self, packet: &mut EncodedPacket, sequence: u32) {
        let Some(key) = self.keys.first() else { return };
        match self.kind {
            AuthenticationKind::SimplePassword => {
                packet.push(&[self.kind.number(), section_octets(key.secret.len()), key.id]);
                packet.push(&key.secret);
            }
            AuthenticationKind::KeyedMd5 | AuthenticationKind::MeticulousKeyedMd5 => {
                self.sign_digest::<16>(packet, key, sequence, |octets| Md5::digest(octets).into());
            }
            AuthenticationKind::KeyedSha1 | AuthenticationKind::MeticulousKeyedSha1 => {
                self.sign_digest::<20>(packet, key, sequence, |octets| Sha1::digest(octets).into());
            }
        }
    }

    fn sign_digest<const N: usize>(
        &self,
        packet: &mut EncodedPacket,
        key: &Key,
        sequence: u32,
        digest: impl Fn(&[u8]) -> [u8; N],
    ) {
        packet.push(&[self.kind.number(), 8 + digest_octets::<N>(), key.id, 0]);
        packet.push(&sequence.to_be_bytes());
        packet.push(&key.padded::<N>());
        let digest = digest(packet.octets());
        packet.replace_tail(&digest);
    }

    /// Checks the authentication section of a received packet, and advances the sequence number.
    ///
    /// `octets` is the whole packet, without what follows its own length.
    pub(crate) fn verify(
        &self,
        octets: &[u8],
        sequence: &mut ReceivedSequence,
        detect_multiplier: u8,
    ) -> Result<(), NotAuthentic> {
        let section = octets.get(MANDATORY_OCTETS..).unwrap_or_default();
        let [kind, length, id, rest @ ..] = section else { return Err(NotAuthentic::Malformed) };
        if *kind != self.kind.number() || usize::from(*length) != section.len() {
            return Err(NotAuthentic::Malformed);
        }
        let key = self.keys.iter().find(|key| key.id == *id).ok_or(NotAuthentic::UnknownKey)?;
        match self.kind {
            AuthenticationKind::SimplePassword => {
                if is_equal(rest, &key.secret) {
                    Ok(())
                } else {
                    Err(NotAuthentic::WrongDigest)
                }
            }
            AuthenticationKind::KeyedMd5 | AuthenticationKind::MeticulousKeyedMd5 => {
                let number = verify_digest::<16>(octets, rest, key, |octets| Md5::digest(octets).into())?;
                sequence.advance(number, self.is_meticulous(), detect_multiplier)
            }
            AuthenticationKind::KeyedSha1 | AuthenticationKind::MeticulousKeyedSha1 => {
                let number = verify_digest::<20>(octets, rest, key, |octets| Sha1::digest(octets).into())?;
                sequence.advance(number, self.is_meticulous(), detect_multiplier)
            }
        }
    }
}

/// Checks the digest; returns the sequence number of the packet.
///
/// `rest` is the section after the key's number: a reserved octet, the sequence number, the digest.
fn verify_digest<const N: usize>(
    octets: &[u8],
    rest: &[u8],
    key: &Key,
    digest: impl Fn(&[u8]) -> [u8; N],
) -> Result<u32, NotAuthentic> {
    let [_, s0, s1, s2, s3, received @ ..] = rest else { return Err(NotAuthentic::Malformed) };
    let mut expected = octets.to_vec();
    let start = octets.len().checked_sub(N).filter(|_| received.len() == N).ok_or(NotAuthentic::Malformed)?;
    expected.truncate(start);
    expected.extend_from_slice(&key.padded::<N>());
    if !is_equal(&digest(&expected), received) {
        return Err(NotAuthentic::WrongDigest);
    }
    Ok(u32::from_be_bytes([*s0, *s1, *s2, *s3]))
}

impl ReceivedSequence {
    /// Forgets the last number: the next packet may have any.
    pub(crate) fn forget(&mut self) {
        self.last = None;
    }

    /// Accepts a number in the window of RFC 5880 §6.7.3: up to three detection times ahead of the last.
    fn advance(
        &mut self,
        number: u32,
        is_meticulous: bool,
        detect_multiplier: u8,
    ) -> Result<(), NotAuthentic> {
        if let Some(last) = self.last {
            let ahead = number.wrapping_sub(last);
            let least = u32::from(is_meticulous);
            if !(least..=3 * u32::from(detect_multiplier)).contains(&ahead) {
                return Err(NotAuthentic::Replayed);
            }
        }
        self.last = Some(number);
        Ok(())
    }
}

/// Octets of a simple password's section.
fn section_octets(secret_octets: usize) -> u8 {
    u8::try_from(3 + secret_octets).unwrap_or(u8::MAX)
}

const fn digest_octets<const N: usize>() -> u8 {
    if N == 16 { 16 } else { 20 }
}

/// Compares in a time that does not depend on where the first difference is.
fn is_equal(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && left.iter().zip(right).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

impl fmt::Debug for Key {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("id", &self.id).finish_non_exhaustive()
    }
}

impl fmt::Display for UnusableKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the secret is empty"),
            Self::TooLong { max_octets } => write!(f, "the secret has more than {max_octets} octets"),
        }
    }
}

impl std::error::Error for UnusableKey {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn window_of_sequence_numbers_is_three_detect_multipliers_and_wraps() {
        for (is_meticulous, last, number, is_accepted) in [
            (false, 10, 10, true),
            (true, 10, 10, false),
            (true, 10, 11, true),
            (false, 10, 19, true),
            (false, 10, 20, false),
            (false, 10, 9, false),
            (true, u32::MAX, 0, true),
            (false, u32::MAX, 8, true),
            (false, u32::MAX, 9, false),
        ] {
            let mut sequence = ReceivedSequence { last: Some(last) };
            let result = sequence.advance(number, is_meticulous, 3);
            assert_eq!(result.is_ok(), is_accepted, "{number} after {last}, meticulous: {is_meticulous}");
            assert_eq!(sequence.last, Some(if is_accepted { number } else { last }));
        }
    }

    #[test]
    fn refuses_secrets_that_do_not_fit() {
        for (kind, octets, is_usable) in [
            (AuthenticationKind::SimplePassword, 0, false),
            (AuthenticationKind::SimplePassword, 16, true),
            (AuthenticationKind::SimplePassword, 17, false),
            (AuthenticationKind::KeyedMd5, 17, false),
            (AuthenticationKind::KeyedSha1, 20, true),
            (AuthenticationKind::MeticulousKeyedSha1, 21, false),
        ] {
            assert_eq!(Key::new(kind, 1, &vec![b'x'; octets]).is_ok(), is_usable, "{kind:?}, {octets}");
        }
    }

    #[test]
    fn debug_output_has_no_secret() {
        let key = Key::new(AuthenticationKind::KeyedSha1, 9, b"hunter2").unwrap();
        assert_eq!(format!("{key:?}"), "Key { id: 9, .. }");
    }
}
