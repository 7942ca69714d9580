//! Detection of compressed input by its first octets. It is not decompressed here.

/// The program that decompresses an input with these first octets, if it is compressed.
pub(crate) fn program(start: &[u8]) -> Option<&'static str> {
    SIGNATURES.iter().find(|(signature, _)| start.starts_with(signature)).map(|&(_, program)| program)
}

const SIGNATURES: [(&[u8], &str); 4] = [
    (&[0x1f, 0x8b], "gzip"),
    (b"BZh", "bzip2"),
    (&[0xfd, b'7', b'z', b'X', b'Z'], "xz"),
    (&[0x28, 0xb5, 0x2f, 0xfd], "zstd"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressed_files_are_recognised_and_messages_are_not() {
        assert_eq!(program(&[0x1f, 0x8b, 8, 0]), Some("gzip"));
        assert_eq!(program(b"BZh91AY"), Some("bzip2"));
        for start in [&[][..], &[0x1f], &[0xff; 19], b"ffff", &[0, 0, 0, 0]] {
            assert_eq!(program(start), None, "{start:?}");
        }
    }
}
