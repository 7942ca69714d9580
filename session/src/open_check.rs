//! The checks of a peer's OPEN against the configuration.

use std::fmt;

use bgp_codec::{Asn, BgpIdentifier, Capabilities, Family, HoldTime, Notification, Open, PeerKind, Role};

use crate::families::{announced_families, common_families};
use crate::{ExpectedAsn, SessionOptions};

/// Why a well-formed OPEN is not accepted (RFC 4271 §6.2).
///
/// A version, a hold time or a zero identifier that no session could accept is already refused by the codec.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum OpenError {
    /// The peer is not in the AS it should be in, or in one that no speaker can be in.
    BadPeerAs {
        /// The configured AS.
        expected: ExpectedAsn,
        /// The peer's.
        received: Asn,
    },
    /// A peer in our own AS has our own identifier (RFC 6286 §2.2).
    BadIdentifier(BgpIdentifier),
    /// The peer proposes a shorter hold time than the operator accepts.
    UnacceptableHoldTime {
        /// The shortest that is accepted.
        least: HoldTime,
        /// The peer's.
        proposed: HoldTime,
    },
    /// There is no address family that both sides announce.
    NoCommonFamily {
        /// The families we announce.
        ours: Vec<Family>,
    },
    /// The roles of both sides are not a valid pair (RFC 9234 §4.2).
    RoleMismatch {
        /// Our role.
        ours: Role,
        /// All roles that the peer advertises; none if one is required.
        theirs: Vec<Role>,
    },
}

impl SessionOptions {
    /// Checks an OPEN against what the operator says about the peer.
    ///
    /// # Errors
    ///
    /// The first check that fails, in the order of RFC 4271 §6.2.
    pub fn check_open(&self, open: &Open) -> Result<(), OpenError> {
        self.check_open_under(&self.capabilities, open)
    }

    /// [`check_open`](Self::check_open) where our OPEN has these capabilities.
    pub(crate) fn check_open_under(&self, ours: &Capabilities, open: &Open) -> Result<(), OpenError> {
        if !self.peer_asn.accepts(open.asn, self.local_asn) {
            return Err(OpenError::BadPeerAs { expected: self.peer_asn, received: open.asn });
        }
        if open.asn == self.local_asn && open.identifier == self.identifier {
            return Err(OpenError::BadIdentifier(open.identifier));
        }
        let proposed = open.hold_time;
        if let Some(least) = self.min_hold_time.filter(|least| !proposed.is_zero() && proposed < *least) {
            return Err(OpenError::UnacceptableHoldTime { least, proposed });
        }
        if common_families(ours, &open.capabilities).is_empty() {
            return Err(OpenError::NoCommonFamily { ours: announced_families(ours) });
        }
        self.check_role(open)
    }

    /// Roles are those of external peers, and hold even if our OPEN had to leave them out.
    fn check_role(&self, open: &Open) -> Result<(), OpenError> {
        let Some(ours) = self.capabilities.role().filter(|_| self.kind_of(open.asn) == PeerKind::Ebgp) else {
            return Ok(());
        };
        let theirs: Vec<Role> = open.capabilities.roles().collect();
        let is_missing = theirs.is_empty() && self.requires_role;
        if is_missing || theirs.iter().any(|&theirs| !ours.matches(theirs)) {
            return Err(OpenError::RoleMismatch { ours, theirs });
        }
        Ok(())
    }
}

impl OpenError {
    /// The NOTIFICATION for the peer.
    pub fn notification(&self) -> Notification {
        match self {
            Self::BadPeerAs { .. } => Notification::bad_peer_as(),
            Self::BadIdentifier(_) => Notification::bad_bgp_identifier(),
            Self::UnacceptableHoldTime { .. } => Notification::unacceptable_hold_time(),
            Self::RoleMismatch { .. } => Notification::role_mismatch(),
            Self::NoCommonFamily { ours } => {
                Notification::unsupported_capability(ours.iter().flat_map(multiprotocol_capability).collect())
            }
        }
    }
}

/// The capability as it stands in an OPEN (RFC 4760 §8); RFC 5492 §5 wants the ones that the peer lacks as the data.
fn multiprotocol_capability(family: &Family) -> [u8; 6] {
    let [afi_high, afi_low] = family.afi.0.to_be_bytes();
    [1, 4, afi_high, afi_low, 0, family.safi.0]
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadPeerAs { expected: ExpectedAsn::Any, received } => {
                write!(f, "peer says it is in AS {received}")
            }
            Self::BadPeerAs { expected, received } => {
                write!(f, "peer is in AS {received}, the configuration says {expected}")
            }
            Self::BadIdentifier(identifier) => write!(f, "peer has our own BGP identifier {identifier}"),
            Self::UnacceptableHoldTime { least, proposed } => {
                let [least, proposed] = [least, proposed].map(|time| time.duration().as_secs());
                write!(
                    f,
                    "peer proposes a hold time of {proposed} s, the configuration accepts {least} s or more"
                )
            }
            Self::RoleMismatch { ours, theirs } if theirs.is_empty() => {
                write!(f, "peer advertises no role, and require_role demands one (ours is {ours})")
            }
            Self::RoleMismatch { ours, theirs } => {
                let theirs: Vec<String> = theirs.iter().map(ToString::to_string).collect();
                write!(f, "our role is {ours}, and the peer's is {}", theirs.join(" and "))
            }
            Self::NoCommonFamily { ours } => {
                f.write_str("peer announces none of our address families:")?;
                ours.iter().try_for_each(|family| write!(f, " {family}"))
            }
        }
    }
}
