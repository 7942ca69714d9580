//! Calico's golden cases in real etcd: margay-confd makes the file that follows from their objects, at once and step by step.
//!
//! Needs root. The corpus stands beside the checkout; where it is absent, the tests say so and pass.

#[path = "../../render/tests/calico/case.rs"]
mod case;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use case::Case;
use margay_datastore::{Client, DatastoreOptions, Expected, SwapOutcome};
use margay_lab::{ClusterNode, Etcd, EtcdSettings, Lab, Namespace, Segment, wait_until};
use margay_render::{FileSettings, render};

#[test]
fn stored_cases_give_the_files_that_follow_from_their_objects() -> Result<()> {
    let cases = case::read_all();
    if cases.is_empty() {
        return Ok(());
    }
    let mut stage = Stage::new()?;
    let mut files = 0;
    for case in &cases {
        stage.store(case)?;
        let node = stage.node(case)?;
        let output = node.confd_command().args(arguments_of(case)).arg("--noop").output()?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let Some(expected) = stage.expected(case, &node) else {
            assert!(!output.status.success(), "{}: there is nothing to render", case.case);
            continue;
        };
        assert!(output.status.success(), "{}: {said}", case.case);
        assert_eq!(String::from_utf8(output.stdout)?, expected, "{}", case.case);
        stage.check(case, &expected)?;
        files += 1;
    }
    eprintln!("{files} files of {} cases", cases.len());
    Ok(())
}

#[test]
fn steps_in_the_store_give_the_files_from_scratch() -> Result<()> {
    let mut sequences: BTreeMap<String, BTreeMap<u64, Case>> = BTreeMap::new();
    for case in case::read_all() {
        if let Some((name, step)) = case.sequence() {
            let steps = sequences.entry(format!("{name} on {}", case.nodename)).or_default();
            steps.insert(step, case);
        }
    }
    if sequences.is_empty() {
        return Ok(());
    }
    let mut stage = Stage::new()?;
    for (name, steps) in &sequences {
        let mut running: Option<ClusterNode> = None;
        for case in steps.values() {
            stage.store(case)?;
            let node = match &mut running {
                Some(node) => node,
                None => {
                    let mut node = stage.node(case)?;
                    fs::remove_file(node.file()).ok();
                    node.start_confd()?;
                    running.insert(node)
                }
            };
            let Some(expected) = stage.expected(case, node) else { continue };
            wait_until(Duration::from_secs(20), &format!("{name}: {}", case.case), || {
                let found = fs::read_to_string(node.file())?;
                ensure!(found == expected, "the file is\n{found}\nand not\n{expected}");
                Ok(())
            });
        }
        if let Some(mut node) = running {
            node.kill_confd()?;
        }
    }
    eprintln!("{} sequences", sequences.len());
    Ok(())
}

/// A store, and a machine for whichever node a case is about.
struct Stage {
    etcd: Etcd,
    machine: Namespace,
    programs: PathBuf,
    stored: BTreeMap<String, Vec<u8>>,
    _segment: Segment,
    lab: Lab,
}

impl Stage {
    fn new() -> Result<Self> {
        let lab = Lab::new()?;
        let segment = lab.segment("rack")?;
        let etcd = Etcd::start(&lab, &segment, &EtcdSettings { members: 1, ..EtcdSettings::default() })?;
        let machine = lab.namespace("node")?;
        segment.attach(&machine, "eth0", &["10.99.0.11/24"])?;
        Ok(Self { etcd, machine, programs: programs()?, stored: BTreeMap::new(), _segment: segment, lab })
    }

    fn node(&self, case: &Case) -> Result<ClusterNode> {
        ClusterNode::new(&self.machine, &case.nodename, &self.etcd.endpoints(), &self.programs)
    }

    /// Makes the store and the folders hold what a case has, and nothing else.
    fn store(&mut self, case: &Case) -> Result<()> {
        let node = self.node(case)?;
        let wanted = case.stored();
        let gone = self.stored.keys().filter(|key| !wanted.contains_key(*key)).map(|key| (key, None));
        let new = wanted.iter().filter(|(key, value)| self.stored.get(*key) != Some(*value));
        let changes: Vec<_> = gone.chain(new.map(|(key, value)| (key, Some(value)))).collect();
        let options = DatastoreOptions::new(self.etcd.endpoints());
        self.machine.inside(|| -> Result<()> {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let client = Client::new(options)?;
                for (key, value) in changes {
                    write(&client, key, value.cloned()).await?;
                }
                Ok(())
            })
        })??;
        self.stored = wanted;
        let passwords = case.passwords();
        let passwords = passwords.iter().map(|((secret, key), text)| (Path::new(secret).join(key), text));
        fill(&node.secrets(), passwords)?;
        let endpoints = case.endpoint_files();
        fill(&node.endpoint_status(), endpoints.iter().map(|(name, text)| (PathBuf::from(name), text)))
    }

    /// The file that follows from the objects in memory. Services are Kubernetes' own and not in the store.
    fn expected(&self, case: &Case, node: &ClusterNode) -> Option<String> {
        let mut snapshot = case.snapshot();
        snapshot.service_routes.clear();
        snapshot.secrets.folder = node.secrets().display().to_string();
        let control_socket = Some(node.control_socket().display().to_string());
        Some(render(&snapshot, &case.nodename, &FileSettings { control_socket }).ok()?.toml)
    }

    /// Lets the operator's command check a file.
    fn check(&self, case: &Case, text: &str) -> Result<()> {
        let file = self.lab.directory().join("checked.toml");
        fs::write(&file, text)?;
        let output = Command::new(self.programs.join("margay")).arg("check").arg(&file).output()?;
        let said = [output.stdout, output.stderr].concat();
        ensure!(output.status.success(), "{}: {}", case.case, String::from_utf8_lossy(&said));
        Ok(())
    }
}

async fn write(client: &Client, key: &str, value: Option<Vec<u8>>) -> Result<()> {
    let current = client.get(key.as_bytes()).await?;
    let expected = current.map_or(Expected::Absent, |current| Expected::At(current.stamp));
    let outcome = client.swap(key.as_bytes(), expected, value.map(Into::into)).await;
    ensure!(matches!(outcome, SwapOutcome::Written(_)), "{key}: {outcome:?}");
    Ok(())
}

/// Makes a folder hold these files and no others.
fn fill<'a>(folder: &Path, files: impl Iterator<Item = (PathBuf, &'a String)>) -> Result<()> {
    fs::create_dir_all(folder)?;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { fs::remove_dir_all(&path)? } else { fs::remove_file(&path)? }
    }
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().context("a folder")?)?;
        fs::write(path, text)?;
    }
    Ok(())
}

fn arguments_of(case: &Case) -> Vec<String> {
    case.router_id().map_or_else(Vec::new, |router_id| vec!["--router-id".to_owned(), router_id.to_owned()])
}

/// The folder with all programs; what is missing in it is built.
fn programs() -> Result<PathBuf> {
    let confd = Path::new(env!("CARGO_BIN_EXE_margay-confd"));
    let folder = confd.parent().context("a program is in a folder")?.to_path_buf();
    let target = folder.parent().context("the folder is in the target folder")?.to_path_buf();
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "-p", "margay-cli", "--target-dir"]).arg(target);
    ensure!(build.status()?.success(), "margay cannot be built");
    Ok(folder)
}
