//! Files of expectations: which connections are allowed and which are denied.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use margay_cluster::document::{Content, Node, Position, read_yaml};
use serde::Deserialize;
use serde_json::{Value, json};

use super::cluster::Cluster;
use super::flow::{Flow, FlowText};
use super::outcome::is_allowed;
use super::party::Parties;
use super::view;
use crate::arguments::objects::FamilyArgument;
use crate::objects::manifest::{self, Manifest};
use crate::run_error::RunError;

/// Expectations, and the objects to judge by.
pub(super) struct ExpectationFile {
    name: String,
    cluster: Cluster,
    expectations: Vec<(Option<Position>, Expectation)>,
}

/// That a connection is allowed or denied.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Expectation {
    /// What to call it in the output.
    name: Option<String>,
    from: String,
    to: String,
    verdict: ExpectedVerdict,
    /// A name or a number; TCP when it is not given.
    protocol: Option<Value>,
    port: Option<u16>,
    source_port: Option<u16>,
    icmp: Option<Value>,
    http: Option<String>,
    /// The version of IP; each that both parties have when it is not given.
    family: Option<FamilyArgument>,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
enum ExpectedVerdict {
    #[serde(alias = "Allow")]
    Allow,
    #[serde(alias = "Deny")]
    Deny,
}

/// What became of an expectation.
struct Outcome {
    what: String,
    /// Why it does not hold.
    failure: Option<String>,
}

impl ExpectationFile {
    /// Reads a file of expectations and the objects that it names, besides those of `more`.
    pub(super) fn read(file: &Path, text: &str, more: &[PathBuf]) -> Result<Self, Vec<String>> {
        let mut reading = Reading { file, problems: Vec::new() };
        let documents = read_yaml(text).unwrap_or_else(|error| {
            reading.report(Some(error.position), &error.message);
            Vec::new()
        });
        let expectations = match documents.as_slice() {
            [document] => reading.expectations(document),
            [] if !reading.problems.is_empty() => Vec::new(),
            _ => {
                reading.report(None, "must be one document with expectations");
                Vec::new()
            }
        };
        let named = documents.first().map(|document| reading.objects(document)).unwrap_or_default();
        let manifests = reading.manifests(more.iter().cloned().chain(named).collect());
        if !reading.problems.is_empty() {
            return Err(reading.problems);
        }
        let name = file.display().to_string();
        Ok(Self { name, cluster: Cluster::of_manifests(&manifests), expectations })
    }

    /// Judges every connection. Exit code 0 if all expectations hold.
    pub(super) fn run(&self, json: bool, out: &mut impl Write) -> Result<ExitCode, RunError> {
        let mut failures = 0;
        for (position, expectation) in &self.expectations {
            let outcome = expectation.judge(&self.cluster);
            failures += usize::from(outcome.failure.is_some());
            let place =
                position.map_or_else(|| self.name.clone(), |position| format!("{}:{position}", self.name));
            match (&outcome.failure, json) {
                (failure, true) => {
                    let what = &outcome.what;
                    writeln!(out, "{}", json!({"place": place, "what": what, "failure": failure}))?;
                }
                (Some(failure), false) => writeln!(out, "FAILED {place}: {}: {failure}", outcome.what)?,
                (None, false) => writeln!(out, "ok {}", outcome.what)?,
            }
        }
        if !json {
            writeln!(out, "{} expectations, {failures} failed", self.expectations.len())?;
        }
        Ok(if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

impl Expectation {
    fn judge(&self, cluster: &Cluster) -> Outcome {
        let what = self.name.clone().unwrap_or_else(|| format!("{} to {}", self.from, self.to));
        match self.failure(cluster) {
            Ok(failure) => Outcome { what, failure },
            Err(problem) => Outcome { what, failure: Some(problem) },
        }
    }

    /// The verdict that is not the expected one, in any of the versions of IP.
    fn failure(&self, cluster: &Cluster) -> Result<Option<String>, String> {
        let flow = self.flow()?;
        for parties in Parties::find(cluster, &self.from, &self.to, self.family)? {
            let judgements = flow.judge(cluster, &parties);
            if is_allowed(&judgements) != (self.verdict == ExpectedVerdict::Allow) {
                let (found, step) = match self.verdict {
                    ExpectedVerdict::Allow => ("denied", view::deciding_step(&judgements)),
                    ExpectedVerdict::Deny => ("allowed", view::deciding_step(&judgements)),
                };
                return Ok(Some(format!("{} is {found} by {step}", view::headline(&flow, &parties))));
            }
        }
        Ok(None)
    }

    fn flow(&self) -> Result<Flow, String> {
        let text = |value: &Option<Value>| match value {
            Some(Value::String(text)) => Some(text.clone()),
            Some(other) => Some(other.to_string()),
            None => None,
        };
        let (protocol, icmp) = (text(&self.protocol), text(&self.icmp));
        Flow::new(&FlowText {
            protocol: protocol.as_deref().unwrap_or("tcp"),
            port: self.port,
            source_port: self.source_port,
            icmp: icmp.as_deref(),
            http: self.http.as_deref(),
        })
    }
}

/// A file of expectations while it is read.
struct Reading<'f> {
    file: &'f Path,
    problems: Vec<String>,
}

impl Reading<'_> {
    fn report(&mut self, position: Option<Position>, message: &str) {
        let file = self.file.display();
        self.problems.push(match position {
            Some(position) => format!("{file}:{position}: {message}"),
            None => format!("{file}: {message}"),
        });
    }

    fn expectations(&mut self, document: &Node<'_>) -> Vec<(Option<Position>, Expectation)> {
        self.check_keys(document);
        let mut expectations = Vec::new();
        for item in self.items(document, "expectations") {
            match serde_json::from_value(item.to_json()) {
                Ok(expectation) => expectations.push((item.position, expectation)),
                Err(error) => self.report(item.position, &error.to_string()),
            }
        }
        if expectations.is_empty() && self.problems.is_empty() {
            self.report(None, "there are no expectations");
        }
        expectations
    }

    fn check_keys(&mut self, document: &Node<'_>) {
        let Content::Map(entries) = &document.content else {
            return self.report(document.position, "must be a map with objects and expectations");
        };
        for entry in entries {
            if !["objects", "expectations"].contains(&&*entry.key) {
                self.report(entry.position, &format!("{} is not objects or expectations", entry.key));
            }
        }
    }

    /// The files and folders that are named, relative to the file.
    fn objects(&mut self, document: &Node<'_>) -> Vec<PathBuf> {
        let folder = self.file.parent().unwrap_or_else(|| Path::new(""));
        let mut files = Vec::new();
        for item in self.items(document, "objects") {
            match item.as_text() {
                Some(path) => files.push(folder.join(path)),
                None => self.report(item.position, "objects must be names of files and folders"),
            }
        }
        files
    }

    fn manifests(&mut self, files: Vec<PathBuf>) -> Vec<Manifest> {
        if files.is_empty() {
            if self.problems.is_empty() {
                self.report(None, "there are no objects: name files in objects, or with --filename");
            }
            return Vec::new();
        }
        manifest::read(&files, None).unwrap_or_else(|problems| {
            self.problems.extend(problems.iter().map(ToString::to_string));
            Vec::new()
        })
    }

    /// The items of a list, none when it is absent.
    fn items<'n, 't>(&mut self, document: &'n Node<'t>, key: &str) -> &'n [Node<'t>] {
        match document.get(key).map(|node| (node.position, &node.content)) {
            Some((_, Content::List(items))) => items,
            Some((position, _)) => {
                self.report(position, &format!("{key} must be a list"));
                &[]
            }
            None => &[],
        }
    }
}
