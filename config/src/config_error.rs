//! An error in the operator's file, and the list of them that a reading collects.

use std::fmt;

/// An error in the operator's file: where it is, what is wrong and what would be right.
#[derive(Clone, Debug, Eq, Hash, PartialEq, thiserror::Error)]
#[error("{file}:{line}:{column}: {text}")]
pub struct ConfigError {
    /// The file, as the caller named it.
    pub file: String,
    /// The line; the first one is 1.
    pub line: usize,
    /// The column in characters; the first one is 1.
    pub column: usize,
    /// What is wrong, and what would be right.
    pub text: String,
}

/// Collects the errors of one file by the octet where each begins.
pub(crate) struct Report<'t> {
    text: &'t str,
    errors: Vec<(usize, String)>,
}

impl<'t> Report<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text, errors: Vec::new() }
    }

    pub(crate) fn add(&mut self, offset: usize, text: impl fmt::Display) {
        self.errors.push((offset, text.to_string()));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    /// The line that holds the octet at `offset`, for an error that refers to a second place.
    pub(crate) fn line(&self, offset: usize) -> usize {
        self.position(offset).0
    }

    /// The errors in the order of the file.
    pub(crate) fn into_errors(mut self, file: &str) -> Vec<ConfigError> {
        self.errors.sort_by_key(|&(offset, _)| offset);
        let errors = std::mem::take(&mut self.errors);
        errors
            .into_iter()
            .map(|(offset, text)| {
                let (line, column) = self.position(offset);
                ConfigError { file: file.to_owned(), line, column, text }
            })
            .collect()
    }

    fn position(&self, offset: usize) -> (usize, usize) {
        // The parser may point into a character it did not expect.
        let before = &self.text[..self.text.floor_char_boundary(offset)];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_come_in_the_order_of_the_file_with_columns_in_characters() {
        let mut report = Report::new("a = \"ü\" b\nsecond\n");
        report.add(10, "third");
        report.add(9, "second");
        report.add(0, "first");
        report.add(6, "inside a character");
        report.add(1000, "behind the end");
        let lines: Vec<String> = report.into_errors("f").iter().map(ConfigError::to_string).collect();
        assert_eq!(
            lines,
            [
                "f:1:1: first",
                "f:1:6: inside a character",
                "f:1:9: second",
                "f:1:10: third",
                "f:3:1: behind the end"
            ]
        );
    }
}
