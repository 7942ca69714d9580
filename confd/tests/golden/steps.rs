//! Cases that are steps of a sequence: each applied as a change gives the file that it gives from scratch.

use std::collections::BTreeMap;

use margay_cluster::object::{AnyObject, Kind};
use margay_render::{FileSettings, Rendered, Snapshot, concerns, render};

use crate::case::{self, Case};

#[test]
fn steps_applied_as_changes_give_the_files_from_scratch() {
    let mut sequences: BTreeMap<String, BTreeMap<u64, Case>> = BTreeMap::new();
    for case in case::read_all() {
        if let Some((name, step)) = case.sequence() {
            let steps = sequences.entry(format!("{name} on {}", case.nodename)).or_default();
            steps.insert(step, case);
        }
    }
    let (mut steps, mut skipped) = (0, 0);
    for (name, cases) in &sequences {
        let cases: Vec<&Case> = cases.values().collect();
        let mut snapshot = cases[0].snapshot();
        let mut file = rendered(&snapshot, cases[0]);
        for pair in cases.windows(2) {
            let [former, next] = pair else { unreachable!("windows of two") };
            let concerned = apply(&mut snapshot, former, next);
            if concerned {
                file = rendered(&snapshot, next);
            } else {
                skipped += 1;
            }
            assert_eq!(file, rendered(&next.snapshot(), next), "{name}: {}", next.case);
            steps += 1;
        }
    }
    eprintln!("{steps} steps of {} sequences, {skipped} without a rendering", sequences.len());
}

/// Takes a step over as margay-confd does. Returns whether the file is to be rendered.
fn apply(snapshot: &mut Snapshot, former: &Case, next: &Case) -> bool {
    let (old, new) = (former.objects(), next.objects());
    let mut concerned = false;
    let mut set = |kind: Kind, name: &str, object: Option<&AnyObject>| {
        concerned |= concerns(snapshot, &next.nodename, kind, name, object);
        snapshot.set(kind, name, object);
    };
    for (kind, name) in old.keys().filter(|key| !new.contains_key(key)) {
        set(*kind, name, None);
    }
    for ((kind, name), object) in new.iter().filter(|(key, object)| old.get(key) != Some(object)) {
        set(*kind, name, Some(object));
    }
    // What does not come from objects is compared as a whole.
    let fresh = next.snapshot();
    let others = |snapshot: &Snapshot| {
        (
            snapshot.blocks.clone(),
            snapshot.service_routes.clone(),
            snapshot.workloads.clone(),
            snapshot.secrets.clone(),
        )
    };
    concerned |= others(snapshot) != others(&fresh);
    (snapshot.blocks, snapshot.service_routes, snapshot.workloads, snapshot.secrets) = others(&fresh);
    concerned
}

fn rendered(snapshot: &Snapshot, case: &Case) -> Option<Rendered> {
    render(snapshot, &case.nodename, &FileSettings::default()).ok()
}
