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
}

impl Control {
    pub(crate) fn read(mut section: Section<'_>, report: &mut Report<'_>) -> Self {
        let socket = section
            .get("socket")
            .and_then(|value| value.parsed("/run/margay/control.sock", report, path::parse_absolute));
        let http = Http::read(&mut section, report);
        section.finish(report);
        Self { socket: socket.unwrap_or_else(|| Self::default().socket), http }
    }
}

impl Default for Control {
    fn default() -> Self {
        Self { socket: PathBuf::from("/run/margay/control.sock"), http: None }
    }
}
