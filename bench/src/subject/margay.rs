//! margay.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bgp_codec::IpPrefix as _;
use serde::Deserialize;

use super::daemon::Subject;
use super::term;
use super::topology::{Direction, Refusal, Topology};
use crate::measurement::LongestTurn;
use crate::peer::HOLD_SECONDS;

/// Time within which a daemon must answer.
const START_TIME: Duration = Duration::from_secs(5);

pub(super) struct Margay {
    margayd: PathBuf,
}

impl Margay {
    /// The given program, or the one in the folder of this program, where cargo puts both.
    pub(super) fn new(margayd: Option<&Path>) -> Result<Self> {
        let beside = || {
            let own = env::current_exe().context("this program's path")?;
            anyhow::Ok(own.with_file_name("margayd"))
        };
        Ok(Self { margayd: margayd.map_or_else(beside, |given| Ok(given.to_owned()))? })
    }

    /// Asks the daemon of a folder, by the client in its program's folder.
    fn ask(&self, folder: &Path, words: &[&str]) -> Command {
        let mut command = Command::new(self.margayd.with_file_name("margay"));
        command.arg("--socket").arg(socket(folder)).args(words);
        command
    }
}

impl Subject for Margay {
    fn name(&self) -> &'static str {
        "margay"
    }

    fn program(&self) -> PathBuf {
        self.margayd.clone()
    }

    fn install_hint(&self) -> &'static str {
        "`cargo build --release` makes it"
    }

    fn render(&self, topology: &Topology, folder: &Path) -> String {
        let mut conf = format!(
            "[global]\nasn = {}\nrouter_id = \"{}\"\nlisten = [\"{}\"]\nlog = \"warn\"\n\
             ebgp_without_filters = \"accept\"\n",
            topology.asn, topology.router_id, topology.listen,
        );
        if let Some(cluster) = topology.cluster_address() {
            conf += &format!("cluster_id = \"{cluster}\"\n");
        }
        if let Some(mebibytes) = topology.protection.memory_guard_mib {
            conf += &format!("memory_guard = \"{mebibytes}MiB\"\n");
        }
        conf += &format!("\n[control]\nsocket = \"{}\"\n", socket(folder).display());
        if topology.has_kernel() {
            conf += "\n[kernel]\n";
        }
        for peer in &topology.peers {
            conf += &format!(
                "\n[[peer]]\nname = \"{}\"\naddress = \"{}\"\nremote_asn = {}\n\
                 passive = true\nhold_time = \"{HOLD_SECONDS}s\"\n",
                peer.name, peer.address, peer.asn,
            );
            conf += match topology.cluster {
                Some(_) if peer.asn == topology.asn => "rr_client = true\n",
                _ if peer.asn == topology.asn => "",
                _ => "multihop = 255\n",
            };
            if topology.terms.as_ref().is_some_and(|(address, _)| *address == peer.address) {
                conf += "import = [\"terms\"]\n";
            }
            if let Some((_, limit)) = topology.protection.prefix_limit.filter(|(of, _)| *of == peer.address) {
                conf += &format!("prefix_limit = {limit}\n");
            }
            let refusals = topology.refusals.iter().enumerate();
            for (number, refusal) in refusals.filter(|(_, refusal)| refusal.peer == peer.address) {
                let side = match refusal.direction {
                    Direction::Import => "import",
                    Direction::Export => "export",
                };
                conf += &format!("{side} = [\"refusal-{number}\"]\n");
            }
        }
        for (number, refusal) in topology.refusals.iter().enumerate() {
            conf += &filter(number, refusal);
        }
        if let Some((_, terms)) = &topology.terms {
            conf += &term::for_margay("terms", terms);
        }
        conf
    }

    fn keeps_kernel(&self) -> bool {
        true
    }

    fn arguments(&self, _topology: &Topology, configuration: &Path, _folder: &Path) -> Vec<OsString> {
        vec!["--config".into(), configuration.into()]
    }

    fn take_longest_turn(&self, folder: &Path) -> Result<Option<LongestTurn>> {
        // Right after its start it does not answer yet.
        if !socket(folder).exists() {
            return Ok(None);
        }
        let mut command = self.ask(folder, &["show", "turns", "--reset", "--json"]);
        // The socket may be that of a killed daemon, which the new one is about to replace.
        let deadline = Instant::now() + START_TIME;
        let answer = loop {
            let answer = command.output().with_context(|| format!("{command:?}"))?;
            if answer.status.success() || Instant::now() >= deadline {
                break answer;
            }
            thread::sleep(Duration::from_millis(10));
        };
        ensure!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
        let Turns { turns, computing, steps } =
            serde_json::from_slice(&answer.stdout).with_context(|| format!("{command:?}"))?;
        let step = steps.into_iter().max_by_key(|step| step.times.longest_microseconds);
        let step = step.context("no steps")?;
        Ok(Some(LongestTurn {
            milliseconds: turns.longest_milliseconds(),
            computing_milliseconds: computing.longest_milliseconds(),
            step_milliseconds: step.times.longest_milliseconds(),
            step: step.step,
        }))
    }

    fn why_session_ended(&self, folder: &Path, peer: &str) -> Result<Option<String>> {
        let mut command = self.ask(folder, &["show", "peer", peer, "--json"]);
        let answer = command.output().with_context(|| format!("{command:?}"))?;
        ensure!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
        let peer: serde_json::Value =
            serde_json::from_slice(&answer.stdout).with_context(|| format!("{command:?}"))?;
        Ok(find(&peer, "last_error").and_then(serde_json::Value::as_str).map(str::to_owned))
    }

    fn filters_received_routes_again(&self) -> bool {
        true
    }

    fn reload_command(&self, folder: &Path) -> Option<Command> {
        Some(self.ask(folder, &["reload"]))
    }
}

/// The value of a key, wherever it is.
fn find<'v>(value: &'v serde_json::Value, key: &str) -> Option<&'v serde_json::Value> {
    let object = value.as_object()?;
    object.get(key).or_else(|| object.values().find_map(|inner| find(inner, key)))
}

/// What `margay show turns` answers, as far as it matters here.
#[derive(Deserialize)]
struct Turns {
    turns: TimesTaken,
    computing: TimesTaken,
    steps: Vec<StepTimes>,
}

#[derive(Deserialize)]
struct StepTimes {
    step: String,
    times: TimesTaken,
}

#[derive(Deserialize)]
struct TimesTaken {
    longest_microseconds: u32,
}

impl TimesTaken {
    fn longest_milliseconds(&self) -> f64 {
        f64::from(self.longest_microseconds) / 1000.0
    }
}

fn filter(number: usize, refusal: &Refusal) -> String {
    let (within, shortest) = (refusal.within, refusal.within.length());
    format!(
        "\n[filter.refusal-{number}]\nrules = [\n  \
           {{ match = {{ prefix = \"{within}\", length = \"{shortest}..32\" }}, action = \"reject\" }},\n  \
           {{ action = \"accept\" }},\n]\n"
    )
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("control.sock")
}
