//! `margay tech-support`: what a report of a bug needs, in one file and without secrets.

mod redaction;

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use margay_control::{ConfigurationFiles, Peers, Request, path};
use serde_json::Value;

use self::redaction::without_secrets;
use crate::client::{Client, ClientError, understand};
use crate::run_error::RunError;

/// Collects the daemon's state and that of the system into a compressed archive, and prints what is in it.
///
/// Something that cannot be read is noted in `missing.txt`, and does not end the collection: a daemon in trouble is what this is for.
pub(crate) fn collect(client: &Client, file: &Path, out: &mut impl Write) -> Result<(), RunError> {
    let unwritable = |error| RunError::Unwritable { file: file.to_owned(), error };
    let mut archive = Archive::create(file).map_err(unwritable)?;
    let mut missing = String::new();
    for (name, content) in daemon_files(client).into_iter().chain(system_files()) {
        match content {
            Ok(content) => archive.add(&name, &content).map_err(unwritable)?,
            Err(reason) => missing += &format!("{name}: {reason}\n"),
        }
    }
    if !missing.is_empty() {
        archive.add("missing.txt", missing.as_bytes()).map_err(unwritable)?;
    }
    for name in archive.finish().map_err(unwritable)? {
        writeln!(out, "{name}")?;
    }
    writeln!(
        out,
        "\nwritten to {}; passwords and tokens are not in it, addresses and names are",
        file.display()
    )?;
    Ok(())
}

/// A file of the archive, or why there is none.
type Entry = (String, Result<Vec<u8>, String>);

fn daemon_files(client: &Client) -> Vec<Entry> {
    let ask = |request: &Request| client.ask(request).map_err(|error| error.to_string());
    let pretty = |answer: Value| format!("{answer:#}\n").into_bytes();
    let mut files: Vec<Entry> = [
        ("status", Request::Status),
        ("peers", Request::Peers),
        ("groups", Request::Groups),
        ("kernel", Request::Kernel),
        ("bfd", Request::Bfd),
        ("turns", Request::Turns),
        ("log", Request::Log),
    ]
    .into_iter()
    .map(|(name, request)| (format!("daemon/{name}.json"), ask(&request).map(pretty)))
    .collect();
    let metrics = client.get_text(path::METRICS).map(String::into_bytes).map_err(|error| error.to_string());
    files.push(("daemon/metrics.txt".to_owned(), metrics));
    let peers = client.ask(&Request::Peers).and_then(understand::<Peers>);
    for peer in peers.map(|peers| peers.peers).unwrap_or_default().into_iter().take(MOST_PEERS) {
        let detail = ask(&Request::Peer { name: peer.name.clone() }).map(pretty);
        files.push((format!("daemon/peers/{}.json", file_name(&peer.name)), detail));
    }
    match configuration(client) {
        Ok(configuration) => files.extend(configuration),
        Err(error) => files.push(("configuration".to_owned(), Err(error.to_string()))),
    }
    files
}

/// The files of the configuration, numbered in the order in which they were read.
fn configuration(client: &Client) -> Result<Vec<Entry>, ClientError> {
    let files: ConfigurationFiles = understand(client.ask(&Request::Configuration)?)?;
    let entry = |(number, file): (usize, &margay_control::ConfigurationFile)| {
        let name = file.name.rsplit('/').next().unwrap_or_default();
        let text = format!("# {}\n{}", file.name, without_secrets(&file.text));
        (format!("configuration/{number}-{}", file_name(name)), Ok(text.into_bytes()))
    };
    Ok(files.files.iter().enumerate().map(entry).collect())
}

fn system_files() -> Vec<Entry> {
    let read = |path: &str| std::fs::read(path).map_err(|error| error.to_string());
    let files = ["version", "loadavg", "meminfo", "net/snmp", "net/netstat", "sys/net/core/optmem_max"]
        .map(|file| (format!("system/{}.txt", file_name(file)), read(&format!("/proc/{file}"))));
    let commands: [(&str, &[&str]); 5] = [
        ("ip-link", &["ip", "-statistics", "link"]),
        ("ip-address", &["ip", "address"]),
        ("ip-rule", &["ip", "rule"]),
        ("sockets", &["ss", "--tcp", "--numeric", "--info", "--memory"]),
        ("journal", &["journalctl", "--unit=margay", "--lines=5000", "--no-pager"]),
    ];
    let commands = commands.map(|(name, words)| (format!("system/{name}.txt"), run(words)));
    files.into_iter().chain(commands).collect()
}

fn run(words: &[&str]) -> Result<Vec<u8>, String> {
    let output = Command::new(words[0]).args(&words[1..]).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{}: {error}", words[0]))?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }
}

/// A name of characters that every file system takes.
fn file_name(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let plain: String = name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    // "." and ".." are folders.
    if plain.chars().all(|c| c == '.') { format!("_{plain}") } else { plain }
}

/// The archive that is being written: tar, compressed with zstd.
struct Archive {
    tar: tar::Builder<zstd::Encoder<'static, File>>,
    names: Vec<String>,
    time: u64,
}

impl Archive {
    fn create(file: &Path) -> io::Result<Self> {
        // What the report shows of the network is not for every user of this host.
        let options = &mut File::options();
        std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
        let file = options.write(true).create_new(true).open(file)?;
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        Ok(Self { tar: tar::Builder::new(zstd::Encoder::new(file, 0)?), names: Vec::new(), time })
    }

    fn add(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(self.time);
        self.tar.append_data(&mut header, format!("margay-tech-support/{name}"), content)?;
        self.names.push(name.to_owned());
        Ok(())
    }

    fn finish(self) -> io::Result<Vec<String>> {
        self.tar.into_inner()?.finish()?.sync_all()?;
        Ok(self.names)
    }
}

/// Peers that are described one by one.
const MOST_PEERS: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_peers_are_names_of_files() {
        for (name, expected) in [
            ("tor-1.rack", "tor-1.rack"),
            ("2001:db8::1", "2001_db8__1"),
            ("../etc", ".._etc"),
            ("..", "_.."),
        ] {
            assert_eq!(file_name(name), expected);
        }
    }
}
