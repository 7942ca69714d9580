//! Files with mistakes, and what is said of them: `broken.txt` is the reviewed record.

#![expect(clippy::disallowed_methods, reason = "the record is written on demand")]

use std::path::Path;

use margay_config::{ConfigError, Files, NamedFiles, read};

#[test]
fn what_is_said_of_broken_files_is_what_was_reviewed() {
    let record = include_str!("broken.txt");
    let mut cases = record.split("\n==== ");
    let mut now = cases.next().unwrap_or_default().to_owned();
    let mut count = 0;
    for case in cases {
        let (number, rest) = case.split_once('\n').expect("a number");
        let (text, _) = rest.split_once("---- says\n").expect("what is said");
        let said = said(text);
        assert!(!said.is_empty(), "nothing is wrong with {number}");
        now += &format!("\n==== {number}\n{text}---- says\n{said}");
        count += 1;
    }
    assert!(count >= 100, "{count} files");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/broken.txt"), &now)
            .expect("the record is written");
        return;
    }
    for (line, (now, record)) in (1..).zip(now.lines().zip(record.lines())) {
        assert_eq!(now, record, "line {line} of broken.txt");
    }
    assert_eq!(now.lines().count(), record.lines().count());
}

/// What `margay check` prints.
fn said(text: &str) -> String {
    let reading = read("margay.toml", text, &mut NoFiles, NamedFiles::Unchecked);
    let errors = reading.errors.iter().map(ConfigError::snippet).map(|snippet| format!("{snippet}\n\n"));
    let left_out = reading
        .config
        .iter()
        .flat_map(|config| config.left_out())
        .map(|left_out| format!("left out: {left_out}\n"));
    errors
        .chain(left_out)
        .collect::<String>()
        .lines()
        .map(|line| format!("{}\n", without_key_list(line)))
        .collect()
}

/// A line without a list of all keys of a table, which grows with every new key.
fn without_key_list(line: &str) -> &str {
    match line.find("there is ") {
        Some(list) if line[list..].matches(", ").count() > 5 => &line[..list + "there is ".len() - 1],
        _ => line,
    }
}

struct NoFiles;

impl Files for NoFiles {
    fn read(&mut self, _: &Path) -> Result<Vec<u8>, String> {
        Err("no such file".to_owned())
    }

    fn list(&mut self, _: &Path) -> Result<Vec<String>, String> {
        Ok(Vec::new())
    }
}
