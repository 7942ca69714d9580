//! A minimal rtnetlink(7): messages, their attributes, and a socket.

use std::io::{Read as _, Write as _};

use anyhow::{Context as _, Result};
use socket2::{Domain, Protocol, Socket, Type};

/// A socket to the kernel's routing.
pub(super) struct NetlinkSocket {
    socket: Socket,
    buffer: Vec<u8>,
}

impl NetlinkSocket {
    /// # Errors
    ///
    /// No socket can be opened.
    pub(super) fn open() -> Result<Self> {
        let socket = Socket::new(Domain::from(AF_NETLINK), Type::RAW, Some(Protocol::from(NETLINK_ROUTE)));
        Ok(Self { socket: socket.context("a netlink socket")?, buffer: vec![0; BUFFER_OCTETS] })
    }

    /// Sends whole messages. The kernel has executed them when this returns.
    ///
    /// # Errors
    ///
    /// The kernel does not accept them.
    pub(super) fn send(&self, messages: &[u8]) -> Result<()> {
        (&self.socket).write_all(messages).context("netlink")
    }

    /// Calls `visit` for each message of the next datagram, with its type and the octets after its header.
    ///
    /// # Errors
    ///
    /// None is received, or those of `visit`.
    pub(super) fn receive(&mut self, mut visit: impl FnMut(u16, &[u8]) -> Result<()>) -> Result<()> {
        let length = (&self.socket).read(&mut self.buffer).context("netlink")?;
        let mut rest = self.buffer.get(..length).unwrap_or_default();
        while let Some(header) = rest.first_chunk::<HEADER_OCTETS>() {
            let [a, b, c, d, type_low, type_high, ..] = *header;
            let length = usize::try_from(u32::from_ne_bytes([a, b, c, d])).context("a short message")?;
            let payload = rest.get(HEADER_OCTETS..length).context("a netlink message is truncated")?;
            visit(u16::from_ne_bytes([type_low, type_high]), payload)?;
            rest = rest.get(length.next_multiple_of(ALIGNMENT_OCTETS)..).unwrap_or_default();
        }
        Ok(())
    }
}

/// Appends a message whose payload `fill` writes.
pub(super) fn push_message(
    out: &mut Vec<u8>,
    message_type: u16,
    flags: u16,
    fill: impl FnOnce(&mut Vec<u8>),
) {
    let start = out.len();
    out.resize(start + HEADER_OCTETS, 0);
    fill(out);
    let length = u32::try_from(out.len() - start).expect("messages are short");
    out[start..start + 4].copy_from_slice(&length.to_ne_bytes());
    out[start + 4..start + 6].copy_from_slice(&message_type.to_ne_bytes());
    out[start + 6..start + 8].copy_from_slice(&(flags | NLM_F_REQUEST).to_ne_bytes());
}

/// Appends an attribute of 4 octets.
pub(super) fn push_attribute(out: &mut Vec<u8>, kind: u16, value: [u8; 4]) {
    let length = u16::try_from(ATTRIBUTE_HEADER_OCTETS + value.len()).expect("eight");
    out.extend(length.to_ne_bytes());
    out.extend(kind.to_ne_bytes());
    out.extend(value);
}

/// The attributes in `octets`, up to the first that is truncated: kind and value.
pub(super) fn attributes(octets: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = octets;
    std::iter::from_fn(move || {
        let [length_low, length_high, kind_low, kind_high] =
            *rest.first_chunk::<ATTRIBUTE_HEADER_OCTETS>()?;
        let length = usize::from(u16::from_ne_bytes([length_low, length_high]));
        let value = rest.get(ATTRIBUTE_HEADER_OCTETS..length)?;
        rest = rest.get(length.next_multiple_of(ALIGNMENT_OCTETS)..).unwrap_or_default();
        Some((u16::from_ne_bytes([kind_low, kind_high]), value))
    })
}

const AF_NETLINK: i32 = 16;
const NETLINK_ROUTE: i32 = 0;
const HEADER_OCTETS: usize = 16;
const ATTRIBUTE_HEADER_OCTETS: usize = 4;
const ALIGNMENT_OCTETS: usize = 4;
/// The kernel fills a datagram of a dump up to 32 KiB.
const BUFFER_OCTETS: usize = 64 * 1024;
const NLM_F_REQUEST: u16 = 1;
