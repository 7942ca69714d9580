//! The status as metrics in the text format of Prometheus.

use std::fmt::Write as _;

use margay_control::{ConfdStatus, PublicationResult};

/// The metrics, each with its help and its kind.
pub(crate) fn metrics(status: &ConfdStatus) -> String {
    let mut text = String::new();
    let flag = |is_set: bool| u64::from(is_set);
    let last = status.last.as_ref();
    let failed = status.templates.values().filter(|template| template.error.is_some()).count();
    for (name, help, kind, value) in [
        ("in_sync", "Whether everything in the datastore was read once", "gauge", flag(status.in_sync)),
        (
            "datastore_connected",
            "Whether the datastore is followed",
            "gauge",
            flag(status.in_sync && status.datastore_error.is_none()),
        ),
        (
            "rendered_revision",
            "Revision of the datastore that the file was rendered from",
            "gauge",
            status.rendered_revision.unwrap_or(0),
        ),
        ("renders_total", "How many times the file was rendered", "counter", status.renders),
        ("publications_total", "How many times the file was put in place", "counter", status.publications),
        ("problems", "Problems of objects that can be read", "gauge", status.problems.len() as u64),
        ("invalid_objects", "Objects that cannot be used", "gauge", status.invalid.len() as u64),
        (
            "last_publication_good",
            "Whether the daemon has the file as rendered",
            "gauge",
            flag(last.is_none_or(|last| last.result.is_good())),
        ),
        (
            "last_publication_time_seconds",
            "When the last text that differed was handled, since 1970",
            "gauge",
            last.map_or(0, |last| last.time),
        ),
        ("templates", "Files that are made from templates", "gauge", status.templates.len() as u64),
        ("templates_failed", "Files of templates that are not as they should be", "gauge", failed as u64),
    ] {
        write_head(&mut text, name, help, kind);
        write_line(&mut text, name, "", value);
    }
    write_head(&mut text, "last_publication_result", "The outcome of the last text that differed", "gauge");
    for result in PublicationResult::ALL {
        let is_it = last.is_some_and(|last| last.result == result);
        write_line(&mut text, "last_publication_result", &format!("{{result=\"{result}\"}}"), flag(is_it));
    }
    text
}

fn write_head(text: &mut String, name: &str, help: &str, kind: &str) {
    writeln!(text, "# HELP margay_confd_{name} {help}.\n# TYPE margay_confd_{name} {kind}")
        .expect(INFALLIBLE);
}

fn write_line(text: &mut String, name: &str, labels: &str, value: u64) {
    writeln!(text, "margay_confd_{name}{labels} {value}").expect(INFALLIBLE);
}

const INFALLIBLE: &str = "writing to a String cannot fail";

#[cfg(test)]
mod tests {
    use margay_control::{ConfdStatus, Publication, PublicationResult};

    use super::metrics;

    #[test]
    fn metrics_have_a_type_and_a_value_each() {
        let last = Publication { time: 5, result: PublicationResult::PutBack, details: Vec::new() };
        let status = ConfdStatus {
            in_sync: true,
            rendered_revision: Some(17),
            last: Some(last),
            ..ConfdStatus::default()
        };
        let metrics = metrics(&status);
        assert!(metrics.contains("\nmargay_confd_rendered_revision 17\n"));
        assert!(metrics.contains("\nmargay_confd_last_publication_good 0\n"));
        assert!(metrics.contains("\nmargay_confd_last_publication_result{result=\"put-back\"} 1\n"));
        assert!(metrics.contains("\nmargay_confd_last_publication_result{result=\"reloaded\"} 0\n"));
        assert_eq!(metrics.matches("# TYPE ").count(), 12);
    }
}
