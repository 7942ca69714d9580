//! Objects of the cluster: from files into the datastore, and from there to the screen.

mod change;
mod check;
mod columns;
mod connection;
mod edit;
mod etcd_store;
mod export;
mod get;
mod manifest;
#[cfg(test)]
mod memory_store;
mod node_status;
mod origin;
mod output;
mod policy;
mod query;
mod store;
mod watch;

use std::io::Write;
use std::process::ExitCode;

use self::change::{Done, Verb};
pub(crate) use self::etcd_store::EtcdStore;
use self::manifest::Manifest;
use self::origin::Origin;
use self::store::Store;
use crate::arguments::objects::ObjectCommand;
use crate::arguments::{Arguments, objects as arguments};
use crate::object_error::ObjectError;
use crate::run_error::RunError;

/// Runs a command about objects.
pub(crate) fn run(
    command: &ObjectCommand,
    arguments: &Arguments,
    out: &mut impl Write,
) -> Result<ExitCode, RunError> {
    match command {
        ObjectCommand::Apply(write) => change_files(Verb::Apply, write, arguments.json, out),
        ObjectCommand::Create(write) => change_files(Verb::Create, write, arguments.json, out),
        ObjectCommand::Replace(write) => change_files(Verb::Replace, write, arguments.json, out),
        ObjectCommand::Validate(validate) => validate_files(validate, out),
        ObjectCommand::Get(get) => get::run(get, out),
        ObjectCommand::Delete(delete) => delete_objects(delete, arguments.json, out),
        ObjectCommand::Patch(patch) => {
            let mut store = EtcdStore::connect(&patch.connection)?;
            let outcome = edit::patch(&mut store, patch)?;
            report(&[outcome], patch.dry_run, arguments.json, out)
        }
        ObjectCommand::Label(label) => {
            let mut store = EtcdStore::connect(&label.connection)?;
            let outcome = edit::label(&mut store, label)?;
            report(&[outcome], label.dry_run, arguments.json, out)
        }
        ObjectCommand::Datastore(command) => datastore(command, arguments.json, out),
        ObjectCommand::Node(command) => node_status::run(command, arguments, out),
        ObjectCommand::Policy(command) => policy::run(command, arguments.json, out),
    }
}

fn change_files(
    verb: Verb,
    write: &arguments::WriteFiles,
    json: bool,
    out: &mut impl Write,
) -> Result<ExitCode, RunError> {
    let manifests = match manifest::read(&write.files, write.namespace.as_deref()) {
        Ok(manifests) => manifests,
        Err(problems) => return refuse(&problems, out),
    };
    let mut store = EtcdStore::connect(&write.connection)?;
    let done = write_all(&mut store, verb, &manifests, write.dry_run)?;
    report(&done, write.dry_run, json, out)
}

/// Writes objects in their order. One that fails does not hold up the others.
fn write_all(
    store: &mut impl Store,
    verb: Verb,
    manifests: &[Manifest],
    dry_run: bool,
) -> Result<Vec<Done>, ObjectError> {
    let origin = Origin::now()?;
    let write = |manifest: &Manifest| {
        let outcome = change::write(store, verb, &manifest.object, &origin, dry_run);
        (manifest.name(), outcome)
    };
    Ok(manifests.iter().map(write).collect())
}

fn validate_files(validate: &arguments::ValidateFiles, out: &mut impl Write) -> Result<ExitCode, RunError> {
    match manifest::read(&validate.files, None) {
        Err(problems) => refuse(&problems, out),
        Ok(manifests) => {
            for warning in policy::warnings(&manifests) {
                writeln!(out, "{warning}")?;
            }
            let plural = if manifests.len() == 1 { "object is" } else { "objects are" };
            writeln!(out, "{} {plural} valid", manifests.len())?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Prints what is wrong with files; nothing of them has been written.
fn refuse(problems: &[manifest::ManifestProblem], out: &mut impl Write) -> Result<ExitCode, RunError> {
    problems.iter().try_for_each(|problem| writeln!(out, "{problem}"))?;
    Ok(ExitCode::FAILURE)
}

fn delete_objects(
    delete: &arguments::Delete,
    json: bool,
    out: &mut impl Write,
) -> Result<ExitCode, RunError> {
    let keys = if delete.files.is_empty() {
        query::named_keys(&delete.selection)?
    } else {
        match manifest::read(&delete.files, delete.selection.namespace.as_deref()) {
            Ok(manifests) => manifests.iter().rev().map(Manifest::key).collect(),
            Err(problems) => return refuse(&problems, out),
        }
    };
    let mut store = EtcdStore::connect(&delete.connection)?;
    let delete_one = |key: &margay_cluster::key::ObjectKey| {
        (query::typed_name(key), change::delete(&mut store, key, delete.ignore_not_found, delete.dry_run))
    };
    let done: Vec<Done> = keys.iter().map(delete_one).collect();
    report(&done, delete.dry_run, json, out)
}

fn report(done: &[Done], dry_run: bool, json: bool, out: &mut impl Write) -> Result<ExitCode, RunError> {
    let suffix = if dry_run { " (dry run)" } else { "" };
    for (name, outcome) in done {
        match outcome {
            Ok(outcome) if json => {
                writeln!(
                    out,
                    "{}",
                    serde_json::json!({"object": name, "outcome": outcome.as_str(), "dryRun": dry_run})
                )?;
            }
            Err(error) if json => {
                writeln!(out, "{}", serde_json::json!({"object": name, "error": error.to_string()}))?;
            }
            Ok(outcome) => writeln!(out, "{name} {}{suffix}", outcome.as_str())?,
            Err(error) => writeln!(out, "{name}: {error}")?,
        }
    }
    let failed = done.iter().any(|(_, outcome)| outcome.is_err());
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn datastore(
    command: &arguments::DatastoreCommand,
    json: bool,
    out: &mut impl Write,
) -> Result<ExitCode, RunError> {
    match command {
        arguments::DatastoreCommand::Check { secrets, connection } => {
            let mut store = EtcdStore::connect(connection)?;
            check::run(&mut store, secrets.as_deref(), json, out)
        }
        arguments::DatastoreCommand::Export { connection } => {
            let mut store = EtcdStore::connect(connection)?;
            export::export(&mut store, out)?;
            Ok(ExitCode::SUCCESS)
        }
        arguments::DatastoreCommand::Import { file, overwrite, dry_run, connection } => {
            let mut store = EtcdStore::connect(connection)?;
            let text = manifest::read_text(file)?;
            export::import(&mut store, &text, *overwrite, *dry_run, out)
        }
    }
}
