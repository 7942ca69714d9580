//! Errors in the manner of a compiler: the line of the file, the place in it, and what would be right.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use crate::config_error::ConfigError;

impl ConfigError {
    /// The error in several lines: what is wrong, the line of the file with the place marked, what would be right. Ends
    /// without a line break.
    #[must_use]
    pub fn snippet(&self) -> String {
        let (wrong, advice) = split_advice(&self.text);
        let excerpt: String = self.excerpt.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let start = octets(&excerpt, self.excerpt_column.saturating_sub(1));
        let end = octets(&excerpt, self.excerpt_column.saturating_sub(1) + self.width);
        let snippet = Snippet::source(excerpt.as_str())
            .line_start(self.line)
            .annotation(AnnotationKind::Primary.span(start..end));
        let title = Group::with_title(Level::ERROR.primary_title(wrong));
        let mut group = if self.excerpt_column == self.column {
            title.element(snippet.path(self.file.as_str()))
        } else {
            let origin = Origin::path(self.file.as_str()).line(self.line).char_column(self.column);
            title.element(origin).element(snippet)
        };
        if let Some(advice) = advice {
            group = group.element(Level::HELP.message(advice));
        }
        Renderer::plain().decor_style(DecorStyle::Ascii).render(&[group])
    }
}

/// What is wrong, and what would be right: advice follows a colon and begins with one of [`ADVICE`].
fn split_advice(text: &str) -> (&str, Option<&str>) {
    let begins = |&(colon, _): &(usize, &str)| {
        let rest = &text[colon + 2..];
        // What stands before it says what is wrong, and does not only name the key.
        text[..colon].contains(' ') && ADVICE.iter().any(|verb| rest.starts_with(verb))
    };
    match text.match_indices(": ").find(begins) {
        Some((colon, _)) => (&text[..colon], Some(&text[colon + 2..])),
        None => (text, None),
    }
}

/// How advice begins.
const ADVICE: [&str; 12] = [
    "begin ",
    "choose ",
    "did you mean ",
    "give ",
    "it belongs ",
    "keep ",
    "leave ",
    "put ",
    "raise ",
    "remove ",
    "there is ",
    "write ",
];

/// Where a number of characters ends, in octets.
fn octets(line: &str, characters: usize) -> usize {
    line.char_indices().nth(characters).map_or(line.len(), |(offset, _)| offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(excerpt: &str, column: usize, width: usize, text: &str) -> String {
        let (file, excerpt, text) = ("a.toml".to_owned(), excerpt.to_owned(), text.to_owned());
        ConfigError { file, line: 7, column, width, excerpt, excerpt_column: column, text }.snippet()
    }

    #[test]
    fn the_place_is_marked_and_the_advice_follows() {
        assert_eq!(
            error(
                "hold_tiem = \"9s\"",
                1,
                9,
                "unknown key \"hold_tiem\" in [[peer]]: did you mean \"hold_time\"?"
            ),
            "error: unknown key \"hold_tiem\" in [[peer]]\n --> a.toml:7:1\n  |\n7 | hold_tiem = \"9s\"\n  | ^^^^^^^^^\n  |\n  = help: did you mean \"hold_time\"?"
        );
    }

    #[test]
    fn columns_are_characters() {
        let marked = error("a = \"üü\" x", 10, 1, "odd");
        assert!(marked.ends_with("7 | a = \"üü\" x\n  |          ^"), "{marked}");
    }

    #[test]
    fn a_place_behind_the_end_of_the_line_and_control_characters_do_no_harm() {
        for (source, column, width) in [("", 1, 1), ("a", 9, 9), ("\u{1b}[31m\tred", 2, 40), ("\r", 1, 2)] {
            let snippet = error(source, column, width, "odd: write \"a\"");
            assert!(snippet.contains("odd") && !snippet.contains('\u{1b}'), "{snippet:?}");
        }
    }
}
