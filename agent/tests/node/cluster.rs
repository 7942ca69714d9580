//! A cluster for a test: etcd, nodes with agents, and pods.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use margay_lab::{Etcd, EtcdSettings, Lab, Namespace, Segment};
use serde_json::{Value, json};

pub(crate) const SOON: Duration = Duration::from_secs(10);

pub(crate) struct Cluster {
    pub(crate) etcd: Etcd,
    pub(crate) nodes: Vec<Node>,
    _segment: Segment,
    pub(crate) lab: Lab,
}

/// A node: a namespace with an agent.
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) namespace: Namespace,
    folder: PathBuf,
    endpoints: String,
    agent: Option<Child>,
}

/// What the plugin printed, and whether it succeeded.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) succeeded: bool,
    pub(crate) output: String,
}

/// A request of a runtime.
#[derive(Clone, Debug)]
pub(crate) struct Attach<'a> {
    pub(crate) container: &'a str,
    pub(crate) pod: &'a Namespace,
    pub(crate) interface: &'a str,
    pub(crate) arguments: &'a str,
    /// Keys of the configuration besides the usual ones.
    pub(crate) configuration: Value,
    pub(crate) version: &'a str,
}

impl<'a> Attach<'a> {
    pub(crate) fn new(container: &'a str, pod: &'a Namespace) -> Self {
        Self { container, pod, interface: "eth0", arguments: "", configuration: json!({}), version: "1.0.0" }
    }
}

impl Cluster {
    /// A cluster of nodes `node1` and up with addresses `10.99.0.11` and `fd99::11` and up, all of whose agents run, and pools.
    pub(crate) fn start(nodes: u8, pools: &[(&str, Value)]) -> Result<Self> {
        let mut cluster = Self::new(nodes, pools)?;
        for node in &mut cluster.nodes {
            node.start()?;
        }
        Ok(cluster)
    }

    /// The same without agents.
    pub(crate) fn new(nodes: u8, pools: &[(&str, Value)]) -> Result<Self> {
        let lab = Lab::new()?;
        let segment = lab.segment("rack")?;
        let etcd = Etcd::start(&lab, &segment, &EtcdSettings { members: 1, ..EtcdSettings::default() })?;
        let mut all = Vec::new();
        for number in 1..=nodes {
            let name = format!("node{number}");
            let namespace = lab.namespace(&name)?;
            let addresses = [format!("10.99.0.{}/24", 10 + number), format!("fd99::{}/64", 10 + number)];
            segment.attach(&namespace, "eth0", &[&addresses[0], &addresses[1]])?;
            let folder = lab.directory().join(&name);
            fs::create_dir_all(&folder)?;
            let endpoints = etcd.endpoints().join(",");
            all.push(Node { name, namespace, folder, endpoints, agent: None });
        }
        let cluster = Self { etcd, nodes: all, _segment: segment, lab };
        for (name, spec) in pools {
            cluster.put("IPPool", "ippools", name, spec)?;
        }
        Ok(cluster)
    }

    pub(crate) fn put(&self, kind: &str, plural: &str, name: &str, spec: &Value) -> Result<()> {
        let object = json!({
            "kind": kind, "apiVersion": "projectcalico.org/v3", "metadata": {"name": name}, "spec": spec,
        });
        self.etcd.put(&key(plural, name), &object.to_string())
    }

    /// An object; `null` when there is none.
    pub(crate) fn get(&self, plural: &str, name: &str) -> Result<Value> {
        let text = self.etcd.ctl(&format!("get --print-value-only {}", key(plural, name)))?;
        Ok(serde_json::from_str(&text).unwrap_or_default())
    }

    pub(crate) fn pod(&self, label: &str) -> Result<Namespace> {
        self.lab.namespace(label)
    }

    /// What `margay ipam check` says.
    pub(crate) fn check_addresses(&self) -> Result<String> {
        let node = self.nodes.first().context("a node")?;
        let mut command = node.namespace.command(programs().join("margay"));
        let output = command.args(["ipam", "check"]).env("ETCD_ENDPOINTS", &node.endpoints).output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        Ok(text)
    }

    /// The keys below a prefix.
    pub(crate) fn keys(&self, prefix: &str) -> Result<Vec<String>> {
        let text = self.etcd.ctl(&format!("get --prefix --keys-only {prefix}"))?;
        Ok(text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect())
    }
}

pub(crate) fn key(plural: &str, name: &str) -> String {
    format!("/calico/resources/v3/projectcalico.org/{plural}/{name}")
}

impl Node {
    pub(crate) fn start(&mut self) -> Result<()> {
        self.start_with(&[])
    }

    /// Starts the agent and waits until its socket is there.
    pub(crate) fn start_with(&mut self, arguments: &[&str]) -> Result<()> {
        let log = File::options().create(true).append(true).open(self.log_file())?;
        let mut command = self.namespace.command(env!("CARGO_BIN_EXE_margay-agent"));
        command.args([
            "--node",
            &self.name,
            "--endpoints",
            &self.endpoints,
            "--log",
            "info,margay_agent=debug",
        ]);
        for option in ["--ipv4", "--ipv6"] {
            if !arguments.contains(&option) {
                command.args([option, "interface=eth0"]);
            }
        }
        command.arg("--cni-socket").arg(self.socket()).arg("--endpoint-status").arg(self.endpoint_status());
        command.args(arguments).stderr(log);
        self.agent = Some(command.spawn()?);
        margay_lab::wait_until(SOON, "the agent listens", || {
            let connected = std::os::unix::net::UnixStream::connect(self.socket());
            connected.map(drop).map_err(|error| format!("{error}; its log: {}", self.log()))
        });
        Ok(())
    }

    /// Kills the agent as a fault would.
    pub(crate) fn kill(&mut self) -> Result<()> {
        if let Some(mut agent) = self.agent.take() {
            agent.kill()?;
            agent.wait()?;
        }
        Ok(())
    }

    pub(crate) fn add(&self, attach: &Attach<'_>) -> Result<Answer> {
        self.run("ADD", attach)
    }

    pub(crate) fn del(&self, attach: &Attach<'_>) -> Result<Answer> {
        self.run("DEL", attach)
    }

    /// Runs the plugin.
    pub(crate) fn run(&self, command: &str, attach: &Attach<'_>) -> Result<Answer> {
        self.finish(self.spawn(command, attach)?)
    }

    pub(crate) fn spawn(&self, command: &str, attach: &Attach<'_>) -> Result<Child> {
        let path = format!("/run/netns/{}", attach.pod.name());
        let mut variables = vec![
            ("CNI_COMMAND", command),
            ("CNI_CONTAINERID", attach.container),
            ("CNI_NETNS", path.as_str()),
            ("CNI_IFNAME", attach.interface),
            ("CNI_PATH", "/opt/cni/bin"),
        ];
        if !attach.arguments.is_empty() {
            variables.push(("CNI_ARGS", attach.arguments));
        }
        self.spawn_raw(&variables, &self.configuration(attach).to_string())
    }

    /// The configuration of a request.
    pub(crate) fn configuration(&self, attach: &Attach<'_>) -> Value {
        let mut configuration = json!({
            "cniVersion": attach.version, "name": "net", "type": "margay-cni",
            "agent_socket": self.socket(), "agent_timeout_seconds": 60,
        });
        for (key, value) in attach.configuration.as_object().into_iter().flatten() {
            configuration[key] = value.clone();
        }
        configuration
    }

    pub(crate) fn spawn_raw(&self, variables: &[(&str, &str)], input: &str) -> Result<Child> {
        let mut command = self.namespace.command(programs().join("margay-cni"));
        command.envs(variables.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let mut pipe = child.stdin.take().context("a pipe")?;
        // A plugin that does not read is no fault of the test.
        pipe.write_all(input.as_bytes()).ok();
        Ok(child)
    }

    pub(crate) fn finish(&self, child: Child) -> Result<Answer> {
        let output = child.wait_with_output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok(Answer { succeeded: output.status.success(), output: text })
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.join("cni.sock")
    }

    pub(crate) fn spool(&self) -> PathBuf {
        self.folder.join("cni-spool")
    }

    pub(crate) fn endpoint_status(&self) -> PathBuf {
        self.folder.join("endpoint-status")
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn log_file(&self) -> PathBuf {
        self.folder.join("agent.log")
    }

    /// The links of workloads on this node.
    pub(crate) fn workload_links(&self) -> Result<Vec<String>> {
        let text = self.namespace.ip_output("-o link show")?;
        let name = |line: &str| Some(line.split(": ").nth(1)?.split('@').next()?.to_owned());
        Ok(text.lines().filter_map(name).filter(|name| name.starts_with("cali")).collect())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the end of the log of {}\n{}", self.name, last_lines(&self.log()));
        }
        self.kill().expect("the agent can be killed");
    }
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(60)..].join("\n")
}

impl Answer {
    /// The result of a success.
    pub(crate) fn result(&self) -> Value {
        assert!(self.succeeded, "{}", self.output);
        serde_json::from_str(&self.output).unwrap_or_else(|error| panic!("{error}: {}", self.output))
    }

    /// The addresses of a success, without their lengths.
    pub(crate) fn addresses(&self) -> Vec<String> {
        let result = self.result();
        let texts = result["ips"].as_array().expect("addresses").iter();
        texts
            .map(|ip| ip["address"].as_str().expect("text").split('/').next().expect("one").to_owned())
            .collect()
    }

    /// The error of a failure.
    pub(crate) fn error(&self) -> Value {
        assert!(!self.succeeded, "{}", self.output);
        serde_json::from_str(&self.output).unwrap_or_else(|error| panic!("{error}: {}", self.output))
    }
}

/// The folder with all programs; what is missing in it is built, once.
fn programs() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let agent = Path::new(env!("CARGO_BIN_EXE_margay-agent"));
        let folder = agent.parent().expect("a program is in a folder").to_path_buf();
        let target = folder.parent().expect("the folder is in the target folder").to_path_buf();
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "-p", "margay-cni", "-p", "margay-cli", "--target-dir"]).arg(target);
        assert!(build.status().expect("cargo runs").success(), "the plugin cannot be built");
        folder
    })
}
