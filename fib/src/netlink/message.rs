//! Netlink messages: a header with length, type, flags and sequence number, and a payload (netlink(7)).

use netlink_packet_core::NetlinkBuffer;

/// Appends a message whose payload `fill` writes.
///
/// # Panics
///
/// Panics if the payload is longer than a message can be, 4 GiB.
pub fn push_message(
    batch: &mut Vec<u8>,
    message_type: u16,
    flags: u16,
    sequence: u32,
    fill: impl FnOnce(&mut Vec<u8>),
) {
    let start = batch.len();
    batch.resize(start + MESSAGE_HEADER_OCTETS, 0);
    fill(batch);
    let length = u32::try_from(batch.len() - start).expect("a route message is far below 4 GiB");
    let mut header = NetlinkBuffer::new(&mut batch[start..]);
    header.set_length(length);
    header.set_message_type(message_type);
    header.set_flags(flags);
    header.set_sequence_number(sequence);
    batch.resize(batch.len().next_multiple_of(ALIGNMENT_OCTETS), 0);
}

/// The messages of a datagram, up to the first that is truncated.
pub fn messages(datagram: &[u8]) -> impl Iterator<Item = NetlinkBuffer<&[u8]>> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        let message = NetlinkBuffer::new_checked(rest).ok()?;
        let length = usize::try_from(message.length()).ok()?.next_multiple_of(ALIGNMENT_OCTETS);
        rest = rest.get(length..).unwrap_or_default();
        Some(message)
    })
}

/// Length of the header in octets.
pub const MESSAGE_HEADER_OCTETS: usize = 16;
const ALIGNMENT_OCTETS: usize = 4;
