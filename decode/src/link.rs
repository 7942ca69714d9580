//! Link types of captures, from the registry of LINKTYPE_ values: the position of the IP packet in a frame.

/// Link type of a capture or of one of its interfaces.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct LinkType(pub(crate) i32);

impl LinkType {
    /// The IP packet inside a frame; `None` if there is none, or the link type is not supported.
    pub(crate) fn network_layer(self, frame: &[u8]) -> Option<&[u8]> {
        match self.0 {
            // BSD loopback: the family in four octets.
            0 | 108 => frame.get(4..),
            1 => ethernet(frame),
            // PPP, with its HDLC framing or without.
            9 | 50 => match frame.strip_prefix(&[0xff, 0x03]).unwrap_or(frame) {
                [0x00, 0x21, ip @ ..] | [0x00, 0x57, ip @ ..] => Some(ip),
                [0x02, 0x81, labels @ ..] => below_labels(labels),
                _ => None,
            },
            // Cisco HDLC.
            104 => frame.get(4..),
            // IP without a frame.
            12 | 14 | 101 | 228 | 229 => Some(frame),
            // Linux cooked capture, both versions.
            113 => frame.get(16..),
            276 => frame.get(20..),
            _ => None,
        }
    }
}

fn ethernet(frame: &[u8]) -> Option<&[u8]> {
    let mut rest = frame.get(12..)?;
    // VLAN tags precede the type.
    while let [0x81, 0, _, _, ..] | [0x88, 0xa8, _, _, ..] = rest {
        rest = rest.get(4..)?;
    }
    match rest {
        [0x08, 0x00, ip @ ..] | [0x86, 0xdd, ip @ ..] => Some(ip),
        [0x88, 0x47, labels @ ..] => below_labels(labels),
        _ => None,
    }
}

/// The packet after the last MPLS label.
fn below_labels(labels: &[u8]) -> Option<&[u8]> {
    let count = labels.as_chunks::<4>().0.iter().position(|label| label[2] & 1 == 1)?;
    labels.get((count + 1) * 4..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packet_is_found_below_tags_and_labels() {
        let frame = |header: &[u8]| [&[0; 12][..], header, b"ip"].concat();
        for (link, header, expected) in [
            (1, &frame(&[8, 0])[..], Some(&b"ip"[..])),
            (1, &frame(&[0x81, 0, 0, 7, 0x86, 0xdd]), Some(b"ip")),
            (1, &frame(&[0x88, 0x47, 0, 0, 0, 9, 0, 0, 1, 9]), Some(b"ip")),
            (1, &frame(&[8, 6]), None),
            (1, &[0; 5], None),
            (9, b"\xff\x03\x00\x21ip", Some(b"ip")),
            (108, b"\0\0\0\x02ip", Some(b"ip")),
            (101, b"ip", Some(b"ip")),
            (147, b"ip", None),
        ] {
            assert_eq!(LinkType(link).network_layer(header), expected, "{link} {header:?}");
        }
    }
}
