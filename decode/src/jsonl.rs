//! One message per line, for programs: input `{"id", "hex", "context": {"as4", "addpath", "peer",
//! "extmsg"}}`, output the verdict.

use std::io::{self, BufRead, Read, Write};

use bgp_codec::{AsWidth, DecodeContext, PeerKind};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::judged::Judged;
use crate::outcome::Outcome;
use crate::source::terms;
use crate::{hex, json};

/// The contents of a line.
#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    id: Value,
    hex: String,
    #[serde(default)]
    context: Terms,
}

/// The terms of the session. Defaults: AS numbers have four octets, there are no path identifiers, the peer
/// is internal and may send every attribute, and messages may have any length.
#[derive(Default, Deserialize)]
struct Terms {
    as4: Option<bool>,
    addpath: Option<bool>,
    peer: Option<String>,
    extmsg: Option<bool>,
}

/// Answers each line with one line, in order.
pub(crate) fn run(mut input: impl BufRead, out: &mut impl Write) -> io::Result<Outcome> {
    let mut outcome = Outcome::AllWell;
    let mut line = Vec::new();
    loop {
        let answer = match read_line(&mut input, &mut line) {
            Ok(LineRead::End) => return Ok(outcome),
            Ok(LineRead::Whole) if line.trim_ascii().is_empty() => continue,
            Ok(LineRead::Whole) => answer(&line),
            Ok(LineRead::TooLong) => {
                json!({ "id": null, "error": format!("the line has more than {MAX_LINE_OCTETS} octets") })
            }
            Err(error) => {
                writeln!(out, "{}", json!({ "id": null, "error": format!("cannot read: {error}") }))?;
                return Ok(Outcome::Faulty);
            }
        };
        if answer.get("error").is_some() {
            outcome = Outcome::Faulty;
        }
        writeln!(out, "{answer}")?;
    }
}

enum LineRead {
    Whole,
    TooLong,
    End,
}

/// Reads the next line. The rest of one that is too long is skipped.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<LineRead> {
    line.clear();
    if input.by_ref().take(MAX_LINE_OCTETS).read_until(b'\n', line)? == 0 {
        return Ok(LineRead::End);
    }
    if line.ends_with(b"\n") || input.fill_buf()?.is_empty() {
        return Ok(LineRead::Whole);
    }
    loop {
        let octets = input.fill_buf()?;
        let (count, is_last) = match octets.iter().position(|octet| *octet == b'\n') {
            Some(place) => (place + 1, true),
            None => (octets.len(), octets.is_empty()),
        };
        input.consume(count);
        if is_last {
            return Ok(LineRead::TooLong);
        }
    }
}

fn answer(line: &[u8]) -> Value {
    let line: Line = match serde_json::from_slice(line) {
        Ok(line) => line,
        Err(error) => {
            return json!({ "id": id_of(line), "error": format!("cannot parse the line: {error}") });
        }
    };
    let (octets, context) = match (hex::parse(line.hex.as_bytes()), line.context.decode_context()) {
        (Ok(octets), Ok(context)) => (octets, context),
        (Err(error), _) | (_, Err(error)) => return json!({ "id": line.id, "error": error }),
    };
    let mut answer = json::verdict(&Judged::new(octets.into(), &context));
    if let Some(object) = answer.as_object_mut() {
        object.insert("id".to_owned(), line.id);
    }
    answer
}

/// The id of a line whose other fields are invalid.
fn id_of(line: &[u8]) -> Value {
    let value: Value = serde_json::from_slice(line).unwrap_or_default();
    value.get("id").cloned().unwrap_or_default()
}

impl Terms {
    fn decode_context(&self) -> Result<DecodeContext, String> {
        let peer = match self.peer.as_deref() {
            Some("ebgp") => PeerKind::Ebgp,
            Some("ibgp") | None => PeerKind::Ibgp,
            Some(other) => return Err(format!("a peer is \"ebgp\" or \"ibgp\", not {other:?}")),
        };
        let as_width = if self.as4 == Some(false) { AsWidth::Two } else { AsWidth::Four };
        let mut context = terms(peer, as_width, self.addpath == Some(true));
        if self.extmsg == Some(false) {
            context.max_message_octets = 4096;
        }
        Ok(context)
    }
}

/// More than the digits of the longest message and its terms.
const MAX_LINE_OCTETS: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endless_line_takes_no_more_memory_than_the_longest() {
        let endless =
            io::BufReader::new(io::repeat(0).take(5 << 20)).chain(&b"\n{\"id\": 7, \"hex\": \"\"}"[..]);
        let mut out = Vec::new();
        assert_eq!(run(endless, &mut out).unwrap(), Outcome::Faulty);
        let answers: Vec<Value> =
            out.split(|octet| *octet == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
        assert_eq!(answers[0]["error"], "the line has more than 1048576 octets");
        assert_eq!((&answers[1]["id"], answers.len()), (&json!(7), 2));
    }
}
