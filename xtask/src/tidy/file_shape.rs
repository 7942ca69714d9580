//! The form of a Rust file: it is named after a concept, and its first line says what it holds.

use std::ffi::OsStr;

use super::finding::Finding;
use crate::workspace::SourceFile;

/// Names that say nothing about the contents, for a file or a folder.
const EMPTY_NAMES: &[&str] = &["common", "helper", "helpers", "types", "util", "utils"];

/// Files that stand for a whole crate or folder.
const HEADS: &[&str] = &["lib.rs", "main.rs", "mod.rs"];

pub(super) fn check(file: &SourceFile) -> Vec<Finding> {
    if file.path.extension() != Some(OsStr::new("rs")) {
        return Vec::new();
    }
    let mut whats = Vec::new();
    let name =
        |part: Option<&OsStr>| part.map(|part| part.to_string_lossy().into_owned()).unwrap_or_default();
    let stem = match name(file.path.file_name()).as_str() {
        "mod.rs" => name(file.path.parent().and_then(|folder| folder.file_name())),
        _ => name(file.path.file_stem()),
    };
    if EMPTY_NAMES.contains(&stem.as_str()) {
        whats.push(format!("`{stem}` is not the name of a concept: name the file after its contents"));
    }
    if HEADS.contains(&name(file.path.file_name()).as_str()) && !file.text.starts_with("//!") {
        whats.push("the first line must be a `//!` that says what the file holds".to_owned());
    }
    whats.into_iter().map(|what| Finding { path: file.path.clone(), line: 1, what }).collect()
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::workspace::SourceFile;

    #[test]
    fn checks_names_and_first_lines() {
        let cases = [
            ("rib/src/adj_rib_in.rs", "struct A;", 0),
            ("rib/src/utils.rs", "//! Odds and ends.", 1),
            ("rib/src/common/mod.rs", "//! Odds and ends.", 1),
            ("rib/src/common/mod.rs", "struct A;", 2),
            ("rib/src/lib.rs", "//! The RIB.", 0),
            ("rib/src/lib.rs", "#![warn(x)]\n//! The RIB.", 1),
            ("rib/src/log/mod.rs", "// The log.", 1),
            ("docs/types.md", "# Types", 0),
        ];
        for (path, text, expected) in cases {
            let file = SourceFile { path: path.into(), text: text.to_owned() };
            assert_eq!(check(&file).len(), expected, "{path}: {text}");
        }
    }
}
