//! Prometheus, which reads the metrics of others.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::command::text;
use crate::daemon::Daemon;
use crate::namespace::Namespace;
use crate::packages;

/// A Prometheus in a namespace. It is killed when dropped.
pub struct Prometheus {
    daemon: Daemon,
}

impl Prometheus {
    /// Installs it if it is missing, starts it with a configuration, and waits until it answers.
    ///
    /// # Errors
    ///
    /// It cannot be installed or started, for instance because of errors in the configuration, which are in its
    /// log.
    pub fn start(namespace: &Namespace, configuration: &str) -> Result<Self> {
        packages::install_missing(&[packages::PROMETHEUS, packages::CURL])?;
        namespace.ip("link set lo up")?;
        let mut daemon = Daemon::new(namespace, "prometheus");
        let configuration = daemon.write("yml", configuration)?;
        let data = daemon.path("data");
        fs::create_dir_all(&data).with_context(|| data.display().to_string())?;
        let mut command = namespace.command(packages::PROMETHEUS.program);
        command.arg(format!("--config.file={}", configuration.display()));
        command.arg(format!("--storage.tsdb.path={}", data.display()));
        command.arg(format!("--web.listen-address={ADDRESS}"));
        daemon.start(&mut command)?;
        let namespace = namespace.clone();
        daemon.wait_ready(|| get(&namespace, "/-/ready").is_ok())?;
        Ok(Self { daemon })
    }

    /// The samples that a query results in now, with their labels.
    ///
    /// # Errors
    ///
    /// It does not answer, or the query has an error.
    pub fn query(&self, query: &str) -> Result<Vec<Value>> {
        let answer = self.get(&format!("/api/v1/query?query={}", escaped(query)))?;
        let result = answer["data"]["result"].as_array();
        result.cloned().with_context(|| format!("{query}: {answer}"))
    }

    /// The answer to a request of its API.
    ///
    /// # Errors
    ///
    /// It does not answer with JSON.
    pub fn get(&self, target: &str) -> Result<Value> {
        let answer = get(self.daemon.namespace(), target)?;
        serde_json::from_str(&answer).with_context(|| format!("{target}: {answer}"))
    }
}

/// Checks a file with `promtool`, for instance with `check rules`.
///
/// # Errors
///
/// It finds an error; the text has its output.
pub fn promtool(words: &str, file: &Path) -> Result<String> {
    packages::install_missing(&[packages::PROMETHEUS])?;
    text(crate::command::system("promtool").args(words.split_whitespace()).arg(file))
}

fn get(namespace: &Namespace, target: &str) -> Result<String> {
    let mut curl = namespace.command(packages::CURL.program);
    text(curl.args(["--silent", "--show-error", "--max-time", "10"]).arg(format!("http://{ADDRESS}{target}")))
}

/// Text as the value of a query in a URL.
fn escaped(text: &str) -> String {
    let escape = |octet: u8| {
        if octet.is_ascii_alphanumeric() { char::from(octet).to_string() } else { format!("%{octet:02X}") }
    };
    text.bytes().map(escape).collect()
}

const ADDRESS: &str = "127.0.0.1:9090";
