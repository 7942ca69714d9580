//! An error in the operator's file: where it is, what is wrong and what would be right.

use std::fmt;

/// An error in the operator's file.
///
/// [`Display`](fmt::Display) is one line, for logs; [`snippet`](Self::snippet) shows the line of the file with the place marked.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct ConfigError {
    /// The file, as the caller named it.
    pub file: String,
    /// The line; the first one is 1.
    pub line: usize,
    /// The column in characters; the first one is 1.
    pub column: usize,
    /// How many characters of the line are meant; at least 1.
    pub width: usize,
    /// The line of the file, without its end; of a long one, the part around the place.
    pub excerpt: String,
    /// The column of the place in `excerpt`.
    pub excerpt_column: usize,
    /// What is wrong, and what would be right.
    pub text: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.text)
    }
}

impl std::error::Error for ConfigError {}
