//! A message and the consequences of its errors.

use bgp_codec::{
    AttributeFault, AttributeOutcome, DecodeContext, DecodeError, Family, Message, MpReach, MpUnreach,
    RawPathAttribute, RawUpdate, decode_message,
};
use bytes::Bytes;

/// A message with the result of decoding it.
#[derive(Debug)]
pub(crate) struct Judged {
    octets: Bytes,
    /// Whether IPv4 unicast NLRI have path identifiers.
    pub(crate) ipv4_add_path: bool,
    pub(crate) result: Result<Message, DecodeError>,
}

impl Judged {
    pub(crate) fn new(octets: Bytes, context: &DecodeContext) -> Self {
        let result = decode_message(octets.clone(), context);
        Self { octets, ipv4_add_path: context.add_path.contains(&Family::IPV4_UNICAST), result }
    }

    /// The most severe consequence; `None` if there was no error.
    pub(crate) fn outcome(&self) -> Option<AttributeOutcome> {
        match &self.result {
            Err(_) => Some(AttributeOutcome::SessionReset),
            Ok(Message::Update(update)) => update.outcome(),
            Ok(_) => None,
        }
    }

    /// The verdict on the message, in the terms of RFC 7606 §2.
    ///
    /// Of an attribute that occurs twice the first counts, and the message is handled as if it were the only
    /// one (RFC 7606 §3 g).
    pub(crate) fn verdict(&self) -> &'static str {
        let only_repetitions = match &self.result {
            Ok(Message::Update(update)) => update
                .defects()
                .iter()
                .all(|defect| defect.fault == AttributeFault::Duplicate || defect.is_about_foreign_family()),
            _ => false,
        };
        match self.outcome() {
            Some(AttributeOutcome::Discard) if only_repetitions => "ok",
            None => "ok",
            Some(AttributeOutcome::Discard) => "attribute-discard",
            Some(AttributeOutcome::TreatAsWithdraw) => "treat-as-withdraw",
            Some(AttributeOutcome::DisableFamily) => "afi-safi-disable",
            Some(AttributeOutcome::SessionReset) => "session-reset",
        }
    }

    pub(crate) fn octets(&self) -> &Bytes {
        &self.octets
    }

    /// The fields of an UPDATE as received.
    pub(crate) fn raw_update(&self) -> Option<RawUpdate<'_>> {
        RawUpdate::decode(self.octets.get(19..)?)
    }

    pub(crate) fn mp_reach(&self) -> Option<MpReach<'_>> {
        let raw = self.raw_update()?;
        let is_mp_reach = |attribute: &RawPathAttribute<'_>| attribute.attribute_type.0 == 14;
        MpReach::decode(raw.path_attributes().find(is_mp_reach)?.value)
    }

    pub(crate) fn mp_unreach(&self) -> Option<MpUnreach<'_>> {
        let raw = self.raw_update()?;
        let is_mp_unreach = |attribute: &RawPathAttribute<'_>| attribute.attribute_type.0 == 15;
        MpUnreach::decode(raw.path_attributes().find(is_mp_unreach)?.value)
    }
}
