//! Text in TOML.

use std::fmt::Write as _;

/// A document that grows.
#[derive(Debug, Default)]
pub(super) struct Text {
    out: String,
    /// Whether a comment stands before the next table.
    commented: bool,
}

impl Text {
    /// A comment before the next table. Line ends in it cannot end it.
    pub(super) fn comment(&mut self, words: &str) {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        let one_line: String = words.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        self.line(&format!("# {one_line}"));
        self.commented = true;
    }

    pub(super) fn table(&mut self, name: &str) {
        self.begin(&format!("[{name}]"));
    }

    pub(super) fn array_table(&mut self, name: &str) {
        self.begin(&format!("[[{name}]]"));
    }

    /// A key with a value that is TOML already.
    pub(super) fn value(&mut self, key: &str, value: &str) {
        self.line(&format!("{key} = {value}"));
    }

    /// A key with a list of values that are TOML already, on one line.
    pub(super) fn list(&mut self, key: &str, items: &[String]) {
        self.line(&format!("{key} = [{}]", items.join(", ")));
    }

    /// A key with a list of values, one a line.
    pub(super) fn lines(&mut self, key: &str, items: &[String]) {
        self.line(&format!("{key} = ["));
        items.iter().for_each(|item| self.line(&format!("  {item},")));
        self.line("]");
    }

    /// Appends another document.
    pub(super) fn append(&mut self, other: &Self) {
        if !other.out.is_empty() {
            self.out.push('\n');
            self.out.push_str(other.out.trim_start_matches('\n'));
        }
    }

    pub(super) fn finish(self) -> String {
        self.out
    }

    fn begin(&mut self, header: &str) {
        if !self.out.is_empty() && !self.commented {
            self.out.push('\n');
        }
        self.commented = false;
        self.line(header);
    }

    fn line(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
    }
}

/// A string of TOML. Whatever the text holds, it ends where it ends.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() => {
                write!(out, "\\u{:04X}", u32::from(c)).expect("writing to a String cannot fail")
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::{Text, quoted};

    #[test]
    fn a_string_ends_where_it_ends() {
        assert_eq!(quoted("a\"b\\c\nd\u{7f}"), "\"a\\\"b\\\\c\\u000Ad\\u007F\"");
    }

    #[test]
    fn a_comment_is_one_line() {
        let mut text = Text::default();
        text.comment("peer x\n[global]");
        assert_eq!(text.finish(), "# peer x [global]\n");
    }
}
