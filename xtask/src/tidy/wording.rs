//! Words that must not be committed.

use super::finding::Finding;
use crate::workspace::SourceFile;

/// Forbidden words with the reason. Split, so that this table does not match itself.
const WORDS: &[(&str, &str)] = &[
    (concat!("FIX", "ME"), "must be mended before it lands"),
    (concat!("<<<<", "<<< "), "is left of a merge"),
    (concat!(">>>>", ">>> "), "is left of a merge"),
    (concat!("/ho", "me/"), "is a path of one machine"),
    (concat!("/ro", "ot/"), "is a path of one machine"),
    (concat!("/Us", "ers/"), "is a path of one machine"),
    (concat!("/wo", "rk/"), "is a path of one machine"),
    (concat!("/tm", "p/brief"), "is a path of one machine"),
];

/// Nouns that precede a number of a tracker.
const TRACKED: &[&str] = &["issue", "issues", "ticket", "bug", "pr", "fixes", "closes"];

pub(super) fn check(file: &SourceFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        let mut find = |what| findings.push(Finding { path: file.path.clone(), line: index + 1, what });
        for (word, reason) in WORDS.iter().filter(|(word, _)| line.contains(word)) {
            find(format!("`{word}` {reason}"));
        }
        if let Some(reference) = tracker_reference(line) {
            find(format!("`{reference}` means nothing to a reader of the text: say it in words"));
        }
    }
    findings
}

/// A noun of the tracker followed by a number, with or without a hash.
fn tracker_reference(line: &str) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    words.windows(2).find_map(|pair| {
        let [noun, number] = pair else { return None };
        let noun = noun.trim_start_matches(|c: char| !c.is_alphanumeric());
        let number = number.trim_start_matches('#').trim_end_matches(|c: char| c.is_ascii_punctuation());
        let is_number = !number.is_empty() && number.bytes().all(|octet| octet.is_ascii_digit());
        (is_number && TRACKED.contains(&noun.to_lowercase().as_str())).then(|| format!("{noun} {number}"))
    })
}

#[cfg(test)]
mod tests {
    use super::{check, tracker_reference};
    use crate::workspace::SourceFile;

    #[test]
    fn finds_words_with_their_lines() {
        let text = format!("ok\n// {}: later\nsee {}me/cat/x\n", concat!("FIX", "ME"), concat!("/h", "o"));
        let file = SourceFile { path: "a.md".into(), text };
        let lines: Vec<usize> = check(&file).iter().map(|finding| finding.line).collect();
        assert_eq!(lines, [2, 3]);
    }

    #[test]
    fn knows_a_reference_to_a_tracker() {
        let cases = [
            (concat!("see iss", "ue 7"), true),
            (concat!("(Fix", "es #12)."), true),
            (concat!("iss", "ues 3, 4"), true),
            ("the issue is 2-octet peers", false),
            ("issues a NOTIFICATION", false),
            ("RFC 7606 closes no session", false),
        ];
        for (line, expected) in cases {
            assert_eq!(tracker_reference(line).is_some(), expected, "{line}");
        }
    }
}
