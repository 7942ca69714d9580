//! `[control]`: how operators reach the daemon.

use std::path::PathBuf;

use crate::http::Http;
use crate::path;
use crate::report::Report;
use crate::section::Section;

/// How operators reach the daemon.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Control {
    /// The Unix socket of the control API; `/run/margay/control.sock` by default.
    pub socket: PathBuf,
    /// Read-only access over TCP; `None` by default.
    pub http: Option<Http>,
    /// The Unix socket of BIRD's commands, with the peers that have IPv4 addresses; `None` by default.
    pub bird_socket: Option<PathBuf>,
    /// The same with the peers that have IPv6 addresses.
    pub bird6_socket: Option<PathBuf>,
}

impl Control {
    pub(crate) fn read(mut section: Section<'_>, report: &mut Report<'_>) -> Self {
        let mut socket = |key, example| {
            section.get(key).and_then(|value| value.parsed(example, report, path::parse_absolute))
        };
        let control = socket("socket", "/run/margay/control.sock");
        let bird_socket = socket("bird_socket", "/var/run/calico/bird.ctl");
        let bird6_socket = socket("bird6_socket", "/var/run/calico/bird6.ctl");
        let http = Http::read(&mut section, report);
        section.finish(report);
        Self { socket: control.unwrap_or_else(|| Self::default().socket), http, bird_socket, bird6_socket }
    }
}

impl Default for Control {
    fn default() -> Self {
        Self {
            socket: PathBuf::from("/run/margay/control.sock"),
            http: None,
            bird_socket: None,
            bird6_socket: None,
        }
    }
}
