//! The path attributes of a received UPDATE, checked one by one (RFC 7606 §3, §4 and §7).

use nom::number::complete::be_u32;

use crate::attribute_flags::AttributeFlags;
use crate::canonical_rows::CanonicalRows;
use crate::parser::{row, whole};
use crate::path_attribute::{
    MpReach, RawAttribute, aigp, is_as_path, is_attr_set, is_link_state, is_pmsi_tunnel,
    is_tunnel_encapsulation, merge_as4_path, only_to_customer, prefix_sid, widen, without_confederation,
    without_duplicates,
};
use crate::span::Span;
use crate::{
    Aggregator, AsPath, AsWidth, Asn, AttributeError, AttributeFault, AttributeOutcome, AttributeType,
    BgpIdentifier, DecodeContext, DecodeError, Family, ForeignRoutes, NextHop, Origin, PathAttributes,
    PeerKind,
};

/// The attributes of one message: the valid ones, and the errors of the others.
#[derive(Debug)]
pub(crate) struct ReceivedAttributes<'a> {
    message: &'a [u8],
    octets: &'a [u8],
    as_width: AsWidth,
    /// Types in the attribute set; the first attribute of each type counts.
    kept: TypeSet,
    rows: CanonicalRows,
    /// Attributes that are kept apart from the set, or merged into it.
    next_hop: Option<RawAttribute<'a>>,
    mp_reach: Option<RawAttribute<'a>>,
    mp_unreach: Option<RawAttribute<'a>>,
    as4_path: Option<RawAttribute<'a>>,
    as4_aggregator: Option<RawAttribute<'a>>,
    seen: TypeSet,
    count: usize,
    defects: Vec<AttributeError>,
    withdraw_cause: Option<DecodeError>,
}

/// The error of an attribute and its consequence.
type Verdict = Result<(), (AttributeFault, AttributeOutcome)>;

impl<'a> ReceivedAttributes<'a> {
    /// The attributes in `octets` of a message, before they are read.
    pub(crate) fn new(message: &'a [u8], octets: &'a [u8], context: &DecodeContext) -> Self {
        Self {
            message,
            octets,
            as_width: context.as_width,
            kept: TypeSet::default(),
            rows: CanonicalRows::new(context.as_width == AsWidth::Four),
            next_hop: None,
            mp_reach: None,
            mp_unreach: None,
            as4_path: None,
            as4_aggregator: None,
            seen: TypeSet::default(),
            count: 0,
            defects: Vec::new(),
            withdraw_cause: None,
        }
    }

    /// Reads all attributes.
    ///
    /// # Errors
    ///
    /// The error of an attribute that closes the session.
    pub(crate) fn read(&mut self, context: &DecodeContext) -> Result<(), DecodeError> {
        let mut rest = self.octets;
        let end = Span::of(self.octets, self.message).end();
        while !rest.is_empty() {
            let Ok((after, attribute)) = RawAttribute::decode(rest) else { return self.overrun(rest) };
            let start = end.saturating_sub(rest.len());
            self.add(attribute, start, context)?;
            rest = after;
        }
        Ok(())
    }

    /// The octets of the next hop for the routes of the NLRI field. Any address except a host's withdraws
    /// them.
    pub(crate) fn next_hop(&mut self) -> Option<&'a [u8]> {
        let Some(attribute) = self.next_hop else {
            self.require(AttributeType::NEXT_HOP);
            return None;
        };
        let Some(address) = whole(attribute.value, be_u32) else {
            self.withdraw_for(attribute, AttributeFault::Length);
            return None;
        };
        if !NextHop::Ipv4(address.into()).is_host_address() {
            self.withdraw_for(attribute, AttributeFault::Value);
            return None;
        }
        Some(attribute.value)
    }

    /// Checks NEXT_HOP where no routes need it (RFC 7606 §7.3).
    pub(crate) fn check_idle_next_hop(&mut self) {
        if let Some(attribute) = self.next_hop.filter(|attribute| attribute.value.len() != 4) {
            self.withdraw_for(attribute, AttributeFault::Length);
        }
    }

    pub(crate) fn mp_reach(&self) -> Option<RawAttribute<'a>> {
        self.mp_reach
    }

    pub(crate) fn mp_unreach(&self) -> Option<RawAttribute<'a>> {
        self.mp_unreach
    }

    /// MP_UNREACH_NLRI if it is the only attribute.
    pub(crate) fn only_mp_unreach(&self) -> Option<RawAttribute<'a>> {
        self.mp_unreach.filter(|_| self.count == 1)
    }

    /// Notes that an attribute is of a family that is not supported here, and whether its routes are valid.
    pub(crate) fn note_foreign(
        &mut self,
        attribute: RawAttribute<'_>,
        routes: Option<&ForeignRoutes>,
        family: Family,
    ) {
        match routes {
            Some(_) => self.leave_out(attribute, AttributeFault::UnsupportedFamily(family)),
            None => self.disable_family_for(attribute, AttributeFault::Value),
        }
    }

    /// Whether MP_REACH_NLRI contains routes of any family.
    pub(crate) fn has_mp_reach_nlri(&self) -> bool {
        let reach = self.mp_reach.and_then(|attribute| MpReach::decode(attribute.value));
        reach.is_some_and(|reach| !reach.nlri.is_empty())
    }

    /// Treats the routes as withdrawn if an attribute that they need is absent (RFC 7606 §3 d).
    pub(crate) fn require(&mut self, attribute_type: AttributeType) {
        if !self.seen.contains(attribute_type) {
            let missing = RawAttribute { flags: AttributeFlags::WELL_KNOWN, attribute_type, value: &[] };
            self.withdraw_for(missing, AttributeFault::Missing);
        }
    }

    /// Notes an attribute whose error withdraws the routes.
    pub(crate) fn withdraw_for(&mut self, attribute: RawAttribute<'_>, fault: AttributeFault) {
        self.note(attribute.attribute_type, fault, AttributeOutcome::TreatAsWithdraw);
        self.withdraw_cause.get_or_insert_with(|| attribute.to_error(fault));
    }

    /// Notes an attribute whose error disables a family.
    pub(crate) fn disable_family_for(&mut self, attribute: RawAttribute<'_>, fault: AttributeFault) {
        self.note(attribute.attribute_type, fault, AttributeOutcome::DisableFamily);
    }

    /// Notes an attribute that is discarded.
    pub(crate) fn leave_out(&mut self, attribute: RawAttribute<'_>, fault: AttributeFault) {
        self.note(attribute.attribute_type, fault, AttributeOutcome::Discard);
    }

    /// The first error that withdraws the routes, in the form that closes the session.
    pub(crate) fn withdraw_cause(&mut self) -> Option<DecodeError> {
        self.withdraw_cause.take()
    }

    pub(crate) fn has_defects(&self) -> bool {
        !self.defects.is_empty()
    }

    /// The errors that did not close the session.
    pub(crate) fn take_defects(&mut self) -> Vec<AttributeError> {
        std::mem::take(&mut self.defects)
    }

    /// Whether any attribute belongs in an attribute set.
    pub(crate) fn has_kept(&self) -> bool {
        !self.kept.is_empty()
    }

    /// Position in the message of the set of valid attributes; `None` if it is not in canonical form. Unless
    /// the routes are withdrawn, it contains ORIGIN and AS_PATH.
    pub(crate) fn canonical_rows(&self) -> Option<CanonicalRows> {
        Some(self.rows).filter(CanonicalRows::is_whole)
    }

    /// The set of valid attributes, encoded again.
    pub(crate) fn rewritten(&self) -> PathAttributes {
        let mut kept: Vec<RawAttribute<'_>> = self.kept().collect();
        let merged = Merged::new(&kept, self);
        for attribute in &mut kept {
            if let Some(value) = merged.value(attribute.attribute_type) {
                attribute.value = value;
            }
        }
        kept.sort_by_key(|attribute| attribute.attribute_type);
        PathAttributes::from_ascending(kept.iter().copied())
    }

    /// The attributes of the set in the order of the message, with the flags with which they are passed on.
    fn kept(&self) -> impl Iterator<Item = RawAttribute<'a>> {
        let mut left = self.kept;
        row(self.octets, RawAttribute::decode).filter_map(move |attribute| {
            let specified = attribute.attribute_type.specified_flags();
            let flags = flags_to_pass_on(specified, attribute.flags)?;
            left.remove(attribute.attribute_type).then_some(RawAttribute { flags, ..attribute })
        })
    }

    /// Adds one attribute.
    #[inline]
    fn add(
        &mut self,
        attribute: RawAttribute<'a>,
        start: usize,
        context: &DecodeContext,
    ) -> Result<(), DecodeError> {
        let specified = attribute.attribute_type.specified_flags();
        match self.judge(attribute, specified, context) {
            Ok(()) => {
                self.place(attribute, specified, start);
                Ok(())
            }
            Err((fault, outcome)) => self.refuse(attribute, fault, outcome),
        }
    }

    /// Applies the consequence of a malformed attribute.
    #[cold]
    fn refuse(
        &mut self,
        attribute: RawAttribute<'a>,
        fault: AttributeFault,
        outcome: AttributeOutcome,
    ) -> Result<(), DecodeError> {
        match outcome {
            AttributeOutcome::Discard => self.leave_out(attribute, fault),
            AttributeOutcome::TreatAsWithdraw => self.withdraw_for(attribute, fault),
            AttributeOutcome::DisableFamily => self.disable_family_for(attribute, fault),
            AttributeOutcome::SessionReset => return Err(attribute.to_error(fault)),
        }
        Ok(())
    }

    /// Stores a valid attribute.
    #[inline]
    fn place(&mut self, attribute: RawAttribute<'a>, specified: Option<AttributeFlags>, start: usize) {
        match attribute.attribute_type {
            AttributeType::NEXT_HOP => self.next_hop = Some(attribute),
            AttributeType::MP_REACH_NLRI => self.mp_reach = Some(attribute),
            AttributeType::MP_UNREACH_NLRI => self.mp_unreach = Some(attribute),
            AttributeType::AS4_PATH => self.as4_path = Some(attribute),
            AttributeType::AS4_AGGREGATOR => self.as4_aggregator = Some(attribute),
            // Not passed on, and not used without a session that enables it (RFC 7311 §3.2).
            AttributeType::AIGP | AttributeType::LINK_STATE => {}
            attribute_type => {
                if let Some(flags) = flags_to_pass_on(specified, attribute.flags) {
                    self.kept.insert(attribute_type);
                    self.rows.note(&attribute, flags, start);
                }
            }
        }
    }

    /// Checks an attribute by itself.
    #[inline]
    fn judge(
        &mut self,
        attribute: RawAttribute<'_>,
        specified: Option<AttributeFlags>,
        context: &DecodeContext,
    ) -> Verdict {
        use AttributeOutcome::{Discard, SessionReset, TreatAsWithdraw};
        let RawAttribute { flags, attribute_type, value } = attribute;
        self.count = self.count.saturating_add(1);
        if !self.seen.insert(attribute_type) {
            let outcome = if carries_routes(attribute_type) { SessionReset } else { Discard };
            return Err((AttributeFault::Duplicate, outcome));
        }
        let Some(specified) = specified else {
            let known = flags.is_optional();
            return if known { Ok(()) } else { Err((AttributeFault::UnrecognizedWellKnown, SessionReset)) };
        };
        if !flags.agrees_with(specified) {
            // RFC 7311 §3 and RFC 9552 §8.2.2 are milder than RFC 7606 §3 (c).
            let milder = matches!(attribute_type, AttributeType::AIGP | AttributeType::LINK_STATE);
            if carries_routes(attribute_type) {
                // The routes are decoded nevertheless, to be withdrawn.
                self.withdraw_for(attribute, AttributeFault::Flags);
                return Ok(());
            }
            return Err((AttributeFault::Flags, if milder { Discard } else { TreatAsWithdraw }));
        }
        check_sender(attribute_type, context)?;
        check_value(attribute_type, value, context)
    }

    /// Handles octets after the last complete attribute, which are malformed (RFC 7606 §4).
    fn overrun(&mut self, rest: &[u8]) -> Result<(), DecodeError> {
        // If even the type is missing, 0 is reported, which is reserved by IANA.
        let attribute_type = AttributeType(rest.get(1).copied().unwrap_or_default());
        let error = || DecodeError::Attribute {
            attribute_type,
            fault: AttributeFault::Overrun,
            octets: rest.to_vec(),
        };
        if carries_routes(attribute_type) {
            return Err(error());
        }
        self.note(attribute_type, AttributeFault::Overrun, AttributeOutcome::TreatAsWithdraw);
        self.withdraw_cause.get_or_insert_with(error);
        Ok(())
    }

    fn note(&mut self, attribute_type: AttributeType, fault: AttributeFault, outcome: AttributeOutcome) {
        self.defects.push(AttributeError { attribute_type, fault, outcome });
    }
}

/// Whether an attribute contains routes, which are lost with it: then nothing milder than closing the session
/// is possible (RFC 7606 §3 g, §5.3).
fn carries_routes(attribute_type: AttributeType) -> bool {
    matches!(attribute_type, AttributeType::MP_REACH_NLRI | AttributeType::MP_UNREACH_NLRI)
}

/// The flags with which an attribute is passed on; `None` if it is not.
///
/// A received Partial bit is kept (RFC 4271 §5), and attributes that are not recognised get it.
#[inline]
fn flags_to_pass_on(specified: Option<AttributeFlags>, received: AttributeFlags) -> Option<AttributeFlags> {
    match specified {
        Some(specified) => {
            let may_be_partial = specified.is_optional() && specified.is_transitive();
            Some(specified.with_partial(may_be_partial && received.is_partial()))
        }
        None if received.is_transitive() => Some(AttributeFlags::OPTIONAL_TRANSITIVE.with_partial(true)),
        None => None,
    }
}

/// Checks whether the peer may send the attribute at all.
fn check_sender(attribute_type: AttributeType, context: &DecodeContext) -> Verdict {
    let fault = match attribute_type {
        AttributeType::LOCAL_PREF if !context.peer.is_inside() => AttributeFault::FromExternalPeer,
        AttributeType::ORIGINATOR_ID | AttributeType::CLUSTER_LIST if context.peer != PeerKind::Ibgp => {
            AttributeFault::FromExternalPeer
        }
        AttributeType::AS4_PATH | AttributeType::AS4_AGGREGATOR if context.as_width == AsWidth::Four => {
            AttributeFault::FromFourOctetPeer
        }
        _ => return Ok(()),
    };
    Err((fault, AttributeOutcome::Discard))
}

/// Checks the value of an attribute by RFC 7606 §7 and later RFCs.
fn check_value(attribute_type: AttributeType, value: &[u8], context: &DecodeContext) -> Verdict {
    use AttributeFault::{Length, Value};
    use AttributeOutcome::{Discard, TreatAsWithdraw};
    let length = value.len();
    let acceptable = |condition: bool, fault, outcome| if condition { Ok(()) } else { Err((fault, outcome)) };
    match attribute_type {
        AttributeType::ORIGIN => {
            acceptable(length == 1, Length, TreatAsWithdraw)?;
            acceptable(Origin::decode(value).is_some(), Value, TreatAsWithdraw)
        }
        AttributeType::AS_PATH => {
            acceptable(is_as_path(value, context.as_width, context.peer), Value, TreatAsWithdraw)
        }
        AttributeType::MULTI_EXIT_DISC | AttributeType::LOCAL_PREF => {
            acceptable(length == 4, Length, TreatAsWithdraw)
        }
        AttributeType::ATOMIC_AGGREGATE => acceptable(length == 0, Length, Discard),
        AttributeType::AGGREGATOR => check_aggregator(value, context.as_width),
        AttributeType::COMMUNITIES => acceptable(is_row_of(4, length), Length, TreatAsWithdraw),
        AttributeType::ORIGINATOR_ID => {
            acceptable(length == 4, Length, TreatAsWithdraw)?;
            acceptable(are_identifiers(value), Value, TreatAsWithdraw)
        }
        AttributeType::CLUSTER_LIST => acceptable(is_row_of(4, length), Length, TreatAsWithdraw),
        AttributeType::EXTENDED_COMMUNITIES => acceptable(is_row_of(8, length), Length, TreatAsWithdraw),
        AttributeType::LARGE_COMMUNITIES => acceptable(is_row_of(12, length), Length, TreatAsWithdraw),
        AttributeType::AS4_PATH => {
            let as4_path = !value.is_empty() && is_as_path(value, AsWidth::Four, PeerKind::Ibgp);
            acceptable(as4_path, Value, Discard)
        }
        AttributeType::AS4_AGGREGATOR => check_aggregator(value, AsWidth::Four),
        AttributeType::PMSI_TUNNEL => acceptable(is_pmsi_tunnel(value), Value, TreatAsWithdraw),
        AttributeType::TUNNEL_ENCAPSULATION => {
            acceptable(is_tunnel_encapsulation(value), Value, TreatAsWithdraw)?;
            acceptable(length > 0, Length, Discard)
        }
        AttributeType::IPV6_EXTENDED_COMMUNITIES => {
            acceptable(is_row_of(20, length), Length, TreatAsWithdraw)
        }
        AttributeType::AIGP => acceptable(aigp::is_aigp(value), Value, Discard),
        AttributeType::LINK_STATE => acceptable(is_link_state(value), Value, Discard),
        AttributeType::ONLY_TO_CUSTOMER => {
            acceptable(only_to_customer(value).is_some(), Length, TreatAsWithdraw)
        }
        AttributeType::PREFIX_SID => prefix_sid::fault(value).map_or(Ok(()), |outcome| Err((Value, outcome))),
        AttributeType::ATTR_SET => acceptable(is_attr_set(value), Value, TreatAsWithdraw),
        // Checked together with the routes: NEXT_HOP only matters with NLRI (RFC 4760 §3).
        _ => Ok(()),
    }
}

/// RFC 7606 §7.7, RFC 6793 §6, and RFC 7607 §2 on AS 0.
fn check_aggregator(value: &[u8], width: AsWidth) -> Verdict {
    let expected_octets = width.octets().saturating_add(4);
    match Aggregator::decode(value, width) {
        Some(_) => Ok(()),
        None if value.len() == expected_octets => Err((AttributeFault::Value, AttributeOutcome::Discard)),
        None => Err((AttributeFault::Length, AttributeOutcome::Discard)),
    }
}

/// Whether a value consists of one or more elements.
fn is_row_of(element_octets: usize, length_octets: usize) -> bool {
    length_octets > 0 && length_octets.is_multiple_of(element_octets)
}

/// Whether none of the four-octet identifiers is zero.
fn are_identifiers(value: &[u8]) -> bool {
    value.as_chunks().0.iter().all(|octets| BgpIdentifier::new(u32::from_be_bytes(*octets)).is_some())
}

/// Values that differ from those received: widened for two-octet peers, and without repetitions.
struct Merged {
    as_path: Option<Vec<u8>>,
    aggregator: Option<[u8; 8]>,
    large_communities: Option<Vec<u8>>,
}

impl Merged {
    fn new(kept: &[RawAttribute<'_>], received: &ReceivedAttributes<'_>) -> Self {
        let value_of = |wanted: AttributeType| {
            kept.iter().find(|attribute| attribute.attribute_type == wanted).map(|attribute| attribute.value)
        };
        let large_communities = value_of(AttributeType::LARGE_COMMUNITIES).and_then(without_duplicates);
        let mut merged = Self { as_path: None, aggregator: None, large_communities };
        if received.as_width == AsWidth::Two {
            merged.restore_four_octets(
                value_of(AttributeType::AS_PATH).unwrap_or_default(),
                value_of(AttributeType::AGGREGATOR),
                received,
            );
        }
        merged
    }

    /// The values that the message would have with four-octet AS numbers (RFC 6793 §4.2.3).
    fn restore_four_octets(
        &mut self,
        as_path: &[u8],
        aggregator: Option<&[u8]>,
        received: &ReceivedAttributes<'_>,
    ) {
        let aggregator = aggregator.and_then(|value| Aggregator::decode(value, AsWidth::Two));
        let as4_aggregator = received.as4_aggregator.map(|attribute| attribute.value);
        let as4_aggregator = as4_aggregator.and_then(|value| Aggregator::decode(value, AsWidth::Four));
        // A two-octet speaker aggregated the route later, so both AS4 attributes are stale.
        let stale = aggregator.is_some_and(|by| by.asn != Asn::TRANS) && as4_aggregator.is_some();
        let restored = aggregator.map(|by| as4_aggregator.filter(|_| !stale).unwrap_or(by));
        self.aggregator = restored.map(Aggregator::octets);

        let wide = widen(as_path);
        let as4_path =
            received.as4_path.filter(|_| !stale).map(|as4_path| without_confederation(as4_path.value));
        let merged = as4_path.and_then(|as4_path| merge_as4_path(AsPath::new(&wide), AsPath::new(&as4_path)));
        self.as_path = Some(merged.unwrap_or(wide));
    }

    fn value(&self, attribute_type: AttributeType) -> Option<&[u8]> {
        match attribute_type {
            AttributeType::AS_PATH => self.as_path.as_deref(),
            AttributeType::AGGREGATOR => self.aggregator.as_ref().map(|octets| &octets[..]),
            AttributeType::LARGE_COMMUNITIES => self.large_communities.as_deref(),
            _ => None,
        }
    }
}

/// A set of attribute types.
#[derive(Clone, Copy, Debug, Default)]
struct TypeSet([u64; 4]);

impl TypeSet {
    /// Adds a type; returns `false` if it was in the set.
    #[inline]
    fn insert(&mut self, attribute_type: AttributeType) -> bool {
        let (index, bit) = place(attribute_type);
        let Some(word) = self.0.get_mut(index) else { return false };
        let fresh = *word & bit == 0;
        *word |= bit;
        fresh
    }

    /// Removes a type; returns `false` if it was not in the set.
    fn remove(&mut self, attribute_type: AttributeType) -> bool {
        let (index, bit) = place(attribute_type);
        let Some(word) = self.0.get_mut(index) else { return false };
        let there = *word & bit != 0;
        *word &= !bit;
        there
    }

    fn is_empty(&self) -> bool {
        self.0 == [0; 4]
    }

    #[inline]
    fn contains(&self, attribute_type: AttributeType) -> bool {
        let (index, bit) = place(attribute_type);
        self.0.get(index).is_some_and(|word| word & bit != 0)
    }
}

/// The word and the bit of a [`TypeSet`] for a type.
#[inline]
fn place(attribute_type: AttributeType) -> (usize, u64) {
    (usize::from(attribute_type.0 >> 6), 1u64.wrapping_shl((attribute_type.0 & 63).into()))
}
