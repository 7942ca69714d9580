//! The checks of a peer's OPEN against the configuration.

use std::fmt;

use bgp_codec::{Asn, BgpIdentifier, Family, Notification, Open};

use crate::SessionOptions;
use crate::negotiated::{announced_families, common_families};

/// Why a well-formed OPEN is not accepted (RFC 4271 §6.2).
///
/// A version, a hold time or a zero identifier that no session could accept is already refused by the codec.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum OpenError {
    /// The peer is not in the AS it should be in, or in one that no speaker can be in.
    BadPeerAs {
        /// The configured AS number; `None` when any would do.
        expected: Option<Asn>,
        /// The peer's.
        received: Asn,
    },
    /// A peer in our own AS has our own identifier (RFC 6286 §2.2).
    BadIdentifier(BgpIdentifier),
    /// There is no address family that both sides announce.
    NoCommonFamily {
        /// The families we announce.
        ours: Vec<Family>,
    },
}

impl SessionOptions {
    /// Checks an OPEN against what the operator says about the peer.
    ///
    /// # Errors
    ///
    /// The first check that fails, in the order of RFC 4271 §6.2.
    pub fn check_open(&self, open: &Open) -> Result<(), OpenError> {
        check_asn(self.peer_asn, open.asn)?;
        if open.asn == self.local_asn && open.identifier == self.identifier {
            return Err(OpenError::BadIdentifier(open.identifier));
        }
        if common_families(&self.capabilities, &open.capabilities).is_empty() {
            return Err(OpenError::NoCommonFamily { ours: announced_families(&self.capabilities) });
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

fn check_asn(expected: Option<Asn>, received: Asn) -> Result<(), OpenError> {
    let acceptable = match expected {
        Some(asn) => asn == received,
        // AS_TRANS stands for a number that the peer did not send, and 0 is reserved (RFC 6793 §9, RFC 7607).
        None => received != Asn::TRANS && received != Asn(0),
    };
    if acceptable { Ok(()) } else { Err(OpenError::BadPeerAs { expected, received }) }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadPeerAs { expected: Some(asn), received } => {
                write!(f, "peer is in AS {received}, the configuration says {asn}")
            }
            Self::BadPeerAs { expected: None, received } => write!(f, "peer says it is in AS {received}"),
            Self::BadIdentifier(identifier) => write!(f, "peer has our own BGP identifier {identifier}"),
            Self::NoCommonFamily { ours } => {
                f.write_str("peer announces none of our address families:")?;
                ours.iter().try_for_each(|family| write!(f, " {family}"))
            }
        }
    }
}
