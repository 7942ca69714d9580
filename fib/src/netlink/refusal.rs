//! The kernel's refusal of a request.

use std::io;

use netlink_packet_core::{NLM_F_ACK_TLVS, NetlinkBuffer, NlaBuffer, NlasIterator};

use super::message::MESSAGE_HEADER_OCTETS;

/// A refused request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// Sequence number of the request.
    pub sequence: u32,
    /// The kernel's error number, positive.
    pub errno: i32,
    /// The kernel's explanation, if it gave any.
    pub explanation: Option<String>,
}

impl Refusal {
    /// Decodes NLMSG_ERROR; `None` for an acknowledgement, which is error 0.
    #[must_use]
    pub fn decode(message: &NetlinkBuffer<&[u8]>) -> Option<Self> {
        let (errno, rest) = message.payload().split_first_chunk()?;
        let errno = i32::from_ne_bytes(*errno).saturating_neg();
        if errno == 0 {
            return None;
        }
        let attributes = rest.get(MESSAGE_HEADER_OCTETS..).unwrap_or_default();
        let explanation = (message.flags() & NLM_F_ACK_TLVS != 0).then(|| explanation(attributes)).flatten();
        Some(Self { sequence: message.sequence_number(), errno, explanation })
    }

    /// The reason: the text of the error number, then the kernel's explanation.
    #[must_use]
    pub fn reason(&self) -> String {
        let error = io::Error::from_raw_os_error(self.errno);
        match &self.explanation {
            Some(explanation) => format!("{error}: {explanation}"),
            None => error.to_string(),
        }
    }
}

fn explanation(attributes: &[u8]) -> Option<String> {
    let text = NlasIterator::new(attributes)
        .filter_map(Result::ok)
        .find(|attribute: &NlaBuffer<&[u8]>| attribute.kind() == NLMSGERR_ATTR_MSG)?;
    let text = String::from_utf8_lossy(text.value());
    Some(text.trim_end_matches('\0').to_owned())
}

const NLMSGERR_ATTR_MSG: u16 = 1;
