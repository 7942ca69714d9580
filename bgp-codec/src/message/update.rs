//! UPDATE (RFC 4271 §4.3), with the error handling of RFC 7606.

use bytes::Bytes;

use super::raw_update::RawUpdate;
use crate::path_attribute::{MpReach, MpUnreach, RawAttribute};
use crate::received_attributes::ReceivedAttributes;
use crate::{
    AttributeError, AttributeFault, AttributeOutcome, AttributeType, DecodeContext, DecodeError, Family,
    ForeignRoutes, NextHop, NlriBlock, NlriError, PathAttributes,
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
    /// Routes withdrawn: both fields for it, and those of [`AttributeOutcome::TreatAsWithdraw`]. They apply before
    /// [`Update::reach`].
    pub unreach: Vec<NlriBlock>,
    /// Routes advertised.
    pub reach: Vec<Reach>,
    /// The attributes of the routes advertised: there whenever `reach` is not empty.
    pub attributes: Option<PathAttributes>,
    /// The acceptable attributes of a message that advertises nothing, or whose routes are treated as withdrawn: for
    /// those who show messages. Even the mandatory ones may be missing.
    pub unused_attributes: Option<PathAttributes>,
    /// Routes of families that are not understood here.
    pub foreign: Vec<ForeignRoutes>,
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
    /// The strongest thing that was done about the message; `None` when nothing was wrong. That a family is not
    /// understood here is no fault of the message.
    #[must_use]
    pub fn outcome(&self) -> Option<AttributeOutcome> {
        let faults = self.defects.iter().filter(|defect| !defect.is_about_foreign_family());
        faults.map(|defect| defect.outcome).max()
    }

    /// Reads what follows the header of a whole message.
    pub(super) fn decode(message: &Bytes, body: &[u8], context: &DecodeContext) -> Result<Self, DecodeError> {
        let fields = RawUpdate::decode(body).ok_or(DecodeError::MalformedAttributeList)?;
        let blocks = Blocks { message, context };
        let withdrawn = blocks.ipv4_unicast(fields.withdrawn)?;
        let nlri = blocks.ipv4_unicast(fields.nlri)?;
        let mut attributes = ReceivedAttributes::new(fields.attributes, context);
        attributes.read(context)?;

        let mut update = Self { end_of_rib: end_of_rib(&fields, &attributes), ..Self::default() };
        update.unreach.extend(withdrawn);
        blocks.mp_unreach(&mut attributes, &mut update)?;
        blocks.mp_reach(&mut attributes, &mut update)?;
        if let Some(nlri) = nlri {
            match attributes.next_hop() {
                Some(next_hop) => {
                    // Most messages have no other, and a vector that grows makes room for four.
                    update.reach.reserve_exact(1);
                    update.reach.push(Reach { next_hop, nlri });
                }
                None => update.unreach.push(nlri),
            }
        } else if attributes.mp_reach().is_none() {
            // Beside an MP_REACH_NLRI alone, NEXT_HOP is ignored whatever it is (RFC 4760 §3).
            attributes.check_idle_next_hop();
        }
        update.conclude(&fields, &mut attributes)?;
        Ok(update)
    }

    /// Applies the strongest outcome of all attributes to the message (RFC 7606 §3 h).
    fn conclude(
        &mut self,
        fields: &RawUpdate<'_>,
        attributes: &mut ReceivedAttributes<'_>,
    ) -> Result<(), DecodeError> {
        let reachable = !fields.nlri.is_empty() || attributes.has_mp_reach_nlri();
        if reachable {
            attributes.require(AttributeType::ORIGIN);
            attributes.require(AttributeType::AS_PATH);
        }
        let withdraw_cause = attributes.withdraw_cause();
        match withdraw_cause {
            // Without routes to withdraw, nobody knows that they were found at all (RFC 7606 §5.2).
            Some(cause) if !reachable && attributes.only_mp_unreach().is_none() => return Err(cause),
            Some(_) => {
                self.end_of_rib = None;
                self.unreach.extend(self.reach.drain(..).map(|reach| reach.nlri));
            }
            None if !self.reach.is_empty() => self.attributes = Some(attributes.accept()),
            None => {}
        }
        if self.attributes.is_none() && attributes.has_kept() {
            self.unused_attributes = Some(attributes.accept());
        }
        self.defects = attributes.take_defects();
        Ok(())
    }
}

/// Makes blocks of a message's octets.
struct Blocks<'a> {
    message: &'a Bytes,
    context: &'a DecodeContext,
}

impl Blocks<'_> {
    /// The block of one of the two fields that are for IPv4 unicast alone; `None` when it is empty.
    fn ipv4_unicast(&self, octets: &[u8]) -> Result<Option<NlriBlock>, DecodeError> {
        if octets.is_empty() {
            return Ok(None);
        }
        self.block(Family::IPV4_UNICAST, octets).map(Some).map_err(|_| DecodeError::InvalidNetworkField)
    }

    /// Takes in the withdrawn routes of MP_UNREACH_NLRI.
    fn mp_unreach(
        &self,
        attributes: &mut ReceivedAttributes<'_>,
        update: &mut Update,
    ) -> Result<(), DecodeError> {
        let Some(attribute) = attributes.mp_unreach() else { return Ok(()) };
        let malformed = || attribute.to_error(attribute.fault_of_routes());
        let unreach = MpUnreach::decode(attribute.value).ok_or_else(malformed)?;
        match self.block(unreach.family, unreach.nlri) {
            Ok(block) => update.unreach.extend(Some(block).filter(|block| !block.is_empty())),
            Err(NlriError::Syntax) => return Err(malformed()),
            Err(NlriError::UnsupportedFamily(family)) => {
                let routes = self.foreign(family, None, unreach.nlri);
                attributes.note_foreign(attribute, routes.as_ref(), family);
                update.foreign.extend(routes);
            }
        }
        Ok(())
    }

    /// Takes in the routes of MP_REACH_NLRI.
    fn mp_reach(
        &self,
        attributes: &mut ReceivedAttributes<'_>,
        update: &mut Update,
    ) -> Result<(), DecodeError> {
        let Some(attribute) = attributes.mp_reach() else { return Ok(()) };
        let malformed = || attribute.to_error(attribute.fault_of_routes());
        let reach = MpReach::decode(attribute.value).ok_or_else(malformed)?;
        let nlri = match self.block(reach.family, reach.nlri) {
            Ok(nlri) => nlri,
            Err(NlriError::Syntax) => return Err(malformed()),
            Err(NlriError::UnsupportedFamily(family)) => {
                let routes = self.foreign(family, Some(reach.next_hop), reach.nlri);
                attributes.note_foreign(attribute, routes.as_ref(), family);
                update.foreign.extend(routes);
                return Ok(());
            }
        };
        let next_hop = reach.next_hop(self.context).ok_or_else(malformed)?;
        if !next_hop.is_host_address() {
            attributes.withdraw_for(attribute, AttributeFault::Value);
        }
        if !nlri.is_empty() {
            update.reach.reserve_exact(1);
            update.reach.push(Reach { next_hop, nlri });
        }
        Ok(())
    }

    fn block(&self, family: Family, octets: &[u8]) -> Result<NlriBlock, NlriError> {
        NlriBlock::new(family, self.context.has_add_path(family), self.message.slice_ref(octets))
    }

    fn foreign(&self, family: Family, next_hop: Option<&[u8]>, nlri: &[u8]) -> Option<ForeignRoutes> {
        let next_hop = next_hop.map(|octets| self.message.slice_ref(octets));
        let nlri = self.message.slice_ref(nlri);
        ForeignRoutes::decode(family, next_hop, self.context.has_add_path(family), nlri)
    }
}

impl RawAttribute<'_> {
    /// What is wrong with an MP_REACH_NLRI or MP_UNREACH_NLRI in which no routes can be found.
    fn fault_of_routes(&self) -> AttributeFault {
        let specified = self.attribute_type.specified_flags();
        let as_specified = specified.is_some_and(|specified| self.flags.agrees_with(specified));
        if as_specified { AttributeFault::Value } else { AttributeFault::Flags }
    }
}

/// The family of an End-of-RIB: a message with nothing in it for IPv4 unicast, or with nothing but an MP_UNREACH_NLRI
/// without routes (RFC 4724 §2).
fn end_of_rib(fields: &RawUpdate<'_>, attributes: &ReceivedAttributes<'_>) -> Option<Family> {
    if !fields.withdrawn.is_empty() || !fields.nlri.is_empty() {
        return None;
    }
    if fields.attributes.is_empty() {
        return Some(Family::IPV4_UNICAST);
    }
    let unreach = MpUnreach::decode(attributes.only_mp_unreach()?.value)?;
    unreach.nlri.is_empty().then_some(unreach.family)
}
