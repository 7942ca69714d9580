//! What a reading finds wrong, and which objects are left out for it.

use std::fmt;
use std::ops::Range;
use std::path::Path;

use crate::config_error::ConfigError;
use crate::left_out::{LeftOut, ObjectName};
use crate::sources::{Files, Sources};

/// Collects the errors of the files by the octets that each is about, and the objects that have errors.
pub(crate) struct Report<'t> {
    sources: &'t Sources,
    files: Option<&'t mut dyn Files>,
    /// Whether files are checked of which only the names are needed now.
    checks_files: bool,
    errors: Vec<Found>,
    /// How often something was used that is left out itself.
    missing: Vec<String>,
    left_out: Vec<(ObjectName, Cause)>,
}

struct Found {
    range: Range<usize>,
    text: String,
    /// Whether an object is left out for it.
    is_contained: bool,
}

/// Why an object is left out.
enum Cause {
    /// The error of this number.
    Error(usize),
    /// It uses something that is left out.
    Missing(String),
}

/// Where the reading of an object begins in what was found before.
#[derive(Clone, Copy)]
pub(crate) struct Mark {
    errors: usize,
    missing: usize,
}

impl<'t> Report<'t> {
    pub(crate) fn new(sources: &'t Sources, files: Option<&'t mut dyn Files>, checks_files: bool) -> Self {
        let (errors, missing, left_out) = (Vec::new(), Vec::new(), Vec::new());
        Self { sources, files, checks_files, errors, missing, left_out }
    }

    /// Adds an error at a single place.
    pub(crate) fn add(&mut self, offset: usize, text: impl fmt::Display) {
        self.add_at(offset..offset, text);
    }

    /// Adds an error about these octets.
    pub(crate) fn add_at(&mut self, range: Range<usize>, text: impl fmt::Display) {
        self.errors.push(Found { range, text: text.to_string(), is_contained: false });
    }

    /// Notes that what is being read uses something that is left out.
    pub(crate) fn miss(&mut self, what: impl fmt::Display) {
        self.missing.push(what.to_string());
    }

    /// Where the reading of an object begins.
    pub(crate) fn mark(&self) -> Mark {
        Mark { errors: self.errors.len(), missing: self.missing.len() }
    }

    /// Whether nothing was wrong since then.
    pub(crate) fn is_clean_since(&self, mark: Mark) -> bool {
        self.errors.len() == mark.errors && self.missing.len() == mark.missing
    }

    /// Ends the reading of an object. Returns whether it is right; otherwise it is left out.
    pub(crate) fn close(&mut self, mark: Mark, name: impl FnOnce() -> ObjectName) -> bool {
        let cause = if self.errors.len() > mark.errors {
            Cause::Error(mark.errors)
        } else if let Some(what) = self.missing.get(mark.missing) {
            Cause::Missing(what.clone())
        } else {
            return true;
        };
        for error in &mut self.errors[mark.errors..] {
            error.is_contained = true;
        }
        self.left_out.push((name(), cause));
        false
    }

    /// Whether there is an error that no object can be left out for.
    pub(crate) fn is_fatal(&self) -> bool {
        self.errors.iter().any(|error| !error.is_contained)
    }

    /// The content of a file of which only the name is needed now; `None` where such files are not checked.
    pub(crate) fn check_file(&mut self, path: &Path) -> Option<Result<Vec<u8>, String>> {
        if self.checks_files { self.read_file(path) } else { None }
    }

    /// The content of a file that the configuration names; `None` where files cannot be read.
    pub(crate) fn read_file(&mut self, path: &Path) -> Option<Result<Vec<u8>, String>> {
        self.files.as_mut().map(|files| files.read(path))
    }

    /// Does something with the files; `None` where files cannot be read.
    pub(crate) fn with_files<T>(&mut self, act: impl FnOnce(&mut dyn Files) -> T) -> Option<T> {
        self.files.as_mut().map(|files| act(&mut **files))
    }

    /// The line of its file that holds the octet at `offset`.
    pub(crate) fn line(&self, offset: usize) -> usize {
        self.sources.place(offset).line
    }

    /// A place for an error elsewhere that refers to it: its line, and its file where that is another.
    pub(crate) fn place(&self, offset: usize, from: usize) -> String {
        let place = self.sources.place(offset);
        let line = place.line;
        if place.source.base == self.sources.place(from).source.base {
            format!("line {line}")
        } else {
            format!("line {line} of {}", place.source.name)
        }
    }

    /// All errors in the order of the files, and what is left out in the order in which it was read.
    pub(crate) fn finish(self) -> (Vec<ConfigError>, Vec<LeftOut>) {
        let causes: Vec<Option<String>> =
            self.left_out.iter().map(|(_, cause)| self.described(cause)).collect();
        let names = self.left_out.into_iter().map(|(name, _)| name);
        let left_out = names.zip(causes).map(|(object, cause)| LeftOut {
            object,
            cause: cause.unwrap_or_default(),
            is_kept: false,
        });
        let left_out = left_out.collect();
        let errors = self.errors.into_iter().map(|error| (error.range, error.text)).collect();
        (self.sources.errors(errors), left_out)
    }

    fn described(&self, cause: &Cause) -> Option<String> {
        match cause {
            Cause::Missing(what) => Some(what.clone()),
            Cause::Error(index) => {
                let error = self.errors.get(*index)?;
                let place = self.sources.place(error.range.start);
                Some(format!("{}:{}: {}", place.source.name, place.line, error.text))
            }
        }
    }
}
