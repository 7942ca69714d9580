//! Octets written as hexadecimal digits.

/// Reads digits in pairs; white space between pairs and what follows a `#` is passed over.
pub(crate) fn parse(text: &[u8]) -> Result<Vec<u8>, String> {
    let text = std::str::from_utf8(text).map_err(|_| "the input is no text".to_owned())?;
    let mut octets = Vec::with_capacity(text.len() / 2);
    for (number, line) in text.lines().enumerate() {
        let digits = line.split('#').next().unwrap_or_default();
        for word in digits.split_whitespace() {
            parse_word(word, &mut octets).map_err(|error| format!("line {}: {error}", number + 1))?;
        }
    }
    Ok(octets)
}

fn parse_word(word: &str, octets: &mut Vec<u8>) -> Result<(), String> {
    let word = word.strip_prefix("0x").unwrap_or(word);
    if !word.len().is_multiple_of(2) {
        return Err(format!("{word:?} has an odd number of digits"));
    }
    for pair in word.as_bytes().chunks(2) {
        let digit = |octet: u8| char::from(octet).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match (pair.first().copied().and_then(digit), pair.get(1).copied().and_then(digit)) {
            (Some(high), Some(low)) => octets.push(high << 4 | low),
            _ => return Err(format!("{word:?} is not made of hexadecimal digits")),
        }
    }
    Ok(())
}

/// The octets as digits.
pub(crate) fn digits(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_come_in_pairs_and_comments_are_passed_over() {
        assert_eq!(parse(b"ffFF 0x01 # marker\n\n 02"), Ok(vec![0xff, 0xff, 1, 2]));
        assert_eq!(parse(b""), Ok(vec![]));
        assert_eq!(digits(&[0xff, 1]), "ff01");
    }

    #[test]
    fn what_is_not_hexadecimal_is_named_with_its_line() {
        let cases: [(&[u8], &str); 4] =
            [(b"ff\nf", "line 2"), (b"zz", "\"zz\""), (b"\xff", "no text"), ("€".as_bytes(), "€")];
        for (text, expected) in cases {
            let error = parse(text).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
