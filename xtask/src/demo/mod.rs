//! The demo: pods reach each other and the outside over margay and a real top-of-rack router.

mod narrator;
mod rack;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{env, net::IpAddr};

use anyhow::{Result, bail};
use margay_lab::{MargayBinaries, Namespace, Router, packages};

use self::narrator::Narrator;
use self::rack::{NODE_BLOCKS, OUTSIDE, POD_ADDRESSES, Rack};
use crate::steps::run_command;
use crate::workspace::Workspace;

/// Builds, installs what is missing, and plays. Without root it plays again through sudo, with what was built.
pub(crate) fn run(workspace: &Workspace, programs: Option<PathBuf>) -> Result<()> {
    // Known before a build that takes minutes.
    packages::as_root("true")?;
    let programs = match programs {
        Some(programs) => programs,
        None => build(workspace)?,
    };
    packages::install_missing(&[packages::NETWORK, &[packages::BIRD]].concat())?;
    // Also where sudo plays it: Ctrl-C reaches both, and this one waits until the other has cleaned up.
    let mut narrator = Narrator::new()?;
    if !packages::is_root() {
        eprintln!("network namespaces need root: going on through sudo");
        let mut again = packages::as_root(env::current_exe()?)?;
        return run_command(again.arg("demo").arg("--programs").arg(programs));
    }
    let started = Instant::now();
    play(&mut narrator, &programs)?;
    narrator.close(&format!(
        "That was the demo: {:.1} s, and nothing of it is left.",
        started.elapsed().as_secs_f64()
    ));
    Ok(())
}

/// Builds daemon and client and returns their folder.
fn build(workspace: &Workspace) -> Result<PathBuf> {
    eprintln!("building margayd and margay");
    run_command(workspace.cargo().args(["build", "--quiet", "-p", "margay", "-p", "margay-cli"]))?;
    Ok(workspace.target_directory()?.join("debug"))
}

fn play(narrator: &mut Narrator, programs: &Path) -> Result<()> {
    let binaries = MargayBinaries { margayd: programs.join("margayd"), margay: programs.join("margay") };
    narrator.title("margay: two nodes, two pods, and a real top-of-rack router");
    narrator.drawing(DRAWING);

    narrator.heading("The rack");
    let mut rack = narrator.step("namespaces, cables and addresses", || Rack::build(&binaries))?;
    let outcome = play_with(narrator, &mut rack);
    if outcome.is_err() && !narrator::interrupted() {
        rack.print_log_tails();
    }
    narrator.afterwards("everything is taken down", || drop(rack));
    outcome
}

fn play_with(narrator: &mut Narrator, rack: &mut Rack) -> Result<()> {
    narrator.step("BIRD 2 on the ToR, margay on both nodes", || rack.start())?;

    narrator.heading("Sessions and routes come up");
    await_all_routes(narrator, rack)?;
    show_state(narrator, rack)?;

    narrator.heading("Packets");
    ping_all(narrator, rack)?;

    narrator.heading("node2 is cut off");
    rack.cable_of_node2.unplug()?;
    let withdrawn = "node1 and the ToR give up its block (hold time 3 s)";
    narrator.wait(withdrawn, || rack.expect_node2_gone())?;
    narrator.show("node1", "margay show peers", &rack.nodes[0].cli("show peers")?);
    narrator.show("node1", "ip route", &rack.nodes[0].namespace().ip_output("route")?);
    narrator.gap();
    narrator.step("pod2 does not answer pod1", || expect_silence(&rack.pods[0], POD_ADDRESSES[1]))?;

    narrator.heading("node2 is back");
    rack.cable_of_node2.plug()?;
    await_all_routes(narrator, rack)?;
    ping_all(narrator, rack)?;

    narrator.heading("The end");
    narrator.step("margay stops in order and says good-bye to its peers", || rack.stop())
}

fn await_all_routes(narrator: &mut Narrator, rack: &Rack) -> Result<()> {
    narrator.wait("iBGP between the nodes, eBGP from each to the ToR", || rack.expect_sessions())?;
    narrator.wait("every block is in every kernel", || rack.expect_kernel_routes())
}

fn show_state(narrator: &mut Narrator, rack: &Rack) -> Result<()> {
    let node = &rack.nodes[0];
    narrator.show("node1", "margay show peers", &node.cli("show peers")?);
    narrator.show("node1", "margay show routes", &node.cli("show routes")?);
    narrator.show(
        "node1",
        &format!("margay explain {}", NODE_BLOCKS[1]),
        &node.cli(&format!("explain {}", NODE_BLOCKS[1]))?,
    );
    narrator.show("node1", "ip route", &node.namespace().ip_output("route")?);
    narrator.show("tor", "birdc show route", &rack.tor.birdc("show route")?);
    Ok(())
}

fn ping_all(narrator: &mut Narrator, rack: &Rack) -> Result<()> {
    let [pod1, pod2] = &rack.pods;
    narrator.wait("pod1 pings pod2", || pod1.ping(POD_ADDRESSES[1]))?;
    narrator.wait("pod2 pings pod1", || pod2.ping(POD_ADDRESSES[0]))?;
    narrator.wait("outside pings pod1", || rack.outside.ping(POD_ADDRESSES[0]))?;
    narrator.wait("outside pings pod2", || rack.outside.ping(POD_ADDRESSES[1]))?;
    narrator.wait("pod1 pings the outside", || pod1.ping(OUTSIDE))
}

fn expect_silence(from: &Namespace, to: IpAddr) -> Result<()> {
    match from.ping(to) {
        Ok(()) => bail!("{to} answers, though its node is cut off"),
        Err(_) => Ok(()),
    }
}

/// How long a step may take before the demo gives up.
const PATIENCE: Duration = Duration::from_secs(30);

const DRAWING: &str = "
             outside 192.0.2.10
                     │
          ┌──────────┴──────────┐
          │  tor         BIRD 2 │   AS 65001
          └──────────┬──────────┘
                     │ 172.16.0.1          eBGP to each node
        ─────┬───────┴───────┬─────
         .11 │               │ .12
       ┌─────┴─────┐   ┌─────┴─────┐
       │   node1   │   │   node2   │   AS 64512, iBGP between them
       │  margay   │   │  margay   │
       └─────┬─────┘   └─────┬─────┘
           pod1            pod2
         10.65.1.2       10.65.2.2
";
