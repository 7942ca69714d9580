//! The top level of all files together.

use crate::left_out::ObjectName;
use crate::report::Report;
use crate::section::{Section, Value};

/// The top level of the operator's file and of all that it includes.
pub(crate) struct Root<'t> {
    files: Vec<Section<'t>>,
}

impl<'t> Root<'t> {
    /// `files` holds at least the operator's file.
    pub(crate) fn new(files: Vec<Section<'t>>) -> Self {
        Self { files }
    }

    /// A table that stands in one file only, such as `[global]`.
    pub(crate) fn single(&mut self, key: &'static str, report: &mut Report<'_>) -> Option<Value<'t>> {
        let mut values = self.values(key).into_iter();
        let first = values.next();
        for other in values {
            let place = report.place(first?.offset(), other.offset());
            other.reject(report, format_args!("it stands on {place} already: keep one of the two"));
        }
        first
    }

    /// Reports a table that stands in no file.
    pub(crate) fn require(&mut self, key: &'static str, report: &mut Report<'_>) -> Option<Value<'t>> {
        let value = self.single(key, report);
        if value.is_none() {
            report.add(0, format_args!("the file has no {key}"));
        }
        value
    }

    /// The items of a list of tables, such as `[[peer]]`, of all files.
    pub(crate) fn items(&mut self, key: &'static str, report: &mut Report<'_>) -> Vec<Value<'t>> {
        let title = format!("[[{key}]]");
        let lists = self.values(key).into_iter();
        lists.filter_map(|value| value.list(&title, report)).flatten().collect()
    }

    /// The tables of a kind, such as `[filter.NAME]`, of all files, each with the place of its name. A name that is there
    /// twice is reported.
    pub(crate) fn named(&mut self, key: &'static str, report: &mut Report<'_>) -> Vec<(Value<'t>, usize)> {
        let title = format!("[{key}.NAME]");
        let mut found: Vec<(Value<'t>, usize)> = Vec::new();
        for value in self.values(key) {
            let Some(section) = value.table(title.as_str(), report) else { continue };
            found.extend(section.named());
        }
        // Stable: of the same name, the first one counts.
        found.sort_by_key(|(value, _)| value.key());
        found.dedup_by(|(later, later_offset), (first, first_offset)| {
            let is_same = later.key() == first.key();
            if is_same {
                let place = report.place(*first_offset, *later_offset);
                let text = format!("{key} {} stands on {place} already: keep one of the two", later.key());
                report.add(*later_offset, text);
            }
            is_same
        });
        found
    }

    /// Reports every key that was never asked for; what it begins is left out.
    pub(crate) fn finish(self, report: &mut Report<'_>) {
        for file in self.files {
            for name in file.unknown() {
                let mark = report.mark();
                file.reject_key(name, report);
                report.close(mark, || ObjectName::Section(name.to_owned()));
            }
        }
    }

    fn values(&mut self, key: &'static str) -> Vec<Value<'t>> {
        self.files.iter_mut().filter_map(|file| file.get(key)).collect()
    }
}
