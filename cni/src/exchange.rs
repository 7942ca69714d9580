//! What the plugin and the agent say to each other: one request and one reply on a connection, each a line of JSON.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// The socket of the agent, unless the configuration names another.
pub const SOCKET: &str = "/run/margay/cni.sock";

/// A request of a runtime, as the plugin was given it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Request {
    /// The variables whose names begin with `CNI_`.
    pub environment: BTreeMap<String, String>,
    /// The configuration.
    pub configuration: String,
}

/// The agent's reply.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Reply {
    /// Whether the request was carried out.
    pub succeeded: bool,
    /// What is printed: a result, an error, or nothing.
    pub output: String,
}

/// The folder of notes, next to the socket.
#[must_use]
pub fn spool_folder(socket: &Path) -> std::path::PathBuf {
    socket.with_file_name("cni-spool")
}
