//! The text of expressions.

use super::{Expression, Operator};
use crate::number::Number;

/// Why text is not an expression.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ExpressionError {
    /// Something else should stand here.
    #[error("expected {expected}, found {found}")]
    Unexpected {
        /// What would be right.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
    /// A character that expressions do not have.
    #[error("{0:?} has no meaning here")]
    Character(char),
    /// A number of more than 32 bits.
    #[error("{0} is out of range: numbers reach from 0 to 4294967295")]
    OutOfRange(String),
    /// A name that routes have no number of.
    #[error("there is no number {0:?}: there is {names}", names = Number::ALL.map(Number::name).join(", "))]
    UnknownName(String),
    /// A function with too few arguments.
    #[error("min and max take two numbers or more, with commas between")]
    Arguments,
    /// Too many parts.
    #[error("the expression has too many parts")]
    TooDeep,
}

pub(super) fn parse(text: &str) -> Result<Expression, ExpressionError> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0, parts: 0 };
    let expression = parser.alternatives()?;
    match parser.peek() {
        None => Ok(expression),
        Some(_) => Err(parser.unexpected("+ - * or \"or\"")),
    }
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Token {
    Number(u32),
    Word(String),
    Sign(char),
}

fn tokens(text: &str) -> Result<Vec<Token>, ExpressionError> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length_of = |belongs: fn(char) -> bool| rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        let (token, length) = if first.is_ascii_digit() {
            let length = length_of(|c| c.is_ascii_digit());
            let digits = &rest[..length];
            let number = digits.parse().map_err(|_| ExpressionError::OutOfRange(digits.to_owned()))?;
            (Token::Number(number), length)
        } else if first.is_ascii_alphabetic() || first == '_' {
            let length = length_of(|c| c.is_ascii_alphanumeric() || c == '_');
            (Token::Word(rest[..length].to_owned()), length)
        } else if "+-*(),".contains(first) {
            (Token::Sign(first), 1)
        } else {
            return Err(ExpressionError::Character(first));
        };
        tokens.push(token);
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

/// Descends from the operators that bind least: `or`, then sums, then products.
struct Parser {
    tokens: Vec<Token>,
    at: usize,
    parts: usize,
}

impl Parser {
    fn alternatives(&mut self) -> Result<Expression, ExpressionError> {
        let mut left = self.sum()?;
        while self.take_word("or") {
            left = Expression::Or(Box::new([left, self.sum()?]));
        }
        Ok(left)
    }

    fn sum(&mut self) -> Result<Expression, ExpressionError> {
        let mut left = self.product()?;
        loop {
            let operator = if self.take('+') {
                Operator::Plus
            } else if self.take('-') {
                Operator::Minus
            } else {
                return Ok(left);
            };
            left = Expression::Joined(operator, Box::new([left, self.product()?]));
        }
    }

    fn product(&mut self) -> Result<Expression, ExpressionError> {
        let mut left = self.operand()?;
        while self.take('*') {
            left = Expression::Joined(Operator::Times, Box::new([left, self.operand()?]));
        }
        Ok(left)
    }

    fn operand(&mut self) -> Result<Expression, ExpressionError> {
        self.parts += 1;
        if self.parts > MAX_PARTS {
            return Err(ExpressionError::TooDeep);
        }
        match self.peek().cloned() {
            Some(Token::Number(number)) => {
                self.at += 1;
                Ok(Expression::Fixed(number))
            }
            Some(Token::Word(name)) => {
                self.at += 1;
                self.named(&name)
            }
            Some(Token::Sign('(')) => {
                self.at += 1;
                let inner = self.alternatives()?;
                self.expect(')', "a closing parenthesis")?;
                Ok(inner)
            }
            Some(Token::Sign(_)) | None => Err(self.unexpected("a number, the name of one or a parenthesis")),
        }
    }

    fn named(&mut self, name: &str) -> Result<Expression, ExpressionError> {
        let operator = match name {
            "min" => Operator::Min,
            "max" => Operator::Max,
            _ => {
                let number = Number::by_name(name);
                return number
                    .map(Expression::Of)
                    .ok_or_else(|| ExpressionError::UnknownName(name.to_owned()));
            }
        };
        self.expect('(', "an opening parenthesis")?;
        let mut left = self.alternatives()?;
        if self.peek() != Some(&Token::Sign(',')) {
            return Err(ExpressionError::Arguments);
        }
        while self.take(',') {
            left = Expression::Joined(operator, Box::new([left, self.alternatives()?]));
        }
        self.expect(')', "a comma or a closing parenthesis")?;
        Ok(left)
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn take(&mut self, sign: char) -> bool {
        let is_there = self.peek() == Some(&Token::Sign(sign));
        self.at += usize::from(is_there);
        is_there
    }

    fn take_word(&mut self, word: &str) -> bool {
        let is_there = matches!(self.peek(), Some(Token::Word(found)) if found == word);
        self.at += usize::from(is_there);
        is_there
    }

    fn expect(&mut self, sign: char, expected: &'static str) -> Result<(), ExpressionError> {
        if self.take(sign) { Ok(()) } else { Err(self.unexpected(expected)) }
    }

    fn unexpected(&self, expected: &'static str) -> ExpressionError {
        let found = match self.peek() {
            None => "the end".to_owned(),
            Some(Token::Number(number)) => format!("\"{number}\""),
            Some(Token::Word(word)) => format!("{word:?}"),
            Some(Token::Sign(sign)) => format!("\"{sign}\""),
        };
        ExpressionError::Unexpected { expected, found }
    }
}

/// Bounds the depth of the tree, which is walked by recursion.
const MAX_PARTS: usize = 64;
