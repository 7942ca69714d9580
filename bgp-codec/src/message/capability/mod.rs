//! Capabilities (RFC 5492), one file for each with a value of its own: what a speaker supports beyond RFC
//! 4271.

mod add_path;
mod extended_next_hop;
mod fqdn;
mod graceful_restart;
mod long_lived_graceful_restart;
mod multiple_labels;
mod role;

use std::fmt;

use bytes::{BufMut, BytesMut};
use nom::combinator::map_opt;
use nom::multi::many0;
use nom::number::complete::{be_u8, be_u32};

use crate::parser::{u8_sized, whole};
use crate::{Afi, Asn, Family, Safi};

pub use add_path::AddPathMode;
pub use extended_next_hop::ExtendedNextHopFamily;
pub use fqdn::Fqdn;
pub use graceful_restart::{GracefulRestart, GracefulRestartFamily};
pub use long_lived_graceful_restart::LongLivedFamily;
pub use multiple_labels::LabelledFamily;
pub use role::Role;

/// One capability of an OPEN.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Capability {
    /// Supports routes of this family (RFC 4760 §8).
    Multiprotocol(Family),
    /// Answers a ROUTE-REFRESH (RFC 2918).
    RouteRefresh,
    /// Accepts IPv6 next hops for these families (RFC 8950 §4), at most 42.
    ExtendedNextHop(Vec<ExtendedNextHopFamily>),
    /// Accepts messages of up to 65,535 octets (RFC 8654).
    ExtendedMessage,
    /// Accepts several labels for one prefix of these families (RFC 8277 §2.1), at most 63.
    MultipleLabels(Vec<LabelledFamily>),
    /// The speaker's relationship to its peer (RFC 9234 §4.1).
    Role(Role),
    /// Keeps forwarding while it restarts (RFC 4724 §3, RFC 8538 §2).
    GracefulRestart(GracefulRestart),
    /// Supports four-octet AS numbers, and has this one (RFC 6793 §3).
    FourOctetAs(Asn),
    /// Receives or sends several paths to a prefix in these families (RFC 7911 §4), at most 63.
    AddPath(Vec<(Family, AddPathMode)>),
    /// Marks the beginning and the end of its answer to a ROUTE-REFRESH (RFC 7313).
    EnhancedRouteRefresh,
    /// Keeps the stale routes of a peer for long, as the last resort (RFC 9494 §3.1), in at most 36 families.
    LongLivedGracefulRestart(Vec<LongLivedFamily>),
    /// The name of the speaker (draft-walton-bgp-hostname-capability).
    Fqdn(Fqdn),
    /// The software of the speaker, in at most 254 octets of text (draft-abraitis-bgp-version-capability).
    SoftwareVersion(String),
    /// A capability that is not recognised here, or one whose value is invalid where the RFC asks to ignore
    /// it; kept as received.
    Unknown {
        /// Its code in IANA's registry.
        code: u8,
        /// At most 255 octets.
        value: Vec<u8>,
    },
}

/// The capabilities of an OPEN, in order.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Capabilities(pub Vec<Capability>);

impl Capabilities {
    /// The capabilities, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Capability> {
        self.0.iter()
    }

    /// The families announced; IPv4 unicast if there are none (RFC 4760 §8).
    pub fn families(&self) -> impl Iterator<Item = Family> + '_ {
        self.iter().filter_map(|capability| match capability {
            Capability::Multiprotocol(family) => Some(*family),
            _ => None,
        })
    }

    /// The speaker's AS number, if it supports four-octet ones.
    #[must_use]
    pub fn four_octet_as(&self) -> Option<Asn> {
        self.iter().find_map(|capability| match capability {
            Capability::FourOctetAs(asn) => Some(*asn),
            _ => None,
        })
    }

    /// Whether the speaker answers a ROUTE-REFRESH.
    #[must_use]
    pub fn route_refresh(&self) -> bool {
        self.0.contains(&Capability::RouteRefresh)
    }

    /// Whether the speaker marks the beginning and the end of its answer to a ROUTE-REFRESH.
    #[must_use]
    pub fn enhanced_route_refresh(&self) -> bool {
        self.0.contains(&Capability::EnhancedRouteRefresh)
    }

    /// Whether the speaker accepts messages longer than 4,096 octets.
    #[must_use]
    pub fn extended_message(&self) -> bool {
        self.0.contains(&Capability::ExtendedMessage)
    }

    /// Whether the speaker receives or sends path identifiers in `family`; `None` if it does not say. The
    /// last of several statements applies.
    #[must_use]
    pub fn add_path(&self, family: Family) -> Option<AddPathMode> {
        let statements = self.iter().filter_map(|capability| match capability {
            Capability::AddPath(modes) => Some(modes),
            _ => None,
        });
        statements.flatten().filter(|(named, _)| *named == family).last().map(|(_, mode)| *mode)
    }

    /// The speaker's behaviour at a restart; the last of several capabilities applies (RFC 4724 §3).
    #[must_use]
    pub fn graceful_restart(&self) -> Option<&GracefulRestart> {
        let all = self.iter().filter_map(|capability| match capability {
            Capability::GracefulRestart(restart) => Some(restart),
            _ => None,
        });
        all.last()
    }

    /// How long the speaker would keep stale routes of each family.
    pub fn long_lived_graceful_restart(&self) -> impl Iterator<Item = &LongLivedFamily> {
        let lists = self.iter().filter_map(|capability| match capability {
            Capability::LongLivedGracefulRestart(families) => Some(families),
            _ => None,
        });
        lists.flatten()
    }

    /// Whether the speaker accepts next hops of an address family for routes of this family.
    #[must_use]
    pub fn extended_next_hop(&self, family: Family, next_hop: Afi) -> bool {
        let wanted = ExtendedNextHopFamily { family, next_hop };
        self.iter().any(|capability| match capability {
            Capability::ExtendedNextHop(families) => families.contains(&wanted),
            _ => false,
        })
    }

    /// The roles that the speaker advertises, in the order of the message. There should be at most one (RFC 9234 §4.2).
    pub fn roles(&self) -> impl Iterator<Item = Role> + '_ {
        self.iter().filter_map(|capability| match capability {
            Capability::Role(role) => Some(*role),
            _ => None,
        })
    }

    /// The speaker's role; the first of several applies (RFC 9234 §4.2).
    #[must_use]
    pub fn role(&self) -> Option<Role> {
        self.iter().find_map(|capability| match capability {
            Capability::Role(role) => Some(*role),
            _ => None,
        })
    }

    /// Decodes the capabilities of one optional parameter and appends them; `None` if they are malformed.
    pub(super) fn decode(&mut self, parameter: &[u8]) -> Option<()> {
        let capability = map_opt((be_u8, u8_sized), |(code, value)| Capability::decode(code, value));
        self.0.extend(whole(parameter, many0(capability))?);
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
    const EXTENDED_NEXT_HOP: u8 = 5;
    const EXTENDED_MESSAGE: u8 = 6;
    const MULTIPLE_LABELS: u8 = 8;
    const ROLE: u8 = 9;
    const GRACEFUL_RESTART: u8 = 64;
    const FOUR_OCTET_AS: u8 = 65;
    const ADD_PATH: u8 = 69;
    const ENHANCED_ROUTE_REFRESH: u8 = 70;
    const LONG_LIVED_GRACEFUL_RESTART: u8 = 71;
    const FQDN: u8 = 73;
    const SOFTWARE_VERSION: u8 = 75;

    /// The code in IANA's registry.
    #[must_use]
    pub fn code(&self) -> u8 {
        match self {
            Self::Multiprotocol(_) => Self::MULTIPROTOCOL,
            Self::RouteRefresh => Self::ROUTE_REFRESH,
            Self::ExtendedNextHop(_) => Self::EXTENDED_NEXT_HOP,
            Self::ExtendedMessage => Self::EXTENDED_MESSAGE,
            Self::MultipleLabels(_) => Self::MULTIPLE_LABELS,
            Self::Role(_) => Self::ROLE,
            Self::GracefulRestart(_) => Self::GRACEFUL_RESTART,
            Self::FourOctetAs(_) => Self::FOUR_OCTET_AS,
            Self::AddPath(_) => Self::ADD_PATH,
            Self::EnhancedRouteRefresh => Self::ENHANCED_ROUTE_REFRESH,
            Self::LongLivedGracefulRestart(_) => Self::LONG_LIVED_GRACEFUL_RESTART,
            Self::Fqdn(_) => Self::FQDN,
            Self::SoftwareVersion(_) => Self::SOFTWARE_VERSION,
            Self::Unknown { code, .. } => *code,
        }
    }

    /// Decodes a value; `None` if the capability is recognised and its length is wrong.
    pub(crate) fn decode(code: u8, value: &[u8]) -> Option<Self> {
        let unknown = || Self::Unknown { code, value: value.to_vec() };
        match code {
            Self::MULTIPROTOCOL => {
                let [afi_high, afi_low, _reserved, safi] = value.try_into().ok()?;
                let afi = Afi(u16::from_be_bytes([afi_high, afi_low]));
                Some(Self::Multiprotocol(Family { afi, safi: Safi(safi) }))
            }
            // Some speakers pad these, and others have always accepted it.
            Self::ROUTE_REFRESH => Some(Self::RouteRefresh),
            Self::EXTENDED_NEXT_HOP => {
                whole(value, many0(ExtendedNextHopFamily::decode)).map(Self::ExtendedNextHop)
            }
            Self::EXTENDED_MESSAGE => Some(Self::ExtendedMessage),
            Self::MULTIPLE_LABELS => whole(value, many0(LabelledFamily::decode)).map(Self::MultipleLabels),
            Self::ROLE => Role::decode(value).map(Self::Role),
            Self::GRACEFUL_RESTART => GracefulRestart::decode(value).map(Self::GracefulRestart),
            Self::FOUR_OCTET_AS => whole(value, be_u32).map(Asn).map(Self::FourOctetAs),
            Self::ADD_PATH => add_path::decode(value).map(Self::AddPath),
            Self::ENHANCED_ROUTE_REFRESH => Some(Self::EnhancedRouteRefresh),
            Self::LONG_LIVED_GRACEFUL_RESTART => {
                whole(value, many0(LongLivedFamily::decode)).map(Self::LongLivedGracefulRestart)
            }
            Self::FQDN => Some(Fqdn::decode(value).map_or_else(unknown, Self::Fqdn)),
            Self::SOFTWARE_VERSION => {
                Some(fqdn::only_text(value).map_or_else(unknown, Self::SoftwareVersion))
            }
            _ => Some(unknown()),
        }
    }

    /// Appends code, length and value. Values of more than 255 octets are truncated: a list loses its last
    /// elements, a text or an unknown value its end.
    pub(crate) fn encode(&self, out: &mut BytesMut) {
        out.put_slice(&[self.code(), 0]);
        let start = out.len();
        self.encode_value(out);
        let length = u8::try_from(out.len().saturating_sub(start)).unwrap_or(u8::MAX);
        out.truncate(start.saturating_add(length.into()));
        if let Some(field) = out.get_mut(start.saturating_sub(1)) {
            *field = length;
        }
    }

    fn encode_value(&self, out: &mut BytesMut) {
        match self {
            Self::Multiprotocol(family) => {
                out.put_u16(family.afi.0);
                out.put_slice(&[0, family.safi.0]);
            }
            Self::RouteRefresh | Self::ExtendedMessage | Self::EnhancedRouteRefresh => {}
            Self::ExtendedNextHop(families) => {
                families.iter().take(42).for_each(|family| family.encode(out));
            }
            Self::MultipleLabels(families) => families.iter().take(63).for_each(|family| family.encode(out)),
            Self::Role(role) => out.put_u8(role.0),
            Self::GracefulRestart(restart) => restart.encode(out),
            Self::FourOctetAs(asn) => out.put_u32(asn.0),
            Self::AddPath(modes) => add_path::encode(modes, out),
            Self::LongLivedGracefulRestart(families) => {
                families.iter().take(36).for_each(|family| family.encode(out));
            }
            Self::Fqdn(fqdn) => fqdn.encode(out),
            Self::SoftwareVersion(version) => fqdn::encode_text(version, 254, out),
            Self::Unknown { value, .. } => out.put_slice(value),
        }
    }
}

/// The name that operators use.
impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Multiprotocol(family) => family.fmt(f),
            Self::RouteRefresh => f.write_str("route refresh"),
            Self::ExtendedNextHop(families) => list(f, "extended next hop", families),
            Self::ExtendedMessage => f.write_str("extended messages"),
            Self::MultipleLabels(families) => list(f, "multiple labels", families),
            Self::Role(role) => write!(f, "role {role}"),
            Self::GracefulRestart(restart) => restart.fmt(f),
            Self::FourOctetAs(asn) => write!(f, "4-octet AS number {asn}"),
            Self::AddPath(modes) => {
                f.write_str("ADD-PATH")?;
                modes.iter().enumerate().try_for_each(|(place, (family, mode))| {
                    let separator = if place == 0 { " " } else { ", " };
                    write!(f, "{separator}{mode} {family}")
                })
            }
            Self::EnhancedRouteRefresh => f.write_str("enhanced route refresh"),
            Self::LongLivedGracefulRestart(families) => list(f, "long-lived graceful restart", families),
            Self::Fqdn(fqdn) => write!(f, "host name {fqdn}"),
            Self::SoftwareVersion(version) => write!(f, "software version {}", version.escape_debug()),
            Self::Unknown { code, .. } => write!(f, "capability {code}"),
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, name: &str, elements: &[impl fmt::Display]) -> fmt::Result {
    f.write_str(name)?;
    elements.iter().enumerate().try_for_each(|(place, element)| {
        let separator = if place == 0 { " " } else { ", " };
        write!(f, "{separator}{element}")
    })
}

#[cfg(test)]
mod tests;
