//! `margay reload`

use margay_config::ConfigError;
use margay_control::{ConfirmReport, FileError, ReloadReport};

use super::time_span::time_span;

/// What the daemon did, and what is wrong in its files.
pub(crate) fn reload(report: &ReloadReport) -> String {
    let mut text: String =
        report.errors.iter().map(|error| format!("{}\n\n", config_error(error).snippet())).collect();
    if report.is_refused() {
        return text + "Nothing was changed.\n";
    }
    for left_out in &report.left_out {
        text += &format!("left out  {left_out}\n");
    }
    for change in &report.changes {
        let action = if change.action.is_empty() { String::new() } else { format!(": {}", change.action) };
        text += &format!("{:<7}  {}{action}\n", change.change, change.object);
    }
    if !report.needs_restart.is_empty() {
        text += &format!("needs a restart of the daemon: {}\n", report.needs_restart.join(", "));
    }
    if let Some(seconds) = report.undone_in_seconds {
        text += &format!("undone in {} unless confirmed: margay reload --confirmed\n", time_span(seconds));
    }
    if text.is_empty() { "Nothing has changed.\n".to_owned() } else { text }
}

/// That a reload is not undone any more.
pub(crate) fn confirmed(report: &ConfirmReport) -> String {
    format!("confirmed, with {} left\n", time_span(report.seconds_left))
}

fn config_error(error: &FileError) -> ConfigError {
    ConfigError {
        file: error.file.clone(),
        line: error.line,
        column: error.column,
        width: error.width,
        excerpt: error.excerpt.clone(),
        excerpt_column: error.excerpt_column,
        text: error.text.clone(),
    }
}

#[cfg(test)]
mod tests {
    use margay_control::{LeftOutObject, ObjectChange, ObjectChangeKind};

    use super::*;

    #[test]
    fn lists_what_was_done() {
        let report = ReloadReport {
            changes: vec![
                change("peer tor1", ObjectChangeKind::Changed, "import filters evaluated again"),
                change("network 10.65.9.0/26", ObjectChangeKind::Added, ""),
                change("peer node7", ObjectChangeKind::Removed, ""),
            ],
            needs_restart: vec!["global.asn".to_owned(), "kernel.table".to_owned()],
            undone_in_seconds: Some(300),
            ..ReloadReport::default()
        };
        assert_eq!(
            reload(&report),
            "\
changed  peer tor1: import filters evaluated again
added    network 10.65.9.0/26
removed  peer node7
needs a restart of the daemon: global.asn, kernel.table
undone in 5m00s unless confirmed: margay reload --confirmed
"
        );
    }

    #[test]
    fn lists_the_errors_of_a_file_that_is_refused() {
        let report = ReloadReport { errors: vec![error()], ..ReloadReport::default() };
        let expected =
            "error: wrong\n --> m.toml:3:8\n  |\n3 | port = 0\n  |        ^\n\nNothing was changed.\n";
        assert_eq!(reload(&report), expected);
    }

    #[test]
    fn lists_what_is_left_out_and_what_was_done() {
        let cause = "m.toml:3: wrong".to_owned();
        let left_out = vec![LeftOutObject { object: "peer tor1".to_owned(), cause, is_kept: true }];
        let changes = vec![change("peer tor2", ObjectChangeKind::Added, "")];
        let report = ReloadReport { errors: vec![error()], left_out, changes, ..ReloadReport::default() };
        let text = reload(&report);
        let expected = "left out  peer tor1, and goes on as it was: m.toml:3: wrong\nadded    peer tor2\n";
        assert!(text.starts_with("error: wrong\n") && text.ends_with(expected), "{text}");
    }

    fn error() -> FileError {
        FileError {
            file: "m.toml".to_owned(),
            line: 3,
            column: 8,
            width: 1,
            excerpt: "port = 0".to_owned(),
            excerpt_column: 8,
            text: "wrong".to_owned(),
        }
    }

    #[test]
    fn says_that_the_file_is_in_force_already() {
        assert_eq!(reload(&ReloadReport::default()), "Nothing has changed.\n");
    }

    fn change(object: &str, change: ObjectChangeKind, action: &str) -> ObjectChange {
        ObjectChange { object: object.to_owned(), change, action: action.to_owned() }
    }
}
