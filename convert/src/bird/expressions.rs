//! Parser of expressions.

use std::net::IpAddr;

use ipnet::IpNet;

use super::BirdError;
use super::cursor::Cursor;
use super::token::TokenKind;
use super::tree::{Expression, MaskItem, SetItem};

/// Parses an expression. `&&` and `||` bind equally, comparisons more, then sums, then products.
pub(crate) fn expression(cursor: &mut Cursor<'_>) -> Result<Expression, BirdError> {
    cursor.deeper(|cursor| level(cursor, 0))
}

const LEVELS: [&[&str]; 4] =
    [&["&&", "||"], &["=", "!=", "<", "<=", ">", ">=", "~", "!~"], &["+", "-"], &["*", "/"]];

fn level(cursor: &mut Cursor<'_>, index: usize) -> Result<Expression, BirdError> {
    let Some(operators) = LEVELS.get(index) else { return unary(cursor) };
    let mut left = level(cursor, index + 1)?;
    while let Some(operator) = operators.iter().find(|operator| cursor.eat(operator)) {
        let right = level(cursor, index + 1)?;
        left = Expression::Binary(operator, Box::new(left), Box::new(right));
    }
    Ok(left)
}

fn unary(cursor: &mut Cursor<'_>) -> Result<Expression, BirdError> {
    if cursor.eat("!") {
        return cursor.deeper(|cursor| Ok(Expression::Not(Box::new(unary(cursor)?))));
    }
    let mut value = primary(cursor)?;
    while cursor.eat(".") {
        let member = cursor.word()?.to_owned();
        let arguments = if cursor.eat("(") { arguments(cursor)? } else { Vec::new() };
        value = Expression::Member(Box::new(value), member, arguments);
    }
    Ok(value)
}

/// The rest of a list of arguments.
pub(crate) fn arguments(cursor: &mut Cursor<'_>) -> Result<Vec<Expression>, BirdError> {
    let mut arguments = Vec::new();
    while !cursor.eat(")") {
        arguments.push(expression(cursor)?);
        if !cursor.eat(",") {
            cursor.expect(")")?;
            break;
        }
    }
    Ok(arguments)
}

fn primary(cursor: &mut Cursor<'_>) -> Result<Expression, BirdError> {
    if cursor.eat("(") {
        let first = expression(cursor)?;
        if cursor.eat(")") {
            return Ok(first);
        }
        cursor.expect(",")?;
        let mut members = vec![first];
        members.extend(arguments(cursor)?);
        return Ok(Expression::Tuple(members));
    }
    if cursor.eat("[=") {
        return mask(cursor);
    }
    if cursor.eat("[") {
        return Ok(Expression::Set(set(cursor)?));
    }
    if let Some(net) = net(cursor) {
        return net.map(Expression::Net);
    }
    if cursor.eat("-") || cursor.eat("+") {
        // `-empty-`
        let word = cursor.word()?.to_owned();
        if !cursor.eat("-") {
            cursor.expect("+")?;
        }
        return Ok(Expression::Name(format!("-{word}-")));
    }
    let Some(token) = cursor.next() else { return Err(cursor.error("expected a value")) };
    Ok(match &token.kind {
        TokenKind::Number(number) => Expression::Number(*number),
        TokenKind::Text(text) => Expression::Text(text.clone()),
        TokenKind::Address(address) => Expression::Address(*address),
        TokenKind::Word(word) if word == "true" => Expression::Bool(true),
        TokenKind::Word(word) if word == "false" => Expression::Bool(false),
        TokenKind::Word(word) if cursor.eat("(") => Expression::Call(word.clone(), arguments(cursor)?),
        TokenKind::Word(word) => Expression::Name(word.clone()),
        TokenKind::Mark(mark) => return Err(cursor.error(format_args!("{mark:?} is not a value"))),
    })
}

/// A prefix, if one comes next.
pub(crate) fn net(cursor: &mut Cursor<'_>) -> Option<Result<IpNet, BirdError>> {
    let address = match &cursor.peek()?.kind {
        TokenKind::Address(address) => *address,
        _ => return None,
    };
    let length = match (cursor.peek_after(1)?.is("/"), &cursor.peek_after(2)?.kind) {
        (true, TokenKind::Number(length)) => *length,
        _ => return None,
    };
    let net = u8::try_from(length).ok().and_then(|length| IpNet::new(address, length).ok());
    let result = net.ok_or_else(|| cursor.error(format_args!("/{length} is not a length of {address}")));
    for _ in 0..3 {
        cursor.next();
    }
    Some(result)
}

/// The rest of a set.
pub(crate) fn set(cursor: &mut Cursor<'_>) -> Result<Vec<SetItem>, BirdError> {
    let mut items = Vec::new();
    while !cursor.eat("]") {
        items.push(set_item(cursor)?);
        if !cursor.eat(",") {
            cursor.expect("]")?;
            break;
        }
    }
    Ok(items)
}

fn set_item(cursor: &mut Cursor<'_>) -> Result<SetItem, BirdError> {
    if let Some(net) = net(cursor) {
        return prefix_item(cursor, net?);
    }
    if cursor.peek().is_some_and(|token| token.is("(")) {
        return communities(cursor);
    }
    let first = level(cursor, 2)?;
    Ok(if cursor.eat("..") { SetItem::Range(first, level(cursor, 2)?) } else { SetItem::One(first) })
}

fn prefix_item(cursor: &mut Cursor<'_>, net: IpNet) -> Result<SetItem, BirdError> {
    let longest = net.max_prefix_len();
    let own = net.prefix_len();
    if cursor.eat("+") {
        return Ok(SetItem::Prefix(net.trunc(), own, longest));
    }
    if cursor.eat("-") {
        return Ok(SetItem::Prefix(net.trunc(), 0, own));
    }
    if !cursor.eat("{") {
        return Ok(SetItem::Prefix(net.trunc(), own, own));
    }
    let mut length = || {
        let length = cursor.number()?;
        u8::try_from(length)
            .ok()
            .filter(|length| *length <= longest)
            .ok_or_else(|| cursor.error(format_args!("{length} is not a length of a prefix")))
    };
    let low = length()?;
    cursor.expect(",")?;
    let mut length = || {
        let length = cursor.number()?;
        let length = u8::try_from(length).ok().filter(|length| *length <= longest);
        length.ok_or_else(|| cursor.error("that is not a length of a prefix"))
    };
    let high = length()?;
    cursor.expect("}")?;
    Ok(SetItem::Prefix(net.trunc(), low, high))
}

/// `(65001, 100)`, `(65001, *)`, `(rt, 65001, 1..10)`, and ranges from one to another.
fn communities(cursor: &mut Cursor<'_>) -> Result<SetItem, BirdError> {
    let (kind, low) = community(cursor)?;
    if !cursor.eat("..") {
        return Ok(SetItem::Communities(kind, low));
    }
    let (_, high) = community(cursor)?;
    let ends = low.into_iter().zip(high);
    Ok(SetItem::Communities(kind, ends.map(|((low, _), (_, high))| (low, high)).collect()))
}

/// The kind of a community, and the lowest and highest value of each of its numbers.
type Community = (Option<String>, Vec<(u64, u64)>);

fn community(cursor: &mut Cursor<'_>) -> Result<Community, BirdError> {
    cursor.expect("(")?;
    let mut kind = None;
    if cursor
        .peek()
        .is_some_and(|token| ["rt", "ro", "generic", "unknown"].iter().any(|word| token.is_word(word)))
    {
        kind = Some(cursor.word()?.to_owned());
        cursor.expect(",")?;
    }
    let mut numbers = Vec::new();
    loop {
        numbers.push(community_number(cursor)?);
        if !cursor.eat(",") {
            cursor.expect(")")?;
            return Ok((kind, numbers));
        }
    }
}

fn community_number(cursor: &mut Cursor<'_>) -> Result<(u64, u64), BirdError> {
    if cursor.eat("*") {
        return Ok((0, u64::MAX));
    }
    let in_parentheses = cursor.eat("(");
    let low = cursor.number()?;
    if in_parentheses {
        cursor.expect(")")?;
    }
    let high = if cursor.eat("..") { cursor.number()? } else { low };
    Ok((low, high))
}

/// The rest of a mask of AS paths.
fn mask(cursor: &mut Cursor<'_>) -> Result<Expression, BirdError> {
    let mut items = Vec::new();
    while !cursor.eat("=]") {
        items.push(if cursor.eat("*") {
            MaskItem::AnyNumber
        } else if cursor.eat("?") {
            MaskItem::AnyOne
        } else if cursor.eat("[") {
            MaskItem::Set(set(cursor)?)
        } else {
            let first = primary(cursor)?;
            match (&first, cursor.eat("..")) {
                (Expression::Number(low), true) => MaskItem::Range(*low, cursor.number()?),
                _ => MaskItem::Asn(first),
            }
        });
    }
    Ok(Expression::PathMask(items))
}

/// A constant address, where one must stand.
pub(crate) fn address(cursor: &mut Cursor<'_>) -> Option<IpAddr> {
    match &cursor.peek()?.kind {
        TokenKind::Address(address) => {
            cursor.next();
            Some(*address)
        }
        _ => None,
    }
}
