//! The plugin itself: from variables and standard input to what is printed.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use margay_netlink::netlink_packet_route::RouteNetlinkMessage;
use margay_netlink::netlink_packet_route::link::{LinkAttribute, LinkMessage};
use margay_netlink::{NetworkNamespace, Request as KernelRequest, RequestSocket};
use serde_json::json;

use crate::cni_error::{CniError, code};
use crate::command::Command;
use crate::configuration::NetworkConfiguration;
use crate::environment::Environment;
use crate::exchange::{Reply, Request, SOCKET, spool_folder};
use crate::interface_name::host_interface_name;
use crate::spool::{self, Note, Purpose};
use crate::version::{SUPPORTED, Version};

/// What the program prints, and whether it succeeded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// A person ran the program: a text for them.
    About(String),
    /// What the runtime reads, and whether that is a success.
    Printed {
        /// A result, an error, or nothing.
        output: String,
        /// Whether the request was carried out.
        succeeded: bool,
    },
}

/// Carries a request out.
pub fn run(variables: &BTreeMap<String, String>, input: impl Read) -> Outcome {
    let environment = match Environment::read(|name| variables.get(name).cloned()) {
        Ok(None) => return Outcome::About(about()),
        Ok(Some(environment)) => environment,
        Err(error) => return refused(&error, NEWEST),
    };
    if environment.command == Command::Version {
        return succeeded(version_report());
    }
    let octets = match read_all(input) {
        Ok(octets) => octets,
        Err(error) => return refused(&CniError::new(code::IO, format!("standard input: {error}")), NEWEST),
    };
    let version = version_of(&octets);
    match serve(variables, &environment, &octets) {
        Ok(reply) => Outcome::Printed { output: reply.output, succeeded: reply.succeeded },
        Err(error) => refused(&error, &version),
    }
}

fn serve(
    variables: &BTreeMap<String, String>,
    environment: &Environment,
    octets: &[u8],
) -> Result<Reply, CniError> {
    let configuration = NetworkConfiguration::read(octets, environment.command)?;
    check_namespace(environment)?;
    let request = Request {
        environment: variables.iter().filter(|(name, _)| name.starts_with("CNI_")).map(owned).collect(),
        configuration: String::from_utf8_lossy(octets).into_owned(),
    };
    let socket = PathBuf::from(configuration.agent_socket.as_deref().unwrap_or(SOCKET));
    let patience = Duration::from_secs(configuration.agent_timeout_seconds.unwrap_or(AGENT_TIMEOUT_SECONDS));
    let answered = match environment.command {
        // An agent that is about to start is waited for.
        Command::Add | Command::Check | Command::Gc => ask_within(&socket, &request, patience),
        Command::Del | Command::Status | Command::Version => ask(&socket, &request, patience),
    };
    match (answered, environment.command) {
        (Ok(reply), _) => Ok(reply),
        (Err(error), Command::Del) => detach_alone(environment, &configuration, &socket, &error),
        (Err(error), Command::Status) => Err(CniError::new(
            code::LIMITED,
            format!("the agent does not answer: {}: {error}", socket.display()),
        )),
        (Err(error), _) => {
            let message = format!("the agent does not answer: {}: {error}", socket.display());
            Err(CniError::new(code::TRY_AGAIN, message))
        }
    }
}

/// A container in the plugin's own namespace would change the node itself.
fn check_namespace(environment: &Environment) -> Result<(), CniError> {
    let (Some(path), false) = (&environment.namespace, environment.allows_own_namespace) else {
        return Ok(());
    };
    if environment.command == Command::Del {
        return Ok(());
    }
    let failed = |error: io::Error| CniError::failed(format!("CNI_NETNS {path}: {error}"));
    let namespace = NetworkNamespace::open(Path::new(path)).map_err(failed)?;
    let own = NetworkNamespace::own().map_err(failed)?;
    match namespace.is_same(&own).map_err(failed)? {
        true => {
            Err(CniError::failed(format!("CNI_NETNS {path} is the network namespace of the plugin itself")))
        }
        false => Ok(()),
    }
}

/// Asks the agent, again and again while it is away.
fn ask_within(socket: &Path, request: &Request, patience: Duration) -> io::Result<Reply> {
    let deadline = Instant::now() + patience;
    loop {
        let left = deadline.saturating_duration_since(Instant::now()).max(RETRY);
        match ask(socket, request, left) {
            Err(_) if Instant::now() + RETRY < deadline => std::thread::sleep(RETRY),
            answered => return answered,
        }
    }
}

fn ask(socket: &Path, request: &Request, patience: Duration) -> io::Result<Reply> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    if answer.is_empty() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it ended during the request"));
    }
    serde_json::from_str(&answer).map_err(io::Error::from)
}

/// Detaches a container without the agent: removes the interface, and leaves a note of what the datastore has of it.
fn detach_alone(
    environment: &Environment,
    configuration: &NetworkConfiguration,
    socket: &Path,
    why: &io::Error,
) -> Result<Reply, CniError> {
    let pod = environment.pod().map(|(namespace, pod)| (namespace.to_owned(), pod.to_owned()));
    let note = Note {
        network: configuration.name.clone(),
        container_id: environment.container_id.clone(),
        interface: environment.interface.clone(),
        pod,
        host_interface: None,
    };
    spool::write(&spool_folder(socket), Purpose::Owed, &note).map_err(|error| {
        let message = format!("the agent does not answer ({why}), and what it owes cannot be noted: {error}");
        CniError::new(code::TRY_AGAIN, message)
    })?;
    let name = host_interface_name(PREFIX, environment.pod(), &environment.container_id);
    remove_pair(environment, &name)
        .map_err(|error| CniError::failed(format!("the interface {name} cannot be removed: {error}")))?;
    Ok(Reply { succeeded: true, output: String::new() })
}

/// Removes the veth pair from inside of the container, where its name is certain, or else by the host's end of a container that is not
/// a pod: a pod's interface may belong to its next container already.
fn remove_pair(environment: &Environment, host_interface: &str) -> io::Result<()> {
    if let Some(path) = &environment.namespace {
        return match NetworkNamespace::open(Path::new(path)) {
            Ok(namespace) => namespace.inside(|| remove_link(&environment.interface))?,
            // It is gone, and the pair with it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        };
    }
    match environment.pod() {
        None => remove_link(host_interface),
        Some(_) => Ok(()),
    }
}

fn remove_link(name: &str) -> io::Result<()> {
    let mut message = LinkMessage::default();
    message.attributes.push(LinkAttribute::IfName(name.to_owned()));
    let requests = [KernelRequest::change(RouteNetlinkMessage::DelLink(message))];
    let answers = RequestSocket::open()?.request_all(&requests)?;
    match answers.into_iter().next() {
        Some(Err(refusal)) if refusal.kind != margay_reconcile::RefusalKind::Gone => {
            Err(io::Error::other(refusal.reason))
        }
        _ => Ok(()),
    }
}

fn read_all(mut input: impl Read) -> io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    input.read_to_end(&mut octets).map(|_| octets)
}

/// The version that an answer has, also one to a configuration that is not valid.
fn version_of(octets: &[u8]) -> String {
    let configuration: Option<serde_json::Value> = serde_json::from_slice(octets).ok();
    let version = configuration.as_ref().and_then(|configuration| configuration["cniVersion"].as_str());
    version.filter(|version| !version.is_empty()).unwrap_or(NEWEST).to_owned()
}

fn version_report() -> String {
    let supported: Vec<String> = SUPPORTED.iter().map(Version::to_string).collect();
    json!({"cniVersion": NEWEST, "supportedVersions": supported}).to_string()
}

fn about() -> String {
    let supported: Vec<String> = SUPPORTED.iter().map(Version::to_string).collect();
    format!(
        "margay-cni {}: attaches containers to the cluster's network\nCNI protocol versions supported: {}",
        env!("CARGO_PKG_VERSION"),
        supported.join(", ")
    )
}

fn owned((name, value): (&String, &String)) -> (String, String) {
    (name.clone(), value.clone())
}

fn succeeded(output: String) -> Outcome {
    Outcome::Printed { output, succeeded: true }
}

fn refused(error: &CniError, version: &str) -> Outcome {
    Outcome::Printed { output: error.to_json(version).to_string(), succeeded: false }
}

/// What the names of workloads' interfaces begin with.
const PREFIX: &str = "cali";
const NEWEST: &str = "1.1.0";
/// How long a command waits for the agent, unless the configuration says so. Runtimes give a plugin minutes.
const AGENT_TIMEOUT_SECONDS: u64 = 30;
const RETRY: Duration = Duration::from_millis(100);
