//! Messages as text for people: one line for the message, and one for each of its parts.

use std::io::{self, Write};

use bgp_codec::{Message, Open, Update};
use serde_json::Value;

use crate::json;
use crate::judged::Judged;

/// Writes a message and its verdict.
pub(crate) fn write(out: &mut impl Write, label: &str, judged: &Judged) -> io::Result<()> {
    let kind = match &judged.result {
        Ok(Message::Open(_)) => "OPEN",
        Ok(Message::Update(update)) if update.end_of_rib().is_some() => "UPDATE (End-of-RIB)",
        Ok(Message::Update(_)) => "UPDATE",
        Ok(Message::Notification(_)) => "NOTIFICATION",
        Ok(Message::Keepalive) => "KEEPALIVE",
        Ok(Message::RouteRefresh(_)) => "ROUTE-REFRESH",
        Err(_) => "message",
    };
    let label = if label.is_empty() { String::new() } else { format!("{label}  ") };
    writeln!(out, "{label}{kind}, {} octets: {}", judged.octets().len(), judged.verdict())?;
    match &judged.result {
        Ok(Message::Open(open)) => write_open(out, open),
        Ok(Message::Update(update)) => write_update(out, judged, update),
        Ok(Message::Notification(notification)) => writeln!(out, "  {notification}"),
        Ok(Message::Keepalive) => Ok(()),
        Ok(Message::RouteRefresh(refresh)) => {
            writeln!(out, "  {}, subtype {}", refresh.family, refresh.subtype)
        }
        Err(error) => {
            writeln!(out, "  {error}")?;
            writeln!(out, "  answer: {}", error.clone().into_notification())
        }
    }
}

fn write_open(out: &mut impl Write, open: &Open) -> io::Result<()> {
    writeln!(
        out,
        "  AS {}, identifier {}, hold time {} s",
        open.asn,
        open.identifier,
        open.hold_time.seconds()
    )?;
    open.capabilities.iter().try_for_each(|capability| writeln!(out, "  {capability}"))
}

fn write_update(out: &mut impl Write, judged: &Judged, update: &Update) -> io::Result<()> {
    for defect in update.defects() {
        writeln!(out, "  {defect}")?;
    }
    let verdict = json::verdict(judged);
    let Some(fields) = verdict.get("message").and_then(Value::as_object) else { return Ok(()) };
    if let Some(attributes) = json::attributes_of(update)
        && !attributes.as_path().is_empty()
    {
        writeln!(out, "  as_path: {}", attributes.as_path())?;
    }
    let shown = fields.iter().filter(|(name, value)| {
        !matches!(name.as_str(), "type" | "as_path" | "end_of_rib") && !is_empty_list(value)
    });
    for (name, value) in shown {
        writeln!(out, "  {name}: {}", words(value))?;
    }
    Ok(())
}

fn is_empty_list(value: &Value) -> bool {
    value.as_array().is_some_and(Vec::is_empty)
}

/// Texts without quotation marks, lists separated by spaces, objects as `name value`.
fn words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(words).collect::<Vec<_>>().join(" "),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| format!("{name} {}", words(value)))
            .collect::<Vec<_>>()
            .join(", "),
        other => other.to_string(),
    }
}
