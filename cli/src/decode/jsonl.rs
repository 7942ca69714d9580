//! Messages one a line, for programs: `{"id", "hex", "context": {"as4", "addpath", "peer", "extmsg"}}` in, the verdict
//! out.

use std::io::{BufRead, Write};
use std::process::ExitCode;

use bgp_codec::{AsWidth, DecodeContext, PeerKind};
use serde::Deserialize;
use serde_json::{Value, json};

use super::judged::Judged;
use super::{hex, json};
use crate::run::RunError;

/// What a line holds.
#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    id: Value,
    hex: String,
    #[serde(default)]
    context: Terms,
}

/// The terms of the session. What is left out: AS numbers have four octets, there are no path identifiers, the peer is
/// internal and may send every attribute, and a message may be as long as it is.
#[derive(Default, Deserialize)]
struct Terms {
    as4: Option<bool>,
    addpath: Option<bool>,
    peer: Option<String>,
    extmsg: Option<bool>,
}

/// Answers each line with one line, in order.
pub(super) fn run(input: impl BufRead, out: &mut impl Write) -> Result<ExitCode, RunError> {
    let mut all_read = true;
    for line in input.lines() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let answer = answer(&line);
        all_read &= answer.get("error").is_none();
        writeln!(out, "{answer}")?;
    }
    Ok(if all_read { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn answer(line: &str) -> Value {
    let line: Line = match serde_json::from_str(line) {
        Ok(line) => line,
        Err(error) => {
            return json!({ "id": id_of(line), "error": format!("the line is not understood: {error}") });
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

/// The id of a line of which the rest makes no sense.
fn id_of(line: &str) -> Value {
    let value: Value = serde_json::from_str(line).unwrap_or_default();
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
        let mut context = super::context(peer, as_width, self.addpath == Some(true));
        context.max_message_octets = if self.extmsg == Some(false) { 4096 } else { 65535 };
        Ok(context)
    }
}
