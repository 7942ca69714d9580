//! A place among tokens, from which a parser reads on.

use super::BirdError;
use super::token::{Token, TokenKind};
use super::tree::Place;

/// Reads tokens one by one.
pub(crate) struct Cursor<'t> {
    tokens: &'t [Token],
    next: usize,
    files: &'t [String],
    /// How deep the parser is in blocks and parentheses.
    depth: usize,
}

/// Deeper ones do not occur, and would need a stack without bound.
const MAX_DEPTH: usize = 100;

impl<'t> Cursor<'t> {
    pub(crate) fn new(tokens: &'t [Token], files: &'t [String]) -> Self {
        Self { tokens, next: 0, files, depth: 0 }
    }

    pub(crate) fn peek(&self) -> Option<&'t Token> {
        self.tokens.get(self.next)
    }

    pub(crate) fn peek_after(&self, count: usize) -> Option<&'t Token> {
        self.tokens.get(self.next + count)
    }

    pub(crate) fn next(&mut self) -> Option<&'t Token> {
        let token = self.tokens.get(self.next)?;
        self.next += 1;
        Some(token)
    }

    pub(crate) fn place(&self) -> Place {
        let token = self.peek().or_else(|| self.tokens.last());
        token.map_or_else(Place::default, |token| Place { file: token.file, line: token.line })
    }

    /// Takes a mark if it comes next.
    pub(crate) fn eat(&mut self, mark: &str) -> bool {
        let is_next = self.peek().is_some_and(|token| token.is(mark));
        self.next += usize::from(is_next);
        is_next
    }

    /// Takes a word if it comes next.
    pub(crate) fn eat_word(&mut self, word: &str) -> bool {
        let is_next = self.peek().is_some_and(|token| token.is_word(word));
        self.next += usize::from(is_next);
        is_next
    }

    /// Takes words if they come next, all of them.
    pub(crate) fn eat_words(&mut self, words: &str) -> bool {
        let words: Vec<&str> = words.split(' ').collect();
        let are_next = words
            .iter()
            .enumerate()
            .all(|(index, word)| self.peek_after(index).is_some_and(|token| token.is_word(word)));
        if are_next {
            self.next += words.len();
        }
        are_next
    }

    pub(crate) fn expect(&mut self, mark: &'static str) -> Result<(), BirdError> {
        if self.eat(mark) { Ok(()) } else { Err(self.error(format_args!("expected {mark:?}"))) }
    }

    pub(crate) fn word(&mut self) -> Result<&'t str, BirdError> {
        match self.peek().and_then(Token::word) {
            Some(word) => {
                self.next += 1;
                Ok(word)
            }
            None => Err(self.error("expected a name")),
        }
    }

    pub(crate) fn number(&mut self) -> Result<u64, BirdError> {
        match self.peek().map(|token| &token.kind) {
            Some(TokenKind::Number(number)) => {
                self.next += 1;
                Ok(*number)
            }
            _ => Err(self.error("expected a number")),
        }
    }

    /// Takes the tokens up to the `;` that ends a statement, or to its block; that one is in the result with all that is inside.
    pub(crate) fn statement(&mut self, ends_with_block: impl Fn(&Token) -> bool) -> &'t [Token] {
        let start = self.next;
        let ends_with_block = self.peek().is_some_and(ends_with_block);
        let mut depth = 0usize;
        while let Some(token) = self.next() {
            if token.is("{") {
                depth += 1;
            } else if token.is("}") {
                depth = depth.saturating_sub(1);
                if depth == 0 && ends_with_block {
                    break;
                }
            } else if depth == 0 && token.is(";") && !(ends_with_block && self.opens_block_later()) {
                return &self.tokens[start..self.next - 1];
            }
        }
        &self.tokens[start..self.next]
    }

    /// Takes the tokens of a statement in a block, and its `;`. The `}` that ends the block stays.
    pub(crate) fn statement_inside(&mut self) -> &'t [Token] {
        let start = self.next;
        let mut depth = 0usize;
        while let Some(token) = self.peek() {
            if token.is("{") {
                depth += 1;
            } else if token.is("}") {
                if depth == 0 {
                    return &self.tokens[start..self.next];
                }
                depth -= 1;
            } else if token.is(";") && depth == 0 {
                self.next += 1;
                return &self.tokens[start..self.next - 1];
            }
            self.next += 1;
        }
        &self.tokens[start..self.next]
    }

    /// Whether declarations stand before the block, as BIRD 1.6 has them.
    fn opens_block_later(&self) -> bool {
        let rest = &self.tokens[self.next..];
        rest.iter().find(|token| token.is("{") || token.is("}")).is_some_and(|token| token.is("{"))
            && rest.first().is_some_and(|token| token.is("{") || TYPES.iter().any(|word| token.is_word(word)))
    }

    /// Does something one level deeper.
    pub(crate) fn deeper<T>(
        &mut self,
        act: impl FnOnce(&mut Self) -> Result<T, BirdError>,
    ) -> Result<T, BirdError> {
        if self.depth == MAX_DEPTH {
            return Err(self.error("blocks and parentheses are nested too deep"));
        }
        self.depth += 1;
        let result = act(self);
        self.depth -= 1;
        result
    }

    pub(crate) fn error(&self, text: impl std::fmt::Display) -> BirdError {
        let Place { file, line } = self.place();
        let found = match self.peek().map(|token| &token.kind) {
            None => "the end".to_owned(),
            Some(TokenKind::Word(word)) => format!("{word:?}"),
            Some(TokenKind::Number(number)) => number.to_string(),
            Some(TokenKind::Address(address)) => address.to_string(),
            Some(TokenKind::Text(text)) => format!("{text:?}"),
            Some(TokenKind::Mark(mark)) => format!("{mark:?}"),
        };
        let file = self.files.get(file).cloned().unwrap_or_default();
        BirdError { file, line, text: format!("{text}, found {found}") }
    }
}

/// The words that begin a declaration.
pub(crate) const TYPES: [&str; 16] = [
    "int", "bool", "ip", "prefix", "pair", "quad", "ec", "lc", "string", "enum", "bgpmask", "bgppath",
    "clist", "eclist", "lclist", "rd",
];
