//! UPDATE (RFC 4271 §4.3), decoded in place.

use std::fmt;

use bytes::{Bytes, BytesMut};

use super::update_fields::{Routes, UpdateFields};
use crate::span::Span;
use crate::{
    AttributeError, AttributeOutcome, AttributeView, DecodeContext, DecodeError, Family, ForeignRoutes,
    IpPrefix, NextHop, Nlri, NlriBlock, PathAttributes,
};

/// Routes that a peer advertises and withdraws, checked, with RFC 7606 applied.
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
///
/// It consists of the message's own octets and the positions of its parts. Decoding allocates only if
/// something is malformed or not in canonical form.
#[derive(Clone)]
pub struct Update {
    octets: Bytes,
    fields: UpdateFields,
}

/// Routes advertised with one next hop.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Reach<'a> {
    /// Where to send packets for them.
    pub next_hop: NextHop,
    /// The destinations.
    pub nlri: NlriBlock<'a>,
}

impl Update {
    /// Decodes a whole message with a valid header.
    #[inline]
    pub(super) fn decode(message: Bytes, context: &DecodeContext) -> Result<Self, DecodeError> {
        match UpdateFields::decode(&message, context) {
            Ok(fields) => Ok(Self { octets: message, fields }),
            Err(error) => Err(error),
        }
    }

    /// An UPDATE that advertises routes, with path identifiers if `add_path`.
    #[must_use]
    pub fn advertising<P: IpPrefix>(
        attributes: PathAttributes,
        next_hop: NextHop,
        add_path: bool,
        nlri: impl IntoIterator<Item = Nlri<P>>,
    ) -> Self {
        let (mut octets, routes) = written(add_path, nlri);
        let start = octets.len();
        next_hop.encode(&mut octets);
        let next_hop = Span::new(start, octets.len());
        Self { octets: octets.freeze(), fields: UpdateFields::advertising(attributes, next_hop, routes) }
    }

    /// An UPDATE that withdraws routes, with path identifiers if `add_path`.
    #[must_use]
    pub fn withdrawing<P: IpPrefix>(add_path: bool, nlri: impl IntoIterator<Item = Nlri<P>>) -> Self {
        let (octets, routes) = written(add_path, nlri);
        Self { octets: octets.freeze(), fields: UpdateFields::withdrawing(routes) }
    }

    /// The End-of-RIB of a family (RFC 4724 §2).
    #[must_use]
    pub fn ending(family: Family) -> Self {
        Self { octets: Bytes::new(), fields: UpdateFields::ending(family) }
    }

    /// The message from which it was decoded; for one that was built here, only its parts.
    #[must_use]
    pub fn message(&self) -> &Bytes {
        &self.octets
    }

    /// The withdrawn routes: those of both fields, and those of [`AttributeOutcome::TreatAsWithdraw`]. They
    /// apply before [`Update::reach`].
    pub fn unreach(&self) -> impl Iterator<Item = NlriBlock<'_>> {
        self.fields.unreach().map(|routes| routes.block(&self.octets))
    }

    /// The advertised routes: those of MP_REACH_NLRI and those of the NLRI field.
    pub fn reach(&self) -> impl Iterator<Item = Reach<'_>> {
        ReachIter { octets: &self.octets, left: self.fields.reach() }
    }

    /// The attributes of the advertised routes; `Some` whenever [`Update::reach`] is not empty.
    #[must_use]
    pub fn attributes(&self) -> Option<AttributeView<'_>> {
        self.fields.attributes(&self.octets)
    }

    /// The valid attributes of a message that advertises nothing, or whose routes are treated as withdrawn,
    /// to be shown. Even mandatory ones may be missing.
    #[must_use]
    pub fn unused_attributes(&self) -> Option<&PathAttributes> {
        self.fields.remarks.as_ref()?.unused_attributes.as_ref()
    }

    /// Routes of families that are not interpreted here.
    #[must_use]
    pub fn foreign(&self) -> &[ForeignRoutes] {
        self.fields.remarks.as_ref().map_or(&[], |remarks| &remarks.foreign)
    }

    /// The family whose initial advertisement is complete (RFC 4724 §2).
    #[must_use]
    pub fn end_of_rib(&self) -> Option<Family> {
        self.fields.end_of_rib
    }

    /// Errors that did not close the session.
    #[must_use]
    pub fn defects(&self) -> &[AttributeError] {
        self.fields.remarks.as_ref().map_or(&[], |remarks| &remarks.defects)
    }

    /// The most severe consequence of an error in the message; `None` if there was none. A family that is not
    /// supported here is not an error.
    #[must_use]
    pub fn outcome(&self) -> Option<AttributeOutcome> {
        let faults = self.defects().iter().filter(|defect| !defect.is_about_foreign_family());
        faults.map(|defect| defect.outcome).max()
    }
}

/// Iterator over the advertised routes.
struct ReachIter<'a> {
    octets: &'a [u8],
    left: [Option<(Span, Routes)>; 2],
}

impl<'a> Iterator for ReachIter<'a> {
    type Item = Reach<'a>;

    #[inline]
    fn next(&mut self) -> Option<Reach<'a>> {
        let [first, second] = &mut self.left;
        let (next_hop, routes) = first.take().or_else(|| second.take())?;
        Some(Reach {
            next_hop: NextHop::decode(next_hop.octets(self.octets))?,
            nlri: routes.block(self.octets),
        })
    }
}

/// The octets of NLRI, and their positions.
fn written<P: IpPrefix>(add_path: bool, nlri: impl IntoIterator<Item = Nlri<P>>) -> (BytesMut, Routes) {
    let mut octets = BytesMut::new();
    nlri.into_iter().for_each(|nlri| nlri.encode(add_path, &mut octets));
    let routes = Routes { family: P::FAMILY, add_path, octets: Span::new(0, octets.len()) };
    (octets, routes)
}

/// Whether both have the same contents, whatever their positions.
impl PartialEq for Update {
    fn eq(&self, other: &Self) -> bool {
        self.unreach().eq(other.unreach())
            && self.reach().eq(other.reach())
            && self.attributes() == other.attributes()
            && self.unused_attributes() == other.unused_attributes()
            && self.foreign() == other.foreign()
            && self.end_of_rib() == other.end_of_rib()
            && self.defects() == other.defects()
    }
}

impl Eq for Update {}

impl fmt::Debug for Update {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Update")
            .field("unreach", &self.unreach().collect::<Vec<_>>())
            .field("reach", &self.reach().collect::<Vec<_>>())
            .field("attributes", &self.attributes())
            .field("unused_attributes", &self.unused_attributes())
            .field("foreign", &self.foreign())
            .field("end_of_rib", &self.end_of_rib())
            .field("defects", &self.defects())
            .finish()
    }
}
