//! Public configurations: each is converted into a file without errors, and what is left out is what is known to be.

#![expect(clippy::disallowed_methods, reason = "the corpus stands in files")]
#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::fs;
use std::path::{Path, PathBuf};

use margay_convert::{Conversion, ConvertError, RemarkKind, convert_bird};

#[test]
fn configurations_that_calico_renders() {
    let Some(folder) = corpus("calico/bird") else { return };
    let files: Vec<PathBuf> = files_below(&folder)
        .into_iter()
        .filter(|path| path.file_name().is_some_and(|name| name == "bird.cfg" || name == "bird6.cfg"))
        .collect();
    assert!(files.len() >= 100, "{} files", files.len());
    for file in &files {
        let conversion = converted(file).unwrap_or_else(|error| panic!("{error}"));
        check(file, &conversion);
        for remark in conversion.remarks.iter().filter(|remark| remark.kind == RemarkKind::LeftOut) {
            let is_known = KNOWN_LOSSES.iter().any(|known| remark.text.contains(known));
            assert!(is_known, "{remark}");
        }
    }
}

/// What has no counterpart in what Calico renders.
const KNOWN_LOSSES: [&str; 7] = [
    "the interface of routes from peers is not known here",
    "cannot be a gateway",
    "another peer has the address",
    "is not the address of a host",
    "belongs in a file: password_file",
    "there is no AS number",
    "there is no router id",
];

#[test]
fn configurations_of_birds_manual() {
    let Some(folder) = corpus("bird-conf") else { return };
    for (name, remarks) in
        [("bird.conf.example.cfg", 3), ("bird.conf.example2.cfg", 41), ("test.conf2.cfg", 2)]
    {
        let file = folder.join(name);
        let conversion = converted(&file).unwrap_or_else(|error| panic!("{error}"));
        check(&file, &conversion);
        assert_eq!(conversion.remarks.len(), remarks, "{name}: {:#?}", conversion.remarks);
    }
}

fn check(file: &Path, conversion: &Conversion) {
    if let Err(errors) = margay_config::parse("margay.toml", &conversion.toml) {
        panic!("{}: {errors:#?}\n{}", file.display(), conversion.toml);
    }
}

fn converted(file: &Path) -> Result<Conversion, ConvertError> {
    let text = fs::read_to_string(file).unwrap();
    convert_bird(&file.display().to_string(), &text, None, &mut |path, from| {
        let path = Path::new(from).parent().unwrap().join(path);
        let text = fs::read_to_string(&path).map_err(|error| error.to_string())?;
        Ok(vec![(path.display().to_string(), text)])
    })
}

/// A folder of the corpus, which stands beside the checkout; `None` with a note where it is not there.
fn corpus(folder: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus").join(folder);
    if path.exists() {
        return Some(path);
    }
    eprintln!("not tested: there is no {}", path.display());
    None
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}
