//! Regular expressions on AS paths, in the notation that routers share.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use bgp_codec::{AsPath, Asn, SegmentKind};
use regex_automata::dfa::{Automaton, dense};
use regex_automata::util::{start, syntax};

/// A regular expression on the text of an AS path: `65001 65002 {1 2}`.
///
/// `_` stands for a border: the beginning, the end, a space, a brace, a bracket or a comma. The rest is the usual notation:
/// `.`, `[0-9]`, `*`, `+`, `?`, `|`, `( )`, `^`, `$`. Without `^` and `$` a match may be anywhere in the path.
///
/// Patterns that only ask whether an AS is there, first or last are compared as numbers; all others run on an automaton
/// that is built once. Cheap to clone. Equality looks at the text.
#[derive(Clone, serde::Deserialize, serde::Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct AsPathPattern(Arc<Compiled>);

struct Compiled {
    text: String,
    matcher: Matcher,
}

enum Matcher {
    Empty,
    Contains(Asn),
    /// The text begins with the number, so not with the brace of a set.
    FirstIs(Asn),
    /// The text ends with the number.
    LastIs(Asn),
    Automaton(Box<dense::DFA<Vec<u32>>>),
}

/// Why text is not a pattern of AS paths.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AsPathPatternError {
    /// Something that no AS path has, which would never match.
    #[error("{0:?} cannot be in an AS path: write AS numbers, _ for a border, and . [ ] * + ? | ( ) ^ $")]
    Character(char),
    /// The notation is wrong.
    #[error("{0}")]
    Syntax(String),
    /// The automaton would take too much memory.
    #[error("the pattern is too large: write several")]
    TooLarge,
}

impl AsPathPattern {
    /// Whether a path has a match.
    pub fn matches(&self, path: AsPath<'_>) -> bool {
        match &self.0.matcher {
            Matcher::Empty => path.is_empty(),
            Matcher::Contains(asn) => path.contains(*asn),
            Matcher::FirstIs(asn) => {
                let first = path.segments().next().filter(|segment| segment.kind() == SegmentKind::Sequence);
                first.and_then(|segment| segment.asns().next()) == Some(*asn)
            }
            Matcher::LastIs(asn) => {
                let last = path.segments().last().filter(|segment| segment.kind() == SegmentKind::Sequence);
                last.and_then(|segment| segment.asns().last()) == Some(*asn)
            }
            Matcher::Automaton(automaton) => runs_to_match(automaton, path),
        }
    }

    /// The text as the operator wrote it.
    pub fn text(&self) -> &str {
        &self.0.text
    }
}

impl FromStr for AsPathPattern {
    type Err = AsPathPatternError;

    fn from_str(text: &str) -> Result<Self, AsPathPatternError> {
        let is_allowed = |c: char| c.is_ascii_digit() || " _.,^$[](){}|*+?-\\".contains(c);
        if let Some(character) = text.chars().find(|&c| !is_allowed(c)) {
            return Err(AsPathPatternError::Character(character));
        }
        let matcher = match simple(text) {
            Some(matcher) => matcher,
            None => Matcher::Automaton(Box::new(build(text)?)),
        };
        Ok(Self(Arc::new(Compiled { text: text.to_owned(), matcher })))
    }
}

/// The pattern as a comparison of numbers, where it is one.
fn simple(text: &str) -> Option<Matcher> {
    if text == "^$" {
        return Some(Matcher::Empty);
    }
    let number = |digits: &str| {
        let is_canonical = digits.bytes().all(|digit| digit.is_ascii_digit()) && !digits.starts_with('0');
        digits.parse().ok().filter(|_| is_canonical).map(Asn)
    };
    let between = |start: char, end: char| text.strip_prefix(start)?.strip_suffix(end).and_then(number);
    let contains = || between('_', '_').map(Matcher::Contains);
    let first = || between('^', '_').map(Matcher::FirstIs);
    contains().or_else(first).or_else(|| between('_', '$').map(Matcher::LastIs))
}

/// An automaton that answers whether there is a match anywhere, within a bounded size.
fn build(text: &str) -> Result<dense::DFA<Vec<u32>>, AsPathPatternError> {
    let pattern = with_borders(text);
    let configuration = dense::Config::new()
        .start_kind(regex_automata::dfa::StartKind::Unanchored)
        .dfa_size_limit(Some(MAX_AUTOMATON_OCTETS))
        .determinize_size_limit(Some(MAX_AUTOMATON_OCTETS))
        .minimize(false);
    let nfa = regex_automata::nfa::thompson::Config::new().nfa_size_limit(Some(MAX_AUTOMATON_OCTETS));
    dense::Builder::new()
        .configure(configuration)
        .thompson(nfa)
        .syntax(syntax::Config::new().unicode(false).utf8(false).nest_limit(MAX_NESTING))
        .build(&pattern)
        .map_err(|error| describe(&error, text))
}

fn describe(error: &dense::BuildError, text: &str) -> AsPathPatternError {
    if error.is_size_limit_exceeded() {
        return AsPathPatternError::TooLarge;
    }
    // The builder's text shows the translated pattern; what the operator wrote is clearer.
    match regex_syntax_error(text) {
        Some(error) => AsPathPatternError::Syntax(error),
        None => AsPathPatternError::Syntax(format!("{text:?} is not a regular expression")),
    }
}

/// What is wrong with the brackets and repetitions of a pattern, in a few words.
fn regex_syntax_error(text: &str) -> Option<String> {
    let count = |c| text.matches(c).count();
    if count('(') != count(')') {
        return Some(format!("{text:?} has a parenthesis without its partner"));
    }
    if count('[') != count(']') {
        return Some(format!("{text:?} has a bracket without its partner"));
    }
    let repeats_nothing = text.starts_with(['*', '+', '?'])
        || ["(*", "(+", "(?", "|*", "|+", "|?"].iter().any(|at| text.contains(at));
    repeats_nothing.then(|| format!("{text:?} repeats nothing: * + ? follow what they repeat"))
}

/// The pattern in the notation of the regex crate. Braces are part of paths here, not counts of repetitions.
fn with_borders(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() * 2);
    let mut in_class = false;
    let mut is_escaped = false;
    for character in text.chars() {
        match character {
            _ if is_escaped => {
                is_escaped = false;
                pattern.extend(['\\', character]);
            }
            '\\' => is_escaped = true,
            '_' if !in_class => pattern.push_str("(?:^|$|[ ,{}()\\[\\]])"),
            '{' | '}' => pattern.extend(['\\', character]),
            _ => {
                in_class = match character {
                    '[' => true,
                    ']' => false,
                    _ => in_class,
                };
                pattern.push(character);
            }
        }
    }
    if is_escaped {
        pattern.push_str("\\\\");
    }
    pattern
}

/// Feeds the text of a path to the automaton without writing it anywhere.
fn runs_to_match(automaton: &dense::DFA<Vec<u32>>, path: AsPath<'_>) -> bool {
    let start = start::Config::new().anchored(regex_automata::Anchored::No);
    let Ok(state) = automaton.start_state(&start) else { return false };
    let mut run = Run { automaton, state };
    // Formatting stops with an error once the outcome is known.
    let is_settled = fmt::Write::write_fmt(&mut run, format_args!("{path}")).is_err();
    let state = if is_settled { run.state } else { automaton.next_eoi_state(run.state) };
    automaton.is_match_state(state)
}

struct Run<'a> {
    automaton: &'a dense::DFA<Vec<u32>>,
    state: regex_automata::util::primitives::StateID,
}

impl fmt::Write for Run<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for octet in text.bytes() {
            self.state = self.automaton.next_state(self.state, octet);
            if self.automaton.is_match_state(self.state) || self.automaton.is_dead_state(self.state) {
                return Err(fmt::Error);
            }
        }
        Ok(())
    }
}

/// More than any pattern needs that a person writes.
const MAX_AUTOMATON_OCTETS: usize = 4 << 20;
const MAX_NESTING: u32 = 50;

impl TryFrom<String> for AsPathPattern {
    type Error = AsPathPatternError;

    fn try_from(text: String) -> Result<Self, AsPathPatternError> {
        text.parse()
    }
}

impl From<AsPathPattern> for String {
    fn from(pattern: AsPathPattern) -> Self {
        pattern.text().to_owned()
    }
}

impl PartialEq for AsPathPattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.text == other.0.text
    }
}

impl Eq for AsPathPattern {}

impl Hash for AsPathPattern {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.text.hash(state);
    }
}

impl fmt::Debug for AsPathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0.text, f)
    }
}

#[cfg(test)]
mod tests {
    use bgp_codec::AsPathBuf;

    use super::*;

    #[test]
    fn patterns_table() {
        // (pattern, path, matches)
        let rows = [
            ("^$", "", true),
            ("^$", "65001", false),
            (".*", "", true),
            ("_65010_", "65010", true),
            ("_65010_", "65001 65010 65002", true),
            ("_65010_", "65001 165010", false),
            ("_65010_", "650100", false),
            ("_65010_", "65001 {65009 65010}", true),
            ("65010", "165010 7", true),
            ("^65001_", "65001 65002", true),
            ("^65001_", "65001", true),
            ("^65001_", "65002 65001", false),
            ("^65001_", "{65001 65002}", false),
            ("_65002$", "65001 65002", true),
            ("_65002$", "65002 65001", false),
            ("^65001 .* 65010$", "65001 65005 65010", true),
            ("^65001 .* 65010$", "65001 65010", false),
            ("^[0-9]+$", "65001", true),
            ("^[0-9]+$", "65001 65002", false),
            ("_6501[0-5]_", "65001 65013", true),
            ("_6501[0-5]_", "65001 65016", false),
            ("^(65001|65002)_", "65002 7", true),
            ("^(65001_)+$", "65001 65001 65001", true),
            ("^(65001_)+$", "65001 65001 65002", false),
            ("_{.*}$", "65001 {1 2}", true),
            ("(_64512)?_65001$", "65001", true),
            ("_(65001|65002)_(65003|65004)_", "1 65002 65003", true),
        ];
        for (pattern, path, expected) in rows {
            let compiled: AsPathPattern = pattern.parse().unwrap();
            let path_buf: AsPathBuf = path.parse().unwrap();
            assert_eq!(compiled.matches(path_buf.as_path()), expected, "{pattern} on {path:?}");
        }
    }

    #[test]
    fn wrong_patterns_say_what_would_be_right() {
        let rows = [
            (
                "AS65001",
                "'A' cannot be in an AS path: write AS numbers, _ for a border, and . [ ] * + ? | ( ) ^ $",
            ),
            ("(65001", "\"(65001\" has a parenthesis without its partner"),
            ("[0-9", "\"[0-9\" has a bracket without its partner"),
            ("*65001", "\"*65001\" repeats nothing: * + ? follow what they repeat"),
        ];
        for (text, expected) in rows {
            assert_eq!(text.parse::<AsPathPattern>().unwrap_err().to_string(), expected);
        }
        // Where a 1 stood up to 20 characters ago takes a million states.
        let large = format!("1{}$", ".".repeat(20));
        assert_eq!(large.parse::<AsPathPattern>().unwrap_err(), AsPathPatternError::TooLarge);
    }
}
