//! Tokens of BIRD's configuration language.

use std::net::IpAddr;

use super::BirdError;

/// A token and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    /// The number of the file among those that were read.
    pub(crate) file: usize,
    pub(crate) line: usize,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TokenKind {
    /// A keyword or a name.
    Word(String),
    Number(u64),
    Address(IpAddr),
    Text(String),
    /// Punctuation of one or two characters.
    Mark(&'static str),
}

impl Token {
    pub(crate) fn is(&self, mark: &str) -> bool {
        matches!(self.kind, TokenKind::Mark(found) if found == mark)
    }

    pub(crate) fn is_word(&self, word: &str) -> bool {
        matches!(&self.kind, TokenKind::Word(found) if found == word)
    }

    pub(crate) fn word(&self) -> Option<&str> {
        match &self.kind {
            TokenKind::Word(word) => Some(word),
            _ => None,
        }
    }
}

/// Splits a text into tokens. Comments are gone.
///
/// # Errors
///
/// A character that the language does not have, or text or a comment without an end.
pub(crate) fn tokens(file: usize, name: &str, text: &str) -> Result<Vec<Token>, BirdError> {
    let mut lexer = Lexer { rest: text, file, name, line: 1, tokens: Vec::new() };
    while lexer.skip_blanks()? {
        lexer.next()?;
    }
    Ok(lexer.tokens)
}

struct Lexer<'t> {
    rest: &'t str,
    file: usize,
    name: &'t str,
    line: usize,
    tokens: Vec<Token>,
}

impl<'t> Lexer<'t> {
    /// Skips white space and comments. Returns whether anything follows.
    fn skip_blanks(&mut self) -> Result<bool, BirdError> {
        loop {
            let trimmed = self.rest.trim_start();
            self.take(self.rest.len() - trimmed.len());
            if self.rest.starts_with('#') {
                self.take(self.rest.find('\n').unwrap_or(self.rest.len()));
            } else if self.rest.starts_with("/*") {
                let end = self.rest.find("*/").ok_or_else(|| self.error("a comment has no end"))?;
                self.take(end + 2);
            } else {
                return Ok(!self.rest.is_empty());
            }
        }
    }

    fn next(&mut self) -> Result<(), BirdError> {
        if let Some(address) = self.address() {
            self.push(TokenKind::Address(address));
            return Ok(());
        }
        let first = self.rest.chars().next().unwrap_or_default();
        match first {
            '"' => self.quoted('"', TokenKind::Text),
            '\'' => self.quoted('\'', TokenKind::Word),
            c if c.is_ascii_digit() => {
                self.number();
                Ok(())
            }
            c if c.is_ascii_alphabetic() || c == '_' => {
                let is_inside = |c: char| c.is_ascii_alphanumeric() || c == '_';
                let word = self.take_while(is_inside).to_owned();
                self.push(TokenKind::Word(word));
                Ok(())
            }
            _ => self.mark(),
        }
    }

    /// The longest text that is an address; names such as `add` and `1:2` are not.
    fn address(&mut self) -> Option<IpAddr> {
        let is_inside = |c: char| c.is_ascii_hexdigit() || c == ':' || c == '.';
        let end = self.rest.find(|c| !is_inside(c)).unwrap_or(self.rest.len());
        let candidate = &self.rest[..end];
        let is_word = self.rest[end..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        let looks_right = candidate.matches(':').count() >= 2 || candidate.matches('.').count() == 3;
        if is_word || !looks_right {
            return None;
        }
        let address = candidate.parse().ok()?;
        self.take(end);
        Some(address)
    }

    /// A number; octets in hexadecimal digits, as keys of MD5 have them, count as a word.
    fn number(&mut self) {
        let digits = self.take_while(|c| c.is_ascii_alphanumeric());
        let hexadecimal = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
        let number = match hexadecimal {
            Some(digits) => u64::from_str_radix(digits, 16),
            None => digits.parse(),
        };
        self.push(number.map_or_else(|_| TokenKind::Word(digits.to_owned()), TokenKind::Number));
    }

    fn quoted(&mut self, quote: char, kind: fn(String) -> TokenKind) -> Result<(), BirdError> {
        let inside = &self.rest[1..];
        let end = inside.find([quote, '\n']).filter(|&end| inside[end..].starts_with(quote));
        let end = end.ok_or_else(|| self.error("a quotation has no end on its line"))?;
        let text = inside[..end].to_owned();
        self.take(end + 2);
        self.push(kind(text));
        Ok(())
    }

    fn mark(&mut self) -> Result<(), BirdError> {
        let mark = MARKS.iter().find(|mark| self.rest.starts_with(**mark));
        let Some(mark) = mark else {
            let c = self.rest.chars().next().unwrap_or_default();
            return Err(self.error(format_args!("{c:?} is not understood")));
        };
        self.take(mark.len());
        self.push(TokenKind::Mark(mark));
        Ok(())
    }

    fn take_while(&mut self, is_inside: impl Fn(char) -> bool) -> &'t str {
        let end = self.rest.find(|c| !is_inside(c)).unwrap_or(self.rest.len());
        self.take(end)
    }

    fn take(&mut self, octets: usize) -> &'t str {
        let (taken, rest) = self.rest.split_at(octets);
        self.line += taken.matches('\n').count();
        self.rest = rest;
        taken
    }

    fn push(&mut self, kind: TokenKind) {
        self.tokens.push(Token { kind, file: self.file, line: self.line });
    }

    fn error(&self, text: impl std::fmt::Display) -> BirdError {
        BirdError { file: self.name.to_owned(), line: self.line, text: text.to_string() }
    }
}

/// Longer ones first.
const MARKS: [&str; 31] = [
    "!~", "!=", "<=", ">=", "&&", "||", "..", "->", "[=", "=]", "{", "}", "(", ")", "[", "]", ";", ",", "=",
    "<", ">", "~", "!", "+", "-", "*", "/", ":", ".", "?", "%",
];
