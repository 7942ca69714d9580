//! Benchmarks: the load generator in release mode, and the daemons that it compares.

use std::ffi::OsString;

use anyhow::Result;
use margay_lab::packages;

use crate::steps::run_command;
use crate::workspace::Workspace;

pub(crate) fn run(workspace: &Workspace, arguments: &[OsString]) -> Result<()> {
    run_command(workspace.cargo().args([
        "build",
        "--release",
        "-p",
        "margay",
        "-p",
        "margay-cli",
        "-p",
        "margay-bench",
    ]))?;
    packages::install_missing(&needed(arguments))?;
    let mut generator = workspace.cargo();
    generator.args(["run", "--release", "--quiet", "-p", "margay-bench", "--"]).args(arguments);
    run_command(&mut generator)
}

/// The tools of the daemons that the arguments name; of all daemons if they name none.
fn needed(arguments: &[OsString]) -> Vec<packages::Tool> {
    let mut words = arguments.iter().map(|word| word.to_string_lossy());
    let mut named = None;
    while let Some(word) = words.next() {
        match word.strip_prefix("--daemon") {
            Some("") => named = words.next().map(|list| list.into_owned()),
            Some(list) => named = list.strip_prefix('=').map(str::to_owned).or(named),
            None if word == "--help" || word == "-h" => return Vec::new(),
            None => {}
        }
    }
    let is_named = |daemon: &str| {
        let Some(list) = &named else { return true };
        list.split(',').any(|name| name == daemon || name.strip_suffix("-tuned") == Some(daemon))
    };
    let tools = DAEMONS.iter().filter(|(daemon, _)| is_named(daemon));
    tools.map(|(_, tool)| *tool).collect()
}

/// The daemons of the system, by their names for the load generator.
const DAEMONS: [(&str, packages::Tool); 4] = [
    ("bird", packages::BIRD),
    ("frr", packages::FRR),
    ("openbgpd", packages::OPENBGPD),
    ("gobgp", packages::GOBGP),
];

#[cfg(test)]
mod tests {
    use super::needed;

    #[test]
    fn installs_named_daemons_or_all() {
        for (arguments, expected) in [
            (vec![], vec!["bird2", "frr", "openbgpd", "gobgpd"]),
            (vec!["rr500", "--rounds", "1"], vec!["bird2", "frr", "openbgpd", "gobgpd"]),
            (vec!["--daemon", "margay,frr-tuned"], vec!["frr"]),
            (vec!["full", "--daemon=bird,gobgp"], vec!["bird2", "gobgpd"]),
            (vec!["--daemon=margay"], vec![]),
            (vec!["--help"], vec![]),
        ] {
            let words: Vec<_> = arguments.iter().map(Into::into).collect();
            let packages: Vec<&str> = needed(&words).iter().map(|tool| tool.package).collect();
            assert_eq!(packages, expected, "{arguments:?}");
        }
    }
}
