//! `margay reload`

use margay_control::ReloadReport;

/// What the daemon did, or what is wrong in its file.
pub(crate) fn reload(report: &ReloadReport) -> String {
    if !report.errors.is_empty() {
        let errors: String = report.errors.iter().map(|error| format!("{error}\n")).collect();
        return errors + "Nothing was changed.\n";
    }
    let mut text = String::new();
    for change in &report.changes {
        let action = if change.action.is_empty() { String::new() } else { format!(": {}", change.action) };
        text += &format!("{:<7}  {}{action}\n", change.change, change.object);
    }
    if !report.needs_restart.is_empty() {
        text += &format!("needs a restart of the daemon: {}\n", report.needs_restart.join(", "));
    }
    if text.is_empty() { "Nothing has changed.\n".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use margay_control::{FileError, ObjectChange, ObjectChangeKind};

    use super::*;

    #[test]
    fn lists_what_was_done() {
        let report = ReloadReport {
            errors: Vec::new(),
            changes: vec![
                change("peer tor1", ObjectChangeKind::Changed, "import filters evaluated again"),
                change("network 10.65.9.0/26", ObjectChangeKind::Added, ""),
                change("peer node7", ObjectChangeKind::Removed, ""),
            ],
            needs_restart: vec!["global.asn".to_owned(), "kernel.table".to_owned()],
        };
        assert_eq!(
            reload(&report),
            "\
changed  peer tor1: import filters evaluated again
added    network 10.65.9.0/26
removed  peer node7
needs a restart of the daemon: global.asn, kernel.table
"
        );
    }

    #[test]
    fn lists_the_errors_of_the_file() {
        let error = FileError { file: "m.toml".to_owned(), line: 3, column: 7, text: "wrong".to_owned() };
        let report = ReloadReport { errors: vec![error], ..ReloadReport::default() };
        assert_eq!(reload(&report), "m.toml:3:7: wrong\nNothing was changed.\n");
    }

    #[test]
    fn says_that_the_file_is_in_force_already() {
        assert_eq!(reload(&ReloadReport::default()), "Nothing has changed.\n");
    }

    fn change(object: &str, change: ObjectChangeKind, action: &str) -> ObjectChange {
        ObjectChange { object: object.to_owned(), change, action: action.to_owned() }
    }
}
