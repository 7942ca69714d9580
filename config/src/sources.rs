//! The texts that a configuration is read from: the operator's file, and those that it includes.

use std::ops::Range;
use std::path::Path;

use crate::config_error::ConfigError;

/// How the files that a configuration consists of and names are read.
pub trait Files {
    /// The content of a file.
    ///
    /// # Errors
    ///
    /// What the system says.
    fn read(&mut self, path: &Path) -> Result<Vec<u8>, String>;

    /// The names in a folder, in any order.
    ///
    /// # Errors
    ///
    /// What the system says.
    fn list(&mut self, folder: &Path) -> Result<Vec<String>, String>;
}

/// The texts in the order in which they are read, each with a range of offsets of its own.
pub(crate) struct Sources {
    /// At least one.
    files: Vec<Source>,
}

/// One text.
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) text: String,
    /// Where it begins among all texts, in octets.
    pub(crate) base: usize,
    /// Where each line begins within it.
    lines: Vec<usize>,
}

/// A place in one of the texts.
pub(crate) struct Place<'s> {
    pub(crate) source: &'s Source,
    /// The line; the first one is 1.
    pub(crate) line: usize,
}

impl Sources {
    pub(crate) fn new(name: &str, text: &str) -> Self {
        Self { files: vec![Source::new(name.to_owned(), text.to_owned(), 0)] }
    }

    /// Adds a text after those that are there.
    pub(crate) fn push(&mut self, name: String, text: String) {
        // One octet stays between two texts, for errors at the end of one.
        let base = self.files.last().map_or(0, |last| last.base + last.text.len() + 1);
        self.files.push(Source::new(name, text, base));
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, Source> {
        self.files.iter()
    }

    /// Where an offset among all texts lies.
    pub(crate) fn place(&self, offset: usize) -> Place<'_> {
        let after = self.files.partition_point(|source| source.base <= offset);
        let source = &self.files[after.saturating_sub(1)];
        Place { source, line: source.line(offset - source.base) }
    }

    /// Errors by the range of octets that each is about, in the order of the texts, in time proportional to both.
    pub(crate) fn errors(&self, mut found: Vec<(Range<usize>, String)>) -> Vec<ConfigError> {
        found.sort_by_key(|(range, _)| range.start);
        // What was counted before: from which octet of all texts to which, and how many characters.
        let (mut line_start, mut counted_to, mut characters) = (None, 0, 0);
        let mut errors = Vec::with_capacity(found.len());
        for (range, text) in found {
            let Place { source, line } = self.place(range.start);
            let line_text = source.line_text(line);
            let start = source.lines[line - 1];
            if line_start != Some(source.base + start) {
                (line_start, counted_to, characters) = (Some(source.base + start), start, 0);
            }
            // The parser may point into a character it did not expect.
            let end = source.text.floor_char_boundary(range.start - source.base);
            characters += source.text[counted_to..end].chars().count();
            counted_to = end;
            let width = width(&line_text[line_text.floor_char_boundary(end - start)..], range.len());
            let (excerpt, excerpt_column) = excerpt(line_text, end - start, characters + 1);
            errors.push(ConfigError {
                file: source.name.clone(),
                line,
                column: characters + 1,
                width,
                excerpt,
                excerpt_column,
                text,
            });
        }
        errors
    }
}

impl Source {
    fn new(name: String, text: String, base: usize) -> Self {
        let ends = text.match_indices('\n').map(|(newline, _)| newline + 1);
        let lines = std::iter::once(0).chain(ends).collect();
        Self { name, text, base, lines }
    }

    /// The line that holds the octet at `offset` of this text.
    fn line(&self, offset: usize) -> usize {
        self.lines.partition_point(|&start| start <= offset.min(self.text.len()))
    }

    /// A line without its end.
    fn line_text(&self, line: usize) -> &str {
        let end = self.lines.get(line).copied().unwrap_or(self.text.len());
        self.text[self.lines[line - 1]..end].trim_end_matches(['\r', '\n'])
    }
}

/// How many characters of the rest of a line are meant: those of the range, or a word where it is empty; at least 1.
fn width(rest: &str, octets: usize) -> usize {
    let word = |c: &char| c.is_alphanumeric() || "_.-".contains(*c);
    let characters = match octets {
        0 if rest.starts_with('[') => rest.find([' ', '=']).unwrap_or(rest.len()),
        0 => rest.chars().take(LONGEST_EXCERPT).take_while(word).count(),
        octets => rest[..rest.floor_char_boundary(octets.min(LONGEST_EXCERPT))].chars().count(),
    };
    characters.max(1)
}

/// The part of a line around an octet, and the column in it, given that in the line.
fn excerpt(line: &str, offset: usize, column: usize) -> (String, usize) {
    if line.len() <= LONGEST_EXCERPT {
        return (line.to_owned(), column);
    }
    let offset = line.floor_char_boundary(offset);
    let start = line.floor_char_boundary(offset.saturating_sub(LONGEST_EXCERPT / 2));
    let end = line.floor_char_boundary(offset.saturating_add(LONGEST_EXCERPT / 2));
    (line[start..end].to_owned(), line[start..offset].chars().count() + 1)
}

/// In octets: a line of a generated file may have thousands.
const LONGEST_EXCERPT: usize = 160;

#[cfg(test)]
mod tests {
    use super::*;

    fn places(offsets: &[usize], text: &str) -> Vec<(usize, usize, usize, String)> {
        let found = offsets.iter().map(|&offset| (offset..offset, String::new())).collect();
        let errors = Sources::new("f", text).errors(found);
        errors.into_iter().map(|error| (error.line, error.column, error.width, error.excerpt)).collect()
    }

    #[test]
    fn errors_come_in_the_order_of_the_file_with_columns_in_characters() {
        let first = "a = \"ü\" b".to_owned();
        assert_eq!(
            places(&[10, 9, 0, 6, 1000], "a = \"ü\" b\nsecond\n"),
            [
                (1, 1, 1, first.clone()),
                (1, 6, 1, first.clone()),
                (1, 9, 1, first.clone()),
                (1, 10, 1, first),
                (3, 1, 1, String::new())
            ]
        );
    }

    #[test]
    fn offsets_belong_to_the_file_that_they_lie_in() {
        let mut sources = Sources::new("a", "one\n");
        sources.push("b".to_owned(), "two\nthree".to_owned());
        let named: Vec<(String, usize)> = [0, 4, 5, 9, 100]
            .map(|offset| (sources.place(offset).source.name.clone(), sources.place(offset).line))
            .into();
        let expected = [("a", 1), ("a", 2), ("b", 1), ("b", 2), ("b", 2)];
        assert_eq!(named, expected.map(|(name, line)| (name.to_owned(), line)));
    }

    /// Counting from the start of the file, or copying the line, for each error takes minutes here.
    #[test]
    fn many_errors_of_a_long_file_are_found_in_no_time() {
        let text = "ü = 1\n".repeat(200_000) + &"ü".repeat(200_000);
        let offsets: Vec<usize> = (0..text.len()).step_by(7).collect();
        let found = places(&offsets, &text);
        assert_eq!(found.len(), offsets.len());
        assert_eq!(found.last().map(|place| place.0), Some(200_001));
        assert!(found.iter().all(|(.., excerpt)| excerpt.len() <= LONGEST_EXCERPT));
    }
}
