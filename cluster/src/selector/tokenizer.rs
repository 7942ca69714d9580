//! The words of a selector.

use std::borrow::Cow;

/// One word.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Token<'t> {
    Label(&'t str),
    Text(&'t str),
    Has(&'t str),
    All,
    Global,
    Equal,
    NotEqual,
    Contains,
    StartsWith,
    EndsWith,
    In,
    NotIn,
    Not,
    And,
    Or,
    LeftParenthesis,
    RightParenthesis,
    LeftBrace,
    RightBrace,
    Comma,
    End,
}

/// Longest name of a label, in octets.
const MAX_LABEL_LENGTH: usize = 512;

/// Operators that begin with a letter and follow a label. The two words of one may have any space between them.
const WORD_OPERATORS: &[(&str, &str, Token<'static>)] = &[
    ("contains", "", Token::Contains),
    ("starts", "with", Token::StartsWith),
    ("ends", "with", Token::EndsWith),
    ("not", "in", Token::NotIn),
    ("in", "", Token::In),
];

/// Reads a selector word by word.
pub(super) struct Tokenizer<'t> {
    text: &'t str,
    rest: &'t str,
    after_label: bool,
}

/// What is wrong, and at which octet.
pub(super) type TokenError = (usize, Cow<'static, str>);

impl<'t> Tokenizer<'t> {
    pub(super) const fn new(text: &'t str) -> Self {
        Self { text, rest: text, after_label: false }
    }

    /// The octet of the text that is read next.
    pub(super) const fn offset(&self) -> usize {
        self.text.len() - self.rest.len()
    }

    /// Reads the next word; [`Token::End`] for ever once all is read.
    pub(super) fn next(&mut self) -> Result<Token<'t>, TokenError> {
        self.skip_space();
        let token = match self.rest.chars().next() {
            None => Token::End,
            Some('(') => self.symbol("(", Token::LeftParenthesis),
            Some(')') => self.symbol(")", Token::RightParenthesis),
            Some('{') => self.symbol("{", Token::LeftBrace),
            Some('}') => self.symbol("}", Token::RightBrace),
            Some(',') => self.symbol(",", Token::Comma),
            Some('=') => self.doubled("==", Token::Equal)?,
            Some('&') => self.doubled("&&", Token::And)?,
            Some('|') => self.doubled("||", Token::Or)?,
            Some('!') if self.rest.starts_with("!=") => self.symbol("!=", Token::NotEqual),
            Some('!') => self.symbol("!", Token::Not),
            Some(quote @ ('"' | '\'')) => self.quoted(quote)?,
            Some(_) if self.after_label => self.word_operator()?,
            Some(_) => self.word()?,
        };
        self.after_label = matches!(token, Token::Label(_));
        Ok(token)
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    fn eat(&mut self, prefix: &str) -> bool {
        let after = self.rest.strip_prefix(prefix);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn symbol(&mut self, symbol: &str, token: Token<'t>) -> Token<'t> {
        self.eat(symbol);
        token
    }

    fn doubled(&mut self, symbol: &'static str, token: Token<'t>) -> Result<Token<'t>, TokenError> {
        if self.eat(symbol) { Ok(token) } else { Err(self.error(format!("{symbol} was expected"))) }
    }

    fn quoted(&mut self, quote: char) -> Result<Token<'t>, TokenError> {
        let inside = self.rest.strip_prefix(quote).unwrap_or_default();
        let Some((text, after)) = inside.split_once(quote) else {
            return Err(self.error(format!("the string has no closing {quote}")));
        };
        self.rest = after;
        Ok(Token::Text(text))
    }

    fn word_operator(&mut self) -> Result<Token<'t>, TokenError> {
        let start = self.rest;
        for (first, second, token) in WORD_OPERATORS {
            if self.eat(first) {
                self.skip_space();
                if self.eat(second) {
                    return Ok(*token);
                }
            }
            self.rest = start;
        }
        Err(self.error(
            "an operator was expected after the label: ==, !=, in, not in, contains, starts with or ends with",
        ))
    }

    fn word(&mut self) -> Result<Token<'t>, TokenError> {
        if self.eat("has(") {
            self.skip_space();
            let label = self.label()?;
            self.skip_space();
            return if self.eat(")") {
                Ok(Token::Has(label))
            } else {
                Err(self.error(") was expected after has("))
            };
        }
        for (function, token) in [("all(", Token::All), ("global(", Token::Global)] {
            if self.eat(function) {
                self.skip_space();
                let closed = self.eat(")");
                return if closed {
                    Ok(token)
                } else {
                    Err(self.error(format!(") was expected after {function}")))
                };
            }
        }
        self.label().map(Token::Label)
    }

    fn label(&mut self) -> Result<&'t str, TokenError> {
        let is_inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '/' | '-');
        let end = self.rest.find(|c| !is_inner(c)).unwrap_or(self.rest.len());
        let (label, after) = self.rest.split_at(end);
        if label.is_empty() {
            return Err(
                self.error("the name of a label was expected: letters, digits, '_', '.', '/' and '-'")
            );
        }
        if label.len() > MAX_LABEL_LENGTH {
            return Err(self.error(format!("the name of a label has at most {MAX_LABEL_LENGTH} characters")));
        }
        self.rest = after;
        Ok(label)
    }

    fn error(&self, message: impl Into<Cow<'static, str>>) -> TokenError {
        (self.offset(), message.into())
    }
}
