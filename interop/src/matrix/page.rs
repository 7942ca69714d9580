//! The page with the matrix, and the table alone for a terminal.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::cell::{Cell, Outcome};
use crate::daemon::Kind;
use crate::scenarios::Scenario;

/// Versions of the daemons that took part.
pub(crate) type Versions = BTreeMap<Kind, String>;

/// Writes the page.
///
/// # Errors
///
/// The file cannot be written.
pub(crate) fn write(path: &Path, subject: Kind, cells: &[Cell], versions: &Versions) -> Result<()> {
    let mut page = HEAD.to_owned();
    page += "\n## Versions\n\n| daemon | version |\n|---|---|\n";
    for (kind, version) in versions {
        page += &format!("| {} | {version} |\n", kind.adapter().title());
    }
    let passed = cells.iter().filter(|cell| matches!(cell.outcome, Outcome::Passed)).count();
    let failed = cells.iter().filter(|cell| matches!(cell.outcome, Outcome::Failed { .. })).count();
    page += &format!(
        "\n## The matrix\n\nThe subject is {}. Of {} cells, {passed} pass, {failed} fail, and {} do not apply.\n\n",
        subject.adapter().title(),
        cells.len(),
        cells.len() - passed - failed
    );
    page += &table(cells);
    page += "\n## The scenarios\n";
    let mut last = String::new();
    for cell in cells {
        let name = cell.scenario.name();
        if name != last {
            page += &format!("\n### {name}\n\n{}\n", cell.scenario.head());
            last = name;
        }
    }
    fs::write(path, page).with_context(|| path.display().to_string())
}

/// The matrix as a table, with notes on what fails and does not apply.
pub(crate) fn table(cells: &[Cell]) -> String {
    let mut peers: Vec<Kind> = cells.iter().map(|cell| cell.peer).collect();
    peers.sort_unstable();
    peers.dedup();
    let titles: Vec<&str> = peers.iter().map(|peer| peer.adapter().title()).collect();
    let mut text = format!("| scenario | {} |\n|---|{}\n", titles.join(" | "), "---|".repeat(peers.len()));
    let mut notes: Vec<String> = Vec::new();
    let mut scenarios: Vec<&Scenario> = Vec::new();
    for cell in cells {
        if !scenarios.iter().any(|known| known.name() == cell.scenario.name()) {
            scenarios.push(cell.scenario);
        }
    }
    for scenario in scenarios {
        write!(text, "| {} |", scenario.name()).expect("writing to a String cannot fail");
        for peer in &peers {
            let cell =
                cells.iter().find(|cell| cell.peer == *peer && cell.scenario.name() == scenario.name());
            text += &format!(" {} |", cell.map(|cell| entry(cell, &mut notes)).unwrap_or_default());
        }
        text += "\n";
    }
    if !notes.is_empty() {
        text += "\n";
    }
    for (index, note) in notes.iter().enumerate() {
        text += &format!("{}. {note}\n", index + 1);
    }
    text
}

/// The text of a cell, with the number of its note.
fn entry(cell: &Cell, notes: &mut Vec<String>) -> String {
    let mut number = |note: String| match notes.iter().position(|known| *known == note) {
        Some(index) => index + 1,
        None => {
            notes.push(note);
            notes.len()
        }
    };
    match &cell.outcome {
        Outcome::Passed => "pass".to_owned(),
        Outcome::NotApplicable(reason) => format!("n/a ({})", number(format!("{reason}."))),
        Outcome::Failed { explanation: Some(why), .. } => format!("fail ({})", number((*why).to_owned())),
        Outcome::Failed { error, explanation: None } => {
            format!("FAIL ({})", number(format!("Not understood: {error}")))
        }
        Outcome::PassedUnexpectedly => format!("pass ({})", number("It is listed as failing.".to_owned())),
    }
}

/// What stands before the tables.
const HEAD: &str = "\
# Interoperability

margay and other daemons in containers, in each scenario with each of them. `cargo xtask interop` writes this page from one
run: it installs Podman and debootstrap, builds the images from Debian, makes margay's own image, runs every cell in network
namespaces, and removes what it made but the images (`--remove-images` does that). `--peer bird` and `--scenario NAME` run a part and print its table; `--subject bird` gives
another daemon the part of margay, for a comparison.

A scenario knows no implementation. What is looked at is what each daemon itself says of its sessions and routes, what probes of
the harness receive octet by octet, and the messages on the wire. A cell that does not apply names what the daemon lacks; a cell
that fails has an explanation.
";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::table;
    use crate::daemon::Kind;
    use crate::matrix::cell::{Cell, Outcome};
    use crate::scenarios::ALL;

    #[test]
    fn equal_notes_have_one_number() {
        let cell =
            |index: usize, peer, outcome| Cell { scenario: &ALL[index], peer, outcome, took: Duration::ZERO };
        let cells = [
            cell(0, Kind::Bird, Outcome::Passed),
            cell(0, Kind::Exabgp, Outcome::NotApplicable("it has none")),
            cell(1, Kind::Bird, Outcome::Failed { error: "x".to_owned(), explanation: Some("A fault.") }),
            cell(1, Kind::Exabgp, Outcome::NotApplicable("it has none")),
        ];
        let (one, two) = (ALL[0].name(), ALL[1].name());
        assert_eq!(
            table(&cells),
            format!(
                "| scenario | BIRD | ExaBGP |\n|---|---|---|\n| {one} | pass | n/a (1) |\n| {two} | fail (2) | n/a (1) |\n\n\
                 1. it has none.\n2. A fault.\n"
            )
        );
    }
}
