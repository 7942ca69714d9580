//! Capabilities (RFC 5492): what a speaker can do beyond RFC 4271.

use bytes::{BufMut, BytesMut};

use super::add_path;
use crate::reader::{Reader, exact_u32};
use crate::{AddPathMode, Afi, Asn, Family, Safi};

/// One capability of an OPEN.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Capability {
    /// Carries routes of this family (RFC 4760 §8).
    Multiprotocol(Family),
    /// Answers a ROUTE-REFRESH (RFC 2918).
    RouteRefresh,
    /// Has AS numbers of four octets, and this one of its own (RFC 6793 §3).
    FourOctetAs(Asn),
    /// Takes messages of up to 65,535 octets (RFC 8654).
    ExtendedMessage,
    /// Receives or sends several paths to a prefix in these families (RFC 7911 §4).
    AddPath(Vec<(Family, AddPathMode)>),
    /// Something that is not recognised here, kept as it came.
    Unknown {
        /// IANA's number for it.
        code: u8,
        /// At most 255 octets.
        value: Vec<u8>,
    },
}

/// The capabilities of an OPEN in their order.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Capabilities(pub Vec<Capability>);

impl Capabilities {
    /// The capabilities in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Capability> {
        self.0.iter()
    }

    /// The families announced; none says IPv4 unicast (RFC 4760 §8).
    pub fn families(&self) -> impl Iterator<Item = Family> + '_ {
        self.iter().filter_map(|capability| match capability {
            Capability::Multiprotocol(family) => Some(*family),
            _ => None,
        })
    }

    /// The speaker's AS number when it knows four-octet ones.
    #[must_use]
    pub fn four_octet_as(&self) -> Option<Asn> {
        self.iter().find_map(|capability| match capability {
            Capability::FourOctetAs(asn) => Some(*asn),
            _ => None,
        })
    }

    /// Whether the speaker receives or sends path identifiers in `family`; `None` when it does not say. Of several
    /// statements the last one counts.
    #[must_use]
    pub fn add_path(&self, family: Family) -> Option<AddPathMode> {
        let statements = self.iter().filter_map(|capability| match capability {
            Capability::AddPath(modes) => Some(modes),
            _ => None,
        });
        statements.flatten().filter(|(named, _)| *named == family).last().map(|(_, mode)| *mode)
    }

    /// Whether the speaker answers a ROUTE-REFRESH.
    #[must_use]
    pub fn route_refresh(&self) -> bool {
        self.0.contains(&Capability::RouteRefresh)
    }

    /// Whether the speaker takes messages longer than 4,096 octets.
    #[must_use]
    pub fn extended_message(&self) -> bool {
        self.0.contains(&Capability::ExtendedMessage)
    }

    /// Reads the capabilities of one optional parameter to the end of `self`; `None` when they are malformed.
    pub(super) fn decode(&mut self, parameter: &[u8]) -> Option<()> {
        let mut reader = Reader::new(parameter);
        while !reader.is_empty() {
            let code = reader.u8()?;
            let value = reader.u8_sized()?;
            self.0.push(Capability::decode(code, value)?);
        }
        Some(())
    }
}

impl From<Vec<Capability>> for Capabilities {
    fn from(capabilities: Vec<Capability>) -> Self {
        Self(capabilities)
    }
}

impl FromIterator<Capability> for Capabilities {
    fn from_iter<I: IntoIterator<Item = Capability>>(capabilities: I) -> Self {
        Self(capabilities.into_iter().collect())
    }
}

impl Capability {
    const MULTIPROTOCOL: u8 = 1;
    const ROUTE_REFRESH: u8 = 2;
    const EXTENDED_MESSAGE: u8 = 6;
    const FOUR_OCTET_AS: u8 = 65;
    const ADD_PATH: u8 = 69;

    /// Reads a value; `None` when the capability is recognised and its length is wrong.
    fn decode(code: u8, value: &[u8]) -> Option<Self> {
        match code {
            Self::MULTIPROTOCOL => {
                let [afi_high, afi_low, _reserved, safi] = value.try_into().ok()?;
                let afi = Afi(u16::from_be_bytes([afi_high, afi_low]));
                Some(Self::Multiprotocol(Family { afi, safi: Safi(safi) }))
            }
            Self::ROUTE_REFRESH => value.is_empty().then_some(Self::RouteRefresh),
            Self::EXTENDED_MESSAGE => value.is_empty().then_some(Self::ExtendedMessage),
            Self::FOUR_OCTET_AS => exact_u32(value).map(Asn).map(Self::FourOctetAs),
            Self::ADD_PATH => add_path::decode(value).map(Self::AddPath),
            _ => Some(Self::Unknown { code, value: value.to_vec() }),
        }
    }

    /// Appends code, length and value. Of an unknown value, what is past 255 octets is cut.
    pub(super) fn encode(&self, out: &mut BytesMut) {
        match self {
            Self::Multiprotocol(family) => {
                out.put_slice(&[Self::MULTIPROTOCOL, 4]);
                out.put_u16(family.afi.0);
                out.put_slice(&[0, family.safi.0]);
            }
            Self::RouteRefresh => out.put_slice(&[Self::ROUTE_REFRESH, 0]),
            Self::ExtendedMessage => out.put_slice(&[Self::EXTENDED_MESSAGE, 0]),
            Self::FourOctetAs(asn) => {
                out.put_slice(&[Self::FOUR_OCTET_AS, 4]);
                out.put_u32(asn.0);
            }
            Self::AddPath(modes) => {
                out.put_u8(Self::ADD_PATH);
                add_path::encode(modes, out);
            }
            Self::Unknown { code, value } => {
                let length = u8::try_from(value.len()).unwrap_or(u8::MAX);
                out.put_slice(&[*code, length]);
                out.put_slice(value.get(..usize::from(length)).unwrap_or(value));
            }
        }
    }
}
