//! BFD: `protocol bfd`, and the option `bfd` of sessions.

use crate::model::Settings;
use crate::remark::RemarkKind;

use super::BirdError;
use super::cursor::Cursor;
use super::protocols::{Options, Reader, body};
use super::token::Token;

impl Reader {
    /// What is said of all sessions becomes part of each `bfd`; what is said of some is left out.
    pub(super) fn bfd(&mut self, options: &Options<'_>, files: &[String]) -> Result<(), BirdError> {
        for (option, _) in &options.list {
            let mut cursor = Cursor::new(option, files);
            let place = cursor.place();
            let of_all = ["multihop", "interface"].iter().any(|word| cursor.eat_word(word));
            if of_all && cursor.peek().is_some_and(|token| token.is("{")) {
                self.bfd_options(&body(&mut cursor)?, files)?;
            } else if of_all || cursor.eat_word("neighbor") {
                let text = "protocol bfd: what is set for some interfaces or neighbors is left out; bfd of a peer has it";
                self.remark(place, RemarkKind::LeftOut, text);
            } else if !BFD_DETAILS.iter().any(|word| cursor.eat_word(word)) {
                self.unknown(option, "protocol bfd");
            }
        }
        Ok(())
    }

    fn bfd_options(&mut self, options: &[&[Token]], files: &[String]) -> Result<(), BirdError> {
        for option in options {
            let mut cursor = Cursor::new(option, files);
            if !bfd_setting(&mut self.bfd, &mut cursor)? {
                self.unknown(option, "protocol bfd");
            }
        }
        Ok(())
    }

    /// The option `bfd` of a session, behind that word.
    pub(super) fn session_bfd(
        &mut self,
        cursor: &mut Cursor<'_>,
        files: &[String],
    ) -> Result<String, BirdError> {
        if cursor.eat_word("off") || cursor.eat_word("no") {
            return Ok("false".to_owned());
        }
        let mut own = Settings::new();
        if cursor.peek().is_some_and(|token| token.is("{")) {
            for option in body(cursor)? {
                let mut cursor = Cursor::new(option, files);
                if !bfd_setting(&mut own, &mut cursor)? {
                    self.unknown(option, "bfd");
                }
            }
        }
        Ok(table(&own))
    }

    /// A session's `bfd` with what is said of all sessions.
    pub(super) fn with_common_bfd(&self, value: &str) -> String {
        match value {
            "true" if !self.bfd.is_empty() => table(&self.bfd),
            value => value.to_owned(),
        }
    }
}

/// Reads an interval or the multiplier; `false` if an option is neither.
fn bfd_setting(settings: &mut Settings, cursor: &mut Cursor<'_>) -> Result<bool, BirdError> {
    let keys: &[&'static str] = if cursor.eat_words("interval") {
        &["transmit", "receive"]
    } else if cursor.eat_words("min rx interval") {
        &["receive"]
    } else if cursor.eat_words("min tx interval") {
        &["transmit"]
    } else if cursor.eat_word("multiplier") {
        settings.insert("multiplier", cursor.number()?.clamp(1, 255).to_string());
        return Ok(true);
    } else {
        return Ok(["idle tx interval", "passive", "authentication none"]
            .iter()
            .any(|words| cursor.eat_words(words)));
    };
    let number = cursor.number()?;
    let unit = if cursor.eat_word("s") {
        "s"
    } else if cursor.eat_word("us") {
        "us"
    } else {
        cursor.eat_word("ms");
        "ms"
    };
    // Intervals below a millisecond are not kept.
    let text = if unit == "us" {
        format!("\"{}ms\"", (number / 1000).max(1))
    } else {
        format!("\"{number}{unit}\"")
    };
    for key in keys {
        settings.insert(key, text.clone());
    }
    Ok(true)
}

fn table(settings: &Settings) -> String {
    if settings.is_empty() {
        return "true".to_owned();
    }
    let keys: Vec<String> = settings.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    format!("{{ {} }}", keys.join(", "))
}

/// Options of the BFD protocol that need nothing here.
const BFD_DETAILS: [&str; 5] = ["debug", "accept", "strict", "description", "vrf"];
