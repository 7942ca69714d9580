//! `margay events`: events as they happen, one a line.

use std::io::Write;

use margay_control::{Event, EventKind, EventsQuery, Request};

use crate::client::Client;
use crate::run_error::RunError;

/// Prints events until the daemon ends, as JSON or in words.
pub(crate) fn follow(
    client: &Client,
    prefixes: &[String],
    json: bool,
    out: &mut impl Write,
) -> Result<(), RunError> {
    let prefix = (!prefixes.is_empty()).then(|| prefixes.join(","));
    let mut events = EventLines::default();
    client.stream(&Request::Events(EventsQuery { prefix }), |octets| {
        for data in events.take(octets) {
            if json {
                writeln!(out, "{data}")?;
            } else if let Ok(event) = serde_json::from_str::<Event>(&data) {
                writeln!(out, "{}", words(&event))?;
            }
        }
        // A reader of a pipe wants each event at once.
        Ok(out.flush()?)
    })
}

/// Cuts a stream of server-sent events into the data of each (one line, as the daemon sends it).
#[derive(Debug, Default)]
struct EventLines {
    begun: Vec<u8>,
}

impl EventLines {
    /// The data of the events that these octets complete.
    fn take(&mut self, octets: &[u8]) -> Vec<String> {
        self.begun.extend_from_slice(octets);
        let Some(end) = self.begun.iter().rposition(|&octet| octet == b'\n') else { return Vec::new() };
        let rest = self.begun.split_off(end + 1);
        let lines = std::mem::replace(&mut self.begun, rest);
        let data = |line: &[u8]| Some(String::from_utf8_lossy(line.strip_prefix(b"data: ")?).into_owned());
        lines.split(|&octet| octet == b'\n').filter_map(data).collect()
    }
}

fn words(event: &Event) -> String {
    let text = match &event.kind {
        EventKind::SessionUp { peer, address } => format!("{peer} established with {address}"),
        EventKind::SessionDown { peer, reason } => format!("{peer} down: {reason}"),
        EventKind::BestRoute { prefix, route: None } => format!("{prefix} has no usable route any more"),
        EventKind::BestRoute { prefix, route: Some(route) } => {
            let from = route.peer.as_deref().unwrap_or(&route.source);
            let via = route.next_hop.as_ref().map(|next_hop| format!(" via {next_hop}")).unwrap_or_default();
            let path =
                if route.as_path.is_empty() { String::new() } else { format!(", path {}", route.as_path) };
            format!("{prefix} from {from}{via}{path}")
        }
        EventKind::Reload { refused: true, errors, .. } => {
            format!("reload refused: {errors} errors, nothing changed")
        }
        EventKind::Reload { refused: false, errors: 0, changes } => format!("reloaded: {changes} changes"),
        EventKind::Reload { refused: false, errors, changes } => {
            format!("reloaded: {changes} changes, without objects that have errors ({errors})")
        }
        EventKind::KernelRefused { prefix, reason } => format!("{prefix} is not in the kernel: {reason}"),
        EventKind::Lost { events } => format!("{events} events are missing here"),
    };
    format!("{} {text}", clock(event.time))
}

/// The time of day of a Unix time, in UTC.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the daemon's clock is after 1970, and milliseconds suffice"
)]
fn clock(time: f64) -> String {
    let milliseconds = (time * 1000.0) as u64;
    let seconds = milliseconds / 1000;
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{hour:02}:{minute:02}:{second:02}.{:03}", milliseconds % 1000)
}

#[cfg(test)]
mod tests {
    use margay_control::Route;

    use super::*;

    #[test]
    fn events_are_complete_with_their_last_line_however_they_arrive() {
        let stream = "id: 1\nevent: lost\ndata: {\"a\":1}\n\n: comment\n\nid: 2\ndata: {}\n\n";
        for length in 1..stream.len() {
            let mut lines = EventLines::default();
            let seen: Vec<String> =
                stream.as_bytes().chunks(length).flat_map(|octets| lines.take(octets)).collect();
            assert_eq!(seen, ["{\"a\":1}", "{}"], "{length}");
        }
    }

    #[test]
    fn events_in_words() {
        let prefix: ipnet::IpNet = "10.65.1.0/26".parse().unwrap();
        let route = Route {
            peer: Some("tor1".to_owned()),
            next_hop: Some("10.0.0.1".to_owned()),
            as_path: "65001".to_owned(),
            ..Route::default()
        };
        for (kind, expected) in [
            (
                EventKind::BestRoute { prefix, route: Some(Box::new(route)) },
                "10.65.1.0/26 from tor1 via 10.0.0.1, path 65001",
            ),
            (EventKind::BestRoute { prefix, route: None }, "10.65.1.0/26 has no usable route any more"),
            (EventKind::Reload { refused: false, errors: 0, changes: 2 }, "reloaded: 2 changes"),
            (EventKind::Lost { events: 7 }, "7 events are missing here"),
        ] {
            assert_eq!(words(&Event { time: 3661.25, kind }), format!("01:01:01.250 {expected}"));
        }
    }
}
