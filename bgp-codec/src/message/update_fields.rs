//! The positions of the parts of an UPDATE, and the consequences of its errors (RFC 7606).

use bytes::Bytes;

use super::header::HEADER_OCTETS;
use super::raw_update::RawUpdate;
use crate::canonical_rows::CanonicalRows;
use crate::path_attribute::{MpReach, MpUnreach, RawAttribute};
use crate::received_attributes::ReceivedAttributes;
use crate::span::Span;
use crate::{
    AttributeError, AttributeFault, AttributeType, AttributeView, DecodeContext, DecodeError, Family,
    ForeignRoutes, NlriBlock, NlriError, PathAttributes,
};

/// The parts of an UPDATE by their positions in its octets, completely checked.
#[derive(Clone, Debug, Default)]
pub(super) struct UpdateFields {
    withdrawn: Option<Routes>,
    mp_unreach: Option<Routes>,
    mp_reach: Option<Routes>,
    nlri: Option<Routes>,
    mp_next_hop: Span,
    next_hop: Span,
    /// Whether the advertised routes are to be withdrawn.
    treat_as_withdraw: bool,
    attributes: AttributePlace,
    pub(super) end_of_rib: Option<Family>,
    /// Parts that most messages lack.
    pub(super) remarks: Option<Box<Remarks>>,
}

/// Position of the attribute set of the advertised routes.
#[derive(Clone, Debug, Default)]
enum AttributePlace {
    /// There are no such routes.
    #[default]
    None,
    /// In the message.
    Rows(CanonicalRows),
    /// Encoded again, because the message is not in canonical form.
    Rewritten,
}

/// Rare parts: see the methods of the same names of [`Update`](super::Update).
#[derive(Clone, Debug, Default)]
pub(super) struct Remarks {
    rewritten: Option<PathAttributes>,
    pub(super) unused_attributes: Option<PathAttributes>,
    pub(super) foreign: Vec<ForeignRoutes>,
    pub(super) defects: Vec<AttributeError>,
}

/// The checked NLRI of one field.
#[derive(Clone, Copy, Debug)]
pub(super) struct Routes {
    pub(super) family: Family,
    pub(super) add_path: bool,
    pub(super) octets: Span,
}

impl Routes {
    pub(super) fn block(self, message: &[u8]) -> NlriBlock<'_> {
        NlriBlock::from_checked(self.family, self.add_path, self.octets.octets(message))
    }
}

impl UpdateFields {
    /// Finds and checks the fields of a whole message.
    pub(super) fn decode(message: &Bytes, context: &DecodeContext) -> Result<Self, DecodeError> {
        let body = message.get(HEADER_OCTETS..).unwrap_or_default();
        let raw = RawUpdate::decode(body).ok_or(DecodeError::MalformedAttributeList)?;
        let search = Search { message, context };
        let mut fields = Self {
            withdrawn: search.ipv4_unicast(raw.withdrawn)?,
            nlri: search.ipv4_unicast(raw.nlri)?,
            ..Self::default()
        };
        let mut attributes = ReceivedAttributes::new(message, raw.attributes, context);
        attributes.read(context)?;
        fields.end_of_rib = end_of_rib(&raw, &attributes);
        search.mp_unreach(&mut attributes, &mut fields)?;
        search.mp_reach(&mut attributes, &mut fields)?;
        if fields.nlri.is_some() {
            fields.next_hop =
                attributes.next_hop().map(|octets| Span::of(octets, message)).unwrap_or_default();
        } else if attributes.mp_reach().is_none() {
            // With MP_REACH_NLRI alone, NEXT_HOP is ignored, whatever it contains (RFC 4760 §3).
            attributes.check_idle_next_hop();
        }
        fields.conclude(&mut attributes)?;
        Ok(fields)
    }

    pub(super) fn advertising(attributes: PathAttributes, next_hop: Span, routes: Routes) -> Self {
        let remarks = Remarks { rewritten: Some(attributes), ..Remarks::default() };
        Self {
            mp_reach: Some(routes).filter(|routes| !routes.octets.is_empty()),
            mp_next_hop: next_hop,
            attributes: AttributePlace::Rewritten,
            remarks: Some(Box::new(remarks)),
            ..Self::default()
        }
    }

    pub(super) fn withdrawing(routes: Routes) -> Self {
        Self { withdrawn: Some(routes).filter(|routes| !routes.octets.is_empty()), ..Self::default() }
    }

    pub(super) fn ending(family: Family) -> Self {
        Self { end_of_rib: Some(family), ..Self::default() }
    }

    #[inline]
    pub(super) fn unreach(&self) -> impl Iterator<Item = Routes> {
        let advertised = self.mp_reach.into_iter().chain(self.nlri).filter(|_| self.treat_as_withdraw);
        self.withdrawn.into_iter().chain(self.mp_unreach).chain(advertised)
    }

    /// Each with the position of its next hop.
    #[inline]
    pub(super) fn reach(&self) -> [Option<(Span, Routes)>; 2] {
        if self.treat_as_withdraw {
            return [None; 2];
        }
        [
            self.mp_reach.map(|routes| (self.mp_next_hop, routes)),
            self.nlri.map(|routes| (self.next_hop, routes)),
        ]
    }

    #[inline]
    pub(super) fn attributes<'a>(&'a self, message: &'a [u8]) -> Option<AttributeView<'a>> {
        match &self.attributes {
            AttributePlace::None => None,
            AttributePlace::Rows(rows) => Some(AttributeView::of_rows(message, rows)),
            AttributePlace::Rewritten => {
                self.remarks.as_ref()?.rewritten.as_ref().map(AttributeView::of_path_attributes)
            }
        }
    }

    /// Applies the most severe consequence of all attributes to the message (RFC 7606 §3 h).
    fn conclude(&mut self, attributes: &mut ReceivedAttributes<'_>) -> Result<(), DecodeError> {
        let has_reach = self.nlri.is_some() || self.mp_reach.is_some();
        let reachable = has_reach || attributes.has_mp_reach_nlri();
        if reachable {
            attributes.require(AttributeType::ORIGIN);
            attributes.require(AttributeType::AS_PATH);
        }
        match attributes.withdraw_cause() {
            // Without routes to withdraw, it is unknown whether they were found at all (RFC 7606 §5.2).
            Some(cause) if !reachable && attributes.only_mp_unreach().is_none() => return Err(cause),
            Some(_) => {
                self.end_of_rib = None;
                self.treat_as_withdraw = true;
            }
            None if has_reach => match attributes.canonical_rows() {
                Some(rows) => self.attributes = AttributePlace::Rows(rows),
                None => {
                    self.attributes = AttributePlace::Rewritten;
                    self.remarks().rewritten = Some(attributes.rewritten());
                }
            },
            None => {}
        }
        if matches!(self.attributes, AttributePlace::None) && attributes.has_kept() {
            self.remarks().unused_attributes = Some(attributes.rewritten());
        }
        if attributes.has_defects() {
            self.remarks().defects = attributes.take_defects();
        }
        Ok(())
    }

    fn remarks(&mut self) -> &mut Remarks {
        self.remarks.get_or_insert_default()
    }
}

/// Search for routes in a message's octets.
struct Search<'a> {
    message: &'a Bytes,
    context: &'a DecodeContext,
}

impl Search<'_> {
    /// The routes of one of the two fields for IPv4 unicast; `None` if it is empty.
    fn ipv4_unicast(&self, octets: &[u8]) -> Result<Option<Routes>, DecodeError> {
        if octets.is_empty() {
            return Ok(None);
        }
        self.routes(Family::IPV4_UNICAST, octets).map_err(|_| DecodeError::InvalidNetworkField)
    }

    /// Adds the withdrawn routes of MP_UNREACH_NLRI.
    fn mp_unreach(
        &self,
        attributes: &mut ReceivedAttributes<'_>,
        fields: &mut UpdateFields,
    ) -> Result<(), DecodeError> {
        let Some(attribute) = attributes.mp_unreach() else { return Ok(()) };
        let malformed = || attribute.to_error(attribute.fault_of_routes());
        let unreach = MpUnreach::decode(attribute.value).ok_or_else(malformed)?;
        match self.routes(unreach.family, unreach.nlri) {
            Ok(routes) => fields.mp_unreach = routes,
            Err(NlriError::Syntax) => return Err(malformed()),
            Err(NlriError::UnsupportedFamily(family)) => {
                let routes = self.foreign(family, None, unreach.nlri);
                attributes.note_foreign(attribute, routes.as_ref(), family);
                fields.remarks().foreign.extend(routes);
            }
        }
        Ok(())
    }

    /// Adds the routes of MP_REACH_NLRI.
    fn mp_reach(
        &self,
        attributes: &mut ReceivedAttributes<'_>,
        fields: &mut UpdateFields,
    ) -> Result<(), DecodeError> {
        let Some(attribute) = attributes.mp_reach() else { return Ok(()) };
        let malformed = || attribute.to_error(attribute.fault_of_routes());
        let reach = MpReach::decode(attribute.value).ok_or_else(malformed)?;
        let routes = match self.routes(reach.family, reach.nlri) {
            Ok(routes) => routes,
            Err(NlriError::Syntax) => return Err(malformed()),
            Err(NlriError::UnsupportedFamily(family)) => {
                let routes = self.foreign(family, Some(reach.next_hop), reach.nlri);
                attributes.note_foreign(attribute, routes.as_ref(), family);
                fields.remarks().foreign.extend(routes);
                return Ok(());
            }
        };
        let next_hop = reach.next_hop(self.context).ok_or_else(malformed)?;
        if !next_hop.is_host_address() {
            attributes.withdraw_for(attribute, AttributeFault::Value);
        }
        fields.mp_reach = routes;
        fields.mp_next_hop = Span::of(reach.next_hop, self.message);
        Ok(())
    }

    /// The routes in these octets, if any.
    fn routes(&self, family: Family, octets: &[u8]) -> Result<Option<Routes>, NlriError> {
        let add_path = self.context.has_add_path(family);
        let block = NlriBlock::new(family, add_path, octets)?;
        let routes = Routes { family, add_path, octets: Span::of(octets, self.message) };
        Ok((!block.is_empty()).then_some(routes))
    }

    fn foreign(&self, family: Family, next_hop: Option<&[u8]>, nlri: &[u8]) -> Option<ForeignRoutes> {
        let next_hop = next_hop.map(|octets| self.message.slice_ref(octets));
        let nlri = self.message.slice_ref(nlri);
        ForeignRoutes::decode(family, next_hop, self.context.has_add_path(family), nlri)
    }
}

impl RawAttribute<'_> {
    /// The error of an MP_REACH_NLRI or MP_UNREACH_NLRI whose routes cannot be decoded.
    fn fault_of_routes(&self) -> AttributeFault {
        let specified = self.attribute_type.specified_flags();
        let as_specified = specified.is_some_and(|specified| self.flags.agrees_with(specified));
        if as_specified { AttributeFault::Value } else { AttributeFault::Flags }
    }
}

/// The family of an End-of-RIB: a message without contents for IPv4 unicast, or with nothing but an
/// MP_UNREACH_NLRI without routes (RFC 4724 §2).
fn end_of_rib(raw: &RawUpdate<'_>, attributes: &ReceivedAttributes<'_>) -> Option<Family> {
    if !raw.withdrawn.is_empty() || !raw.nlri.is_empty() {
        return None;
    }
    if raw.attributes.is_empty() {
        return Some(Family::IPV4_UNICAST);
    }
    let unreach = MpUnreach::decode(attributes.only_mp_unreach()?.value)?;
    unreach.nlri.is_empty().then_some(unreach.family)
}
