//! `margay confd status`

use std::time::{SystemTime, UNIX_EPOCH};

use margay_control::{ConfdStatus, Publication};

use super::time_span::time_span;
use super::{fact, or_dash};

/// The files that margay-confd writes, and all problems.
pub(crate) fn confd_status(status: &ConfdStatus) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    at(status, now)
}

fn at(status: &ConfdStatus, now: u64) -> String {
    let mut text = [
        fact("node", &status.node),
        fact("datastore", datastore(status)),
        fact("rendered", rendered(status)),
        fact("put in place", format_args!("{} times", status.publications)),
        fact("last change", status.last.as_ref().map_or_else(|| "-".to_owned(), |last| change(last, now))),
    ]
    .concat();
    let details = status.last.iter().flat_map(|last| &last.details).map(|detail| format!("  {detail}\n"));
    text.extend(details);
    let problems = status.problems.iter().map(|problem| format!("{}: {}", problem.object, problem.problem));
    list(&mut text, "problems", problems);
    list(&mut text, "left out", status.invalid.iter().map(|(key, why)| format!("{key}: {why}")));
    let templates = status.templates.iter().map(|(name, template)| {
        let state = template.error.as_deref().unwrap_or("as rendered");
        format!("{name}: {}, put in place {} times, {state}", template.dest, template.publications)
    });
    list(&mut text, "templates", templates);
    text
}

fn datastore(status: &ConfdStatus) -> String {
    match &status.datastore_error {
        Some(error) if status.in_sync => format!("not followed: {error}; the file stays as it is"),
        Some(error) => format!("not read yet: {error}"),
        None if status.in_sync => "followed".to_owned(),
        None => "not read yet".to_owned(),
    }
}

fn rendered(status: &ConfdStatus) -> String {
    format!("{} times, last from revision {}", status.renders, or_dash(status.rendered_revision))
}

fn change(last: &Publication, now: u64) -> String {
    format!("{}, {} ago", last.result, time_span(now.saturating_sub(last.time)))
}

fn list(text: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    for (index, line) in lines.enumerate() {
        if index == 0 {
            *text += &format!("\n{title}:\n");
        }
        *text += &format!("  {line}\n");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn everything_that_is_wrong_is_shown() {
        let status = json!({
            "node": "node1", "in_sync": true, "datastore_error": null, "rendered_revision": 17,
            "renders": 4, "publications": 2,
            "problems": [{"object": "BGPPeer tor", "problem": "its filter f does not exist: nothing passes"}],
            "invalid": {"/calico/x": "spec.peerIP: not an address"},
            "last": {"time": 1000, "result": "put-back", "details": ["line 3: no such filter"]},
            "templates": {"hosts.toml": {"dest": "/etc/hosts.cluster", "publications": 1, "error": null}},
        });
        let status: ConfdStatus = serde_json::from_value(status).unwrap();
        assert_eq!(
            at(&status, 1065),
            "\
node                node1
datastore           followed
rendered            4 times, last from revision 17
put in place        2 times
last change         put-back, 1m05s ago
  line 3: no such filter

problems:
  BGPPeer tor: its filter f does not exist: nothing passes

left out:
  /calico/x: spec.peerIP: not an address

templates:
  hosts.toml: /etc/hosts.cluster, put in place 1 times, as rendered
"
        );
    }

    #[test]
    fn an_unreachable_datastore_is_reported() {
        let away = |in_sync| {
            let error = Some("no member answers".to_owned());
            at(&ConfdStatus { in_sync, datastore_error: error, ..ConfdStatus::default() }, 0)
        };
        assert!(away(false).contains("not read yet: no member answers"));
        assert!(away(true).contains("the file stays as it is"));
    }
}
