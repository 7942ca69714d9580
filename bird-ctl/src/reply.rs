//! Replies: lines with codes.

use std::fmt::Display;

/// A reply that is being written.
#[derive(Debug, Default)]
pub struct Reply {
    text: String,
    last_code: Option<u16>,
}

impl Reply {
    /// Adds a line after which more follow.
    pub fn line(&mut self, code: u16, text: impl Display) {
        self.text += &if self.last_code.replace(code) == Some(code) {
            format!(" {text}\n")
        } else {
            format!("{code:04}-{text}\n")
        };
    }

    /// Takes the lines that are there, so that a long reply can be sent in parts.
    #[must_use]
    pub fn take(&mut self) -> String {
        std::mem::take(&mut self.text)
    }

    /// The rest of the reply, with its last line.
    #[must_use]
    pub fn end(self, code: u16, text: impl Display) -> String {
        self.text + &format!("{code:04} {text}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_written_where_it_changes_and_at_the_end() {
        let mut reply = Reply::default();
        reply.line(1000, "a");
        reply.line(1000, "b");
        reply.line(24, "c");
        assert_eq!(reply.end(13, "d"), "1000-a\n b\n0024-c\n0013 d\n");
        assert_eq!(Reply::default().end(0, ""), "0000 \n");
    }
}
