//! Where messages come from, and under which terms they are to be read.

use bgp_codec::{Afi, DecodeContext, Family, Safi, frame_length};
use bytes::Bytes;

/// A message of the input.
#[derive(Debug)]
pub(crate) struct SourceMessage {
    /// Where it was found: a time, a connection; empty when there is nothing to say.
    pub(crate) label: String,
    pub(crate) octets: Bytes,
    pub(crate) context: DecodeContext,
}

/// The messages of a stream, one after the other. A broken header ends them, as it ends a session.
pub(crate) fn split_stream(
    mut stream: Bytes,
    context: DecodeContext,
) -> impl Iterator<Item = Result<SourceMessage, String>> {
    std::iter::from_fn(move || {
        if stream.is_empty() {
            return None;
        }
        let whole = match frame_length(&stream, context.max_message_octets) {
            Ok(Some(length)) if length <= stream.len() => length,
            Ok(_) => {
                let left = std::mem::take(&mut stream).len();
                return Some(Err(format!("the last {left} octets are no whole message")));
            }
            Err(_) => stream.len(),
        };
        let octets = stream.split_to(whole);
        Some(Ok(SourceMessage { label: String::new(), octets, context: context.clone() }))
    })
}

/// Every family whose NLRI can have path identifiers that are told apart from what follows them.
pub(crate) fn families_with_path_ids() -> Vec<Family> {
    let safis = [
        Safi::UNICAST,
        Safi::MULTICAST,
        Safi::LABELLED,
        Safi::MULTICAST_VPN,
        Safi::VPLS,
        Safi::EVPN,
        Safi::LINK_STATE,
        Safi::SEGMENT_ROUTING_POLICY,
        Safi::VPN,
        Safi::VPN_MULTICAST,
        Safi::ROUTE_TARGET,
        Safi::FLOW_SPECIFICATION,
        Safi::VPN_FLOW_SPECIFICATION,
    ];
    let afis = [Afi::IPV4, Afi::IPV6, Afi::L2VPN, Afi::LINK_STATE];
    afis.into_iter().flat_map(|afi| safis.into_iter().map(move |safi| Family { afi, safi })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bgp_codec::{AsWidth, PeerKind};

    fn lengths(stream: &[u8]) -> Vec<Result<usize, String>> {
        let context = DecodeContext::new(PeerKind::Ebgp, AsWidth::Four);
        let messages = split_stream(Bytes::copy_from_slice(stream), context);
        messages.map(|message| message.map(|message| message.octets.len())).collect()
    }

    #[test]
    fn a_stream_is_split_at_the_lengths() {
        let keepalive = [&[0xff; 16][..], &[0, 19, 4]].concat();
        let two = [&keepalive[..], &keepalive].concat();
        assert_eq!(lengths(&two), [Ok(19), Ok(19)]);
        assert_eq!(
            lengths(&[&two[..], &keepalive[..5]].concat())[2],
            Err("the last 5 octets are no whole message".to_owned())
        );
        assert_eq!(lengths(&[&keepalive[..], &[0; 40]].concat()), [Ok(19), Ok(40)]);
    }
}
