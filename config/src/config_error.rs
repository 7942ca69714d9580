//! An error in the operator's file, and the list of them that a reading collects.

use std::fmt;
use std::path::Path;

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

/// Reads a file that the configuration names; what the system says otherwise.
pub type ReadFile<'r> = &'r mut dyn FnMut(&Path) -> Result<Vec<u8>, String>;

/// Collects the errors of one file by the octet where each begins.
pub(crate) struct Report<'t> {
    text: &'t str,
    /// Where each line begins.
    lines: Vec<usize>,
    errors: Vec<(usize, String)>,
    /// Where files that the configuration names can be read.
    read_file: Option<ReadFile<'t>>,
    /// Whether files are checked of which only the names are needed now.
    checks_files: bool,
}

impl<'t> Report<'t> {
    pub(crate) fn new(text: &'t str, read_file: Option<ReadFile<'t>>) -> Self {
        let ends = text.match_indices('\n').map(|(newline, _)| newline + 1);
        let lines = std::iter::once(0).chain(ends).collect();
        Self { text, lines, errors: Vec::new(), read_file, checks_files: true }
    }

    /// The same without a check of files of which only the names are needed now.
    pub(crate) fn without_checks(self) -> Self {
        Self { checks_files: false, ..self }
    }

    pub(crate) fn add(&mut self, offset: usize, text: impl fmt::Display) {
        self.errors.push((offset, text.to_string()));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    /// The content of a file of which only the name is needed now; `None` where such files are not checked.
    pub(crate) fn check_file(&mut self, path: &Path) -> Option<Result<Vec<u8>, String>> {
        if self.checks_files { self.read_file(path) } else { None }
    }

    /// The content of a file that the configuration names; `None` where files cannot be read.
    pub(crate) fn read_file(&mut self, path: &Path) -> Option<Result<Vec<u8>, String>> {
        self.read_file.as_mut().map(|read| read(path))
    }

    /// The line that holds the octet at `offset`, for an error that refers to a second place.
    pub(crate) fn line(&self, offset: usize) -> usize {
        self.lines.partition_point(|&start| start <= offset.min(self.text.len()))
    }

    /// The errors in the order of the file, in time proportional to both.
    pub(crate) fn into_errors(mut self, file: &str) -> Vec<ConfigError> {
        self.errors.sort_by_key(|&(offset, _)| offset);
        // What was counted before: up to where, in which line, and how many characters of it.
        let (mut counted_to, mut counted_line, mut characters) = (0, 1, 0);
        let errors = std::mem::take(&mut self.errors);
        errors
            .into_iter()
            .map(|(offset, text)| {
                let line = self.line(offset);
                if line != counted_line {
                    (counted_to, counted_line, characters) = (self.lines[line - 1], line, 0);
                }
                // The parser may point into a character it did not expect.
                let end = self.text.floor_char_boundary(offset);
                characters += self.text[counted_to..end].chars().count();
                counted_to = end;
                ConfigError { file: file.to_owned(), line, column: characters + 1, text }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_come_in_the_order_of_the_file_with_columns_in_characters() {
        let mut report = Report::new("a = \"ü\" b\nsecond\n", None);
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

    /// Counting from the start of the file for each error takes minutes here.
    #[test]
    fn many_errors_of_a_long_file_are_found_in_no_time() {
        let text = "ü = 1\n".repeat(200_000) + &"ü".repeat(200_000);
        let mut report = Report::new(&text, None);
        let offsets = (0..text.len()).step_by(7);
        offsets.clone().for_each(|offset| report.add(offset, ""));
        let errors = report.into_errors("f");
        assert_eq!(errors.len(), offsets.count());
        assert_eq!(errors.last().map(|error| error.line), Some(200_001));
    }
}
