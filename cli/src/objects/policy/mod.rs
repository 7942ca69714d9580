//! `margay policy`: what network policy makes of connections, without sending a packet.

mod cluster;
mod expectations;
mod flow;
mod outcome;
mod party;
mod view;

use std::io::Write;
use std::process::ExitCode;

use self::cluster::Cluster;
use self::expectations::ExpectationFile;
use self::flow::Flow;
use self::outcome::is_allowed;
use self::party::Parties;
use super::etcd_store::EtcdStore;
use super::manifest::{self, Manifest};
use super::query::typed_name;
use crate::arguments::objects::{ExplainConnection, PolicyCommand};
use crate::object_error::ObjectError;
use crate::run_error::RunError;

pub(super) fn run(command: &PolicyCommand, json: bool, out: &mut impl Write) -> Result<ExitCode, RunError> {
    match command {
        PolicyCommand::Explain(explain) => self::explain(explain, json, out),
        PolicyCommand::Test { file, files } => {
            let text = manifest::read_text(file)?;
            match ExpectationFile::read(file, &text, files) {
                Ok(expectations) => expectations.run(json, out),
                Err(problems) => refuse(&problems, out),
            }
        }
    }
}

/// What is valid in files of objects, and can hardly be meant.
pub(super) fn warnings(manifests: &[Manifest]) -> Vec<String> {
    let keys: Vec<_> = manifests.iter().map(Manifest::key).collect();
    let objects = keys.iter().zip(manifests.iter().map(|manifest| &manifest.object));
    let warnings = margay_policy::warnings(objects);
    let show = |warning: &margay_policy::Warning| {
        format!("warning: {}: {}: {}", typed_name(&warning.key), warning.field, warning.message)
    };
    warnings.iter().map(show).collect()
}

fn explain(explain: &ExplainConnection, json: bool, out: &mut impl Write) -> Result<ExitCode, RunError> {
    let cluster = if explain.files.is_empty() {
        let (cluster, problems) = Cluster::of_store(&mut EtcdStore::connect(&explain.connection)?)?;
        problems.iter().for_each(|problem| eprintln!("margay: {problem}"));
        cluster
    } else {
        match manifest::read(&explain.files, None) {
            Ok(manifests) => Cluster::of_manifests(&manifests),
            Err(problems) => {
                let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
                return refuse(&problems, out);
            }
        }
    };
    let flow = Flow::of_arguments(explain).map_err(ObjectError::Usage)?;
    let parties = Parties::find(&cluster, &explain.from, &explain.to, explain.family);
    let parties = parties.map_err(ObjectError::Usage)?.remove(0);
    let judgements = flow.judge(&cluster, &parties);
    let text = if json {
        view::as_json(&flow, &parties, &judgements)
    } else {
        view::as_text(&flow, &parties, &judgements)
    };
    out.write_all(text.as_bytes())?;
    Ok(if is_allowed(&judgements) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn refuse(problems: &[String], out: &mut impl Write) -> Result<ExitCode, RunError> {
    problems.iter().try_for_each(|problem| writeln!(out, "{problem}"))?;
    Ok(ExitCode::FAILURE)
}

#[cfg(test)]
mod tests;
