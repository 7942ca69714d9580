//! The control packet: octets to values and back (RFC 5880 §4.1).

use std::fmt;
use std::time::Duration;

use crate::{Diagnostic, Discriminator, State};

/// Octets of the mandatory section.
pub(crate) const MANDATORY_OCTETS: usize = 24;

/// The longest packet that this system sends: with a SHA-1 authentication section.
pub const MAX_PACKET_OCTETS: usize = MANDATORY_OCTETS + 28;

const VERSION: u8 = 1;

/// The mandatory section of a control packet.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// |Vers |  Diag   |Sta|P|F|C|A|D|M|  Detect Mult  |    Length     |
/// |                       My Discriminator                        |
/// |                      Your Discriminator                       |
/// |                    Desired Min TX Interval                    |
/// |                   Required Min RX Interval                    |
/// |                 Required Min Echo RX Interval                 |
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ControlPacket {
    /// Why the sender's session last went down.
    pub diagnostic: Diagnostic,
    /// The state of the sender's session.
    pub state: State,
    /// Poll, Final and the other single bits.
    pub flags: Flags,
    /// After how many missing packets the receiver declares the session down; not zero.
    pub detect_multiplier: u8,
    /// The sender's number of the session.
    pub my_discriminator: Discriminator,
    /// The receiver's number of the session, as last heard; `None` while unknown.
    pub your_discriminator: Option<Discriminator>,
    /// The least interval at which the sender wants to send.
    pub desired_min_tx: Duration,
    /// The least interval at which the sender can receive; zero asks for no periodic packets at all.
    pub required_min_rx: Duration,
    /// The least interval of echo packets that the sender can return; zero for none.
    pub required_min_echo_rx: Duration,
}

/// The single bits of a packet.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Flags(u8);

impl Flags {
    /// The sender asks to be answered with Final.
    pub const POLL: Self = Self(0x20);
    /// The answer to Poll.
    pub const FINAL: Self = Self(0x10);
    /// The sender's BFD does not share the fate of its control plane.
    pub const CONTROL_PLANE_INDEPENDENT: Self = Self(0x08);
    /// An authentication section follows.
    pub const AUTHENTICATION_PRESENT: Self = Self(0x04);
    /// The sender wants no periodic packets while both sides are up.
    pub const DEMAND: Self = Self(0x02);
    /// Reserved for point-to-multipoint; always zero here.
    pub const MULTIPOINT: Self = Self(0x01);

    /// Whether all bits of `other` are set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The bits of both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Why octets are not a control packet that RFC 5880 §6.8.6 lets pass. Such a packet is discarded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PacketError {
    /// Fewer octets than the mandatory section, or than the packet's own length.
    Truncated,
    /// The length field is below what the packet must have.
    BadLength(u8),
    /// Another version of the protocol.
    UnknownVersion(u8),
    /// The detect multiplier is zero.
    ZeroMultiplier,
    /// The multipoint bit is set.
    Multipoint,
    /// My Discriminator is zero.
    ZeroDiscriminator,
    /// Your Discriminator is zero in a state in which the sender must know it.
    MissingDiscriminator,
}

impl ControlPacket {
    /// Decodes a packet: the mandatory section, and the whole authentication section behind it (empty without the A bit).
    ///
    /// Octets after the packet's own length are left out.
    ///
    /// # Errors
    ///
    /// The checks of RFC 5880 §6.8.6 that need no session.
    pub fn decode(octets: &[u8]) -> Result<(Self, &[u8]), PacketError> {
        let (fixed, _) = octets.split_first_chunk::<MANDATORY_OCTETS>().ok_or(PacketError::Truncated)?;
        let [first, second, detect_multiplier, length, words @ ..] = *fixed;
        if first >> 5 != VERSION {
            return Err(PacketError::UnknownVersion(first >> 5));
        }
        let flags = Flags(second & 0x3f);
        let least =
            if flags.has(Flags::AUTHENTICATION_PRESENT) { MANDATORY_OCTETS + 2 } else { MANDATORY_OCTETS };
        if usize::from(length) < least {
            return Err(PacketError::BadLength(length));
        }
        let section = octets.get(MANDATORY_OCTETS..usize::from(length)).ok_or(PacketError::Truncated)?;
        if detect_multiplier == 0 {
            return Err(PacketError::ZeroMultiplier);
        }
        if flags.has(Flags::MULTIPOINT) {
            return Err(PacketError::Multipoint);
        }
        let mut numbers =
            words.chunks_exact(4).map(|word| word.iter().fold(0, |sum, octet| sum << 8 | u32::from(*octet)));
        let mut next = || numbers.next().unwrap_or_default();
        let my_discriminator = Discriminator::new(next()).ok_or(PacketError::ZeroDiscriminator)?;
        let your_discriminator = Discriminator::new(next());
        let state = State::from_bits(second >> 6);
        if your_discriminator.is_none() && !matches!(state, State::Down | State::AdminDown) {
            return Err(PacketError::MissingDiscriminator);
        }
        let packet = Self {
            diagnostic: Diagnostic::new(first),
            state,
            flags,
            detect_multiplier,
            my_discriminator,
            your_discriminator,
            desired_min_tx: Duration::from_micros(next().into()),
            required_min_rx: Duration::from_micros(next().into()),
            required_min_echo_rx: Duration::from_micros(next().into()),
        };
        let section = if flags.has(Flags::AUTHENTICATION_PRESENT) { section } else { &[] };
        Ok((packet, section))
    }

    /// Encodes the mandatory section, with the length of a packet without authentication.
    pub fn encode(&self) -> EncodedPacket {
        let mut packet = EncodedPacket::default();
        packet.push(&[
            VERSION << 5 | self.diagnostic.number(),
            self.state.bits() << 6 | self.flags.0,
            self.detect_multiplier,
            0,
        ]);
        packet.push(&self.my_discriminator.number().to_be_bytes());
        packet.push(&self.your_discriminator.map_or(0, Discriminator::number).to_be_bytes());
        for interval in [self.desired_min_tx, self.required_min_rx, self.required_min_echo_rx] {
            packet.push(&u32::try_from(interval.as_micros()).unwrap_or(u32::MAX).to_be_bytes());
        }
        packet
    }
}

/// A packet as it goes onto the wire.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct EncodedPacket {
    octets: [u8; MAX_PACKET_OCTETS],
    length: u8,
}

impl EncodedPacket {
    /// The octets to send.
    pub fn octets(&self) -> &[u8] {
        self.octets.get(..usize::from(self.length)).unwrap_or_default()
    }

    /// Appends octets and brings the length field up to date.
    ///
    /// # Panics
    ///
    /// With more than [`MAX_PACKET_OCTETS`] in all.
    pub(crate) fn push(&mut self, octets: &[u8]) {
        let start = usize::from(self.length);
        let end = start + octets.len();
        self.octets
            .get_mut(start..end)
            .expect("no section is longer than the longest")
            .copy_from_slice(octets);
        self.length = u8::try_from(end).expect("no packet is longer than the longest");
        self.octets[3] = self.length;
    }

    /// Replaces the last octets.
    pub(crate) fn replace_tail(&mut self, tail: &[u8]) {
        let end = usize::from(self.length);
        let start = end.saturating_sub(tail.len());
        if let Some(place) = self.octets.get_mut(start..end) {
            place.copy_from_slice(tail);
        }
    }
}

impl Default for EncodedPacket {
    fn default() -> Self {
        Self { octets: [0; MAX_PACKET_OCTETS], length: 0 }
    }
}

impl fmt::Display for PacketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("the packet is truncated"),
            Self::BadLength(length) => write!(f, "a length of {length} octets is too short"),
            Self::UnknownVersion(version) => write!(f, "version {version} is not supported"),
            Self::ZeroMultiplier => f.write_str("the detect multiplier is zero"),
            Self::Multipoint => f.write_str("the multipoint bit is set"),
            Self::ZeroDiscriminator => f.write_str("My Discriminator is zero"),
            Self::MissingDiscriminator => f.write_str("Your Discriminator is zero in state init or up"),
        }
    }
}

impl std::error::Error for PacketError {}
