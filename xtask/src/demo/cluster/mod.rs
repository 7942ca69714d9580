//! The cluster: nodes whose files follow etcd, from a mesh to a reflector, with pings through all of it.

mod scene;
mod steady_ping;

use std::path::Path;

use anyhow::{Result, ensure};

use self::scene::{BROKEN_KEY, OUTSIDE, POD_ADDRESSES, Scene};
use self::steady_ping::SteadyPing;
use super::narrator::{Narrator, interrupted};

/// Plays from an empty datastore to the end.
pub(super) fn play(narrator: &mut Narrator, programs: &Path) -> Result<()> {
    narrator.title("margay: three nodes that follow a datastore, and a real top-of-rack router");
    narrator.drawing(DRAWING);

    narrator.heading("The rack");
    let mut scene =
        narrator.step("namespaces, cables, and three members of etcd", || Scene::build(programs))?;
    let outcome = play_with(narrator, &mut scene);
    if outcome.is_err() && !interrupted() {
        scene.print_log_tails();
    }
    narrator.afterwards("everything is taken down", || drop(scene));
    outcome
}

fn play_with(narrator: &mut Narrator, scene: &mut Scene) -> Result<()> {
    narrator.heading("A mesh from nothing but objects");
    apply(narrator, scene, "cluster.yaml", include_str!("manifests/cluster.yaml"))?;
    narrator.step("each node owns a block", || scene.assign_blocks())?;
    narrator.step("margay-confd and margayd on all nodes, BIRD 2 on the ToR", || scene.start())?;
    expect_sessions(narrator, scene, &[&[MESH[1], MESH[2]], &[MESH[0], MESH[2]], &[MESH[0], MESH[1]]])?;
    narrator.wait("pod1 pings pod3", || scene.pods[0].ping(POD_ADDRESSES[2]))?;
    narrator.wait("pod2 pings pod3", || scene.pods[1].ping(POD_ADDRESSES[2]))?;

    narrator.heading("A BGPPeer: the ToR");
    apply(narrator, scene, "tor.yaml", include_str!("manifests/tor.yaml"))?;
    narrator.wait("the ToR has a session with each node", || scene.expect_tor_sessions())?;
    narrator.wait("the outside pings pod1", || scene.outside.ping(POD_ADDRESSES[0]))?;
    narrator.wait("pod3 pings the outside", || scene.pods[2].ping(OUTSIDE))?;
    narrator.wait("all kernels have what the ToR announces", || scene.expect_laboratory(true))?;

    narrator.heading("From now on: pings from pod2 to pod3, and from the outside to pod1");
    let pings = [
        SteadyPing::start(&scene.pods[1], POD_ADDRESSES[2]),
        SteadyPing::start(&scene.outside, POD_ADDRESSES[0]),
    ];
    play_under_pings(narrator, scene)?;

    narrator.heading("The end");
    for ping in pings {
        let said = narrator.step("a ping that went on all the time ends", || ping.finish())?;
        narrator.show("lab", "ping", &said);
    }
    show_state(narrator, scene)
}

fn play_under_pings(narrator: &mut Narrator, scene: &mut Scene) -> Result<()> {
    narrator.heading("A BGPFilter");
    apply(narrator, scene, "filter.yaml", include_str!("manifests/filter.yaml"))?;
    narrator.wait("what it rejects leaves all kernels", || scene.expect_laboratory(false))?;

    narrator.heading("From the mesh to a reflector, by a label");
    apply(narrator, scene, "reflector.yaml", include_str!("manifests/reflector.yaml"))?;
    margay(narrator, scene, &["label", "node", "node1", "role=reflector"])?;
    let cluster_id = "spec: {bgp: {routeReflectorClusterID: 10.0.0.1}}";
    margay(narrator, scene, &["patch", "node", "node1", "-p", cluster_id])?;
    let with_mesh: [&[&str]; 3] =
        [&[TOR, NODE[1], NODE[2]], &[TOR, MESH[2], NODE[0]], &[TOR, MESH[1], NODE[0]]];
    expect_sessions(narrator, scene, &with_mesh)?;
    narrator.wait("node2 and node3 have each other's blocks from the reflector as well", || {
        scene.expect_received(1, NODE[0], 2)?;
        scene.expect_received(2, NODE[0], 1)
    })?;
    let no_mesh = "spec: {nodeToNodeMeshEnabled: false}";
    margay(narrator, scene, &["patch", "bgpconfiguration", "default", "-p", no_mesh])?;
    expect_sessions(narrator, scene, &[&[TOR, NODE[1], NODE[2]], &[TOR, NODE[0]], &[TOR, NODE[0]]])?;
    narrator.wait("pod3 pings pod2", || scene.pods[2].ping(POD_ADDRESSES[1]))?;

    narrator.heading("A broken object");
    refuse_broken(narrator, scene)?;
    let object = r#"{"kind":"BGPPeer","metadata":{"name":"broken"},"spec":{"peerIP":"10.99.0.300"}}"#;
    narrator.step("another program stores it all the same", || scene.etcd.put(BROKEN_KEY, object))?;
    narrator.wait("every node names it", || scene.expect_broken_named())?;
    let status = scene.node(1)?.confd("status")?;
    narrator.show("node2", "margay confd status", &status);
    narrator.gap();
    expect_sessions(narrator, scene, &[&[TOR, NODE[1], NODE[2]], &[TOR, NODE[0]], &[TOR, NODE[0]]])?;
    margay(narrator, scene, &["delete", "bgppeer", "broken"])?;

    narrator.heading("A member of etcd dies");
    narrator.step("the one that leads is killed", || scene.kill_leader().map(drop))?;
    narrator.wait("objects can be changed again", || {
        let said = scene.margay(&["patch", "bgppeer", "tor", "-p", "spec: {filters: null}"])?;
        ensure!(said.is_success, "{}", said.text);
        Ok(())
    })?;
    narrator.wait("and every node follows", || scene.expect_laboratory(true))
}

/// The operator's own command refuses the object before anything is written.
fn refuse_broken(narrator: &mut Narrator, scene: &Scene) -> Result<()> {
    scene.save_manifest("broken.yaml", include_str!("manifests/broken.yaml"))?;
    let said = narrator.step("margay apply refuses it", || {
        let said = scene.margay(&["apply", "-f", "broken.yaml"])?;
        ensure!(!said.is_success && said.text.contains("broken.yaml:4:"), "{}", said.text);
        Ok(said)
    })?;
    narrator.show("operator", "margay apply -f broken.yaml", &said.text);
    narrator.gap();
    Ok(())
}

fn show_state(narrator: &Narrator, scene: &Scene) -> Result<()> {
    let (first, second) = (scene.node(0)?, scene.node(1)?);
    narrator.show("node1", "margay node status", &first.cli("node status")?);
    narrator.show("node2", "margay show routes", &second.cli("show routes")?);
    narrator.show("node2", "ip route", &second.namespace().ip_output("route")?);
    narrator.show("tor", "birdc show route", &scene.tor.birdc("show route")?);
    narrator.gap();
    Ok(())
}

fn expect_sessions(narrator: &mut Narrator, scene: &Scene, expected: &[&[&str]]) -> Result<()> {
    for (node, expected) in expected.iter().enumerate() {
        let what = format!("node{} has sessions {}", node + 1, expected.join(" "));
        narrator.wait(&what, || scene.expect_sessions(node, expected))?;
    }
    Ok(())
}

fn apply(narrator: &mut Narrator, scene: &Scene, name: &str, manifest: &str) -> Result<()> {
    scene.save_manifest(name, manifest)?;
    margay(narrator, scene, &["apply", "-f", name])
}

/// Runs and shows a command of the operator, which must succeed.
fn margay(narrator: &mut Narrator, scene: &Scene, words: &[&str]) -> Result<()> {
    let command = format!("margay {}", words.join(" "));
    let said = narrator.step(&command, || {
        let said = scene.margay(words)?;
        ensure!(said.is_success, "{}", said.text);
        Ok(said)
    })?;
    narrator.show("operator", &command, &said.text);
    narrator.gap();
    Ok(())
}

/// Names of sessions in the mesh, of those with reflectors, and of the one with the ToR.
const MESH: [&str; 3] = ["Mesh_10_99_0_11", "Mesh_10_99_0_12", "Mesh_10_99_0_13"];
const NODE: [&str; 3] = ["Node_10_99_0_11", "Node_10_99_0_12", "Node_10_99_0_13"];
const TOR: &str = "Global_10_99_0_254";

const DRAWING: &str = "
             outside 192.0.2.10
                     │
          ┌──────────┴──────────┐
          │  tor         BIRD 2 │   AS 65001
          └──────────┬──────────┘
                     │ 10.99.0.254          ┌─ etcd1 .1
     ────┬───────────┼───────────┬──────────┼─ etcd2 .2
     .11 │       .12 │       .13 │          └─ etcd3 .3
    ┌────┴────┐ ┌────┴────┐ ┌────┴────┐
    │  node1  │ │  node2  │ │  node3  │   AS 64512
    │ confd   │ │ confd   │ │ confd   │   margay-confd writes the file,
    │ margayd │ │ margayd │ │ margayd │   margayd follows it
    └────┬────┘ └────┬────┘ └────┬────┘
       pod1        pod2        pod3
     10.65.1.2   10.65.2.2   10.65.3.2
";
