//! Refusals of the kernel: error numbers and explanations.

use std::io;

use margay_reconcile::{Refusal, RefusalKind};
use netlink_packet_core::{NLM_F_ACK_TLVS, NetlinkBuffer, NlaBuffer, NlasIterator};

/// Decodes NLMSG_ERROR: the kernel's answer to one request.
pub(crate) fn answer_of(message: &NetlinkBuffer<&[u8]>) -> Result<(), Refusal> {
    let Some((errno, rest)) = message.payload().split_first_chunk() else {
        return Err(Refusal { kind: RefusalKind::Other, reason: "a truncated answer".to_owned() });
    };
    let errno = i32::from_ne_bytes(*errno).saturating_neg();
    if errno == 0 {
        return Ok(());
    }
    let attributes = rest.get(HEADER_OCTETS..).unwrap_or_default();
    let has_explanation = message.flags() & NLM_F_ACK_TLVS != 0;
    Err(refusal_of(errno, has_explanation.then(|| explanation(attributes)).flatten()))
}

/// The refusal that an error number means.
pub(crate) fn refusal_of(errno: i32, explanation: Option<String>) -> Refusal {
    let kind = match errno {
        libc::ENODEV | libc::ENOENT | libc::ESRCH | libc::EADDRNOTAVAIL | libc::ENXIO => RefusalKind::Gone,
        libc::EEXIST => RefusalKind::Occupied,
        _ => RefusalKind::Other,
    };
    let error = io::Error::from_raw_os_error(errno);
    let reason = match explanation {
        Some(explanation) => format!("{error}: {explanation}"),
        None => error.to_string(),
    };
    Refusal { kind, reason }
}

fn explanation(attributes: &[u8]) -> Option<String> {
    let text = NlasIterator::new(attributes)
        .filter_map(Result::ok)
        .find(|attribute: &NlaBuffer<&[u8]>| attribute.kind() == NLMSGERR_ATTR_MSG)?;
    let text = String::from_utf8_lossy(text.value());
    Some(text.trim_end_matches('\0').to_owned())
}

/// With NETLINK_CAP_ACK, the answer has the header of the request and not its payload.
const HEADER_OCTETS: usize = 16;
const NLMSGERR_ATTR_MSG: u16 = 1;
