//! The whole language against real peers and the kernel: each condition and each action has a row, and the schema lists them.

mod actions;
mod coverage;
mod matches;
mod scene;

use std::fmt::Write as _;

use margay_lab::{Margay, Router};

use self::actions::{ACTS, Act, Sees};
use self::matches::{MATCHES, MATCHES_AFTER_A_CRASH, Match};
use self::scene::{CONTESTED, Rules, Scene, Shown, is_imported, offers, settle, shown};

/// Routes that meet a condition get one community and all others another one, on import and on export, so that the peer shows
/// for each route which it was. The numbers change with each row: nothing is left of the row before.
#[test]
fn each_condition_holds_for_the_routes_that_it_says_on_import_and_on_export() {
    let mut scene = Scene::new();
    let mut failures = Vec::new();
    for (number, row) in (1..).zip(MATCHES) {
        failures.extend(check_match(&mut scene, row, number).err());
    }
    scene.node.kill().unwrap();
    for (number, row) in (500..).zip(MATCHES_AFTER_A_CRASH) {
        failures.extend(check_match(&mut scene, row, number).err());
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn each_action_is_seen_by_peers_the_kernel_or_the_log() {
    let mut scene = Scene::new();
    let mut failures = Vec::new();
    for act in ACTS {
        failures.extend(check_act(&mut scene, act).err());
        // What the next row sees is not left over from this one.
        scene.apply(Rules::default()).unwrap();
        failures.extend(settle(|| sees(&scene, PLAIN)).err());
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

fn check_match(scene: &mut Scene, row: &Match, number: u32) -> Result<(), String> {
    let marking = |text: Option<&str>, asn: u32| {
        let [other, met] = [0, 1].map(|is_met| format!("{asn}:{}", 2 * number + is_met));
        let mut rules = String::new();
        if let Some(text) = text {
            let set = format!("set = {{ add_communities = [\"{met}\"] }}");
            writeln!(rules, "  {{ match = {{ {text} }}, {set}, action = \"accept\" }},")
                .expect("to a String");
        }
        rules + &format!("  {{ set = {{ add_communities = [\"{other}\"] }}, action = \"accept\" }},")
    };
    let import = marking(row.import.map(|_| row.text), IMPORT_MARK);
    let export = marking(Some(row.text), EXPORT_MARK);
    let said = format!("match = {{ {} }}", row.text);
    scene
        .apply(Rules { import: &import, export: &export, kernel: "" })
        .map_err(|error| format!("{said}: {error}"))?;
    settle(|| {
        let routes = shown(&scene.leaf)?;
        let mut differences = String::new();
        for (direction, asn, expected) in
            [("import", IMPORT_MARK, row.import.unwrap_or_default()), ("export", EXPORT_MARK, row.export)]
        {
            let held = holders(&routes, asn, number)?;
            let mut expected: Vec<char> = expected.chars().collect();
            expected.sort_unstable();
            if held != expected {
                let [held, expected] = [held, expected].map(String::from_iter);
                writeln!(differences, "  on {direction} it holds for {held:?} instead of {expected:?}")
                    .expect("to a String");
            }
        }
        if differences.is_empty() { Ok(()) } else { Err(format!("{said}:\n{differences}")) }
    })
}

/// The labels of the routes that met the condition of a row; an error while a route does not show whether it did.
fn holders(routes: &Shown, asn: u32, number: u32) -> Result<Vec<char>, String> {
    let mut held = Vec::new();
    for offer in offers().filter(|offer| asn == EXPORT_MARK || is_imported(offer.label)) {
        let lines = routes.get(offer.prefix).ok_or_else(|| format!("{} is not at the leaf", offer.prefix))?;
        let communities = lines.iter().find(|line| line.starts_with("BGP.community:"));
        let has = |mark: u32| communities.is_some_and(|line| line.contains(&format!("({asn},{mark})")));
        match (has(2 * number), has(2 * number + 1)) {
            (false, true) => held.push(offer.label),
            (true, false) => {}
            _ => return Err(format!("row {number}: {} has {communities:?}", offer.prefix)),
        }
    }
    held.sort_unstable();
    Ok(held)
}

fn check_act(scene: &mut Scene, act: &Act) -> Result<(), String> {
    let Rules { import, export, kernel } = act.rules;
    let said = format!("import {import}\nexport {export}\nkernel {kernel}");
    scene.apply(act.rules).map_err(|error| format!("{said}: {error}"))?;
    settle(|| sees(scene, act.sees)).map_err(|error| format!("{said}:\n{error}"))
}

/// Checks all that is to be seen.
fn sees(scene: &Scene, all: &[Sees]) -> Result<(), String> {
    let (leaf, tor) = (shown(&scene.leaf)?, shown(&scene.tor)?);
    let installed = scene.place.ip_output(&format!("-o route show proto {}", Margay::KERNEL_PROTOCOL));
    let installed = installed.map_err(|error| format!("{error:#}"))?;
    let log = scene.margay.log().map_err(|error| format!("{error:#}"))?;
    let line_of = |label: char| {
        let prefix = prefix(label);
        installed.lines().find(|line| line.split_whitespace().any(|word| word == prefix))
    };
    for &seen in all {
        let found = match seen {
            Sees::Leaf(label, line) => has_line(&leaf, label, line),
            Sees::Tor(label, line) => has_line(&tor, label, line),
            Sees::LeafLacks(label, start) => match leaf.get(prefix(label)) {
                Some(lines) if !lines.iter().any(|line| line.starts_with(start)) => Ok(()),
                lines => Err(format!("{lines:?}")),
            },
            Sees::NotAtLeaf(label) => {
                leaf.get(prefix(label)).map_or(Ok(()), |lines| Err(format!("{lines:?}")))
            }
            Sees::Kernel(label, part) => match line_of(label) {
                Some(line) if line.contains(part) => Ok(()),
                line => Err(format!("{line:?}")),
            },
            Sees::NotInKernel(label) => line_of(label).map_or(Ok(()), |line| Err(line.to_owned())),
            Sees::Log(words) => {
                let is_meant = |line: &str| words.iter().all(|word| line.contains(word));
                if log.lines().any(is_meant) { Ok(()) } else { Err("no such line".to_owned()) }
            }
        };
        found.map_err(|found| format!("  {seen:?}, but {found}"))?;
    }
    Ok(())
}

fn has_line(routes: &Shown, label: char, line: &str) -> Result<(), String> {
    match routes.get(prefix(label)) {
        Some(lines) if lines.iter().any(|shown| shown == line) => Ok(()),
        lines => Err(format!("{lines:?}")),
    }
}

fn prefix(label: char) -> &'static str {
    offers().find(|offer| offer.label == label).map_or(CONTESTED, |offer| offer.prefix)
}

/// Communities of this AS mark what a condition said on import.
const IMPORT_MARK: u32 = 64_001;
/// The same on export.
const EXPORT_MARK: u32 = 64_002;

/// What is seen without rules.
const PLAIN: &[Sees] = &[
    Sees::Leaf('a', "BGP.as_path: 65001"),
    Sees::Leaf('b', "BGP.community: (65001,100)"),
    Sees::Leaf('c', "BGP.large_community: (64512, 1, 7)"),
    Sees::Leaf('d', "BGP.ext_community: (rt, 64512, 7)"),
    Sees::Leaf('d', "BGP.origin: EGP"),
    Sees::Leaf('f', "BGP.med: 50"),
    Sees::Leaf('g', "BGP.origin: Incomplete"),
    Sees::Leaf('h', "BGP.next_hop: 172.16.0.77"),
    Sees::Leaf('i', "BGP.local_pref: 200"),
    Sees::Leaf('j', "BGP.med: 150"),
    Sees::Leaf('k', "BGP.origin: IGP"),
    Sees::Leaf('x', "BGP.as_path: 65001"),
    Sees::LeafLacks('?', "BGP.as_path: 65001"),
    Sees::Tor('i', "BGP.as_path: 64512"),
    Sees::Kernel('a', "via 172.16.0.2 dev eth0 "),
    Sees::Kernel('b', "via 172.16.0.2 "),
    Sees::Kernel('f', "metric 77 "),
    Sees::Kernel('i', "via 172.16.0.3 "),
];
