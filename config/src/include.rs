//! `include = ["conf.d/*.toml"]`: further files that the configuration consists of.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use margay_filter::Glob;
use toml::de::DeTable;

use crate::report::Report;
use crate::section::{Section, Value};
use crate::sources::{Files, Sources};

/// Adds the files that the first one includes, and those that these include, in the order in which they are named;
/// files of one pattern in the order of their names. Mistakes are left to [`check`].
pub(crate) fn follow(sources: &mut Sources, files: &mut dyn Files) {
    let mut seen: BTreeSet<PathBuf> = sources.iter().map(|source| PathBuf::from(&source.name)).collect();
    let mut next = 0;
    while let Some(source) = sources.iter().nth(next) {
        next += 1;
        if !source.text.contains("include") {
            continue;
        }
        let folder = folder_of(&source.name);
        let patterns = patterns(&source.text).into_iter();
        let paths: Vec<PathBuf> =
            patterns.flat_map(|pattern| expand(&folder.join(pattern), files).unwrap_or_default()).collect();
        for path in paths {
            if sources.iter().count() < MAX_FILES
                && seen.insert(path.clone())
                && let Ok(text) = read_text(&path, files)
            {
                sources.push(path.display().to_string(), text);
            }
        }
    }
}

/// Reports what is wrong with the `include` of a file: what it names cannot be read, or is not there.
pub(crate) fn check(root: &mut Section<'_>, file: &str, sources: &Sources, report: &mut Report<'_>) {
    let Some(value) = root.get("include") else { return };
    for item in value.list("[\"conf.d/*.toml\"]", report).into_iter().flatten() {
        let Some(pattern) = item.string("conf.d/*.toml", report) else { continue };
        check_pattern(&folder_of(file).join(pattern), item, sources, report);
    }
}

fn check_pattern(path: &Path, item: Value<'_>, sources: &Sources, report: &mut Report<'_>) {
    if is_pattern(&path.parent().map(Path::to_string_lossy).unwrap_or_default()) {
        item.reject(report, "only the name of the file may be a pattern, not its folder");
        return;
    }
    let Some(found) = report.with_files(|files| expand(path, files)) else {
        item.reject(report, "no files are read here");
        return;
    };
    let paths = match found {
        Ok(paths) => paths,
        Err(error) => {
            item.reject(report, error);
            return;
        }
    };
    for path in paths {
        let is_read = sources.iter().any(|source| Path::new(&source.name) == path);
        if is_read {
            continue;
        }
        let error = report.with_files(|files| read_text(&path, files)).and_then(Result::err);
        let error = error.unwrap_or_else(|| format!("a configuration has at most {MAX_FILES} files"));
        item.reject(report, format_args!("{}: {error}", path.display()));
    }
}

fn folder_of(file: &str) -> PathBuf {
    Path::new(file).parent().map(Path::to_owned).unwrap_or_default()
}

/// The patterns that a text includes, as far as they are right.
fn patterns(text: &str) -> Vec<String> {
    let (document, _) = DeTable::parse_recoverable(text);
    let include = document.get_ref().get("include");
    let items = include.and_then(|include| include.get_ref().as_array());
    let patterns = items.into_iter().flat_map(|items| items.iter());
    patterns.filter_map(|item| item.get_ref().as_str().map(str::to_owned)).collect()
}

/// The files that a path with a pattern for a name means; a path without one means itself.
fn expand(path: &Path, files: &mut dyn Files) -> Result<Vec<PathBuf>, String> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if !is_pattern(&name) {
        return Ok(vec![path.to_owned()]);
    }
    let folder = path.parent().map(Path::to_owned).unwrap_or_default();
    let glob = Glob::new(&name);
    let listed = files.list(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    // As in a shell, a pattern does not mean hidden files.
    let meant = |name: &String| glob.matches(name) && !name.starts_with('.');
    let mut paths: Vec<PathBuf> = listed.into_iter().filter(meant).map(|name| folder.join(name)).collect();
    paths.sort();
    Ok(paths)
}

fn read_text(path: &Path, files: &mut dyn Files) -> Result<String, String> {
    String::from_utf8(files.read(path)?).map_err(|_| "it is not text".to_owned())
}

fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// More are a mistake, such as a pattern that finds what another program leaves behind.
const MAX_FILES: usize = 10_000;
