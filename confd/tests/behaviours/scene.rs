//! The node of a recording: its interfaces, its kernel's routes, margayd under the rendered file, and its peers.

use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use margay_lab::{ClusterNode, Lab, Namespace};
use serde_json::Value;

use crate::recording::{Hop, InputRoute, KernelRow, Recording};
use crate::speaker::Speaker;

/// How long everything must have been still.
const STILL: Duration = Duration::from_secs(2);
/// How long it may take until everything is still, and until the sessions are up.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Scene {
    pub(crate) speakers: Vec<Speaker>,
    node: ClusterNode,
    _around: Namespace,
    lab: Lab,
}

impl Scene {
    /// Lays out what the recording began with, starts the peers, and then margayd under the file. `gateways` are those of the
    /// file's own routes.
    pub(crate) fn start(
        recording: &Recording,
        file: &str,
        gateways: &BTreeSet<IpAddr>,
        programs: &Path,
    ) -> Result<Self> {
        let lab = Lab::new()?;
        let (node, around) = (lab.namespace("node")?, lab.namespace("around")?);
        let inputs = &recording.inputs;
        let mut commands = Vec::new();
        for (index, name) in inputs.interfaces.iter().enumerate() {
            commands.push(format!("link add {name} type veth peer name p{index} netns {}", around.name()));
            commands.push(format!("link set {name} up"));
        }
        for (interface, addresses) in &inputs.addresses {
            commands.extend(addresses.iter().map(|address| add_address(address, interface)));
        }
        batch(&node, &lab, &commands)?;
        let up = (0..inputs.interfaces.len()).map(|index| format!("link set p{index} up"));
        batch(&around, &lab, &up.collect::<Vec<_>>())?;
        let routes: Vec<String> =
            inputs.kernel_routes.values().flatten().map(|route| words("add", route)).collect();
        // Some were refused by the recorded kernel, too.
        batch_forced(&node, &lab, &routes)?;
        place_speakers(recording, gateways, &node, &around, &lab)?;

        let speakers = inputs.speakers.values().flatten().map(|input| Speaker::start(&around, input));
        let speakers = speakers.collect();
        let mut node = ClusterNode::new(&node, "node", &[], programs)?;
        let socket = node.file().with_file_name("margayd.sock");
        fs::write(node.file(), file.replace("CONTROL-SOCKET", &socket.display().to_string()))?;
        node.start_daemon()?;
        Ok(Self { speakers, node, _around: around, lab })
    }

    /// Waits until all sessions are up; names those that are not in the end.
    pub(crate) fn await_sessions(&self) -> Result<()> {
        let started = Instant::now();
        let down = || self.speakers.iter().filter(|speaker| !speaker.is_established());
        while down().next().is_some() {
            if started.elapsed() > PATIENCE {
                let names: Vec<&str> = down().map(|speaker| speaker.name.as_str()).collect();
                let peers = self.node.cli("show peers")?;
                anyhow::bail!("no session: {names:?}\n{peers}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Waits until nothing changes any more.
    pub(crate) fn await_silence(&self) -> Result<()> {
        let started = Instant::now();
        let mut seen = Vec::new();
        let mut since = Instant::now();
        while since.elapsed() < STILL || self.speakers.iter().any(|speaker| speaker.silence() < STILL) {
            ensure!(started.elapsed() < PATIENCE, "it does not come to rest");
            let now = self.kernel()?;
            if now != seen {
                (seen, since) = (now, Instant::now());
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        Ok(())
    }

    /// The daemon's routes in the kernel, sorted.
    pub(crate) fn kernel(&self) -> Result<Vec<KernelRow>> {
        let mut rows = Vec::new();
        for family in ["-4", "-6"] {
            let text =
                self.node.namespace().ip_output(&format!("{family} -j route show table main proto 12"))?;
            rows.extend(serde_json::from_str::<Vec<KernelRow>>(&text).with_context(|| text.clone())?);
        }
        rows.sort();
        Ok(rows)
    }

    pub(crate) fn change_kernel(&self, removed: &[InputRoute], added: &[InputRoute]) -> Result<()> {
        let removed = removed.iter().map(|route| words("del", route));
        let added = added.iter().map(|route| words("add", route));
        batch_forced(self.node.namespace(), &self.lab, &removed.chain(added).collect::<Vec<_>>())
    }

    pub(crate) fn cli(&self, words: &str) -> String {
        self.node.cli(words).unwrap_or_else(|error| format!("{error:#}"))
    }
}

/// Gives peers and gateways their addresses, on the far end of the interface that the node's routes to them lead through.
fn place_speakers(
    recording: &Recording,
    gateways: &BTreeSet<IpAddr>,
    node: &Namespace,
    around: &Namespace,
    lab: &Lab,
) -> Result<()> {
    let inputs = &recording.inputs;
    let peers = inputs.speakers.values().flatten().map(|speaker| speaker.ip);
    let addresses: BTreeSet<IpAddr> = peers.chain(gateways.iter().copied()).collect();
    let mut commands = Vec::new();
    for address in addresses {
        let text = node.ip_output(&format!("-j route get {address}"))?;
        let route: Value = serde_json::from_str(&text).with_context(|| text.clone())?;
        let device = route[0]["dev"].as_str().unwrap_or("eth0");
        let index = inputs.interfaces.iter().position(|name| name == device).unwrap_or(0);
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let interface = format!("p{index}");
        commands.push(add_address(&format!("{address}/{bits}"), &interface));
        if let Some(gateway) = route[0]["gateway"].as_str() {
            commands.push(add_address(&format!("{gateway}/{bits}"), &interface));
        }
    }
    for speaker in inputs.speakers.values().flatten() {
        let bits = if speaker.node_ip.is_ipv4() { 32 } else { 128 };
        commands.push(format!("route add {}/{bits} dev p0", speaker.node_ip));
    }
    batch_forced(around, lab, &commands)
}

/// The words of `ip` that give an interface an address, which can be used at once: also where duplicate address
/// detection is off, an IPv6 address without `nodad` is tentative until a worker of the kernel has looked at it.
fn add_address(address: &str, interface: &str) -> String {
    let flag = if address.contains(':') { " nodad" } else { "" };
    format!("address add {address} dev {interface}{flag}")
}

/// The words of `ip` for a route.
fn words(verb: &str, route: &InputRoute) -> String {
    let mut words = vec!["route".to_owned(), verb.to_owned()];
    words.extend(route.kind.clone());
    words.push(route.dst.clone());
    let mut add = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            words.extend([key.to_owned(), value]);
        }
    };
    add("via", route.via.clone());
    add("dev", route.dev.clone());
    add("metric", route.metric.map(|metric| metric.to_string()));
    add("proto", route.proto.clone());
    add("table", route.table.map(|table| table.to_string()));
    if route.onlink {
        words.push("onlink".to_owned());
    }
    for Hop { via, dev } in &route.nexthops {
        words.push(format!("nexthop via {via} dev {dev}"));
    }
    words.join(" ")
}

fn batch(namespace: &Namespace, lab: &Lab, commands: &[String]) -> Result<()> {
    run_batch(namespace, lab, commands, false)
}

/// Goes on after commands that fail.
fn batch_forced(namespace: &Namespace, lab: &Lab, commands: &[String]) -> Result<()> {
    run_batch(namespace, lab, commands, true)
}

fn run_batch(namespace: &Namespace, lab: &Lab, commands: &[String], is_forced: bool) -> Result<()> {
    let path = lab.directory().join("batch");
    // The family follows from the addresses; `ip -batch` wants it said for IPv6 routes without any.
    fs::write(&path, commands.join("\n") + "\n")?;
    let mut command = namespace.command("ip");
    if is_forced {
        command.arg("-force");
    }
    let output = command.arg("-batch").arg(&path).output()?;
    ensure!(is_forced || output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
