//! Tests that a page names as evidence must exist.

use std::path::Path;

use super::finding::Finding;
use crate::workspace::SourceFile;

/// The page whose tables name tests in their last column.
const PAGE: &str = "docs/security.md";

/// A finding for each name without a function.
pub(super) fn check(files: &[SourceFile]) -> Vec<Finding> {
    let Some(page) = files.iter().find(|file| file.path == Path::new(PAGE)) else { return Vec::new() };
    let rows = page.text.lines().enumerate().filter(|(_, line)| line.starts_with('|'));
    let names = rows.flat_map(|(index, line)| last_column(line).map(move |name| (index + 1, name)));
    let missing = names.filter(|(_, name)| {
        let function = format!("fn {name}(");
        !files.iter().any(|file| file.text.contains(&function))
    });
    let path = Path::new(PAGE);
    missing
        .map(|(line, name)| Finding { path: path.into(), line, what: format!("there is no test {name}") })
        .collect()
}

/// The names of tests in the last column of a row; commands and other code have further characters.
fn last_column(row: &str) -> impl Iterator<Item = &str> {
    let column = row.trim_end_matches('|').rsplit('|').next().unwrap_or_default();
    let quoted = column.split('`').skip(1).step_by(2);
    quoted.filter(|text| {
        text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    })
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::workspace::SourceFile;

    #[test]
    fn a_name_without_a_function_is_a_finding() {
        let file = |path: &str, text: &str| SourceFile { path: path.into(), text: text.into() };
        let page = "| claim | shown by |\n| it `holds` | `one_test`, `cargo xtask fuzz`, `other_test` |\n";
        let files = [file("docs/security.md", page), file("a.rs", "fn one_test() {}")];
        let findings = check(&files);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].to_string(), "docs/security.md:2: there is no test other_test");
    }
}
