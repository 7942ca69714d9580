//! Fuzzing of each decoder and parser under libFuzzer, with a stable compiler.
//!
//! libFuzzer needs instrumentation of the edges taken, which LLVM adds by flags that a stable `rustc` passes
//! on. Only the address sanitizer would need a nightly compiler, and the fuzzed crates have no unsafe code
//! for it to check.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::steps::run_command;
use crate::workspace::Workspace;

/// Fuzzes all targets, or the named one, for this time each, and keeps interesting inputs in the corpus.
pub(crate) fn run(workspace: &Workspace, target: Option<&str>, seconds: u32) -> Result<()> {
    let names = TARGETS.map(|(name, _)| name);
    if let Some(unknown) = target.filter(|name| !names.contains(name)) {
        bail!("there is no target {unknown}; there are {}", names.join(", "));
    }
    let build = workspace.root.join("target/fuzz");
    let host = host_triple()?;
    run_command(
        workspace
            .cargo()
            .args(["build", "--release", "--manifest-path", "fuzz/Cargo.toml", "--target-dir"])
            .arg(&build)
            // Build scripts run without libFuzzer: only code built for a named target gets the flags.
            .args(["--target", &host])
            .env("RUSTFLAGS", INSTRUMENTATION),
    )?;
    for (name, member) in TARGETS.into_iter().filter(|(name, _)| target.is_none_or(|target| target == *name))
    {
        let kept = workspace.root.join(member).join("tests/fuzz").join(name).with_extension("hex");
        fuzz(&build.join(&host), name, &kept, seconds)?;
    }
    Ok(())
}

fn fuzz(build: &Path, name: &str, kept: &Path, seconds: u32) -> Result<()> {
    let program = build.join("release").join(name);
    let (found, least) = (fresh(build, name, "found")?, fresh(build, name, "least")?);
    for (number, line) in read_lines(kept)?.iter().enumerate() {
        fs::write(found.join(format!("kept-{number}")), octets(line)?)?;
    }
    let artifacts = format!("-artifact_prefix={}/", build.join(name).display());
    let limits = ["-max_len=4096", "-timeout=5", "-rss_limit_mb=1024"];
    let time = format!("-max_total_time={seconds}");
    let mut command = std::process::Command::new("nice");
    run_command(command.args(["-n", "19"]).arg(&program).arg(&found).args(limits).args([&time, &artifacts]))?;
    let mut merge = std::process::Command::new("nice");
    run_command(merge.args(["-n", "19"]).arg(&program).arg("-merge=1").args([&least, &found]))?;
    write_corpus(&least, kept)
}

fn host_triple() -> Result<String> {
    let version = std::process::Command::new("rustc").arg("-vV").output().context("run rustc")?;
    let text = String::from_utf8(version.stdout)?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc does not say for which host it is")
}

/// An empty directory.
fn fresh(build: &Path, name: &str, what: &str) -> Result<PathBuf> {
    let directory = build.join(name).join(what);
    if directory.exists() {
        fs::remove_dir_all(&directory).with_context(|| format!("empty {}", directory.display()))?;
    }
    fs::create_dir_all(&directory).with_context(|| format!("create {}", directory.display()))?;
    Ok(directory)
}

fn read_lines(corpus: &Path) -> Result<Vec<String>> {
    let text = fs::read_to_string(corpus).with_context(|| format!("read {}", corpus.display()))?;
    Ok(text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect())
}

/// Writes the inputs of a directory, the shortest first, without those that are too long for a review.
fn write_corpus(least: &Path, corpus: &Path) -> Result<()> {
    let mut inputs = Vec::new();
    for entry in fs::read_dir(least)? {
        inputs.push(fs::read(entry?.path())?);
    }
    inputs.retain(|input| input.len() <= LONGEST_KEPT);
    inputs.sort_by(|one, other| (one.len(), one).cmp(&(other.len(), other)));
    let lines =
        inputs.iter().map(|input| input.iter().map(|octet| format!("{octet:02x}")).collect::<String>());
    let text: String = lines.map(|line| line + "\n").collect();
    let header = "# Kept by `cargo xtask fuzz`, an input a line.\n";
    fs::write(corpus, format!("{header}{text}")).with_context(|| format!("write {}", corpus.display()))?;
    println!("{}: {} inputs", corpus.display(), inputs.len());
    Ok(())
}

fn octets(line: &str) -> Result<Vec<u8>> {
    let pairs = line.as_bytes().chunks(2);
    pairs.map(|pair| Ok(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?)).collect()
}

/// The targets, each with the package whose tests replay its inputs.
const TARGETS: [(&str, &str); 11] = [
    ("message", "bgp-codec"),
    ("attribute", "bgp-codec"),
    ("capability", "bgp-codec"),
    ("nlri", "bgp-codec"),
    ("selector", "cluster"),
    ("object_json", "cluster"),
    ("object_yaml", "cluster"),
    ("expression", "filter"),
    ("file", "config"),
    ("bird", "convert"),
    ("frr", "convert"),
];

/// Counters for every edge, and operands of comparisons.
const INSTRUMENTATION: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing";

/// Longer inputs reach nothing that shorter ones do not, and a corpus has to be readable in review.
const LONGEST_KEPT: usize = 600;
