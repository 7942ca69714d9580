//! margay-confd over a large cluster in real etcd: start, changes that concern the node, changes that do not, memory.
//!
//! `cargo bench -p margay-confd --bench scale` needs root, and installs etcd where it is missing.
#![expect(clippy::print_stdout, reason = "it prints a table")]

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use margay_datastore::{Client, DatastoreOptions, Expected, SwapOutcome};
use margay_lab::{ClusterNode, Etcd, EtcdSettings, Lab, Namespace, packages};
use tokio::task::JoinSet;

const NODES: u32 = 5_000;
const PEERS: u32 = 2_000;
/// Changes that are measured one by one.
const CHANGES: u32 = 20;
/// Changes of other nodes, of which the processor time is taken together.
const OTHER_CHANGES: u32 = 2_000;
/// Writes under way at a time.
const WRITERS: usize = 64;
const PATIENCE: Duration = Duration::from_secs(120);

fn main() -> Result<()> {
    // `cargo test --benches` only looks whether it builds.
    if std::env::args().any(|argument| argument == "--test") {
        return Ok(());
    }
    println!("{NODES} nodes, {PEERS} BGPPeers");
    println!("| | a mesh | reflectors |");
    println!("|---|---|---|");
    let columns = [measure(Topology::Mesh)?, measure(Topology::Reflectors)?];
    for (row, name) in ROWS.iter().enumerate() {
        println!("| {name} | {} | {} |", columns[0][row], columns[1][row]);
    }
    Ok(())
}

const ROWS: [&str; 6] = [
    "start to the daemon's reload",
    "change of a peer's node to the reload, median",
    "the longest",
    "processor time of a change that does not concern the node",
    "memory",
    "size of the file",
];

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Topology {
    /// Every node has a session with every other, and 2,000 of them one with a router.
    Mesh,
    /// Nodes have sessions with ten reflectors, and 2,000 of them one with a router.
    Reflectors,
}

fn measure(topology: Topology) -> Result<[String; 6]> {
    packages::install_missing(&[packages::CURL])?;
    let lab = Lab::new()?;
    let segment = lab.segment("rack")?;
    let etcd = Etcd::start(&lab, &segment, &EtcdSettings::default())?;
    let namespace = lab.namespace("node1")?;
    segment.attach(&namespace, "eth0", &["10.99.0.100/24"])?;
    let store = Store { namespace: namespace.clone(), endpoints: etcd.endpoints() };
    store.write((1..=NODES).map(|number| node(number, 0)).chain((1..=PEERS).map(peer)).collect())?;
    let mesh = topology == Topology::Mesh;
    let configuration = format!(r#"{{"nodeToNodeMeshEnabled":{mesh}}}"#);
    let reflectors = r#"{"nodeSelector":"all()","peerSelector":"role == 'reflector'"}"#;
    store.write(vec![
        object("BGPConfiguration", "bgpconfigurations", "default", "", &configuration),
        object("BGPPeer", "bgppeers", "reflectors", "", reflectors),
    ])?;

    let programs =
        Path::new(env!("CARGO_BIN_EXE_margay-confd")).parent().context("a program is in a folder")?;
    let mut confd = ClusterNode::new(&namespace, "node1", &etcd.endpoints(), programs)?;
    let reloads = stand_in(&confd.file().with_file_name("margayd.sock"))?;
    let started = Instant::now();
    confd.start_confd()?;
    let start = next_reload(&reloads, started)?;

    let mut times = Vec::new();
    for change in 1..=CHANGES {
        let changed = Instant::now();
        store.write(vec![node(2, change)])?;
        times.push(next_reload(&reloads, changed)?);
    }
    times.sort();
    let renders = renders(&confd)?;
    let before = confd.confd_cpu_time()?;
    store.write((0..OTHER_CHANGES).map(|number| tunnel(1_000 + number)).collect())?;
    thread::sleep(Duration::from_secs(2));
    let spent = confd.confd_cpu_time()? - before;
    ensure!(self::renders(&confd)? == renders, "it rendered again");
    let file = std::fs::metadata(confd.file())?.len();
    Ok([
        seconds(start),
        seconds(times[times.len() / 2]),
        seconds(times[times.len() - 1]),
        format!("{} us", (spent / OTHER_CHANGES).as_micros()),
        format!("{} MiB", confd.confd_resident_octets()? >> 20),
        format!("{} KiB", file >> 10),
    ])
}

fn renders(confd: &ClusterNode) -> Result<u64> {
    // Not by the client, which a bench does not build.
    let status: serde_json::Value = serde_json::from_str(&confd.confd_get("/v1/status")?)?;
    status["renders"].as_u64().context("a number")
}

fn seconds(time: Duration) -> String {
    format!("{:.0} ms", time.as_secs_f64() * 1e3)
}

/// A node; the number of its change moves its address.
fn node(number: u32, change: u32) -> (String, String) {
    let address = format!("10.{}.{}.{}/8", 1 + change % 100, number / 250, 1 + number % 250);
    let labels = if number % (NODES / 10) == 2 { r#""role":"reflector","# } else { "" };
    let labels = format!(r#"{labels}"rack":"r{}","kubernetes.io/os":"linux""#, number / 40);
    object(
        "Node",
        "nodes",
        &format!("node{number}"),
        &labels,
        &format!(r#"{{"bgp":{{"ipv4Address":"{address}"}}}}"#),
    )
}

/// A node whose tunnel has another address, which is no concern of BGP.
fn tunnel(number: u32) -> (String, String) {
    let (key, value) = node(number, 0);
    (key, value.replacen(r#""spec":{"#, r#""spec":{"ipv4VXLANTunnelAddr":"10.65.0.1","#, 1))
}

fn peer(number: u32) -> (String, String) {
    let spec = format!(
        r#"{{"node":"node{number}","peerIP":"172.16.{}.{}","asNumber":65001}}"#,
        number / 250,
        1 + number % 250
    );
    object("BGPPeer", "bgppeers", &format!("router{number}"), "", &spec)
}

fn object(kind: &str, plural: &str, name: &str, labels: &str, spec: &str) -> (String, String) {
    let value = format!(
        r#"{{"kind":"{kind}","apiVersion":"projectcalico.org/v3","metadata":{{"name":"{name}","labels":{{{labels}}}}},"spec":{spec}}}"#
    );
    (format!("/calico/resources/v3/projectcalico.org/{plural}/{name}"), value)
}

/// Where objects are written to.
struct Store {
    namespace: Namespace,
    endpoints: Vec<String>,
}

impl Store {
    fn write(&self, entries: Vec<(String, String)>) -> Result<()> {
        self.namespace.inside(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(write_all(&self.endpoints, entries))
        })?
    }
}

async fn write_all(endpoints: &[String], entries: Vec<(String, String)>) -> Result<()> {
    let client = Client::new(DatastoreOptions::new(endpoints))?;
    let mut writes = JoinSet::new();
    for (key, value) in entries {
        if writes.len() >= WRITERS {
            writes.join_next().await.context("a write")???;
        }
        let client = client.clone();
        writes.spawn(async move { write(&client, &key, value).await });
    }
    while let Some(done) = writes.join_next().await {
        done??;
    }
    Ok(())
}

async fn write(client: &Client, key: &str, value: String) -> Result<()> {
    let current = client.get(key.as_bytes()).await?;
    let expected = current.map_or(Expected::Absent, |current| Expected::At(current.stamp));
    match client.swap(key.as_bytes(), expected, Some(value.into())).await {
        SwapOutcome::Written(_) => Ok(()),
        other => bail!("{key}: {other:?}"),
    }
}

/// Stands in for the daemon: answers each reload, and says when it came.
fn stand_in(socket: &Path) -> Result<Receiver<Instant>> {
    let listener = UnixListener::bind(socket)?;
    let (sender, receiver) = channel();
    thread::spawn(move || serve(&listener, &sender));
    Ok(receiver)
}

fn serve(listener: &UnixListener, sender: &Sender<Instant>) -> io::Result<()> {
    loop {
        let (mut stream, _) = listener.accept()?;
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut octet = [0];
            stream.read_exact(&mut octet)?;
            request.push(octet[0]);
        }
        if sender.send(Instant::now()).is_err() {
            return Ok(());
        }
        let body = r#"{"errors":[],"changes":[],"needs_restart":[]}"#;
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())?;
    }
}

fn next_reload(reloads: &Receiver<Instant>, since: Instant) -> Result<Duration> {
    let at = reloads.recv_timeout(PATIENCE).context("no reload")?;
    Ok(at.duration_since(since))
}
