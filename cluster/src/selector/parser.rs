//! From the words of a selector to its expression.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::expression::Expression;
use super::tokenizer::{Token, TokenError, Tokenizer};

/// Why a text is not a selector.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{message} (at character {character})")]
pub struct SelectorError {
    /// Where, in characters from 1.
    pub character: usize,
    /// What is wrong there.
    pub message: Cow<'static, str>,
}

/// Deepest nesting of parentheses: far beyond what people write, and safe for the stack.
const MAX_DEPTH: usize = 100;

pub(super) fn parse(text: &str) -> Result<Expression, SelectorError> {
    let character = |octet: usize| text.get(..octet).map_or(0, |before| before.chars().count()) + 1;
    parse_all(text).map_err(|(octet, message)| SelectorError { character: character(octet), message })
}

fn parse_all(text: &str) -> Result<Expression, TokenError> {
    let mut parser = Parser { tokenizer: Tokenizer::new(text), token: Token::End, start: 0 };
    parser.advance()?;
    if parser.token == Token::End {
        return Ok(Expression::All);
    }
    let expression = parser.or(0)?;
    match parser.token {
        Token::End => Ok(expression),
        _ => Err(parser.error("&&, || or the end was expected")),
    }
}

struct Parser<'t> {
    tokenizer: Tokenizer<'t>,
    /// The word that is looked at.
    token: Token<'t>,
    /// Where it begins.
    start: usize,
}

impl<'t> Parser<'t> {
    fn advance(&mut self) -> Result<(), TokenError> {
        self.start = self.tokenizer.offset();
        self.token = self.tokenizer.next()?;
        Ok(())
    }

    fn or(&mut self, depth: usize) -> Result<Expression, TokenError> {
        let first = self.and(depth)?;
        if self.token != Token::Or {
            return Ok(first);
        }
        let mut operands = vec![first];
        while self.token == Token::Or {
            self.advance()?;
            operands.push(self.and(depth)?);
        }
        Ok(Expression::Or(operands))
    }

    fn and(&mut self, depth: usize) -> Result<Expression, TokenError> {
        let first = self.operation(depth)?;
        if self.token != Token::And {
            return Ok(first);
        }
        let mut operands = vec![first];
        while self.token == Token::And {
            self.advance()?;
            operands.push(self.operation(depth)?);
        }
        Ok(Expression::And(operands))
    }

    fn operation(&mut self, depth: usize) -> Result<Expression, TokenError> {
        let mut negated = false;
        while self.token == Token::Not {
            negated = !negated;
            self.advance()?;
        }
        let operand = self.operand(depth)?;
        Ok(if negated { Expression::Not(Box::new(operand)) } else { operand })
    }

    fn operand(&mut self, depth: usize) -> Result<Expression, TokenError> {
        let operand = match self.token {
            Token::All => Expression::All,
            Token::Global => Expression::Global,
            Token::Has(label) => Expression::Has(label.to_owned()),
            Token::Label(label) => return self.comparison(label),
            Token::LeftParenthesis if depth >= MAX_DEPTH => {
                return Err(self.error("parentheses are nested too deeply"));
            }
            Token::LeftParenthesis => {
                self.advance()?;
                let inner = self.or(depth + 1)?;
                if self.token != Token::RightParenthesis {
                    return Err(self.error(") was expected"));
                }
                inner
            }
            _ => return Err(self.error("a label, has(), all(), global(), ! or ( was expected")),
        };
        self.advance()?;
        Ok(operand)
    }

    fn comparison(&mut self, label: &str) -> Result<Expression, TokenError> {
        self.advance()?;
        let operator = self.token;
        let label = label.to_owned();
        let with_value: fn(String, String) -> Expression = match operator {
            Token::Equal => Expression::Equal,
            Token::NotEqual => Expression::NotEqual,
            Token::Contains => Expression::Contains,
            Token::StartsWith => Expression::StartsWith,
            Token::EndsWith => Expression::EndsWith,
            Token::In => {
                self.advance()?;
                return Ok(Expression::In(label, self.set()?));
            }
            Token::NotIn => {
                self.advance()?;
                return Ok(Expression::NotIn(label, self.set()?));
            }
            _ => {
                return Err(self.error(
                    "an operator was expected after the label: ==, !=, in, not in, contains, starts with or ends with",
                ));
            }
        };
        self.advance()?;
        let Token::Text(value) = self.token else {
            return Err(self.error("a string in quotes was expected"));
        };
        self.advance()?;
        Ok(with_value(label, value.to_owned()))
    }

    fn set(&mut self) -> Result<BTreeSet<String>, TokenError> {
        if self.token != Token::LeftBrace {
            return Err(self.error("{ was expected"));
        }
        self.advance()?;
        let mut values = BTreeSet::new();
        while let Token::Text(value) = self.token {
            values.insert(value.to_owned());
            self.advance()?;
            if self.token != Token::Comma {
                break;
            }
            self.advance()?;
        }
        if self.token != Token::RightBrace {
            return Err(self.error("a string in quotes or } was expected"));
        }
        self.advance()?;
        Ok(values)
    }

    fn error(&self, message: &'static str) -> TokenError {
        (self.start, message.into())
    }
}
