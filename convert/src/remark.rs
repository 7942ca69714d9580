//! What a conversion could not carry over, or carried over in another way.

use std::fmt;

/// A remark about a place in the file that was converted.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Remark {
    /// The file.
    pub file: String,
    /// The line; the first one is 1.
    pub line: usize,
    /// What became of it.
    pub kind: RemarkKind,
    /// What it is about, and what to do.
    pub text: String,
}

/// What became of a statement.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum RemarkKind {
    /// It is not in the result, which therefore does something else.
    LeftOut,
    /// It is in the result in another way, or does not matter there.
    Note,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            RemarkKind::LeftOut => "left out",
            RemarkKind::Note => "note",
        };
        write!(f, "{}:{}: {kind}: {}", self.file, self.line, self.text)
    }
}
