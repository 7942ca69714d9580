//! `protocol static`: routes with next hops, and routes that discard packets.

use crate::model::{StaticHop, StaticRoute};
use crate::remark::RemarkKind;

use super::BirdError;
use super::cursor::Cursor;
use super::expressions;
use super::protocols::{Options, Reader};
use super::token::{Token, TokenKind};

impl Reader {
    pub(super) fn statics<'t>(
        &mut self,
        options: &Options<'t>,
        files: &'t [String],
    ) -> Result<(), BirdError> {
        for option in options.flat(files) {
            let mut cursor = Cursor::new(option, files);
            if cursor.eat_word("route") {
                self.static_route(option, &mut cursor)?;
            } else if !STATIC_DETAILS.iter().any(|word| cursor.eat_word(word)) {
                self.unknown(option, "protocol static");
            }
        }
        Ok(())
    }

    fn static_route(&mut self, option: &[Token], cursor: &mut Cursor<'_>) -> Result<(), BirdError> {
        let place = cursor.place();
        let net = match expressions::net(cursor) {
            Some(net) => net?.trunc(),
            None => match expressions::address(cursor) {
                Some(address) => address.into(),
                None => {
                    self.unknown(option, "protocol static");
                    return Ok(());
                }
            },
        };
        let discard = |discard| StaticRoute { discard: Some(discard), hops: Vec::new() };
        let route = if cursor.eat_word("blackhole") || cursor.eat_word("drop") {
            discard("blackhole")
        } else if cursor.eat_word("unreachable") || cursor.eat_word("reject") {
            discard("unreachable")
        } else if cursor.eat_word("prohibit") {
            discard("prohibit")
        } else {
            cursor.eat_word("multipath");
            let hops = hops(cursor)?;
            if hops.is_empty() {
                let text = format!("route {net}: this kind of route has no counterpart");
                self.remark(place, RemarkKind::LeftOut, text);
                return Ok(());
            }
            StaticRoute { discard: None, hops }
        };
        if cursor.peek().is_some() {
            let text = format!("route {net}: its attributes are left out");
            self.remark(cursor.place(), RemarkKind::LeftOut, text);
        }
        if self.speaker.statics.insert(net, route).is_some() {
            self.remark(place, RemarkKind::Note, format_args!("route {net} is there twice: this one counts"));
        }
        Ok(())
    }
}

/// `via 10.0.0.1 dev "eth0" weight 2 via "eth1"`, `recursive 10.0.0.1`.
fn hops(cursor: &mut Cursor<'_>) -> Result<Vec<StaticHop>, BirdError> {
    let mut hops = Vec::new();
    while cursor.eat_word("via") || cursor.eat_word("recursive") {
        let mut hop = StaticHop { address: expressions::address(cursor), interface: None, weight: None };
        loop {
            if cursor.eat("%") || cursor.eat_word("dev") {
                hop.interface = name(cursor);
            } else if cursor.eat_word("weight") {
                hop.weight = Some(cursor.number()?);
            } else if cursor.eat_word("onlink") {
                // A gateway on a named link is taken to be there in any case.
            } else if cursor.eat_word("bfd") {
                cursor.eat_word("on");
            } else if hop.address.is_none() && hop.interface.is_none() {
                match name(cursor) {
                    Some(interface) => hop.interface = Some(interface),
                    None => return Err(cursor.error("expected a gateway or an interface")),
                }
            } else {
                break;
            }
        }
        hops.push(hop);
    }
    Ok(hops)
}

/// The name of an interface, with or without quotation marks.
fn name(cursor: &mut Cursor<'_>) -> Option<String> {
    let name = match &cursor.peek()?.kind {
        TokenKind::Text(name) | TokenKind::Word(name) => name.clone(),
        _ => return None,
    };
    cursor.next();
    Some(name)
}

/// Options of the static protocol that need nothing here.
const STATIC_DETAILS: [&str; 9] =
    ["debug", "check", "import", "export", "ipv4", "ipv6", "igp", "preference", "table"];
