//! Octets as hexadecimal digits: in pairs, with white space between pairs and comments after `#`.

use std::io::BufRead;

use bytes::{BufMut, BytesMut};

use crate::message_stream::OctetSource;

/// Parses a whole text.
///
/// # Errors
///
/// The text that is not hexadecimal, with its line.
pub(crate) fn parse(text: &[u8]) -> Result<Vec<u8>, String> {
    let mut octets = Vec::with_capacity(text.len() / 2);
    let mut digits = Digits::default();
    text.iter().try_for_each(|octet| digits.take(*octet, &mut octets))?;
    digits.end_word()?;
    Ok(octets)
}

/// The octets as digits.
pub(crate) fn digits(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// A text that is parsed in pieces.
pub(crate) struct HexSource<R> {
    input: R,
    digits: Digits,
}

impl<R: BufRead> HexSource<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input, digits: Digits::default() }
    }
}

impl<R: BufRead> OctetSource for HexSource<R> {
    fn fill(&mut self, buffer: &mut BytesMut) -> Result<bool, String> {
        let text = self.input.fill_buf().map_err(|error| format!("cannot read: {error}"))?;
        if text.is_empty() {
            self.digits.end_word()?;
            return Ok(false);
        }
        text.iter().try_for_each(|octet| self.digits.take(*octet, buffer))?;
        let count = text.len();
        self.input.consume(count);
        Ok(true)
    }
}

/// State between two characters.
#[derive(Debug, Default)]
struct Digits {
    /// Number of complete lines.
    lines_before: usize,
    in_comment: bool,
    /// Start of the word: at most [`SHOWN_OCTETS`].
    word: Vec<u8>,
    /// Length of the word so far.
    word_octets: usize,
    /// The first digit of an incomplete pair.
    high: Option<u8>,
    /// Whether the word has a character that is not a digit. It is read to its end for the error message.
    is_bad: bool,
}

impl Digits {
    fn take(&mut self, octet: u8, out: &mut impl BufMut) -> Result<(), String> {
        match octet {
            b'\n' => {
                self.end_word()?;
                self.in_comment = false;
                self.lines_before += 1;
            }
            _ if self.in_comment => {}
            b'#' => {
                self.end_word()?;
                self.in_comment = true;
            }
            _ if octet.is_ascii_whitespace() => self.end_word()?,
            _ => return self.take_digit(octet, out),
        }
        Ok(())
    }

    fn take_digit(&mut self, octet: u8, out: &mut impl BufMut) -> Result<(), String> {
        self.word_octets += 1;
        if self.word.len() < SHOWN_OCTETS {
            self.word.push(octet);
        } else if self.is_bad {
            return self.end_word();
        }
        let digit = char::from(octet).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match (self.high, digit) {
            (None, Some(high)) => self.high = Some(high),
            (Some(high), Some(low)) => {
                out.put_u8(high << 4 | low);
                self.high = None;
            }
            (Some(0), None) if self.word_octets == 2 && octet == b'x' => self.high = None,
            (_, None) => self.is_bad = true,
        }
        Ok(())
    }

    fn end_word(&mut self) -> Result<(), String> {
        let fault = match self.high {
            _ if self.is_bad => "is not made of hexadecimal digits",
            Some(_) => "has an odd number of digits",
            None => {
                self.word.clear();
                self.word_octets = 0;
                return Ok(());
            }
        };
        let line = self.lines_before + 1;
        let shown = String::from_utf8_lossy(&self.word);
        let more = if self.word_octets > self.word.len() { "…" } else { "" };
        Err(format!("line {line}: {shown:?}{more} {fault}"))
    }
}

/// Octets of a word shown in an error message.
const SHOWN_OCTETS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    /// Result for a source whose input comes in pieces of `piece` octets.
    fn in_pieces(text: &[u8], piece: usize) -> Result<Vec<u8>, String> {
        let mut source = HexSource::new(std::io::BufReader::with_capacity(piece, text));
        let mut buffer = BytesMut::new();
        while source.fill(&mut buffer)? {}
        Ok(buffer.to_vec())
    }

    #[test]
    fn digits_come_in_pairs_and_comments_are_ignored() {
        let text = b"ffFF 0x01 # marker\n\n 02";
        for octets in [parse(text), in_pieces(text, 1), in_pieces(text, 100)] {
            assert_eq!(octets, Ok(vec![0xff, 0xff, 1, 2]));
        }
        assert_eq!(parse(b""), Ok(vec![]));
        assert_eq!(digits(&[0xff, 1]), "ff01");
    }

    #[test]
    fn text_that_is_not_hexadecimal_is_reported_with_its_line() {
        let long = [&b"00 "[..], &[0; 100]].concat();
        let cases: [(&[u8], &str); 6] = [
            (b"ff\nf", "line 2: \"f\" has an odd number"),
            (b"zz", "line 1: \"zz\" is not made"),
            (b"0xx", "\"0xx\""),
            (b"\xff", "line 1"),
            ("€".as_bytes(), "€"),
            (&long, "\\0\"… is not made"),
        ];
        for (text, expected) in cases {
            for error in [parse(text).unwrap_err(), in_pieces(text, 1).unwrap_err()] {
                assert!(error.contains(expected), "{error}");
            }
        }
    }
}
