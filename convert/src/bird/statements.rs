//! Parser of the statements of filters and functions.

use super::BirdError;
use super::cursor::{Cursor, TYPES};
use super::expressions::{arguments, expression};
use super::token::TokenKind;
use super::tree::{Expression, Function, Statement, StatementKind};

/// Parses a function from its parameters on, or a filter from its block on.
pub(crate) fn function(cursor: &mut Cursor<'_>) -> Result<Function, BirdError> {
    let place = cursor.place();
    let mut parameters = Vec::new();
    if cursor.eat("(") {
        while !cursor.eat(")") {
            let Some(token) = cursor.next() else { return Err(cursor.error("expected \")\"")) };
            // The type stands before the name.
            if let TokenKind::Word(word) = &token.kind
                && cursor.peek().is_some_and(|token| [",", ")", ";"].iter().any(|mark| token.is(mark)))
            {
                parameters.push(word.clone());
            }
        }
    }
    // Declarations of BIRD 1.6, and the type of BIRD 2's result.
    while cursor.peek().is_some_and(|token| !token.is("{")) {
        cursor.next();
    }
    Ok(Function { place, parameters, body: block(cursor)? })
}

/// Parses a block in braces.
pub(crate) fn block(cursor: &mut Cursor<'_>) -> Result<Vec<Statement>, BirdError> {
    cursor.deeper(|cursor| {
        cursor.expect("{")?;
        let mut statements = Vec::new();
        while !cursor.eat("}") {
            if !cursor.eat(";") {
                statements.extend(statement(cursor)?);
            }
        }
        Ok(statements)
    })
}

/// A statement, or those of a block; none for a declaration without a value.
fn statement(cursor: &mut Cursor<'_>) -> Result<Vec<Statement>, BirdError> {
    if cursor.peek().is_some_and(|token| token.is("{")) {
        return block(cursor);
    }
    let place = cursor.place();
    let is_type = cursor.peek().is_some_and(|token| TYPES.iter().any(|word| token.is_word(word)));
    if is_type && cursor.peek_after(1).is_some_and(|token| token.word().is_some()) {
        return declaration(cursor);
    }
    let word = cursor.word()?.to_owned();
    let kind = match word.as_str() {
        "if" => {
            return cursor.deeper(|cursor| conditional(cursor).map(|kind| vec![Statement { place, kind }]));
        }
        "case" => return case(cursor),
        "accept" | "reject" | "return" | "print" | "printn" => simple(&word, cursor)?,
        _ if cursor.eat("=") => {
            let value = expression(cursor)?;
            cursor.expect(";")?;
            StatementKind::Assign(word, value)
        }
        _ if cursor.eat(".") => {
            let method = cursor.word()?.to_owned();
            let given = if cursor.eat("(") { arguments(cursor)? } else { Vec::new() };
            cursor.expect(";")?;
            StatementKind::Method(word, method, given)
        }
        _ if cursor.eat("(") => {
            let given = arguments(cursor)?;
            cursor.expect(";")?;
            StatementKind::Call(word, given)
        }
        _ => {
            skip_statement(cursor);
            StatementKind::Unknown(word)
        }
    };
    Ok(vec![Statement { place, kind }])
}

fn simple(word: &str, cursor: &mut Cursor<'_>) -> Result<StatementKind, BirdError> {
    if word == "return" && !cursor.eat(";") {
        let value = expression(cursor)?;
        cursor.expect(";")?;
        return Ok(StatementKind::Return(Some(value)));
    }
    if word != "return" {
        skip_statement(cursor);
    }
    Ok(match word {
        "accept" => StatementKind::Accept,
        "reject" => StatementKind::Reject,
        "return" => StatementKind::Return(None),
        _ => StatementKind::Print,
    })
}

fn conditional(cursor: &mut Cursor<'_>) -> Result<StatementKind, BirdError> {
    let condition = expression(cursor)?;
    if !cursor.eat_word("then") {
        return Err(cursor.error("expected \"then\""));
    }
    let then = statement(cursor)?;
    cursor.eat(";");
    let otherwise = if cursor.eat_word("else") { statement(cursor)? } else { Vec::new() };
    Ok(StatementKind::If(condition, then, otherwise))
}

/// `case VALUE { 1: …; 2, 3: …; else: …; }` as a chain of conditions.
fn case(cursor: &mut Cursor<'_>) -> Result<Vec<Statement>, BirdError> {
    let place = cursor.place();
    let value = expression(cursor)?;
    cursor.expect("{")?;
    let mut branches = Vec::new();
    let mut otherwise = Vec::new();
    while !cursor.eat("}") {
        let condition = if cursor.eat_word("else") {
            None
        } else {
            let mut condition = None;
            loop {
                let one = expression(cursor)?;
                let is_equal = Expression::Binary("=", Box::new(value.clone()), Box::new(one));
                condition = Some(match condition {
                    None => is_equal,
                    Some(earlier) => Expression::Binary("||", Box::new(earlier), Box::new(is_equal)),
                });
                if !cursor.eat(",") {
                    break;
                }
            }
            condition
        };
        cursor.expect(":")?;
        let body = cursor.deeper(case_body)?;
        match condition {
            Some(condition) => branches.push((condition, body)),
            None => otherwise = body,
        }
    }
    let chain = branches.into_iter().rev().fold(otherwise, |otherwise, (condition, body)| {
        vec![Statement { place, kind: StatementKind::If(condition, body, otherwise) }]
    });
    Ok(chain)
}

/// The statements of a branch: up to the next label.
fn case_body(cursor: &mut Cursor<'_>) -> Result<Vec<Statement>, BirdError> {
    let mut body = Vec::new();
    loop {
        let Some(token) = cursor.peek() else { return Err(cursor.error("expected \"}\"")) };
        let is_label =
            token.word().is_none() || cursor.peek_after(1).is_some_and(|next| next.is(":") || next.is(","));
        if token.is(";") {
            cursor.eat(";");
        } else if token.is("}") || (is_label && !token.is("{")) {
            return Ok(body);
        } else {
            body.extend(statement(cursor)?);
        }
    }
}

fn declaration(cursor: &mut Cursor<'_>) -> Result<Vec<Statement>, BirdError> {
    let place = cursor.place();
    cursor.word()?;
    cursor.eat_word("set");
    let name = cursor.word()?.to_owned();
    if !cursor.eat("=") {
        cursor.expect(";")?;
        return Ok(Vec::new());
    }
    let value = expression(cursor)?;
    cursor.expect(";")?;
    Ok(vec![Statement { place, kind: StatementKind::Assign(name, value) }])
}

/// Goes on behind the next `;`, or before the end of the block, and over blocks.
fn skip_statement(cursor: &mut Cursor<'_>) {
    let mut depth = 0usize;
    while let Some(token) = cursor.peek() {
        if token.is("{") {
            depth += 1;
        } else if token.is("}") {
            if depth == 0 {
                return;
            }
            depth -= 1;
            if depth == 0 {
                cursor.next();
                return;
            }
        } else if token.is(";") && depth == 0 {
            cursor.next();
            return;
        }
        cursor.next();
    }
}
