//! `margay ipam check`: what is wrong with addresses, blocks, affinities and handles.

use std::io::Write;
use std::process::ExitCode;

use margay_ipam::audit::{Finding, Kind, Snapshot, audit};
use serde_json::{Value, json};

use super::procedure::with_store;
use crate::arguments::objects::ConnectionArguments;
use crate::run_error::RunError;

pub(super) fn run(
    connection: &ConnectionArguments,
    as_json: bool,
    out: &mut impl Write,
) -> Result<ExitCode, RunError> {
    let snapshot = with_store(connection, async |client| Snapshot::load(client).await)?;
    let findings = audit(&snapshot);
    if as_json {
        writeln!(out, "{:#}", findings.iter().map(finding_json).collect::<Value>())?;
    } else {
        for finding in &findings {
            writeln!(out, "{}: {finding}", name(finding.kind()))?;
        }
        let in_use: usize = snapshot.blocks.iter().map(|block| block.in_use().count()).sum();
        let (blocks, handles) = (snapshot.blocks.len(), snapshot.handles.len());
        writeln!(
            out,
            "{blocks} blocks, {in_use} addresses in use, {handles} handles: {}",
            summary(&findings)
        )?;
    }
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn summary(findings: &[Finding]) -> String {
    let faults = findings.iter().filter(|finding| finding.kind() == Kind::Fault).count();
    match (faults, findings.len() - faults) {
        (0, 0) => "all is well".to_owned(),
        (faults, leftovers) => format!("{faults} faults, {leftovers} leftovers"),
    }
}

const fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Leftover => "leftover",
        Kind::Fault => "fault",
    }
}

fn finding_json(finding: &Finding) -> Value {
    json!({"kind": name(finding.kind()), "what": finding.to_string()})
}
