//! UPDATE (RFC 4271 §4.3), with the error handling of RFC 7606.

use bytes::Bytes;

use crate::path_attribute::{MpReach, MpUnreach};
use crate::reader::Reader;
use crate::received_attributes::ReceivedAttributes;
use crate::{
    AttributeError, AttributeFault, AttributeType, DecodeContext, DecodeError, Family, NextHop, NlriBlock,
    NlriError, PathAttributes,
};

/// Routes that a peer advertises and withdraws, checked, RFC 7606 applied.
///
/// ```text
/// +-----------------------------------------------+
/// | withdrawn routes length (2 octets)            |
/// | withdrawn routes (variable)                   |
/// | total path attribute length (2 octets)        |
/// | path attributes (variable)                    |
/// | network layer reachability information (rest) |
/// +-----------------------------------------------+
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Update {
    /// Routes withdrawn: both fields for it, and those of [`crate::AttributeOutcome::TreatAsWithdraw`]. They apply before
    /// [`Update::reach`].
    pub unreach: Vec<NlriBlock>,
    /// Routes advertised.
    pub reach: Vec<Reach>,
    /// The attributes of the routes advertised: there whenever `reach` is not empty.
    pub attributes: Option<PathAttributes>,
    /// The family whose first advertisement is complete (RFC 4724 §2).
    pub end_of_rib: Option<Family>,
    /// What was wrong and yet did not close the session.
    pub defects: Vec<AttributeError>,
}

/// Routes advertised with one next hop.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reach {
    /// Where to send packets for them.
    pub next_hop: NextHop,
    /// The destinations.
    pub nlri: NlriBlock,
}

impl Update {
    /// Reads what follows the header.
    pub(super) fn decode(body: &Bytes, context: &DecodeContext) -> Result<Self, DecodeError> {
        let fields = Fields::decode(body).ok_or(DecodeError::MalformedAttributeList)?;
        let blocks = Blocks { body, context };
        let withdrawn = blocks.ipv4_unicast(fields.withdrawn)?;
        let nlri = blocks.ipv4_unicast(fields.nlri)?;
        let mut attributes = ReceivedAttributes::decode(fields.attributes, context)?;
        let mp_unreach = blocks.mp_unreach(&mut attributes)?;
        let mp_reach = blocks.mp_reach(&mut attributes)?;

        let end_of_rib = end_of_rib(&fields, &attributes);
        let mut update = Self { end_of_rib, ..Self::default() };
        update
            .unreach
            .extend([Some(withdrawn), mp_unreach].into_iter().flatten().filter(|block| !block.is_empty()));
        update.reach.extend(mp_reach.filter(|reach| !reach.nlri.is_empty()));
        if !nlri.is_empty() {
            match attributes.next_hop() {
                Some(next_hop) => update.reach.push(Reach { next_hop, nlri }),
                None => update.unreach.push(nlri),
            }
        }
        update.conclude(&fields, attributes)
    }

    /// Applies the strongest outcome of all attributes to the message (RFC 7606 §3 h).
    fn conclude(
        mut self,
        fields: &Fields<'_>,
        mut attributes: ReceivedAttributes<'_>,
    ) -> Result<Self, DecodeError> {
        if !self.reach.is_empty() {
            attributes.require(AttributeType::ORIGIN);
            attributes.require(AttributeType::AS_PATH);
        }
        // Without routes to withdraw, nobody knows that they were found at all (RFC 7606 §5.2).
        let reachable = !fields.nlri.is_empty() || attributes.has_mp_reach_nlri();
        match attributes.withdraw_cause() {
            Some(cause) if !reachable => return Err(cause),
            Some(_) => self.unreach.extend(self.reach.drain(..).map(|reach| reach.nlri)),
            None if !self.reach.is_empty() => self.attributes = Some(attributes.accept()),
            None => {}
        }
        self.defects = attributes.into_defects();
        Ok(self)
    }
}

/// The three variable fields.
struct Fields<'a> {
    withdrawn: &'a [u8],
    attributes: &'a [u8],
    nlri: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Splits them; `None` when their lengths do not fit the message.
    fn decode(body: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let withdrawn = reader.u16_sized()?;
        let attributes = reader.u16_sized()?;
        Some(Self { withdrawn, attributes, nlri: reader.rest() })
    }
}

/// Makes blocks of a message's octets.
struct Blocks<'a> {
    body: &'a Bytes,
    context: &'a DecodeContext,
}

impl Blocks<'_> {
    /// The block of one of the two fields that are for IPv4 unicast alone.
    fn ipv4_unicast(&self, octets: &[u8]) -> Result<NlriBlock, DecodeError> {
        self.block(Family::IPV4_UNICAST, octets).map_err(|_| DecodeError::InvalidNetworkField)
    }

    /// The withdrawn routes of MP_UNREACH_NLRI, unless there are none or their family is left alone.
    fn mp_unreach(&self, attributes: &mut ReceivedAttributes<'_>) -> Result<Option<NlriBlock>, DecodeError> {
        let Some(attribute) = attributes.mp_unreach() else { return Ok(None) };
        let malformed = || attribute.to_error(AttributeFault::Value);
        let unreach = MpUnreach::decode(attribute.value).ok_or_else(malformed)?;
        match self.block(unreach.family, unreach.nlri) {
            Ok(block) => Ok(Some(block)),
            Err(NlriError::Syntax) => Err(malformed()),
            Err(NlriError::UnsupportedFamily(family)) => {
                attributes.leave_out(attribute, AttributeFault::UnsupportedFamily(family));
                Ok(None)
            }
        }
    }

    /// The routes of MP_REACH_NLRI, unless there are none or their family is left alone.
    fn mp_reach(&self, attributes: &mut ReceivedAttributes<'_>) -> Result<Option<Reach>, DecodeError> {
        let Some(attribute) = attributes.mp_reach() else { return Ok(None) };
        let malformed = || attribute.to_error(AttributeFault::Value);
        let reach = MpReach::decode(attribute.value).ok_or_else(malformed)?;
        let nlri = match self.block(reach.family, reach.nlri) {
            Ok(nlri) => nlri,
            Err(NlriError::Syntax) => return Err(malformed()),
            Err(NlriError::UnsupportedFamily(family)) => {
                attributes.leave_out(attribute, AttributeFault::UnsupportedFamily(family));
                return Ok(None);
            }
        };
        let next_hop = reach.next_hop().ok_or_else(malformed)?;
        if !next_hop.is_host_address() {
            attributes.withdraw_for(attribute, AttributeFault::Value);
        }
        Ok(Some(Reach { next_hop, nlri }))
    }

    fn block(&self, family: Family, octets: &[u8]) -> Result<NlriBlock, NlriError> {
        NlriBlock::new(family, self.context.has_add_path(family), self.body.slice_ref(octets))
    }
}

/// The family of an End-of-RIB: a message with nothing in it for IPv4 unicast, or with nothing but an MP_UNREACH_NLRI
/// without routes (RFC 4724 §2).
fn end_of_rib(fields: &Fields<'_>, attributes: &ReceivedAttributes<'_>) -> Option<Family> {
    if !fields.withdrawn.is_empty() || !fields.nlri.is_empty() {
        return None;
    }
    if fields.attributes.is_empty() {
        return Some(Family::IPV4_UNICAST);
    }
    let unreach = MpUnreach::decode(attributes.only_mp_unreach()?.value)?;
    unreach.nlri.is_empty().then_some(unreach.family)
}
