//! What a password file holds: one line that TCP can use as a key.

/// The password in the content of a file: its first line, without the line's end.
///
/// # Errors
///
/// It is empty or longer than Linux takes (TCP_MD5SIG_MAXKEYLEN); the text says what would be right.
pub fn password_line(content: &[u8]) -> Result<&[u8], String> {
    let line = content.split(|&octet| octet == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    match line.len() {
        0 => Err("its first line is empty: put the password there".to_owned()),
        1..=LONGEST_PASSWORD => Ok(line),
        octets => {
            Err(format!("its first line has {octets} octets: a password has {LONGEST_PASSWORD} at most"))
        }
    }
}

const LONGEST_PASSWORD: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_first_line_and_has_1_to_80_octets() {
        let [longest, too_long] = [80, 81].map(|octets| "x".repeat(octets));
        for (content, expected) in [
            ("secret", Some("secret")),
            ("secret\n", Some("secret")),
            ("secret\r\nsecond\n", Some("secret")),
            (" with spaces ", Some(" with spaces ")),
            (longest.as_str(), Some(longest.as_str())),
            (too_long.as_str(), None),
            ("", None),
            ("\n", None),
            ("\r\nsecond\n", None),
        ] {
            let line = password_line(content.as_bytes());
            assert_eq!(line.ok(), expected.map(str::as_bytes), "{content:?}");
        }
    }
}
