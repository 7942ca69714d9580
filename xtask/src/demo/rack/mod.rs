//! The rack: pods reach each other and the outside over margay and a real top-of-rack router.

mod scene;

use std::net::IpAddr;
use std::path::Path;

use anyhow::{Result, bail};
use margay_lab::{MargayBinaries, Namespace, Router};

use self::scene::{NODE_BLOCKS, OUTSIDE, POD_ADDRESSES, Rack};
use super::narrator::{Narrator, interrupted};

/// Plays from the first session to the end.
pub(super) fn play(narrator: &mut Narrator, programs: &Path) -> Result<()> {
    let binaries = MargayBinaries { margayd: programs.join("margayd"), margay: programs.join("margay") };
    narrator.title("margay: two nodes, two pods, and a real top-of-rack router");
    narrator.drawing(DRAWING);

    narrator.heading("The rack");
    let mut rack = narrator.step("namespaces, cables and addresses", || Rack::build(&binaries))?;
    let outcome = play_with(narrator, &mut rack);
    if outcome.is_err() && !interrupted() {
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
