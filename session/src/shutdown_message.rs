//! What an operator says to a peer about a shutdown or a reset.

use std::fmt;
use std::sync::Arc;

/// A shutdown communication (RFC 9003): at most 255 octets of UTF-8 without control characters. Empty when there is nothing
/// to say.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct ShutdownMessage(Arc<str>);

/// Why a text is not a shutdown communication.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ShutdownMessageError {
    /// It has this many octets.
    TooLong(usize),
    /// It has a control character, which a terminal that shows it would obey.
    ControlCharacter,
}

impl ShutdownMessage {
    /// A message of this text.
    ///
    /// # Errors
    ///
    /// The text is too long, or has control characters.
    pub fn new(text: &str) -> Result<Self, ShutdownMessageError> {
        if text.len() > LONGEST_MESSAGE_OCTETS {
            return Err(ShutdownMessageError::TooLong(text.len()));
        }
        if text.chars().any(char::is_control) {
            return Err(ShutdownMessageError::ControlCharacter);
        }
        Ok(Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ShutdownMessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(octets) => {
                write!(f, "the message has {octets} octets: {LONGEST_MESSAGE_OCTETS} are allowed (RFC 9003)")
            }
            Self::ControlCharacter => f.write_str("the message has a control character"),
        }
    }
}

impl std::error::Error for ShutdownMessageError {}

/// RFC 9003 §2.
const LONGEST_MESSAGE_OCTETS: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_at_most_255_octets_and_no_control_characters() {
        let too_long = Err(ShutdownMessageError::TooLong(256));
        for (text, expected) in [
            (String::new(), Ok(())),
            ("ü".repeat(127), Ok(())),
            ("ü".repeat(128), too_long),
            ("new\nline".to_owned(), Err(ShutdownMessageError::ControlCharacter)),
            ("\u{1b}[2J".to_owned(), Err(ShutdownMessageError::ControlCharacter)),
        ] {
            assert_eq!(ShutdownMessage::new(&text).map(drop), expected, "{text:?}");
        }
    }
}
