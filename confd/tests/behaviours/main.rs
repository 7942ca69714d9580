//! Calico's recorded behaviours: margayd under the rendered file announces and installs what Calico's daemon did.
//!
//! Needs root. The corpus stands beside the checkout; where it is absent, the test says so and passes.

#[path = "../../../render/tests/calico/case.rs"]
mod case;
mod comparison;
mod converted;
mod recording;
mod scene;
mod speaker;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context as _, Result, ensure};
use case::Case;
use comparison::{Differences, Grounds};
use margay_render::{FileSettings, plan, render};
use recording::{Phase, Recording};
use scene::Scene;

/// Runs at a time; most of each is waiting for silence.
const WORKERS: usize = 3;
/// Chooses recordings by a part of their name.
const CHOICE: &str = "MARGAY_BEHAVIOURS";

#[test]
fn margayd_announces_and_installs_what_calicos_daemon_did() {
    compare_all(rendered);
}

/// The same with what `margay convert` makes of the recorded daemon's own files.
#[test]
fn margayd_under_the_converted_files_of_calicos_daemon_does_the_same() {
    compare_all(|recording, _| converted::file(recording));
}

/// The file of a node, with `CONTROL-SOCKET` in the place of the control socket; `None` where it has no BGP.
type NodeFile = fn(&Recording, &Case) -> Result<Option<String>>;

fn compare_all(file: NodeFile) {
    let choice = std::env::var(CHOICE).unwrap_or_default();
    let recordings: Vec<Recording> = recording::read_all()
        .into_iter()
        .filter(|recording| recording.golden.contains(&choice) && recording.phase1.is_some())
        .collect();
    if recordings.is_empty() {
        return;
    }
    let programs = programs().expect("programs");
    let cases: BTreeMap<String, Case> =
        case::read_all().into_iter().map(|case| (case.case.clone(), case)).collect();
    let (next, total) = (AtomicUsize::new(0), Mutex::new(Differences::default()));
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(recording) = recordings.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let case = recording.cases.iter().find_map(|name| cases.get(name)).expect("a case");
                    let found = play(recording, case, file, &programs).unwrap_or_else(|error| {
                        Differences::failed(format!("{}: {error:#}", recording.golden))
                    });
                    total.lock().expect("no panic").add(found);
                }
            });
        }
    });
    let total = total.into_inner().expect("no panic");
    eprintln!("{} recordings, {} of {} rows equal", recordings.len(), total.equal, total.compared);
    total.argued.iter().for_each(|(reason, count)| eprintln!("{count} rows: {reason}"));
    assert!(
        total.others.is_empty(),
        "{} rows differ without a reason:\n{}",
        total.others.len(),
        total.others.join("\n")
    );
}

fn rendered(recording: &Recording, case: &Case) -> Result<Option<String>> {
    let settings = FileSettings { control_socket: Some("CONTROL-SOCKET".to_owned()) };
    match render(&case.snapshot(), &case.nodename, &settings) {
        Ok(rendered) => Ok(Some(rendered.toml)),
        // A node without an address has no BGP, there as here.
        Err(_) if recording.inputs.speakers.is_empty() => Ok(None),
        Err(problems) => Err(anyhow::anyhow!("{problems:?}")),
    }
}

fn play(recording: &Recording, case: &Case, file: NodeFile, programs: &Path) -> Result<Differences> {
    let Some(file) = file(recording, case)? else { return Ok(Differences::default()) };
    let (planned, _) = plan(&case.snapshot(), &case.nodename);
    let planned = planned.context("a speaker")?;
    if !can_play(recording, &file) {
        return Ok(Differences::not_played());
    }
    let grounds = Grounds::of(recording, &planned);
    // The peers of the lab have no passwords; which file has one is compared elsewhere.
    let lines = file.lines().filter(|line| !line.starts_with("password_file"));
    let families = [&planned.ipv4, &planned.ipv6].into_iter().flatten();
    let gateways = families.flat_map(|own| &own.static_routes).map(|route| route.via).collect();
    let scene = Scene::start(recording, &lines.collect::<Vec<_>>().join("\n"), &gateways, programs)?;
    scene.await_sessions()?;
    let mut differences =
        compare(recording, &scene, recording.phase1.as_ref(), "1", &BTreeSet::new(), &grounds)?;
    if recording.phase2.is_some() {
        for changes in recording.inputs.phase2.values() {
            scene.change_kernel(&changes.kernel.del, &changes.kernel.add)?;
            for (name, changes) in &changes.bgp {
                let speaker = scene.speakers.iter().find(|speaker| speaker.name == *name);
                speaker.context("a speaker that changes")?.change(changes);
            }
        }
        differences.add(compare(
            recording,
            &scene,
            recording.phase2.as_ref(),
            "2",
            &BTreeSet::new(),
            &grounds,
        )?);
    }
    if recording.phase3.is_some() {
        let ended: BTreeSet<&str> = recording.inputs.phase3.cease.iter().map(String::as_str).collect();
        let ending = scene.speakers.iter().filter(|speaker| ended.contains(speaker.name.as_str()));
        ending.for_each(speaker::Speaker::cease);
        differences.add(compare(recording, &scene, recording.phase3.as_ref(), "3", &ended, &grounds)?);
    }
    if !differences.others.is_empty() {
        eprintln!("{}: {} differ", recording.golden, differences.others.len());
    }
    Ok(differences)
}

/// Whether all sessions are in the file.
fn can_play(recording: &Recording, file: &str) -> bool {
    let speakers = recording.inputs.speakers.values().flatten();
    let names = speakers.map(|speaker| speaker.name.split_once('/').map_or(&*speaker.name, |(_, name)| name));
    let is_there = |name: &str| file.contains(&format!("name = \"{name}\"\n"));
    names.into_iter().all(is_there)
}

fn compare(
    recording: &Recording,
    scene: &Scene,
    phase: Option<&Phase>,
    number: &str,
    ended: &BTreeSet<&str>,
    grounds: &Grounds,
) -> Result<Differences> {
    let phase = phase.context("a phase")?;
    scene.await_silence().with_context(|| format!("phase {number}\n{}", scene.cli("show peers")))?;
    let recorded: Vec<_> = phase.kernel.values().flatten().cloned().collect();
    let place = format!("{} {number} kernel", recording.golden);
    let mut differences = comparison::installed(&place, &recorded, &scene.kernel()?, grounds);
    for speaker in scene.speakers.iter().filter(|speaker| !ended.contains(speaker.name.as_str())) {
        let place = format!("{} {number} {}", recording.golden, speaker.name);
        let recorded = phase.announced.get(&speaker.name).map(Vec::as_slice).unwrap_or_default();
        differences.add(comparison::announced(&place, recorded, &speaker.announced(), speaker, grounds));
    }
    Ok(differences)
}

/// The folder with margayd, which is built.
fn programs() -> Result<PathBuf> {
    let confd = Path::new(env!("CARGO_BIN_EXE_margay-confd"));
    let folder = confd.parent().context("a program is in a folder")?.to_path_buf();
    let target = folder.parent().context("the folder is in the target folder")?.to_path_buf();
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "-p", "margay", "-p", "margay-cli", "--target-dir"]).arg(target);
    ensure!(build.status()?.success(), "margayd cannot be built");
    Ok(folder)
}
